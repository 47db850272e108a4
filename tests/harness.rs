//! The harness, as a user's project has it: this program is that project's test where it is told an
//! image by a variable, and starts itself so to see what comes of it.
#![expect(clippy::disallowed_methods, reason = "starts itself, reads the variable")]

use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use scf_conform::engine::embedded::HOLDER_WORD;

/// The image, where this is the user's test.
const IMAGE: &str = "CONFORM_TEST_HARNESS_IMAGE";

fn main() -> ExitCode {
    // The child that holds an instance is this program as well, with an empty environment.
    let holds = std::env::args().nth(1).is_some_and(|word| word == HOLDER_WORD);
    match std::env::var(IMAGE) {
        Ok(image) => return scf_conform::harness::main(&image),
        Err(_) if holds => return scf_conform::harness::main(""),
        Err(_) => {}
    }
    let trials = vec![
        Trial::test("each_check_is_a_test", each_check_is_a_test),
        Trial::test("one_check_can_be_run_alone", one_check_alone),
        Trial::test("a_failure_says_what_to_change", a_failure_says_what_to_change),
        Trial::test("an_image_that_is_not_there_is_told", absent),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

struct Ran {
    success: bool,
    out: String,
}

fn user(image: &str, arguments: &[&str]) -> Result<Ran, Failed> {
    let cache = tempfile::tempdir()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).env(IMAGE, image).env("XDG_CACHE_HOME", cache.path());
    let output = command.output()?;
    Ok(Ran { success: output.status.success(), out: String::from_utf8(output.stdout)? })
}

fn wanted(holds: bool, ran: &Ran) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(ran.out.clone().into()) }
}

fn each_check_is_a_test() -> Result<(), Failed> {
    let listed = user("fixture:hello", &["--list"])?;
    for id in ["M001 ", "F001 ", "B001 ", "E001 ", "H001 ", "S002 "] {
        let count = listed.out.lines().filter(|line| line.starts_with(id)).count();
        wanted(count == 1, &listed)?;
    }
    let all = user("fixture:hello", &[])?;
    wanted(all.success && all.out.contains(" 0 failed"), &all)?;
    let passed = |id: &str| {
        let mut of = all.out.lines().filter(|line| line.contains(id));
        of.any(|line| line.ends_with("... ok"))
    };
    wanted(passed("B001 ") && passed("E001 ") && !passed("H001 "), &all)
}

fn one_check_alone() -> Result<(), Failed> {
    let listed = user("fixture:hello", &["--list"])?;
    let line = listed.out.lines().find(|line| line.starts_with("B004 "));
    let name = line.and_then(|line| line.strip_suffix(": test"));
    let name = name.ok_or_else(|| listed.out.clone())?;
    let ran = user("fixture:b004-fills-tmp", &["--exact", name])?;
    wanted(!ran.success && ran.out.contains("1 failed"), &ran)?;
    let ran = user("fixture:hello", &["--exact", name])?;
    wanted(ran.success && ran.out.contains("1 passed"), &ran)
}

fn a_failure_says_what_to_change() -> Result<(), Failed> {
    let ran = user("fixture:b001-loopback", &["B001"])?;
    let all = ["cause: loopback-bind", "fix: listen on 0.0.0.0:", "contract: ", "583/41076"];
    wanted(!ran.success && all.iter().all(|part| ran.out.contains(part)), &ran)
}

fn absent() -> Result<(), Failed> {
    let ran = user("oci:no/such/dir", &["M001"])?;
    wanted(!ran.success && ran.out.contains("no/such/dir"), &ran)
}
