//! What a registry wants before it answers: the header `WWW-Authenticate`.

/// How to authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With user and password in each request.
    Basic,
    /// With a token of a service.
    Bearer {
        /// Where the service is.
        realm: String,
        /// The name that it knows the registry by.
        service: Option<String>,
        /// What the token is to allow.
        scope: Option<String>,
    },
}

/// Reads the header's value: the best of the ways that it names. RFC 9110, section 11.6.1.
pub(super) fn challenge(value: &str) -> Option<Challenge> {
    let mut found = None;
    for (scheme, parameters) in split(value) {
        let parameter = |name: &str| {
            let known = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            known.map(|(_, value)| value.clone())
        };
        if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = parameter("realm")
        {
            let (service, scope) = (parameter("service"), parameter("scope"));
            return Some(Challenge::Bearer { realm, service, scope });
        }
        if scheme.eq_ignore_ascii_case("basic") {
            found = Some(Challenge::Basic);
        }
    }
    found
}

type Parameters = Vec<(String, String)>;

/// The schemes with their parameters.
fn split(value: &str) -> Vec<(String, Parameters)> {
    let mut schemes: Vec<(String, Parameters)> = Vec::new();
    let mut rest = value.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let end = rest.find([' ', ',', '=']).unwrap_or(rest.len());
        let word = &rest[..end];
        rest = &rest[end..];
        if let Some(text) = rest.strip_prefix('=') {
            let (value, after) = parameter(text);
            rest = after;
            if let Some((_, parameters)) = schemes.last_mut() {
                parameters.push((word.to_owned(), value));
            }
        } else {
            schemes.push((word.to_owned(), Vec::new()));
        }
        rest = rest.trim_start_matches([' ', ',']);
    }
    schemes
}

/// A parameter's value, quoted or not, and what follows it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_are_read() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: own(service),
                scope: own(scope),
            })
        };
        assert_eq!(
            challenge(
                r#"Bearer realm="https://a/token",service="r",scope="repository:a/b:pull,push""#
            ),
            bearer("https://a/token", Some("r"), Some("repository:a/b:pull,push"))
        );
        assert_eq!(
            challenge(r#"bearer realm=https://a, service = x"#),
            bearer("https://a", None, None)
        );
        assert_eq!(
            challenge(r#"Basic realm="x", Bearer realm="https://\"a""#),
            bearer("https://\"a", None, None)
        );
        assert_eq!(challenge(r#"Basic realm="Registry Realm""#), Some(Challenge::Basic));
        assert_eq!(challenge("Negotiate abc"), None);
        assert_eq!(challenge("Bearer service=x"), None);
        assert_eq!(challenge(r#"Bearer realm="unfinished"#), bearer("unfinished", None, None));
        assert_eq!(challenge(""), None);
    }
}
