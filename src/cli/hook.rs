//! `hook`: a pre-push hook of git that checks the images named in the file of options.
#![expect(clippy::disallowed_methods, reason = "asks git, writes and removes the hook")]

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::file::FILE;
use super::term;

/// Check images before every `git push`
///
/// Writes a pre-push hook that checks the images named under `images` in `scf-conform.yaml`, and
/// lets git push when all of them conform.
#[derive(Debug, Args)]
pub(super) struct Hook {
    #[command(subcommand)]
    pub(super) action: HookAction,
}

/// What to do with the hook.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum HookAction {
    /// Write the hook; one that is there already is kept, and run first
    Install,
    /// Take the hook away again, and put back what was there before
    Remove,
}

const NAME: &str = "pre-push";
/// Where a hook is kept that was there before.
const BEFORE: &str = "pre-push.before-scf-conform";
/// A line that only hooks of ours have.
const MARK: &str =
    "# Written by `scf-conform hook install`; `scf-conform hook remove` takes it away.";

/// Why a hook cannot be written or removed.
struct Refused {
    message: String,
    help: Option<String>,
    exit: Exit,
}

/// Runs the command.
pub(super) fn run(arguments: &Hook) -> Exit {
    let done = hooks().and_then(|hooks| match arguments.action {
        HookAction::Install => install(&hooks),
        HookAction::Remove => remove(&hooks),
    });
    match done {
        Ok(text) => term::print(&text, Exit::Conforms),
        Err(Refused { message, help, exit }) => {
            term::error(&message, help.as_deref());
            exit
        }
    }
}

/// The directory in which git looks for hooks here: of the repository, or a shared one.
fn hooks() -> Result<PathBuf, Refused> {
    let path = git(&["rev-parse", "--git-path", "hooks"])?.ok_or_else(|| Refused {
        message: "this is no git repository, and so has no hooks".to_owned(),
        help: Some("run it in the repository whose pushes shall be checked".to_owned()),
        exit: Exit::Usage,
    })?;
    // What the user reads should lead there from anywhere.
    Ok(std::path::absolute(&path).unwrap_or(path))
}

/// A path that git answers with; `None` where it has no answer.
fn git(words: &[&str]) -> Result<Option<PathBuf>, Refused> {
    let output = Command::new("git").args(words).output().map_err(|error| Refused {
        message: format!("ask git for its hooks: {error}"),
        help: Some("install git".to_owned()),
        exit: Exit::NotChecked,
    })?;
    let path = String::from_utf8_lossy(&output.stdout);
    let path = PathBuf::from(path.trim_end_matches('\n'));
    Ok(output.status.success().then_some(path))
}

fn install(hooks: &Path) -> Result<String, Refused> {
    let (hook, before) = (hooks.join(NAME), hooks.join(BEFORE));
    let program = std::env::current_exe().map_err(failed("find this program"))?;
    fs::create_dir_all(hooks).map_err(failed(format!("make `{}`", hooks.display())))?;
    let mut kept = String::new();
    if exists(&hook) && !is_ours(&hook) {
        if exists(&before) {
            return Err(Refused {
                message: format!(
                    "`{}` is another's hook, and `{}` is kept already",
                    hook.display(),
                    before.display()
                ),
                help: Some("move one of them away".to_owned()),
                exit: Exit::Usage,
            });
        }
        fs::rename(&hook, &before).map_err(failed(format!("keep `{}`", hook.display())))?;
        kept = format!("kept: {}, which is run first\n", before.display());
    }
    if let Err(error) = put(&hook, &script(&program)) {
        // As it was.
        if !kept.is_empty() {
            let _ = fs::rename(&before, &hook);
        }
        return Err(failed(format!("write `{}`", hook.display()))(error));
    }
    let text = format!("{kept}installed: {}\n", hook.display());
    // Git runs hooks at the top of the repository.
    let top = git(&["rev-parse", "--show-toplevel"]).ok().flatten().unwrap_or_default();
    if !top.join(FILE).exists() {
        term::note(&format!(
            "there is no {FILE} in the repository yet; until it names images, every push is refused"
        ));
        term::note("write into it, for example: images: [my-function:v1]");
    }
    Ok(text)
}

fn remove(hooks: &Path) -> Result<String, Refused> {
    let (hook, before) = (hooks.join(NAME), hooks.join(BEFORE));
    if !exists(&hook) || !is_ours(&hook) {
        return Ok(format!("nothing to remove: `{}` is no hook of scf-conform\n", hook.display()));
    }
    if exists(&before) {
        fs::rename(&before, &hook).map_err(failed(format!("put back `{}`", hook.display())))?;
        return Ok(format!("removed, and what was there before put back: {}\n", hook.display()));
    }
    fs::remove_file(&hook).map_err(failed(format!("remove `{}`", hook.display())))?;
    Ok(format!("removed: {}\n", hook.display()))
}

/// Whether something is there, a link that leads nowhere included.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn is_ours(hook: &Path) -> bool {
    fs::read(hook)
        .is_ok_and(|bytes| bytes.split(|byte| *byte == b'\n').any(|line| line == MARK.as_bytes()))
}

/// Writes the hook whole, or leaves what is there.
fn put(hook: &Path, text: &str) -> io::Result<()> {
    let dir = hook.parent().unwrap_or(Path::new("."));
    let mut neighbour = tempfile::Builder::new()
        .prefix(".scf-conform-")
        .permissions(Permissions::from_mode(0o777)) // less what the umask takes
        .tempfile_in(dir)?;
    neighbour.write_all(text.as_bytes())?;
    neighbour.persist(hook).map_err(|error| error.error)?;
    Ok(())
}

fn script(program: &Path) -> String {
    let program = quoted(&program.to_string_lossy());
    format!(
        r#"#!/bin/sh
{MARK}
# Checks the images that {FILE} names, and stops the push where one does not conform.

# What was here before is asked first, as git would have asked it.
before="$(dirname "$0")/{BEFORE}"
if [ -x "$before" ]; then
  "$before" "$@" || exit $?
fi

program={program}
if [ ! -x "$program" ]; then
  program="$(command -v scf-conform)" || {{
    echo "push refused: scf-conform is neither at "{program}" nor on the PATH" >&2
    echo "  help: install it and run \`scf-conform hook install\` again, or push with --no-verify" >&2
    exit 1
  }}
fi

"$program" check -q </dev/null >&2
code=$?
case $code in
  0) exit 0 ;;
  1) why="an image does not conform" ;;
  2) why="the images to check are not set up: see above" ;;
  130) why="the check was interrupted" ;;
  *) why="the images could not be checked" ;;
esac
echo "push refused: $why (\`git push --no-verify\` pushes all the same)" >&2
exit 1
"#
    )
}

/// A text as one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> Refused {
    let what = what.into();
    move |error| Refused { message: format!("{what}: {error}"), help: None, exit: Exit::NotChecked }
}
