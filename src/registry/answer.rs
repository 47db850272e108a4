//! What a registry answers, as far as it is not what was asked for.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::wait::{Vain, patiently};
use super::{Access, Registry, RegistryError};
use crate::units;

/// The largest answer that is read for the error in it, in bytes.
const LARGEST_ERROR: u64 = 64 << 10;
/// Letters of a registry's own words that are shown.
const LONGEST_WORDS: usize = 300;

/// Whether a status says that the same may be answered later.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// How long the registry wants to be left alone, where it says so in seconds.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The error that an unwanted answer is.
pub(super) async fn unwanted(registry: &Registry, what: &str, response: Response) -> RegistryError {
    let (what, host) = (what.to_owned(), registry.host.clone());
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let who = registry.login().map_or_else(|_| "this user".to_owned(), |login| login.who());
            RegistryError::Refused { what, host, who, status: status.as_u16() }
        }
        StatusCode::NOT_FOUND => RegistryError::Absent { what, host },
        _ => {
            let busy = retry_after(response.headers());
            let words = body(&registry.access, response, LARGEST_ERROR).await.unwrap_or_default();
            let mut told = words_of(&words);
            if let Some(busy) = busy {
                told = format!("{told}, and wants to be left alone for {}", units::duration(busy));
            }
            RegistryError::Status { what, host, status: status.as_u16(), told }
        }
    }
}

/// What a registry says of an error, after a colon: `{"errors": [{"code", "message"}]}`.
fn words_of(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let error = &value["errors"][0];
    let words: Vec<&str> =
        ["code", "message"].iter().filter_map(|key| error[*key].as_str()).collect();
    if words.is_empty() {
        return String::new();
    }
    let words: String = words.join(", ").chars().filter(|letter| !letter.is_control()).collect();
    format!(": {}", words.chars().take(LONGEST_WORDS).collect::<String>())
}

/// Why a body could not be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// Longer than it may be.
    TooLong,
    /// The connection broke.
    Broken(String),
    /// Nothing came, or it is to be given up.
    Vain(Vain),
}

/// A body, whole.
pub(super) async fn body(
    access: &Access,
    mut response: Response,
    most: u64,
) -> Result<Vec<u8>, Unread> {
    if response.content_length().is_some_and(|length| length > most) {
        return Err(Unread::TooLong);
    }
    let mut bytes = Vec::new();
    loop {
        match patiently(access, response.chunk()).await {
            Ok(Ok(Some(chunk))) => bytes.extend_from_slice(&chunk),
            Ok(Ok(None)) => return Ok(bytes),
            Ok(Err(error)) => return Err(Unread::Broken(deepest(&error))),
            Err(vain) => return Err(Unread::Vain(vain)),
        }
        if bytes.len() as u64 > most {
            return Err(Unread::TooLong);
        }
    }
}

/// The innermost cause, which is the one that says what happened.
pub(super) fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_own_words_are_shown() {
        let body = br#"{"errors":[{"code":"DENIED","message":"quota\nexceeded"}]}"#;
        assert_eq!(words_of(body), ": DENIED, quotaexceeded");
        assert_eq!(words_of(b"<html>"), "");
        assert_eq!(words_of(br#"{"errors":[]}"#), "");
    }

    #[test]
    fn a_wish_to_be_left_alone_is_read() {
        let after = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a value"));
            retry_after(&headers)
        };
        assert_eq!(after("3"), Some(Duration::from_secs(3)));
        assert_eq!(after("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }
}
