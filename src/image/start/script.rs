//! The `#!` line of a script, split as the kernel splits it.

use super::Problem;

/// Where it stands before the `#!`, the line as it is kept begins with it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A `#!` line.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// The interpreter as written.
    pub(super) interpreter: String,
    /// All that follows it, as the one argument that it is; empty where nothing does.
    pub(super) argument: String,
}

/// Splits a line, given without `#!` and without its line feed.
pub(super) fn parse(script: &str, line: &[u8]) -> Result<Line, Problem> {
    let text = String::from_utf8_lossy(line);
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err(Problem::ByteOrderMark { script: script.to_owned() });
    }
    if text.ends_with('\r') {
        return Err(Problem::CarriageReturn {
            script: script.to_owned(),
            line: format!("#!{}", text.trim_end_matches('\r')),
        });
    }
    let blank = [' ', '\t'];
    let text = text.trim_matches(blank);
    let (interpreter, argument) = text.split_once(blank).unwrap_or((text, ""));
    if interpreter.is_empty() {
        return Err(Problem::InterpreterMissing {
            script: script.to_owned(),
            interpreter: String::new(),
        });
    }
    Ok(Line {
        interpreter: interpreter.to_owned(),
        argument: argument.trim_matches(blank).to_owned(),
    })
}

impl Line {
    /// The program that `env` is asked for, where the interpreter is `env`.
    pub(super) fn through_env(&self) -> Option<String> {
        let name = self.interpreter.rsplit('/').next();
        if name != Some("env") || self.argument.is_empty() {
            return None;
        }
        let split = self.argument.strip_prefix("-S").map(str::trim_start);
        let Some(words) = split else {
            // Without -S the whole rest is one word: a program with a blank in its name.
            return (!self.argument.starts_with('-')).then(|| self.argument.clone());
        };
        words
            .split_ascii_whitespace()
            .find(|word| !word.contains('=') && !word.starts_with('-'))
            .map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, interpreter: &str, argument: &str, through_env: Option<&str>) {
        let parsed = parse("/s", line.as_bytes()).expect("a line");
        assert_eq!((&*parsed.interpreter, &*parsed.argument), (interpreter, argument), "{line}");
        assert_eq!(parsed.through_env().as_deref(), through_env, "{line}");
    }

    #[test]
    fn lines_split_as_the_kernel_does() {
        check("/bin/sh", "/bin/sh", "", None);
        check(" /bin/sh -e ", "/bin/sh", "-e", None);
        check("\t/bin/sh\t-e -u", "/bin/sh", "-e -u", None);
        check("/usr/bin/env python3", "/usr/bin/env", "python3", Some("python3"));
        check("/usr/bin/env python3 -u", "/usr/bin/env", "python3 -u", Some("python3 -u"));
        check("/usr/bin/env -S python3 -u", "/usr/bin/env", "-S python3 -u", Some("python3"));
        check("/usr/bin/env -S A=1 node", "/usr/bin/env", "-S A=1 node", Some("node"));
        check("/usr/bin/env", "/usr/bin/env", "", None);
    }

    #[test]
    fn a_carriage_return_is_a_problem_of_its_own() {
        for line in ["/bin/sh\r", "/bin/sh -e\r", "/usr/bin/env python3\r"] {
            let problem = parse("/s", line.as_bytes()).expect_err(line);
            assert!(matches!(problem, Problem::CarriageReturn { .. }), "{problem:?}");
        }
        assert!(matches!(parse("/s", b"  "), Err(Problem::InterpreterMissing { .. })));
        let marked = parse("/s", "\u{feff}#!/bin/sh".as_bytes());
        assert!(matches!(marked, Err(Problem::ByteOrderMark { .. })));
    }
}
