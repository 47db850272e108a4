//! A start that the kernel refused: nothing runs, and nothing is left of it.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::{EngineError, Instance, Timeline, Writes};
use crate::evidence::{Delivery, Ending, ExecRefused, Logs, Stream, TmpProbe, Usage};

/// See [`Instance`].
#[derive(Debug)]
pub struct Refused {
    pub(super) timeline: Timeline,
    pub(super) refused: ExecRefused,
}

impl Instance for Refused {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    fn refused(&self) -> Option<ExecRefused> {
        Some(self.refused.clone())
    }

    fn ended(&self) -> Option<Ending> {
        None
    }

    fn sockets(&self, _: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }

    fn connect(&self, _: u16, _: Duration) -> io::Result<TcpStream> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    fn logs(&self) -> Logs {
        Logs::default()
    }

    fn first_log(&self) -> Option<Instant> {
        None
    }

    fn leaked(&self) -> Vec<(usize, Stream)> {
        Vec::new()
    }

    fn writes(&self) -> Result<Writes, EngineError> {
        Ok(Writes::default())
    }

    fn probe_tmp(&self) -> Result<TmpProbe, EngineError> {
        Ok(TmpProbe::Untried)
    }

    fn search(&self) -> Result<Vec<(usize, String)>, EngineError> {
        Ok(Vec::new())
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }

    fn freeze(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn thaw(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn terminate(&self) -> Result<Delivery, EngineError> {
        Ok(Delivery::Dropped)
    }

    fn stop(self: Box<Self>) -> Result<Option<Ending>, EngineError> {
        Ok(None)
    }
}
