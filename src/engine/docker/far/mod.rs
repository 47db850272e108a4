//! Containers that are looked at through the engine, wherever that is: on another machine, in
//! a virtual one, or on this one where the program is not root.
//!
//! Beside each runs an observer, a small program in a container of its own. It has the network
//! that the instance joins, the same `/tmp`, and sees the processes of the engine's machine.
//! So the exec, the LISTEN and the end are seen by one kernel and told with its clock, however
//! long the telling takes, and no proxy's accept is taken for the server's.

mod archive;
mod companion;
mod heard;
mod image;
mod inside;
mod layer;
mod line;
mod route;
mod traces;
mod trial;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bollard::models::ContainerCreateBody;

use super::client::Client;
use super::instance::Container;
use super::leftovers::Owner;
use super::life::Life;
use super::limits::Found;
use crate::engine::{EngineError, Traces};
use crate::evidence::{Delivery, TmpProbe, Write};
use crate::image::User;
use crate::plan::Plan;
pub(super) use companion::Observer;
use companion::{Companion, Sight};
use inside::Inside;
use layer::Layer;
pub(super) use route::{Route, Way, way};
use traces::Told;

/// Between two looks at what the engine tells of a start, while nothing is heard.
const PAUSE: Duration = Duration::from_millis(2);
/// Where the engine says that it started, and its exec is not seen for this long, it never is.
const UNSEEN: Duration = Duration::from_secs(1);

/// One container's observer, and what is known by it.
#[derive(Debug)]
pub(super) struct Far {
    // Dropped first: it asks about the container.
    layer: Option<Layer>,
    companion: Companion,
    /// A second observer, where the first one sees nobody else's processes.
    inside: OnceLock<Inside>,
    observer: Observer,
    /// That the second observer went for reasons of its own.
    doubted: OnceLock<()>,
    /// That the server was reached by its own address, once it was.
    reached: OnceLock<()>,
    /// Held by whoever asks.
    asking: Mutex<()>,
}

/// A container that is started, and what it is started for.
pub(super) struct Target<'a> {
    pub(super) owner: &'a Owner,
    pub(super) id: &'a str,
    pub(super) plan: &'a Plan,
}

/// What was heard of a start.
pub(super) enum Start {
    /// The command was executed: when the container was ready, and the exec.
    Executed(Instant, Instant),
    /// The engine could not start it.
    Failed(String),
    /// It ended before its exec was seen.
    Over,
}

/// Puts the observer's image into the engine.
pub(super) fn lend(client: &Arc<Client>, owner: &Owner) -> Result<Observer, EngineError> {
    let (image, blobs) = image::observer()?;
    let had = super::image::have(client, owner, &image, &blobs)?;
    Ok(Observer::new(had, route::unlimited(client)))
}

impl Far {
    /// Starts the observer of a container that is to be created.
    pub(super) fn begin(
        client: &Arc<Client>,
        owner: &Owner,
        observer: &Observer,
        plan: &Plan,
        route: &Route,
    ) -> Result<Far, EngineError> {
        Ok(Far {
            layer: None,
            companion: Companion::start(client, owner, observer, plan, route)?,
            inside: OnceLock::new(),
            observer: observer.clone(),
            doubted: OnceLock::new(),
            reached: OnceLock::new(),
            asking: Mutex::new(()),
        })
    }

    /// Changes what is to be created, so that the observer sees it.
    pub(super) fn join(&self, body: &mut ContainerCreateBody, plan: &Plan) {
        self.companion.join(body, plan);
    }

    /// Begins to watch a container that was created.
    pub(super) fn watch(&mut self, id: &str, plan: &Plan) -> Result<(), EngineError> {
        self.companion.watch(id, plan.memory)?;
        let watched = Layer::watch(&self.companion.container.client, id, plan.writable);
        self.layer = Some(watched.map_err(|source| EngineError::Failed {
            what: "watch the writable layer".to_owned(),
            source,
        })?);
        Ok(())
    }

    /// Follows the start of a container, which was asked for at a moment.
    pub(super) fn follow(&self, target: &Target<'_>, life: &Life, asked: Instant) -> Start {
        let mut silent = Duration::ZERO;
        loop {
            let executed = self.companion.line.wait_for(PAUSE, |heard| {
                let executed = heard.local(heard.executed?)?;
                Some((heard.waiting.and_then(|at| heard.local(at)), executed))
            });
            if let Some((waiting, executed)) = executed {
                return Start::Executed(waiting.unwrap_or(executed).min(executed), executed);
            }
            let known = life.known();
            match &known.started {
                Some(Err(text)) => return Start::Failed(text.clone()),
                Some(Ok(())) if known.end.is_some() => return Start::Over,
                Some(Ok(())) => {
                    silent += PAUSE;
                    let blind = self.companion.sight == Sight::Own || silent > UNSEEN;
                    if blind || self.companion.line.heard().lost.is_some() {
                        drop(known);
                        return self.enter(target, life, asked);
                    }
                }
                None => {}
            }
            // Where nothing more is heard, only the engine's answer is waited for.
            drop(known);
            let _ = life.wait_for(PAUSE, |known| known.started.as_ref().map(|_| ()));
        }
    }

    /// Looks from inside. A process is made before it executes, and asked for before that: what
    /// is told of the time from there is more than it was, never less.
    fn enter(&self, target: &Target<'_>, life: &Life, asked: Instant) -> Start {
        let Target { owner, id, plan } = target;
        let client = &self.companion.container.client;
        let Ok((inside, born)) = Inside::start(client, owner, &self.observer, id, plan.memory)
        else {
            // It has ended by now, or may not be entered.
            return match life.wait_for(UNSEEN, |known| known.end) {
                Some(_) => Start::Over,
                None => Start::Executed(asked, asked),
            };
        };
        let _ = self.inside.set(inside);
        let mut heard = self.companion.line.heard();
        heard.execute(born);
        let born = heard.local(born).unwrap_or(asked).max(asked);
        Start::Executed(born, born)
    }

    /// Whether the first process has ended, however long the engine takes to tell: no other
    /// outlives it in there.
    pub(super) fn has_ended(&self) -> bool {
        let gone = |inside: &Inside| inside.line.heard().lost.is_some();
        let told = self.companion.line.heard().ended;
        told || self.doubted.get().is_none() && self.inside.get().is_some_and(gone)
    }

    /// That it has ended was not so, or not to be known.
    pub(super) fn doubt(&self) {
        self.doubted.get_or_init(|| ());
    }

    /// Appends the sockets in LISTEN.
    pub(super) fn sockets(&self, text: &mut Vec<u8>) -> io::Result<()> {
        let heard = self.companion.line.heard();
        match &heard.lost {
            Some(lost) if !heard.ended => Err(io::Error::other(lost.clone())),
            _ => {
                text.extend_from_slice(&heard.table);
                Ok(())
            }
        }
    }

    /// Since when they are so.
    pub(super) fn sockets_since(&self) -> Option<Instant> {
        self.companion.line.heard().table_since()
    }

    /// The start has been watched.
    pub(super) fn calm(&self) {
        self.companion.line.command("calm");
    }

    /// Connects to a port of the container, the platform's one.
    pub(super) fn connect(&self, port: u16, limit: Duration) -> io::Result<TcpStream> {
        let Companion { published, address, reached: to, .. } = self.companion;
        if published && self.reached.get().is_none() {
            // The engine's proxy takes every connection: whether the server does is tried from
            // beside it.
            let own = SocketAddr::new(address, port);
            match self.ask(&format!("reach {own}"), "reached")? {
                0 => self.reached.get_or_init(|| ()),
                errno => return Err(io::Error::from_raw_os_error(errno)),
            };
        }
        if published && !self.companion.line.heard().listens(port) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        TcpStream::connect_timeout(&to, limit)
    }

    /// Tries to make a file below `/tmp` as the image's user.
    pub(super) fn probe(&self, user: &User) -> Result<TmpProbe, EngineError> {
        let ids = [user.uid, user.gid].into_iter().chain(user.groups.iter().copied());
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        match self.ask(&format!("probe {}", ids.join(" ")), "probed") {
            Ok(0) => Ok(TmpProbe::Writable),
            Ok(errno) => Ok(TmpProbe::Refused(errno)),
            Err(source) => {
                Err(EngineError::Failed { what: "try to write below /tmp".to_owned(), source })
            }
        }
    }

    fn ask(&self, question: &str, answer: &str) -> io::Result<i32> {
        let _one = self.one();
        self.companion.line.ask(question, answer)
    }

    /// Only one asks at a time.
    fn one(&self) -> MutexGuard<'_, ()> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its processes are doing, and the sockets of its network. What cannot be seen is left
    /// out.
    pub(super) fn traces(&self) -> Traces {
        self.told().unwrap_or_default().understood()
    }

    /// What the kernel does with a SIGTERM for the first process.
    pub(super) fn delivery_of_sigterm(&self) -> Delivery {
        // Where nothing is told, the wait for its end tells.
        self.told().unwrap_or_default().delivery_of_sigterm()
    }

    /// The sockets are those of the first observer's network, the processes seen by the second
    /// one where there is one.
    fn told(&self) -> io::Result<Told> {
        let _one = self.one();
        let mut told = Told::read(&self.companion.line.ask_for_traces()?)?;
        if let Some(inside) = self.inside.get() {
            // With the instance this one is gone, too; the sockets stay.
            let seen = inside.line.ask_for_traces().and_then(|text| Told::read(&text));
            told.processes = seen.unwrap_or_default().processes;
        }
        Ok(told)
    }

    /// Limits that are watched, and not kept by the engine.
    pub(super) fn watched(&self) -> Vec<String> {
        let mut watched = vec!["writable layer".to_owned()];
        if self.companion.sight == Sight::Own {
            watched.push("memory".to_owned());
        }
        let more = self.observer.unlimited.iter().filter(|limit| !watched.contains(limit));
        let more: Vec<String> = more.cloned().collect();
        watched.extend(more);
        watched
    }

    /// What was used so far.
    pub(super) fn found(&self) -> Found {
        let tmp_used = self.companion.line.heard().tmp;
        let line = self.inside.get().map_or(&self.companion.line, |inside| &inside.line);
        let heard = line.heard();
        Found {
            memory_peak: heard.memory_peak,
            out_of_memory: heard.out_of_memory,
            cpu: heard.cpu,
            tmp_used,
        }
    }

    /// Files that hold one of these values.
    pub(super) fn search(
        &self,
        id: &str,
        written: &[Write],
        values: &[String],
    ) -> Result<Vec<(usize, String)>, EngineError> {
        archive::search(&self.companion.container.client, id, written, values)
    }

    /// Ends the container, and whoever looks at it.
    pub(super) fn stop(mut self, container: &mut Container) -> Result<(), EngineError> {
        drop(self.layer);
        let inside = self.inside.get_mut().map(|inside| &mut inside.container);
        self.companion.remove(inside.into_iter().chain([container]).collect())
    }
}
