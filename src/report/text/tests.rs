//! The text as it is read: without its styles.

use anstream::StripStream;
use expect_test::expect_file;

use super::*;
use crate::check::{Check, Status};
use crate::report::sample;

fn written(report: &Report, page: Page) -> String {
    let mut plain = StripStream::new(Vec::new());
    write(report, page, &mut plain).expect("a vector takes all");
    String::from_utf8(plain.into_inner()).expect("text is UTF-8")
}

fn page(width: Option<usize>, detail: Detail) -> Page {
    Page { width, detail }
}

#[test]
fn the_sample_is_written() {
    let text = written(&sample::report(), page(None, Detail::Normal));
    expect_file!["../../../reports/sample.txt"].assert_eq(&text);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [60, 80, 100, 200] {
        for detail in [Detail::Brief, Detail::Normal, Detail::Full] {
            let mut report = sample::report();
            report.images[1].checks[3].evidence.push("x".repeat(500));
            let text = written(&report, page(Some(width), detail));
            let verdict = text.lines().last().expect("a verdict");
            for line in text.lines().filter(|line| *line != verdict) {
                assert!(layout::columns(line) <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn the_last_line_is_the_verdict_at_every_detail() {
    let one = |image| Report { images: vec![image], ..sample::report() };
    for (report, start) in [
        (
            one(sample::conforming()),
            "conform: PASS  6 checks: 5 passed, 1 skipped  (time to listen p50 11.8 ms, p95 14.9 ms, max 14.9 ms, limit 30 s)",
        ),
        (
            one(sample::failing()),
            "conform: FAIL  12 checks: 1 passed, 2 failed, 1 warning, 1 info, 5 skipped, 1 waived, 1 not checked  (did not listen, limit 30 s)",
        ),
        (one(sample::unreadable()), "conform: ERROR  could not be checked"),
        (
            sample::report(),
            "conform: ERROR  3 images, 18 checks: 6 passed, 2 failed, 1 warning, 1 info, 6 skipped, 1 waived, 1 not checked",
        ),
    ] {
        for detail in [Detail::Brief, Detail::Normal, Detail::Full] {
            for width in [None, Some(80)] {
                let text = written(&report, page(width, detail));
                // Where the line is too long for the terminal, it is the limit that goes.
                let wanted = match (width, start.rsplit_once(", limit ")) {
                    (Some(width), Some((short, _))) if start.len() > width => format!("{short})"),
                    _ => start.to_owned(),
                };
                assert_eq!(text.lines().last(), Some(wanted.as_str()));
            }
        }
    }
}

#[test]
fn brief_tells_what_fails_the_run_and_nothing_else() {
    let report = Report { images: vec![sample::conforming()], ..sample::report() };
    assert_eq!(written(&report, page(None, Detail::Brief)).lines().count(), 1);
    let mut report = Report { images: vec![sample::failing()], ..sample::report() };
    let text = written(&report, page(None, Detail::Brief));
    assert!(text.contains("FAIL B001") && !text.contains("WARN R001"), "{text}");
    report.fail_on = Severity::Warning;
    let text = written(&report, page(None, Detail::Brief));
    assert!(text.contains("FAIL B001") && text.contains("WARN R001"), "{text}");
}

#[test]
fn nothing_from_an_image_acts_on_the_terminal() {
    for detail in [Detail::Normal, Detail::Full] {
        let text = written(&sample::report(), page(Some(80), detail));
        for character in text.chars().filter(|character| *character != '\n') {
            assert!(!super::super::printable::is_hidden(character), "{character:?}");
        }
        assert!(text.contains("\\x1b[32m") && text.contains("\\u{202e}"), "{text}");
    }
}

#[test]
fn skips_for_one_reason_share_a_line_on_a_terminal() {
    let report = sample::report();
    let folded = |page| written(&report, page).contains("E001  to E005, 5 checks");
    assert!(folded(page(Some(80), Detail::Normal)));
    assert!(!folded(page(None, Detail::Normal)));
    assert!(!folded(page(Some(80), Detail::Full)));
}

#[test]
fn what_fails_alike_is_told_once() {
    let mut image = sample::failing();
    let first = image.checks.iter().find(|check| check.status == Status::Fail).cloned();
    let first = first.expect("a failure");
    for id in ["B997", "B998", "B999"] {
        image.checks.push(Check { id: id.to_owned(), ..first.clone() });
    }
    let report = Report { images: vec![image], ..sample::report() };
    let text = written(&report, page(None, Detail::Normal));
    assert_eq!(text.matches("B997 to B999, 3 checks, fail alike").count(), 1, "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("FAIL B99")).count(), 0, "{text}");
}
