//! How registries may be reached, and where the credentials for them are kept.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How registries may be reached, and where the credentials for them are kept.
#[derive(Clone)]
pub struct Access {
    /// Files as docker and podman keep their credentials in, the first that has one counting.
    /// Those that are not there are passed over.
    pub logins: Vec<PathBuf>,
    /// A file of certificates that are trusted besides the system's.
    pub ca: Option<PathBuf>,
    /// Hosts, with their port where they have one, that may be asked without TLS. Loopback
    /// addresses may, too.
    pub insecure: Vec<String>,
    /// Before the first repetition of what failed; each further one waits twice as long.
    pub pace: Duration,
    /// How long a registry may be silent.
    pub patience: Duration,
    /// How long a registry may be asked again that says that it is busy, in all.
    pub busy: Duration,
    /// Whether the work is to be given up; asked often.
    pub stopped: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Default for Access {
    /// No credentials, the system's certificates, half a minute of patience.
    fn default() -> Access {
        Access {
            logins: Vec::new(),
            ca: None,
            insecure: Vec::new(),
            pace: Duration::from_millis(250),
            patience: Duration::from_secs(30),
            busy: Duration::from_secs(60),
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
            .finish_non_exhaustive()
    }
}

/// The two ways to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Through TLS.
    Https,
    /// Without.
    Http,
}

impl Access {
    /// Whether a host may be asked without TLS.
    pub(super) fn may_be_plain(&self, host: &str) -> bool {
        is_loopback(host) || self.insecure.iter().any(|known| known == host)
    }
}

impl Scheme {
    pub(super) fn word(self) -> &'static str {
        match self {
            Scheme::Https => "https",
            Scheme::Http => "http",
        }
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
        for host in ["127.0.0.1:5000", "localhost", "localhost:1", "[::1]:5000", "mine:5000"] {
            assert!(access.may_be_plain(host), "{host}");
        }
        for host in
            ["mine", "mine:5001", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1"]
        {
            assert!(!access.may_be_plain(host), "{host}");
        }
    }
}
