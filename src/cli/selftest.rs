//! `selftest`: the matrix of rules and the images that prove them.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use scf_conform::engine::EngineError;
use scf_conform::selftest::{self, Fixture, fixtures, proofs, unproved};
use scf_conform::source;

use super::args::Selftest;
use super::engines::{self, EngineName, Places};
use super::environment::{Environment, default_cache_dir, surroundings};
use super::exit::Exit;
use super::term;

/// Checks the checker.
pub(super) fn run(arguments: &Selftest, environment: &Environment) -> Exit {
    let fixtures = match fixtures(&arguments.names) {
        Ok(fixtures) => fixtures,
        Err(error) => return usage(&error.to_string(), "scf-conform selftest --list names all"),
    };
    if arguments.list {
        return term::print(&selftest::list(&fixtures), Exit::Conforms);
    }
    if let Some(dir) = &arguments.export {
        return match fixtures.as_slice() {
            [one] if arguments.names.len() == 1 => export(one, dir),
            _ => usage(
                "--export wants exactly one fixture",
                "scf-conform selftest --export DIR hello",
            ),
        };
    }
    match_up(arguments, environment, &fixtures)
}

fn match_up(arguments: &Selftest, environment: &Environment, fixtures: &[Fixture]) -> Exit {
    let default = || default_cache_dir(&environment.variables);
    let Some(cache) = arguments.cache_dir.clone().or_else(default) else {
        return usage("there is no place for the cache", "name one with --cache-dir");
    };
    let name = match arguments.engine.as_str() {
        "docker" => EngineName::Docker,
        _ => EngineName::Embedded,
    };
    let surroundings = surroundings(&environment.variables);
    let places = Places { cache: &cache, surroundings: &surroundings };
    let engine = match engines::open(name, &places) {
        Ok(engine) => engine,
        Err(error) => {
            let hint = match &error {
                EngineError::Unavailable { hint, .. } => Some(hint.as_str()),
                _ => None,
            };
            term::error(&error.to_string(), hint);
            return Exit::NotChecked;
        }
    };
    let usual = || thread::available_parallelism().map_or(1, Into::into);
    let threads = arguments.jobs.map_or_else(usual, usize::from);
    let matrix = selftest::run(fixtures, threads, &|fixture| {
        selftest::check(fixture, Arc::clone(&engine), &cache)
    });
    // With some of the fixtures only, most rules have no row, and that says nothing.
    let unproved = match arguments.names.as_slice() {
        [] => unproved(fixtures, &proofs()),
        _ => Vec::new(),
    };
    let proved = matrix.holds() && unproved.is_empty();
    let exit = if proved { Exit::Conforms } else { Exit::DoesNotConform };
    term::print(&matrix.text(&unproved), exit)
}

fn export(fixture: &Fixture, dir: &Path) -> Exit {
    let written = fixture
        .build()
        .map_err(|error| error.to_string())
        .and_then(|built| source::export(&built, dir).map_err(|error| error.to_string()));
    match written {
        Ok(()) => term::print(&format!("oci:{}\n", dir.display()), Exit::Conforms),
        Err(error) => {
            term::error(&format!("write `{}`: {error}", dir.display()), None);
            Exit::NotChecked
        }
    }
}

fn usage(message: &str, help: &str) -> Exit {
    term::error(message, Some(help));
    Exit::Usage
}
