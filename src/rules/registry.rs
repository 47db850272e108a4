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
          else has to be copied there before a function can use it.",
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
    let problem = if registries.is_personal(host) {
        personal(&name)
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
    fn enterprise_names_have_levels() {
        check(enterprise, "mine.tencentcloudcr.com/team-01/front/nginx:v1", true);
        check(enterprise, "mine.tencentcloudcr.com/team/app:v1", true);
        check(enterprise, "mine.tencentcloudcr.com/team/a__b:v1", false);
        check(enterprise, "mine.tencentcloudcr.com/t/app:v1", false);
        check(enterprise, "mine.tencentcloudcr.com/app:v1", false);
    }
}
