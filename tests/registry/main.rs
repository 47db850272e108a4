//! Registries that behave as they like, and a real one. Where `docker-registry` is not installed,
//! its trials are reported as ignored with the reason; `SCF_CONFORM_TEST_REQUIRE_ALL=1` makes that
//! a failure.

mod faulty;
mod real;
mod scripted;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use real::Real;

type Faulty = fn() -> Result<(), Failed>;
type WithReal = fn(&Real) -> Result<(), Failed>;

/// Against a registry that does what a test tells it.
const FAULTY: &[(&str, Faulty)] = &[
    ("an_image_is_read_and_kept", faulty::well_behaved),
    ("a_cut_download_goes_on", faulty::cut_with_ranges),
    ("a_cut_download_begins_anew_without_ranges", faulty::cut_without_ranges),
    ("what_is_cut_for_ever_is_told", faulty::cut_for_ever),
    ("a_busy_registry_is_asked_again", faulty::busy),
    ("a_registry_that_is_busy_for_long_is_told", faulty::busy_for_long),
    ("a_registry_that_fails_twice_is_asked_again", faulty::fails_twice),
    ("a_registry_that_always_fails_is_told", faulty::fails_for_ever),
    ("a_wrong_layer_is_not_kept", faulty::wrong_layer),
    ("a_wrong_config_is_told", faulty::wrong_config),
    ("a_wrong_manifest_is_told", faulty::wrong_manifest),
    ("credentials_follow_no_redirect", faulty::redirect),
    ("a_redirect_in_a_circle_is_told", faulty::circle),
    ("a_body_without_end_is_told", faulty::endless),
    ("a_manifest_without_end_is_told", faulty::endless_manifest),
    ("silence_is_told", faulty::silent),
    ("what_is_no_registry_is_told", faulty::garbage),
    ("a_token_is_got_for_credentials", faulty::token),
    ("wrong_credentials_are_told", faulty::wrong_credentials),
    ("a_wish_to_stop_is_heard", faulty::stopped),
    ("nobody_there_is_told", faulty::nobody),
    ("layers_are_fetched_only_where_they_are_needed", faulty::manifest_only),
    ("the_program_exits_with_3", faulty::exit_code),
];

/// Against a real registry with TLS and passwords.
const REAL: &[(&str, WithReal)] = &[
    ("an_image_is_pushed_and_read", real::there_and_back),
    ("an_index_is_pushed_whole", real::index),
    ("what_is_there_is_not_sent_again", real::twice),
    ("passwords_are_wanted", real::refused),
    ("certificates_are_wanted", real::untrusted),
    ("what_is_not_there_is_told", real::absent),
    ("zstd_layers_are_read", real::zstd),
    ("the_program_pushes_what_conforms", real::program_pushes),
    ("the_program_pushes_nothing_else", real::program_refuses),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let faulty = FAULTY.iter().map(|(name, run)| Trial::test(format!("faulty::{name}"), run));
    let real = REAL.iter().map(|(name, run)| {
        Trial::ignorable_test(format!("real::{name}"), move || match real::registry() {
            Ok(registry) => run(registry).map(|()| Completion::Completed),
            Err(why) if world::required() => Err(why.into()),
            Err(why) => Ok(Completion::ignored_with(why)),
        })
    });
    let conclusion = libtest_mimic::run(&arguments, faulty.chain(real).collect());
    real::stop();
    conclusion.exit_code()
}
