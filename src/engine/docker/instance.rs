//! One booted container, as the program sees it.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::query_parameters::{KillContainerOptionsBuilder, RemoveContainerOptionsBuilder};

use super::super::{EngineError, Instance, Timeline, Traces, Writes, files};
use super::client::{Client, doing, is_absent};
use super::far::Far;
use super::image::Had;
use super::life::Life;
use super::limits::{Found, Watch};
use super::probe;
use super::pump::Pump;
use super::seen::Seen;
use super::written::{self, Layer};
use crate::evidence::{Delivery, Ending, ExecRefused, Logs, Stream, TmpProbe, Usage};
use crate::plan::Plan;

/// How long the engine may take to tell of an end that was seen already.
const TOLD: Duration = Duration::from_secs(10);
/// How long it may take to say where a container is.
const ADDRESS: Duration = Duration::from_secs(10);

/// A container, removed with this.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) client: Arc<Client>,
    pub(super) id: String,
    removed: bool,
}

impl Container {
    pub(super) fn new(client: &Arc<Client>, id: String) -> Container {
        Container { client: Arc::clone(client), id, removed: false }
    }

    /// Ends all that runs in it, and removes it with its volumes.
    pub(super) fn remove(&mut self) -> Result<(), EngineError> {
        self.removed = true;
        let id = self.id.clone();
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = self
            .client
            .ask(|docker| async move { docker.remove_container(&id, Some(options)).await });
        match removed {
            Err(error) if is_absent(&error) => Ok(()),
            other => other.map_err(doing("remove the container")),
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.removed {
            // The next run removes what cannot be removed now.
            let _ = self.remove();
        }
    }
}

/// See [`Instance`].
#[derive(Debug)]
pub struct Booted {
    // Dropped first: it asks about the container.
    pub(super) watch: Option<Watch>,
    pub(super) container: Container,
    pub(super) timeline: Timeline,
    pub(super) life: Life,
    pub(super) pump: Pump,
    pub(super) seen: Option<Seen>,
    /// What looks at it where we cannot.
    pub(super) far: Option<Far>,
    pub(super) plan: Plan,
    /// Keeps the image in the engine.
    pub(super) _image: Arc<Had>,
}

impl Booted {
    fn client(&self) -> &Client {
        &self.container.client
    }

    fn id(&self) -> &str {
        &self.container.id
    }

    fn starved(&self) -> bool {
        self.found().out_of_memory.is_some_and(|count| count > 0)
    }

    fn found(&self) -> Found {
        match (&self.far, &self.watch) {
            (Some(far), _) => far.found(),
            (None, Some(watch)) => watch.found(),
            (None, None) => Found::default(),
        }
    }

    fn layer(&self) -> Option<Layer> {
        self.seen.as_ref()?;
        self.life.known().upper.as_deref().and_then(Layer::open)
    }
}

impl Instance for Booted {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    fn refused(&self) -> Option<ExecRefused> {
        None
    }

    fn ended(&self) -> Option<Ending> {
        // Where it is seen here that it ended, only the exit code is waited for.
        let has_ended = match (&self.far, &self.seen) {
            (Some(far), _) => far.has_ended(),
            (None, seen) => seen.as_ref().is_some_and(Seen::has_ended),
        };
        let limit = if has_ended { TOLD } else { Duration::ZERO };
        let end = self.life.wait_for(limit, |known| known.end);
        if let (true, None, Some(far)) = (has_ended, &end, &self.far) {
            far.doubt();
        }
        end.map(|end| end.ending(self.starved()))
    }

    fn sockets(&self, text: &mut Vec<u8>) -> io::Result<()> {
        if let Some(lost) = &self.life.known().lost {
            return Err(io::Error::other(format!("the engine lost it: {lost}")));
        }
        match (&self.far, &self.seen) {
            (Some(far), _) => far.sockets(text),
            (None, Some(seen)) => seen.sockets(text),
            (None, None) => Ok(()),
        }
    }

    fn sockets_since(&self) -> Option<Instant> {
        self.far.as_ref()?.sockets_since()
    }

    fn watched(&self) {
        if let Some(far) = &self.far {
            far.calm();
        }
    }

    fn connect(&self, port: u16, limit: Duration) -> io::Result<TcpStream> {
        if let Some(far) = &self.far {
            return far.connect(port, limit);
        }
        let address = self.life.wait_for(ADDRESS, |known| known.address);
        let address = address.ok_or_else(|| io::Error::other("the container has no address"))?;
        TcpStream::connect_timeout(&SocketAddr::new(address, port), limit)
    }

    fn logs(&self) -> Logs {
        self.pump.logs(self.timeline.executed)
    }

    fn first_log(&self) -> Option<Instant> {
        self.pump.first()
    }

    fn leaked(&self) -> Vec<(usize, Stream)> {
        self.pump.leaked()
    }

    fn writes(&self) -> Result<Writes, EngineError> {
        let layer = self.layer();
        let (client, id) = (self.client(), self.id());
        Ok(Writes {
            paths: written::paths(client, id, layer.as_ref(), &self.plan.working_dir)?,
            writable_used: written::used(client, id)?,
            tmp_used: self.found().tmp_used,
        })
    }

    fn probe_tmp(&self) -> Result<TmpProbe, EngineError> {
        if let Some(far) = self.far.as_ref().filter(|_| self.ended().is_none()) {
            return far.probe(&self.plan.user);
        }
        match self.seen.as_ref().and_then(|seen| seen.tmp.as_ref()) {
            Some(tmp) if self.ended().is_none() => probe::probe(tmp, &self.plan.user),
            _ => Ok(TmpProbe::Untried),
        }
    }

    fn search(&self) -> Result<Vec<(usize, String)>, EngineError> {
        let values: Vec<String> =
            self.plan.canaries.iter().map(|canary| canary.value.clone()).collect();
        if let Some(far) = &self.far {
            let (client, id) = (self.client(), self.id());
            let written = written::paths(client, id, None, &self.plan.working_dir)?;
            return far.search(id, &written, &values);
        }
        let layer = self.layer();
        let upper = layer.as_ref().map(|layer| (layer.root(), "/"));
        let tmp = self.seen.as_ref().and_then(|seen| seen.tmp.as_ref()).map(|tmp| (tmp, "/tmp/"));
        let layers: Vec<_> = upper.into_iter().chain(tmp).collect();
        files::search(&values, &layers).map_err(|source| EngineError::Failed {
            what: "search what was written".to_owned(),
            source,
        })
    }

    fn usage(&self) -> Usage {
        let found = match (&self.far, &self.watch, &self.seen) {
            (Some(far), ..) => far.found(),
            (None, Some(watch), Some(seen)) => watch.sample(&seen.group, self.plan.memory),
            _ => Found::default(),
        };
        Usage {
            memory_peak: found.memory_peak,
            out_of_memory: found.out_of_memory,
            cpu: found.cpu,
            watched: self
                .far
                .as_ref()
                .map_or_else(|| vec!["writable layer".to_owned()], Far::watched),
        }
    }

    fn freeze(&self) -> Result<(), EngineError> {
        let id = self.id().to_owned();
        self.client()
            .ask(|docker| async move { docker.pause_container(&id).await })
            .map_err(doing("pause the container"))
    }

    fn thaw(&self) -> Result<(), EngineError> {
        let id = self.id().to_owned();
        self.client()
            .ask(|docker| async move { docker.unpause_container(&id).await })
            .map_err(doing("unpause the container"))
    }

    fn terminate(&self) -> Result<Delivery, EngineError> {
        let delivery = match (&self.far, &self.seen) {
            (Some(far), _) => far.delivery_of_sigterm(),
            (None, Some(seen)) => seen.delivery_of_sigterm(),
            (None, None) => Delivery::Delivered,
        };
        let id = self.id().to_owned();
        let options = KillContainerOptionsBuilder::default().signal("SIGTERM").build();
        let asked = self
            .client()
            .ask(|docker| async move { docker.kill_container(&id, Some(options)).await });
        match asked {
            // What has ended meanwhile has nothing to be told.
            Err(error) if self.ended().is_none() => {
                Err(doing("send SIGTERM to the container")(error))
            }
            _ => Ok(delivery),
        }
    }

    fn traces(&self) -> Traces {
        match (&self.far, &self.seen) {
            (Some(far), _) => far.traces(),
            (None, seen) => seen.as_ref().map(Seen::traces).unwrap_or_default(),
        }
    }

    fn stop(self: Box<Self>) -> Result<Option<Ending>, EngineError> {
        let ended = self.ended();
        let Booted { watch, mut container, far, .. } = *self;
        drop(watch);
        match far {
            Some(far) => far.stop(&mut container)?,
            None => container.remove()?,
        }
        Ok(ended)
    }
}
