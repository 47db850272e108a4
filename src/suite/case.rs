//! A suite and its cases: what is asked, and what is expected.

use super::expect::Expectation;
use super::flow::Flow;
use super::headers::HeaderEdit;
use super::invocation::Invocation;
use super::job::RunExpected;
use super::late::Late;
use super::node::Node;
use super::secrets::Secrets;
use crate::check::{Place, Severity};
use crate::contract::FunctionType;

/// Cases that are asked in order of one instance.
#[derive(Debug)]
pub struct Suite {
    /// Its name in reports.
    pub name: String,
    /// What it is for; empty where the file does not say.
    pub about: String,
    /// The kind of function that it asks.
    pub kind: FunctionType,
    /// The file as the user named it.
    pub file: String,
    /// In the order in which they are asked, those that make ready first; never empty.
    pub cases: Vec<Case>,
    /// What is shown nowhere.
    pub secrets: Secrets,
    /// Its variables with their values; `None` where they have none.
    pub variables: Vec<(String, Option<serde_json::Value>)>,
}

impl Suite {
    /// Its variables as others may use them.
    pub(super) fn scope(&self) -> Vec<(String, Node)> {
        let known = self.variables.iter();
        known.filter_map(|(name, value)| Some((name.clone(), value.as_ref()?.into()))).collect()
    }
}

/// One invocation and what is expected of it: one check of the report.
#[derive(Debug, Clone)]
pub struct Case {
    /// Stable id. Empty until [`super::number`] has given one to a user's case without.
    pub id: String,
    /// What is wanted, as a sentence without a full stop.
    pub name: String,
    /// Id of the clause that it stands on; users' cases need none.
    pub clause: Option<String>,
    /// How much a broken expectation weighs. No valid HTTP answer at all is always an error.
    pub severity: Severity,
    /// For selection.
    pub tags: Vec<String>,
    /// What is sent. Of a case that uses what is captured: with the names in the values' place.
    pub invocation: Invocation,
    /// What is changed of the request's headers.
    pub headers: HeaderEdit,
    /// What is wanted of the answer; nothing means any valid one.
    pub expectations: Vec<Expectation>,
    /// What is wanted of a job's run; `None` for what is no job.
    pub run: Option<RunExpected>,
    /// How it is asked.
    pub flow: Flow,
    /// What is known of it only while the suite runs; `None` where all is known.
    pub late: Option<Late>,
    /// What to change in an image that breaks it, where the suite says so.
    pub fix: Option<String>,
    /// The fixtures that prove a built-in case.
    pub proof: Option<Proof>,
    /// Where it is written; `None` for built-in cases.
    pub place: Option<Place>,
}

/// The fixture images that prove a built-in case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Breaks this case, and no other but for what follows from it.
    pub breaks: String,
    /// A near miss that keeps it.
    pub keeps: String,
}
