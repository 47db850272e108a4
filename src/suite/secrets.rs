//! Values that are shown nowhere: what goes out has stars in their place.

use crate::check::Check;

/// What stands in the place of a secret.
const STARS: &str = "***";

/// Values that are shown nowhere.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// One more. It is found in its other spellings, too: percent-encoded, and as JSON
    /// writes it.
    pub fn add(&mut self, value: &str) {
        let json = serde_json::Value::String(value.to_owned()).to_string();
        let inside = json[1..json.len() - 1].to_owned();
        for spelling in [value.to_owned(), super::invocation::encoded(value), inside] {
            if !spelling.is_empty() && !self.0.contains(&spelling) {
                self.0.push(spelling);
            }
        }
        // Of two of which one is in the other the longer one goes first.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// Those of others, too.
    pub fn extend(&mut self, others: &Secrets) {
        for secret in &others.0 {
            self.add(secret);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text without them.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), STARS))
    }

    /// Takes them out of a check.
    pub fn redact(&self, check: &mut Check) {
        if self.is_empty() {
            return;
        }
        let texts = [&mut check.title, &mut check.message];
        for text in texts.into_iter().chain(&mut check.evidence).chain(&mut check.fix) {
            *text = self.redacted(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found() {
        let mut secrets = Secrets::default();
        secrets.add("s3cr\"t/x");
        secrets.add("s3cr\"t/x and more");
        assert_eq!(
            secrets.redacted("a s3cr\"t/x, ?q=s3cr%22t%2Fx, {\"k\":\"s3cr\\\"t/x and more\"}"),
            "a ***, ?q=***, {\"k\":\"***\"}"
        );
    }
}
