//! What stands around the options of a command: the environment of the process.

use std::collections::BTreeMap;

/// What every command may look at besides its own arguments.
pub(super) struct Environment {
    /// `--color`, which every command has.
    pub(super) color: Option<String>,
    /// The variables. Names and values that are no text cannot be an option's.
    pub(super) variables: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the variables; `others` are set in their place.
    pub(super) fn read(color: Option<String>, others: Vec<(String, String)>) -> Environment {
        let mut variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        variables.extend(others);
        Environment { color, variables }
    }
}
