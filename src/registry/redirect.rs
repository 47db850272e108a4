//! Where a redirect may lead. Pure.

use reqwest::Url;

use super::Access;

/// Docker Hub, as references write it.
pub(super) const DOCKER_HUB: &str = "docker.io";
/// The host that answers for Docker Hub.
pub(super) const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// Redirects that are followed, one after the other.
pub(super) const MOST: usize = 5;

/// Where a redirect leads, seen from the place that sends it.
pub(super) fn target(access: &Access, from: &Url, location: &str) -> Result<Url, &'static str> {
    let to = from.join(location).map_err(|_| "that is no address")?;
    match (from.scheme(), to.scheme()) {
        (_, "https") => Ok(to),
        ("https", "http") => Err("that is without TLS"),
        (_, "http") if access.may_be_plain(&host(&to)) => Ok(to),
        (_, "http") => Err("that is without TLS, and another machine"),
        _ => Err("that is neither http nor https"),
    }
}

/// Whether two addresses are of one host: the same scheme, name and port. Credentials are for
/// one host only.
pub(super) fn is_same_host(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// An address's host as references write it, with its port where it is not the usual one.
pub(super) fn host(url: &Url) -> String {
    let name = match url.host_str().unwrap_or_default() {
        DOCKER_HUB_API => DOCKER_HUB,
        name => name,
    };
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_in_tls() {
        let access = Access { insecure: vec!["near:5000".to_owned()], ..Access::default() };
        let from = |text: &str| Url::parse(text).expect("an address");
        let lead =
            |base: &str, to: &str| target(&access, &from(base), to).map(|url| url.to_string());
        assert_eq!(lead("https://a/v2/x", "/y"), Ok("https://a/y".to_owned()));
        assert_eq!(lead("https://a/v2/x", "https://b/z"), Ok("https://b/z".to_owned()));
        assert_eq!(
            lead("http://127.0.0.1/", "http://near:5000/"),
            Ok("http://near:5000/".to_owned())
        );
        assert_eq!(
            lead("http://127.0.0.1/", "http://far/"),
            Err("that is without TLS, and another machine")
        );
        assert_eq!(lead("https://a/", "http://a/"), Err("that is without TLS"));
        assert_eq!(lead("https://a/", "ftp://a/"), Err("that is neither http nor https"));
    }

    #[test]
    fn a_host_is_scheme_name_and_port() {
        let same = |one: &str, other: &str| {
            is_same_host(&Url::parse(one).expect("one"), &Url::parse(other).expect("other"))
        };
        assert!(same("https://a/x", "https://a:443/y"));
        assert!(!same("https://a/x", "https://a:444/x"));
        assert!(!same("https://a/x", "https://b/x"));
        assert!(!same("https://a/x", "http://a/x"));
    }
}
