//! R001: the reference names a registry of the platform, by its rules.

use oci_spec::distribution::Reference as Name;

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;
use crate::oci::Transport;

pub(super) const RULE: Rule = Rule {
    id: "R001",
    severity: Severity::Warning,
    title: "reference names a TCR registry and keeps its naming rules",
    clause: "registry",
    why: "SCF pulls from Tencent Container Registry only, Personal or Enterprise. An image anywhere \
          else has to be copied there before a function can use it. A Personal registry serves \
          one region, or the mainland; with --region, another region's is told. A domain of \
          one's own before an Enterprise registry cannot be told from any other host: give its \
          own name, or waive the rule.",
    fix: "docker tag … ccr.ccs.tencentyun.com/<namespace>/<name>:<tag>, and push that",
    proof: Proof { breaks: "r001-other-registry", keeps: "r001-tcr-enterprise" },
    look: Look::Manifest(look),
};

/// The registry that a name without a host means.
const DEFAULT_REGISTRY: &str = "docker.io";

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let explicit = matches!(image.reference.transport, Transport::Registry(_));
    let Some(name) = image.reference.name() else {
        found.skip("not a registry's name");
        return;
    };
    if name.registry() == DEFAULT_REGISTRY && !explicit {
        found.skip("a local name; the name it is pushed under was not given");
        return;
    }
    let registries = &function.contract.registries;
    let host = name.registry();
    let problem = if let Some(regions) = registries.regions_of(host) {
        match (personal(&name), elsewhere(host, regions, function)) {
            (Some(problem), _) => Some(problem),
            (None, Ok(seen)) => {
                found.pass(seen);
                return;
            }
            (None, Err((problem, fix))) => {
                found.fail(problem).fix(fix);
                return;
            }
        }
    } else if registries.is_enterprise(host) {
        enterprise(&name)
    } else {
        found.fail(format!("{host} is not a registry that the platform pulls from"));
        return;
    };
    match problem {
        None => found.pass(host),
        Some(problem) => found
            .fail(format!("`{}`: {problem}", name.repository()))
            .fix("rename namespace or repository by the registry's rules"),
    };
}

/// Whether a Personal registry is that of the function's region, where one was named; if not,
/// the problem and its fix. Of a region that is not in the table nothing can be said.
fn elsewhere(
    host: &str,
    regions: &[String],
    function: &Function,
) -> Result<String, (String, String)> {
    let Some(region) = &function.region else { return Ok(host.to_owned()) };
    match function.contract.registries.personal_host_of(region) {
        Some(own) if own != host => {
            let of = match regions {
                [] => " is".to_owned(),
                [one] => format!(" is the registry of {one}, and"),
                [first, ..] => format!(" is the registry of {first} and its neighbours, and"),
            };
            Err((
                format!("{host}{of} not that of the function's region {region}"),
                format!("push the image to {own}, or make the function in another region"),
            ))
        }
        Some(_) => Ok(format!("{host}, the registry of {region}")),
        None => Ok(format!("{host}; which registry {region} has is not known")),
    }
}

fn personal(name: &Name) -> Option<String> {
    let mut parts = name.repository().split('/');
    let (Some(namespace), Some(repository), None) = (parts.next(), parts.next(), parts.next())
    else {
        return Some("a Personal registry has exactly <namespace>/<repository>".to_owned());
    };
    part(namespace, "namespace", 30, Doubled::Allowed)
        .or_else(|| part(repository, "repository", 200, Doubled::Allowed))
}

fn enterprise(name: &Name) -> Option<String> {
    let Some((namespace, repository)) = name.repository().split_once('/') else {
        return Some("an Enterprise registry has <namespace>/<repository>".to_owned());
    };
    if !(2..=200).contains(&repository.len()) {
        return Some(format!("the repository has {} characters, not 2 to 200", repository.len()));
    }
    let levels = |level| part(level, "repository", 200, Doubled::Refused);
    if namespace.len() < 2 {
        return Some("the namespace has 1 character, not 2 to 30".to_owned());
    }
    part(namespace, "namespace", 30, Doubled::Refused)
        .or_else(|| repository.split('/').find_map(levels))
}

#[derive(Clone, Copy, PartialEq)]
enum Doubled {
    Allowed,
    Refused,
}

fn part(text: &str, what: &str, longest: usize, doubled: Doubled) -> Option<String> {
    let separator = |byte: u8| matches!(byte, b'.' | b'_' | b'-');
    let bytes = text.as_bytes();
    let known = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || separator(*byte);
    if bytes.len() > longest {
        Some(format!("the {what} has {} characters, more than {longest}", bytes.len()))
    } else if !bytes.iter().all(known) {
        Some(format!("the {what} may hold lower-case letters, digits and . _ - only"))
    } else if bytes.first().is_none_or(|byte| separator(*byte))
        || bytes.last().is_none_or(|byte| separator(*byte))
    {
        Some(format!("the {what} may not begin or end with a separator"))
    } else if doubled == Doubled::Refused
        && bytes.windows(2).any(|pair| separator(pair[0]) && separator(pair[1]))
    {
        Some(format!("the {what} may not have two separators in a row"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&Name) -> Option<String>, name: &str, fine: bool) {
        let parsed: Name = name.parse().expect("a name");
        assert_eq!(rule(&parsed).is_none(), fine, "{name}: {:?}", rule(&parsed));
    }

    #[test]
    fn personal_names_have_one_level() {
        check(personal, "ccr.ccs.tencentyun.com/team/app:v1", true);
        check(personal, "ccr.ccs.tencentyun.com/team/my-app_2.x:v1", true);
        check(personal, "ccr.ccs.tencentyun.com/team/front/app:v1", false);
        check(personal, "ccr.ccs.tencentyun.com/app:v1", false);
    }

    #[test]
    fn a_personal_registry_is_that_of_its_region() {
        let told = |host: &str, region: &str| {
            let region = (!region.is_empty()).then(|| region.to_owned());
            let function = Function { region, ..Function::default() };
            let regions = function.contract.registries.regions_of(host).expect("is Personal");
            elsewhere(host, regions, &function)
        };
        let (mainland, hongkong) = ("ccr.ccs.tencentyun.com", "hkccr.ccs.tencentyun.com");
        for (host, region, fine) in [
            (mainland, "", true),
            (mainland, "ap-guangzhou", true),
            (mainland, "ap-chengdu", true),
            (mainland, "eu-frankfurt", false),
            (mainland, "ap-shanghai-fsi", false),
            (hongkong, "ap-hongkong", true),
            (hongkong, "ap-guangzhou", false),
            // Of a region that nobody has told us of, nothing is known.
            (hongkong, "ap-somewhere", true),
            ("shadcccr.ccs.tencentyun.com", "ap-hongkong", false),
        ] {
            assert_eq!(told(host, region).is_ok(), fine, "{host} {region}");
        }
    }

    #[test]
    fn enterprise_names_have_levels() {
        check(enterprise, "mine.tencentcloudcr.com/team-01/front/nginx:v1", true);
        check(enterprise, "mine.tencentcloudcr.com/team/app:v1", true);
        check(enterprise, "mine.tencentcloudcr.com/team/a__b:v1", false);
        check(enterprise, "mine.tencentcloudcr.com/t/app:v1", false);
        check(enterprise, "mine.tencentcloudcr.com/app:v1", false);
    }
}
