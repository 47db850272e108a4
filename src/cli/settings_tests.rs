//! How settings come about, and how a wrong one is told.

use super::super::layer::OPTIONS;
use super::*;
use scf_conform::contract::MemoryMb;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let home = [("HOME", "/home/me")];
    let pairs = home.iter().chain(pairs);
    pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn flags(pairs: &[(&str, &str)]) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in pairs {
        let option = OPTIONS.iter().find(|option| option.name == *name).expect("an option");
        layer.add(option.name, *value, Origin::Flag);
    }
    layer
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::new(&[&flags(pairs)], &environment(&[])).expect("good settings")
}

#[test]
fn what_is_not_set_has_the_value_that_the_help_names() {
    let settings = settings(&[]);
    assert_eq!(settings.function.kind, None);
    assert_eq!(settings.function.memory, None);
    assert_eq!(settings.function.timeout.as_secs(), 3);
    assert_eq!(settings.function.init_timeout.as_secs(), 30);
    assert_eq!(settings.boots, 1);
    assert_eq!(settings.format.name, "text");
    assert_eq!(settings.fail_on, Severity::Error);
    assert!(settings.builtin && !settings.static_only && settings.selection.is_all());
    assert_eq!(settings.cache_dir, PathBuf::from("/home/me/.cache/scf-conform"));
}

#[test]
fn the_first_place_that_sets_an_option_counts() {
    let flags = flags(&[("memory", "128")]);
    let variables = environment(&[
        ("SCF_CONFORM_MEMORY", "256"),
        ("SCF_CONFORM_TIMEOUT", "5"),
        ("SCF_CONFORM_STATIC", "0"),
        ("XDG_CACHE_HOME", "/cache"),
    ]);
    let (variable_layer, _) = Layer::from_environment(&variables);
    let file = crate::cli::file::read("memory: 512\ntimeout: 7\nboots: 9\nstatic: true\n");
    let layers = [&flags, &variable_layer, &file.expect("a good file").layer];
    let settings = Settings::new(&layers, &variables).expect("good settings");
    assert_eq!(settings.function.memory.map(MemoryMb::megabytes), Some(128));
    assert_eq!(settings.function.timeout.as_secs(), 5);
    assert_eq!(settings.boots, 9);
    assert!(!settings.static_only);
    assert_eq!(settings.cache_dir, PathBuf::from("/cache/scf-conform"));
}

#[test]
fn values_become_what_the_library_takes() {
    let settings = settings(&[
        ("type", "http"),
        ("env", "A=1=2"),
        ("env", "B="),
        ("timeout", "10s"),
        ("only", "B*"),
        ("report", "junit=out=1.xml"),
        ("report", "json=r.json"),
        ("verbose", "true"),
        ("no-builtin", "true"),
    ]);
    assert_eq!(settings.function.kind, Some(FunctionType::Http));
    let env = [("A", "1=2"), ("B", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(settings.function.env, env);
    assert_eq!(settings.function.timeout.as_secs(), 10);
    assert!(
        settings.selection.wants("B001", "", &[]) && !settings.selection.wants("M001", "", &[])
    );
    assert_eq!(settings.reports[0].path, PathBuf::from("out=1.xml"));
    assert_eq!(settings.reports[1].format.name, "json");
    assert_eq!(settings.detail, Detail::Full);
    assert!(!settings.builtin);
}

#[test]
fn a_wrong_value_is_told_with_what_is_right() {
    for (name, value, message) in [
        ("memory", "100", "`--memory 100` is not offered: use 64, or 128 to 3072 in steps of 128"),
        (
            "memory",
            "512MB",
            "`--memory 512MB` is no number of MB: use 64, or 128 to 3072 in steps of 128",
        ),
        ("timeout", "1.5", "`--timeout 1.5` is no whole number of seconds"),
        ("timeout", "0", "`--timeout 0` is refused: timeout of 0 s is outside of 1 to 900 s"),
        ("env", "A", "`--env A` is no variable: write NAME=VALUE"),
        ("env", "=1", "`--env =1` is no variable: write NAME=VALUE"),
        (
            "env",
            "SCF_X=1",
            "`--env SCF_X=1` is refused: variable `SCF_X` begins with `SCF_`, which is the platform's own",
        ),
        ("boots", "0", "`--boots 0` is no number from 1 to 1000"),
        ("jobs", "-1", "`--jobs -1` is no number from 1 to 1024"),
        ("only", " ", "`--only  ` is no pattern: the pattern is empty"),
        ("format", "jsno", "`--format jsno` names no format: use text, json, junit"),
        ("report", "sarif=x", "`--report sarif=x` names no format: use text, json, junit"),
        ("report", "junit", "`--report junit` names no file: write FORMAT=FILE"),
        ("report", "junit=-", "`--report junit=-` is no file"),
        ("fail-on", "info", "`--fail-on info` is none of error, warning"),
        (
            "engine",
            "podman",
            "`--engine podman` is none of auto, embedded, docker, embedded,docker",
        ),
        (
            "name",
            "my function",
            "`--name my function` is no name: use letters, digits, `-` and `_`",
        ),
        ("static", "maybe", "`--static maybe` is a switch: use true or false"),
    ] {
        let wrong = Settings::new(&[&flags(&[(name, value)])], &environment(&[]));
        assert_eq!(wrong.expect_err(value).message, message);
    }
}

#[test]
fn a_wrong_value_names_its_place() {
    let variables = environment(&[("SCF_CONFORM_FAIL_ON", "warnin")]);
    let (layer, _) = Layer::from_environment(&variables);
    let wrong = Settings::new(&[&layer], &variables).expect_err("a typo");
    assert_eq!(wrong.message, "`SCF_CONFORM_FAIL_ON=warnin` is none of error, warning");
    assert_eq!(wrong.help.as_deref(), Some("did you mean `warning`?"));

    let text = "boots: many\n";
    let layer = crate::cli::file::read(text).expect("a good file").layer;
    let wrong = Settings::new(&[&layer], &environment(&[])).expect_err("no number");
    let Origin::File(span) = wrong.origin else { panic!("{:?}", wrong.origin) };
    assert_eq!(&text[span], "many");
}

#[test]
fn a_file_is_written_once() {
    let twice = [("report", "json=a"), ("report", "junit=a")];
    let wrong = Settings::new(&[&flags(&twice)], &environment(&[])).expect_err("one file");
    assert_eq!(wrong.message, "`--report junit=a` names a file that another report is written to");
}

#[test]
fn without_a_home_the_cache_has_to_be_named() {
    let nowhere = BTreeMap::new();
    let wrong = Settings::new(&[&Layer::default()], &nowhere).expect_err("no place");
    assert!(wrong.message.contains("XDG_CACHE_HOME"), "{}", wrong.message);
    assert!(Settings::new(&[&flags(&[("cache-dir", "x")])], &nowhere).is_ok());
}
