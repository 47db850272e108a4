//! The end of the text: counts and the verdict, in a line that `grep` finds.

use std::io::{self, Write};

use colored::Colorize as _;

use super::layout::{columns, cut};
use super::line::colour;
use super::{Detail, Page, printable};
use crate::report::boots::{Spread, spread};
use crate::report::{BootFacts, Counts, ImageReport, JobFacts, Report, Verdict};
use crate::units;

/// Writes it.
pub(super) fn write(report: &Report, page: Page, out: &mut dyn Write) -> io::Result<()> {
    if page.detail != Detail::Brief || report.verdict() != Verdict::Conforms {
        writeln!(out)?;
    }
    if report.images.len() > 1 {
        each(report, page, out)?;
    }
    let verdict = colour(word(report.verdict())).bold();
    match report.images.as_slice() {
        [image] => {
            let start = "conform: ".len() + word(report.verdict()).len() + 2;
            let room = page.width.map_or(usize::MAX, |width| width.saturating_sub(start));
            writeln!(out, "conform: {verdict}  {}", fit(outcome(image), room))
        }
        images => {
            let counts = counts(report.counts());
            writeln!(out, "conform: {verdict}  {} images, {counts}", images.len())
        }
    }
}

/// The outcome, without its limit where the line would be longer than the terminal.
fn fit(text: String, room: usize) -> String {
    match text.rsplit_once(", limit ") {
        Some((start, _)) if columns(&text) > room => format!("{start})"),
        _ => text,
    }
}

/// Counts and the start of one image.
fn outcome(image: &ImageReport) -> String {
    match (&image.trouble, image.checks.as_slice()) {
        (Some(_), []) => "could not be checked".to_owned(),
        (trouble, _) => {
            let boot = image.boot.as_ref().map(boot).or(image.job.as_ref().map(job));
            let boot = boot.unwrap_or_default();
            let end = if trouble.is_some() { ", not checked to the end" } else { "" };
            format!("{}{end}{boot}", counts(image.counts()))
        }
    }
}

/// A line for each of several images.
fn each(report: &Report, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<_> = report.images.iter().map(|image| printable(&image.reference)).collect();
    // On a terminal a long name must not push the counts out of sight.
    let most =
        page.width.map_or(usize::MAX, |width| (width / 2).min(width.saturating_sub(33)).max(12));
    let wide = names.iter().map(|name| columns(name).min(most)).max().unwrap_or(0);
    for (image, name) in report.images.iter().zip(&names) {
        let name = cut(name, most);
        let pad = wide - columns(&name);
        let word = format!("{:<5}", word(image.verdict(report.fail_on)));
        write!(out, "{}  {name}{:pad$}  ", colour(&word), "")?;
        let text = outcome(image);
        let room = page.width.map_or(usize::MAX, |width| width.saturating_sub(wide + 9).max(24));
        writeln!(out, "{}", cut(&text, room))?;
    }
    writeln!(out)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Conforms => "PASS",
        Verdict::DoesNotConform => "FAIL",
        Verdict::NotChecked => "ERROR",
    }
}

fn counts(counts: Counts) -> String {
    let Counts { checks, passed, failed, warnings, infos, skipped, waived, errors } = counts;
    let many = |count: usize, one: &str, more: &str| match count {
        0 => String::new(),
        1 => format!(", 1 {one}"),
        count => format!(", {count} {more}"),
    };
    let plural = if checks == 1 { "" } else { "s" };
    format!("{checks} check{plural}: {passed} passed")
        + &many(failed, "failed", "failed")
        + &many(warnings, "warning", "warnings")
        + &many(infos, "info", "infos")
        + &many(skipped, "skipped", "skipped")
        + &many(waived, "waived", "waived")
        + &many(errors, "not checked", "not checked")
}

fn boot(boot: &BootFacts) -> String {
    let limit = units::duration(boot.limit);
    let text = match (spread(&boot.boots), boot.time_to_listen) {
        (Some(Spread { p50, p95, max, .. }), _) if boot.boots.len() > 1 => {
            let [p50, p95, max] = [p50, p95, max].map(units::duration);
            format!("time to listen p50 {p50}, p95 {p95}, max {max}")
        }
        (_, Some(time)) => format!("time to listen {}", units::duration(time)),
        (_, None) => "did not listen".to_owned(),
    };
    format!("  ({text}, limit {limit})")
}

fn job(job: &JobFacts) -> String {
    let text = match spread(&job.runs) {
        Some(Spread { p50, p95, max, .. }) if job.runs.len() > 1 => {
            let [p50, p95, max] = [p50, p95, max].map(units::duration);
            format!("{}; p50 {p50}, p95 {p95}, max {max}", job.told())
        }
        _ => job.told(),
    };
    format!("  ({text}, limit {})", units::duration(job.limit))
}
