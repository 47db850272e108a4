//! The entries of a layer, packed into a tar and perhaps compressed.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::content::Content;
use super::{Bare, FileRecipe, LayerRecipe, Packing, RecipeError, program};

/// A layer's bytes as they are stored, and as they are when inflated.
pub(super) struct Layer {
    pub(super) stored: Content,
    pub(super) tar: Content,
}

/// Builds the layer at place `layer`.
pub(super) fn build(recipe: &LayerRecipe, layer: usize) -> Result<Layer, RecipeError> {
    let files = &recipe.files;
    let mut tar = Content::default();
    // What a hard link leads to has to be there before it.
    let (links, others): (Vec<_>, Vec<_>) =
        files.iter().partition(|(_, file)| file.hardlink.is_some());
    let failed = |path: &str, why| RecipeError::File { path: path.to_owned(), why };
    for (path, file) in others.into_iter().chain(links) {
        tar.append(entry(path, file).map_err(|why| failed(path, why))?);
    }
    // A dynamic server takes its libraries along.
    let has_server = files.values().any(|file| file.server.is_some());
    for (path, bytes) in program::LIBRARIES.iter().filter(|_| has_server) {
        if !files.contains_key(*path) {
            let said = (EntryType::Regular, Content::from(*bytes), None, 0o755);
            let library = FileRecipe::default();
            tar.append(packed(path, &library, said).map_err(|why| failed(path, why))?);
        }
    }
    tar.append(Content::zeros(1024));
    let stored =
        pack(&tar, recipe.compression).map_err(|source| RecipeError::Layer { layer, source })?;
    Ok(Layer { stored, tar })
}

fn entry(path: &str, file: &FileRecipe) -> Result<Content, String> {
    packed(path, file, said(file)?)
}

/// An entry: its header, its bytes, and what fills its last block.
fn packed(path: &str, file: &FileRecipe, said: Said<'_>) -> Result<Content, String> {
    let Some(relative) = path.strip_prefix('/') else { return Err("want an absolute path".into()) };
    let (kind, content, target, usual) = said;
    let mut header = Header::new_ustar();
    let name = match file.kind {
        Some(Bare::Whiteout) => beside(relative),
        Some(Bare::Opaque) => format!("{relative}/.wh..wh..opq"),
        _ => relative.to_owned(),
    };
    header.set_path(&name).map_err(|error| error.to_string())?;
    if let Some(target) = target {
        // A hard link names an entry of the archive; a symbolic one is kept as written.
        let target = if kind == EntryType::Link { target.trim_start_matches('/') } else { target };
        header.set_link_name_literal(target).map_err(|error| error.to_string())?;
    }
    let mode = match &file.mode {
        Some(text) => u32::from_str_radix(text, 8).map_err(|_| format!("`{text}` is no mode"))?,
        None => usual,
    };
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(file.uid);
    header.set_gid(file.gid);
    header.set_mtime(0);
    header.set_size(content.length());
    header.set_cksum();
    let mut entry = Content::from(header.as_bytes().to_vec());
    let padding = content.length().next_multiple_of(512) - content.length();
    entry.append(content);
    entry.append(Content::zeros(padding));
    Ok(entry)
}

type Said<'a> = (EntryType, Content, Option<&'a str>, u32);

/// What the entry is: its type, content, link target and usual mode.
fn said(file: &FileRecipe) -> Result<Said<'_>, String> {
    let mut said: Vec<Said<'_>> = Vec::new();
    let mut add = |kind, content, target, mode| said.push((kind, content, target, mode));
    if let Some(machine) = file.server {
        add(EntryType::Regular, program::server(machine), None, 0o755);
    }
    if let Some(text) = &file.text {
        add(EntryType::Regular, Content::from(text.clone().into_bytes()), None, 0o644);
    }
    if let Some(text) = &file.hex {
        let bytes = hex::decode(text).map_err(|error| error.to_string())?;
        add(EntryType::Regular, Content::from(bytes), None, 0o644);
    }
    if let Some(length) = file.zeros {
        add(EntryType::Regular, Content::zeros(length), None, 0o644);
    }
    if let Some(elf) = &file.elf {
        add(EntryType::Regular, Content::from(elf.bytes()), None, 0o755);
    }
    if let Some(target) = &file.symlink {
        add(EntryType::Symlink, Content::default(), Some(target.as_str()), 0o777);
    }
    if let Some(target) = &file.hardlink {
        add(EntryType::Link, Content::default(), Some(target.as_str()), 0o755);
    }
    match file.kind {
        Some(Bare::Directory) => add(EntryType::Directory, Content::default(), None, 0o755),
        Some(Bare::Fifo) => add(EntryType::Fifo, Content::default(), None, 0o644),
        Some(Bare::Whiteout | Bare::Opaque) => {
            add(EntryType::Regular, Content::default(), None, 0o644);
        }
        None => {}
    }
    match (said.pop(), said.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err("says nothing of what it is".to_owned()),
        (Some(_), false) => Err("says more than one thing of what it is".to_owned()),
    }
}

/// The name that removes a path of lower layers.
fn beside(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, name)) => format!("{directory}/.wh.{name}"),
        None => format!(".wh.{path}"),
    }
}

fn pack(tar: &Content, packing: Packing) -> io::Result<Content> {
    let gzip = |from: &mut dyn Read| {
        // Fast, since each use of a fixture packs it anew.
        let mut out = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
        io::copy(from, &mut out)?;
        out.finish()
    };
    match packing {
        Packing::None => Ok(tar.clone()),
        Packing::Gzip => Ok(Content::from(gzip(&mut tar.reader())?)),
        Packing::GzipMembers => {
            let mut reader = tar.reader();
            let mut bytes = gzip(&mut (&mut reader).take(tar.length() / 2))?;
            bytes.extend(gzip(&mut reader)?);
            Ok(Content::from(bytes))
        }
        Packing::Zstd => {
            let mut out = zstd::Encoder::new(Vec::new(), 1)?;
            io::copy(&mut tar.reader(), &mut out)?;
            out.flush()?;
            Ok(Content::from(out.finish()?))
        }
    }
}
