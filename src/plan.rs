//! What an engine has to set up for an image and a function: the same for every engine.

use crate::contract::Function;
use crate::image::start::{Command, Problem, Start, Suggestion, suggest};
use crate::image::{Image, Tree, User};

/// The command, its surroundings and its limits, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is run and its arguments; at least one.
    pub argv: Vec<String>,
    /// Environment of the command, in order, each name once.
    pub env: Vec<(String, String)>,
    /// Absolute.
    pub working_dir: String,
    /// As whom the command runs.
    pub user: User,
    /// Memory without swap, in bytes.
    pub memory: u64,
    /// Share of the processor, in thousandths of one core.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub processes: u64,
    /// File descriptors.
    pub descriptors: u64,
    /// Writable space below `/tmp`, in bytes.
    pub tmp: u64,
    /// Writable space outside `/tmp`, in bytes.
    pub writable: u64,
    /// Whether the root file system may be written at all.
    pub root: RootMode,
    /// The TCP port of the platform's connections.
    pub port: u16,
    /// Byte strings to look for in whatever the instance writes.
    pub canaries: Vec<Canary>,
}

/// Whether the root file system may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootMode {
    /// Up to the limit of the writable layer.
    Writable,
    /// Only `/tmp`.
    ReadOnly,
}

/// A value that must not turn up, and the header in which it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// The header's name.
    pub header: String,
    /// The value.
    pub value: String,
}

/// Why an image cannot be started with this function at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Neither the image nor the function names a command.
    #[error("there is nothing to run: no ENTRYPOINT, no CMD and no --command")]
    NoCommand,
    /// `USER` names somebody who is not in the image's `/etc/passwd` or `/etc/group`.
    #[error("the image's user `{0}` is not in its /etc/passwd or /etc/group")]
    UnknownUser(String),
}

/// The search path of an image that sets none, as container engines set it.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Plan {
    /// What has to be set up.
    ///
    /// # Errors
    ///
    /// Where the image cannot be started at all.
    pub fn new(
        image: &Image,
        function: &Function,
        root: RootMode,
        canaries: Vec<Canary>,
    ) -> Result<Plan, PlanError> {
        let argv = command_line(image, function);
        if argv.is_empty() {
            return Err(PlanError::NoCommand);
        }
        let user = image
            .tree
            .user(&image.config.user)
            .ok_or_else(|| PlanError::UnknownUser(image.config.user.clone()))?;
        let contract = function.contract;
        let memory = function.memory_for(image.compressed_bytes());
        Ok(Plan {
            argv,
            env: environment(image, function, &user),
            working_dir: working_dir(&image.config.working_dir),
            user,
            memory: memory.bytes(),
            cpu_millis: contract.processor_share(memory.megabytes()),
            processes: contract.processes,
            descriptors: contract.descriptors,
            tmp: contract.tmp_size,
            writable: contract.writable_layer,
            root,
            port: contract.port,
            canaries,
        })
    }

    /// The same with a job's event in its environment.
    #[must_use]
    pub fn with_event(mut self, function: &Function, event: String) -> Plan {
        let name = &function.contract.job_event;
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.clone(), event));
        self
    }

    /// What the kernel and the loader will do with the command, as far as the tree tells.
    #[must_use]
    pub fn start(&self, image: &Image) -> Start {
        self.follow(&image.tree, &self.argv)
    }

    /// The same for another command line in the same surroundings.
    #[must_use]
    pub fn follow(&self, tree: &Tree, argv: &[String]) -> Start {
        Start::of(tree, self.command(argv))
    }

    /// What was probably meant where the command leads to a problem.
    #[must_use]
    pub fn suggest(&self, tree: &Tree, problem: &Problem) -> Option<Suggestion> {
        suggest(tree, self.command(&self.argv), problem)
    }

    fn command<'a>(&'a self, argv: &'a [String]) -> Command<'a> {
        Command {
            argv,
            path: self.variable("PATH").unwrap_or(DEFAULT_PATH),
            library_path: self.variable("LD_LIBRARY_PATH"),
            working_dir: &self.working_dir,
            user: &self.user,
        }
    }

    /// The value of a variable of the command's environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// ENTRYPOINT and CMD, or what the function puts in their place: a Command replaces the
/// entrypoint and drops the image's CMD, Args alone replace CMD. Args are split at spaces;
/// the platform documents no quoting.
#[must_use]
pub fn command_line(image: &Image, function: &Function) -> Vec<String> {
    let split =
        |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let mut argv = match &function.command {
        Some(command) => vec![command.clone()],
        None => image.config.entrypoint.clone(),
    };
    let args: Vec<String> = match (&function.args, &function.command) {
        (Some(args), _) => split(args),
        (None, Some(_)) => Vec::new(),
        (None, None) => image.config.cmd.clone(),
    };
    argv.extend(args);
    argv
}

fn working_dir(written: &str) -> String {
    if written.starts_with('/') { written.to_owned() } else { format!("/{written}") }
}

/// The image's variables, overridden by the function's own, and those by the platform's.
fn environment(image: &Image, function: &Function, user: &User) -> Vec<(String, String)> {
    let mut environment = vec![
        ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
        ("HOME".to_owned(), user.home.clone().unwrap_or_else(|| "/".to_owned())),
    ];
    let image_env = image.config.env.iter().map(|line| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line.clone(), String::new()),
    });
    let own = function.env.iter().cloned();
    for (name, value) in image_env.chain(own).chain(function.platform_environment()) {
        match environment.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => environment.push((name, value)),
        }
    }
    environment
}
