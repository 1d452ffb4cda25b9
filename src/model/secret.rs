//! Secrets that an operator sets, and that others may try to guess at home.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What tokens to join are signed with, or what nodes know each other by. It never reaches a log: its `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(String);

impl SharedSecret {
    /// Whoever has one token, or hears two nodes make themselves known, can try secrets as fast as they like: a shorter one would
    /// be found.
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

    /// What is the same for whoever has the same secret, and does not tell it.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        let hmac = Hmac::<Sha256>::new_from_slice(self.as_bytes());
        hmac.map(|hmac| {
            hmac.chain_update(b"fingerprint of a secret")
                .finalize()
                .into_bytes()
                .to_vec()
        })
        .unwrap_or_default()
    }

    /// The key, byte for byte as it is typed, so that other programs can sign with it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}
