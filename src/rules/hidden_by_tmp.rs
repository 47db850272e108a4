//! F004: nothing that the start needs lies where the platform mounts its own `/tmp`.

use std::collections::BTreeSet;

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::start::is_below;
use crate::image::{Image, Kind, Lookup, NodeId};
use crate::plan::{Plan, RootMode};

pub(super) const RULE: Rule = Rule {
    id: "F004",
    severity: Severity::Warning,
    title: "nothing that the start needs lies in the image's /tmp",
    clause: "tmp-covered",
    why: "The platform covers /tmp with an empty one when it starts the container. Files that lie \
          there in the image are gone, and a start that needs them ends with 405.",
    fix: "COPY the files elsewhere, such as /app, and name them there",
    proof: Proof { breaks: "f004-config-in-tmp", keeps: "f004-unused-file-in-tmp" },
    look: Look::Image(look),
};

const TMP: &str = "/tmp";

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let Ok(plan) = Plan::new(image, function, RootMode::Writable, Vec::new()) else {
        return found.skip("there is no command that could be looked at (M007, F001)");
    };
    let Lookup::Found { path: tmp, .. } = image.tree.lookup(TMP, "/") else {
        found.pass("the image has no /tmp");
        return;
    };
    let mut hidden: BTreeSet<String> = BTreeSet::new();
    let start = plan.start(image);
    hidden.extend(start.below(&tmp).map(|needed| needed.path.clone()));
    let words = plan.argv.iter().chain(plan.env.iter().map(|(_, value)| value));
    for path in words.flat_map(|word| paths(word)) {
        if let Some(path) = below(image, path, &plan.working_dir, &tmp) {
            hidden.insert(path);
        }
    }
    hidden.extend(below(image, &plan.working_dir, "/", &tmp));
    let Some(first) = hidden.first() else {
        found.pass("");
        return;
    };
    found.fail(format!("`{first}` will be hidden by the platform's own /tmp"));
    for path in hidden.iter().skip(1) {
        found.evidence(format!("so will `{path}`"));
    }
}

/// The paths that a word of the command line or of the environment may hold: itself, what
/// follows `=`, and the parts of a search path.
fn paths(word: &str) -> impl Iterator<Item = &str> {
    word.split(['=', ':', ',', ' ', ';', '\'', '"']).filter(|part| part.contains('/'))
}

/// The canonical path of something that the image has below its `/tmp`. The directory itself
/// is there on the platform too, and so is nothing in it that the image does not have.
fn below(image: &Image, path: &str, working_dir: &str, tmp: &str) -> Option<String> {
    let Lookup::Found { node, path } = image.tree.lookup(path, working_dir) else { return None };
    let inside = is_below(&path, tmp) && path != tmp;
    (inside && !is_empty_directory(image, node)).then_some(path)
}

fn is_empty_directory(image: &Image, node: NodeId) -> bool {
    matches!(image.tree.node(node).kind, Kind::Directory)
        && image.tree.children(node).next().is_none()
}
