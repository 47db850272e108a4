//! Finds out whether a port that does not answer in HTTP speaks TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::cases::Target;
use crate::evidence::Outcome;

/// How long a server may take for its part of the handshake.
const LIMIT: Duration = Duration::from_secs(1);
/// The types of the records that a server begins with: an alert, or the handshake.
const RECORDS: [u8; 2] = [21, 22];
/// The major version in every record.
const VERSION: u8 = 3;

/// Whether the port takes a TLS handshake. Asked only where what came may be the answer of such
/// a server: an end without a word, an alert, or a complaint in HTTP about HTTP.
pub(super) fn speaks(outcome: &Outcome, target: &Target<'_>) -> bool {
    let received: &[u8] = match outcome {
        Outcome::Cut { received } | Outcome::NotHttp { received, .. } => received,
        Outcome::Answered(answer) if answer.status == 400 => &answer.body,
        _ => return false,
    };
    if is_record(received) {
        return true;
    }
    let complains = received.windows(5).any(|part| part.eq_ignore_ascii_case(b"https"));
    (received.is_empty() || complains) && shakes_hands(target)
}

/// Whether bytes begin as a TLS record does.
fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [kind, VERSION, ..] if RECORDS.contains(kind))
}

fn shakes_hands(target: &Target<'_>) -> bool {
    let port = target.function.contract.port;
    let stream = target.instance.connect(port, LIMIT);
    stream.ok().and_then(|stream| greeted(stream).ok()).is_some_and(|begun| is_record(&begun))
}

/// Says hello, and takes the first bytes of the answer.
fn greeted(mut stream: TcpStream) -> std::io::Result<[u8; 2]> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // Nothing is trusted, and nothing said: only the first bytes of the answer count.
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
    let mut hello = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
    let mut bytes = Vec::new();
    hello.write_tls(&mut bytes)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(&bytes)?;
    let mut begun = [0; 2];
    stream.read_exact(&mut begun)?;
    Ok(begun)
}
