//! What failed, told in full: what was found, why, by what evidence, and what to do.

use std::borrow::Cow;
use std::io::{self, Write};

use colored::Colorize as _;

use super::layout::{paragraph, rest};
use super::line::{colour, label};
use super::{Detail, ImageReport, Page, printable};
use crate::check::{Cause, Check, Severity, Status};
use crate::report::Trouble;

/// Columns of a field's name and the space around it.
const INDENT: usize = 12;

/// Prose is not read well in longer lines, however wide the terminal.
const PROSE: usize = 100;

/// Whether there is something to tell.
pub(super) fn any(image: &ImageReport, fail_on: Severity, page: Page) -> bool {
    image.trouble.is_some() || image.checks.iter().any(|check| is_told(check, fail_on, page))
}

/// Writes it, what weighs most last: next to the verdict.
pub(super) fn all(
    image: &ImageReport,
    fail_on: Severity,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut told: Vec<&Check> =
        image.checks.iter().filter(|check| is_told(check, fail_on, page)).collect();
    told.sort_by_key(|check| weight(check));
    // What one defect breaks alike is told once.
    let mut left = told.as_slice();
    let mut seen: Vec<&Check> = Vec::new();
    while let [check, after @ ..] = left {
        left = after;
        if seen.iter().any(|earlier| alike(earlier, check)) {
            continue;
        }
        seen.push(check);
        let others = after.iter().filter(|other| alike(check, other));
        let others: Vec<&str> = others.map(|other| other.id.as_str()).collect();
        one(check, &others, page, out)?;
    }
    image.trouble.as_ref().map_or(Ok(()), |trouble| in_trouble(trouble, page, out))
}

/// Whether all is the same of two failures but what they are of.
fn alike(one: &Check, other: &Check) -> bool {
    (one.status, one.severity, one.cause) == (other.status, other.severity, other.cause)
        && (&one.message, &one.evidence, &one.fix) == (&other.message, &other.evidence, &other.fix)
        && one.place == other.place
        && !one.message.is_empty()
}

fn is_told(check: &Check, fail_on: Severity, page: Page) -> bool {
    match (check.status, check.severity, page.detail) {
        (Status::Pass | Status::Skip, ..) => false,
        (Status::CouldNotCheck, ..) | (Status::Fail, _, Detail::Full) => true,
        (Status::Fail, severity, Detail::Brief) => severity >= fail_on,
        (Status::Fail, severity, Detail::Normal) => severity > Severity::Info,
    }
}

fn weight(check: &Check) -> u8 {
    match (check.status, check.severity) {
        (Status::Pass | Status::Skip, _) => 0,
        (Status::Fail, Severity::Info) => 1,
        (Status::Fail, Severity::Warning) => 2,
        (Status::CouldNotCheck, _) => 3,
        (Status::Fail, Severity::Error) => 4,
    }
}

fn one(check: &Check, others: &[&str], page: Page, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    let start = format!("{} {} ", label(check), printable(&check.id));
    write!(out, "{} {} ", colour(label(check)), printable(&check.id).bold())?;
    let bold = |line: &str| line.bold().to_string();
    rest(&printable(&check.title), start.len(), page, bold, out)?;
    let plain = str::to_owned as fn(&str) -> String;
    let dimmed = (|line: &str| line.dimmed().to_string()) as fn(&str) -> String;
    let prose = prose(page);
    let others = match others {
        [] => String::new(),
        [other] => format!("{other} fails alike"),
        [first, .., last] => format!("{first} to {last}, {} checks, fail alike", others.len()),
    };
    field("also", [others.as_str()], plain, page, out)?;
    field("found", [check.message.as_str()], plain, prose, out)?;
    field("cause", check.cause.map(Cause::word), plain, page, out)?;
    if let Some(place) = &check.place {
        let place = format!("{}:{}", place.file, place.line);
        field("written", [place.as_str()], plain, page, out)?;
    }
    field("evidence", check.evidence.iter().map(String::as_str), dimmed, page, out)?;
    field("fix", check.fix.as_deref(), |line| line.green().to_string(), prose, out)?;
    field("contract", [check.source.sentence.as_str()], plain, prose, out)?;
    field("", [check.source.document.as_str()], dimmed, page, out)
}

fn in_trouble(trouble: &Trouble, page: Page, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    writeln!(out, "{} {}", colour("ERR "), "could not be checked".bold())?;
    field("found", [trouble.message.as_str()], str::to_owned, page, out)?;
    field("help", trouble.hint.as_deref(), |line| line.green().to_string(), page, out)
}

fn prose(page: Page) -> Page {
    Page { width: page.width.map(|width| width.min(PROSE)), ..page }
}

/// Writes one field, a line each value; nothing where there is no value.
fn field<'a>(
    name: &str,
    values: impl IntoIterator<Item = &'a str>,
    style: impl Fn(&str) -> String,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let values = values.into_iter().filter(|value| !value.is_empty()).map(printable);
    for (at, value) in values.enumerate() {
        let value: Cow<'_, str> = value;
        if at == 0 {
            let name = format!("{name:<width$}", width = INDENT - 2);
            write!(out, "  {}", name.dimmed())?;
            rest(&value, INDENT, page, &style, out)?;
        } else {
            paragraph(&value, INDENT, page, &style, out)?;
        }
    }
    Ok(())
}
