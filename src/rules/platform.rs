//! M002: the image is built for the platform's machines.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;

pub(super) const RULE: Rule = Rule {
    id: "M002",
    severity: Severity::Error,
    title: "platform is linux/amd64",
    clause: "cpu-architecture",
    why: "SCF runs functions on x86-64 machines. An image for another architecture is accepted by \
          the registry and dies at its first start with `exec format error`.",
    fix: "docker build --platform linux/amd64 …",
    proof: Proof { breaks: "m002-arm64", keeps: "m002-index-with-amd64" },
    look: Look::Manifest(look),
};

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let wanted = function.contract.platform.as_str();
    let named =
        |platform: &str| if platform == "/" { "none".to_owned() } else { platform.to_owned() };
    if let Some(index) = &image.index {
        let images = || index.entries.iter().filter(|entry| !entry.attestation);
        let has_it = images().any(|entry| {
            entry.platform.as_deref().is_none_or(|platform| matches(platform, wanted))
        });
        if !has_it {
            let have: Vec<&str> = images().filter_map(|entry| entry.platform.as_deref()).collect();
            let have = if have.is_empty() { "no image at all".to_owned() } else { have.join(", ") };
            found.fail(format!("the index has {have}, and no {wanted}"));
            return;
        }
    }
    let platform = named(&image.config.platform);
    if matches(&platform, wanted) {
        found.pass(platform);
    } else {
        found.fail(format!("the config's platform is {platform}, not {wanted}"));
    }
}

/// Whether a platform is the wanted one, in any variant.
fn matches(platform: &str, wanted: &str) -> bool {
    platform.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
