//! The headers that carry an invocation's context, as they were captured.

use super::{Function, FunctionType, MemoryMb};

/// The version of an unpublished function.
pub(super) const VERSION: &str = "$LATEST";
/// An account's number, in the platform's form of ten digits.
pub(super) const APP_ID: &str = "1250000000";
/// A user's number, in the platform's form of twelve digits.
pub(super) const UIN: &str = "100000000001";
/// An address of the platform's own network, as requests carry it.
const PLATFORM_ADDRESS: &str = "11.163.0.86";

/// The host side of a mapped port, as events carry it: never the port that is listened on.
const PLATFORM_HOST: &str = "11.148.165.112:10217";
/// A function URL's host.
const FUNCTION_URL_HOST: &str = "1250000000-scfconform.ap-guangzhou.tencentscf.com";

/// Temporary credentials of a run role. Ours are canaries: they open nothing, and wherever
/// they turn up, the image has put them there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `X-Scf-Secret-Id`.
    pub secret_id: String,
    /// `X-Scf-Secret-Key`.
    pub secret_key: String,
    /// `X-Scf-Session-Token`.
    pub session_token: String,
}

/// Which of the context headers an invocation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSet {
    /// All thirteen: a run role is set, and a timer is the trigger.
    Thirteen,
    /// The twelve that come with a run role and without a timer.
    Twelve,
    /// The nine that come without a run role and without a timer.
    Nine,
}

/// The context headers of one invocation, in the order in which they were captured, after
/// the two of the platform's proxy.
#[must_use]
pub fn context_headers(
    function: &Function,
    memory: MemoryMb,
    request_id: &str,
    set: HeaderSet,
    credentials: &Credentials,
) -> Vec<(String, String)> {
    let memory = memory.megabytes().to_string();
    let timeout = function.timeout.as_millis().to_string();
    let mut headers = vec![
        ("X-Forwarded-For", PLATFORM_ADDRESS),
        ("X-Real-Ip", PLATFORM_ADDRESS),
        ("X-Scf-Appid", APP_ID),
        ("X-Scf-Memory", &memory),
        ("X-Scf-Name", &function.name),
        ("X-Scf-Namespace", &function.namespace),
        ("X-Scf-Region", function.region()),
        ("X-Scf-Request-Id", request_id),
        ("X-Scf-Timeout", &timeout),
        ("X-Scf-Uin", UIN),
        ("X-Scf-Version", VERSION),
    ];
    if set != HeaderSet::Nine {
        headers.extend(credentials.headers());
    }
    if set == HeaderSet::Thirteen {
        headers.push(("X-Scf-Trigger-Src", "Timer"));
    }
    owned(headers)
}

impl Credentials {
    /// Each credential and the header in which it is sent.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, &str); 3] {
        [
            ("X-Scf-Secret-Id", &self.secret_id),
            ("X-Scf-Secret-Key", &self.secret_key),
            ("X-Scf-Session-Token", &self.session_token),
        ]
    }
}

impl HeaderSet {
    /// Every set, with its word in suites.
    pub const ALL: [(&'static str, HeaderSet); 3] = [
        ("nine", HeaderSet::Nine),
        ("twelve", HeaderSet::Twelve),
        ("thirteen", HeaderSet::Thirteen),
    ];
}

/// What comes before the context headers, as it was captured for events. A request without
/// a body has no length.
#[must_use]
pub fn leading_headers(kind: FunctionType, body: Option<usize>) -> Vec<(String, String)> {
    let length = body.map(|body| body.to_string());
    let mut headers = Vec::new();
    match kind {
        FunctionType::Event | FunctionType::Job => {
            headers.extend([("Host", PLATFORM_HOST), ("User-Agent", "Go-http-client/1.1")]);
        }
        FunctionType::Http => headers.extend([
            ("Host", FUNCTION_URL_HOST),
            ("User-Agent", "scf-conform"),
            ("Accept", "*/*"),
            ("X-Client-Proto", "https"),
            ("X-Client-Proto-Ver", "HTTP/1.1"),
        ]),
    }
    headers.extend(length.as_deref().map(|length| ("Content-Length", length)));
    if kind != FunctionType::Http {
        headers.extend([("Accept-Encoding", "gzip"), ("Content-Type", "application/json")]);
    }
    owned(headers)
}

/// The header that ends every request: one connection carries one invocation.
#[must_use]
pub fn closing_header() -> (String, String) {
    ("Connection".to_owned(), "close".to_owned())
}

fn owned(headers: Vec<(&str, &str)>) -> Vec<(String, String)> {
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_and_nine() {
        let credentials = Credentials {
            secret_id: "id".to_owned(),
            secret_key: "key".to_owned(),
            session_token: "token".to_owned(),
        };
        let count = |set| {
            let memory = MemoryMb::recommended(0);
            context_headers(&Function::default(), memory, "id", set, &credentials)
                .iter()
                .filter(|(name, _)| name.starts_with("X-Scf-"))
                .count()
        };
        assert_eq!(count(HeaderSet::Thirteen), 13);
        assert_eq!(count(HeaderSet::Twelve), 12);
        assert_eq!(count(HeaderSet::Nine), 9);
    }
}
