//! The built program: usage, exit codes, streams and files.
#![expect(clippy::disallowed_methods, reason = "starts the program, looks at what it wrote")]

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use expect_test::{Expect, expect};

mod program;
use program::{Ran, program, ran, run};

/// An image that conforms, one that does not, and one that can never be read.
const GOOD: &str = "fixture:hello";
const BROKEN: &str = "fixture:b001-exits";
const ABSENT: &str = "oci:no/such/dir";
/// An image whose check does not end by itself.
const ENDLESS: &str = "fixture:b001-too-slow";

#[test]
fn the_exit_code_tells_what_became_of_it() {
    for (arguments, code) in [
        (&["check", GOOD][..], 0),
        (&["check", BROKEN], 1),
        (&["check", ABSENT], 3),
        (&["check", GOOD, BROKEN], 1),
        (&["check", BROKEN, ABSENT, GOOD], 3),
        (&["check", "--only", "nothing-is-called-this", GOOD], 4),
        (&["check", "--list", "--only", "nothing-is-called-this"], 4),
        (&["check", "--list"], 0),
        (&["report", "--schema"], 0),
        (&["--version"], 0),
        (&["check", "--help"], 0),
        (&[], 2),
        (&["check"], 2),
        (&["nope"], 2),
        (&["check", "--nope", GOOD], 2),
        (&["check", "--memory", "100", GOOD], 2),
        (&["check", "--config", "absent.yaml", GOOD], 2),
        (&["check", "--suite", "absent.yaml", GOOD], 2),
        (&["check", "--report", "json=no/such/dir/r.json", GOOD], 2),
        (&["check", "--quiet", "--verbose", GOOD], 2),
        (&["push"], 2),
        (&["push", GOOD], 2),
        (&["push", "app:v1"], 2),
        (&["push", GOOD, "app:v1"], 2),
        (&["push", BROKEN, "127.0.0.1:1/app:v1"], 1),
        (&["push", ABSENT, "127.0.0.1:1/app:v1"], 3),
        (&["push", "--static", GOOD, "127.0.0.1:1/app:v1"], 3),
        (&["push", "--only", "nothing-is-called-this", GOOD, "127.0.0.1:1/app:v1"], 4),
        (&["hook"], 2),
        (&["hook", "install"], 2),
    ] {
        assert_eq!(run(arguments).code, Some(code), "{arguments:?}");
    }
}

#[test]
fn the_exit_code_is_the_same_in_every_format() {
    for format in ["text", "json", "junit"] {
        for (image, code) in [(GOOD, 0), (BROKEN, 1), (ABSENT, 3)] {
            assert_eq!(run(&["check", "-f", format, image]).code, Some(code), "{format} {image}");
        }
    }
}

#[test]
fn a_usage_error_is_one_line_and_what_to_do() {
    let check = |arguments: &[&str], expected: Expect| {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
        expected.assert_eq(&ran.err);
    };
    check(
        &["check"],
        expect![[r#"
        error: no image is named
          help: scf-conform check fixture:hello
    "#]],
    );
    check(
        &["check", "--memory", "100", GOOD],
        expect![[r#"
        error: `--memory 100` is not offered: use 64, or 128 to 3072 in steps of 128
    "#]],
    );
    check(
        &["check", "--env", "MODE", GOOD],
        expect![[r#"
        error: `--env MODE` is no variable: write NAME=VALUE
    "#]],
    );
    check(
        &["check", "--report", "junti=x.xml", GOOD],
        expect![[r#"
            error: `--report junti=x.xml` names no format: use text, json, junit
              help: did you mean `junit`?
        "#]],
    );
    check(
        &["check", "--report", "json=no/r.json", GOOD],
        expect![[r#"
        error: report `json=no/r.json`: there is no directory `no`
          help: mkdir -p no
    "#]],
    );
    check(
        &["push", GOOD],
        expect![[r#"
        error: `fixture:hello` has no name to be pushed under, and no destination is named
          help: scf-conform push fixture:hello REGISTRY/NAME:TAG
    "#]],
    );
    check(
        &["push", "oci:build/image", "app:v1"],
        expect![[r#"
        error: `app:v1` names no registry to push to
          help: scf-conform push oci:build/image ccr.ccs.tencentyun.com/NAMESPACE/app:v1
    "#]],
    );
    check(
        &[GOOD],
        expect![[r#"
        error: unrecognized subcommand 'fixture:hello'

        Usage: scf-conform [OPTIONS] <COMMAND>

        For more information, try '--help'.
        note: to check an image: scf-conform check fixture:hello
    "#]],
    );
}

#[test]
fn options_come_from_flags_then_environment_then_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let write =
        |text: &str| std::fs::write(dir.path().join("scf-conform.yaml"), text).expect("written");
    write("format: json\nonly: [B*]\n");
    let is_json = |ran: &Ran| ran.out.starts_with('{');
    let ran_with = |variables: &[(&str, &str)], arguments: &[&str]| {
        ran(program(dir.path())
            .envs(variables.iter().copied())
            .arg("check")
            .args(arguments)
            .arg(GOOD))
    };
    assert!(is_json(&ran_with(&[], &[])));
    assert!(!is_json(&ran_with(&[("SCF_CONFORM_FORMAT", "text")], &[])));
    assert!(is_json(&ran_with(&[("SCF_CONFORM_FORMAT", "text")], &["-f", "json"])));
    assert!(!ran_with(&[], &[]).out.contains("\"M001\""));

    let noted = ran_with(&[("SCF_CONFORM_FROMAT", "text")], &[]);
    assert_eq!(
        noted.err,
        "note: SCF_CONFORM_FROMAT sets no option; did you mean SCF_CONFORM_FORMAT?\n"
    );

    write("memroy: 512\n");
    let wrong = ran_with(&[], &[]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.contains("scf-conform.yaml:1:1") && wrong.err.contains("did you mean `memory`?")
    );
}

#[test]
fn images_come_from_the_file_where_none_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = format!("static: true\nimages:\n  - {GOOD}\n  - {BROKEN}\n");
    std::fs::write(dir.path().join("scf-conform.yaml"), file).expect("written");
    let heads = |ran: &Ran| {
        let known = |line: &&str| line.starts_with(GOOD) || line.starts_with(BROKEN);
        ran.out.lines().filter(known).filter_map(|line| line.split(' ').next()).count()
    };
    let both = ran(program(dir.path()).arg("check"));
    assert!(heads(&both) >= 2, "{}", both.out);
    let named = ran(program(dir.path()).args(["check", GOOD]));
    assert_eq!(heads(&named), 1, "{}", named.out);
}

#[test]
fn what_is_not_pushed_is_told() {
    let ran = run(&["push", BROKEN, "127.0.0.1:1/app:v1"]);
    assert_eq!(ran.err, "note: not pushed: the image does not conform\n");
}

#[test]
fn the_list_names_what_is_selected() {
    let all = run(&["check", "--list"]).out;
    assert!(all.lines().count() > 3, "{all}");
    let some = run(&["check", "--list", "--only", "b*"]).out;
    assert!(some.lines().all(|line| line.starts_with('B')), "{some}");
    assert!(all.contains(&some));
}

#[test]
fn the_last_line_is_the_verdict() {
    for (arguments, start) in [
        (&["check", GOOD][..], "conform: PASS  "),
        (&["check", "-q", GOOD], "conform: PASS  "),
        (&["check", "-v", BROKEN], "conform: FAIL  "),
        (&["check", ABSENT], "conform: ERROR  "),
    ] {
        let ran = run(arguments);
        let last = ran.out.lines().last().unwrap_or_default();
        assert!(last.starts_with(start), "{last}");
    }
    assert_eq!(run(&["check", "-q", GOOD]).out.lines().count(), 1);
}

#[test]
fn stderr_is_silent_where_all_is_well() {
    assert_eq!(run(&["check", GOOD]).err, "");
    assert_eq!(run(&["check", BROKEN]).err, "");
}

#[test]
fn what_could_not_be_checked_is_told_on_stderr_too() {
    let ran = run(&["check", "-f", "json", ABSENT]);
    assert!(ran.err.starts_with("error: ") && ran.err.contains("no/such/dir"), "{}", ran.err);
    assert!(ran.out.starts_with('{'));
}

#[test]
fn colours_are_written_where_they_are_wanted() {
    let coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        let dir = tempfile::tempdir().expect("a directory");
        let mut program = program(dir.path());
        ran(program.envs(variables.iter().copied()).args(arguments).arg(GOOD))
            .out
            .contains('\u{1b}')
    };
    assert!(!coloured(&[], &["check"]), "a pipe");
    assert!(coloured(&[], &["check", "--color", "always"]));
    assert!(coloured(&[], &["check", "--color=always"]));
    assert!(coloured(&[("SCF_CONFORM_COLOR", "always")], &["check"]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], &["check"]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &["check"]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], &["check", "--color", "never"]));
}

#[test]
fn reports_are_written_whole_and_each_by_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let reports =
        ["--report", "junit=r.xml", "--report", "json=/dev/full", "--report", "text=r.txt"];
    let ran = ran(program(dir.path()).arg("check").args(reports).arg(GOOD));
    assert_eq!(ran.code, Some(3));
    assert_eq!(
        ran.err,
        "error: write report `json=/dev/full`: No space left on device (os error 28)\n"
    );
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect(name);
    assert!(read("r.xml").ends_with("</testsuites>\n"));
    assert!(read("r.txt").lines().last().is_some_and(|line| line.starts_with("conform: PASS")));
}

#[test]
fn the_json_document_keeps_to_the_printed_schema() {
    let schema = serde_json::from_str(&run(&["report", "--schema"]).out).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let document = run(&["check", "-f", "json", GOOD, BROKEN, ABSENT]).out;
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let problems: Vec<_> =
        validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(problems, [""; 0]);
    let of = |image: usize| document["images"][image]["reference"].as_str();
    assert_eq!([of(0), of(1), of(2)], [Some(GOOD), Some(BROKEN), Some(ABSENT)]);
}

#[test]
fn images_are_printed_in_the_order_in_which_they_are_named() {
    let images = [BROKEN, GOOD, ABSENT, GOOD, BROKEN];
    let out = run(&[&["check", "--jobs", "4"], &images[..]].concat()).out;
    let heads: Vec<&str> = out
        .split("\n\n")
        .filter_map(|part| part.lines().next()?.split("  ").next())
        .filter(|head| images.contains(head))
        .collect();
    assert_eq!(heads, images);
}

#[test]
fn fail_fast_begins_nothing_more() {
    let ran = run(&["check", "--fail-fast", "--jobs", "1", GOOD, BROKEN, GOOD, GOOD]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.err, "note: 2 images not checked: --fail-fast\n");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let dir = tempfile::tempdir().expect("a directory");
    for arguments in [&["check", BROKEN][..], &["check", "-f", "json", BROKEN]] {
        let mut child = piped(program(dir.path()).args(arguments));
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
        assert_eq!(child.wait().expect("it ends").code(), Some(1));
        assert_eq!(err, "");
    }
}

#[test]
fn a_full_disk_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("opened");
    let ran = ran(program(dir.path()).args(["check", GOOD]).stdout(Stdio::from(full)));
    assert_eq!(ran.code, Some(3));
    assert_eq!(
        ran.err,
        "error: write the results to stdout: No space left on device (os error 28)\n"
    );
}

#[test]
fn an_interrupted_run_cleans_up_and_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let mut child = piped(program(dir.path()).args(["check", GOOD, ENDLESS]));
        // The first image's result tells that signals are caught by now.
        let mut first = [0; 1];
        child.stdout.as_mut().expect("piped").read_exact(&mut first).expect("output");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).expect("sent");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(130));
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(
            err.ends_with("error: interrupted; everything that ran is ended and removed\n"),
            "{err}"
        );
        assert!(!String::from_utf8_lossy(&output.stdout).contains("conform: "));
    }
}

#[test]
fn help_fits_into_80_columns() {
    for words in [
        "--help",
        "-h",
        "check --help",
        "invoke --help",
        "doctor --help",
        "selftest --help",
        "push --help",
        "hook --help",
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let help = ran(program(dir.path()).env("COLUMNS", "80").args(words.split(' '))).out;
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{words}: {line}");
        }
    }
}

fn piped(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}
