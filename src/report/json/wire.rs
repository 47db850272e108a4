//! The document's own types: what they are called here, programs rely on.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::check::Cause;

/// One run of scf-conform. Fields may be added; none changes its meaning or goes away.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document {
    /// The kind of document and its version.
    #[schemars(extend("const" = super::from::SCHEMA))]
    pub(super) schema: &'static str,
    /// What wrote it.
    pub(super) tool: Tool,
    /// When the run began: ISO 8601, UTC.
    #[schemars(extend("format" = "date-time"))]
    pub(super) started: String,
    /// The images, in the order in which they were named.
    pub(super) images: Vec<Image>,
    /// Sums over all images.
    pub(super) summary: Summary,
}

/// What wrote the document.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

/// How well a size is known.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SizeKnown {
    /// As the manifest says.
    Exactly,
    /// As near as it can be known before a push compresses the layers.
    About,
    /// That of the uncompressed layers: a push makes it smaller.
    AtMost,
}

/// Everything found out about one image.
#[derive(Serialize, JsonSchema)]
pub(super) struct Image {
    /// As the user wrote it.
    pub(super) reference: String,
    /// Digest of the manifest; null where the image could not be read.
    pub(super) digest: Option<String>,
    /// Media type of the manifest; null where the image could not be read.
    pub(super) media_type: Option<String>,
    /// Sum of the compressed layers; null where the image could not be read.
    pub(super) size_bytes: Option<u64>,
    /// How well the size is known; null where the image could not be read.
    pub(super) size_known: Option<SizeKnown>,
    /// Sum of the layers' tars; null where the image could not be read.
    pub(super) unpacked_bytes: Option<u64>,
    /// What the image was checked as; null where that was not found out.
    #[serde(rename = "type")]
    pub(super) kind: Option<Kind>,
    /// How the type was found out; null where it was given.
    pub(super) kind_note: Option<String>,
    /// What booted the image; null where nothing did.
    pub(super) engine: Option<String>,
    /// The function's memory in MB; null where the image could not be read.
    pub(super) memory_mb: Option<u32>,
    /// What is to be said of the image in one word.
    pub(super) verdict: Verdict,
    /// The start; null where there was none.
    pub(super) boot: Option<Boot>,
    /// The run; null where no job was started.
    pub(super) job: Option<Job>,
    /// What each size of memory gives; null where that was not asked for.
    pub(super) memory_sweep: Option<MemorySweep>,
    /// In the order in which they are shown.
    pub(super) checks: Vec<Check>,
    /// What the instance wrote; null where nothing was booted.
    pub(super) logs: Option<Logs>,
    /// Why the image could not be checked, or not to the end; null where it could.
    pub(super) trouble: Option<Trouble>,
    /// Time spent on this image.
    pub(super) duration_ms: f64,
}

/// What the function is on the platform.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Event,
    Http,
    Job,
}

/// What is to be said of an image, or of all images, in one word.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Conforms,
    DoesNotConform,
    NotChecked,
}

/// The start in numbers.
#[derive(Serialize, JsonSchema)]
pub(super) struct Boot {
    /// From the exec of the image's command to the LISTEN state on the platform's port; null
    /// where it never listened there.
    pub(super) time_to_listen_ms: Option<f64>,
    /// The start limit that it was held to.
    pub(super) limit_ms: f64,
    /// Every address in LISTEN when the start was decided.
    pub(super) listen: Vec<String>,
    /// Limits of the platform that this machine could only watch, and not enforce.
    pub(super) watched_limits: Vec<String>,
    pub(super) phases_ms: Phases,
    pub(super) boots: Boots,
    /// What a cold start on the platform may take; null where it never listened.
    pub(super) cold_start: Option<ColdStart>,
}

/// A job's run with the first event.
#[derive(Serialize, JsonSchema)]
pub(super) struct Job {
    /// From the exec to the end, or to the limit.
    pub(super) duration_ms: f64,
    /// The timeout that it was held to.
    pub(super) limit_ms: f64,
    /// Whether it still ran at the limit.
    pub(super) timed_out: bool,
    /// Null where it did not exit.
    pub(super) exit_code: Option<i32>,
    /// The signal that ended it; null where none did.
    pub(super) signal: Option<i32>,
    /// From the decision to boot to a ready root file system.
    pub(super) create_ms: f64,
    /// From there to the exec of the image's command.
    pub(super) exec_ms: f64,
    /// From exec to the first byte on stdout or stderr; null where there was none.
    pub(super) first_log_ms: Option<f64>,
    /// Limits of the platform that this machine could only watch, and not enforce.
    pub(super) watched_limits: Vec<String>,
    /// The durations of all runs with this event that ended (`--boots`).
    pub(super) runs: Spread,
}

/// The image under the memory and processor of each size that the platform offers.
#[derive(Serialize, JsonSchema)]
pub(super) struct MemorySweep {
    /// The least memory that conforms; null where none does.
    pub(super) least_memory_mb: Option<u32>,
    /// Smallest first.
    pub(super) tiers: Vec<Tier>,
    /// Limits of the platform that this machine could only watch, and not enforce.
    pub(super) watched_limits: Vec<String>,
}

/// One size of memory.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tier {
    pub(super) memory_mb: u32,
    /// In thousandths of one core.
    pub(super) cpu_millis: u32,
    /// Whether it came up in time and one invocation was answered in time; null where it was
    /// not tried, since a larger one did not do.
    pub(super) conforms: Option<bool>,
    /// Why it does not conform.
    pub(super) reason: Option<String>,
    /// From exec to LISTEN; of a job, to its end.
    pub(super) time_ms: Option<f64>,
    /// From exec to the first valid answer.
    pub(super) first_response_ms: Option<f64>,
    pub(super) memory_peak_bytes: Option<u64>,
}

/// How long each phase of the start took.
#[derive(Serialize, JsonSchema)]
pub(super) struct Phases {
    /// From the decision to boot to a ready root file system.
    pub(super) create: f64,
    /// From there to the exec of the image's command.
    pub(super) exec: f64,
    /// From exec to the first byte on stdout or stderr; null where there was none.
    pub(super) first_log: Option<f64>,
    /// From exec to LISTEN; null where it never listened.
    pub(super) listen: Option<f64>,
    /// From exec to the first connection that was taken; null where none was.
    pub(super) first_accept: Option<f64>,
    /// From exec to the first valid answer; null where there was none.
    pub(super) first_response: Option<f64>,
}

/// The time-to-listen of all boots, in ms. Each percentile is a boot that was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct Boots {
    /// Boots that listened.
    pub(super) n: usize,
    pub(super) min: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) max: Option<f64>,
    /// What the slowest boot left of the start limit.
    pub(super) headroom: Option<f64>,
    /// Every boot's, in the order in which they were made.
    pub(super) each: Vec<f64>,
    /// From exec to the first valid answer, of the boots that gave one.
    pub(super) first_response: Spread,
}

/// Several durations, in ms. Each percentile is one of them.
#[derive(Serialize, JsonSchema)]
pub(super) struct Spread {
    pub(super) n: usize,
    pub(super) min: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) max: Option<f64>,
}

/// A cold start on the platform, in the parts in which its log tells it. An estimate: the pull
/// is computed with a speed that is assumed, all else was measured on this machine.
#[derive(Serialize, JsonSchema)]
pub(super) struct ColdStart {
    /// The sum of the three.
    pub(super) total_ms: f64,
    /// `PullCode`: the compressed layers at the assumed speed, and `unpack_ms`.
    pub(super) pull_code_ms: f64,
    /// `InitRuntime`: from the decision to boot to the exec of the command, without unpacking.
    pub(super) init_runtime_ms: f64,
    /// `InitFunction`: from the exec to LISTEN; the median where there were several boots.
    pub(super) init_function_ms: f64,
    /// The speed that is assumed (`--pull-speed`).
    pub(super) assumed_bytes_per_second: u64,
    /// What unpacking took; null where that was not measured, and is not counted.
    pub(super) unpack_ms: Option<f64>,
}

/// One check.
#[derive(Serialize, JsonSchema)]
pub(super) struct Check {
    /// Stable: keeps its meaning for ever.
    pub(super) id: String,
    /// What is wanted.
    pub(super) title: String,
    /// How much a failure weighs.
    pub(super) severity: Severity,
    /// What became of it. `error` is ours, not the image's: it could not be checked.
    pub(super) status: Status,
    /// One line: what was measured against what limit, or why it was not looked at.
    pub(super) message: String,
    /// Why it failed, where that is known.
    #[schemars(schema_with = "cause")]
    pub(super) cause: Option<&'static str>,
    /// What was seen, a line each.
    pub(super) evidence: Vec<String>,
    /// What to change; null where nothing is wrong.
    pub(super) fix: Option<String>,
    /// The contract's sentence and its document.
    pub(super) source: String,
    /// Where the check is written in the user's file; null for the built-in ones.
    pub(super) place: Option<Place>,
    /// Why it does not count that the image breaks this rule, where somebody has accepted that;
    /// the status is `skip` then, and the message says what was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waived: Option<Waived>,
    /// How long it took.
    pub(super) duration_ms: f64,
}

/// Why a failure is accepted.
#[derive(Serialize, JsonSchema)]
pub(super) struct Waived {
    /// As the user gave it.
    pub(super) reason: String,
    /// The last day on which it is, as `2027-01-31`; null where it has no end.
    pub(super) until: Option<String>,
}

/// How much a failed check weighs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Info,
    Warning,
    Error,
}

/// What became of a check.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Pass,
    Fail,
    Skip,
    Error,
}

/// A place in a user's file.
#[derive(Serialize, JsonSchema)]
pub(super) struct Place {
    /// The file as the user named it.
    pub(super) file: String,
    /// From 1.
    pub(super) line: usize,
}

/// What the instance wrote: the first and the last lines.
#[derive(Serialize, JsonSchema)]
pub(super) struct Logs {
    /// Kept lines, in the order in which they came.
    pub(super) lines: Vec<LogLine>,
    /// Lines that were dropped between the first and the last ones.
    pub(super) dropped: u64,
    /// All bytes that were written.
    pub(super) bytes: u64,
}

/// One line that the instance wrote.
#[derive(Serialize, JsonSchema)]
pub(super) struct LogLine {
    /// From the exec of the command.
    pub(super) at_ms: f64,
    pub(super) stream: Stream,
    pub(super) text: String,
}

/// Which of the two streams.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Why something could not be checked.
#[derive(Serialize, JsonSchema)]
pub(super) struct Trouble {
    /// One line: what, where, why.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

/// Sums over all images. The parts add up to `checks`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    /// The verdict over all images: what weighs most.
    pub(super) verdict: Verdict,
    /// The least severity of a failed check that fails the run.
    pub(super) fail_on: Severity,
    pub(super) images: usize,
    pub(super) checks: usize,
    pub(super) passed: usize,
    /// Failed with severity error.
    pub(super) failed: usize,
    /// Failed with severity warning.
    pub(super) warnings: usize,
    /// Failed with severity info.
    pub(super) infos: usize,
    /// Not looked at, or failed and waived.
    pub(super) skipped: usize,
    /// How many of the skipped ones failed and were waived.
    pub(super) waived: usize,
    /// Could not be checked.
    pub(super) errors: usize,
    /// From the start of the run to its end.
    pub(super) duration_ms: f64,
}

fn cause(_generator: &mut SchemaGenerator) -> Schema {
    let mut words: Vec<serde_json::Value> =
        Cause::ALL.into_iter().map(|cause| cause.word().into()).collect();
    words.push(serde_json::Value::Null);
    schemars::json_schema!({ "enum": words })
}
