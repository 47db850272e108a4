//! The word that a mistyped one was probably meant to be.

/// Longer than any word that is offered: no typo, and not worth the square of its length.
const LONGEST: usize = 64;

/// The nearest of some words, where one is near enough to be a typo away.
pub fn nearest<'w>(written: &str, valid: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    // A typo changes a third of a word at most; beyond that the advice would be a guess.
    let length = written.chars().count();
    let most = length.clamp(3, LONGEST) / 3;
    let written = written.to_lowercase();
    let distance = |word: &str| strsim::osa_distance(&written, &word.to_lowercase());
    if length > LONGEST {
        return None;
    }
    let words = valid.into_iter().map(|word| (distance(word), word));
    let (distance, word) = words.min_by_key(|(distance, _)| *distance)?;
    (distance <= most).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_seen_through() {
        let words = ["status", "headers", "body", "duration", "event", "init-timeout"];
        for (written, meant) in [
            ("stauts", Some("status")),
            ("Header", Some("headers")),
            ("durration", Some("duration")),
            ("bdoy", Some("body")),
            ("evnt", Some("event")),
            ("init_timeout", Some("init-timeout")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, words), meant, "{written}");
        }
        assert_eq!(nearest(&"body".repeat(1000), words), None);
    }
}
