//! Images as files in the cache: what is written, shared, replaced and removed.
#![expect(clippy::disallowed_methods, reason = "looks at the files that were written")]

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use scf_conform::contract::Contract;
use scf_conform::image::recipe::{Built, Recipe};
use scf_conform::image::{Image, User, load};
use scf_conform::oci::Reference;
use scf_conform::unpack::{Cache, Ownership, UnpackedRoot};

const RECIPE: &str = "
layers:
  - files:
      /etc/old: {text: old}
      /etc/closed: {kind: directory, mode: '000'}
      /etc/closed/file: {text: inside, mode: '400'}
      /dir/low: {text: low}
      /bin: {symlink: usr/bin}
      /usr/bin/tool: {text: first}
      /usr/bin/same: {hardlink: /usr/bin/tool}
      /usr/bin/third: {hardlink: /usr/bin/same}
      /twice: {text: one}
      /out: {symlink: /../../../../etc}
  - compression: gzip
    files:
      /etc/old: {kind: whiteout}
      /dir: {kind: opaque}
      /dir/high: {text: high}
      /bin/tool: {text: second}
      /bin/same: {symlink: elsewhere}
      /twice: {text: two}
      /out/passwd: {text: inside the root}
";

fn built(recipe: &str) -> (Image, Built) {
    let recipe: Recipe = serde_yaml::from_str(recipe).expect("a recipe");
    let built = recipe.build("test").expect("it builds");
    let reference = Reference::parse("fixture:test", |_| false).expect("one");
    let image = load(
        &reference,
        &built,
        &Contract::scf().platform,
        scf_conform::image::Depth::Layers,
        &mut |_, _| {},
    )
    .expect("an image");
    assert_eq!(image.defects, []);
    (image, built)
}

fn small(text: &str) -> (Image, Built) {
    built(&format!("layers: [{{files: {{/file: {{text: {text}}}}}}}]"))
}

/// Everything that this process may do here: all of it as root, its own files otherwise.
fn own() -> Ownership {
    if rustix::process::geteuid().is_root() { Ownership::Real } else { projected(0) }
}

fn projected(uid: u32) -> Ownership {
    Ownership::Projected(User { uid, gid: uid, ..User::default() })
}

fn unpack(dir: &Path, (image, blobs): &(Image, Built), ownership: &Ownership) -> UnpackedRoot {
    let cache = Cache::open(dir).expect("a cache");
    cache.root(image, blobs, ownership).expect("unpacked")
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir.join("roots"))
        .expect("a cache")
        .map(|entry| entry.expect("one").path())
        .collect();
    entries.sort();
    entries
}

#[test]
fn the_files_are_those_of_the_merged_layers() {
    let image = built(RECIPE);
    for ownership in [own(), projected(0), projected(1000)] {
        let dir = tempfile::tempdir().expect("a directory");
        let root = unpack(dir.path(), &image, &ownership).path.clone();
        let text = |path: &str| fs::read_to_string(root.join(path)).ok();
        let found = |path: &str| -> Option<Metadata> { fs::symlink_metadata(root.join(path)).ok() };
        assert!(found("etc/old").is_none() && found("dir/low").is_none());
        assert_eq!(text("dir/high").as_deref(), Some("high"));
        assert_eq!(text("twice").as_deref(), Some("two"));
        assert_eq!(text("usr/bin/tool").as_deref(), Some("second"));
        // A link to a link to what a later layer replaced keeps the first layer's bytes.
        assert_eq!(text("usr/bin/third").as_deref(), Some("first"));
        assert!(found("usr/bin/same").is_some_and(|same| same.is_symlink()));
        assert!(found("bin").is_some_and(|link| link.is_symlink()));
        assert_eq!(text("etc/passwd").as_deref(), Some("inside the root"));
        let closed = found("etc/closed").expect("a directory").mode() & 0o7777;
        let wanted = if ownership == projected(0) { 0o700 } else { 0 };
        assert_eq!(closed, wanted, "{ownership:?}: {closed:o}");
        // For the temporary directory to be removed by whoever runs this.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(root.join("etc/closed"), open).expect("it is ours");
    }
}

#[test]
fn hard_links_are_one_file() {
    let image =
        built("layers: [{files: {/a: {text: x}, /b: {hardlink: /a}, /c/d: {hardlink: /b}}}]");
    let dir = tempfile::tempdir().expect("a directory");
    let root = unpack(dir.path(), &image, &own());
    let inode = |path: &str| fs::metadata(root.path.join(path)).expect("there").ino();
    assert_eq!((inode("a"), inode("b")), (inode("b"), inode("c/d")));
}

#[test]
fn runs_at_once_share_a_root() {
    let image = built(RECIPE);
    let dir = tempfile::tempdir().expect("a directory");
    let roots: Vec<UnpackedRoot> = std::thread::scope(|scope| {
        let one = || unpack(dir.path(), &image, &projected(0));
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(roots.iter().all(|root| root.path == roots[0].path));
    assert_eq!(entries(dir.path()).len(), 1);
}

#[test]
fn what_a_killed_run_left_is_replaced() {
    let image = small("whole");
    let dir = tempfile::tempdir().expect("a directory");
    let whole = unpack(dir.path(), &image, &own()).path.clone();
    let entry = whole.parent().expect("an entry").to_owned();
    let unfinished = entry.with_extension("new");
    fs::rename(&entry, &unfinished).expect("renamed");
    fs::write(unfinished.join("root/file"), "ha").expect("written");
    let root = unpack(dir.path(), &image, &own());
    assert_eq!(fs::read_to_string(root.path.join("file")).expect("there"), "whole");
    assert_eq!(entries(dir.path()), std::slice::from_ref(&entry));
    // And what was left of another image goes too.
    fs::create_dir(dir.path().join("roots/other.new")).expect("made");
    let other = unpack(dir.path(), &small("other"), &own());
    let mut expected = vec![entry, other.path.parent().expect("an entry").to_owned()];
    expected.sort();
    assert_eq!(entries(dir.path()), expected);
}

#[test]
fn the_oldest_goes_unless_it_is_in_use() {
    let dir = tempfile::tempdir().expect("a directory");
    let limited = |image: &(Image, Built)| {
        let cache = Cache::open(dir.path()).expect("a cache").limited(1);
        cache.root(&image.0, &image.1, &own()).expect("unpacked")
    };
    let first = limited(&small("first"));
    let second = limited(&small("second"));
    assert!(first.path.is_dir() && second.path.is_dir(), "both are in use");
    let gone = first.path.clone();
    drop(first);
    let third = limited(&small("third"));
    assert!(!gone.is_dir() && second.path.is_dir() && third.path.is_dir());
}
