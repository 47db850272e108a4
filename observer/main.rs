//! The observer: looks at one container from beside it, for a program that cannot look itself.
//!
//! It runs in a container of its own, which has the network that the other one is in, the same
//! `/tmp`, the machine's processes in `/proc` and its control groups in `/group`. It takes
//! commands on stdin, a line each, and tells on stdout what it sees, with the nanoseconds of
//! its monotonic clock. When stdin ends, so does it, and the other container.
//!
//! | command | |
//! |---|---|
//! | `watch ID MEMORY` | looks at that container from now on; answered by `watching NS` |
//! | `inside MEMORY` | is among that container's processes itself: tells `executed NS`, of their making, and `used`; more memory is their end |
//! | `listen PORT TOKEN` · `deafen` | answers the first byte of a connection with the token · does so no more; answered by `listening 0`, or the error's number |
//! | `calm` | the start is over: looks less often |
//! | `probe UID GID GROUP…` | makes a file in `/tmp`: `probed 0`, or the error's number |
//! | `reach ADDRESS` | connects there: `reached 0`, or the error's number |
//! | `traces` | what its processes are doing, and all sockets here: `traces JSON` |
//!
//! | told | |
//! |---|---|
//! | `waiting NS` · `executed NS` · `ended NS` | of the container's first process |
//! | `table NS LINES` | and so many lines, as of `/proc/net/tcp`: when it changed |
//! | `used CPU PEAK OOM` | nanoseconds, bytes, and how often memory ran out; `-` where it is not known |
//! | `tmp BYTES` | in use below `/tmp` |
//! | `failed TEXT` | it cannot go on |

mod first;
mod group;
mod inside;
mod json;
mod kernel;
#[path = "../src/engine/docker/listening.rs"]
mod listening;
mod tables;
mod traces;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::FromRawFd;
use std::process::exit;
use std::time::Duration;

use first::{First, Search, Stage};
use group::{Group, Used};
use inside::Inside;
use tables::Tables;

/// Between two looks at first, later in the start, and after it.
const FINE: Duration = Duration::from_micros(200);
const COARSE: Duration = Duration::from_millis(1);
const CALM: Duration = Duration::from_millis(5);
/// How long after the exec it looks finely, in nanoseconds.
const FINE_FOR: u64 = 500_000_000;
/// The same between two looks at what was used, and between two at the sockets when calm.
const USED: u64 = 10_000_000;
const SOCKETS: u64 = 20_000_000;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

fn main() {
    let mut observer = Observer::new();
    let ended = observer.run();
    observer.end();
    if let Err(error) = ended {
        let _ = writeln!(io::stdout(), "failed {error}");
        exit(1);
    }
}

struct Observer {
    tables: Tables,
    search: Option<Search>,
    memory: u64,
    /// The last moment before which the command was not executed.
    before: u64,
    first: Option<First>,
    group: Option<Group>,
    inside: Option<Inside>,
    trial: Option<(TcpListener, String)>,
    executed: Option<u64>,
    over: bool,
    calm: bool,
    /// What was told last.
    table: Option<String>,
    table_at: u64,
    tmp: u64,
    used: Used,
    used_at: u64,
    out: String,
}

impl Observer {
    fn new() -> Observer {
        Observer {
            tables: Tables::open(),
            search: None,
            memory: 0,
            before: 0,
            first: None,
            group: None,
            inside: None,
            trial: None,
            executed: None,
            over: false,
            calm: false,
            table: None,
            table_at: 0,
            tmp: 0,
            used: Used::default(),
            used_at: 0,
            out: String::new(),
        }
    }

    /// Until stdin ends.
    fn run(&mut self) -> io::Result<()> {
        // SAFETY: stdin is open, and is not closed by this.
        let mut input = ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
        let mut waiting = Vec::new();
        loop {
            if kernel::input(self.pause()) {
                let mut block = [0; 4096];
                let length = input.read(&mut block)?;
                if length == 0 {
                    return Ok(());
                }
                waiting.extend_from_slice(&block[..length]);
                while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = waiting.drain(..=end).collect();
                    self.obey(String::from_utf8_lossy(&line).trim());
                }
            }
            if self.search.is_some() && !self.over {
                self.look()?;
            }
            if let Some((listener, token)) = &self.trial
                && let Ok((stream, _)) = listener.accept()
            {
                // One that is cut off is for the other side to see.
                let _ = answer(stream, token);
            }
            if let Some(inside) = &mut self.inside {
                let used = inside.used();
                self.tell_use(used);
            }
            if !self.out.is_empty() {
                let mut stdout = io::stdout().lock();
                stdout.write_all(self.out.as_bytes())?;
                stdout.flush()?;
                self.out.clear();
            }
        }
    }

    fn pause(&self) -> Option<Duration> {
        if self.trial.is_some() {
            return Some(COARSE);
        }
        if self.inside.is_some() {
            return Some(CALM);
        }
        if self.search.is_none() || self.over {
            return None;
        }
        let fine = self.executed.is_none_or(|at| kernel::now().saturating_sub(at) < FINE_FOR);
        Some(match (self.calm, fine) {
            (true, _) => CALM,
            (false, true) => FINE,
            (false, false) => COARSE,
        })
    }

    fn tell(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn obey(&mut self, line: &str) {
        let mut words = line.split(' ');
        match words.next() {
            Some("watch") => {
                let id = words.next().unwrap_or_default();
                self.memory = words.next().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
                // A look that comes late is an error of the clock.
                kernel::hurry(-20);
                self.search = Some(Search::new(id));
                self.before = kernel::now();
                self.tell(&format!("watching {}", self.before));
            }
            Some("inside") => {
                let memory = words.next().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
                self.inside = Some(Inside::new(memory));
                match inside::born() {
                    Some(born) => self.tell(&format!("executed {born}")),
                    None => self.tell("failed there is no first process"),
                }
            }
            Some("listen") => {
                let port = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
                let token = words.next().unwrap_or_default().to_owned();
                let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
                let listener = listener.and_then(|l| l.set_nonblocking(true).map(|()| l));
                let errno = number(&listener);
                self.trial = listener.ok().map(|listener| (listener, token));
                self.tell(&format!("listening {errno}"));
            }
            Some("deafen") => {
                self.trial = None;
                self.tell("listening 0");
            }
            Some("calm") => {
                kernel::hurry(0);
                self.calm = true;
            }
            Some("probe") => {
                let ids = words.filter_map(|word| word.parse().ok()).collect();
                let errno = number(&probe(ids));
                self.tell(&format!("probed {errno}"));
            }
            Some("reach") => {
                let address = words.next().and_then(|word| word.parse::<SocketAddr>().ok());
                let taken = address.ok_or_else(|| io::ErrorKind::InvalidInput.into());
                let taken = taken.and_then(|to| TcpStream::connect_timeout(&to, CONNECT));
                let errno = number(&taken);
                self.tell(&format!("reached {errno}"));
            }
            Some("traces") => {
                // Among the other's processes its first one is the first one.
                let among = self.inside.as_ref().map(|_| 1);
                // The number of one that has ended may be another's.
                let lives = self.first.as_ref().filter(|first| !first.has_ended());
                let first = among.or(lives.map(|first| first.pid));
                let refused = self.group.as_ref().and_then(Group::forks_refused);
                self.tell(&format!("traces {}", traces::tell(first, refused)));
            }
            _ => self.tell(&format!("failed `{line}` is no command")),
        }
    }

    fn look(&mut self) -> io::Result<()> {
        let now = kernel::now();
        if self.first.is_none() {
            self.first = self.search.as_mut().and_then(Search::look);
            if let Some(first) = &self.first {
                self.group = Some(Group::of(&first.groups, self.memory));
                self.tell(&format!("waiting {now}"));
            }
        }
        if self.executed.is_none() {
            let stage = self.first.as_ref().and_then(First::stage);
            if stage == Some(Stage::Executed) {
                // Between this look and the one before. The earlier bound is taken, so that
                // no time-to-listen is ever told shorter than it was.
                self.executed = Some(self.before);
                self.tell(&format!("executed {}", self.before));
            }
            self.before = now;
        }
        let ended = self.first.as_ref().is_some_and(First::has_ended);
        self.look_at_tmp();
        if ended || now >= self.used_at + USED {
            self.used_at = now;
            self.look_at_use();
        }
        if !self.calm || now >= self.table_at + SOCKETS {
            self.look_at_sockets()?;
        }
        if ended {
            self.over = true;
            self.tell(&format!("ended {}", kernel::now()));
        }
        Ok(())
    }

    fn look_at_sockets(&mut self) -> io::Result<()> {
        let table = self.tables.read()?;
        self.table_at = kernel::now();
        if self.table.as_ref() != Some(&table) {
            self.tell(&format!("table {} {}", self.table_at, table.lines().count()));
            self.out.push_str(&table);
            self.table = Some(table);
        }
        Ok(())
    }

    fn look_at_tmp(&mut self) {
        let tmp = kernel::occupied("/tmp");
        if let Some(group) = &mut self.group {
            group.follow(tmp);
        }
        if tmp != self.tmp {
            self.tmp = tmp;
            self.tell(&format!("tmp {tmp}"));
        }
    }

    fn look_at_use(&mut self) {
        let Some(group) = &mut self.group else { return };
        let used = group.used();
        self.tell_use(used);
    }

    fn tell_use(&mut self, used: Used) {
        if used != self.used {
            let shown = |number: Option<u64>| number.map_or("-".to_owned(), |n| n.to_string());
            let (cpu, peak, out) = (shown(used.cpu), shown(used.peak), shown(used.out_of_memory));
            self.used = used;
            self.tell(&format!("used {cpu} {peak} {out}"));
        }
    }

    /// What nobody watches any more is not left running.
    fn end(&self) {
        if let Some(first) = &self.first
            && !first.has_ended()
        {
            kernel::end(first.pid);
        }
    }
}

/// Answers a byte, and waits for the end: a connection that is ended here first would keep the
/// port busy.
fn answer(mut stream: TcpStream, token: &str) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(CONNECT))?;
    if stream.read(&mut [0; 1])? == 0 {
        return Ok(());
    }
    stream.write_all(token.as_bytes())?;
    while stream.read(&mut [0; 64])? > 0 {}
    Ok(())
}

/// 0, or the error's number.
fn number<T>(done: &io::Result<T>) -> i32 {
    match done {
        Ok(_) => 0,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => 110,
        Err(error) => error.raw_os_error().unwrap_or(5),
    }
}

/// Makes a file below `/tmp` as a user, and removes it.
fn probe(ids: Vec<u32>) -> io::Result<()> {
    let [uid, gid, groups @ ..] = ids.as_slice() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    std::thread::scope(|scope| {
        let tried = scope.spawn(move || {
            kernel::become_user(*uid, *gid, groups)?;
            let path = format!("/tmp/.scf-conform-{}", std::process::id());
            let written = File::create_new(&path)?.write_all(b"x");
            fs::remove_file(&path)?;
            written
        });
        tried.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}
