//! J003: no single variable or argument of a job is too large.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;
use crate::plan::{Plan, RootMode};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "J003",
    severity: Severity::Error,
    title: "no variable and no argument is above 128 KB",
    clause: "job-variable-size",
    why: "Variables and arguments reach the command through the kernel, which refuses to execute \
          it where one of them is larger: the job never starts. The event itself has this limit.",
    fix: "put large values into a file of the image",
    proof: Proof { breaks: "j003-variable-too-large", keeps: "j003-variable-as-large-as-can-be" },
    look: Look::Image(look),
};

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let limit = function.contract.job_variable_size;
    let Ok(plan) = Plan::new(image, function, RootMode::Writable, Vec::new()) else {
        return found.skip("there is nothing to run (M007)");
    };
    // The kernel counts what it copies: `NAME=value` and the NUL behind it.
    let variables =
        plan.env.iter().map(|(name, value)| (name.len() + value.len() + 2, format!("`{name}`")));
    let arguments =
        plan.argv.iter().enumerate().map(|(at, text)| (text.len() + 1, format!("argument {at}")));
    let Some((size, name)) = variables.chain(arguments).max() else {
        return found.skip("there is nothing to run (M007)");
    };
    let (told, most) = (units::size(size as u64), units::size(limit as u64));
    if size <= limit {
        found.pass(format!("the largest is {name} with {told} of {most}"));
    } else {
        found.fail(format!("{name} takes {size} bytes, and {limit} is the limit"));
    }
}
