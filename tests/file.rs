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
