//! What is wanted of an image, one file a rule.
//!
//! A [`Rule`] is a constant value: everything that is ever said of it stands in its file.
//! Rules look at values and do nothing else; they cannot fail for reasons of the world.

mod closed_files;
mod command;
mod crowd;
mod ends_on_sigterm;
mod engines_agree;
mod exposed_port;
mod findings;
mod hidden_by_tmp;
mod image_size;
mod integrity;
mod job_ends;
mod job_environment_size;
mod job_exit_code;
mod job_variable_size;
mod layer_compression;
mod leaks_elsewhere;
mod leaks_in_answers;
mod list;
mod listens;
mod machine_code;
mod manifest_kind;
mod memory;
mod memory_for_size;
mod plain_manifest;
mod platform;
mod read_only_root;
mod registry;
mod start_command;
mod stays_up;
mod survives_freeze;
mod tag;
mod tmp_directory;
mod tmp_while_running;
mod writes_outside_tmp;

use crate::check::{Check, Severity};
use crate::contract::{Function, FunctionType};
use crate::evidence::{Boot, JobRun, Run};
use crate::image::Image;

pub use closed_files::{is_closed_to_strangers, prove_closed, stranger};
pub use findings::Findings;
pub use list::RULES;

/// One rule of the contract.
#[derive(Debug)]
pub struct Rule {
    /// Stable id; it keeps its meaning for ever.
    pub id: &'static str,
    /// How much a failure weighs.
    pub severity: Severity,
    /// What is wanted, as a sentence without a full stop.
    pub title: &'static str,
    /// Id of the clause that it stands on.
    pub clause: &'static str,
    /// What happens on the platform to an image that breaks it.
    pub why: &'static str,
    /// What to change, in general; a finding may say it more exactly.
    pub fix: &'static str,
    /// The images that prove it.
    pub proof: Proof,
    /// How it looks.
    pub look: Look,
}

/// The fixtures that prove a rule.
#[derive(Debug)]
pub struct Proof {
    /// A fixture image that breaks this rule, and no other but for what follows from it.
    pub breaks: &'static str,
    /// A near miss that keeps it.
    pub keeps: &'static str,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Look {
    /// Manifest and config of the image, and what its reference says; no layer has to be read.
    Manifest(fn(&Image, &Function, &mut Findings)),
    /// The image before it is started.
    Image(fn(&Image, &Function, &mut Findings)),
    /// The start.
    Boot(fn(&Boot, &Function, &mut Findings)),
    /// The instance's whole life.
    Run(fn(&Run, &Function, &mut Findings)),
    /// A job's run, with the first event.
    Job(fn(&JobRun, &Function, &mut Findings)),
    /// What each of several engines led to.
    Engines(fn(&[Judged<'_>], &Function, &mut Findings)),
}

/// The checks that one engine led to.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The engine's name.
    pub engine: &'a str,
    /// In any order.
    pub checks: &'a [Check],
    /// Why there are none, or not all.
    pub trouble: Option<&'a str>,
}

impl Look {
    /// Whether nothing has to be started for it.
    #[must_use]
    pub fn is_static(self) -> bool {
        matches!(self, Look::Manifest(_) | Look::Image(_))
    }

    /// Whether the layers have to be read for it.
    #[must_use]
    pub fn needs_layers(self) -> bool {
        !matches!(self, Look::Manifest(_))
    }
}

/// Looks at an image with every static rule that `wanted` selects.
#[must_use]
pub fn look_at_image(
    image: &Image,
    function: &Function,
    wanted: impl Fn(&Rule) -> bool,
) -> Vec<Check> {
    each(function, wanted, |rule| match rule.look {
        Look::Manifest(look) | Look::Image(look) => {
            Some(findings(rule, function, |found| look(image, function, found)))
        }
        _ => None,
    })
}

/// Looks at a start with every rule of the boot that `wanted` selects.
#[must_use]
pub fn look_at_boot(
    boot: &Boot,
    function: &Function,
    wanted: impl Fn(&Rule) -> bool,
) -> Vec<Check> {
    each(function, wanted, |rule| match rule.look {
        Look::Boot(look) => Some(findings(rule, function, |found| look(boot, function, found))),
        _ => None,
    })
}

/// Looks at an instance's life with every rule of the run that `wanted` selects.
#[must_use]
pub fn look_at_run(run: &Run, function: &Function, wanted: impl Fn(&Rule) -> bool) -> Vec<Check> {
    each(function, wanted, |rule| match rule.look {
        Look::Run(look) => Some(findings(rule, function, |found| look(run, function, found))),
        _ => None,
    })
}

/// Compares what several engines led to.
#[must_use]
pub fn look_at_engines(judged: &[Judged<'_>], function: &Function) -> Check {
    let rule = &engines_agree::RULE;
    findings(rule, function, |found| match rule.look {
        Look::Engines(look) => look(judged, function, found),
        _ => found.skip("nothing is compared"),
    })
}

/// Looks at a job's run with every rule of it that `wanted` selects.
#[must_use]
pub fn look_at_job(
    run: &JobRun,
    function: &Function,
    wanted: impl Fn(&Rule) -> bool,
) -> Vec<Check> {
    each(function, wanted, |rule| match rule.look {
        Look::Job(look) => Some(findings(rule, function, |found| look(run, function, found))),
        _ => None,
    })
}

/// The rules of the start that say nothing of this type of function, with the reason.
#[must_use]
pub fn look_at_nothing(function: &Function, wanted: impl Fn(&Rule) -> bool) -> Vec<Check> {
    let of_boot = |rule: &&&Rule| matches!(rule.look, Look::Boot(_)) && wanted(rule);
    let rules = RULES.iter().filter(of_boot);
    rules.filter_map(|rule| Some(skipped(rule, function, left_out(rule, function.kind)?))).collect()
}

/// Whether a rule is one for this type of function, if only to say why it is left out. What is
/// wanted of jobs alone is nothing that others would have to hear of.
#[must_use]
pub fn concerns(rule: &Rule, kind: Option<FunctionType>) -> bool {
    !rule.id.starts_with(JOBS) || kind == Some(FunctionType::Job)
}

/// A rule that was not looked at, with the reason.
#[must_use]
pub fn skipped(rule: &Rule, function: &Function, why: &str) -> Check {
    findings(rule, function, |found| found.skip(why))
}

fn each(
    function: &Function,
    wanted: impl Fn(&Rule) -> bool,
    look: impl Fn(&Rule) -> Option<Check>,
) -> Vec<Check> {
    let concerned = RULES.iter().filter(|rule| concerns(rule, function.kind) && wanted(rule));
    concerned
        .filter_map(|rule| {
            let check = look(rule)?;
            let left_out = left_out(rule, function.kind).map(|why| skipped(rule, function, why));
            Some(left_out.unwrap_or(check))
        })
        .collect()
}

/// The letter of what is wanted of jobs alone.
const JOBS: char = 'J';

/// Why a rule says nothing of a type of function.
#[must_use]
pub fn left_out(rule: &Rule, kind: Option<FunctionType>) -> Option<&'static str> {
    const NO_PORT: &str = "a job has no port";
    const ENDS: &str = "a job ends by itself (J001)";
    if kind != Some(FunctionType::Job) {
        return None;
    }
    match rule.id {
        "M009" | "B001" => Some(NO_PORT),
        "B002" | "B007" | "B008" => Some(ENDS),
        "S001" | "S002" => Some("a job gets no credentials"),
        _ => None,
    }
}

fn findings(rule: &Rule, function: &Function, look: impl FnOnce(&mut Findings)) -> Check {
    let mut found = Findings::new(rule, function.contract);
    look(&mut found);
    found.into_check()
}
