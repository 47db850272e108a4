//! As a plugin of docker: linked as `docker-scfconform` on docker's plugin path, the program
//! answers as `docker scfconform …`.
//!
//! Docker takes plugins only whose names are lower-case letters and digits. Otherwise the name
//! of the link is the user's choice: `docker-scf` makes `docker scf`.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;

use super::exit::Exit;
use super::term;

/// Names under which docker finds plugins begin so.
const LINK: &str = "docker-";
/// What docker asks every plugin first.
const ASKED: &str = "docker-cli-plugin-metadata";

/// What docker wants to know.
const METADATA: &str = concat!(
    r#"{"SchemaVersion":"0.1.0","Vendor":"scf-conform","Version":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","ShortDescription":"Check images against the contract of Tencent Cloud SCF","URL":"#,
    r#""https://crates.io/crates/scf-conform"}"#,
    "\n"
);

/// How the program was called.
pub(super) enum Called {
    /// By its own name.
    Plainly(Vec<OsString>),
    /// By docker, as a plugin.
    ByDocker {
        /// How the user calls it: `docker scfconform`.
        name: String,
        /// The arguments that are the plugin's, after a name.
        words: Vec<OsString>,
        /// What docker's own options say, as variables.
        variables: Vec<(String, String)>,
    },
    /// By docker, for the plugin's description.
    ForMetadata,
}

/// Takes docker's part off the arguments.
pub(super) fn called(arguments: Vec<OsString>) -> Called {
    let link = arguments.first().and_then(|first| Path::new(first).file_name()?.to_str());
    let Some(plugin) = link.and_then(|link| link.strip_prefix(LINK)).map(str::to_owned) else {
        return Called::Plainly(arguments);
    };
    let words = &arguments[1..];
    if words.first().is_some_and(|word| word == ASKED) {
        return Called::ForMetadata;
    }
    // Docker passes everything on: its own options, the plugin's name, and what follows. Without
    // that name nobody but the user can have called it.
    let (dockers, own) = match words.iter().position(|word| *word == *plugin) {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (&words[..0], words),
    };
    Called::ByDocker {
        words: arguments[..1].iter().chain(own).cloned().collect(),
        variables: variables(dockers),
        name: format!("docker {plugin}"),
    }
}

/// The variables that say the same as docker's options.
fn variables(options: &[OsString]) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut options = options.iter().map(|option| option.to_string_lossy());
    while let Some(option) = options.next() {
        let (flag, value) = match option.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (&*option, None),
        };
        let variable = match flag {
            "-H" | "--host" => "DOCKER_HOST",
            "-c" | "--context" => "DOCKER_CONTEXT",
            "--config" => "DOCKER_CONFIG",
            _ => continue,
        };
        let Some(value) = value.or_else(|| options.next().map(Cow::into_owned)) else {
            break;
        };
        variables.push((variable.to_owned(), value));
    }
    // The context that is named on the command line goes before a host in the environment.
    let names = |name: &str| variables.iter().any(|(variable, _)| variable == name);
    if names("DOCKER_CONTEXT") && !names("DOCKER_HOST") {
        variables.push(("DOCKER_HOST".to_owned(), String::new()));
    }
    variables
}

/// Describes the plugin.
pub(super) fn describe() -> Exit {
    term::print(METADATA, Exit::Conforms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[track_caller]
    fn by_docker(given: &[&str], expected: &[&str], set: &[(&str, &str)]) {
        let called = called(words(&[&["/plugins/docker-scfconform"], given].concat()));
        let Called::ByDocker { name, words, variables } = called else { panic!("{given:?}") };
        assert_eq!(name, "docker scfconform");
        assert_eq!(words[1..], *expected);
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(variables, set);
    }

    #[test]
    fn dockers_part_is_taken_off() {
        by_docker(&["scfconform", "check", "a"], &["check", "a"], &[]);
        by_docker(
            &["--context", "far", "-D", "scfconform", "--help"],
            &["--help"],
            &[("DOCKER_CONTEXT", "far"), ("DOCKER_HOST", "")],
        );
        by_docker(&["--host=tcp://h:1", "scfconform"], &[], &[("DOCKER_HOST", "tcp://h:1")]);
        by_docker(&["check", "a"], &["check", "a"], &[]);
        assert!(matches!(called(words(&["docker-scf", ASKED])), Called::ForMetadata));
        assert!(matches!(called(words(&["scf-conform", ASKED])), Called::Plainly(_)));
        assert!(matches!(called(Vec::new()), Called::Plainly(_)));
    }

    #[test]
    fn the_description_is_what_docker_reads() {
        let read: serde_json::Value = serde_json::from_str(METADATA).expect("JSON");
        assert_eq!(read["SchemaVersion"], "0.1.0");
        assert_eq!(read["Version"], env!("CARGO_PKG_VERSION"));
    }
}
