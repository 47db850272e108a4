//! What one place says of the options: the command line, the environment, or the file.
//!
//! A [`Layer`] holds texts with the place that each comes from, so that a value is read in
//! one way, whoever gave it, and a mistake in it is told where it was made.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// An option of `check`, whoever sets it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opt {
    /// As in `--init-timeout`; the file's key, too.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) takes: Takes,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// One value.
    One,
    /// Values; those of a variable stand between commas or on lines.
    Many,
    /// Values that may hold commas; those of a variable stand on lines.
    Lines,
    /// Nothing: it is on or off.
    Switch,
}

/// Every option of `check`, in the order of its help.
pub(super) const OPTIONS: &[Opt] = &[
    opt(IMAGES, Takes::Many),
    one("type"),
    one("memory"),
    one("timeout"),
    one("init-timeout"),
    one("concurrency"),
    opt("env", Takes::Lines),
    one("command"),
    one("args"),
    one("name"),
    one("namespace"),
    one("region"),
    switch("static"),
    one("engine"),
    opt("suite", Takes::Many),
    opt("var", Takes::Lines),
    opt("secret", Takes::Lines),
    switch("no-builtin"),
    opt("only", Takes::Many),
    opt("skip", Takes::Many),
    opt("tag", Takes::Many),
    switch("list"),
    one("boots"),
    switch("sweep-memory"),
    one("pull-speed"),
    switch("strict"),
    one("format"),
    opt("report", Takes::Many),
    one("fail-on"),
    one("jobs"),
    switch("fail-fast"),
    switch("keep"),
    one("cache-dir"),
    one("ca"),
    opt("insecure", Takes::Many),
    switch("quiet"),
    switch("verbose"),
    one("color"),
];

/// The images to check; the command line names them without a flag.
pub(super) const IMAGES: &str = "images";

/// The variable that names the file; the file cannot.
pub(super) const CONFIG_VARIABLE: &str = "SCF_CONFORM_CONFIG";

const PREFIX: &str = "SCF_CONFORM_";

const fn opt(name: &'static str, takes: Takes) -> Opt {
    Opt { name, takes }
}

const fn one(name: &'static str) -> Opt {
    opt(name, Takes::One)
}

const fn switch(name: &'static str) -> Opt {
    opt(name, Takes::Switch)
}

/// One value as it was written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// On the command line.
    Flag,
    /// In the environment.
    Variable,
    /// In the file, at these bytes.
    File(Range<usize>),
}

/// What one place says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layer(BTreeMap<&'static str, Vec<Given>>);

impl Layer {
    /// Adds a value; `name` is one of [`OPTIONS`].
    pub(super) fn add(&mut self, name: &'static str, text: impl Into<String>, origin: Origin) {
        debug_assert!(OPTIONS.iter().any(|known| known.name == name), "{name} is no option");
        self.0.entry(name).or_default().push(Given { text: text.into(), origin });
    }

    /// The values of an option; none where it is not set.
    pub(super) fn of(&self, name: &str) -> &[Given] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// What the environment says, and the variables that look like an option and are none.
    /// A variable without a value is not set.
    pub(super) fn from_environment(variables: &BTreeMap<String, String>) -> (Layer, Vec<String>) {
        let mut layer = Layer::default();
        for option in OPTIONS {
            let Some(value) = variables.get(&variable(option.name)) else { continue };
            let values: Vec<&str> = match option.takes {
                Takes::One | Takes::Switch => vec![value],
                Takes::Many => value.split([',', '\n']).map(str::trim).collect(),
                Takes::Lines => value.lines().collect(),
            };
            for value in values.into_iter().filter(|value| !value.is_empty()) {
                layer.add(option.name, value, Origin::Variable);
            }
        }
        let unknown = variables.keys().filter(|name| {
            name.starts_with(PREFIX)
                && *name != CONFIG_VARIABLE
                && !OPTIONS.iter().any(|option| variable(option.name) == **name)
        });
        (layer, unknown.cloned().collect())
    }
}

/// The variable of an option.
pub(super) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// A value as its place shows it: `--memory 100`, `SCF_CONFORM_MEMORY=100`, `memory: 100`.
pub(super) struct Shown<'a>(pub(super) &'static str, pub(super) &'a Given);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(name, Given { text, origin }) = self;
        // A secret is shown nowhere, in a complaint about it neither.
        let text = if *name == "secret" { "***" } else { text };
        match origin {
            Origin::Flag => write!(f, "--{name} {text}"),
            Origin::Variable => write!(f, "{}={text}", variable(name)),
            Origin::File(_) => write!(f, "{name}: {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_split_as_its_option_takes_it() {
        let variables = [
            ("SCF_CONFORM_INIT_TIMEOUT", "5"),
            ("SCF_CONFORM_ONLY", "M*, B001"),
            ("SCF_CONFORM_ENV", "A=1,2\nB=3"),
            ("SCF_CONFORM_STATIC", ""),
            ("SCF_CONFORM_MEMROY", "64"),
            ("SCF_CONFORM_CONFIG", "x.yaml"),
            ("PATH", "/bin"),
        ];
        let variables = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        let (layer, unknown) = Layer::from_environment(&variables);
        let texts = |name| layer.of(name).iter().map(|given| &given.text[..]).collect::<Vec<_>>();
        assert_eq!(texts("init-timeout"), ["5"]);
        assert_eq!(texts("only"), ["M*", "B001"]);
        assert_eq!(texts("env"), ["A=1,2", "B=3"]);
        assert_eq!(texts("static"), [""; 0]);
        assert_eq!(unknown, ["SCF_CONFORM_MEMROY"]);
    }
}
