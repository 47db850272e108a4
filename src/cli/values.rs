//! What the values of options mean, each read by itself.

use std::time::Duration;

use anstream::ColorChoice;
use scf_conform::check::Severity;
use scf_conform::contract::MemoryMb;
use scf_conform::nearest::nearest;
use scf_conform::selection::Glob;
use scf_conform::units::MIB;

/// A value's own complaint, before it is known where it was written.
pub(super) struct Bad(pub(super) String, pub(super) Option<String>);

impl From<String> for Bad {
    fn from(message: String) -> Bad {
        Bad(message, None)
    }
}

pub(super) type Read<T> = Result<T, Bad>;

pub(super) fn memory(text: &str) -> Read<MemoryMb> {
    let sizes = "use 64, or 128 to 3072 in steps of 128";
    let megabytes = text.parse().map_err(|_| format!("is no number of MB: {sizes}"))?;
    MemoryMb::new(megabytes).map_err(|_| Bad(format!("is not offered: {sizes}"), None))
}

pub(super) fn seconds(text: &str) -> Read<Duration> {
    let number = text.trim().strip_suffix('s').unwrap_or(text).trim();
    let seconds = number.parse().map_err(|_| "is no whole number of seconds".to_owned())?;
    Ok(Duration::from_secs(seconds))
}

pub(super) fn variable_pair(text: &str) -> Read<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Bad("is no variable: write NAME=VALUE".to_owned(), None)),
    }
}

/// A text that goes into a header of every invocation.
pub(super) fn header_text(text: &str) -> Read<String> {
    if !text.is_empty() && text.chars().all(|character| character.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(Bad("is no name: use letters, digits, `-` and `_`".to_owned(), None))
}

pub(super) fn glob(text: &str) -> Read<Glob> {
    text.parse().map_err(|error| Bad(format!("is no pattern: {error}"), None))
}

pub(super) fn number(text: &str, least: u32, most: u32) -> Read<u32> {
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Bad(format!("is no number from {least} to {most}"), None))
}

/// A speed in MiB a second, in bytes.
pub(super) fn speed(text: &str) -> Read<u64> {
    number(text, 1, 100_000).map(|mebibytes| u64::from(mebibytes) * MIB)
}

pub(super) fn severity(text: &str) -> Read<Severity> {
    match text {
        "error" => Ok(Severity::Error),
        "warning" => Ok(Severity::Warning),
        _ => Err(no_word(text, &["error", "warning"])),
    }
}

pub(super) fn color(text: &str) -> Read<ColorChoice> {
    match text {
        "auto" => Ok(ColorChoice::Auto),
        "always" => Ok(ColorChoice::Always),
        "never" => Ok(ColorChoice::Never),
        _ => Err(no_word(text, &["auto", "always", "never"])),
    }
}

/// The complaint about a word that is not one of some.
pub(super) fn no_word(word: &str, words: &[&str]) -> Bad {
    let help = nearest(word, words.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
    Bad(format!("is none of {}", words.join(", ")), help)
}
