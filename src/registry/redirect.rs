//! Where a redirect may lead, and who is told the credentials there. Pure.

use reqwest::Url;

/// Redirects that are followed, one after the other.
pub(super) const MOST: usize = 5;

/// Where a redirect leads, seen from the place that sends it.
pub(super) fn target(from: &Url, location: &str) -> Result<Url, &'static str> {
    let to = from.join(location).map_err(|_| "it is no address")?;
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(to),
        ("https", "http") => Err("it leads out of TLS"),
        _ => Err("it is neither http nor https"),
    }
}

/// Whether two addresses are of one host: the same scheme, name and port.
pub(super) fn is_same_host(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_in_tls() {
        let from = |text: &str| Url::parse(text).expect("an address");
        let lead = |base: &str, to: &str| target(&from(base), to).map(|url| url.to_string());
        assert_eq!(lead("https://a/v2/x", "/y"), Ok("https://a/y".to_owned()));
        assert_eq!(lead("https://a/v2/x", "https://b/z"), Ok("https://b/z".to_owned()));
        assert_eq!(lead("http://a/v2/x", "http://b/"), Ok("http://b/".to_owned()));
        assert_eq!(lead("https://a/", "http://a/"), Err("it leads out of TLS"));
        assert_eq!(lead("https://a/", "ftp://a/"), Err("it is neither http nor https"));
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
