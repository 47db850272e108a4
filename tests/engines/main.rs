//! Against real engines, started by the tests where that is possible: images of theirs are the
//! images that files of them are. Where an engine is not installed, its trials are reported as
//! ignored with the reason; `SCF_CONFORM_TEST_REQUIRE_ALL=1` makes that a failure.

mod engine;
mod image;
mod plugin;
mod push;
mod registry;
mod source;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use engine::Engine;
use registry::Registries;

type Run = fn(&Engine) -> Result<(), Failed>;

/// What holds for every engine.
const FOR_EACH: &[(&str, Run)] = &[
    ("an_image_is_read", source::image_is_read),
    ("an_image_that_is_not_there_is_told", source::absent_is_told),
    ("a_second_time_nothing_is_exported", source::second_time),
    ("what_is_in_the_cache_is_not_written_again", source::shared_layers),
    ("every_source_gives_the_same_verdicts", source::same_verdicts),
];

type RunWithRegistries = fn(&Engine, &Registries) -> Result<(), Failed>;

/// What holds for every engine and the registries that it pushes to.
const WITH_REGISTRIES: &[(&str, RunWithRegistries)] = &[
    ("what_conforms_is_pushed", push::conforming),
    ("a_name_of_another_image_is_given_back", push::name_given_back),
    ("of_what_does_not_conform_nothing_is_pushed", push::failing),
    ("a_registry_that_refuses_is_told", push::refusing),
    ("dockers_credentials_are_used", push::with_credentials),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("no_engine_is_told", source::no_engine),
        Trial::ignorable_test("docker::the_plugin_answers", plugin::answers),
    ];
    for (name, engine) in [("docker", engine::docker as fn() -> _), ("podman", engine::podman)] {
        for (what, run) in FOR_EACH {
            trials.push(trial(name, what, move || engine().map(run)));
        }
        for (what, run) in WITH_REGISTRIES {
            trials.push(trial(name, what, move || Ok(run(engine()?, registry::registries()?))));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    engine::stop();
    registry::stop();
    conclusion.exit_code()
}

/// A trial, whose outer error is why it cannot be run here.
fn trial(
    name: &str,
    what: &str,
    run: impl FnOnce() -> Result<Result<(), Failed>, String> + Send + 'static,
) -> Trial {
    Trial::ignorable_test(format!("{name}::{what}"), || match run() {
        Ok(done) => done.map(|()| Completion::Completed),
        Err(why) if required() => Err(why.into()),
        Err(why) => Ok(Completion::ignored_with(why)),
    })
}

/// Whether no test may be left out.
#[expect(clippy::disallowed_methods, reason = "a test may read its environment")]
fn required() -> bool {
    std::env::var_os("SCF_CONFORM_TEST_REQUIRE_ALL").is_some_and(|value| value == "1")
}
