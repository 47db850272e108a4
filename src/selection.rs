//! What is run of all that could be: by id, by name, by tag.

use std::str::FromStr;

/// A choice among checks and cases. The default takes everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Where there is one at all, one of these must fit the id or the name.
    pub only: Vec<Glob>,
    /// None of these may fit the id or the name.
    pub skip: Vec<Glob>,
    /// Where there is one at all, one of these must be among the tags.
    pub tags: Vec<String>,
}

/// A pattern for a whole text: `*` stands for any characters, `?` for one. Upper and lower
/// case of ASCII letters are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It could fit nothing.
    #[error("the pattern is empty")]
    Empty,
}

impl Selection {
    /// Whether a check or a case is wanted.
    #[must_use]
    pub fn wants(&self, id: &str, name: &str, tags: &[String]) -> bool {
        let fits = |globs: &[Glob]| globs.iter().any(|glob| glob.fits(id) || glob.fits(name));
        (self.only.is_empty() || fits(&self.only))
            && !fits(&self.skip)
            && (self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag)))
    }

    /// Whether a check is named, and not only fitted by a pattern.
    #[must_use]
    pub fn names(&self, id: &str) -> bool {
        self.only.iter().any(|glob| glob.0.eq_ignore_ascii_case(id))
    }

    /// Whether this takes everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Selection::default()
    }
}

impl Glob {
    /// Whether the pattern is this text itself.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }

    /// Whether the whole text fits.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        fits(self.0.as_bytes(), text)
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Glob, GlobError> {
        match text.trim() {
            "" => Err(GlobError::Empty),
            pattern => Ok(Glob(pattern.to_owned())),
        }
    }
}

/// Goes back to the last `*` only, so the time is bounded by the product of both lengths.
fn fits(pattern: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
                continue;
            }
            Some(b'?') => {
                at += 1;
                seen += character(text, seen);
                continue;
            }
            Some(byte) if byte.eq_ignore_ascii_case(&text[seen]) => {
                at += 1;
                seen += 1;
                continue;
            }
            _ => {}
        }
        let Some((star_at, taken)) = &mut star else { return false };
        *taken += character(text, *taken);
        (at, seen) = (*star_at + 1, *taken);
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Bytes of the character that begins at a place of UTF-8 text.
fn character(text: &[u8], at: usize) -> usize {
    1 + text[at + 1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(patterns: &[&str]) -> Vec<Glob> {
        patterns.iter().map(|pattern| pattern.parse().expect("a pattern")).collect()
    }

    #[test]
    fn a_glob_fits_the_whole_text() {
        for (pattern, text, expected) in [
            ("B001", "B001", true),
            ("b001", "B001", true),
            ("B00", "B001", false),
            ("B*", "B001", true),
            ("B*", "M001", false),
            ("*1", "B001", true),
            ("*1", "B010", false),
            ("B?01", "B001", true),
            ("?", "服", true),
            ("??", "服", false),
            ("*务*", "服务好", true),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(globs(&[pattern])[0].fits(text), expected, "{pattern} on {text}");
        }
        assert_eq!(" ".parse::<Glob>(), Err(GlobError::Empty));
    }

    #[test]
    fn a_selection_takes_and_leaves() {
        let tags = ["slow".to_owned()];
        let check = |only: &[&str], skip: &[&str], tag: &[&str], expected: bool| {
            let selection = Selection {
                only: globs(only),
                skip: globs(skip),
                tags: tag.iter().map(|&tag| tag.to_owned()).collect(),
            };
            assert_eq!(selection.wants("U001", "large order", &tags), expected, "{selection:?}");
        };
        check(&[], &[], &[], true);
        check(&["U*"], &[], &[], true);
        check(&["*order*"], &[], &[], true);
        check(&["B*", "M*"], &[], &[], false);
        check(&["U*"], &["large*"], &[], false);
        check(&[], &["B*"], &[], true);
        check(&[], &[], &["slow"], true);
        check(&[], &[], &["fast"], false);
    }
}
