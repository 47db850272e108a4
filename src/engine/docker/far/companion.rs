//! The observer's container: it has the network that the instance joins and the volume that is
//! both their `/tmp`, is started first and goes last.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, OnceLock};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, HostConfig, HostConfigCgroupnsModeEnum, Mount,
    MountType, PortBinding,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveVolumeOptionsBuilder};

use super::super::client::{Client, doing, is_absent};
use super::super::create;
use super::super::image::Had;
use super::super::instance::Container;
use super::super::leftovers::Owner;
use super::image::{GROUPS, PROGRAM};
use super::line::{ANSWER, Excess, Line};
use super::route::{LOOPBACK, Route};
use super::trial;
use crate::engine::EngineError;
use crate::plan::Plan;

/// A running observer.
#[derive(Debug)]
pub(super) struct Companion {
    // Dropped in this order: a volume in use cannot be removed.
    pub(super) container: Container,
    volume: Volume,
    pub(super) sight: Sight,
    pub(super) line: Line,
    /// Its own address, which the instance shares.
    pub(super) address: IpAddr,
    /// Where this program reaches the platform's port.
    pub(super) reached: SocketAddr,
    /// Whether that is a port that the engine publishes.
    pub(super) published: bool,
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
        Route::Either => vec![Some(LOOPBACK.to_owned())],
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
    /// The place among the addresses of the one that leads to a container.
    leads: Arc<OnceLock<usize>>,
    /// Limits that the engine does not set.
    pub(super) unlimited: Vec<String>,
}

impl Observer {
    pub(super) fn new(image: Had, unlimited: Vec<String>) -> Observer {
        Observer { image: Arc::new(image), shape: Arc::default(), leads: Arc::default(), unlimited }
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
        let try_start =
            |shape: &Shape| Companion::try_start(client, owner, observer, plan, (shape, route));
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
        observer: &Observer,
        plan: &Plan,
        (shape, route): (&Shape, &Route),
    ) -> Result<Companion, EngineError> {
        let name = format!("scf-conform-{}", uuid::Uuid::new_v4().simple());
        let volume = Volume { client: Arc::clone(client), name: name.clone(), removed: false };
        let sight = shape.sight;
        let mut body = body(observer, owner, sight, create::tmp(plan, Some((&name, owner))));
        if let Some(bind) = &shape.bind {
            publish(&mut body, plan.port, bind);
        }
        let options = CreateContainerOptionsBuilder::default().platform("").build();
        let created = client
            .ask(|docker| async move { docker.create_container(Some(options), body).await })
            .map_err(doing("create the observer's container"))?;
        let container = Container::new(client, created.id);
        let line = Line::attach(client, &container.id, Excess::Limited)?;
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
        let own = SocketAddr::new(address, plan.port);
        let published = |host: &str| {
            let port = port(&found, plan.port).ok_or_else(|| lacks("it has no port"))?;
            let mut found = (host, port).to_socket_addrs().map_err(|source| {
                EngineError::Failed { what: format!("look up `{host}`"), source }
            })?;
            found.next().ok_or_else(|| lacks("its host has no address"))
        };
        let addresses = match route {
            Route::Own => vec![own],
            Route::Either => vec![published(LOOPBACK)?, own],
            Route::Published { host, .. } => vec![published(host)?],
        };
        let place = match observer.leads.get() {
            Some(place) => *place,
            None => trial::leads(&line, plan.port, &addresses)?,
        };
        let _ = observer.leads.set(place);
        let reached = addresses[place];
        let (published, image) = (reached != own, Arc::clone(&observer.image));
        Ok(Companion { container, volume, sight, line, address, reached, published, _image: image })
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

    /// Begins to watch a container that was not started yet.
    pub(super) fn watch(&self, id: &str, memory: u64) -> Result<(), EngineError> {
        self.line.command(&format!("watch {id} {memory}"));
        let begun = self.line.wait_for(ANSWER, |heard| heard.watching.then_some(()));
        begun.ok_or_else(|| EngineError::Lost(self.line.why_silent().to_string()))
    }

    /// Ends it and those that it looks at or with, all at once: each takes the engine its time.
    pub(super) fn remove(mut self, others: Vec<&mut Container>) -> Result<(), EngineError> {
        let all = others.into_iter().chain([&mut self.container]);
        let removed = std::thread::scope(|scope| {
            let started: Vec<_> = all.map(|container| scope.spawn(|| container.remove())).collect();
            let ended = started.into_iter().map(|thread| thread.join().unwrap_or(Ok(())));
            ended.fold(Ok(()), Result::and)
        });
        self.volume.remove().and(removed)
    }
}

fn body(observer: &Observer, owner: &Owner, sight: Sight, tmp: Mount) -> ContainerCreateBody {
    let mut host = HostConfig {
        network_mode: Some("bridge".to_owned()),
        // Set where the network is made, for whoever joins it.
        sysctls: Some(create::sysctls()),
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
    let body = quiet(observer, owner, host);
    ContainerCreateBody { hostname: Some(create::HOSTNAME.to_owned()), ..body }
}

/// An observer's container, which may no more than it has to.
pub(super) fn quiet(observer: &Observer, owner: &Owner, host: HostConfig) -> ContainerCreateBody {
    // To end the other one; to be its user for a moment, with its user's rights; to come before
    // others while it starts; to see in what call its processes wait.
    let rights = ["KILL", "SETUID", "SETGID", "DAC_OVERRIDE", "SYS_NICE", "SYS_PTRACE"];
    let host = HostConfig {
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(rights.map(ToOwned::to_owned).to_vec()),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        // A look that comes late is an error of the clock.
        cpu_shares: Some(16_384),
        // What engines set by themselves may be more than their machine allows.
        ulimits: Some(vec![create::limit("nofile", 1024), create::limit("nproc", 1024)]),
        log_config: Some(create::unlogged()),
        ..host
    };
    ContainerCreateBody {
        image: Some(observer.image.name.clone()),
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
