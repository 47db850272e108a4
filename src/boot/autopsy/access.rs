//! Paths that a program named, against the image's tree: who may do what with them, and what is
//! hidden.

use super::Scene;
use crate::image::start::is_below;
use crate::image::{Access, Denied, Lookup};

/// Where the platform mounts an empty file system.
const TMP: &str = "/tmp";

/// Where a path lies in the image's `/tmp`: what is so, and what to change.
pub(super) fn hidden_by_tmp(path: &str, scene: &Scene<'_>) -> Option<(String, String)> {
    let Lookup::Found { path: place, .. } = scene.tree.lookup(path, &scene.plan.working_dir) else {
        return None;
    };
    if place == TMP || !is_below(&place, TMP) {
        return None;
    }
    let name = place.rsplit('/').next().unwrap_or_default();
    let what = format!("the image has `{place}`, and the platform mounts an empty /tmp over it");
    Some((
        what,
        format!("COPY {name} /opt/{name}    # and name it there: /tmp is empty at each start"),
    ))
}

/// The component of a path that refuses the image's user.
pub(super) fn refusing(path: &str, scene: &Scene<'_>) -> Option<Denied> {
    let (cwd, user) = (&scene.plan.working_dir, &scene.plan.user);
    let ask = |path: &str, access| match scene.tree.access(path, cwd, user, access) {
        Err(denied @ Denied::Refused { .. }) => Some(denied),
        _ => None,
    };
    let parent = || {
        let parent = path.trim_end_matches('/').rsplit_once('/').map_or(".", |(parent, _)| parent);
        ask(if parent.is_empty() { "/" } else { parent }, Access::Write)
    };
    let there = matches!(scene.tree.lookup(path, cwd), Lookup::Found { .. });
    // What is there was to be read, more often than written; what is not there, to be made.
    let own = ask(path, Access::Read).or_else(|| ask(path, Access::Write));
    if there { own } else { own.or_else(parent) }
}
