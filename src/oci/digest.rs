//! A digest, as descriptors carry it: algorithm and hexadecimal value.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, the only algorithm that registries in use write.
///
/// Ordered and compared by value; shown as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is no digest that can be verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The algorithm before the colon is not SHA-256.
    #[error("digest `{0}` is not sha256, the one algorithm that is verified here")]
    Algorithm(String),
    /// The value is not 64 lower-case hexadecimal digits.
    #[error("digest `{0}` is not `sha256:` and 64 lower-case hexadecimal digits")]
    Value(String),
}

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// A digest from the 32 bytes that a hasher gave.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The 64 hexadecimal digits, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// `sha256:` and the first twelve digits: enough to tell layers apart in a message.
    #[must_use]
    pub fn short(&self) -> String {
        format!("sha256:{}", &self.hex()[..12])
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let Some(value) = text.strip_prefix("sha256:") else {
            return Err(match text.split_once(':') {
                Some(_) => DigestError::Algorithm(text.to_owned()),
                None => DigestError::Value(text.to_owned()),
            });
        };
        let mut bytes = [0; 32];
        if value.bytes().any(|byte| byte.is_ascii_uppercase())
            || hex::decode_to_slice(value, &mut bytes).is_err()
        {
            return Err(DigestError::Value(text.to_owned()));
        }
        Ok(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_value_are_one() {
        let digest = Digest::of(b"hello");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().starts_with(&digest.short()));
    }

    #[test]
    fn what_is_no_digest_is_told() {
        for text in
            ["", "sha256", "sha256:12", "sha256:zz", &Digest::of(b"x").to_string().to_uppercase()]
        {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        let other = format!("sha512:{}", "0".repeat(128));
        assert!(matches!(other.parse::<Digest>(), Err(DigestError::Algorithm(_))));
    }
}
