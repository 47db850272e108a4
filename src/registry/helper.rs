//! Asks a credential helper: docker's protocol with the programs that keep secrets.
#![expect(clippy::disallowed_methods, reason = "starts the helper that the user's docker starts")]

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Access;

/// How long a helper may take: it may have to ask its user.
const LONGEST: Duration = Duration::from_secs(60);
/// Between two looks at whether the work is to be given up.
const LOOK: Duration = Duration::from_millis(50);
/// The most that is read of what a helper says.
const MOST: u64 = 1 << 20;

/// Asks for user and secret. `None` where the helper keeps none for that name; an error is
/// what it does instead: a text that follows the helper's name, without what it printed on
/// stdout, where secrets are.
pub(super) fn ask(
    helper: &str,
    name: &str,
    access: &Access,
) -> Result<Option<(String, String)>, String> {
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let said = said(&mut child, name, access);
    if said.is_err() {
        // It may have ended by itself just now.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| format!("cannot be waited for: {error}"))?;
    let (out, told) = said?;
    if !status.success() {
        // Helpers say so on stdout, and some on stderr.
        let nothing = |text: &str| text.contains("credentials not found");
        if nothing(&out) || nothing(&told) {
            return Ok(None);
        }
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(format!("fails: {told}").trim_end_matches(": ").to_owned());
    }
    let answer: Value = serde_json::from_str(&out).unwrap_or_default();
    match (answer["Username"].as_str(), answer["Secret"].as_str()) {
        (Some(user), Some(secret)) => Ok(Some((user.to_owned(), secret.to_owned()))),
        _ => Err("answers without Username and Secret".to_owned()),
    }
}

/// What the helper says on stdout and stderr until it closes both.
fn said(child: &mut Child, name: &str, access: &Access) -> Result<(String, String), String> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("has no pipes".to_owned());
    };
    // A helper that does not read its input says itself what is wrong.
    let _ = stdin.write_all(name.as_bytes());
    drop(stdin);
    let (send, receive) = channel();
    let other = send.clone();
    thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.take(MOST).read_to_string(&mut text);
        let _ = send.send((true, text));
    });
    thread::spawn(move || {
        let mut text = String::new();
        let _ = stderr.take(MOST).read_to_string(&mut text);
        let _ = other.send((false, text));
    });
    let until = Instant::now() + LONGEST;
    let (mut out, mut told) = (None, None);
    while out.is_none() || told.is_none() {
        match receive.recv_timeout(LOOK) {
            Ok((true, text)) => out = Some(text),
            Ok((false, text)) => told = Some(text),
            Err(RecvTimeoutError::Timeout) if (access.stopped)() => {
                return Err("was stopped".to_owned());
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("says nothing for {} s", LONGEST.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok((out.unwrap_or_default(), told.unwrap_or_default()))
}
