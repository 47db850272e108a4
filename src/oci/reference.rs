//! A reference: where an image is, written as users of skopeo write it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use oci_spec::distribution::Reference as Name;

/// A transport and a location, parsed from text and not looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    text: String,
    /// Where to read from.
    pub transport: Transport,
}

/// Where an image is read from.
#[derive(Clone, Debug, PartialEq)]
pub enum Transport {
    /// `name[:tag][@digest]`: the local engine, then the registry.
    Name(Name),
    /// `docker-daemon:REF`: the local engine only. The text is a name or an image id.
    Daemon(String),
    /// `docker://REF`: the registry only.
    Registry(Name),
    /// `oci:DIR[:TAG]`: an OCI image layout.
    Layout {
        /// The layout's directory.
        dir: PathBuf,
        /// The value of `org.opencontainers.image.ref.name` in its index.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: a tar file of an OCI image layout.
    OciArchive {
        /// The archive.
        file: PathBuf,
        /// As for a layout.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:REF]`: what `docker save` wrote.
    DockerArchive {
        /// The archive.
        file: PathBuf,
        /// One of its `RepoTags`.
        reference: Option<String>,
    },
    /// `fixture:NAME`: an image that the program builds itself.
    Fixture(String),
    /// A path that exists: to be sniffed.
    Path(PathBuf),
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing after the transport.
    #[error("`{0}` names no image: nothing stands after the colon")]
    Empty(String),
    /// Not a name that a registry could have.
    #[error("`{text}` is no image reference: {why}")]
    Name {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Looks like a path, and nothing is there.
    #[error("`{0}` does not exist")]
    NoSuchPath(String),
}

impl Reference {
    /// Parses a reference. `exists` tells whether a path exists: the one question that
    /// the grammar cannot answer itself.
    ///
    /// # Errors
    ///
    /// Where the text names no image.
    pub fn parse(text: &str, exists: impl Fn(&Path) -> bool) -> Result<Reference, ReferenceError> {
        let transport = parse(text, exists)?;
        Ok(Reference { text: text.to_owned(), transport })
    }

    /// The registry's name of the image, where the reference has one.
    #[must_use]
    pub fn name(&self) -> Option<Name> {
        match &self.transport {
            Transport::Name(name) | Transport::Registry(name) => Some(name.clone()),
            Transport::Daemon(text) => named(text, text).ok(),
            _ => None,
        }
    }
}

fn parse(text: &str, exists: impl Fn(&Path) -> bool) -> Result<Transport, ReferenceError> {
    if let Some(rest) = text.strip_prefix("docker://") {
        return Ok(Transport::Registry(named(text, rest)?));
    }
    if let Some((transport, rest)) = text.split_once(':') {
        let needed = || match rest {
            "" => Err(ReferenceError::Empty(text.to_owned())),
            rest => Ok(rest.to_owned()),
        };
        match transport {
            "docker-daemon" => return Ok(Transport::Daemon(needed()?)),
            "fixture" => return Ok(Transport::Fixture(needed()?)),
            "oci" => {
                let (dir, tag) = path_and_tag(&needed()?, &exists);
                return Ok(Transport::Layout { dir, tag });
            }
            "oci-archive" => {
                let (file, tag) = path_and_tag(&needed()?, &exists);
                return Ok(Transport::OciArchive { file, tag });
            }
            "docker-archive" => {
                let (file, reference) = path_and_tag(&needed()?, &exists);
                return Ok(Transport::DockerArchive { file, reference });
            }
            _ => {}
        }
    }
    let path = Path::new(text);
    if exists(path) {
        return Ok(Transport::Path(path.to_owned()));
    }
    // What only a path can be is not looked for in a registry.
    if text.starts_with(['/', '.', '~']) || path.extension().is_some_and(is_archive_extension) {
        return Err(ReferenceError::NoSuchPath(text.to_owned()));
    }
    Ok(Transport::Name(named(text, text)?))
}

fn is_archive_extension(extension: &std::ffi::OsStr) -> bool {
    ["tar", "tgz", "gz"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn named(text: &str, name: &str) -> Result<Name, ReferenceError> {
    match Name::from_str(name) {
        Ok(parsed) => Ok(parsed),
        Err(error) => Err(ReferenceError::Name { text: text.to_owned(), why: error.to_string() }),
    }
}

/// Splits `PATH[:TAG]`. A path that exists as a whole has no tag; otherwise the shortest
/// beginning before a colon that exists is the path, and where none does, what stands
/// before the first colon.
fn path_and_tag(text: &str, exists: &impl Fn(&Path) -> bool) -> (PathBuf, Option<String>) {
    if exists(Path::new(text)) {
        return (text.into(), None);
    }
    let colons = || text.match_indices(':').map(|(at, _)| at).filter(|at| *at > 0);
    let at = colons().find(|at| exists(Path::new(&text[..*at]))).or_else(|| colons().next());
    match at {
        Some(at) if at + 1 < text.len() => (text[..at].into(), Some(text[at + 1..].to_owned())),
        Some(at) => (text[..at].into(), None),
        None => (text.into(), None),
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Transport, ReferenceError> {
        let there = ["./dir", "img.tar", "build:1/img", "dir"];
        Reference::parse(text, |path| there.iter().any(|known| path == Path::new(known)))
            .map(|reference| reference.transport)
    }

    fn layout(dir: &str, tag: Option<&str>) -> Transport {
        Transport::Layout { dir: dir.into(), tag: tag.map(str::to_owned) }
    }

    #[test]
    fn a_layout_has_a_tag_or_not() {
        assert_eq!(parse("oci:dir"), Ok(layout("dir", None)));
        assert_eq!(parse("oci:dir:v1"), Ok(layout("dir", Some("v1"))));
        assert_eq!(parse("oci:build:1/img"), Ok(layout("build:1/img", None)));
        assert_eq!(parse("oci:build:1/img:v2"), Ok(layout("build:1/img", Some("v2"))));
        assert_eq!(
            parse("oci:dir:host:5000/name:v1"),
            Ok(layout("dir", Some("host:5000/name:v1")))
        );
        assert_eq!(parse("oci:absent:v1"), Ok(layout("absent", Some("v1"))));
    }

    #[test]
    fn a_path_that_exists_is_a_path() {
        assert_eq!(parse("./dir"), Ok(Transport::Path("./dir".into())));
        assert_eq!(parse("img.tar"), Ok(Transport::Path("img.tar".into())));
        assert!(matches!(parse("absent.tar"), Err(ReferenceError::NoSuchPath(_))));
        assert!(matches!(parse("./absent"), Err(ReferenceError::NoSuchPath(_))));
    }

    #[test]
    fn the_rest_are_names() {
        assert!(matches!(parse("hello:v1"), Ok(Transport::Name(_))));
        assert!(matches!(
            parse("docker://ccr.ccs.tencentyun.com/a/b:c"),
            Ok(Transport::Registry(_))
        ));
        assert!(matches!(parse("docker-daemon:hello"), Ok(Transport::Daemon(_))));
        assert!(matches!(parse("fixture:hello"), Ok(Transport::Fixture(_))));
        assert!(matches!(parse("Upper:case"), Err(ReferenceError::Name { .. })));
        assert!(matches!(parse("oci:"), Err(ReferenceError::Empty(_))));
        assert!(matches!(parse("docker://"), Err(ReferenceError::Name { .. })));
        assert!(matches!(parse(""), Err(ReferenceError::Name { .. })));
    }
}
