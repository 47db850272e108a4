//! One line a check.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use colored::{ColoredString, Colorize as _};

use super::layout::{columns, cut, cut_at_word, paragraph, rest};
use super::{Detail, Page, printable};
use crate::check::{Check, Severity, Status};
use crate::units;

/// From this many on, checks that were skipped for one reason share a line on a terminal.
const FOLD: usize = 4;

/// Columns of a title that are kept beside a long message, where there is one.
const TITLE: usize = 20;

/// Shorter times are not worth their columns.
const TOLD: Duration = Duration::from_micros(50);

/// The word that a line begins with, four columns wide.
pub(super) fn label(check: &Check) -> &'static str {
    match (check.status, check.severity) {
        _ if check.waived.is_some() => "WAIV",
        (Status::Pass, _) => "PASS",
        (Status::Skip, _) => "SKIP",
        (Status::CouldNotCheck, _) => "ERR ",
        (Status::Fail, Severity::Error) => "FAIL",
        (Status::Fail, Severity::Warning) => "WARN",
        (Status::Fail, Severity::Info) => "INFO",
    }
}

/// The label in its colour.
pub(super) fn colour(label: &str) -> ColoredString {
    match label.trim_end() {
        "PASS" => label.green(),
        "SKIP" => label.dimmed(),
        "WAIV" => label.yellow(),
        "WARN" => label.yellow().bold(),
        "INFO" => label.cyan(),
        "ERR" | "ERROR" => label.magenta().bold(),
        _ => label.red().bold(),
    }
}

/// Writes every check's line.
pub(super) fn all(checks: &[Check], page: Page, out: &mut dyn Write) -> io::Result<()> {
    let id_width = checks.iter().map(|check| columns(&check.id)).max().unwrap_or(0);
    let mut left = checks;
    while let [first, after @ ..] = left {
        let alike = after.iter().take_while(|next| skipped_alike(first, next)).count();
        if page.width.is_some() && page.detail == Detail::Normal && alike + 1 >= FOLD {
            folded(first, &after[alike - 1], alike + 1, id_width, page, out)?;
            left = &after[alike..];
        } else {
            one(first, id_width, page, out)?;
            left = after;
        }
    }
    Ok(())
}

fn skipped_alike(one: &Check, other: &Check) -> bool {
    let skipped = |check: &Check| check.status == Status::Skip && check.waived.is_none();
    skipped(one) && skipped(other) && one.message == other.message
}

fn one(check: &Check, id_width: usize, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let time = if check.duration < TOLD { String::new() } else { units::duration(check.duration) };
    let indent = begin(label(check), &time, &check.id, id_width, out)?;
    let (title, message) = (printable(&check.title), said(check));
    if page.detail == Detail::Full {
        rest(&title, indent, page, str::to_owned, out)?;
        if !message.is_empty() {
            paragraph(&message, indent, page, str::to_owned, out)?;
        }
        // That of a failure is told at the end, with everything else of it.
        let told = matches!(check.status, Status::Pass | Status::Skip);
        for line in check.evidence.iter().filter(|_| told) {
            paragraph(&printable(line), indent, page, |line| line.dimmed().to_string(), out)?;
        }
        return Ok(());
    }
    let (title, message) = fit(&title, &message, check.status, room(indent, page));
    match check.status {
        Status::Pass | Status::Skip => writeln!(out, "{title}{}", message.dimmed()),
        Status::Fail | Status::CouldNotCheck => writeln!(out, "{title}{message}"),
    }
}

/// What was found; of a waived check, first why that is accepted.
fn said(check: &Check) -> Cow<'_, str> {
    match &check.waived {
        None => printable(&check.message),
        Some(waived) => Cow::Owned(format!(
            "{}; found {}",
            printable(&waived.told()),
            printable(&check.message)
        )),
    }
}

/// Several checks that were skipped for one reason, in one line.
fn folded(
    first: &Check,
    last: &Check,
    count: usize,
    id_width: usize,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let indent = begin(label(first), "", &first.id, id_width, out)?;
    let title = format!("to {}, {count} checks", printable(&last.id));
    let (title, message) =
        fit(&title, &printable(&first.message), Status::Skip, room(indent, page));
    writeln!(out, "{title}{}", message.dimmed())
}

/// Label, time and id; returns the columns that they take.
fn begin(
    label: &str,
    time: &str,
    id: &str,
    id_width: usize,
    out: &mut dyn Write,
) -> io::Result<usize> {
    let id = printable(id);
    let pad = id_width.saturating_sub(columns(&id));
    write!(out, "{}  {}  {id}{:pad$}  ", colour(label), format!("{time:>8}").dimmed(), "")?;
    Ok(label.len() + 2 + 8 + 2 + columns(&id) + pad + 2)
}

fn room(indent: usize, page: Page) -> Option<usize> {
    page.width.map(|width| width.saturating_sub(indent).max(24))
}

/// Title and message in one line. Where both do not fit: of a check that was kept the title
/// is worth more, of any other what was found, and just enough of the title to know it by.
fn fit(title: &str, message: &str, status: Status, room: Option<usize>) -> (String, String) {
    let Some(room) = room else {
        let colon = if message.is_empty() { "" } else { ": " };
        return (title.to_owned(), format!("{colon}{message}"));
    };
    let wanted = if message.is_empty() { 0 } else { columns(message) + 2 };
    if columns(title) + wanted <= room && wanted > 0 {
        return (title.to_owned(), format!(": {message}"));
    }
    match status {
        Status::Skip | Status::Fail | Status::CouldNotCheck if wanted > 0 => {
            let title = cut_at_word(title, room.saturating_sub(wanted).max(TITLE));
            let left = room.saturating_sub(columns(&title) + 2);
            (title, format!(": {}", cut(message, left)))
        }
        _ => (cut(title, room).into_owned(), String::new()),
    }
}
