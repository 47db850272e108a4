//! What went wrong in the holder: the operation, and the kernel's answer.

use std::io;

use super::super::wire::Answer;

/// An operation of the holder failed.
#[derive(Debug)]
pub(super) struct Fault {
    what: String,
    source: io::Error,
}

impl Fault {
    pub(super) fn into_parts(self) -> (String, io::Error) {
        (self.what, self.source)
    }

    pub(super) fn new(what: &str, source: impl Into<io::Error>) -> Fault {
        Fault { what: what.to_owned(), source: source.into() }
    }
}

/// Names the operation that failed.
pub(super) trait Doing<T> {
    fn doing(self, what: &str) -> Result<T, Fault>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, Fault> {
        self.map_err(|error| Fault::new(what, error))
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Answer {
        Answer::Failed {
            what: fault.what,
            errno: fault.source.raw_os_error(),
            why: fault.source.to_string(),
        }
    }
}
