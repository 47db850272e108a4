//! What lies on the disk in the end, and what happens to entries that are shared, old or left.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::sync::Barrier;

use proptest::prelude::*;

use super::*;
use crate::image::User;
use crate::image::testing::{Memory, gzip, tar};

/// Everything in a directory but the directory itself: what it is, its mode, and its content.
fn listing(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).expect("readable") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below").display().to_string();
            let about = fs::symlink_metadata(&path).expect("there");
            let mode = about.mode() & 0o7777;
            let told = if about.is_dir() {
                waiting.push(path);
                format!("{mode:o} directory")
            } else if about.is_symlink() {
                format!("to {}", fs::read_link(&path).expect("a link").display())
            } else {
                format!("{mode:o} {}", fs::read_to_string(&path).expect("a file"))
            };
            found.insert(name, told);
        }
    }
    found
}

fn unpacked(cache: &Cache, image: &Memory, ownership: &Ownership) -> UnpackedRoot {
    let loaded = image.load().expect("it loads");
    assert_eq!(loaded.defects, []);
    cache.root(&loaded, image, ownership).expect("it unpacks")
}

fn as_root() -> Ownership {
    Ownership::Projected(User::default())
}

#[track_caller]
fn check(layers: &[&[&str]], expected: &[(&str, &str)]) {
    let scratch = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(scratch.path()).expect("a cache");
    let tars: Vec<_> = layers.iter().map(|words| tar(words)).collect();
    let root = unpacked(&cache, &Memory::of_tars(&tars), &as_root());
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(path, told)| ((*path).to_owned(), (*told).to_owned())).collect();
    assert_eq!(listing(&root.path), expected);
}

#[test]
fn files_links_and_rights_are_written() {
    check(
        &[&["d:d@700,0,0", "f:d/a>one@640,0,0", "s:l>../../../etc", "h:d/h>d/a", "n:fifo"]],
        &[("d", "700 directory"), ("d/a", "640 one"), ("d/h", "640 one"), ("l", "to ../../../etc")],
    );
    // Through a link of the image, and never through one of the machine.
    check(
        &[&["s:l>/tmp", "f:l/x>one"]],
        &[("l", "to /tmp"), ("tmp", "755 directory"), ("tmp/x", "755 one")],
    );
}

#[test]
fn a_hard_link_keeps_the_bytes_of_its_layer() {
    let all = [("a", "755 new"), ("b", "755 old"), ("c", "755 old")];
    check(&[&["f:a>old", "h:b>a"], &["h:c>b"], &["f:a>new"]], &all);
    check(&[&["f:a>old", "h:b>a", "h:c>a", "f:a>new"]], &all);
    check(&[&["f:a>old"], &["h:b>a", "h:c>a"], &["f:.wh.a", "f:a>new"]], &all);
    check(
        &[&["f:x/a>old", "s:l>x"], &["h:b>l/a"], &["f:l/.wh.a"]],
        &[("x", "755 directory"), ("l", "to x"), ("b", "755 old")],
    );
}

#[test]
fn an_entry_is_made_once() {
    let scratch = tempfile::tempdir().expect("a directory");
    let tars: Vec<_> = (0..3)
        .map(|layer| {
            let words: Vec<_> = (0..200).map(|at| format!("f:{layer}/{at}>{at}")).collect();
            tar(&words)
        })
        .collect();
    let layers: Vec<_> = tars.iter().map(|tar| (gzip(tar), tar.clone())).collect();
    let image = Memory::of(&layers);
    let barrier = Barrier::new(4);
    let roots: Vec<_> = std::thread::scope(|scope| {
        let run = || {
            let cache = Cache::open(scratch.path()).expect("a cache");
            barrier.wait();
            unpacked(&cache, &image, &as_root())
        };
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    assert!(roots.iter().all(|root| root.path == roots[0].path));
    assert_eq!(listing(&roots[0].path).len(), 603);
    // One entry, and nothing unfinished.
    assert_eq!(fs::read_dir(scratch.path().join("roots")).expect("readable").count(), 1);
}

#[test]
fn what_is_used_stays_and_what_is_old_goes() {
    let scratch = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(scratch.path()).expect("a cache").limited(3 * 4096);
    let image = |content: &str| Memory::of_tars(&[tar(&[format!("f:a>{content}")])]);
    let used = unpacked(&cache, &image("1"), &as_root());
    let old = unpacked(&cache, &image("2"), &as_root()).path;
    assert!(old.exists());
    let new = unpacked(&cache, &image("3"), &as_root()).path;
    assert!(used.path.exists() && !old.exists() && new.exists());
}

#[test]
fn what_a_killed_run_left_is_removed() {
    let scratch = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(scratch.path()).expect("a cache");
    let left = scratch.path().join("roots/0123.new/root/closed");
    fs::create_dir_all(&left).expect("made");
    fs::set_permissions(&left, fs::Permissions::from_mode(0o000)).expect("closed");
    let root = unpacked(&cache, &Memory::of_tars(&[tar(&["f:a>1"])]), &as_root());
    assert!(root.path.exists() && !scratch.path().join("roots/0123.new").exists());
}

#[test]
fn a_layer_that_changed_meanwhile_is_not_taken() {
    let scratch = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(scratch.path()).expect("a cache");
    let mut image = Memory::of_tars(&[tar(&["f:a>one"])]);
    let loaded = image.load().expect("it loads");
    image.blobs.insert(loaded.layers[0].digest, tar(&["f:a>two"]));
    let error = cache.root(&loaded, &image, &as_root()).expect_err("other bytes");
    assert!(error.to_string().contains("has digest"), "{error}");
    assert_eq!(fs::read_dir(scratch.path().join("roots")).expect("readable").count(), 0);
}

/// One entry of a layer, by paths of a few letters.
#[derive(Clone, Debug)]
enum Op {
    File(String),
    Directory(String),
    Whiteout(String),
    Opaque(String),
    Link(String, String),
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|parts| parts.join("/"))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => path().prop_map(Op::File),
        2 => path().prop_map(Op::Directory),
        1 => path().prop_map(Op::Whiteout),
        1 => path().prop_map(Op::Opaque),
        2 => (path(), path()).prop_map(|(at, to)| Op::Link(at, to)),
    ]
}

/// The simplest way to put layers on top of each other: whole paths in one list. `None` as
/// content is a directory.
#[derive(Default)]
struct Model(BTreeMap<String, (usize, Option<String>)>);

impl Model {
    fn put(&mut self, layer: usize, path: &str, content: Option<String>) {
        for (at, _) in path.match_indices('/') {
            if !matches!(self.0.get(&path[..at]), Some((_, None))) {
                self.put(layer, &path[..at], None);
            }
        }
        let stays = content.is_none() && matches!(self.0.get(path), Some((_, None)));
        if !stays {
            self.0.retain(|known, _| known != path && !below(known, path));
        }
        self.0.insert(path.to_owned(), (layer, content));
    }

    fn hide(&mut self, layer: usize, hides: impl Fn(&str) -> bool) {
        let known: Vec<String> = self.0.keys().rev().filter(|path| hides(path)).cloned().collect();
        for path in known {
            let empty = !self.0.keys().any(|other| below(other, &path));
            if empty && self.0[&path].0 < layer {
                self.0.remove(&path);
            }
        }
    }

    /// Applies one entry, and writes it as a word; none for a link to what is no file.
    fn apply(&mut self, layer: usize, at: usize, op: &Op) -> Option<String> {
        let content = format!("{layer}.{at}");
        match op {
            Op::File(path) => {
                self.put(layer, path, Some(content.clone()));
                Some(format!("f:{path}>{content}"))
            }
            Op::Directory(path) => {
                self.put(layer, path, None);
                Some(format!("d:{path}"))
            }
            Op::Whiteout(path) => {
                let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
                self.put(layer, &format!("{path}.x"), Some(String::new()));
                self.hide(layer, |known| known == path || below(known, path));
                Some(format!("f:{path}.x>|f:{dir}/.wh.{name}>"))
            }
            Op::Opaque(path) => {
                self.put(layer, &format!("{path}/x"), Some(String::new()));
                self.hide(layer, |known| below(known, path));
                Some(format!("f:{path}/x>|f:{path}/.wh..wh..opq>"))
            }
            Op::Link(path, target) => {
                let (_, content) = self.0.get(target)?;
                let content = content.clone()?;
                // What the link's own directories replace may be its target.
                if path == target || below(target, path) || below(path, target) {
                    return None;
                }
                self.put(layer, path, Some(content));
                Some(format!("h:{path}>{target}"))
            }
        }
    }
}

fn below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layers_are_put_on_top_of_each_other(
        layers in prop::collection::vec(prop::collection::vec(op(), 0..12), 1..5)
    ) {
        let mut model = Model::default();
        let mut tars = Vec::new();
        for (layer, ops) in layers.iter().enumerate() {
            let ops = ops.iter().enumerate();
            let words: Vec<_> = ops.filter_map(|(at, op)| model.apply(layer, at, op)).collect();
            let words: Vec<_> = words.iter().flat_map(|word| word.split('|')).collect();
            tars.push(tar(&words));
        }
        let expected: BTreeMap<_, _> = model.0.into_iter().map(|(path, (_, content))| {
            (path, content.map_or("755 directory".to_owned(), |content| format!("755 {content}")))
        }).collect();
        let scratch = tempfile::tempdir().expect("a directory");
        let cache = Cache::open(scratch.path()).expect("a cache");
        let root = unpacked(&cache, &Memory::of_tars(&tars), &as_root());
        prop_assert_eq!(listing(&root.path), expected, "{:?}", layers);
    }
}
