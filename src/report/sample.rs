//! One fixed report with everything in it, for the samples in `reports/` and the tests here.

use std::time::{Duration, SystemTime};

use super::{
    ASSUMED_PULL_SPEED, BootFacts, ColdStart, ImageFacts, ImageReport, Report, SizeKnown, Sweep,
    Tier, TierOutcome, Trouble,
};
use crate::check::{Basis, Cause, Check, Place, Severity, Status, Waived};
use crate::contract::FunctionType;
use crate::evidence::{LogLine, Logs, Stream};

/// Three images: one that conforms, one that does not, one that could not be checked. Every
/// status and every severity is there, and text that tries to act on what shows it.
pub(super) fn report() -> Report {
    Report {
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_763_885_730_250),
        images: vec![conforming(), failing(), unreadable()],
        duration: Duration::from_micros(31_204_500),
        fail_on: Severity::Error,
    }
}

pub(super) fn conforming() -> ImageReport {
    ImageReport {
        reference: "fixture:hello".to_owned(),
        image: Some(facts("4f1c9a0b2d3e", 1_887_437, 5_452_595)),
        kind: Some(FunctionType::Http),
        kind_note: Some("POST /event-invoke was answered with 404".to_owned()),
        engine: Some("embedded".to_owned()),
        boot: Some(BootFacts {
            time_to_listen: Some(Duration::from_micros(11_812)),
            listen: vec!["0.0.0.0:9000".to_owned()],
            create: Duration::from_micros(6_100),
            exec: Duration::from_micros(1_950),
            first_log: Some(Duration::from_micros(11_020)),
            first_accept: Some(Duration::from_micros(11_903)),
            first_response: Some(Duration::from_micros(12_730)),
            boots: [11_390, 12_040, 11_655, 14_871, 11_812].map(Duration::from_micros).to_vec(),
            answers: [12_210, 12_905, 12_411, 15_602, 12_730].map(Duration::from_micros).to_vec(),
            cold_start: Some(ColdStart {
                pulled: 1_887_437,
                pull_speed: ASSUMED_PULL_SPEED,
                unpack: Some(Duration::from_micros(21_040)),
                runtime: Duration::from_micros(8_050),
                function: Duration::from_micros(11_812),
            }),
            limit: Duration::from_secs(30),
            watched: Vec::new(),
        }),
        job: None,
        sweep: None,
        checks: vec![
            pass("M001", "manifest is Docker v2 schema 2 or OCI 1.0+", "OCI image manifest"),
            pass("M005", "sum of the compressed layers is below 1 GiB", "1.8 MiB of 1 GiB"),
            Check {
                severity: Severity::Info,
                ..pass("M009", "EXPOSE, where given, names the platform's port", "nothing exposed")
            },
            skip(
                "R001",
                "the reference names a TCR registry and follows its naming rules",
                "a fixture has no registry",
            ),
            Check {
                duration: Duration::from_micros(11_812),
                ..pass(
                    "B001",
                    "listens on the platform's port, on all addresses, within the start limit",
                    "0.0.0.0:9000 after 11.8 ms of 30 s",
                )
            },
            Check {
                severity: Severity::Warning,
                evidence: vec!["frozen for 120 ms, answered 0.4 ms after".to_owned()],
                duration: Duration::from_micros(121_400),
                ..pass("B008", "answers again after being frozen and thawed", "200 after 0.4 ms")
            },
        ],
        logs: Logs {
            lines: vec![line(11_020, Stream::Stdout, "listening on 0.0.0.0:9000")],
            dropped: 0,
            bytes: 26,
        },
        trouble: None,
        duration: Duration::from_micros(187_300),
    }
}

fn sweep() -> Sweep {
    let tier = |memory_mb, time: u64, outcome| Tier {
        memory_mb,
        cpu_millis: memory_mb * 1000 / 1280,
        time: (time > 0).then_some(Duration::from_micros(time)),
        first_answer: (time > 0).then_some(Duration::from_micros(time + 900)),
        memory_peak: (outcome != TierOutcome::NotTried).then_some(4_404_019),
        outcome,
    };
    let failed =
        TierOutcome::Fails("the memory limit was reached before the process listened".to_owned());
    Sweep {
        tiers: vec![
            tier(64, 0, TierOutcome::NotTried),
            tier(128, 0, failed),
            tier(256, 42_600, TierOutcome::Conforms),
            tier(3072, 11_020, TierOutcome::Conforms),
        ],
        watched: Vec::new(),
    }
}

pub(super) fn failing() -> ImageReport {
    ImageReport {
        reference: "registry.example/team/hello".to_owned(),
        image: Some(facts("9b7740d1c2aa", 285_212_672, 641_204_224)),
        kind: Some(FunctionType::Event),
        kind_note: None,
        engine: Some("embedded".to_owned()),
        boot: Some(BootFacts {
            time_to_listen: None,
            listen: vec!["127.0.0.1:9000".to_owned()],
            create: Duration::from_micros(48_100),
            exec: Duration::from_micros(2_050),
            first_log: Some(Duration::from_micros(210_400)),
            first_accept: None,
            first_response: None,
            boots: Vec::new(),
            answers: Vec::new(),
            cold_start: None,
            limit: Duration::from_secs(30),
            watched: vec!["memory".to_owned(), "cpu".to_owned()],
        }),
        job: None,
        sweep: Some(sweep()),
        checks: failing_checks(),
        logs: Logs {
            lines: vec![
                line(
                    210_400,
                    Stream::Stdout,
                    "Serving on http://127.0.0.1:9000 \u{1b}[32mok\u{1b}[0m",
                ),
                line(
                    211_100,
                    Stream::Stderr,
                    "警告：环境变量缺失 <MODE> & \u{202e}drow\u{7}\u{ffff}",
                ),
            ],
            dropped: 12,
            bytes: 4_711,
        },
        trouble: None,
        duration: Duration::from_millis(31_004),
    }
}

fn failing_checks() -> Vec<Check> {
    let mut checks = vec![
        pass("M002", "the image is built for linux/amd64", "linux/amd64"),
        fail(
            ("R001", Severity::Warning),
            "the reference names a TCR registry and follows its naming rules",
            "`registry.example` is none of `ccr.ccs.tencentyun.com` and `*.tencentcloudcr.com`",
            "docker tag … ccr.ccs.tencentyun.com/NAMESPACE/hello:v1",
        ),
        fail(
            ("R002", Severity::Info),
            "the tag is not `latest`, or a digest is given",
            "the tag is `latest`",
            "push with a tag of its own, and deploy by digest",
        ),
        Check {
            cause: Some(Cause::LoopbackBind),
            evidence: vec![
                "LISTEN 127.0.0.1:9000, process 1".to_owned(),
                "stdout: Serving on http://127.0.0.1:9000 \u{1b}[32mok\u{1b}[0m".to_owned(),
                "stderr: 警告：环境变量缺失 <MODE> & \u{202e}drow\u{7}\u{ffff}".to_owned(),
            ],
            duration: Duration::from_secs(30),
            ..fail(
                ("B001", Severity::Error),
                "listens on the platform's port, on all addresses, within the start limit",
                "listens on 127.0.0.1:9000 only, wanted 0.0.0.0:9000 or [::]:9000 within 30 s",
                "bind to 0.0.0.0 instead of 127.0.0.1 or localhost; for example \
                 `app.run(host=\"0.0.0.0\", port=9000)` in Flask",
            )
        },
        Check {
            status: Status::CouldNotCheck,
            ..pass(
                "B006",
                "stays within the function's memory",
                "the kernel does not tell the peak of memory: /sys/fs/cgroup/memory is not mounted",
            )
        },
    ];
    for (id, title) in [
        ("E001", "an event with all common headers is answered"),
        ("E002", "an event without a run role is answered"),
        ("E003", "a timer's event is answered"),
        ("E004", "an object store's event is answered"),
        ("E005", "a second event is answered as the first"),
    ] {
        checks.push(skip(id, title, "the server never listened on the platform's port"));
    }
    checks.push(Check {
        place: Some(Place { file: "suites/orders.yaml".to_owned(), line: 12 }),
        duration: Duration::from_micros(3_204),
        ..fail(
            ("U001", Severity::Error),
            "an order without a price is refused",
            "status is 200, wanted 422",
            "answer with 422 where `price` is missing",
        )
    });
    checks.push(Check {
        status: Status::Skip,
        waived: Some(Waived {
            reason: "the client that needs it is gone by the end of the year".to_owned(),
            until: Some("2026-12-31".to_owned()),
        }),
        ..fail(
            ("U002", Severity::Warning),
            "an order is answered in English",
            "header `content-language` is not there",
            "send `content-language: en`",
        )
    });
    checks
}

pub(super) fn unreadable() -> ImageReport {
    ImageReport {
        reference: "docker-archive:build/img.tar".to_owned(),
        image: None,
        kind: None,
        kind_note: None,
        engine: None,
        boot: None,
        job: None,
        sweep: None,
        checks: Vec::new(),
        logs: Logs::default(),
        trouble: Some(Trouble {
            message:
                "read layer sha256:ab12cd34ef56 of `docker-archive:build/img.tar`: unexpected \
                      end after 4096 of 8192 bytes"
                    .to_owned(),
            hint: Some("write the archive again: docker save -o build/img.tar IMAGE".to_owned()),
        }),
        duration: Duration::from_micros(8_950),
    }
}

fn facts(digest: &str, size_bytes: u64, unpacked_bytes: u64) -> ImageFacts {
    ImageFacts {
        digest: format!("sha256:{digest}{}", "0".repeat(52)),
        media_type: crate::oci::media_type::OCI_MANIFEST.to_owned(),
        size_bytes,
        size_known: SizeKnown::Exactly,
        unpacked_bytes,
        memory_mb: if size_bytes < 1 << 28 { 384 } else { 640 },
    }
}

/// A check that is kept.
pub(super) fn pass(id: &str, title: &str, message: &str) -> Check {
    Check {
        id: id.to_owned(),
        title: title.to_owned(),
        severity: Severity::Error,
        status: Status::Pass,
        message: message.to_owned(),
        cause: None,
        evidence: Vec::new(),
        fix: None,
        source: Basis {
            sentence: "A function's server listens on the platform's port on all addresses."
                .to_owned(),
            document: "Tencent Cloud 583/56051, 2023-05-08".to_owned(),
        },
        duration: Duration::from_micros(312),
        place: None,
        waived: None,
    }
}

fn skip(id: &str, title: &str, why: &str) -> Check {
    Check { status: Status::Skip, duration: Duration::ZERO, ..pass(id, title, why) }
}

fn fail((id, severity): (&str, Severity), title: &str, message: &str, fix: &str) -> Check {
    Check { severity, status: Status::Fail, fix: Some(fix.to_owned()), ..pass(id, title, message) }
}

fn line(micros: u64, stream: Stream, text: &str) -> LogLine {
    LogLine { at: Duration::from_micros(micros), stream, text: text.to_owned() }
}
