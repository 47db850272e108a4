//! The pre-push hook, with a real git: a bare repository that is pushed to, good images and bad
//! ones.
#![expect(clippy::disallowed_methods, reason = "starts git and the program")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GOOD: &str = "images: [fixture:hello]\n";
const BAD: &str = "images:\n  - fixture:hello\n  - fixture:b001-exits\n";

/// A repository with a commit, and a bare one to push to.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let world = World { dir: tempfile::tempdir().expect("a directory") };
        fs::create_dir(world.dir.path().join("work")).expect("made");
        world.git(&["init", "--quiet", "--bare", "../there.git"]);
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.git(&["remote", "add", "origin", "../there.git"]);
        world.commit("first");
        world
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn hook(&self) -> PathBuf {
        self.work().join(".git/hooks/pre-push")
    }

    /// A program in the repository, with no settings of the user's.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.work()).env("HOME", self.dir.path());
        command.env("XDG_CACHE_HOME", self.dir.path().join("cache"));
        for (name, _) in std::env::vars() {
            if ["SCF_CONFORM_", "GIT_", "XDG_CONFIG"].iter().any(|start| name.starts_with(start)) {
                command.env_remove(name);
            }
        }
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    fn try_git(&self, words: &[&str]) -> Output {
        let mut git = self.command("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@t"]).args(words);
        git.output().expect("git starts")
    }

    #[track_caller]
    fn git(&self, words: &[&str]) {
        let output = self.try_git(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    }

    fn commit(&self, content: &str) {
        fs::write(self.work().join("file"), content).expect("written");
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "-m", content]);
    }

    fn images(&self, options: &str) {
        fs::write(self.work().join("scf-conform.yaml"), options).expect("written");
    }

    fn conform(&self, words: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_scf-conform")).args(words).output().expect("it starts")
    }

    /// Installs or removes the hook; what was printed.
    #[track_caller]
    fn hooks(&self, action: &str) -> String {
        let output = self.conform(&["hook", action]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).replace(&self.dir.path().display().to_string(), "DIR")
    }

    /// Whether a push got through, and what was said.
    fn push(&self) -> (bool, String) {
        let output = self.try_git(&["push", "origin", "main"]);
        let head = |repository: &str| {
            let output = self.try_git(&["--git-dir", repository, "rev-parse", "refs/heads/main"]);
            output.status.success().then(|| text(&output.stdout))
        };
        let through = head(".git") == head("../there.git");
        assert_eq!(through, output.status.success(), "{}", text(&output.stderr));
        (through, text(&output.stderr))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn executable(path: &Path, content: &str) {
    fs::write(path, content).expect("written");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("set");
}

#[test]
fn a_bad_image_stops_the_push_and_a_good_one_does_not() {
    let world = World::new();
    assert_eq!(world.hooks("install"), "installed: DIR/work/.git/hooks/pre-push\n");
    let (through, said) = world.push();
    assert!(!through && said.contains("no image is named"), "{said}");
    assert!(said.contains("push refused: the images to check are not set up"), "{said}");

    world.images(BAD);
    let (through, said) = world.push();
    assert!(!through && said.contains("conform: FAIL"), "{said}");
    assert!(said.contains("push refused: an image does not conform"), "{said}");

    world.images(GOOD);
    let (through, said) = world.push();
    assert!(through && said.contains("conform: PASS"), "{said}");

    world.images("images: [oci:absent]\n");
    world.commit("second");
    let (through, said) = world.push();
    assert!(!through && said.contains("push refused: the images could not be checked"), "{said}");

    assert_eq!(world.hooks("remove"), "removed: DIR/work/.git/hooks/pre-push\n");
    assert!(world.push().0);
}

#[test]
fn a_hook_that_was_there_is_asked_first_and_put_back() {
    let world = World::new();
    world.images(GOOD);
    // Refuses where its file is there; notes its arguments and what it reads.
    let before = "#!/bin/sh\necho \"$@\" > args\ncat > refs\n[ ! -e refuse ]\n";
    executable(&world.hook(), before);
    let kept = "DIR/work/.git/hooks/pre-push.before-scf-conform";
    for _ in 0..2 {
        let said = world.hooks("install");
        assert!(said.ends_with("installed: DIR/work/.git/hooks/pre-push\n"), "{said}");
    }
    fs::write(world.work().join("refuse"), "").expect("written");
    let (through, said) = world.push();
    assert!(!through && !said.contains("conform:"), "{said}");
    fs::remove_file(world.work().join("refuse")).expect("removed");
    assert!(world.push().0);
    let read = |name: &str| fs::read_to_string(world.work().join(name)).expect("there");
    assert_eq!(read("args"), "origin ../there.git\n");
    assert!(read("refs").starts_with("refs/heads/main "), "{}", read("refs"));

    world.hooks("remove");
    assert_eq!(fs::read_to_string(world.hook()).expect("there"), before);
    let mode = fs::metadata(world.hook()).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert!(!world.work().join(kept.replace("DIR/work/", "")).exists());
    let said = world.hooks("remove");
    assert!(said.starts_with("nothing to remove: "), "{said}");
    assert_eq!(fs::read_to_string(world.hook()).expect("there"), before);
}

#[test]
fn two_hooks_of_others_are_not_mixed_up() {
    let world = World::new();
    executable(&world.hook(), "#!/bin/sh\n# one\n");
    world.hooks("install");
    executable(&world.hook(), "#!/bin/sh\n# two\n");
    let output = world.conform(&["hook", "install"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("is another's hook") && said.contains("move one of them away"), "{said}");
    assert_eq!(fs::read_to_string(world.hook()).expect("there"), "#!/bin/sh\n# two\n");
}

#[test]
fn shared_hooks_and_worktrees_are_found() {
    let world = World::new();
    world.images(GOOD);
    world.git(&["worktree", "add", "--quiet", "../other"]);
    let mut conform = world.command(env!("CARGO_BIN_EXE_scf-conform"));
    conform.args(["hook", "install"]).current_dir(world.dir.path().join("other"));
    assert!(conform.output().expect("it starts").status.success());
    assert!(world.hook().exists(), "hooks are the repository's, whichever worktree it is");
    world.hooks("remove");

    world.git(&["config", "core.hooksPath", "shared hooks"]);
    assert_eq!(world.hooks("install"), "installed: DIR/work/shared hooks/pre-push\n");
    assert!(world.push().0);
    world.hooks("remove");
    assert!(!world.work().join("shared hooks/pre-push").exists());
}

#[test]
fn outside_of_a_repository_it_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut conform = Command::new(env!("CARGO_BIN_EXE_scf-conform"));
    conform.args(["hook", "install"]).current_dir(dir.path()).env("GIT_CEILING_DIRECTORIES", "/");
    let output = conform.output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: this is no git repository, and so has no hooks\n  \
         help: run it in the repository whose pushes shall be checked\n"
    );
}

#[test]
fn a_program_that_moved_is_found_on_the_path_or_missed() {
    let world = World::new();
    world.images(GOOD);
    let moved = world.dir.path().join("scf-conform");
    fs::copy(env!("CARGO_BIN_EXE_scf-conform"), &moved).expect("copied");
    let mut conform = world.command(&moved.display().to_string());
    assert!(conform.args(["hook", "install"]).output().expect("it starts").status.success());
    fs::remove_file(&moved).expect("removed");
    let (through, said) = world.push();
    assert!(!through && said.contains("push refused: scf-conform is neither at"), "{said}");
    let bin = world.dir.path().join("bin");
    fs::create_dir(&bin).expect("made");
    fs::copy(env!("CARGO_BIN_EXE_scf-conform"), bin.join("scf-conform")).expect("copied");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut git = world.command("git");
    let output = git.args(["push", "origin", "main"]).env("PATH", path).output().expect("starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
}
