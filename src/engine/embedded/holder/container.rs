//! Has libcontainer make the container, and sees it through to its exec.
#![expect(clippy::disallowed_methods, reason = "a bundle is a directory")]

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::error::LibcontainerError;
use libcontainer::syscall::syscall::SyscallType;
use rustix::fs::{Uid, fchown};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, pidfd_open,
    pidfd_send_signal, set_dumpable_behavior, waitid,
};

use super::super::wire::{Answer, Order, send};
use super::command::{Command, Report, now, reports};
use super::fault::{Doing, Fault};
use super::limits::Limits;
use super::spec::spec;
use super::stage::{self, BUNDLE, Foundation, Stage};

/// A booted instance. Its processes are dropped before the limits that hold them.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) order: Rc<Order>,
    pub(super) privilege: super::Privilege,
    pub(super) stage: Stage,
    /// `None` where the command was never executed, or has ended.
    pub(super) first: Option<First>,
    pub(super) limits: Limits,
    /// Told how the command ended.
    pub(super) events: io::PipeWriter,
}

/// The container's first process.
#[derive(Debug)]
pub(super) struct First {
    pub(super) pid: Pid,
    pub(super) handle: OwnedFd,
}

impl Drop for First {
    fn drop(&mut self) {
        // Both do nothing where it has ended and was waited for. As the first process of its
        // PID namespace it takes all others with it.
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
        let wait = || waitid(WaitId::PidFd(self.handle.as_fd()), WaitIdOptions::EXITED);
        while wait().is_err_and(|error| error == rustix::io::Errno::INTR) {}
    }
}

/// Boots, and answers the request.
pub(super) fn boot(
    control: &UnixStream,
    mut foundation: Foundation,
    order: Order,
    streams: Vec<OwnedFd>,
) -> Result<Held, Fault> {
    let order = Rc::new(order);
    let privilege = foundation.privilege;
    let mut limits = Limits::new(&order, privilege, foundation.group.take())?;
    let stage = stage::build(&order, privilege)?;
    let (reader, events) = io::pipe().doing("make the events' pipe")?;
    let (told, tell) = io::pipe().doing("make the program's pipe")?;
    let tables = foundation.tables.len();
    let sockets = super::serve::sockets()?;
    let mut descriptors = vec![reader.as_fd(), told.as_fd()];
    descriptors.extend(foundation.tables.iter().map(AsFd::as_fd));
    descriptors.extend(sockets.iter().map(AsFd::as_fd));
    let answer = |refused| {
        let answer = Answer::Booted { created: now(), refused, tables };
        send(control, &answer, &descriptors).doing("answer")
    };
    let first = match &stage.made.refused {
        Some(refusal) => {
            answer(Some(refusal.clone()))?;
            None
        }
        None => start(&order, &foundation, &mut limits, streams, tell, || answer(None))?,
    };
    limits.leave();
    Ok(Held { order, privilege, stage, first, limits, events })
}

/// Makes the container, has `answer` called, and then the command executed: from there on the
/// program hears of it from the container itself.
fn start(
    order: &Rc<Order>,
    foundation: &Foundation,
    limits: &mut Limits,
    streams: Vec<OwnedFd>,
    tell: io::PipeWriter,
    answer: impl FnOnce() -> Result<(), Fault>,
) -> Result<Option<First>, Fault> {
    let what = "write the bundle";
    let config = spec(order, foundation).to_string();
    fs::write(format!("{BUNDLE}/config.json"), config).doing(what)?;
    let (reader, writer) = io::pipe().doing("make the reports' pipe")?;
    let holder = pidfd_open(getpid(), PidfdFlags::empty()).doing("open the holder")?;
    let command = Command {
        order: Rc::clone(order),
        privilege: foundation.privilege,
        reports: Rc::new([tell, writer]),
        holder: Rc::new(holder),
    };
    let [stdout, stderr] = <[OwnedFd; 2]>::try_from(streams)
        .map_err(|_| Fault::new("take stdout and stderr", io::ErrorKind::InvalidInput))?;
    if foundation.privilege == super::Privilege::Root {
        // Servers that log to /dev/stderr open it anew, as the image's user.
        let owner = Some(Uid::from_raw(order.uid));
        for stream in [&stdout, &stderr] {
            fchown(stream, owner, None).doing("give stdout and stderr to the image's user")?;
        }
    }
    limits.enter()?;
    let mut container = ContainerBuilder::new("instance".to_owned(), SyscallType::default())
        .with_root_path(format!("{BUNDLE}/state"))
        .map_err(|error| create(&error))?
        .with_executor(command)
        .with_stdin(File::open("/dev/null").doing("open /dev/null")?)
        .with_stdout(stdout)
        .with_stderr(stderr)
        .as_init(BUNDLE)
        .with_systemd(false)
        .with_detach(true)
        .build()
        .map_err(|error| create(&error))?;
    let pid = container.pid().and_then(|pid| Pid::from_raw(pid.as_raw()));
    let pid = pid.ok_or_else(|| Fault::new("find the container", io::ErrorKind::NotFound))?;
    let handle = pidfd_open(pid, PidfdFlags::empty()).doing("open the container")?;
    let first = First { pid, handle };
    answer()?;
    container.start().map_err(|error| create(&error))?;
    // libcontainer hides this process from others; it has nothing to hide.
    let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
    let mut executed = false;
    for report in reports(reader).doing("read the container's reports")? {
        match report {
            Report::Executing { .. } => executed = true,
            // It was ours, not the image's: its end tells nothing.
            Report::Refused(_) => return Ok(None),
            Report::Failed { what, errno, why } => {
                let source =
                    errno.map_or_else(|| io::Error::other(why), io::Error::from_raw_os_error);
                return Err(Fault::new(&what, source));
            }
        }
    }
    if !executed {
        return Err(Fault::new(
            "execute the command",
            io::Error::other("the container ended before"),
        ));
    }
    limits.share(order);
    Ok(Some(first))
}

/// The whole chain of causes on one line; libcontainer's own texts name only the last step.
fn create(error: &LibcontainerError) -> Fault {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    Fault::new("make the container", io::Error::other(text.replace('\n', " ")))
}
