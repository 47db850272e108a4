//! A fixture: an image, how it is to be checked, and what has to come out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::matrix::fits;
use crate::check::{Cause, Severity};
use crate::contract::{Function, FunctionError, FunctionType, MemoryMb};
use crate::endpoint::Surroundings;
use crate::engine::Engine;
use crate::image::recipe::{Built, FIXTURES, Recipe, RecipeError};
use crate::oci::{Reference, ReferenceError};
use crate::pipeline::{Job, Measure};
use crate::registry::Access;
use crate::report::Verdict;
use crate::selection::{Glob, Selection};
use crate::source::Local;

/// One file of `fixtures/images`.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The file's name without its extension.
    pub name: String,
    /// What the image does, in half a sentence.
    pub about: String,
    /// Which rules and cases it is a proof of.
    pub proves: Proves,
    /// What has to come out.
    pub expect: Expected,
    /// How it is to be checked.
    pub settings: Settings,
    /// The image.
    pub image: Recipe,
}

/// Which rules and cases a fixture is a proof of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proves {
    /// The one that it breaks.
    pub breaks: Option<String>,
    /// Those that it keeps, being a near miss; `E*` stands for all that begin so.
    pub keeps: Vec<String>,
}

/// What has to come out.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The verdict, failures counting from error up.
    pub verdict: Verdict,
    /// Checks that have to fail.
    pub fails: Vec<Failure>,
    /// Checks that may fail, as a plain consequence of those; `E*` stands for all that
    /// begin so. If one fails and has a cause here, it has to be that cause.
    pub follows: Vec<Failure>,
    /// Texts that must stand in what is told of a check, by its id: its message, its evidence
    /// or its fix.
    pub says: BTreeMap<String, Vec<String>>,
}

/// One check that fails; written as its id, and a cause or a severity after it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Failure {
    /// Its id.
    pub id: String,
    /// Its cause; `None` where any will do.
    pub cause: Option<Cause>,
    /// Its severity; `None` where any will do.
    pub severity: Option<Severity>,
}

/// How a fixture is to be checked: the options of `check`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// `--type`; `None` for `auto`.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// `--static`.
    #[serde(rename = "static")]
    pub is_static: bool,
    /// `--memory`.
    memory: Option<u32>,
    /// `--timeout`, in seconds.
    timeout: Option<u64>,
    /// `--init-timeout`, in seconds.
    init_timeout: Option<u64>,
    /// `--concurrency`.
    concurrency: Option<u32>,
    /// `--env`.
    env: BTreeMap<String, String>,
    /// `--command`.
    command: Option<String>,
    /// `--args`.
    args: Option<String>,
    /// `--region`.
    region: Option<String>,
    /// `--strict`.
    strict: bool,
    /// `--only`: the ids and globs to which the check is limited; all where empty.
    pub only: Vec<String>,
    /// The reference under which the image is looked at, where its name matters.
    #[serde(rename = "as")]
    reference: Option<String>,
    /// Whether it takes seconds, so that one may leave it out.
    pub slow: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Event,
    Http,
    Job,
}

/// Why a fixture cannot be used: its file's own fault.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The file is no fixture.
    #[error("fixture `{name}`: {source}")]
    Yaml {
        /// The fixture.
        name: String,
        /// What is wrong, and where.
        source: serde_yaml::Error,
    },
    /// The image cannot be made.
    #[error("fixture `{name}`: {source}")]
    Recipe {
        /// The fixture.
        name: String,
        /// What is wrong.
        source: RecipeError,
    },
    /// The function is none that the platform takes.
    #[error("fixture `{name}`: {source}")]
    Function {
        /// The fixture.
        name: String,
        /// What is wrong.
        source: FunctionError,
    },
    /// The name under which it is looked at is none.
    #[error("fixture `{name}`: {source}")]
    Reference {
        /// The fixture.
        name: String,
        /// What is wrong.
        source: ReferenceError,
    },
    /// There is none of that name.
    #[error("there is no fixture `{0}`")]
    Unknown(String),
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    #[serde(default)]
    proves: Proves,
    expect: ExpectFile,
    #[serde(default)]
    check: Settings,
    image: Recipe,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectFile {
    verdict: VerdictWord,
    #[serde(default)]
    fails: Vec<Failure>,
    #[serde(default)]
    follows: Vec<Failure>,
    #[serde(default)]
    says: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum VerdictWord {
    Conforms,
    DoesNotConform,
    NotChecked,
}

/// The fixtures of these names, or all where there are none, in the order of their names.
///
/// # Errors
///
/// Where a name is unknown, or a file is no fixture.
pub fn fixtures(names: &[String]) -> Result<Vec<Fixture>, FixtureError> {
    if let Some(unknown) =
        names.iter().find(|name| !FIXTURES.iter().any(|(known, _)| known == &name.as_str()))
    {
        return Err(FixtureError::Unknown(unknown.clone()));
    }
    FIXTURES
        .iter()
        .filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name))
        .map(|(name, text)| Fixture::parse(name, text))
        .collect()
}

impl Fixture {
    /// Reads a fixture's file.
    ///
    /// # Errors
    ///
    /// Where it is none.
    pub fn parse(name: &str, text: &str) -> Result<Fixture, FixtureError> {
        let file: File = serde_yaml::from_str(text)
            .map_err(|source| FixtureError::Yaml { name: name.to_owned(), source })?;
        Ok(Fixture {
            name: name.to_owned(),
            about: file.about,
            proves: file.proves,
            expect: Expected {
                verdict: match file.expect.verdict {
                    VerdictWord::Conforms => Verdict::Conforms,
                    VerdictWord::DoesNotConform => Verdict::DoesNotConform,
                    VerdictWord::NotChecked => Verdict::NotChecked,
                },
                fails: file.expect.fails,
                follows: file.expect.follows,
                says: file.expect.says,
            },
            settings: file.check,
            image: file.image,
        })
    }

    /// Whether this is a proof of breaking that rule or case.
    #[must_use]
    pub fn breaks(&self, id: &str) -> bool {
        self.proves.breaks.as_deref() == Some(id)
            && self.expect.fails.iter().any(|failure| failure.id == id)
    }

    /// Whether this is a near miss of that rule or case.
    #[must_use]
    pub fn keeps(&self, id: &str) -> bool {
        self.proves.keeps.iter().any(|wanted| fits(wanted, id))
    }

    /// Makes the image.
    ///
    /// # Errors
    ///
    /// Where the recipe is at fault.
    pub fn build(&self) -> Result<Built, FixtureError> {
        let place = format!("fixture:{}", self.name);
        let failed = |source| FixtureError::Recipe { name: self.name.clone(), source };
        self.image.build(&place).map_err(failed)
    }

    /// The function that the image is checked as.
    ///
    /// # Errors
    ///
    /// Where the platform would not take it.
    pub fn function(&self) -> Result<Function, FixtureError> {
        let failed = |source| FixtureError::Function { name: self.name.clone(), source };
        let settings = &self.settings;
        let usual = Function::default();
        let function = Function {
            kind: settings.kind.map(|kind| match kind {
                Kind::Event => FunctionType::Event,
                Kind::Http => FunctionType::Http,
                Kind::Job => FunctionType::Job,
            }),
            memory: settings.memory.map(MemoryMb::new).transpose().map_err(failed)?,
            timeout: settings.timeout.map_or(usual.timeout, Duration::from_secs),
            init_timeout: settings.init_timeout.map_or(usual.init_timeout, Duration::from_secs),
            env: settings.env.clone().into_iter().collect(),
            command: settings.command.clone(),
            args: settings.args.clone(),
            region: settings.region.clone(),
            strict: settings.strict,
            concurrency: settings.concurrency.unwrap_or(usual.concurrency),
            ..usual
        };
        function.validate().map_err(failed)?;
        Ok(function)
    }

    /// What checks this fixture, with its own options.
    ///
    /// # Errors
    ///
    /// Where its file is at fault.
    pub fn job(&self, engine: Arc<dyn Engine>, scratch: &Path) -> Result<Job, FixtureError> {
        let failed = |source| FixtureError::Reference { name: self.name.clone(), source };
        let own = format!("fixture:{}", self.name);
        let globs = self.settings.only.iter().filter_map(|glob| glob.parse::<Glob>().ok());
        Ok(Job {
            reference: Reference::parse(&own, |_: &Path| false).map_err(failed)?,
            known_as: self.settings.reference.as_ref().map(|_| self.reference()).transpose()?,
            function: self.function()?,
            engine: (!self.settings.is_static).then_some(engine),
            compare_with: Vec::new(),
            suites: Arc::default(),
            builtin: true,
            selection: Selection { only: globs.collect(), ..Selection::default() },
            boots: 1,
            measure: Measure::default(),
            local: Local {
                scratch: scratch.to_owned(),
                surroundings: Surroundings::default(),
                registry: Access::default(),
            },
        })
    }

    /// The reference under which the image is looked at: `fixture:NAME`, or another name
    /// where the name is what matters.
    ///
    /// # Errors
    ///
    /// Where that is none.
    pub fn reference(&self) -> Result<Reference, FixtureError> {
        let usual = format!("fixture:{}", self.name);
        let text = self.settings.reference.as_ref().unwrap_or(&usual);
        Reference::parse(text, |_: &Path| false)
            .map_err(|source| FixtureError::Reference { name: self.name.clone(), source })
    }
}

impl TryFrom<String> for Failure {
    type Error = String;

    /// Reads the id and, where they matter, a cause and a severity after it.
    fn try_from(text: String) -> Result<Failure, String> {
        let mut words = text.split_whitespace();
        let id = words.next().ok_or("an id is missing")?.to_owned();
        let mut failure = Failure { id, cause: None, severity: None };
        for word in words {
            match (Cause::from_word(word), word) {
                (Some(cause), _) => failure.cause = Some(cause),
                (None, "info") => failure.severity = Some(Severity::Info),
                (None, "warning") => failure.severity = Some(Severity::Warning),
                (None, "error") => failure.severity = Some(Severity::Error),
                (None, _) => return Err(format!("`{word}` is neither a cause nor a severity")),
            }
        }
        Ok(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_fixture_is_told() {
        let bad = |text: &str| Fixture::parse("x", text).expect_err("is bad").to_string();
        let good = "about: a\nexpect: {verdict: conforms, fails: [M001]}\nimage: {layers: []}\n";
        assert!(Fixture::parse("x", good).is_ok());
        assert!(bad(&good.replace("about: a", "abuot: a")).contains("abuot"));
        assert!(bad(&good.replace("[M001]", "[B001 rain]")).contains("`rain` is neither"));
        assert!(bad(&good.replace("conforms", "perhaps")).contains("perhaps"));
    }

    #[test]
    fn an_unknown_name_is_told() {
        let error = fixtures(&["helo".to_owned()]).expect_err("there is none");
        assert_eq!(error.to_string(), "there is no fixture `helo`");
    }
}
