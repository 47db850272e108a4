//! Why an invocation failed, where the instance itself shows it.

use super::cases::Target;
use super::tls;
use crate::boot::{Life, examine, later};
use crate::check::{Cause, Check, Status};
use crate::evidence::{Ending, Outcome};

/// Adds to a failed check what an autopsy of the instance finds.
pub(super) fn explain(
    check: &mut Check,
    outcome: &Outcome,
    ended: Option<Ending>,
    target: &Target<'_>,
) {
    let Some(scene) = target.scene.filter(|_| check.status == Status::Fail) else { return };
    let silent = match outcome {
        Outcome::TimedOut { .. } => true,
        Outcome::Refused | Outcome::Cut { .. } => ended.is_some(),
        _ => false,
    };
    if ended.is_none() && tls::speaks(outcome, target) {
        let port = target.function.contract.port;
        check.cause = Some(Cause::NotHttp);
        check.message = format!("{}: port {port} speaks TLS", check.message);
        check.evidence.push("a TLS ClientHello was answered with TLS".to_owned());
        check.fix =
            Some(format!("speak plain HTTP on port {port}: TLS ends at the platform's gateway"));
        return;
    }
    if !silent {
        return;
    }
    let snapshot = examine(target.instance);
    let logs = target.instance.logs();
    let diagnosis = later(&Life { ended, logs: &logs, snapshot: &snapshot }, &scene);
    if ended.is_none() {
        check.message = format!("{}; {}", check.message, diagnosis.message);
    } else if let Some((_, why)) = diagnosis.message.split_once(": ") {
        check.message = format!("{}: {why}", check.message);
    }
    check.cause = Some(diagnosis.cause);
    check.evidence.extend(diagnosis.evidence);
    check.fix = Some(diagnosis.fix);
}
