//! `selftest`: the matrix of rules and the images that prove them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use clap::{Args, ValueHint};
use scf_conform::endpoint::Surroundings;
use scf_conform::engine::docker::Docker;
use scf_conform::engine::{Engine, EngineError};
use scf_conform::selftest::{
    self, Fixture, Matrix, SENT, SendError, Sent, fixtures, proofs, unproved,
};
use scf_conform::source;
use scf_conform::variables::{default_cache_dir, surroundings};

use super::engines::{self, EngineName, Places};
use super::environment::Environment;
use super::exit::Exit;
use super::term;

/// Check the checker, on images that break one rule each
///
/// Builds every fixture image, checks it, and prints what was expected and what was found, rule
/// by rule.
#[derive(Debug, Args)]
pub(super) struct Selftest {
    /// Fixtures to check [default: all]
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,

    /// Name the fixture images, and check nothing
    #[arg(long)]
    pub(super) list: bool,

    /// Write the image of the one fixture that is named as an OCI layout, and check nothing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "list")]
    pub(super) export: Option<PathBuf>,

    /// How many to check side by side [default: one a core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,

    /// Who boots the images: embedded, docker, or both after a comma
    #[arg(long, value_name = "ENGINE", default_value = "embedded", value_delimiter = ',')]
    #[arg(value_parser = ["embedded", "docker"], hide_possible_values = true)]
    pub(super) engine: Vec<String>,

    /// Keep unpacked images here [default: ~/.cache/scf-conform]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCF_CONFORM_CACHE_DIR")]
    pub(super) cache_dir: Option<PathBuf>,
}

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
    let surroundings = surroundings(&environment.variables);
    let has = |word: &str| arguments.engine.iter().any(|name| name == word);
    let engines = match open(has("embedded"), has("docker"), &cache, &surroundings) {
        Ok(engines) => engines,
        Err(error) => {
            let hint = match &error {
                EngineError::Unavailable { hint, .. } => Some(hint.as_str()),
                _ => None,
            };
            return not_checked(&error.to_string(), hint);
        }
    };
    let usual = || thread::available_parallelism().map_or(1, Into::into);
    let threads = arguments.jobs.map_or_else(usual, usize::from);
    let booted: Vec<Fixture> =
        fixtures.iter().filter(|fixture| !fixture.settings.is_static).cloned().collect();
    let mut matrix = Matrix::default();
    for (number, engine) in engines.all().enumerate() {
        // What is not booted is the same for every engine.
        let fixtures = if number == 0 { fixtures } else { booted.as_slice() };
        let found = selftest::run(fixtures, threads, &|fixture| {
            selftest::check(fixture, Arc::clone(&engine), &cache)
        });
        matrix.add(engine.name(), found);
    }
    if arguments.names.is_empty() {
        match sent(fixtures, &engines, &cache, &surroundings) {
            Ok(sent) => matrix.sent = sent,
            Err(error) => return not_checked(&error.to_string(), None),
        }
    }
    // With some of the fixtures only, most rules have no row, and that says nothing.
    let unproved = match arguments.names.as_slice() {
        [] => unproved(fixtures, &proofs()),
        _ => Vec::new(),
    };
    let proved = matrix.holds() && unproved.is_empty();
    let exit = if proved { Exit::Conforms } else { Exit::DoesNotConform };
    term::print(&matrix.text(&unproved), exit)
}

/// The engines that were asked for; at least one of them.
struct Engines {
    embedded: Option<Arc<dyn Engine>>,
    docker: Option<Arc<Docker>>,
}

impl Engines {
    fn all(&self) -> impl Iterator<Item = Arc<dyn Engine>> {
        let docker = self.docker.iter().map(|docker| Arc::clone(docker) as Arc<dyn Engine>);
        self.embedded.iter().cloned().chain(docker)
    }
}

fn open(
    embedded: bool,
    docker: bool,
    cache: &Path,
    surroundings: &Surroundings,
) -> Result<Engines, EngineError> {
    let places = Places { cache, surroundings };
    let embedded = embedded.then(|| engines::open(EngineName::Embedded, &places)).transpose()?;
    let docker = docker.then(|| Docker::open(surroundings)).transpose()?.map(Arc::new);
    Ok(Engines { embedded, docker })
}

/// Sends images through every source; through the docker engine only where it was asked for,
/// since that puts images there for a moment.
fn sent(
    fixtures: &[Fixture],
    engines: &Engines,
    cache: &Path,
    surroundings: &Surroundings,
) -> Result<Vec<Sent>, SendError> {
    let Some(engine) = engines.all().next() else { return Ok(Vec::new()) };
    let docker = engines.docker.as_deref().map(|docker| (docker, surroundings));
    fixtures
        .iter()
        .filter(|fixture| SENT.contains(&fixture.name.as_str()))
        .map(|fixture| selftest::send(fixture, &engine, cache, docker))
        .collect()
}

fn not_checked(message: &str, hint: Option<&str>) -> Exit {
    term::error(message, hint);
    Exit::NotChecked
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
