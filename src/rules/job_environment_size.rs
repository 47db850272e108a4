//! J004: all variables of a job together are not too large.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;
use crate::plan::{Plan, RootMode};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "J004",
    severity: Severity::Error,
    title: "variables and arguments are at most 2 MB in all",
    clause: "job-environment-size",
    why: "The kernel refuses to execute a command whose variables and arguments are larger in all: \
          the job never starts. The event is one of the variables.",
    fix: "put large values into a file of the image",
    proof: Proof { breaks: "j004-environment-too-large", keeps: "j004-large-environment" },
    look: Look::Image(look),
};

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let limit = function.contract.job_environment_size;
    let Ok(plan) = Plan::new(image, function, RootMode::Writable, Vec::new()) else {
        return found.skip("there is nothing to run (M007)");
    };
    let variables: usize = plan.env.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let arguments: usize = plan.argv.iter().map(|text| text.len() + 1).sum();
    let size = variables + arguments;
    let (told, most) = (units::size(size as u64), units::size(limit as u64));
    if size > limit {
        found.fail(format!("{told} without the event, and {most} is the limit"));
    } else {
        found.pass(format!("{told} of {most}, without the event"));
    }
}
