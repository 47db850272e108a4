//! The request that a case makes, whole: every header in its order and its case.

use super::body::Body;
use super::case::Case;
use super::invocation::Invocation;
use crate::contract::{
    Credentials, Function, FunctionType, HeaderSet, MemoryMb, closing_header, context_headers,
    leading_headers,
};
use crate::evidence::Sent;

/// A request, as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// In order, in their case.
    pub headers: Vec<(String, String)>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
}

/// Of whom a request is made: what the context headers tell.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The function.
    pub function: &'a Function,
    /// Its memory.
    pub memory: MemoryMb,
    /// What is sent as the run role's credentials.
    pub credentials: &'a Credentials,
    /// This invocation's own.
    pub request_id: &'a str,
}

impl Case {
    /// The request that this case sends.
    #[must_use]
    pub fn request(&self, asked: &Asked<'_>) -> Request {
        let (kind, method, target, body) = match &self.invocation {
            Invocation::Event { body, .. } => {
                (FunctionType::Event, "POST", &asked.function.contract.event_path, Some(body))
            }
            Invocation::Http(http) => {
                (FunctionType::Http, http.method.as_str(), &http.target, http.body.as_ref())
            }
        };
        // Only a timer sends all thirteen, and only where the function has a run role.
        let set = self.headers.set.unwrap_or(match &self.invocation {
            Invocation::Event { trigger: Some("timer"), .. } => HeaderSet::Thirteen,
            _ => HeaderSet::Twelve,
        });
        let bytes = body.map(Body::bytes);
        // A method that may have a body says that it has none.
        let bodiless = matches!(method, "GET" | "HEAD" | "DELETE" | "OPTIONS" | "TRACE");
        let length = match &bytes {
            Some(bytes) => Some(bytes.len()),
            None if bodiless => None,
            None => Some(0),
        };
        let mut headers = leading_headers(kind, length);
        if let (FunctionType::Http, Some(body)) = (kind, body) {
            headers.push(("Content-Type".to_owned(), body.media_type().to_owned()));
        }
        headers.extend(context_headers(
            asked.function,
            asked.memory,
            asked.request_id,
            set,
            asked.credentials,
        ));
        headers.push(closing_header());
        for (name, values) in &self.headers.send {
            replace(&mut headers, name, values);
        }
        for (name, _) in &mut headers {
            *name = self.headers.case.apply(name);
        }
        Request {
            method: method.to_owned(),
            target: target.clone(),
            headers,
            body: bytes.unwrap_or_default(),
        }
    }
}

/// Puts values where a header of this name stands, or at the end.
fn replace(headers: &mut Vec<(String, String)>, name: &str, values: &[String]) {
    let same = |known: &str| known.eq_ignore_ascii_case(name);
    let at = headers.iter().position(|(known, _)| same(known)).unwrap_or(headers.len());
    headers.retain(|(known, _)| !same(known));
    let new = values.iter().map(|value| (name.to_owned(), value.clone()));
    headers.splice(at..at, new);
}

impl Request {
    /// The bytes of the request on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// What the evidence keeps of it.
    #[must_use]
    pub fn sent(&self) -> Sent {
        Sent {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body_bytes: self.body.len() as u64,
        }
    }
}
