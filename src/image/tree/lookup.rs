//! Paths inside the image's root, all symbolic links followed.

use super::{Kind, Lookup, NodeId, Tree};

/// Links that a path may go through, as the kernel counts them.
const MOST_LINKS: usize = 40;

impl Tree {
    /// Where a path leads. A relative one begins at `cwd`.
    #[must_use]
    pub fn lookup(&self, path: &str, cwd: &str) -> Lookup {
        self.follow(path, cwd, &mut |_, _| {})
    }

    /// Follows a path and tells every directory that is passed through, and the way to it.
    pub(super) fn follow<'a>(
        &'a self,
        path: &'a str,
        cwd: &'a str,
        passed: &mut dyn FnMut(NodeId, &Way<'a>),
    ) -> Lookup {
        let mut way = Way::root(self);
        let start = if path.starts_with('/') { "" } else { cwd };
        // What is still to be walked, last component first.
        let mut ahead: Vec<&str> = components(path).rev().collect();
        ahead.extend(components(start).rev());
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            let here = way.node();
            if !matches!(self.node(here).kind, Kind::Directory) {
                return Lookup::NotDirectory(way.path());
            }
            passed(here, &way);
            if name == ".." {
                way.up();
                continue;
            }
            let Some(child) = self.child(here, name) else {
                way.names.push(name);
                return Lookup::Missing(way.path());
            };
            if let Kind::Symlink { target } = &self.node(child).kind {
                links += 1;
                if links > MOST_LINKS {
                    return Lookup::Loop(path.to_owned());
                }
                if target.starts_with('/') {
                    way = Way::root(self);
                }
                ahead.extend(components(target).rev());
            } else {
                way.nodes.push(child);
                way.names.push(name);
            }
        }
        let wants_directory = path.ends_with('/');
        if wants_directory && !matches!(self.node(way.node()).kind, Kind::Directory) {
            return Lookup::NotDirectory(way.path());
        }
        Lookup::Found { node: way.node(), path: way.path() }
    }

    /// Canonical path and node of what a path names itself: its last component is not
    /// followed. `None` where nothing is there.
    pub(crate) fn place(&self, path: &str) -> Option<(String, NodeId)> {
        let (directory, name) = split_last(path)?;
        let Lookup::Found { node, path } = self.lookup(directory, "/") else { return None };
        let child = self.child(node, name)?;
        Some((format!("{}/{name}", path.trim_end_matches('/')), child))
    }
}

/// From the root to where a walk has come.
pub(super) struct Way<'a> {
    nodes: Vec<NodeId>,
    names: Vec<&'a str>,
}

impl<'a> Way<'a> {
    fn root(tree: &Tree) -> Way<'a> {
        Way { nodes: vec![tree.root()], names: Vec::new() }
    }

    fn node(&self) -> NodeId {
        self.nodes[self.nodes.len() - 1]
    }

    /// Above the root is the root.
    fn up(&mut self) {
        if self.names.pop().is_some() {
            self.nodes.pop();
        }
    }

    pub(super) fn path(&self) -> String {
        if self.names.is_empty() { "/".to_owned() } else { format!("/{}", self.names.join("/")) }
    }
}

/// The components of a path that lead anywhere.
pub(super) fn components(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

/// What stands before the last component, and that; `None` for the root itself.
pub(super) fn split_last(mut path: &str) -> Option<(&str, &str)> {
    loop {
        path = path.trim_end_matches('/');
        match path.strip_suffix("/.") {
            Some(before) => path = before,
            None => break,
        }
    }
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    (!name.is_empty() && name != ".").then_some((directory, name))
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree;
    use super::*;

    #[track_caller]
    fn check(path: &str, cwd: &str, expected: &str) {
        let tree = tree(&[&[
            "d:usr/lib",
            "s:lib>usr/lib",
            "f:usr/lib/a",
            "s:up>../../usr",
            "s:abs>/usr/./lib/",
            "s:self>self",
            "s:x>y",
            "s:y>x",
            "s:gone>nowhere/at/all",
            "s:file>usr/lib/a",
        ]]);
        let found = match tree.lookup(path, cwd) {
            Lookup::Found { path, .. } => path,
            Lookup::Missing(path) => format!("no {path}"),
            Lookup::NotDirectory(path) => format!("{path} no directory"),
            Lookup::Loop(path) => format!("{path} loops"),
        };
        assert_eq!(found, expected, "{path} in {cwd}");
    }

    #[test]
    fn paths_lead_where_the_kernel_goes() {
        check("/", "/", "/");
        check("", "/usr", "/usr");
        check("lib/a", "/", "/usr/lib/a");
        check("a", "/lib", "/usr/lib/a");
        check("../a", "usr/lib/../lib/x", "no /usr/lib/x");
        check("../../../..//usr/./lib", "/usr", "/usr/lib");
        check("up/lib/a", "/", "/usr/lib/a");
        check("abs/a", "/", "/usr/lib/a");
        // The parent of where a link leads, and not of the link.
        check("lib/../lib/a", "/", "/usr/lib/a");
        check("self", "/", "self loops");
        check("x/a", "/", "x/a loops");
        check("gone", "/", "no /nowhere");
        check("usr/lib/b", "/", "no /usr/lib/b");
        check("usr/lib/a/b", "/", "/usr/lib/a no directory");
        check("usr/lib/a/..", "/", "/usr/lib/a no directory");
        check("file/", "/", "/usr/lib/a no directory");
        check("file", "/", "/usr/lib/a");
    }
}
