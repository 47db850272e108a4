//! Writes a root file system.
//!
//! The merged tree says what there is in the end: directories, links and rights come from it,
//! and of the layers only the bytes of those files that no later layer replaces or hides.
//! All paths are canonical ones of the tree, so that no link in the image is ever followed.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, XattrFlags,
};

use super::{Ownership, UnpackError, failed};
use crate::image::entries::{TarEntry, each_entry};
use crate::image::{Blobs, EntryId, Image, Kind, Node, NodeId, Tree, tar_of};

/// The one extended attribute that changes how a program runs.
const CAPABILITY: &str = "security.capability";
/// Bytes that are copied at a time.
const CHUNK: usize = 256 << 10;

/// Writes an image's files into an empty directory.
pub(super) fn extract(
    image: &Image,
    blobs: &dyn Blobs,
    ownership: &Ownership,
    into: &Path,
) -> Result<(), UnpackError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::openat(CWD, into, flags, Mode::empty())
        .map_err(|error| failed("open the new root")(error.into()))?;
    let tree = &image.tree;
    let mut writer = Writer { tree, root, ownership, chunk: vec![0; CHUNK], wanted: wanted(tree) };
    writer.directories_and_links().map_err(failed("make the directories of the root"))?;
    for (at, layer) in image.layers.iter().enumerate() {
        let place = u32::try_from(at).unwrap_or(u32::MAX);
        if !writer.wanted.keys().any(|source| source.layer == place) {
            continue;
        }
        let of = image.layers.len();
        let what = format!("unpack layer {} of {of} ({})", at + 1, layer.digest.short());
        tar_of(blobs.blob(&layer.digest)?, layer, |tar| {
            each_entry(tar, &mut |entry| writer.entry(place, entry))
        })
        .map_err(failed(what))?;
    }
    if let Some((path, _)) = writer.wanted.values().flatten().next() {
        let why = io::Error::other(format!("no layer has the bytes of `{path}`"));
        return Err(failed("unpack the layers")(why));
    }
    writer.finish_directories().map_err(failed("set the rights of directories"))
}

/// The files of a tree, by the entry that has their bytes: several are names of one file.
fn wanted(tree: &Tree) -> HashMap<EntryId, Vec<(String, NodeId)>> {
    let mut wanted: HashMap<_, Vec<_>> = HashMap::new();
    for (path, node) in tree.walk() {
        if matches!(
            tree.node(node).kind,
            Kind::File { .. } | Kind::Elf { .. } | Kind::Script { .. }
        ) {
            wanted.entry(tree.source(node)).or_default().push((path, node));
        }
    }
    wanted
}

struct Writer<'a> {
    tree: &'a Tree,
    root: OwnedFd,
    ownership: &'a Ownership,
    chunk: Vec<u8>,
    /// Paths of the files that are still to be written.
    wanted: HashMap<EntryId, Vec<(String, NodeId)>>,
}

impl Writer<'_> {
    fn directories_and_links(&self) -> io::Result<()> {
        for (path, node) in self.tree.walk().skip(1) {
            let path = &path[1..];
            match &self.tree.node(node).kind {
                Kind::Directory => rustix::fs::mkdirat(&self.root, path, Mode::RWXU)?,
                Kind::Symlink { target } => {
                    rustix::fs::symlinkat(target.as_str(), &self.root, path)?;
                    let Node { uid, gid, .. } = self.tree.node(node);
                    self.own(path, *uid, *gid)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// One entry of a layer: the bytes of a file, if they are still wanted, under all the
    /// names that it has in the end.
    fn entry(&mut self, layer: u32, entry: &mut TarEntry<'_>) -> io::Result<()> {
        let source = EntryId { layer, place: entry.place };
        let Some(names) = self.wanted.remove(&source) else { return Ok(()) };
        let mut names = names.into_iter();
        let Some((first, node)) = names.next() else { return Ok(()) };
        let first = &first[1..];
        self.file(first, node, entry)?;
        for (name, _) in names {
            rustix::fs::linkat(&self.root, first, &self.root, &name[1..], AtFlags::empty())?;
        }
        Ok(())
    }

    fn file(&mut self, path: &str, node: NodeId, entry: &mut TarEntry<'_>) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
        let file = rustix::fs::openat2(&self.root, path, flags, Mode::RUSR | Mode::WUSR, resolve)?;
        let mut file = std::fs::File::from(file);
        self.copy(&mut entry.content, &mut file)?;
        let Node { mode, uid, gid, .. } = *self.tree.node(node);
        if *self.ownership == Ownership::Real {
            rustix::fs::fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
            for (name, value) in entry.attributes.iter().filter(|(name, _)| name == CAPABILITY) {
                // Where the file system has no such attributes, the file has fewer rights.
                let _ = rustix::fs::fsetxattr(&file, name.as_str(), value, XattrFlags::empty());
            }
        }
        let mode = self.ownership.mode(mode, uid, gid);
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        rustix::fs::futimens(&file, &times(entry.modified))?;
        Ok(())
    }

    fn copy(&mut self, from: &mut dyn Read, to: &mut impl Write) -> io::Result<()> {
        loop {
            let count = from.read(&mut self.chunk)?;
            if count == 0 {
                return Ok(());
            }
            to.write_all(&self.chunk[..count])?;
        }
    }

    /// Owners and rights of directories, the deepest first: what is closed cannot be written
    /// any more.
    fn finish_directories(&self) -> io::Result<()> {
        let is_directory = |id: &NodeId| matches!(self.tree.node(*id).kind, Kind::Directory);
        let walked: Vec<_> = self.tree.walk().filter(|(_, id)| is_directory(id)).collect();
        for (path, id) in walked.into_iter().rev() {
            let node = self.tree.node(id);
            let relative = if path == "/" { "." } else { &path[1..] };
            self.own(relative, node.uid, node.gid)?;
            let mode = self.ownership.directory_mode(node.mode, node.uid, node.gid);
            rustix::fs::chmodat(&self.root, relative, Mode::from_raw_mode(mode), AtFlags::empty())?;
        }
        Ok(())
    }

    fn own(&self, path: &str, uid: u32, gid: u32) -> io::Result<()> {
        if *self.ownership == Ownership::Real {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            rustix::fs::chownat(&self.root, path, Some(uid), Some(gid), flags)?;
        }
        Ok(())
    }
}

fn times(seconds: i64) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
