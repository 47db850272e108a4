//! The contract's clauses, read once from the data that ships inside the program.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::status::Said;
use crate::check::Basis;

static DATA: &str = include_str!("../../suites/contract.yaml");

/// How a clause is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Known {
    /// The platform's documents say it.
    Documented,
    /// It was seen in captured requests, samples or users' reports.
    Seen,
    /// It follows from what is known; the sentence says how.
    Inferred,
}

/// One sentence of the contract.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// How rules and cases name it.
    pub id: String,
    /// What it fixes, where it fixes a value.
    #[serde(default)]
    value: serde_yaml::Value,
    /// What the document says.
    pub sentence: String,
    /// The document, and the date of the copy that was read.
    pub document: String,
    /// How it is known.
    pub known: Known,
}

/// The registries that the platform pulls from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registries {
    personal_domain: String,
    /// The first label of each host, and the regions whose images it holds; none where they
    /// are not known.
    personal_hosts: BTreeMap<String, Vec<String>>,
    enterprise_domain: String,
}

impl Registries {
    /// The regions whose images a Personal registry holds, by its host: none where they are not
    /// known, `None` where the host is no Personal registry.
    #[must_use]
    pub fn regions_of(&self, host: &str) -> Option<&[String]> {
        let below = host.strip_suffix(self.personal_domain.as_str())?.strip_suffix('.')?;
        self.personal_hosts.get(below).map(Vec::as_slice)
    }

    /// The host of a region's Personal registry; `None` where it is not known.
    #[must_use]
    pub fn personal_host_of(&self, region: &str) -> Option<String> {
        let holds = |regions: &Vec<String>| regions.iter().any(|known| known == region);
        let (name, _) = self.personal_hosts.iter().find(|(_, regions)| holds(regions))?;
        Some(format!("{name}.{}", self.personal_domain))
    }

    /// Whether a host is an Enterprise registry, by its public or its VPC name.
    #[must_use]
    pub fn is_enterprise(&self, host: &str) -> bool {
        let below = host.strip_suffix(self.enterprise_domain.as_str());
        below
            .and_then(|name| name.strip_suffix('.'))
            .is_some_and(|name| !name.is_empty() && !name.contains('.'))
    }
}

/// The platform's contract: its numbers with types, and its sentences.
#[derive(Clone, Debug)]
pub struct Contract {
    /// `os/architecture` that images are built for.
    pub platform: String,
    /// The registries that images are pulled from.
    pub registries: Registries,
    /// TCP port that the server in the image listens on.
    pub port: u16,
    /// Time from start to listening that the platform's error message names.
    pub start_limit: Duration,
    /// Least and greatest initialization timeout, in seconds.
    pub initialization_timeouts: (u64, u64),
    /// Execution timeout of a function where none is set.
    pub execution_timeout: Duration,
    /// Least and greatest execution timeout, in seconds.
    pub execution_timeouts: (u64, u64),
    /// The sum of an image's compressed layers, in bytes, stays below this.
    pub image_size: u64,
    /// Smallest memory, then first, last and step of the ordinary sizes, in MB.
    pub memory_sizes: [u32; 4],
    /// The memory in MB that has one core to itself, and the one that has two.
    pub memory_of_cores: [u32; 2],
    /// Writable space below `/tmp`, in bytes.
    pub tmp_size: u64,
    /// Writable space outside `/tmp`, in bytes.
    pub writable_layer: u64,
    /// File descriptors of an instance.
    pub descriptors: u64,
    /// Processes and threads of an instance.
    pub processes: u64,
    /// How long an instance that is to end has for it, from a SIGTERM.
    pub termination_limit: Duration,
    /// How long an instance is held between two invocations, to see that it goes on.
    pub freeze: Duration,
    /// Path that events are posted to.
    pub event_path: String,
    /// Greatest size of an answer's body, in bytes.
    pub answer_size: u64,
    /// Most requests that an instance of an HTTP function can be set to take at once.
    pub request_concurrency: u32,
    /// Variables whose value is the same for every function.
    pub environment: Vec<(String, String)>,
    /// Size of a function's own variables in all, in bytes.
    pub environment_size: usize,
    /// Beginnings of names that a function's own variables must not have.
    pub reserved_variables: Vec<String>,
    /// The variable that holds a job's event.
    pub job_event: String,
    /// Greatest size of one argument or variable of a job, in bytes.
    pub job_variable_size: usize,
    /// Greatest size of all variables of a job, in bytes.
    pub job_environment_size: usize,
    statuses: Vec<Said>,
    clauses: Vec<Clause>,
}

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    // The data is part of the program: a mistake in it is a bug, which the test below finds.
    Contract::read(DATA).unwrap_or_else(|error| panic!("suites/contract.yaml: {error}"))
});

impl Contract {
    /// The contract of SCF, as the program knows it.
    #[must_use]
    pub fn scf() -> &'static Contract {
        &CONTRACT
    }

    fn read(text: &str) -> Result<Contract, String> {
        let clauses: Vec<Clause> = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let environment: serde_yaml::Mapping = value(&clauses, "environment")?;
        Ok(Contract {
            platform: value(&clauses, "cpu-architecture")?,
            registries: value(&clauses, "registry")?,
            port: value(&clauses, "port")?,
            start_limit: seconds(&clauses, "start-limit")?,
            initialization_timeouts: value(&clauses, "initialization-timeouts")?,
            execution_timeout: seconds(&clauses, "execution-timeout")?,
            execution_timeouts: value(&clauses, "execution-timeouts")?,
            image_size: value(&clauses, "image-size")?,
            memory_sizes: value(&clauses, "memory-sizes")?,
            memory_of_cores: value(&clauses, "memory-of-cores")?,
            tmp_size: value(&clauses, "tmp-writable")?,
            writable_layer: value(&clauses, "writable-layer")?,
            descriptors: value(&clauses, "descriptors")?,
            processes: value(&clauses, "processes")?,
            termination_limit: seconds(&clauses, "termination")?,
            freeze: seconds(&clauses, "freeze")?,
            event_path: value(&clauses, "event-path")?,
            answer_size: value(&clauses, "answer-size")?,
            request_concurrency: value(&clauses, "http-concurrency")?,
            environment: environment
                .into_iter()
                .map(|(name, value)| Ok((text_of(&name)?, text_of(&value)?)))
                .collect::<Result<_, String>>()?,
            environment_size: value(&clauses, "environment-size")?,
            reserved_variables: value(&clauses, "reserved-variables")?,
            job_event: value(&clauses, "job-event")?,
            job_variable_size: value(&clauses, "job-variable-size")?,
            job_environment_size: value(&clauses, "job-environment-size")?,
            statuses: value(&clauses, "status-codes")?,
            clauses,
        })
    }

    /// The share of the processor that goes with a memory in MB, in thousandths of one core: in
    /// a straight line through each of the sizes for which the platform says it.
    #[must_use]
    pub fn processor_share(&self, megabytes: u32) -> u32 {
        let [one, two] = self.memory_of_cores;
        if megabytes <= one {
            (megabytes * 1000).div_ceil(one)
        } else {
            1000 + ((megabytes - one) * 1000).div_ceil(two - one)
        }
    }

    /// The clause with an id.
    #[must_use]
    pub fn clause(&self, id: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.id == id)
    }

    /// What the platform says with a status, by its word.
    pub(super) fn said(&self, word: &str) -> &Said {
        let said = self.statuses.iter().find(|said| said.status == word);
        // The data is part of the program: a mistake in it is a bug, which a test finds.
        said.unwrap_or_else(|| panic!("suites/contract.yaml: no status `{word}`"))
    }

    /// All clauses, in the order of the file.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// What a check that stands on a clause says it stands on. Empty for an unknown id.
    #[must_use]
    pub fn basis(&self, id: &str) -> Basis {
        self.clause(id).map_or_else(Basis::default, |clause| Basis {
            sentence: clause.sentence.clone(),
            document: clause.document.clone(),
        })
    }
}

fn value<T: DeserializeOwned>(clauses: &[Clause], id: &str) -> Result<T, String> {
    let clause =
        clauses.iter().find(|clause| clause.id == id).ok_or_else(|| format!("no clause `{id}`"))?;
    serde_yaml::from_value(clause.value.clone()).map_err(|error| format!("clause `{id}`: {error}"))
}

fn seconds(clauses: &[Clause], id: &str) -> Result<Duration, String> {
    value(clauses, id).map(Duration::from_secs)
}

fn text_of(value: &serde_yaml::Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| "a variable is not text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_whole() {
        let contract = Contract::scf();
        assert_eq!(contract.port, 9000);
        assert_eq!(contract.environment.len(), 3);
        for (at, clause) in contract.clauses.iter().enumerate() {
            assert!(clause.sentence.ends_with(['.', '"']), "{}", clause.id);
            let first = contract.clauses.iter().position(|other| other.id == clause.id);
            assert_eq!(first, Some(at), "clause `{}` stands twice", clause.id);
        }
    }

    #[test]
    fn the_processor_follows_the_memory() {
        let share = |megabytes| Contract::scf().processor_share(megabytes);
        assert_eq!([64, 128, 640, 1280].map(share), [50, 100, 500, 1000]);
        assert_eq!([1408, 2176, 3072].map(share), [1072, 1500, 2000]);
    }

    #[test]
    fn a_clause_without_its_value_is_told() {
        let error = Contract::read("[]").expect_err("nothing is there");
        assert_eq!(error, "no clause `environment`");
    }
}
