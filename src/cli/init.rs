//! `init`: a first `scf-conform.yaml`, written after a look at the image.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Args, ValueHint};
use scf_conform::check::{Severity, Status};
use scf_conform::contract::FunctionType;
use scf_conform::report::ImageReport;

use super::args::Options;
use super::check::{self, usage};
use super::environment::Environment;
use super::exit::Exit;
use super::file::FILE;
use super::jobs::Wanted;
use super::progress::Live;
use super::settings::Settings;
use super::{term, written};

/// Look at an image, and write a commented `scf-conform.yaml` for it
///
/// The image is checked once. The file says what it was found to be, and has a line for each
/// thing that one may want to set. The options are those of `check`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The image, written as for `check`
    #[arg(value_name = "IMAGE", value_hint = ValueHint::AnyPath)]
    pub(super) image: String,

    /// Write over the file that is there
    #[arg(long)]
    pub(super) force: bool,

    #[command(flatten)]
    pub(super) options: Options,
}

/// Runs the command.
pub(super) fn run(arguments: &Init, environment: &Environment) -> Exit {
    let path = arguments.options.config.as_deref().unwrap_or(FILE);
    if !arguments.force && Path::new(path).exists() {
        return usage(
            &format!("`{path}` is there already"),
            Some("scf-conform init --force writes over it"),
        );
    }
    // What the file says now is what is to be written anew.
    let options = arguments.options.without_file();
    let images = std::slice::from_ref(&arguments.image);
    check::ready(images, &options, environment, |settings, jobs, cancel| {
        let live = Live::new(settings.detail);
        let report = check::one(&Wanted::new(&arguments.image), jobs, &live, cancel);
        live.done(&arguments.image);
        if cancel.cancelled() {
            term::error("interrupted; everything that ran is ended and removed", None);
            return Exit::Interrupted;
        }
        if let Some(trouble) = &report.trouble {
            term::error(&trouble.message, trouble.hint.as_deref());
            return Exit::NotChecked;
        }
        if let Err(error) = written::put(Path::new(path), text(&report, settings).as_bytes()) {
            term::error(&format!("write `{path}`: {error}"), None);
            return Exit::NotChecked;
        }
        let failed = failures(&report).count();
        let found = match failed {
            0 => "it conforms".to_owned(),
            1 => "1 check fails, see the file".to_owned(),
            more => format!("{more} checks fail, see the file"),
        };
        term::print(&format!("{path} written; {found}. Next: scf-conform check\n"), Exit::Conforms)
    })
}

fn failures(report: &ImageReport) -> impl Iterator<Item = &scf_conform::check::Check> {
    let counts = |check: &&scf_conform::check::Check| {
        check.status == Status::Fail && check.severity > Severity::Info
    };
    report.checks.iter().filter(counts)
}

/// The file's text.
fn text(report: &ImageReport, settings: &Settings) -> String {
    let mut text = format!(
        "# What `scf-conform check` reads where it is started. Each of its options can stand here by its\n\
         # name without the dashes; `scf-conform check --help` names them all.\n\n\
         images: {}\n\n",
        quoted(&report.reference)
    );
    let mut line = |line: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line("# The function, as it is configured on the platform.");
    if let Some(kind) = report.kind {
        if settings.function.kind.is_none() {
            let found = match kind {
                FunctionType::Event => "POST /event-invoke is answered",
                FunctionType::Http => "POST /event-invoke is answered with 404, 405 or 501",
                FunctionType::Job => "it runs to its end",
            };
            line(&format!("# Found out: {found}."));
        }
        line(&format!("type: {}", kind.word()));
    }
    if let Some(image) = &report.image {
        line(&format!(
            "memory: {}  # MB; what is recommended for an image of this size",
            image.memory_mb
        ));
    }
    line("# timeout: 3  # seconds that an invocation may take");
    line("# init-timeout: 30  # seconds that the start may take");
    line("# region: ap-guangzhou");
    line("# env:\n#   MODE: production");
    line("");
    line("# Cases of your own, besides the built-in ones.");
    line("# suite: suites/mine.yaml");
    line("");
    line("# What fails the run, and files for those who read results.");
    line("fail-on: error  # or warning");
    line("# report:\n#   junit: reports/junit.xml");
    line("");
    line("# Failures that are accepted: each with its reason, and a last day where it is to end.");
    let mut failed = failures(report).peekable();
    if failed.peek().is_none() {
        line(
            "# waivers:\n#   - id: M003\n#     reason: our scanner wants the attestations\n#     until: 2027-01-31",
        );
    } else {
        line("# These failed when this file was written. Mend them, or give reasons.");
        line("# waivers:");
        for check in failed {
            let message = check.message.replace(['\n', '\r'], " ");
            line(&format!("#   - id: {}  # {}: {message}", check.id, check.severity));
            line("#     reason: ");
        }
    }
    text
}

/// A reference as a text of YAML.
fn quoted(reference: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "./:-_@".contains(letter);
    if reference.chars().all(plain)
        && reference.starts_with(|first: char| first.is_ascii_alphanumeric())
    {
        return reference.to_owned();
    }
    format!("'{}'", reference.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_text() {
        assert_eq!(quoted("my-app:v1"), "my-app:v1");
        assert_eq!(quoted("./it's"), "'./it''s'");
        assert_eq!(quoted("oci:a b"), "'oci:a b'");
    }
}
