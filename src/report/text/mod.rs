//! The report for a person at a terminal, and for `grep`.
//!
//! One line a check; whatever failed is told again at the end with all that is known of it,
//! what weighs most last; the last line holds the verdict. Styles are always written: the
//! stream that the text goes to takes them out where they are not wanted.

mod failure;
mod layout;
mod line;
mod start;
mod summary;
mod sweep;

use std::io::{self, Write};

use colored::Colorize as _;

use super::{Detail, Format, ImageReport, Page, Report, SizeKnown, printable};
use crate::check::Severity;
use crate::evidence::{Logs, Stream};
use crate::units;

/// The text format.
pub const FORMAT: Format =
    Format { name: "text", readers: "people, and grep for its last line", write };

fn write(report: &Report, page: Page, out: &mut dyn Write) -> io::Result<()> {
    for (at, report_of) in report.images.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        image(report_of, report.fail_on, page, out)?;
    }
    end(report, page, out)
}

/// Writes what was found out about one image: its part of the whole text, which
/// [`end`] follows after the last image.
///
/// # Errors
///
/// Those of `out`.
pub fn image(
    image: &ImageReport,
    fail_on: Severity,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let asked_for = image.sweep.is_some();
    if page.detail == Detail::Brief && !asked_for && !failure::any(image, fail_on, page) {
        return Ok(());
    }
    head(image, page, out)?;
    if page.detail != Detail::Brief {
        line::all(&image.checks, page, out)?;
        if let Some(boot) = &image.boot {
            start::write(boot, page, out)?;
        }
    }
    if let Some(sweep) = &image.sweep {
        sweep::write(sweep, page, out)?;
    }
    if page.detail == Detail::Full {
        logs(&image.logs, page, out)?;
    }
    failure::all(image, fail_on, page, out)
}

/// Writes the end of the text: a line for each image where there are several, and the
/// verdict.
///
/// # Errors
///
/// Those of `out`.
pub fn end(report: &Report, page: Page, out: &mut dyn Write) -> io::Result<()> {
    summary::write(report, page, out)
}

/// The image in one line, in two where the terminal is too narrow.
fn head(image: &ImageReport, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let reference = printable(&image.reference);
    let mut facts = Vec::new();
    if let Some(read) = &image.image {
        facts.push(short_digest(&read.digest).to_owned());
        let size = units::size(read.size_bytes);
        facts.push(match read.size_known {
            SizeKnown::Exactly => size,
            SizeKnown::About => format!("about {size}"),
            SizeKnown::AtMost => format!("at most {size}"),
        });
    }
    if let Some(kind) = image.kind {
        facts.push(format!("{} function", kind.word()));
    }
    if let Some(read) = &image.image {
        facts.push(format!("{} MB memory", read.memory_mb));
    }
    match &image.engine {
        Some(engine) => facts.push(format!("{} engine", printable(engine))),
        None if image.image.is_some() => facts.push("not booted".to_owned()),
        None => {}
    }
    let facts = facts.join("  ");
    let columns = layout::columns(&reference) + 2 + layout::columns(&facts);
    write!(out, "{}", reference.bold())?;
    if facts.is_empty() {
        writeln!(out)?;
    } else if page.width.is_some_and(|width| columns > width) {
        writeln!(out)?;
        layout::paragraph(&facts, 2, page, |line| line.dimmed().to_string(), out)?;
    } else {
        writeln!(out, "  {}", facts.dimmed())?;
    }
    if let Some(note) = &image.kind_note {
        let note = printable(note);
        layout::paragraph(&note, 2, page, |line| line.dimmed().to_string(), out)?;
    }
    let booted = image.boot.as_ref().map(|boot| &boot.watched);
    let watched = booted.or(image.job.as_ref().map(|job| &job.watched));
    if let Some(watched) = watched.filter(|watched| !watched.is_empty()) {
        let watched = watched.join(" and ");
        let note = format!("could be watched here but not limited: {watched}");
        layout::paragraph(&note, 2, page, |line| line.dimmed().to_string(), out)?;
    }
    Ok(())
}

fn logs(logs: &Logs, page: Page, out: &mut dyn Write) -> io::Result<()> {
    if logs.bytes == 0 {
        return Ok(());
    }
    let dropped = match logs.dropped {
        0 => String::new(),
        1 => ", 1 line in the middle not kept".to_owned(),
        lines => format!(", {lines} lines in the middle not kept"),
    };
    writeln!(out)?;
    let title = format!("logs, {}{dropped}, times from the start:", units::size(logs.bytes));
    layout::paragraph(&title, 0, page, |line| line.dimmed().to_string(), out)?;
    for line in &logs.lines {
        let stream = match line.stream {
            Stream::Stdout => "out",
            Stream::Stderr => "err",
        };
        let start = format!("{:>10}  {stream}  ", units::duration(line.at));
        write!(out, "{}", start.dimmed())?;
        layout::rest(&printable(&line.text), start.len(), page, str::to_owned, out)?;
    }
    Ok(())
}

/// The algorithm and the first twelve digits.
fn short_digest(digest: &str) -> &str {
    let end = digest.find(':').map_or(12, |colon| colon + 13);
    digest.get(..end).unwrap_or(digest)
}

#[cfg(test)]
mod tests;
