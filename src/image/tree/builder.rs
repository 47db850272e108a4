//! Layers put on top of each other: what each adds, replaces and hides.

use std::collections::HashSet;

use super::lookup::{components, split_last};
use super::{EntryId, Kind, Lookup, Node, NodeId, Tree};

/// Bytes that nodes, names and what is known of files may take: enough for a million files, a
/// bound against images made to use up the memory.
const MOST_BYTES: usize = 256 << 20;
/// Bytes of small files that are kept whole.
const MOST_CONTENT: usize = 16 << 20;
/// What the kernel takes for a path, without the zero at its end.
const LONGEST_PATH: usize = 4095;
/// What file systems take for a name.
const LONGEST_NAME: usize = 255;
/// Names of whiteouts begin so.
const WHITEOUT: &str = ".wh.";
/// The whiteout that hides all that lower layers have in a directory.
const OPAQUE: &str = ".wh..wh..opq";
/// A file system's own notes, which once were left in layers.
const NOTES: &str = ".wh..wh.";

/// Builds a tree, base layer first.
#[derive(Debug, Default)]
pub(in crate::image) struct Builder {
    tree: Tree,
    layer: usize,
    bytes: usize,
    content: usize,
    /// The directory of the last entry, as it was written there: most entries lie beside the
    /// one before them.
    last: Option<(String, Place)>,
    /// Directories that nothing of lower layers is in any more.
    cleared: HashSet<NodeId>,
}

/// A directory, and the length of its canonical path.
#[derive(Clone, Copy, Debug)]
struct Place {
    node: NodeId,
    length: usize,
}

/// One entry of a layer, as its tar header describes it.
#[derive(Debug)]
pub(in crate::image) struct Entry {
    pub(in crate::image) kind: Kind,
    pub(in crate::image) mode: u32,
    pub(in crate::image) uid: u32,
    pub(in crate::image) gid: u32,
    /// The bytes, where they are kept.
    pub(in crate::image) content: Option<Vec<u8>>,
    /// Where the bytes are.
    pub(in crate::image) source: EntryId,
}

impl Entry {
    /// A directory that no entry describes.
    fn implied() -> Entry {
        let (kind, source) = (Kind::Directory, EntryId::default());
        Entry { kind, mode: 0o755, uid: 0, gid: 0, content: None, source }
    }
}

impl Builder {
    /// What follows belongs to the next layer.
    pub(in crate::image) fn next_layer(&mut self, layer: usize) {
        self.layer = layer;
        self.last = None;
        self.cleared.clear();
    }

    pub(in crate::image) fn finish(self) -> Tree {
        self.tree
    }

    /// Adds an entry; whiteouts hide what lower layers have. `Err` says what is odd about it.
    pub(in crate::image) fn add(&mut self, path: &str, entry: Entry) -> Result<(), String> {
        let Some((directory, name)) = split(path)? else {
            let root = &mut self.tree.nodes[0];
            (root.mode, root.uid, root.gid) = (entry.mode & 0o7777, entry.uid, entry.gid);
            return Ok(());
        };
        if let Kind::Symlink { target } = &entry.kind
            && (target.is_empty() || target.len() > LONGEST_PATH || target.contains('\0'))
        {
            return Err(format!("`{path}` is a symbolic link to {} bytes", target.len()));
        }
        if name != OPAQUE && components(path).any(|part| part.starts_with(NOTES)) {
            return Ok(());
        }
        let directory = self.directory(directory)?;
        if name == OPAQUE {
            self.clear(directory.node);
        } else if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            self.whiteout(directory.node, hidden);
        } else {
            self.put(directory, name, entry)?;
        }
        Ok(())
    }

    /// Adds a hard link: the same file under one more name.
    pub(in crate::image) fn link(&mut self, path: &str, target: &str) -> Result<(), String> {
        let Some((_, id)) = self.tree.place(target) else {
            return Err(format!("`{path}` is a hard link to `{target}`, which is not there"));
        };
        let Node { kind, mode, uid, gid, .. } = self.tree.node(id).clone();
        if kind == Kind::Directory {
            return Err(format!("`{path}` is a hard link to `{target}`, which is a directory"));
        }
        let content = self.tree.contents.get(&id).cloned();
        let source = self.tree.source(id);
        self.add(path, Entry { kind, mode, uid, gid, content, source })
    }

    /// The directory at a path, links followed; made where it is not there.
    fn directory(&mut self, path: &str) -> Result<Place, String> {
        if let Some((last, place)) = &self.last
            && last == path
        {
            return Ok(*place);
        }
        let mut at = Place { node: self.tree.root(), length: 0 };
        let mut canonical = String::new();
        for name in components(path) {
            let next = format!("{canonical}/{name}");
            (at.node, canonical) = match self.leads_to(&next)? {
                Lookup::Found { node, path } if self.is_directory(node) => (node, path),
                // A file, or links in a circle, in the way: the layer means a directory.
                _ => (self.put(at, name, Entry::implied())?, next),
            };
            canonical.truncate(canonical.trim_end_matches('/').len());
            at.length = canonical.len();
        }
        self.last = Some((path.to_owned(), at));
        Ok(at)
    }

    /// Where a path leads. The directories that a link in its place leads to are made.
    fn leads_to(&mut self, path: &str) -> Result<Lookup, String> {
        loop {
            let found = self.tree.lookup(path, "/");
            let Lookup::Missing(missing) = &found else { return Ok(found) };
            let Some((parent, name)) = split_last(missing).filter(|_| missing != path) else {
                return Ok(found);
            };
            let Lookup::Found { node, path: parent } = self.tree.lookup(parent, "/") else {
                return Ok(found);
            };
            let length = parent.trim_end_matches('/').len();
            self.put(Place { node, length }, name, Entry::implied())?;
        }
    }

    fn is_directory(&self, id: NodeId) -> bool {
        matches!(self.tree.node(id).kind, Kind::Directory)
    }

    fn put(&mut self, directory: Place, name: &str, entry: Entry) -> Result<NodeId, String> {
        if directory.length + 1 + name.len() > LONGEST_PATH {
            return Err(format!("the path of `{name}` is longer than {LONGEST_PATH} bytes"));
        }
        let Entry { kind, mode, uid, gid, content, source } = entry;
        let node = Node { kind, mode: mode & 0o7777, uid, gid, layer: self.layer };
        if let Some(old) = self.tree.child(directory.node, name) {
            if self.is_directory(old) && matches!(node.kind, Kind::Directory) {
                self.tree.nodes[old.0 as usize] = node;
                return Ok(old);
            }
            self.forget(old);
        }
        self.bytes += cost(&node, name);
        if self.bytes > MOST_BYTES {
            return Err(format!("its names and headers take more than {MOST_BYTES} bytes"));
        }
        let id = u32::try_from(self.tree.nodes.len()).map(NodeId).map_err(|why| why.to_string())?;
        self.tree.nodes.push(node);
        self.tree.sources.push(source);
        self.tree.entries.entry(directory.node).or_default().insert(name.into(), id);
        if let Some(content) = content
            && self.content + content.len() <= MOST_CONTENT
        {
            self.content += content.len();
            self.tree.contents.insert(id, content);
        }
        Ok(id)
    }

    fn whiteout(&mut self, directory: NodeId, name: &str) {
        let Some(hidden) = self.tree.child(directory, name) else { return };
        self.clear(hidden);
        self.drop_lower(directory, name, hidden);
    }

    /// Hides what lower layers have in a directory, wherever in the layer that is said.
    fn clear(&mut self, directory: NodeId) {
        if !self.cleared.insert(directory) {
            return;
        }
        // Directories before what they hold.
        let mut below = vec![];
        let mut waiting = vec![directory];
        while let Some(parent) = waiting.pop() {
            for (name, child) in self.tree.children(parent) {
                below.push((parent, name.to_owned(), child));
                waiting.push(child);
            }
        }
        for (parent, name, child) in below.into_iter().rev() {
            self.drop_lower(parent, &name, child);
        }
    }

    /// Takes away what is of a lower layer, unless this layer has put something into it.
    fn drop_lower(&mut self, directory: NodeId, name: &str, id: NodeId) {
        let empty = self.tree.children(id).next().is_none();
        if self.tree.node(id).layer == self.layer || !empty {
            return;
        }
        self.forget(id);
        if let Some(entries) = self.tree.entries.get_mut(&directory) {
            entries.remove(name);
        }
    }

    /// Forgets a node that is no longer there, and what is below it.
    fn forget(&mut self, id: NodeId) {
        self.last = None;
        let mut waiting = vec![id];
        while let Some(gone) = waiting.pop() {
            if let Some(content) = self.tree.contents.remove(&gone) {
                self.content -= content.len();
            }
            waiting.extend(
                self.tree
                    .entries
                    .remove(&gone)
                    .into_iter()
                    .flat_map(std::collections::BTreeMap::into_values),
            );
        }
    }
}

/// Bytes that a node takes, roughly.
fn cost(node: &Node, name: &str) -> usize {
    const ENTRY: usize = 64;
    let own = match &node.kind {
        Kind::Elf { facts, .. } => facts.bytes(),
        Kind::Script { line, .. } => line.len(),
        Kind::Symlink { target } => target.len(),
        Kind::Directory | Kind::File { .. } | Kind::Special => 0,
    };
    size_of::<Node>() + size_of::<EntryId>() + ENTRY + name.len() + own
}

/// Directory and name of an entry; `None` for the root itself.
fn split(path: &str) -> Result<Option<(&str, &str)>, String> {
    for part in components(path) {
        if part == ".." {
            return Err(format!("`{path}` leads out of its layer"));
        }
        if part.len() > LONGEST_NAME || part.contains('\0') {
            let length = part.len();
            return Err(format!("`{part}` is no name: {length} bytes, or a zero in it"));
        }
    }
    Ok(split_last(path))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{add, tree};
    use super::*;

    #[track_caller]
    fn check(layers: &[&[&str]], expected: &[&str]) {
        let tree = tree(layers);
        let found: Vec<String> = tree.walk().skip(1).map(|(path, _)| path).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn layers_add_replace_and_hide() {
        check(&[&["f:a/b", "f:c"]], &["/a", "/a/b", "/c"]);
        check(&[&["f:a/b"], &["f:a/.wh.b"]], &["/a"]);
        check(&[&["f:a/b"], &["f:.wh.a"]], &[]);
        check(&[&["f:a/b", "f:a/c"], &["f:a/d", "f:a/.wh..wh..opq"]], &["/a", "/a/d"]);
        check(&[&["f:a/b"], &["d:a", "f:.wh.a", "f:a/c"]], &["/a", "/a/c"]);
        check(&[&["f:a/b/c"], &["f:a"]], &["/a"]);
        check(&[&["f:a"], &["f:a/b"]], &["/a", "/a/b"]);
        check(&[&["f:./x", "f:/y", "f:z/"]], &["/x", "/y", "/z"]);
    }

    #[test]
    fn links_are_followed_inside_the_root() {
        check(
            &[&["d:usr/lib", "s:lib>usr/lib"], &["f:lib/x"]],
            &["/lib", "/usr", "/usr/lib", "/usr/lib/x"],
        );
        check(&[&["s:a>../../b", "d:b"], &["f:a/x"]], &["/a", "/b", "/b/x"]);
        check(&[&["f:a", "h:b>a"], &["f:.wh.a"]], &["/b"]);
        check(&[&["s:a>a"], &["f:a/x"]], &["/a", "/a/x"]);
        check(&[&["s:a>b/c"], &["f:a/x"]], &["/a", "/b", "/b/c", "/b/c/x"]);
    }

    #[test]
    fn whiteouts_hide_lower_layers_only() {
        // Wherever in the layer they stand, and whatever else the layer says of a directory.
        check(&[&["f:a/b/c"], &["f:a/b/d", "f:.wh.a"]], &["/a", "/a/b", "/a/b/d"]);
        check(&[&["f:a/b/c"], &["f:a/b/d", "f:a/.wh..wh..opq"]], &["/a", "/a/b", "/a/b/d"]);
        check(&[&["f:a/b/c"], &["f:a/.wh..wh..opq", "f:a/b/d"]], &["/a", "/a/b", "/a/b/d"]);
        check(&[&["f:a"], &["f:a", "f:.wh.a"]], &["/a"]);
        check(&[&["f:a"], &["f:.wh.a"], &["f:a/b"]], &["/a", "/a/b"]);
        check(&[&["f:a"], &["f:.wh.b", "f:.wh..wh.plnk/1", "f:.wh..wh.aufs"]], &["/a"]);
        check(&[&["f:a", "f:b"], &["f:.wh..wh..opq"]], &[]);
    }

    #[test]
    fn the_last_entry_of_a_path_counts() {
        check(&[&["f:a/b", "s:a>c", "f:a/d"]], &["/a", "/c", "/c/d"]);
        check(&[&["d:c", "s:a>c", "f:a/d", "d:a", "f:a/e"]], &["/a", "/a/e", "/c", "/c/d"]);
        check(&[&["d:a", "f:a/b", "d:a", "f:a/c"]], &["/a", "/a/b", "/a/c"]);
        check(&[&["f:a", "f:a/b/c"]], &["/a", "/a/b", "/a/b/c"]);
    }

    #[test]
    fn what_no_file_system_takes_is_refused() {
        let mut builder = Builder::default();
        let long = "x".repeat(256);
        let deep = "d/".repeat(2048);
        for word in [
            "f:../x",
            "f:a/../../x",
            "h:b>absent",
            "h:b>.",
            "s:b>",
            "f:a\0b",
            &format!("f:{long}"),
            &format!("f:{deep}x"),
            &format!("s:b>{deep}xx"),
        ] {
            assert!(add(&mut builder, word, 0).is_err(), "{word}");
        }
        for word in ["f:./.", "d:/", "f:a/./b/", &format!("f:{}", "d/".repeat(2047))] {
            assert_eq!(add(&mut builder, word, 0), Ok(()), "{word}");
        }
    }

    #[test]
    fn a_flood_of_names_is_refused() {
        let mut builder = Builder { bytes: MOST_BYTES - 1000, ..Builder::default() };
        let results: Vec<_> = (0..20).map(|at| add(&mut builder, &format!("f:{at}"), 0)).collect();
        assert_eq!(results[0], Ok(()));
        assert!(results[19].is_err());
        assert!(builder.finish().walk().count() < 20);
    }
}
