//! What a registry says in an answer: refusals with their reasons, and when to come again.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// The longest reason that is shown, in characters.
const LONGEST: usize = 200;

/// The reason in a refusal's body, after a colon; empty where there is none that is meant for
/// a reader.
pub(super) fn told(body: &[u8]) -> String {
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let text = |value: &Value| value.as_str().map(str::to_owned).filter(|text| !text.is_empty());
    let first = &document["errors"][0];
    let reason = text(&first["message"])
        .or_else(|| text(&first["code"]))
        // Services that give tokens.
        .or_else(|| text(&document["details"]))
        .or_else(|| text(&document["error_description"]))
        .or_else(|| text(&document["error"]));
    reason.map_or_else(String::new, |reason| format!(": {}", one_line(&reason)))
}

/// The code of the first error, as `MANIFEST_UNKNOWN`.
pub(super) fn code(body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    document["errors"][0]["code"].as_str().map(str::to_owned)
}

/// A text of a stranger, fit to stand in a line.
pub(super) fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|letter| !letter.is_control());
    if let Some((at, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(at);
        line.push('…');
    }
    line
}

/// When the registry wants to be asked again: seconds, or a date, which is compared with its
/// own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_reason_is_shown_in_one_line() {
        let body =
            br#"{"errors":[{"code":"DENIED","message":"requested access\n is \u001bdenied"}]}"#;
        assert_eq!(told(body), ": requested access is denied");
        assert_eq!(code(body).as_deref(), Some("DENIED"));
        assert_eq!(told(br#"{"errors":[{"code":"UNKNOWN","message":""}]}"#), ": UNKNOWN");
        assert_eq!(
            told(br#"{"details":"incorrect username or password"}"#),
            ": incorrect username or password"
        );
        for silent in ["", "<html>", "{}", "[]", r#"{"errors":[]}"#, r#"{"errors":null}"#] {
            assert_eq!(told(silent.as_bytes()), "", "{silent}");
        }
        let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(300));
        assert_eq!(told(long.as_bytes()).chars().count(), LONGEST + 3);
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let with = |retry: &str, date: &str| {
            let value = |text: &str| HeaderValue::from_str(text).expect("a value");
            let headers = [(RETRY_AFTER, value(retry)), (DATE, value(date))];
            retry_after(&headers.into_iter().collect()).map(|wait| wait.as_secs())
        };
        let date = "Wed, 25 Nov 2026 09:20:00 GMT";
        assert_eq!(with("7", ""), Some(7));
        assert_eq!(with("Wed, 25 Nov 2026 09:20:30 GMT", date), Some(30));
        assert_eq!(with("Wed, 25 Nov 2026 09:19:30 GMT", date), Some(0));
        assert_eq!(with("soon", date), None);
        assert_eq!(with("-1", date), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
