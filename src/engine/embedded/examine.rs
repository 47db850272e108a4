//! What this machine lets the engine do: found out by doing it.

use std::io;
use std::path::Path;

use super::Embedded;
use super::availability;
use super::holder::Privilege;
use super::spawn::Holder;
use super::wire::{Answer, Order, Request};
use crate::engine::{EngineError, Finding, State};
use crate::image::User;
use crate::plan::{DEFAULT_PATH, Plan, RootMode};
use crate::units::MIB;

impl Embedded {
    /// Tries each thing that a boot needs, with an empty directory in the place of an image,
    /// and leaves nothing behind.
    #[must_use]
    pub fn examine(&self, empty: &Path) -> Vec<Finding> {
        let privilege = Privilege::here();
        let who = match privilege {
            Privilege::Root => "root: ids and limits are real",
            Privilege::User => "an ordinary user, in a user namespace",
        };
        let mut findings = vec![Finding {
            name: "rights".to_owned(),
            state: State::Ok,
            told: who.to_owned(),
            change: None,
        }];
        if let Err(error) = availability::available() {
            findings.push(finding("namespaces", &error));
            return findings;
        }
        let order = Order::new(empty, &nothing());
        let answer = Holder::start(&self.executable, privilege)
            .and_then(|holder| holder.ask(&Request::Examine(Box::new(order)), &[]));
        match answer {
            Ok((Answer::Examined(steps), _)) => {
                findings.extend(steps.into_iter().map(|step| match (step.done, step.errno) {
                    (Some(false), Some(errno)) => {
                        let source = io::Error::from_raw_os_error(errno);
                        finding(&step.name, &availability::explain(step.told, source))
                    }
                    (done, _) => Finding {
                        name: step.name,
                        state: match done {
                            Some(true) => State::Ok,
                            Some(false) => State::No,
                            None => State::Note,
                        },
                        told: step.told,
                        change: (done == Some(false)).then(|| OTHERWISE.to_owned()),
                    },
                }));
            }
            Ok(_) => findings.push(finding("namespaces", &super::instance::unexpected())),
            Err(error) => findings.push(finding("namespaces", &error)),
        }
        findings
    }
}

/// What to do where nothing better is known.
const OTHERWISE: &str = "run as root, outside of a container, or with --engine docker";

fn finding(name: &str, error: &EngineError) -> Finding {
    let change = match error {
        EngineError::Unavailable { hint, .. } => hint.clone(),
        _ => OTHERWISE.to_owned(),
    };
    let (name, told) = (name.to_owned(), error.to_string());
    Finding { name, state: State::No, told, change: Some(change) }
}

/// A plan that is never carried out.
fn nothing() -> Plan {
    Plan {
        argv: vec!["/".to_owned()],
        env: vec![("PATH".to_owned(), DEFAULT_PATH.to_owned())],
        working_dir: "/".to_owned(),
        user: User::default(),
        memory: 64 * MIB,
        cpu_millis: 1000,
        processes: 16,
        descriptors: 16,
        tmp: MIB,
        writable: MIB,
        root: RootMode::Writable,
        port: 0,
        canaries: Vec::new(),
    }
}
