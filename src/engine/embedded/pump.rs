//! Reads what the instance writes, all the time and whoever asks for it, so that it never
//! waits for us.
#![expect(clippy::disallowed_methods, reason = "lines have times")]

use std::io::{self, PipeReader, PipeWriter, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};

use super::super::LogSink;
use crate::evidence::{Logs, Stream};
use crate::plan::Canary;

/// Both streams of one instance, read by a thread of their own.
#[derive(Debug)]
pub(super) struct Pump {
    state: Arc<Mutex<State>>,
    /// Its end is the thread's.
    quit: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    sink: LogSink,
    sources: [Option<PipeReader>; 2],
    buffer: Box<[u8]>,
}

const STREAMS: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

impl Pump {
    /// Starts reading.
    pub(super) fn start(
        stdout: PipeReader,
        stderr: PipeReader,
        canaries: &[Canary],
    ) -> io::Result<Pump> {
        let watched = [stdout.try_clone()?, stderr.try_clone()?];
        for source in &watched {
            rustix::io::ioctl_fionbio(source, true)?;
        }
        let state = Arc::new(Mutex::new(State {
            sink: LogSink::new(canaries),
            sources: [Some(stdout), Some(stderr)],
            buffer: vec![0; 64 * 1024].into_boxed_slice(),
        }));
        let (end, quit) = io::pipe()?;
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("logs".to_owned())
            .spawn(move || watch(&shared, &watched, &end))?;
        Ok(Pump { state, quit: Some(quit), thread: Some(thread) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What is kept, with all that was written before this call.
    pub(super) fn logs(&self, executed: Instant) -> Logs {
        let mut state = self.state();
        state.drain();
        state.sink.logs(executed)
    }

    pub(super) fn first(&self) -> Option<Instant> {
        self.state().sink.first()
    }

    pub(super) fn leaked(&self) -> Vec<(usize, Stream)> {
        let mut state = self.state();
        state.drain();
        state.sink.leaked()
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.quit = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic; were it so, there would be nothing to save.
            let _ = thread.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for bytes, and has them taken.
fn watch(state: &Mutex<State>, watched: &[PipeReader; 2], end: &PipeReader) {
    let mut open = [true; 2];
    while open.contains(&true) {
        let mut sources = vec![PollFd::new(end, PollFlags::IN)];
        for (source, _) in watched.iter().zip(open).filter(|(_, open)| *open) {
            sources.push(PollFd::new(source, PollFlags::IN));
        }
        match poll(&mut sources, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        }
        if !sources[0].revents().is_empty() {
            return;
        }
        let mut state = lock(state);
        state.drain();
        open = [0, 1].map(|place: usize| state.sources[place].is_some());
    }
}

impl State {
    /// Takes all that is there, up to a bound, so that an asker is not held up by a flood.
    fn drain(&mut self) {
        for (place, stream) in STREAMS.into_iter().enumerate() {
            for _ in 0..64 {
                let Some(source) = &mut self.sources[place] else { break };
                match source.read(&mut self.buffer) {
                    Ok(0) => self.sources[place] = None,
                    Ok(length) => {
                        self.sink.take(stream, &self.buffer[..length], Instant::now());
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => self.sources[place] = None,
                }
            }
        }
    }
}
