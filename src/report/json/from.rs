//! From the report to the document.

use std::time::Duration;

use super::wire::{
    Boot, Boots, Check, ColdStart, Document, Image, Job, Kind, LogLine, Logs, MemorySweep, Phases,
    Place, Severity, SizeKnown, Spread, Status, Stream, Summary, Tier, Tool, Trouble, Verdict,
    Waived,
};
use crate::contract::FunctionType;
use crate::evidence::{Ending, JobEnd};
use crate::report::boots::spread;
use crate::report::moment::iso8601;
use crate::report::{BootFacts, Counts, ImageReport, JobFacts, Report, TierOutcome};
use crate::{check, evidence, report};

/// The kind of document and its version.
pub(super) const SCHEMA: &str = "scf-conform/report/v1";

impl From<&Report> for Document {
    fn from(report: &Report) -> Document {
        let Counts { checks, passed, failed, warnings, infos, skipped, waived, errors } =
            report.counts();
        Document {
            schema: SCHEMA,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            started: iso8601(report.started),
            images: report.images.iter().map(|image| self::image(image, report.fail_on)).collect(),
            summary: Summary {
                verdict: verdict(report.verdict()),
                fail_on: severity(report.fail_on),
                images: report.images.len(),
                checks,
                passed,
                failed,
                warnings,
                infos,
                skipped: skipped + waived,
                waived,
                errors,
                duration_ms: ms(report.duration),
            },
        }
    }
}

fn image(image: &ImageReport, fail_on: check::Severity) -> Image {
    let read = image.image.as_ref();
    let booted = image.engine.is_some() || image.boot.is_some();
    Image {
        reference: image.reference.clone(),
        digest: read.map(|read| read.digest.clone()),
        media_type: read.map(|read| read.media_type.clone()),
        size_bytes: read.map(|read| read.size_bytes),
        size_known: read.map(|read| match read.size_known {
            report::SizeKnown::Exactly => SizeKnown::Exactly,
            report::SizeKnown::About => SizeKnown::About,
            report::SizeKnown::AtMost => SizeKnown::AtMost,
        }),
        unpacked_bytes: read.map(|read| read.unpacked_bytes),
        kind: image.kind.map(|kind| match kind {
            FunctionType::Event => Kind::Event,
            FunctionType::Http => Kind::Http,
            FunctionType::Job => Kind::Job,
        }),
        kind_note: image.kind_note.clone(),
        engine: image.engine.clone(),
        memory_mb: read.map(|read| read.memory_mb),
        verdict: verdict(image.verdict(fail_on)),
        boot: image.boot.as_ref().map(boot),
        job: image.job.as_ref().map(job),
        memory_sweep: image.sweep.as_ref().map(sweep),
        checks: image.checks.iter().map(check).collect(),
        logs: booted.then(|| logs(&image.logs)),
        trouble: image.trouble.as_ref().map(|trouble| Trouble {
            message: trouble.message.clone(),
            hint: trouble.hint.clone(),
        }),
        duration_ms: ms(image.duration),
    }
}

fn boot(boot: &BootFacts) -> Boot {
    let all = spread(&boot.boots);
    Boot {
        time_to_listen_ms: boot.time_to_listen.map(ms),
        limit_ms: ms(boot.limit),
        watched_limits: boot.watched.clone(),
        listen: boot.listen.clone(),
        phases_ms: Phases {
            create: ms(boot.create),
            exec: ms(boot.exec),
            first_log: boot.first_log.map(ms),
            listen: boot.time_to_listen.map(ms),
            first_accept: boot.first_accept.map(ms),
            first_response: boot.first_response.map(ms),
        },
        boots: Boots {
            n: boot.boots.len(),
            min: all.map(|all| ms(all.min)),
            p50: all.map(|all| ms(all.p50)),
            p95: all.map(|all| ms(all.p95)),
            max: all.map(|all| ms(all.max)),
            headroom: all.map(|all| ms(boot.limit.saturating_sub(all.max))),
            each: boot.boots.iter().copied().map(ms).collect(),
            first_response: several(&boot.answers),
        },
        cold_start: boot.cold_start.map(|start| ColdStart {
            total_ms: ms(start.total()),
            pull_code_ms: ms(start.pull_code()),
            init_runtime_ms: ms(start.runtime),
            init_function_ms: ms(start.function),
            assumed_bytes_per_second: start.pull_speed,
            unpack_ms: start.unpack.map(ms),
        }),
    }
}

fn job(job: &JobFacts) -> Job {
    let (exit_code, signal) = match job.end {
        JobEnd::Ended(Ending::Exited(code)) => (Some(code), None),
        JobEnd::Ended(Ending::Signalled { signal, .. }) => (None, Some(signal)),
        JobEnd::TimedOut { .. } | JobEnd::Refused(_) => (None, None),
    };
    Job {
        duration_ms: ms(job.duration),
        limit_ms: ms(job.limit),
        timed_out: matches!(job.end, JobEnd::TimedOut { .. }),
        exit_code,
        signal,
        create_ms: ms(job.create),
        exec_ms: ms(job.exec),
        first_log_ms: job.first_log.map(ms),
        watched_limits: job.watched.clone(),
        runs: several(&job.runs),
    }
}

fn sweep(sweep: &report::Sweep) -> MemorySweep {
    let tier = |tier: &report::Tier| Tier {
        memory_mb: tier.memory_mb,
        cpu_millis: tier.cpu_millis,
        conforms: match tier.outcome {
            TierOutcome::Conforms => Some(true),
            TierOutcome::Fails(_) => Some(false),
            TierOutcome::NotTried => None,
        },
        reason: match &tier.outcome {
            TierOutcome::Fails(why) => Some(why.clone()),
            TierOutcome::Conforms | TierOutcome::NotTried => None,
        },
        time_ms: tier.time.map(ms),
        first_response_ms: tier.first_answer.map(ms),
        memory_peak_bytes: tier.memory_peak,
    };
    MemorySweep {
        least_memory_mb: sweep.least(),
        tiers: sweep.tiers.iter().map(tier).collect(),
        watched_limits: sweep.watched.clone(),
    }
}

fn several(durations: &[Duration]) -> Spread {
    let all = spread(durations);
    Spread {
        n: durations.len(),
        min: all.map(|all| ms(all.min)),
        p50: all.map(|all| ms(all.p50)),
        p95: all.map(|all| ms(all.p95)),
        max: all.map(|all| ms(all.max)),
    }
}

fn check(check: &check::Check) -> Check {
    let check::Basis { sentence, document } = &check.source;
    let source = match (sentence.as_str(), document.as_str()) {
        ("", only) | (only, "") => only.to_owned(),
        (sentence, document) => format!("{sentence} ({document})"),
    };
    Check {
        id: check.id.clone(),
        title: check.title.clone(),
        severity: severity(check.severity),
        status: match check.status {
            check::Status::Pass => Status::Pass,
            check::Status::Fail => Status::Fail,
            check::Status::Skip => Status::Skip,
            check::Status::CouldNotCheck => Status::Error,
        },
        message: check.message.clone(),
        cause: check.cause.map(check::Cause::word),
        evidence: check.evidence.clone(),
        fix: check.fix.clone(),
        source,
        place: check
            .place
            .as_ref()
            .map(|place| Place { file: place.file.clone(), line: place.line }),
        waived: check.waived.as_ref().map(|check::Waived { reason, until }| Waived {
            reason: reason.clone(),
            until: until.clone(),
        }),
        duration_ms: ms(check.duration),
    }
}

fn severity(severity: check::Severity) -> Severity {
    match severity {
        check::Severity::Info => Severity::Info,
        check::Severity::Warning => Severity::Warning,
        check::Severity::Error => Severity::Error,
    }
}

fn verdict(verdict: report::Verdict) -> Verdict {
    match verdict {
        report::Verdict::Conforms => Verdict::Conforms,
        report::Verdict::DoesNotConform => Verdict::DoesNotConform,
        report::Verdict::NotChecked => Verdict::NotChecked,
    }
}

fn logs(logs: &evidence::Logs) -> Logs {
    Logs {
        lines: logs
            .lines
            .iter()
            .map(|line| LogLine {
                at_ms: ms(line.at),
                stream: match line.stream {
                    evidence::Stream::Stdout => Stream::Stdout,
                    evidence::Stream::Stderr => Stream::Stderr,
                },
                text: line.text.clone(),
            })
            .collect(),
        dropped: logs.dropped,
        bytes: logs.bytes,
    }
}

/// In milliseconds, to the microsecond.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
