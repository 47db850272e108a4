//! Finds out how a container is reached, by reaching the observer there: a proxy that takes
//! every connection proves nothing, and neither does another's container at the same address.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::line::Line;
use crate::engine::EngineError;

/// How long a connection may take, and an answer on it.
const LIMIT: Duration = Duration::from_secs(2);

/// The place among these addresses of the first that leads to the observer at a port.
pub(super) fn leads(
    line: &Line,
    port: u16,
    addresses: &[SocketAddr],
) -> Result<usize, EngineError> {
    let failed =
        |source| EngineError::Failed { what: "listen beside the instance".to_owned(), source };
    let token = uuid::Uuid::new_v4().simple().to_string();
    let ask = |question: &str| match line.ask(question, "listening").map_err(failed)? {
        0 => Ok(()),
        errno => Err(failed(std::io::Error::from_raw_os_error(errno))),
    };
    ask(&format!("listen {port} {token}"))?;
    let found = addresses.iter().position(|address| answers(*address, &token));
    // The port is the instance's from here.
    ask("deafen")?;
    found.ok_or_else(|| {
        let tried: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        EngineError::Unavailable {
            what: "reach a container of the docker engine".to_owned(),
            why: format!("{} does not lead to it", tried.join(" or ")),
            hint: "say with DOCKER_HOST=tcp://HOST:PORT at what address its published ports are \
                   reached, or use --engine embedded"
                .to_owned(),
        }
    })
}

fn answers(address: SocketAddr, token: &str) -> bool {
    let asked = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(b"?")?;
        let mut answer = vec![0; token.len()];
        // Whoever ends a connection first keeps the port busy for a while: that is this side.
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    asked().is_ok_and(|answer| answer == token.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_leads_there_if_the_right_one_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let other = std::thread::spawn(move || {
            // One answers rightly, one is another's, and one hangs up.
            for answer in ["token", "other", ""] {
                let (mut stream, _) = listener.accept().expect("a connection");
                stream.read_exact(&mut [0]).expect("a byte");
                stream.write_all(answer.as_bytes()).expect("answered");
            }
        });
        let found: Vec<bool> = (0..3).map(|_| answers(address, "token")).collect();
        other.join().expect("it ends");
        assert_eq!(found, [true, false, false]);
        assert!(!answers(address, "token"), "nobody listens any more");
    }
}
