//! It listens, and not where the platform looks for it.

use super::{Found, Signs, servers};
use crate::boot::listen::is_loopback;
use crate::check::Cause;
use crate::evidence::{Diagnosis, Listener};

/// On one address that is not loopback.
pub(super) fn one_address(signs: &Signs<'_>) -> Diagnosis {
    let what = format!("listens on {} only, not on all addresses", listed(&on_port(signs)));
    diagnosis(Cause::LoopbackBind, what, signs)
}

/// On all addresses, and a connection was not taken.
pub(super) fn unreachable(signs: &Signs<'_>) -> Diagnosis {
    let port = signs.scene.function.contract.port;
    let listed = listed(&on_port(signs));
    Diagnosis {
        cause: Cause::LoopbackBind,
        message: format!(
            "listens on {listed}, but a connection from outside of the container was not taken"
        ),
        evidence: vec![in_listen(signs)],
        fix: format!("listen on 0.0.0.0:{port}, for IPv4"),
    }
}

/// On loopback, or on another port.
pub(super) fn elsewhere(signs: &Signs<'_>) -> Option<Diagnosis> {
    let port = signs.scene.function.contract.port;
    let on_port = on_port(signs);
    if !on_port.is_empty() {
        let listed = listed(&on_port);
        let what = format!("listens on {listed} only, where the platform cannot reach it");
        return Some(diagnosis(Cause::LoopbackBind, what, signs));
    }
    let other = main_listener(signs.listeners)?.address;
    let inside = if is_loopback(other.ip()) { " and on loopback only" } else { "" };
    let what = format!("listens on port {}{inside}, not on {port}", other.port());
    Some(diagnosis(Cause::WrongPort, what, signs))
}

/// Holds the port for UDP, and listens on nothing.
pub(super) fn udp_only(signs: &Signs<'_>) -> Option<Found> {
    let port = signs.scene.function.contract.port;
    let socket = signs.snapshot.udp.iter().find(|address| address.port() == port)?;
    Some(
        Found::new(
            Cause::WrongPort,
            format!("it holds port {port} for UDP, and the platform speaks TCP"),
            format!("listen on 0.0.0.0:{port} with TCP (SOCK_STREAM)"),
        )
        .seen(format!("UDP socket: {socket}"))
        .seen("no TCP socket is in LISTEN"),
    )
}

fn diagnosis(cause: Cause, message: String, signs: &Signs<'_>) -> Diagnosis {
    let fix = servers::fix(signs);
    Diagnosis { cause, message, evidence: vec![in_listen(signs)], fix }
}

fn in_listen(signs: &Signs<'_>) -> String {
    format!("in LISTEN: {}", listed(signs.listeners))
}

fn listed(listeners: &[Listener]) -> String {
    let texts: Vec<String> =
        listeners.iter().map(|listener| listener.address.to_string()).collect();
    texts.join(", ")
}

fn on_port(signs: &Signs<'_>) -> Vec<Listener> {
    let port = signs.scene.function.contract.port;
    signs.listeners.iter().copied().filter(|listener| listener.address.port() == port).collect()
}

/// The listener that is most probably the server's: one that others can reach, before one on
/// loopback.
fn main_listener(listeners: &[Listener]) -> Option<&Listener> {
    let outside = listeners.iter().find(|listener| !is_loopback(listener.address.ip()));
    outside.or_else(|| listeners.first())
}
