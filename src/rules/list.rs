//! Every rule there is, in the order of the report.

use super::Rule;
use super::{
    closed_files, command, crowd, ends_on_sigterm, engines_agree, exposed_port, hidden_by_tmp,
    image_size, integrity, job_ends, job_environment_size, job_exit_code, job_variable_size,
    layer_compression, leaks_elsewhere, leaks_in_answers, listens, machine_code, manifest_kind,
    memory, memory_for_size, plain_manifest, platform, read_only_root, registry, start_command,
    stays_up, survives_freeze, tag, tmp_directory, tmp_while_running, writes_outside_tmp,
};

/// All rules.
pub const RULES: &[&Rule] = &[
    &manifest_kind::RULE,
    &platform::RULE,
    &plain_manifest::RULE,
    &integrity::RULE,
    &image_size::RULE,
    &memory_for_size::RULE,
    &start_command::RULE,
    &layer_compression::RULE,
    &exposed_port::RULE,
    &registry::RULE,
    &tag::RULE,
    &command::RULE,
    &machine_code::RULE,
    &tmp_directory::RULE,
    &hidden_by_tmp::RULE,
    &closed_files::RULE,
    &listens::RULE,
    &stays_up::RULE,
    &read_only_root::RULE,
    &tmp_while_running::RULE,
    &writes_outside_tmp::RULE,
    &memory::RULE,
    &ends_on_sigterm::RULE,
    &survives_freeze::RULE,
    &engines_agree::RULE,
    &crowd::RULE,
    &job_ends::RULE,
    &job_exit_code::RULE,
    &job_variable_size::RULE,
    &job_environment_size::RULE,
    &leaks_in_answers::RULE,
    &leaks_elsewhere::RULE,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contract;

    #[test]
    fn ids_are_unique_and_clauses_exist() {
        for (at, rule) in RULES.iter().enumerate() {
            let first = RULES.iter().position(|other| other.id == rule.id);
            assert_eq!(first, Some(at), "{} stands twice", rule.id);
            assert!(Contract::scf().clause(rule.clause).is_some(), "{}: {}", rule.id, rule.clause);
            assert!(!rule.title.ends_with('.') && !rule.fix.ends_with('.'), "{}", rule.id);
            assert!(rule.why.ends_with(['.', '"']), "{}", rule.id);
        }
    }
}
