//! The kernel's refusal to execute the command, read from what the engine says of it.

use crate::evidence::ExecRefused;

/// What runtimes say, and the kernel's number for it. The first that fits counts.
const TEXTS: [(&str, i32); 10] = [
    ("executable file not found in $PATH", 2),
    ("no such file or directory", 2),
    ("exec format error", 8),
    ("permission denied", 13),
    // To look a command up is to find the directory; to execute it is not permitted.
    ("is a directory", 13),
    ("not a directory", 20),
    ("too many levels of symbolic links", 40),
    ("file name too long", 36),
    ("argument list too long", 7),
    ("invalid argument", 22),
];

/// The refusal in an engine's answer to create or start; `None` where that is about something
/// else. `command` is what was to be executed.
pub(super) fn of_answer(text: &str, command: &str, working_dir: &str) -> Option<ExecRefused> {
    if text.contains("No command specified") || text.contains("no command specified") {
        return Some(ExecRefused { path: command.to_owned(), errno: 2 });
    }
    let errno = number(text)?;
    let quoted = |mark: &str| {
        let (_, rest) = text.split_once(mark)?;
        rest.split('"').next().map(str::to_owned)
    };
    if let Some(path) = quoted("exec: \"") {
        return Some(ExecRefused { path, errno });
    }
    if let Some(path) = unquoted(text) {
        return Some(ExecRefused { path: path.to_owned(), errno });
    }
    let about_directory = ["mkdir", "chdir", "Cannot mkdir", "working directory"];
    let about_directory = about_directory.iter().any(|word| text.contains(word));
    about_directory.then(|| ExecRefused { path: working_dir.to_owned(), errno })
}

/// The same from the only line that the runtime wrote in the container's name, where it had
/// gone too far to answer.
pub(super) fn of_line(line: &str) -> Option<ExecRefused> {
    let path = unquoted(line)?;
    Some(ExecRefused { path: path.to_owned(), errno: number(line)? })
}

/// The path of `exec PATH: …`, or of the older `exec user process caused: …`, which has none.
fn unquoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("exec ")?;
    let (path, _) = rest.split_once(": ")?;
    Some(if path == "user process caused" { "" } else { path })
}

fn number(text: &str) -> Option<i32> {
    TEXTS.iter().find(|(words, _)| text.contains(words)).map(|(_, errno)| *errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read() {
        let check = |text: &str, expected: Option<(&str, i32)>| {
            let expected =
                expected.map(|(path, errno)| ExecRefused { path: path.to_owned(), errno });
            assert_eq!(of_answer(text, "server", "/work"), expected, "{text}");
        };
        let create = "OCI runtime create failed: runc create failed: unable to start container \
                      process: ";
        let with = |rest: &str| format!("{create}{rest}: unknown");
        check(&with("exec: \"a b\": executable file not found in $PATH"), Some(("a b", 2)));
        check(&with("exec: \"/x\": stat /x: no such file or directory"), Some(("/x", 2)));
        check(&with("exec: \"/x\": permission denied"), Some(("/x", 13)));
        check(&with("exec: \"/x\": is a directory"), Some(("/x", 13)));
        check(&with("exec /x: exec format error"), Some(("/x", 8)));
        check(
            &with("chdir to cwd (\"/work\") set in config.json failed: permission denied"),
            Some(("/work", 13)),
        );
        check("Cannot mkdir: /work is not a directory", Some(("/work", 20)));
        check("No command specified", Some(("server", 2)));
        check("no space left on device", None);
        check("Conflict. The container name is in use", None);
    }

    #[test]
    fn a_line_of_the_runtime_is_one() {
        let refused = |path: &str, errno| Some(ExecRefused { path: path.to_owned(), errno });
        assert_eq!(of_line("exec /start: exec format error"), refused("/start", 8));
        let old = "standard_init_linux.go:228: exec user process caused: exec format error";
        assert_eq!(of_line(old), refused("", 8));
        assert_eq!(of_line("listening"), None);
    }
}
