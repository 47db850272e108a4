//! The report for CI: the dialect of JUnit that GitLab, Jenkins, Azure and GitHub's actions
//! read alike.
//!
//! One suite for each image and group of checks. `failure` is what fails the run, `error` what
//! could not be checked; whatever weighs less is a case that passed, with its text in
//! `system-out`. `classname` and `name` are unique together: readers drop or merge what is not.

use std::collections::HashSet;
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::moment::iso8601;
use super::{Format, ImageReport, Page, Report, Trouble, printable};
use crate::check::{Check, Severity, Status};
use crate::evidence::{Logs, Stream};

/// The JUnit format.
pub(super) const FORMAT: Format =
    Format { name: "junit", readers: "GitLab, Jenkins, Azure, GitHub actions", write };

/// Of a long text so many bytes are kept at its start and as many at its end.
const KEPT: usize = 64 << 10;

/// What the groups of checks are called, by the letter of their ids, in the order of the file.
const GROUPS: [(&str, &str); 9] = [
    ("M", "manifest"),
    ("R", "reference"),
    ("F", "files"),
    ("B", "boot"),
    ("E", "event"),
    ("H", "http"),
    ("J", "job"),
    ("S", "secrets"),
    ("U", "suites"),
];

fn write(report: &Report, _page: Page, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = quick_junit::Report::new(env!("CARGO_PKG_NAME"));
    let timestamp = iso8601(report.started);
    junit.timestamp = timestamp.parse().ok();
    junit.set_time(report.duration);
    let mut names = HashSet::new();
    for image in &report.images {
        // Without an image's name in it, a case keeps its history over tags and digests.
        let prefix = match report.images.len() {
            1 => env!("CARGO_PKG_NAME").to_owned(),
            _ => format!("{}.{}", env!("CARGO_PKG_NAME"), printable(&image.reference)),
        };
        let prefix = unique(&prefix, &mut names);
        for mut suite in suites(image, &prefix, report.fail_on) {
            suite.timestamp = timestamp.parse().ok();
            junit.add_test_suite(suite);
        }
    }
    junit.serialize(out).map_err(io::Error::other)
}

fn suites(image: &ImageReport, prefix: &str, fail_on: Severity) -> Vec<TestSuite> {
    let mut suites = Vec::new();
    let other = ("", "other");
    for (letter, group) in GROUPS.into_iter().chain([other]) {
        let checks: Vec<&Check> =
            image.checks.iter().filter(|check| group_of(check) == group).collect();
        if checks.is_empty() {
            continue;
        }
        let class = format!("{prefix}.{group}");
        let mut suite = suite(&class, image);
        let mut names = HashSet::new();
        let mut logs_wanted = letter == "B";
        for check in checks {
            let mut case = case(check, fail_on);
            case.name = unique(&case.name, &mut names).into();
            case.set_classname(class.as_str());
            // Some readers show the output of a case only, and never that of a suite.
            if logs_wanted && matches!(case.status, TestCaseStatus::NonSuccess { .. }) {
                logs_wanted = false;
                attach(&image.logs, |out| _ = case.set_system_out(out), |_| ());
            }
            suite.add_test_case(case);
        }
        if letter == "B" {
            let (mut out, mut err) = (None, None);
            attach(&image.logs, |text| out = Some(text), |text| err = Some(text));
            suite.system_out = out.map(Into::into);
            suite.system_err = err.map(Into::into);
        }
        suites.push(timed(suite));
    }
    if let Some(trouble) = &image.trouble {
        let class = format!("{prefix}.image");
        let mut suite = suite(&class, image);
        suite.add_test_case(in_trouble(trouble, image, &class));
        suites.push(timed(suite));
    }
    suites
}

fn group_of(check: &Check) -> &'static str {
    let known = GROUPS.iter().find(|(letter, _)| {
        check
            .id
            .strip_prefix(letter)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    known.map_or("other", |(_, group)| group)
}

fn suite(class: &str, image: &ImageReport) -> TestSuite {
    let mut suite = TestSuite::new(class);
    let mut property = |name: &str, value: &str| {
        suite.add_property(Property::new(name, printable(value)));
    };
    property("tool", concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")));
    property("reference", &image.reference);
    if let Some(read) = &image.image {
        property("digest", &read.digest);
        property("media_type", &read.media_type);
        property("size_bytes", &read.size_bytes.to_string());
        property("memory_mb", &read.memory_mb.to_string());
    }
    if let Some(kind) = image.kind {
        property("type", kind.word());
    }
    if let Some(engine) = &image.engine {
        property("engine", engine);
    }
    suite
}

/// Sets the suite's time to the sum of its cases'.
fn timed(mut suite: TestSuite) -> TestSuite {
    suite.set_time(suite.test_cases.iter().filter_map(|case| case.time).sum());
    suite
}

fn case(check: &Check, fail_on: Severity) -> TestCase {
    let status = match check.status {
        Status::Skip => {
            let mut status = TestCaseStatus::skipped();
            match &check.waived {
                None => status.set_message(printable(&check.message)),
                Some(waived) => {
                    let found = full(check);
                    status.set_message(printable(&waived.told())).set_description(bounded(&found))
                }
            };
            status
        }
        Status::CouldNotCheck => not_kept(NonSuccessKind::Error, check),
        Status::Fail if check.fails_at(fail_on) => not_kept(NonSuccessKind::Failure, check),
        Status::Fail | Status::Pass => TestCaseStatus::success(),
    };
    let passed = matches!(status, TestCaseStatus::Success { .. });
    let name = format!("{} {}", printable(&check.id), printable(&check.title));
    let mut case = TestCase::new(name, status);
    case.set_time(check.duration);
    if let Some(place) = &check.place {
        case.extra.insert("file".into(), printable(&place.file).into());
        case.extra.insert("line".into(), place.line.to_string().into());
    }
    if passed && check.status == Status::Fail {
        case.set_system_out(bounded(&format!("{}: {}", check.severity, full(check))));
    } else if passed && !check.message.is_empty() {
        case.set_system_out(bounded(&printable(&check.message)));
    }
    case
}

/// The element of a check that was not kept: its headline, its kind, and the whole story.
fn not_kept(kind: NonSuccessKind, check: &Check) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_message(printable(&check.message))
        .set_type(match (check.cause, kind) {
            (Some(cause), _) => cause.word(),
            (None, NonSuccessKind::Failure) => "does-not-conform",
            (None, NonSuccessKind::Error) => "not-checked",
        })
        .set_description(bounded(&full(check)));
    status
}

fn in_trouble(trouble: &Trouble, image: &ImageReport, class: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let message = printable(&trouble.message);
    let hint = trouble.hint.as_deref().map(|hint| format!("\nhelp: {}", printable(hint)));
    status
        .set_message(message.as_ref())
        .set_type("not-checked")
        .set_description(format!("{message}{}", hint.unwrap_or_default()));
    let mut case = TestCase::new("the image can be checked", status);
    case.set_classname(class).set_time(image.duration);
    case
}

/// Everything that is known of a check that was not kept, a line each.
fn full(check: &Check) -> String {
    let mut text = printable(&check.message).into_owned();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push('\n');
            text.push_str(name);
            text.push_str(": ");
            text.push_str(&printable(value));
        }
    };
    line("cause", check.cause.map_or("", |cause| cause.word()));
    for seen in &check.evidence {
        line("evidence", seen);
    }
    line("fix", check.fix.as_deref().unwrap_or_default());
    line("contract", &check.source.sentence);
    line("document", &check.source.document);
    text
}

/// Hands over what was written to each stream, where something was.
fn attach(logs: &Logs, out: impl FnOnce(String), err: impl FnOnce(String)) {
    let of = |stream| {
        let lines = logs.lines.iter().filter(|line| line.stream == stream);
        let text: Vec<_> = lines.map(|line| printable(&line.text)).collect();
        bounded(&text.join("\n"))
    };
    let (stdout, stderr) = (of(Stream::Stdout), of(Stream::Stderr));
    if !stdout.is_empty() {
        out(stdout);
    }
    if !stderr.is_empty() {
        err(stderr);
    }
}

/// The text, without its middle where it is long: readers give up on large files.
fn bounded(text: &str) -> String {
    if text.len() <= 2 * KEPT {
        return text.to_owned();
    }
    let boundary = |at: usize| (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(at);
    let (head, tail) = (boundary(KEPT), boundary(text.len() - KEPT));
    format!("{}\n… {} bytes …\n{}", &text[..head], tail - head, &text[tail..])
}

/// The name, with a number behind it where it is taken.
fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let mut tried = name.to_owned();
    for number in 2.. {
        if taken.insert(tried.clone()) {
            break;
        }
        tried = format!("{name} ({number})");
    }
    tried
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;
    use crate::report::printable::is_hidden;
    use crate::report::sample;

    fn written(report: &Report) -> String {
        let mut bytes = Vec::new();
        write(report, Page::default(), &mut bytes).expect("a vector takes all");
        String::from_utf8(bytes).expect("XML is UTF-8")
    }

    /// The sums of a whole file: tests, failures, errors, skipped.
    fn sums(report: &Report) -> [usize; 4] {
        let read = quick_junit::Report::deserialize_from_str(&written(report)).expect("JUnit");
        [read.tests, read.failures, read.errors, read.skipped]
    }

    #[test]
    fn the_sample_is_written() {
        expect_file!["../../reports/sample.xml"].assert_eq(&written(&sample::report()));
    }

    #[test]
    fn sums_follow_what_fails_the_run() {
        let mut report = sample::report();
        assert_eq!(sums(&report), [19, 2, 2, 7]);
        report.fail_on = Severity::Warning;
        assert_eq!(sums(&report), [19, 3, 2, 7]);
    }

    #[test]
    fn class_and_name_are_unique() {
        let mut report = sample::report();
        let again = report.images[1].checks[0].clone();
        report.images[1].checks.push(again);
        report.images.push(sample::failing());
        let text = written(&report);
        let read = quick_junit::Report::deserialize_from_str(&text).expect("JUnit");
        let mut seen = HashSet::new();
        for case in read.test_suites.iter().flat_map(|suite| &suite.test_cases) {
            let class = case.classname.as_deref().expect("a class");
            assert!(
                seen.insert((class.to_owned(), case.name.to_string())),
                "{class} {:?}",
                case.name
            );
        }
        assert_eq!(seen.len(), 19 + 1 + 12);
    }

    #[test]
    fn one_image_has_short_names() {
        let mut report = sample::report();
        report.images.truncate(1);
        assert!(written(&report).contains("classname=\"scf-conform.boot\""));
    }

    #[test]
    fn no_character_breaks_the_file() {
        let mut report = sample::report();
        let all: String = ('\0'..='\u{3000}').chain('\u{fff0}'..='\u{10010}').collect();
        report.images[1].checks[3].message.clone_from(&all);
        report.images[1].logs.lines[0].text = all;
        let text = written(&report);
        let allowed = |c: char| !is_hidden(c) || c == '\n';
        assert!(text.chars().all(allowed));
    }

    #[test]
    fn a_long_text_keeps_head_and_tail() {
        let long = format!("start{}end", "ü".repeat(KEPT * 2));
        let short = bounded(&long);
        assert!(short.starts_with("start") && short.ends_with("end"));
        assert!(short.len() < 2 * KEPT + 64);
        assert!(short.contains(" bytes …"));
    }
}
