//! `fixture:NAME`: images that the program builds itself.

use serde::Deserialize;

use super::SourceError;
use crate::image::recipe::{Built, FIXTURES, Recipe};

/// The part of a fixture's file that makes the image; the rest is for the self-test.
#[derive(Deserialize)]
struct File {
    image: Recipe,
}

/// Builds the fixture of that name.
///
/// # Errors
///
/// Where there is none, or its recipe is at fault.
pub fn fixture(name: &str) -> Result<Built, SourceError> {
    let Some((_, text)) = FIXTURES.iter().find(|(known, _)| *known == name) else {
        let why = "there is no such fixture; `scf-conform selftest --list` names them all";
        return Err(unsupported(name, why.to_owned()));
    };
    let file: File =
        serde_yaml::from_str(text).map_err(|error| unsupported(name, error.to_string()))?;
    let place = format!("fixture:{name}");
    file.image.build(&place).map_err(|error| unsupported(name, error.to_string()))
}

fn unsupported(name: &str, why: String) -> SourceError {
    SourceError::Unsupported { reference: format!("fixture:{name}"), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Blobs as _;
    use crate::oci::Digest;

    #[test]
    fn the_digests_of_hello_verify() {
        let built = fixture("hello").expect("it builds");
        for digest in built.digests() {
            let mut bytes = Vec::new();
            built.blob(digest).expect("is there").read_to_end(&mut bytes).expect("is read");
            assert_eq!(Digest::of(&bytes), *digest);
        }
        let root = built.root().expect("has one");
        assert_eq!(Some(Digest::of(&root.bytes)), root.digest);
        let again = fixture("hello").expect("it builds").root().expect("has one");
        assert_eq!(root.bytes, again.bytes, "the same bytes each time");
    }

    #[test]
    fn a_fixture_that_is_none_is_told() {
        let error = fixture("helo").expect_err("there is none");
        assert!(error.to_string().contains("selftest --list"), "{error}");
    }
}
