//! How registries may be reached, and where the credentials for them are kept.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How registries may be reached, and where the credentials for them are kept.
#[derive(Clone)]
pub struct Access {
    /// Files in which docker and podman keep credentials; the first that has some for a
    /// registry counts. Those that are not there are passed over.
    pub logins: Vec<PathBuf>,
    /// A file of certificates in PEM that are trusted besides the system's.
    pub ca: Option<PathBuf>,
    /// Hosts, with their port where they have one, that may be asked without TLS. This
    /// machine itself always may.
    pub insecure: Vec<String>,
    /// The proxies that stand between this machine and others.
    pub proxies: Proxies,
    /// Times that a test shortens.
    pub times: Times,
    /// Whether the work is to be given up; asked often.
    pub stopped: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// The proxies that stand between this machine and others, as the environment names them.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For `http://`.
    pub http: Option<String>,
    /// For `https://`.
    pub https: Option<String>,
    /// Hosts that are reached without one, between commas.
    pub none_for: Option<String>,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// For which a registry may be silent.
    pub patience: Duration,
    /// That a registry may ask to be left alone, in all.
    pub busy: Duration,
    /// Before the first repetition; each further one waits about twice as long.
    pub pause: Duration,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            patience: Duration::from_secs(30),
            busy: Duration::from_secs(60),
            pause: Duration::from_millis(250),
        }
    }
}

impl Default for Access {
    /// No credentials, the system's certificates, TLS for every other machine.
    fn default() -> Access {
        Access {
            logins: Vec::new(),
            ca: None,
            insecure: Vec::new(),
            proxies: Proxies::default(),
            times: Times::default(),
            stopped: Arc::new(|| false),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("logins", &self.logins)
            .field("ca", &self.ca)
            .field("insecure", &self.insecure)
            .field("times", &self.times)
            // A proxy's address may hold a password.
            .finish_non_exhaustive()
    }
}

impl Access {
    /// Whether a host, with or without a port, may be asked without TLS.
    pub(super) fn may_be_plain(&self, host: &str) -> bool {
        is_loopback(host) || self.insecure.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// Whether a host, with or without a port, is this machine itself.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_named_hosts_go_without_tls() {
        let access = Access { insecure: vec!["mine:5000".to_owned()], ..Access::default() };
        for host in ["127.0.0.1:5000", "localhost", "localhost:1", "[::1]:5000", "Mine:5000"] {
            assert!(access.may_be_plain(host), "{host}");
        }
        for host in
            ["mine", "mine:5001", "127.0.0.1.example.com", "localhost.example.com", "10.1.1.1"]
        {
            assert!(!access.may_be_plain(host), "{host}");
        }
    }
}
