//! The line to an observer: commands go there, and what it tells comes back.
#![expect(clippy::disallowed_methods, reason = "what is told has times")]

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bollard::container::AttachContainerResults;
use bollard::query_parameters::AttachContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::super::client::{Client, doing};
use super::heard::Heard;
use crate::engine::EngineError;

/// How long an observer may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

/// Both ends. When this is dropped, the observer ends.
#[derive(Debug)]
pub(super) struct Line {
    commands: UnboundedSender<Bytes>,
    heard: Arc<(Mutex<Heard>, Condvar)>,
}

/// Whether a container is ended when its observer says that it used too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Excess {
    /// The kernel sees to it.
    Limited,
    /// The container of this id is.
    Ended(String),
}

impl Line {
    /// To a container that was not started yet.
    pub(super) fn attach(client: &Client, id: &str, excess: Excess) -> Result<Line, EngineError> {
        let options = AttachContainerOptionsBuilder::default()
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let id = id.to_owned();
        let AttachContainerResults { mut output, mut input } = client
            .ask(|docker| async move { docker.attach_container(&id, Some(options)).await })
            .map_err(doing("attach to the observer"))?;
        let (commands, mut receive) = unbounded_channel::<Bytes>();
        drop(client.begin(|_| async move {
            while let Some(line) = receive.recv().await {
                if input.write_all(&line).await.is_err() || input.flush().await.is_err() {
                    break;
                }
            }
            let _ = input.shutdown().await;
            Ok(())
        }));
        let line = Line { commands, heard: Arc::default() };
        let told = Arc::clone(&line.heard);
        drop(client.begin(|docker| async move {
            let mut excess = excess;
            while let Some(Ok(piece)) = output.next().await {
                let now = Instant::now();
                let too_much = {
                    let mut heard = lock(&told.0);
                    heard.take(piece.as_ref(), now);
                    heard.out_of_memory.is_some_and(|count| count > 0)
                };
                told.1.notify_all();
                if too_much
                    && let Excess::Ended(id) = std::mem::replace(&mut excess, Excess::Limited)
                {
                    // It may have ended by itself.
                    let _ = docker.kill_container(&id, None).await;
                }
            }
            lock(&told.0).lost.get_or_insert_with(|| "its observer is gone".to_owned());
            told.1.notify_all();
            Ok(())
        }));
        Ok(line)
    }

    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard.0)
    }

    /// Waits until something was heard, or for the limit.
    pub(super) fn wait_for<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&mut Heard) -> Option<T>,
    ) -> Option<T> {
        let mut found = None;
        let waited = self.heard.1.wait_timeout_while(self.heard(), limit, |heard| {
            found = look(heard);
            found.is_none() && heard.lost.is_none()
        });
        drop(waited);
        found
    }

    /// Gives a command.
    pub(super) fn command(&self, line: &str) {
        // One that is gone is told by what it does not say.
        let _ = self.commands.send(format!("{line}\n").into());
    }

    /// Asks, one question at a time, and waits for the error number that is the answer.
    pub(super) fn ask(&self, question: &str, answer: &str) -> std::io::Result<i32> {
        self.heard().answer = None;
        self.command(question);
        let heard = self.wait_for(ANSWER, |heard| {
            heard.answer.take_if(|(word, _)| word == answer).map(|(_, errno)| errno)
        });
        heard.ok_or_else(|| self.why_silent())
    }

    /// Asks what it sees, one question at a time. The answer is JSON.
    pub(super) fn ask_for_traces(&self) -> std::io::Result<String> {
        self.heard().traces = None;
        self.command("traces");
        let heard = self.wait_for(ANSWER, |heard| heard.traces.take());
        heard.ok_or_else(|| self.why_silent())
    }

    /// Why there is no answer.
    pub(super) fn why_silent(&self) -> std::io::Error {
        let lost = self.heard().lost.clone();
        std::io::Error::other(lost.unwrap_or_else(|| "its observer does not answer".to_owned()))
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
