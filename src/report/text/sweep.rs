//! The table of the memory's sizes.

use std::io::{self, Write};

use colored::Colorize as _;

use super::layout::{paragraph, rest};
use super::{Detail, Page, printable};
use crate::report::sweep::{Sweep, Tier, TierOutcome};
use crate::units;

/// Columns before what became of it.
const INDENT: usize = 51;
/// Columns that a reason needs beside the numbers.
const REASON: usize = 24;

/// Writes it; in brief the one line that says what came of it.
pub(super) fn write(sweep: &Sweep, page: Page, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    if page.detail != Detail::Brief {
        let answers = sweep.tiers.iter().any(|tier| tier.first_answer.is_some());
        let (time, answer) = if answers { ("LISTEN", "answer") } else { ("time", "") };
        let head = format!("{:>8} {:>6}  {time:>9}  {answer:>9}  {:>9}", "memory", "cores", "peak");
        writeln!(out, "{}", head.dimmed())?;
        let skipped = sweep.tiers.iter().filter(|tier| tier.outcome == TierOutcome::NotTried);
        let skipped: Vec<&Tier> = skipped.collect();
        if let [first, .., last] = skipped.as_slice() {
            let range = format!("{} to {} MB", first.memory_mb, last.memory_mb);
            let line = format!("{range:>13}  not tried: more did not do");
            writeln!(out, "{}", line.dimmed())?;
        } else if let [one] = skipped.as_slice() {
            writeln!(out, "{:>5} MB  {}", one.memory_mb, "not tried: more did not do".dimmed())?;
        }
        for tier in sweep.tiers.iter().filter(|tier| tier.outcome != TierOutcome::NotTried) {
            row(tier, page, out)?;
        }
        if !sweep.watched.is_empty() {
            let watched = sweep.watched.join(" and ");
            let note = format!(
                "{watched} could only be watched here: the times are those of the whole machine"
            );
            rest(&note, 0, page, |line| line.yellow().to_string(), out)?;
        }
    }
    match sweep.least() {
        Some(least) => {
            writeln!(out, "least memory that conforms: {}", format!("{least} MB").bold())
        }
        None => writeln!(out, "no memory that the platform offers conforms"),
    }
}

fn row(tier: &Tier, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let time = tier.time.map(units::duration).unwrap_or_default();
    let answer = tier.first_answer.map(units::duration).unwrap_or_default();
    let peak = tier.memory_peak.map(units::size).unwrap_or_default();
    let cores = format!("{:.2}", f64::from(tier.cpu_millis) / 1000.0);
    let memory = tier.memory_mb;
    write!(out, "{memory:>5} MB {cores:>6}  {time:>9}  {answer:>9}  {peak:>9}")?;
    match &tier.outcome {
        TierOutcome::Conforms => writeln!(out, "  {}", "conforms".green()),
        TierOutcome::Fails(why) => {
            let red = |line: &str| line.red().to_string();
            if page.width.is_some_and(|width| width < INDENT + REASON) {
                writeln!(out)?;
                return paragraph(&printable(why), 9, page, red, out);
            }
            write!(out, "  ")?;
            rest(&printable(why), INDENT, page, red, out)
        }
        TierOutcome::NotTried => writeln!(out),
    }
}
