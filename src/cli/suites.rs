//! Reads the suites that a user names, with their files and variables.

use std::collections::BTreeMap;
use std::path::Path;

use scf_conform::nearest::nearest;
use scf_conform::suite::{Given, Origin, Problems, Style, Suite, Unset, load};
use scf_conform::user_file::{self, LARGEST_BODY};

/// Where the values of variables come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    /// `--var NAME=VALUE`.
    pub(super) variables: Vec<(String, String)>,
    /// `--secret NAME=VALUE`; they are shown nowhere.
    pub(super) secrets: Vec<(String, String)>,
    /// The environment.
    pub(super) environment: BTreeMap<String, String>,
}

/// Why a suite was not read.
pub(super) enum Unread {
    /// The file itself.
    File(String),
    /// What stands in it.
    Problems(Problems),
}

impl Unread {
    /// As text for people.
    pub(super) fn render(&self, style: Style) -> String {
        match self {
            Unread::File(message) => format!("error: {message}"),
            Unread::Problems(problems) => problems.render(style),
        }
    }
}

/// Reads a suite from a file.
pub(super) fn read(file: &str, values: &Values, unset: Unset) -> Result<Suite, Unread> {
    let text = user_file::text(Path::new(file))
        .map_err(|error| Unread::File(format!("read suite `{file}`: {error}")))?;
    let given = Given {
        files: &|path| {
            user_file::read(Path::new(path), LARGEST_BODY).map_err(|error| error.to_string())
        },
        variables: &values.variables,
        secrets: &values.secrets,
        environment: &|name| values.environment.get(name).cloned(),
        unset,
    };
    load(file, &text, Origin::User, &given).map_err(Unread::Problems)
}

impl Values {
    /// Values for variables that no suite has, a line each.
    pub(super) fn undeclared(&self, suites: &[Suite]) -> Vec<String> {
        let known: Vec<&str> = suites
            .iter()
            .flat_map(|suite| &suite.variables)
            .map(|(name, _)| name.as_str())
            .collect();
        let given = [("var", &self.variables), ("secret", &self.secrets)];
        let each =
            given.into_iter().flat_map(|(option, list)| list.iter().map(move |it| (option, it)));
        let unknown = each.filter(|(_, (name, _))| !known.contains(&name.as_str()));
        unknown
            .map(|(option, (name, _))| {
                let help = match nearest(name, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "a suite names its variables under `vars:`".to_owned(),
                };
                format!(
                    "error: `--{option} {name}=…`: no suite has a variable `{name}`\n  help: {help}"
                )
            })
            .collect()
    }
}
