//! `suite new`: an image is booted and asked, and its answers become a first suite.

use clap::{Args, ValueHint};
use scf_conform::contract::FunctionType;
use scf_conform::engine::EngineError;
use scf_conform::pipeline::{Job, Opened, Session};
use scf_conform::report::Trouble;
use scf_conform::run::Cancel;
use scf_conform::suite::by_hand;
use scf_conform::suite::{Case, Recorded, Style, recorded};

use super::by_hand::ByHand;
use super::environment::Environment;
use super::exit::Exit;
use super::jobs::{Jobs, Wanted};
use super::progress::Live;
use super::settings::Settings;
use super::suite::check_made;
use super::{shown, signals, term};

/// Write a first suite from the answers of a running image
///
/// Each request is made twice: what differs between the two answers is left out. The suite
/// goes to stdout.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct New {
    /// The image, written as for `check`
    #[arg(value_name = "IMAGE", value_hint = ValueHint::AnyPath)]
    image: String,
    /// Record the answer to the sample event of this trigger; may be repeated
    #[arg(long, value_name = "TRIGGER", conflicts_with = "http")]
    event: Vec<String>,
    /// Record the answer to this request: `GET /path?query`; may be repeated
    #[arg(long, value_name = "REQUEST")]
    http: Vec<String>,

    #[command(flatten)]
    common: ByHand,
}

const AFTER: &str = "\
Examples:
  scf-conform suite new my-function:v1 > suites/first.yaml
  scf-conform suite new --event timer --event apigw my-function:v1
  scf-conform suite new --http 'GET /' --http 'GET /orders?page=2' my-pages:v1
  scf-conform check --suite suites/first.yaml my-function:v1

Exit codes:
  0 written · 1 the image does not come up · 2 usage, nothing was run
  3 could not be asked · 130 interrupted";

/// The events that are recorded where none is named.
const EVENTS: [&str; 3] = ["test-event", "timer", "apigw"];
const REQUESTS: [&str; 1] = ["GET /"];

/// Runs the command.
pub(super) fn run(new: &New, environment: &Environment) -> Exit {
    let settings = match new.common.settings(environment) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    if settings.function.kind == Some(FunctionType::Job) {
        let help = "a job has an exit code and a log: write `expect: {exit: 0, output: …}`";
        term::error("a job does not answer: there is nothing to record", Some(help));
        return Exit::Usage;
    }
    let settings = Settings { suites: Vec::new(), static_only: false, ..settings };
    match record(new, &settings) {
        Ok(exit) => exit,
        Err(Trouble { message, hint }) => {
            term::error(&message, hint.as_deref());
            Exit::NotChecked
        }
    }
}

fn record(new: &New, settings: &Settings) -> Result<Exit, Trouble> {
    let trouble = |message: String| Trouble { message, hint: None };
    let named = match new.cases(settings.function.kind) {
        Ok(named) => named,
        Err(error) => {
            term::error(&error.message, error.hint.as_deref());
            return Ok(Exit::Usage);
        }
    };
    let mut jobs = Jobs::new(settings, Style::Coloured).map_err(trouble)?;
    jobs.find_engine().map_err(|error| Trouble {
        hint: match &error {
            EngineError::Unavailable { hint, .. } => Some(hint.clone()),
            _ => None,
        },
        message: error.to_string(),
    })?;
    let cancel = Cancel::default();
    signals::watch(&cancel).map_err(|error| trouble(format!("watch for signals: {error}")))?;
    let job =
        jobs.job(&Wanted::new(&new.image), &cancel).map_err(|error| trouble(error.to_string()))?;
    let exit = session(&job, settings, named, &cancel)?;
    if cancel.cancelled() {
        term::error("interrupted; everything that ran is ended and removed", None);
        return Ok(Exit::Interrupted);
    }
    Ok(exit)
}

fn session(
    job: &Job,
    settings: &Settings,
    named: Option<(FunctionType, Vec<Asked>)>,
    cancel: &Cancel,
) -> Result<Exit, Trouble> {
    let live = Live::new(settings.detail);
    let opened = Session::open(job, &live, cancel);
    live.done(&job.reference.to_string());
    let mut session = match opened? {
        Opened::Up(session) => session,
        Opened::Down { diagnosis, status, log } => {
            shown::down(&diagnosis, status, &log);
            return Ok(Exit::DoesNotConform);
        }
    };
    let (kind, asked) = match named {
        Some(named) => named,
        None => found_out(&mut session)?,
    };
    let mut answers = Vec::new();
    for (name, case) in &asked {
        let [first, second] = [(); 2].map(|()| {
            let id = uuid::Uuid::new_v4().to_string();
            session.invoke(case, &id).exchange
        });
        match (first.answer(), second.answer()) {
            (Some(first), Some(second)) => {
                answers.push(Recorded {
                    name: name.clone(),
                    case: case.clone(),
                    first: first.clone(),
                    second: second.clone(),
                });
            }
            _ => term::note(&format!("{name}: left out, since it is not answered")),
        }
    }
    session.close()?;
    if answers.is_empty() {
        term::error("nothing was answered", Some("see `scf-conform check`, which says why"));
        return Ok(Exit::DoesNotConform);
    }
    let text = recorded(kind, &answers);
    check_made(&text).map_err(|message| Trouble { message, hint: None })?;
    Ok(term::print(&text, Exit::Conforms))
}

/// A case with its name in the suite.
type Asked = (String, Case);

impl New {
    /// What is asked; `None` where that depends on what the image is.
    fn cases(
        &self,
        kind: Option<FunctionType>,
    ) -> Result<Option<(FunctionType, Vec<Asked>)>, by_hand::NoInvocation> {
        let kind = match (self.event.as_slice(), self.http.as_slice(), kind) {
            ([], [], None) => return Ok(None),
            ([], [_, ..], _) | ([], [], Some(FunctionType::Http)) => FunctionType::Http,
            _ => FunctionType::Event,
        };
        let asked = match kind {
            FunctionType::Http if self.http.is_empty() => requests_of(&REQUESTS)?,
            FunctionType::Http => requests_of(&texts(&self.http))?,
            _ if self.event.is_empty() => events_of(&EVENTS)?,
            _ => events_of(&texts(&self.event))?,
        };
        Ok(Some((kind, asked)))
    }
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn events_of(names: &[&str]) -> Result<Vec<Asked>, by_hand::NoInvocation> {
    let case = |name: &&str| {
        let case = by_hand::event(Some(name), None)?;
        Ok((format!("the event of {name} is answered as before"), case))
    };
    names.iter().map(case).collect()
}

fn requests_of(lines: &[&str]) -> Result<Vec<Asked>, by_hand::NoInvocation> {
    let case = |line: &&str| {
        let case = by_hand::http(line, &[], None)?;
        Ok((format!("{line} is answered as before"), case))
    };
    lines.iter().map(case).collect()
}

/// Asks the image what it is, and what is to be asked then.
fn found_out(session: &mut Session<'_>) -> Result<(FunctionType, Vec<Asked>), Trouble> {
    let wrong = |error: by_hand::NoInvocation| Trouble { message: error.message, hint: error.hint };
    let probe = by_hand::event(None, None).map_err(wrong)?;
    let invoked = session.invoke(&probe, &uuid::Uuid::new_v4().to_string());
    match invoked.exchange.answer().map(|answer| answer.status) {
        Some(404 | 405 | 501) => Ok((FunctionType::Http, requests_of(&REQUESTS).map_err(wrong)?)),
        _ => Ok((FunctionType::Event, events_of(&EVENTS).map_err(wrong)?)),
    }
}
