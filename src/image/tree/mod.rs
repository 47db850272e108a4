//! The merged file tree of an image: what the container's root holds before it starts.

mod access;
mod builder;
mod lookup;
#[cfg(test)]
pub(crate) mod testing;
mod user;

use std::collections::{BTreeMap, HashMap};

use super::elf::ElfFacts;

pub use access::Denied;
pub(super) use builder::{Builder, Entry};

/// Place of a node in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

/// One file, directory or other thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-uid, set-gid and sticky: the low twelve bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// Place of the layer that it comes from, base first.
    pub layer: usize,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file that is neither of the next two.
    File {
        /// In bytes.
        size: u64,
    },
    /// A regular file that begins as an ELF file does.
    Elf {
        /// In bytes.
        size: u64,
        /// What its headers say.
        facts: Box<ElfFacts>,
    },
    /// A regular file that begins with `#!`, or with a byte order mark and `#!`.
    Script {
        /// In bytes.
        size: u64,
        /// The rest of the first line, without its line feed; a CR is kept. Bounded as the
        /// kernel bounds it (254 bytes). With a byte order mark, the line from there on.
        line: Vec<u8>,
    },
    /// A symbolic link and what it says.
    Symlink {
        /// As written.
        target: String,
    },
    /// A device, FIFO or socket.
    Special,
}

/// Where a path leads inside the image's root, all symbolic links followed.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// To a node, by the canonical path.
    Found {
        /// The node.
        node: NodeId,
        /// Absolute, without links.
        path: String,
    },
    /// To nothing: the first component that is not there, as a canonical path.
    Missing(String),
    /// Through something that is no directory: its canonical path.
    NotDirectory(String),
    /// Through too many links: the path that was asked for.
    Loop(String),
}

/// A right that a path can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read a file or list a directory.
    Read,
    /// To write a file or make entries of a directory.
    Write,
    /// To execute a file or pass through a directory.
    Execute,
}

/// As whom a process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups, sorted, without `gid`.
    pub groups: Vec<u32>,
    /// Home directory from the image's `/etc/passwd`, where it has an entry.
    pub home: Option<String>,
}

/// An entry of a layer's tar. The entry of a hard link is the one that has the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct EntryId {
    /// Place of the layer, base first.
    pub(crate) layer: u32,
    /// Place of the entry in the layer.
    pub(crate) place: u32,
}

/// The merged tree. Paths are text: names that are no UTF-8 are read with replacements.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// Which entry has the bytes of a file, by the file's place in `nodes`.
    sources: Vec<EntryId>,
    /// Entries of directories.
    entries: HashMap<NodeId, BTreeMap<Box<str>, NodeId>>,
    /// Small files that decide how a start goes.
    contents: HashMap<NodeId, Vec<u8>>,
}

impl Default for Tree {
    fn default() -> Tree {
        let root = Node { kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0, layer: 0 };
        Tree {
            nodes: vec![root],
            sources: vec![EntryId::default()],
            entries: HashMap::new(),
            contents: HashMap::new(),
        }
    }
}

impl Tree {
    /// The root directory.
    #[must_use]
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// A node of this tree.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The entry that has a file's bytes.
    pub(crate) fn source(&self, id: NodeId) -> EntryId {
        self.sources[id.0 as usize]
    }

    /// What a directory holds, by name, sorted. Nothing for whatever is no directory.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = (&str, NodeId)> {
        self.entries.get(&id).into_iter().flatten().map(|(name, child)| (&**name, *child))
    }

    /// The bytes of one of the small files that decide how a start goes: `/etc/passwd`,
    /// `/etc/group`, and what the dynamic loaders read. `None` for any other, or where the
    /// image has none.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        match self.lookup(path, "/") {
            Lookup::Found { node, .. } => self.contents.get(&node).map(Vec::as_slice),
            _ => None,
        }
    }

    /// Every path and its node, depth first, directories before what they hold.
    pub fn walk(&self) -> impl Iterator<Item = (String, NodeId)> + '_ {
        let mut waiting = vec![(String::new(), self.root())];
        std::iter::from_fn(move || {
            let (path, id) = waiting.pop()?;
            let children: Vec<_> = self.children(id).collect();
            let below =
                children.iter().rev().map(|(name, child)| (format!("{path}/{name}"), *child));
            waiting.extend(below);
            Some((if path.is_empty() { "/".to_owned() } else { path }, id))
        })
    }

    /// What a directory has under a name.
    #[must_use]
    pub fn child(&self, id: NodeId, name: &str) -> Option<NodeId> {
        self.entries.get(&id)?.get(name).copied()
    }
}
