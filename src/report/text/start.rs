//! How the image started, in numbers: the timeline, several boots, the estimate of a cold
//! start.

use std::io::{self, Write};
use std::time::Duration;

use colored::Colorize as _;

use super::layout::rest;
use super::{Detail, Page};
use crate::report::boots::{Spread, spread};
use crate::report::histogram::{LEAST, bins};
use crate::report::{BootFacts, ColdStart};
use crate::units;

/// Columns of a row's name and the space around it.
const INDENT: usize = 14;
/// Columns of the longest bar, where the terminal has them.
const BAR: usize = 40;

/// Writes what there is to tell: of one boot only in full detail, of several always.
pub(super) fn write(boot: &BootFacts, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let full = page.detail == Detail::Full;
    if !full && boot.boots.len() < 2 {
        return Ok(());
    }
    writeln!(out)?;
    if full {
        timeline(boot, page, out)?;
    }
    if boot.boots.len() > 1 {
        several(boot, page, out)?;
    }
    match boot.cold_start.as_ref().filter(|_| full) {
        Some(start) => cold_start(start, page, out),
        None => Ok(()),
    }
}

/// The phases, those after the exec as moments.
fn timeline(boot: &BootFacts, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let (create, exec) = (units::duration(boot.create), units::duration(boot.exec));
    let first = format!("create {create}, exec {exec}; from the exec on:");
    row("start", &first, page, out)?;
    for (name, at) in [
        ("first log line", boot.first_log),
        ("LISTEN", boot.time_to_listen),
        ("first connection", boot.first_accept),
        ("first answer", boot.first_response),
    ] {
        let at = at.map_or_else(|| "none".to_owned(), units::duration);
        row("", &format!("{at:>9}  {name}"), page, out)?;
    }
    Ok(())
}

fn several(boot: &BootFacts, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let Some(Spread { min, p50, p95, max }) = spread(&boot.boots) else { return Ok(()) };
    let headroom = units::duration(boot.limit.saturating_sub(max));
    let limit = units::duration(boot.limit);
    row("boots", &format!("{}  {}", boot.boots.len(), told([min, p50, p95, max])), page, out)?;
    row("", &format!("headroom {headroom} of {limit}"), page, out)?;
    if boot.boots.len() >= LEAST {
        picture(&boot.boots, page, out)?;
    }
    match spread(&boot.answers) {
        Some(Spread { min, p50, p95, max }) => {
            row("first answer", &told([min, p50, p95, max]), page, out)
        }
        None => Ok(()),
    }
}

fn told(numbers: [Duration; 4]) -> String {
    let [min, p50, p95, max] = numbers.map(units::duration);
    format!("min {min}  p50 {p50}  p95 {p95}  max {max}")
}

fn picture(values: &[Duration], page: Page, out: &mut dyn Write) -> io::Result<()> {
    let bins = bins(values);
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1).max(1);
    let room = page.width.map_or(BAR, |width| width.saturating_sub(INDENT + 14).clamp(4, BAR));
    for (at, bin) in bins.iter().enumerate() {
        let name = if at == 0 { "listens after" } else { "" };
        let from = units::duration(bin.from);
        let plus = if bin.and_more { "+" } else { " " };
        let bar = "█".repeat((bin.count * room).div_ceil(most));
        let line = match bin.count {
            0 => format!("{from:>8}{plus}"),
            count => format!("{from:>8}{plus} {} {count}", bar.cyan()),
        };
        writeln!(out, "{}{}", format!("{name:<INDENT$}").dimmed(), line.trim_end())?;
    }
    Ok(())
}

fn cold_start(start: &ColdStart, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let [total, pull, runtime, function] =
        [start.total(), start.pull_code(), start.runtime, start.function].map(units::duration);
    let line =
        format!("about {total}: PullCode {pull}  InitRuntime {runtime}  InitFunction {function}");
    row("cold start", &line, page, out)?;
    let unpacked = match start.unpack {
        Some(unpack) => format!("unpacked in {} here", units::duration(unpack)),
        None => "unpacking not measured and not counted".to_owned(),
    };
    let basis = format!(
        "an estimate: {} pulled at an assumed {}/s (--pull-speed), {unpacked}",
        units::size(start.pulled),
        units::size(start.pull_speed)
    );
    write!(out, "{:INDENT$}", "")?;
    rest(&basis, INDENT, page, |line| line.dimmed().to_string(), out)
}

fn row(name: &str, text: &str, page: Page, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}", format!("{name:<INDENT$}").dimmed())?;
    rest(text, INDENT, page, str::to_owned, out)
}
