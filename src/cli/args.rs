//! The command line, as clap reads it, and its help.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueHint};

use super::doctor::Doctor;
use super::hook::Hook;
use super::init::Init;
use super::invoke::Invoke;
use super::layer::{Layer, Origin};
use super::push::Push;
use super::rules::{Explain, Rules};
use super::selftest::Selftest;
use super::suite::SuiteCommand;

/// Checks a container image against the contract of Tencent Cloud SCF, before it is pushed.
///
/// Reads an image from wherever it is, looks at it, boots it as the platform would, sends it
/// what the platform would send, and says what the platform would refuse: with the cause, the
/// evidence and the fix. Nothing has to be installed, and no daemon has to run.
#[derive(Debug, Parser)]
#[command(
    name = "scf-conform",
    bin_name = "scf-conform",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = AFTER
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,

    /// When to use colours. `NO_COLOR` is honoured
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_parser = ["auto", "always", "never"],
        help_heading = "Output"
    )]
    pub(super) color: Option<String>,
}

const AFTER: &str = "\
Examples:
  scf-conform check fixture:hello       an image that the program makes itself
  scf-conform check my-function:v1      an image of the local engine
  scf-conform check oci:build/image     an OCI image layout
  scf-conform push my-function:v1 ccr.ccs.tencentyun.com/my/function:v1

`scf-conform check --help` tells of all kinds of images and all options.

Exit codes:
  0 conforms · 1 does not conform · 2 usage, nothing was run · 3 could not check
  4 nothing was selected · 130 interrupted";

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Check(Box<Check>),
    Push(Box<Push>),
    Hook(Hook),
    Invoke(Box<Invoke>),
    Doctor(Doctor),
    Suite(SuiteCommand),
    Init(Box<Init>),
    Rules(Rules),
    Explain(Explain),
    Selftest(Selftest),
    Report(Report),
}

/// Check images: read them, boot them, send them events or requests
///
/// Each option can also be set in `scf-conform.yaml`, by its name without the dashes, and by
/// an environment variable: `--init-timeout` is `SCF_CONFORM_INIT_TIMEOUT`. The command line
/// goes first, then the environment, then the file.
#[derive(Debug, Args)]
#[command(after_help = CHECK_AFTER)]
pub(super) struct Check {
    /// Images to check, written as for skopeo; see below [default: those in the file of options]
    #[arg(value_name = "IMAGE", value_hint = ValueHint::AnyPath)]
    pub(super) images: Vec<String>,

    #[command(flatten)]
    pub(super) options: Options,
}

/// The options of a check.
#[derive(Debug, Clone, Args)]
pub(super) struct Options {
    /// Read options from this file [default: scf-conform.yaml, where there is one]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<String>,

    #[command(flatten)]
    function: FunctionArgs,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    run: RunArgs,
}

const CHECK_AFTER: &str = "\
Images:
  NAME[:TAG][@DIGEST]         the local engine, or else the registry
  docker-daemon:REF           the local engine only
  docker://REF                the registry only
  oci:DIR[:TAG]               an OCI image layout
  oci-archive:FILE[:TAG]      a tar file of one, plain or gzipped
  docker-archive:FILE[:REF]   what `docker save` wrote, plain or gzipped
  fixture:NAME                an image that the program makes itself
  a path that exists          one of the three kinds of file above

Examples:
  scf-conform check fixture:hello
  scf-conform check --type http --memory 512 my-function:v1
  scf-conform check --static oci:build/a oci:build/b
  scf-conform check --fail-on warning --report junit=junit.xml my-function:v1
  scf-conform check --only 'B*' --boots 20 my-function:v1

Exit codes:
  0 conforms · 1 does not conform · 2 usage, nothing was run · 3 could not check
  4 nothing was selected · 130 interrupted";

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The function")]
pub(super) struct FunctionArgs {
    /// What the function is on the platform; `auto` asks the image [default: auto]
    #[arg(long = "type", value_name = "TYPE", value_parser = kinds())]
    kind: Option<String>,
    /// Memory: 64, or 128 to 3072 in steps of 128 [default: what suits the image's size]
    #[arg(long, value_name = "MB")]
    memory: Option<String>,
    /// Limit of one invocation [default: 3]
    #[arg(long, value_name = "SEC")]
    timeout: Option<String>,
    /// Limit of the start [default: 30]
    #[arg(long, value_name = "SEC")]
    init_timeout: Option<String>,
    /// How many requests an instance of an HTTP function takes at once [default: 1]
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// A variable of the function; may be repeated
    #[arg(long, value_name = "K=V")]
    env: Vec<String>,
    /// Run this in place of the image's ENTRYPOINT and CMD
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    command: Option<String>,
    /// Pass these in place of the image's CMD, split at spaces
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    args: Option<String>,
    /// The function's name [default: scf-conform]
    #[arg(long)]
    name: Option<String>,
    /// The function's namespace [default: default]
    #[arg(long)]
    namespace: Option<String>,
    /// The function's region [default: ap-guangzhou]
    #[arg(long)]
    region: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is checked")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct WhatArgs {
    /// Look at the image and do not boot it
    #[arg(long = "static")]
    static_only: bool,
    /// Who boots the image: `auto`, `embedded` or `docker`; several, `embedded,docker`, are
    /// compared [default: auto]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
    /// A suite besides the built-in ones; may be repeated
    #[arg(long, value_name = "NAME|FILE")]
    suite: Vec<String>,
    /// A variable of the suites; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    var: Vec<String>,
    /// The same; its value is shown nowhere
    #[arg(long, value_name = "NAME=VALUE")]
    secret: Vec<String>,
    /// Leave out the built-in suites
    #[arg(long)]
    no_builtin: bool,
    /// Only checks whose id, or cases whose name, fits; `*` and `?` stand for characters
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    only: Vec<String>,
    /// No checks whose id, or cases whose name, fits
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    skip: Vec<String>,
    /// Only cases that have the tag
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tag: Vec<String>,
    /// Print what would be checked, and check nothing
    #[arg(long)]
    list: bool,
    /// Boot so many times, and report the spread of the time to listen [default: 1]
    #[arg(long, value_name = "N")]
    boots: Option<String>,
    /// Boot under the memory and CPU of each size as well, and find the least that conforms
    #[arg(long)]
    sweep_memory: bool,
    /// The speed in MiB/s at which the cold start's estimate pulls the image [default: 100]
    #[arg(long, value_name = "MIB")]
    pull_speed: Option<String>,
    /// Hold the image to the newest behaviour: a read-only root (B003), a freeze of 2 s (B008)
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// What stdout gets: `text`, `json` or `junit` [default: text]
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Write a report to a file as well; may be repeated
    #[arg(long, value_name = "FORMAT=FILE")]
    report: Vec<String>,
    /// Least severity of a failed check that fails the run [default: error]
    #[arg(long, value_name = "SEVERITY", value_parser = ["error", "warning"])]
    fail_on: Option<String>,
    /// Print what fails the run and the verdict, nothing else
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print measurements and evidence of every check, and the logs
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The run")]
struct RunArgs {
    /// Check so many images side by side [default: one a core]
    #[arg(short, long, value_name = "N")]
    jobs: Option<String>,
    /// Begin nothing more after the first image that does not conform
    #[arg(long)]
    fail_fast: bool,
    /// Leave what the boot made where it is, for a look
    #[arg(long)]
    keep: bool,
    /// Where unpacked layers are kept [default: $XDG_CACHE_HOME/scf-conform]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache_dir: Option<String>,
    /// Trust the certificates in this file, besides the system's, to read from registries
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ca: Option<String>,
    /// Ask this registry without TLS; loopback addresses always are. May be repeated
    #[arg(long, value_name = "HOST[:PORT]")]
    insecure: Vec<String>,
}

/// Print the JSON Schema of the JSON report
#[derive(Debug, Args)]
pub(super) struct Report {
    /// Print the schema
    #[arg(long, required = true)]
    pub(super) schema: bool,
}

/// `auto` never takes an image for a job: one that ends at once looks the same as a server
/// that fails.
fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(["auto", "event", "http", "job"])
}

impl Options {
    /// The same, with no file of options.
    pub(super) fn without_file(&self) -> Options {
        Options { config: Some("/dev/null".to_owned()), ..self.clone() }
    }

    /// What the command line says.
    pub(super) fn layer(&self, color: Option<&String>) -> Layer {
        let Options { function, what, output, run, .. } = self;
        let mut layer = Layer::default();
        function.add_to(&mut layer);
        what.add_to(&mut layer);
        output.add_to(&mut layer);
        run.add_to(&mut layer);
        value(&mut layer, "color", color);
        layer
    }
}

impl FunctionArgs {
    pub(super) fn add_to(&self, layer: &mut Layer) {
        value(layer, "type", &self.kind);
        value(layer, "memory", &self.memory);
        value(layer, "timeout", &self.timeout);
        value(layer, "init-timeout", &self.init_timeout);
        value(layer, "concurrency", &self.concurrency);
        value(layer, "env", &self.env);
        value(layer, "command", &self.command);
        value(layer, "args", &self.args);
        value(layer, "name", &self.name);
        value(layer, "namespace", &self.namespace);
        value(layer, "region", &self.region);
    }
}

impl WhatArgs {
    fn add_to(&self, layer: &mut Layer) {
        switch(layer, "static", self.static_only);
        value(layer, "engine", &self.engine);
        value(layer, "suite", &self.suite);
        value(layer, "var", &self.var);
        value(layer, "secret", &self.secret);
        switch(layer, "no-builtin", self.no_builtin);
        value(layer, "only", &self.only);
        value(layer, "skip", &self.skip);
        value(layer, "tag", &self.tag);
        switch(layer, "list", self.list);
        value(layer, "boots", &self.boots);
        switch(layer, "sweep-memory", self.sweep_memory);
        value(layer, "pull-speed", &self.pull_speed);
        switch(layer, "strict", self.strict);
    }
}

impl OutputArgs {
    fn add_to(&self, layer: &mut Layer) {
        value(layer, "format", &self.format);
        value(layer, "report", &self.report);
        value(layer, "fail-on", &self.fail_on);
        switch(layer, "quiet", self.quiet);
        switch(layer, "verbose", self.verbose);
    }
}

impl RunArgs {
    fn add_to(&self, layer: &mut Layer) {
        value(layer, "jobs", &self.jobs);
        switch(layer, "fail-fast", self.fail_fast);
        switch(layer, "keep", self.keep);
        value(layer, "cache-dir", &self.cache_dir);
        value(layer, "ca", &self.ca);
        value(layer, "insecure", &self.insecure);
    }
}

/// Adds the values of a flag: of none, one or many.
pub(super) fn value<'a>(
    layer: &mut Layer,
    name: &'static str,
    texts: impl IntoIterator<Item = &'a String>,
) {
    for text in texts {
        layer.add(name, text, Origin::Flag);
    }
}

fn switch(layer: &mut Layer, name: &'static str, on: bool) {
    if on {
        layer.add(name, "true", Origin::Flag);
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
