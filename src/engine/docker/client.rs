//! Questions to the engine, asked from plain functions.
//!
//! The answers are waited for on a channel and never by blocking on a future: so an instance
//! may be asked, and dropped, wherever its owner is.

use std::future::Future;
use std::sync::mpsc;

use bollard::Docker;
use bollard::errors::Error;
use tokio::runtime::Runtime;

use super::super::EngineError;
use crate::endpoint::{Endpoint, told};

/// Seconds until an engine begins to answer: a start on a busy machine takes its time.
const ANSWER: u64 = 120;

/// The engine's API, and the threads that speak to it.
#[derive(Debug)]
pub(super) struct Client {
    /// Taken only by the end.
    runtime: Option<Runtime>,
    docker: Docker,
}

/// An answer that is on its way.
pub(super) type Pending<T> = mpsc::Receiver<Result<T, Error>>;

impl Client {
    /// Connects, and settles on a version that both sides speak.
    pub(super) fn connect(endpoint: &Endpoint) -> Result<Client, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("docker")
            .enable_all()
            .build()
            .map_err(|error| format!("start a thread: {error}"))?;
        let docker =
            runtime.block_on(endpoint.connect(ANSWER)).map_err(|error| error.to_string())?;
        Ok(Client { runtime: Some(runtime), docker })
    }

    /// Asks, and does not wait for the answer.
    pub(super) fn begin<T, F>(&self, question: impl FnOnce(Docker) -> F) -> Pending<T>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let (send, receive) = mpsc::channel();
        if let Some(runtime) = &self.runtime {
            let question = question(self.docker.clone());
            runtime.spawn(async move {
                // Nobody waits any more: then the answer is of no use.
                let _ = send.send(question.await);
            });
        }
        receive
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask<T, F>(&self, question: impl FnOnce(Docker) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let answer = self.begin(question).recv();
        answer.unwrap_or_else(|_| Err(Error::RequestTimeoutError))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Puts what was done before an error.
pub(super) fn doing(what: &str) -> impl FnOnce(Error) -> EngineError {
    let what = what.to_owned();
    move |error| EngineError::Failed { what, source: std::io::Error::other(told(&error)) }
}

/// Whether what was asked about is not there.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}
