//! The file of options, as a user writes it: what it accepts, and what comes of it.
#![expect(clippy::disallowed_methods, reason = "starts the program, writes its file")]

mod program;
use program::{program, ran, run};

#[test]
fn a_waived_failure_fails_nothing_until_its_day() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = |until: &str| {
        let text =
            format!("waivers:\n- id: M007\n  reason: it is started by hand\n  until: {until}\n");
        std::fs::write(dir.path().join("scf-conform.yaml"), text).expect("a file");
        ran(program(dir.path()).args(["check", "--static", "fixture:m007-no-command"]))
    };
    let waived = check("2999-12-31");
    assert_eq!(waived.code, Some(0), "{}", waived.out);
    assert!(waived.out.contains("WAIV"), "{}", waived.out);
    assert!(
        waived.out.contains("waived until 2999-12-31: it is started by hand"),
        "{}",
        waived.out
    );
    let ended = check("2020-02-29");
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.out.contains("waived until 2020-02-29, which is past"), "{}", ended.out);
    let no_day = check("2021-02-29");
    assert_eq!(no_day.code, Some(2), "{}", no_day.out);
    assert!(no_day.err.contains("scf-conform.yaml:4"), "{}", no_day.err);
}

#[test]
fn a_waiver_without_use_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "waivers:\n- id: M001\n  reason: it was schema 1\n";
    std::fs::write(dir.path().join("scf-conform.yaml"), text).expect("a file");
    let ran = ran(program(dir.path()).args(["check", "--static", "fixture:hello"]));
    assert_eq!(ran.code, Some(0));
    assert!(ran.err.contains("the waiver of `M001` (line 2) waives nothing"), "{}", ran.err);
}

#[test]
fn a_check_is_explained_and_a_mistyped_one_guessed() {
    let known = run(&["explain", "b001"]);
    assert_eq!(known.code, Some(0));
    for part in
        ["B001 listens on port 9000", "[error]", "583/41076, 2022-01-04", "fixture:b001-loopback"]
    {
        assert!(known.out.contains(part), "{}", known.out);
    }
    let unknown = run(&["explain", "B0001"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("did you mean `B001`?"), "{}", unknown.err);
}

#[test]
fn a_first_file_says_what_the_image_is_and_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let init = ran(program(dir.path()).args(["init", "fixture:type-auto-http"]));
    assert_eq!(init.code, Some(0), "{}", init.err);
    let text = std::fs::read_to_string(dir.path().join("scf-conform.yaml")).expect("a file");
    assert!(text.contains("images: fixture:type-auto-http\n"), "{text}");
    assert!(text.contains("\ntype: http\n"), "{text}");
    let check = ran(program(dir.path()).args(["check"]));
    assert_eq!(check.code, Some(0), "{}{}", check.out, check.err);
    let again = ran(program(dir.path()).args(["init", "fixture:hello"]));
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("`scf-conform.yaml` is there already"), "{}", again.err);
    let forced = ran(program(dir.path()).args(["init", "--force", "fixture:hello"]));
    assert_eq!(forced.code, Some(0), "{}", forced.err);
}

#[test]
fn what_fails_is_offered_as_waivers_that_can_be_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let init = ran(program(dir.path()).args(["init", "--static", "fixture:m003-attestation"]));
    assert_eq!(init.code, Some(0), "{}", init.err);
    let path = dir.path().join("scf-conform.yaml");
    let text = std::fs::read_to_string(&path).expect("a file");
    let used = text.replace("# waivers:", "waivers:").replace("#   - id", "  - id");
    let used = used.replace("#     reason: ", "    reason: known");
    std::fs::write(&path, used).expect("is written");
    let check = ran(program(dir.path()).args(["check", "--static"]));
    assert_eq!(check.code, Some(0), "{}{}", check.out, check.err);
    assert!(check.out.contains("WAIV") && check.err.is_empty(), "{}{}", check.out, check.err);
}
