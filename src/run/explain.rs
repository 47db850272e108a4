//! Why an invocation failed, where the instance itself shows it.

use super::cases::Target;
use super::tls;
use crate::boot::{Life, examine, later};
use crate::check::{Cause, Check, Status};
use crate::evidence::{Ending, Outcome};

/// From this status on, a server says that the fault is its own.
const SERVER_ERROR: u16 = 500;
/// Log lines that are shown where a server does.
const LINES: usize = 10;

/// Adds to a failed check what an autopsy of the instance finds.
pub(super) fn explain(
    check: &mut Check,
    outcome: &Outcome,
    ended: Option<Ending>,
    target: &Target<'_>,
) {
    let Some(scene) = target.scene.filter(|_| check.status == Status::Fail) else { return };
    if let Outcome::Answered(answer) = outcome
        && answer.status >= SERVER_ERROR
    {
        let logs = target.instance.logs();
        let lines = logs.last(LINES).map(|line| format!("log: {}", line.text));
        check.evidence.extend(lines);
        return;
    }
    if ended.is_none() && tls::speaks(outcome, target) {
        let port = target.function.contract.port;
        check.cause = Some(Cause::NotHttp);
        check.message = format!("{}: port {port} speaks TLS", check.message);
        check.evidence.push("a TLS ClientHello was answered with TLS".to_owned());
        check.fix =
            Some(format!("speak plain HTTP on port {port}: TLS ends at the platform's gateway"));
        return;
    }
    let unanswered =
        matches!(outcome, Outcome::TimedOut { .. } | Outcome::Refused | Outcome::Cut { .. });
    if !unanswered {
        return;
    }
    let snapshot = examine(target.instance);
    let logs = target.instance.logs();
    let diagnosis = later(&Life { ended, logs: &logs, snapshot: &snapshot }, &scene);
    let why = diagnosis.why().unwrap_or_default();
    match (ended, outcome) {
        // Who hangs up and goes on has not hung, whatever it does now.
        (None, Outcome::Refused | Outcome::Cut { .. }) if diagnosis.cause == Cause::Hangs => return,
        (Some(Ending::Signalled { out_of_memory: true, .. }), _) => {}
        _ if why.is_empty() => {}
        (None, _) => check.message = format!("{}; the process runs: {why}", check.message),
        (Some(_), _) => check.message = format!("{}: {why}", check.message),
    }
    check.cause = Some(diagnosis.cause);
    check.evidence.extend(diagnosis.evidence);
    check.fix = Some(diagnosis.fix);
}
