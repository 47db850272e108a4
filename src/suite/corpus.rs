//! The suites in `fixtures/suites`: good ones are read, bad ones are told about.
#![expect(clippy::disallowed_methods, reason = "test data is read from files")]

use std::path::{Path, PathBuf};

use expect_test::expect_file;

use super::{Given, Origin, Problems, Suite, Unset, load, parse};

fn suites(folder: &str) -> Vec<(PathBuf, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/suites").join(folder);
    let mut found: Vec<(PathBuf, String, String)> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            let bytes = std::fs::read(&path).expect("a file");
            (path, name, String::from_utf8(bytes).expect("text"))
        })
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn good_suites_are_read() {
    for (path, name, text) in suites("good") {
        let suite = read("good", &name, &text).unwrap_or_else(|told| panic!("{told}"));
        let text = format!("{suite:#?}\n");
        expect_file![path.with_extension("txt")].assert_eq(&text);
    }
}

#[test]
fn bad_suites_are_told_about() {
    // Those in `wrong` only the reader can tell of, those in `bad` the schema for editors, too.
    for folder in ["bad", "wrong"] {
        for (path, name, text) in suites(folder) {
            let Err(problems) = read(folder, &name, &text) else { panic!("{name} is good") };
            expect_file![path.with_extension("txt")].assert_eq(&format!("{problems}\n"));
        }
    }
}

/// Reads a suite of a folder, and what it names beside it.
fn read(folder: &str, name: &str, text: &str) -> Result<Suite, Problems> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/suites").join(folder);
    let given = Given {
        files: &|path| std::fs::read(folder.join(path)).map_err(|error| error.kind().to_string()),
        variables: &[],
        secrets: &[],
        environment: &|name| (name == "SHOP").then(|| "market".to_owned()),
        unset: Unset::Told,
    };
    load(name, text, Origin::User, &given)
}

#[test]
fn hostile_text_does_not_panic() {
    let deep = "[".repeat(50_000);
    let wide = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f]\n";
    for text in [
        "",
        " ",
        "\u{feff}suite: x",
        "---\n---\n",
        "x",
        "[]",
        "{}",
        "~",
        "&a [*a]",
        "? [a]\n: b",
        "a: !tag b",
        "a: .inf",
        "cases:\n\t- x",
        "\0",
        "suite: \"\\x1b[31m\"\ncases: []\ntype: x",
        "suite: x\r\ntype: event\r\ncases:\r\n- nmae: x\r\n",
        "suite: s\ntype: http\nvars: {a: {text: xxxx, times: 1048576}}\ncases: [{name: x, htp: GET /}]",
        "suite: s\ntype: http\nvars: {a: {text: x, times: 99999999999}}\ncases: [{name: '${a}${', http: 7}]",
        "suite: s\ntype: http\ncases: [{name: $$${${}}, http: GET /, matrix: {a: [], b: 7}}]",
        "suite: s\ntype: http\ncases: [7, [], {}, {matrix: [{}], name: x, http: GET /, repeat: -1}]",
        "suite: s\ntype: job\nsetup: [~]\ninclude: [~, '', /]\ncases: [{name: x, event: {size: 9e99}}]",
        &deep,
        wide,
        "suite: ä\ntype: événement # ü\ncases: [{nàme: ö}]",
    ] {
        let problems = parse("x.yaml", text, Origin::User).expect_err("none of this is a suite");
        let told = problems.to_string();
        assert!(!told.contains('\u{1b}') && !problems.list().is_empty(), "{told}");
    }
}
