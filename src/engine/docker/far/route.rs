//! Whether containers of an engine can be looked into from here, and by which way they are
//! reached where not.

use std::net::IpAddr;

use super::super::client::Client;

/// How this program stands to the containers of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Way {
    /// They are processes of this machine, and it is root's.
    Near,
    /// They are looked at through the engine.
    Far(Route),
}

/// By what address a container is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Route {
    /// By its own: the engine's network is this machine's.
    Own,
    /// By a port that the engine publishes on loopback, as those in virtual machines forward it,
    /// and rootless ones; or else by its own, as from another container of the same engine.
    Either,
    /// By a port that the engine publishes.
    Published {
        /// Where it is reached.
        host: String,
        /// Addresses of the engine's machine, the first that it has counts; empty is all.
        bind: Vec<String>,
    },
}

/// Finds out, for the engine that answers at an endpoint.
pub(in super::super) fn way(client: &Client, uri: &str) -> Way {
    if let Some(host) = host(uri) {
        return Way::Far(published(host));
    }
    // A socket file may lead to this machine, to one in a virtual machine, or anywhere.
    let Ok(info) = client.ask(|docker| async move { docker.info().await }) else {
        return Way::Far(Route::Either);
    };
    let uname = rustix::system::uname();
    let same = |theirs: &Option<String>, ours: &std::ffi::CStr| {
        theirs.as_deref() == Some(&*ours.to_string_lossy())
    };
    let options = info.security_options.unwrap_or_default();
    let rootless = options.iter().any(|option| option.contains("rootless"));
    let here = same(&info.name, uname.nodename()) && same(&info.kernel_version, uname.release());
    match (here && !rootless, rustix::process::geteuid().is_root()) {
        (true, true) => Way::Near,
        (true, false) => Way::Far(Route::Own),
        (false, _) => Way::Far(Route::Either),
    }
}

/// The limits that an engine does not set, in a word each: rootless ones without control groups
/// set none, and tell nobody who does not ask.
pub(super) fn unlimited(client: &Client) -> Vec<String> {
    let Ok(info) = client.ask(|docker| async move { docker.info().await }) else {
        return Vec::new();
    };
    let limits = [
        ("memory", info.memory_limit),
        ("processor", info.cpu_cfs_quota),
        ("processes", info.pids_limit),
    ];
    let not = limits.into_iter().filter(|(_, limited)| *limited == Some(false));
    not.map(|(name, _)| name.to_owned()).collect()
}

/// Where a port is published on loopback.
pub(super) const LOOPBACK: &str = "127.0.0.1";

fn published(host: &str) -> Route {
    let address = host.parse::<IpAddr>().ok();
    let bind = match address {
        _ if host == "localhost" => vec![LOOPBACK.to_owned()],
        Some(address) if address.is_loopback() => vec![host.to_owned()],
        Some(_) => vec![host.to_owned(), String::new()],
        None => vec![String::new()],
    };
    Route::Published { host: host.to_owned(), bind }
}

/// The host of an endpoint that is one of the network's.
fn host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    if scheme == "unix" {
        return None;
    }
    let authority = rest.split('/').next()?;
    match authority.strip_prefix('[') {
        Some(six) => six.split(']').next(),
        None => authority.split(':').next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_published_where_they_are_reached_and_no_further() {
        let check = |uri: &str, expected: Option<(&str, &[&str])>| {
            let found = host(uri).map(published);
            let expected = expected.map(|(host, bind)| Route::Published {
                host: host.to_owned(),
                bind: bind.iter().map(ToString::to_string).collect(),
            });
            assert_eq!(found, expected, "{uri}");
        };
        check("unix:///var/run/docker.sock", None);
        check("tcp://127.0.0.1:2375", Some(("127.0.0.1", &["127.0.0.1"])));
        check("tcp://localhost:2375/", Some(("localhost", &["127.0.0.1"])));
        check("http://[::1]:2375", Some(("::1", &["::1"])));
        check("tcp://192.0.2.7:2376", Some(("192.0.2.7", &["192.0.2.7", ""])));
        check("tcp://build.example.com:2376", Some(("build.example.com", &[""])));
    }
}
