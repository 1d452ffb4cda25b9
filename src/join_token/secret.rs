//! What tokens are signed with.

use std::fmt;

/// The secret that tokens to join are signed with. It never reaches a log: its `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinSecret(String);

impl JoinSecret {
    /// Whoever has one token can try secrets at home, as fast as they like: a shorter one would be found.
    pub const MIN_CHARS: usize = 32;
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 256;

    /// Checks a secret.
    ///
    /// # Errors
    /// What it must be, without telling what it is.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let length = Self::MIN_CHARS..=Self::MAX_CHARS;
        if !length.contains(&raw.len()) || !raw.chars().all(|c| c.is_ascii_graphic()) {
            return Err(format!(
                "must have {} to {} ASCII characters and no spaces, such as `openssl rand -hex 32` prints",
                length.start(),
                length.end()
            ));
        }
        Ok(Self(raw.to_owned()))
    }

    /// The key, byte for byte as it is typed, so that other programs can sign with it.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for JoinSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinSecret(..)")
    }
}
