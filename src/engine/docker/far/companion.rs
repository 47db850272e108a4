//! The observer's container: it has the network that the instance joins and the volume that is
//! both their `/tmp`, is started first and goes last.
#![expect(clippy::disallowed_methods, reason = "what is told has times")]

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bollard::container::AttachContainerResults;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, HostConfig, HostConfigCgroupnsModeEnum, Mount,
    MountType, PortBinding,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::super::client::{Client, doing, is_absent};
use super::super::create;
use super::super::image::Had;
use super::super::instance::Container;
use super::super::leftovers::Owner;
use super::heard::Heard;
use super::image::{GROUPS, PROGRAM};
use super::route::Route;
use crate::engine::EngineError;
use crate::plan::Plan;

/// How long the observer may take to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// A running observer.
#[derive(Debug)]
pub(super) struct Companion {
    // Dropped in this order: a volume in use cannot be removed.
    pub(super) container: Container,
    volume: Volume,
    pub(super) sight: Sight,
    /// When this is dropped the observer ends.
    commands: UnboundedSender<Bytes>,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    /// Its own address, which the instance shares.
    pub(super) address: IpAddr,
    /// Where this program reaches the platform's port.
    pub(super) reached: SocketAddr,
    _image: Arc<Had>,
}

/// A named volume, removed with this.
#[derive(Debug)]
struct Volume {
    client: Arc<Client>,
    name: String,
    removed: bool,
}

impl Volume {
    fn remove(&mut self) -> Result<(), EngineError> {
        self.removed = true;
        let name = self.name.clone();
        let options = RemoveVolumeOptionsBuilder::default().build();
        let removed = self
            .client
            .ask(|docker| async move { docker.remove_volume(&name, Some(options)).await });
        match removed {
            Err(error) if is_absent(&error) => Ok(()),
            other => other.map_err(doing("remove the volume of /tmp")),
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if !self.removed {
            // The next run removes what cannot be removed now.
            let _ = self.remove();
        }
    }
}

/// How a companion is made. Engines forbid some of it, and there is another way without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// With the machine's processes and control groups.
    Machine,
    /// With its own only.
    Own,
}

/// What an engine is asked for.
#[derive(Debug, Clone)]
struct Shape {
    sight: Sight,
    /// Where a port is published, if one is.
    bind: Option<String>,
}

/// All that may be tried, the best first.
fn shapes(route: &Route) -> Vec<Shape> {
    let binds = match route {
        Route::Own => vec![None],
        Route::Published { bind, .. } => bind.iter().cloned().map(Some).collect(),
    };
    let with = |sight| binds.iter().map(move |bind| Shape { sight, bind: bind.clone() });
    [Sight::Machine, Sight::Own].into_iter().flat_map(with).collect()
}

/// The observer's image, in an engine for as long as this is kept; and the shape of its
/// containers that the engine took.
#[derive(Debug, Clone)]
pub(in super::super) struct Observer {
    image: Arc<Had>,
    shape: Arc<OnceLock<Shape>>,
    /// Limits that the engine does not set.
    pub(super) unlimited: Vec<String>,
}

impl Observer {
    pub(super) fn new(image: Had, unlimited: Vec<String>) -> Observer {
        Observer { image: Arc::new(image), shape: Arc::default(), unlimited }
    }
}

impl Companion {
    /// Starts one.
    pub(super) fn start(
        client: &Arc<Client>,
        owner: &Owner,
        observer: &Observer,
        plan: &Plan,
        route: &Route,
    ) -> Result<Companion, EngineError> {
        let try_start = |shape: &Shape| {
            Companion::try_start(client, owner, &observer.image, plan, (shape, route))
        };
        if let Some(shape) = observer.shape.get() {
            return try_start(shape);
        }
        let mut first = None;
        for shape in shapes(route) {
            match try_start(&shape) {
                Ok(companion) => {
                    // Any that the engine takes is as good as the one of another thread.
                    let _ = observer.shape.set(shape);
                    return Ok(companion);
                }
                // What stands in the way of the better one is of more use.
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        Err(first.unwrap_or_else(|| EngineError::Lost("it has no address to bind".to_owned())))
    }

    fn try_start(
        client: &Arc<Client>,
        owner: &Owner,
        image: &Arc<Had>,
        plan: &Plan,
        (shape, route): (&Shape, &Route),
    ) -> Result<Companion, EngineError> {
        let name = format!("scf-conform-{}", uuid::Uuid::new_v4().simple());
        let volume = Volume { client: Arc::clone(client), name: name.clone(), removed: false };
        let sight = shape.sight;
        let mut body = body(&image.name, owner, sight, create::tmp(plan, Some((&name, owner))));
        if let Some(bind) = &shape.bind {
            publish(&mut body, plan.port, bind);
        }
        let options = CreateContainerOptionsBuilder::default().platform("").build();
        let created = client
            .ask(|docker| async move { docker.create_container(Some(options), body).await })
            .map_err(doing("create the observer's container"))?;
        let container = Container::new(client, created.id);
        let (commands, heard) = attach(client, &container.id)?;
        let id = container.id.clone();
        client
            .ask(|docker| async move { docker.start_container(&id, None).await })
            .map_err(doing("start the observer's container"))?;
        let id = container.id.clone();
        let found = client
            .ask(|docker| async move { docker.inspect_container(&id, None).await })
            .map_err(doing("look up the observer's container"))?;
        let lacks = |what: &str| EngineError::Failed {
            what: "look up the observer's container".to_owned(),
            source: std::io::Error::other(what.to_owned()),
        };
        let address = address(&found).ok_or_else(|| lacks("it has no address"))?;
        let reached = match route {
            Route::Own => SocketAddr::new(address, plan.port),
            Route::Published { host, .. } => {
                let port = port(&found, plan.port).ok_or_else(|| lacks("it has no port"))?;
                let mut found = (host.as_str(), port).to_socket_addrs().map_err(|source| {
                    EngineError::Failed { what: format!("look up `{host}`"), source }
                })?;
                found.next().ok_or_else(|| lacks("its host has no address"))?
            }
        };
        let image = Arc::clone(image);
        Ok(Companion { container, volume, sight, commands, heard, address, reached, _image: image })
    }

    /// Has the other container be one with this one, before it is created.
    pub(super) fn join(&self, body: &mut ContainerCreateBody, plan: &Plan) {
        // The one whose network it is has a name for both.
        body.hostname = None;
        let host = body.host_config.get_or_insert_default();
        host.network_mode = Some(format!("container:{}", self.container.id));
        host.sysctls = None;
        host.mounts = Some(vec![Mount {
            target: Some("/tmp".to_owned()),
            source: Some(self.volume.name.clone()),
            typ: Some(MountType::VOLUME),
            ..create::uncopied()
        }]);
        if self.sight == Sight::Own {
            // Nobody lets the limit follow what is written there: so it begins with all that
            // may be.
            let most = host.memory.map(|memory| memory.saturating_add_unsigned(plan.tmp));
            (host.memory, host.memory_swap) = (most, most);
        }
    }

    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Why there is no answer.
    pub(super) fn why_silent(&self) -> std::io::Error {
        let lost = self.heard().lost.clone();
        std::io::Error::other(lost.unwrap_or_else(|| "its observer does not answer".to_owned()))
    }

    /// Begins to watch a container that was not started yet.
    pub(super) fn watch(&self, id: &str, memory: u64) -> Result<(), EngineError> {
        self.command(&format!("watch {id} {memory}"));
        let begun = self.wait_for(ANSWER, |heard| heard.watching.then_some(()));
        begun.ok_or_else(|| EngineError::Lost(self.why_silent().to_string()))
    }

    /// Ends it and the one that it looks at, both at once: each takes the engine its time.
    pub(super) fn remove(mut self, other: &mut Container) -> Result<(), EngineError> {
        let own = &mut self.container;
        let (own, other) = std::thread::scope(|scope| {
            let own = scope.spawn(|| own.remove());
            let other = other.remove();
            (own.join().unwrap_or(Ok(())), other)
        });
        self.volume.remove().and(own).and(other)
    }
}

fn body(image: &str, owner: &Owner, sight: Sight, tmp: Mount) -> ContainerCreateBody {
    let mut host = HostConfig {
        network_mode: Some("bridge".to_owned()),
        // Set where the network is made, for whoever joins it.
        sysctls: Some(create::sysctls()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        // To end the other one; to be its user for a moment, with its user's rights; to come
        // before others while it starts.
        cap_add: Some(
            ["KILL", "SETUID", "SETGID", "DAC_OVERRIDE", "SYS_NICE"]
                .map(ToOwned::to_owned)
                .to_vec(),
        ),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        // A look that comes late is an error of the clock.
        cpu_shares: Some(16_384),
        // What engines set by themselves may be more than their machine allows.
        ulimits: Some(vec![create::limit("nofile", 1024), create::limit("nproc", 1024)]),
        log_config: Some(create::unlogged()),
        mounts: Some(vec![tmp]),
        ..HostConfig::default()
    };
    if sight == Sight::Machine {
        host.pid_mode = Some("host".to_owned());
        host.cgroupns_mode = Some(HostConfigCgroupnsModeEnum::HOST);
        host.mounts.get_or_insert_default().push(Mount {
            target: Some(GROUPS.to_owned()),
            source: Some("/sys/fs/cgroup".to_owned()),
            typ: Some(MountType::BIND),
            ..Mount::default()
        });
    }
    ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: Some(create::HOSTNAME.to_owned()),
        entrypoint: Some(vec![PROGRAM.to_owned()]),
        user: Some("0:0".to_owned()),
        labels: Some(owner.labels()),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

fn publish(body: &mut ContainerCreateBody, port: u16, bind: &str) {
    let name = format!("{port}/tcp");
    // Any port that is free there.
    let binding = PortBinding { host_ip: Some(bind.to_owned()), host_port: Some(String::new()) };
    body.exposed_ports = Some(vec![name.clone()]);
    let host = body.host_config.get_or_insert_default();
    host.port_bindings = Some(HashMap::from([(name, Some(vec![binding]))]));
}

/// Both ends of the observer.
type Ends = (UnboundedSender<Bytes>, Arc<(Mutex<Heard>, Condvar)>);

fn attach(client: &Client, id: &str) -> Result<Ends, EngineError> {
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
    let (send, mut receive) = unbounded_channel::<Bytes>();
    drop(client.begin(|_| async move {
        while let Some(line) = receive.recv().await {
            if input.write_all(&line).await.is_err() || input.flush().await.is_err() {
                break;
            }
        }
        let _ = input.shutdown().await;
        Ok(())
    }));
    let heard = Arc::new((Mutex::<Heard>::default(), Condvar::new()));
    let told = Arc::clone(&heard);
    drop(client.begin(|_| async move {
        while let Some(Ok(piece)) = output.next().await {
            let now = Instant::now();
            told.0.lock().unwrap_or_else(PoisonError::into_inner).take(piece.as_ref(), now);
            told.1.notify_all();
        }
        let mut heard = told.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.lost.get_or_insert_with(|| "its observer is gone".to_owned());
        drop(heard);
        told.1.notify_all();
        Ok(())
    }));
    Ok((send, heard))
}

fn address(found: &ContainerInspectResponse) -> Option<IpAddr> {
    let networks = found.network_settings.as_ref()?.networks.as_ref()?;
    networks.values().find_map(|network| network.ip_address.as_ref()?.parse().ok())
}

/// The port of the engine's machine that leads to one of the container's.
fn port(found: &ContainerInspectResponse, port: u16) -> Option<u16> {
    let ports = found.network_settings.as_ref()?.ports.as_ref()?;
    let bindings = ports.get(&format!("{port}/tcp"))?.as_ref()?;
    bindings.iter().find_map(|binding| binding.host_port.as_ref()?.parse().ok())
}
