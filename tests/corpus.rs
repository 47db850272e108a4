//! Every fixture as a named trial, really checked; and for every rule and case its two rows.
//!
//! `image::NAME` is about the recipe, `fixture::NAME` about what the check of the image finds,
//! `sources::NAME` about the same image from every source, `proof::ID` about the rule or case.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use scf_conform::check::Cause;
use scf_conform::engine::Engine;
use scf_conform::engine::embedded::Embedded;
use scf_conform::image::Blobs as _;
use scf_conform::image::recipe::{Built, FIXTURES};
use scf_conform::oci::Digest;
use scf_conform::selftest::{self, Fixture, Proof, fixtures, proofs, unproved};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let scratch = match tempfile::tempdir() {
        Ok(directory) => directory,
        Err(error) => panic!("make a temporary directory: {error}"),
    };
    let program = PathBuf::from(env!("CARGO_BIN_EXE_scf-conform"));
    let engine = Embedded::new(scratch.path().to_owned()).with_executable(program);
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let mut trials = Vec::new();
    for (name, text) in FIXTURES {
        trials.push(Trial::test(format!("image::{name}"), || whole(name, text)));
        let (engine, scratch) = (Arc::clone(&engine), scratch.path().to_owned());
        if selftest::SENT.contains(name) {
            let (engine, scratch) = (Arc::clone(&engine), scratch.clone());
            trials.push(Trial::ignorable_test(format!("sources::{name}"), move || {
                if let Err(error) = Embedded::available() {
                    return Ok(Completion::ignored_with(error.to_string()));
                }
                let fixture = Fixture::parse(name, text)?;
                let sent = selftest::send(&fixture, &engine, &scratch, None)?;
                match sent.deviations.as_slice() {
                    [] => Ok(Completion::Completed),
                    lines => Err(lines.join("\n").into()),
                }
            }));
        }
        trials.push(Trial::ignorable_test(format!("fixture::{name}"), move || {
            let fixture = Fixture::parse(name, text)?;
            if let (false, Err(error)) = (fixture.settings.is_static, Embedded::available()) {
                return Ok(Completion::ignored_with(error.to_string()));
            }
            let row = selftest::compare(&fixture, &selftest::check(&fixture, engine, &scratch));
            if row.holds() {
                Ok(Completion::Completed)
            } else {
                Err(row.deviations.join("\n").into())
            }
        }));
    }
    trials.extend(
        proofs()
            .into_iter()
            .map(|proof| Trial::test(format!("proof::{}", proof.id), move || has_its_rows(proof))),
    );
    trials.push(Trial::test("causes", every_cause_has_a_fixture));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A fixture's file says what it has to, and its image is built to the same bytes each time,
/// each blob what its name says unless it is wrong on purpose.
fn whole(name: &str, text: &str) -> Result<(), Failed> {
    let fixture = Fixture::parse(name, text)?;
    fixture.function()?;
    fixture.reference()?;
    if fixture.about.is_empty() || fixture.about.ends_with('.') {
        return Err("`about` is half a sentence, without a full stop".into());
    }
    if let Some(id) = &fixture.proves.breaks
        && !fixture.breaks(id)
    {
        return Err(format!("breaks {id}, and does not expect it to fail").into());
    }
    let (first, second) = (fixture.build()?, fixture.build()?);
    if root(&first)? != root(&second)? {
        return Err("is not built to the same bytes each time".into());
    }
    let wrong = wrong_blobs(&first)?;
    let faults = &fixture.image.manifest.faults;
    if faults.is_empty() && wrong > 0 {
        return Err(format!("{wrong} blobs are not what their digests say").into());
    }
    Ok(())
}

fn root(built: &Built) -> Result<Vec<u8>, Failed> {
    let root = built.root()?;
    match root.digest {
        Some(digest) if digest == Digest::of(&root.bytes) => Ok(root.bytes),
        _ => Err("the root is not what its digest says".into()),
    }
}

fn wrong_blobs(built: &Built) -> Result<usize, Failed> {
    let mut wrong = 0;
    for digest in built.digests() {
        let mut bytes = Vec::new();
        built.blob(digest)?.read_to_end(&mut bytes)?;
        wrong += usize::from(Digest::of(&bytes) != *digest);
    }
    Ok(wrong)
}

fn has_its_rows(proof: Proof) -> Result<(), Failed> {
    match unproved(&fixtures(&[])?, &[proof]).as_slice() {
        [] => Ok(()),
        lines => Err(lines.join("\n").into()),
    }
}

fn every_cause_has_a_fixture() -> Result<(), Failed> {
    let fixtures = fixtures(&[])?;
    let shown = |cause| {
        let failures = |fixture: &Fixture| fixture.expect.fails.clone();
        fixtures.iter().flat_map(failures).any(|failure| failure.cause == Some(cause))
    };
    let missing: Vec<&str> =
        Cause::ALL.into_iter().filter(|cause| !shown(*cause)).map(Cause::word).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no fixture: {missing:?}").into()) }
}
