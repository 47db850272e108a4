//! Trees written as words, for the tests of whatever looks at trees.

use super::{Builder, Entry, EntryId, Kind, Tree};

/// A tree of layers of words: `d:path` a directory, `f:path` a file, `s:path>to` a symbolic
/// link, `h:path>to` a hard link, `c:path>content` a file whose content is kept. Each may end
/// in `@mode,uid,gid`.
#[track_caller]
pub(crate) fn tree(layers: &[&[&str]]) -> Tree {
    let mut builder = Builder::default();
    for (at, layer) in layers.iter().enumerate() {
        builder.next_layer(at);
        for word in *layer {
            add(&mut builder, word, at).expect(word);
        }
    }
    builder.finish()
}

/// Adds one word.
pub(crate) fn add(builder: &mut Builder, word: &str, layer: usize) -> Result<(), String> {
    let (word, owner) = word.split_once('@').unwrap_or((word, "644,0,0"));
    let numbers: Vec<u32> = owner
        .split(',')
        .enumerate()
        .map(|(at, number)| u32::from_str_radix(number, if at == 0 { 8 } else { 10 }))
        .collect::<Result<_, _>>()
        .expect(owner);
    let (letter, path) = word.split_once(':').expect("a letter");
    let (path, target) = path.split_once('>').unwrap_or((path, ""));
    let (kind, content) = match letter {
        "d" => (Kind::Directory, None),
        "s" => (Kind::Symlink { target: target.to_owned() }, None),
        "c" => (Kind::File { size: target.len() as u64 }, Some(target.as_bytes().to_vec())),
        _ => (Kind::File { size: layer as u64 }, None),
    };
    if letter == "h" {
        return builder.link(path, target);
    }
    let (mode, uid, gid) = (numbers[0], numbers[1], numbers[2]);
    builder.add(path, Entry { kind, mode, uid, gid, content, source: EntryId::default() })
}
