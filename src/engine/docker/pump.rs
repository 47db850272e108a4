//! Reads what the instance writes, from before its start to its end.
#![expect(clippy::disallowed_methods, reason = "lines have times")]

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::AttachContainerOptionsBuilder;
use futures_util::StreamExt as _;

use super::super::LogSink;
use super::client::Client;
use crate::evidence::{Logs, Stream};
use crate::plan::Canary;

/// What was written comes through the engine, which takes a moment: nothing for this long is
/// taken for all.
const QUIET: Duration = Duration::from_millis(10);
/// However much is written, an asker is held up no longer than this.
const PATIENCE: Duration = Duration::from_millis(200);

/// Both streams of one container.
#[derive(Debug, Clone)]
pub(super) struct Pump(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug)]
struct State {
    sink: LogSink,
    /// When the last bytes came.
    last: Option<Instant>,
    over: bool,
}

impl Pump {
    /// Attaches to a container that has not started yet.
    pub(super) fn attach(client: &Client, id: &str, canaries: &[Canary]) -> Result<Pump, Error> {
        let state = State { sink: LogSink::new(canaries), last: None, over: false };
        let pump = Pump(Arc::new((Mutex::new(state), Condvar::new())));
        let options =
            AttachContainerOptionsBuilder::default().stdout(true).stderr(true).stream(true).build();
        let id = id.to_owned();
        let streams = client
            .ask(|docker| async move { docker.attach_container(&id, Some(options)).await })?;
        let told = pump.clone();
        drop(client.begin(|_| async move {
            // The other direction is kept open as long as this one is read.
            let _input = streams.input;
            let mut output = streams.output;
            while let Some(Ok(piece)) = output.next().await {
                told.take(&piece);
            }
            told.state().over = true;
            told.0.1.notify_all();
            Ok(())
        }));
        Ok(pump)
    }

    fn take(&self, piece: &LogOutput) {
        let stream = match piece {
            LogOutput::StdErr { .. } => Stream::Stderr,
            LogOutput::StdOut { .. } | LogOutput::Console { .. } => Stream::Stdout,
            LogOutput::StdIn { .. } => return,
        };
        let now = Instant::now();
        let mut state = self.state();
        state.sink.take(stream, piece.as_ref(), now);
        state.last = Some(now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state after all that was written before this call.
    fn settled(&self) -> MutexGuard<'_, State> {
        let begun = Instant::now();
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let quiet = now.duration_since(state.last.unwrap_or(begun).max(begun));
            if state.over || quiet >= QUIET || now.duration_since(begun) >= PATIENCE {
                return state;
            }
            let waited = self.0.1.wait_timeout(state, QUIET.saturating_sub(quiet));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until both streams are closed, as they are soon after the end of what writes.
    pub(super) fn wait_for_end(&self) {
        let limit = PATIENCE * 5;
        drop(self.0.1.wait_timeout_while(self.state(), limit, |state| !state.over));
    }

    pub(super) fn logs(&self, executed: Instant) -> Logs {
        self.settled().sink.logs(executed)
    }

    pub(super) fn first(&self) -> Option<Instant> {
        self.state().sink.first()
    }

    pub(super) fn leaked(&self) -> Vec<(usize, Stream)> {
        self.settled().sink.leaked()
    }
}
