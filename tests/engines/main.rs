//! Against real engines, started by the tests where that is possible: images of theirs are the
//! images that files of them are. Where an engine is not installed, its trials are reported as
//! ignored with the reason; `SCF_CONFORM_TEST_REQUIRE_ALL=1` makes that a failure.

mod engine;
mod image;
mod source;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use engine::Engine;

type Run = fn(&Engine) -> Result<(), Failed>;

/// What holds for every engine.
const FOR_EACH: &[(&str, Run)] = &[
    ("an_image_is_read", source::image_is_read),
    ("an_image_that_is_not_there_is_told", source::absent_is_told),
    ("a_second_time_nothing_is_exported", source::second_time),
    ("what_is_in_the_cache_is_not_written_again", source::shared_layers),
    ("every_source_gives_the_same_verdicts", source::same_verdicts),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("no_engine_is_told", source::no_engine)];
    for (name, engine) in [("docker", engine::docker as fn() -> _), ("podman", engine::podman)] {
        for (what, run) in FOR_EACH {
            trials.push(Trial::ignorable_test(format!("{name}::{what}"), move || match engine() {
                Ok(engine) => run(engine).map(|()| Completion::Completed),
                Err(why) if required() => Err(why.into()),
                Err(why) => Ok(Completion::ignored_with(why)),
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    engine::stop();
    conclusion.exit_code()
}

/// Whether no test may be left out.
#[expect(clippy::disallowed_methods, reason = "a test may read its environment")]
fn required() -> bool {
    std::env::var_os("SCF_CONFORM_TEST_REQUIRE_ALL").is_some_and(|value| value == "1")
}
