//! What opens the review.

use std::fmt;

/// The secret a reviewer shows. It never reaches a log: its `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReviewToken(String);

impl ReviewToken {
    /// A token of one's own with fewer characters can be guessed.
    pub const SAFE_CHARS: usize = 16;
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 256;

    /// Checks a token of one's own.
    ///
    /// # Errors
    /// What it must be, without telling what it is.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let length = 1..=Self::MAX_CHARS;
        if !length.contains(&raw.len()) {
            return Err(format!("must have {} to {} characters", length.start(), length.end()));
        }
        // These need no escaping in a link or a header, so what is typed is what arrives.
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
        if !raw.chars().all(valid) {
            return Err("may hold only letters, digits, and - . _ ~".to_owned());
        }
        Ok(Self(raw.to_owned()))
    }

    /// A token nobody can guess: 256 random bits.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// Whether it is short enough to be guessed.
    pub fn is_short(&self) -> bool {
        self.0.len() < Self::SAFE_CHARS
    }

    /// The secret itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ReviewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReviewToken(..)")
    }
}
