//! A type per role: what identifies rooms, people, sockets and peer connections.
//!
//! Everything that comes from a client is parsed here once; past this module a value of one of these types is valid.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use uuid::{Builder, Uuid};

use super::time::Timestamp;

/// Why a piece of client text was refused. The message names the limit, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidText {
    /// Nothing was left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More characters (Unicode scalar values, after NFC) than allowed.
    #[error("must be at most {max} characters long")]
    TooLong {
        /// The most characters allowed.
        max: usize,
    },
    /// A character of the Unicode category Cc.
    #[error("must not contain control characters")]
    Control,
    /// A character of Unicode's `Bidi_Control`.
    #[error("must not contain characters that turn the direction of text")]
    Directional,
    /// A tag character or a noncharacter.
    #[error("must not contain characters that are never shown")]
    NeverShown,
    /// Nothing but spaces, marks and characters that are ignored.
    #[error("must show something")]
    Invisible,
}

/// Trims, brings to Unicode NFC and checks text that people typed.
fn parse_typed(raw: &str, max: usize) -> Result<Arc<str>, InvalidText> {
    let trimmed = raw.trim();
    if trimmed.is_empty() {
        return Err(InvalidText::Empty);
    }
    // NFC at most triples a string, and never shrinks it below a third: a text over 12 bytes for each allowed
    // character is refused before work proportional to its length is done.
    if trimmed.len() > max * 12 {
        return Err(InvalidText::TooLong { max });
    }
    if trimmed.chars().any(char::is_control) {
        return Err(InvalidText::Control);
    }
    let normal: String = trimmed.nfc().collect();
    if normal.chars().count() > max {
        return Err(InvalidText::TooLong { max });
    }
    Ok(normal.into())
}

/// Checks an identifier that a client's program made: kept as it is.
fn parse_opaque(raw: &str, max: usize) -> Result<Arc<str>, InvalidText> {
    if raw.is_empty() {
        return Err(InvalidText::Empty);
    }
    if raw.len() > max && raw.chars().count() > max {
        return Err(InvalidText::TooLong { max });
    }
    Ok(raw.into())
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $parse:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most characters (Unicode scalar values) such a text may have.
            pub const MAX_CHARS: usize = $max;

            /// Checks what a client sent.
            ///
            /// # Errors
            /// [`InvalidText`] says which limit was broken.
            pub fn parse(raw: &str) -> Result<Self, InvalidText> {
                $parse(raw, Self::MAX_CHARS).map(Self)
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        /// What is no such text is refused.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

text_newtype!(
    /// The name of a room as people type it: trimmed, NFC, 1 to 128 characters, no control characters.
    RoomName, parse_typed, 128
);
text_newtype!(
    /// The name of a person in a room: trimmed, NFC, 1 to 64 characters, no control characters.
    Username, parse_typed, 64
);
text_newtype!(
    /// A client's own id for one end of a peer connection: kept byte for byte, 1 to 256 characters.
    ConnectorId, parse_opaque, 256
);
text_newtype!(
    /// What a peer connection carries: `user`, `display`, `remoteDisplay`, or a word of the client's own, up to 64 characters.
    StreamType, parse_opaque, 64
);

impl StreamType {
    /// The stream every pair has one of: camera and microphone.
    pub const USER: &'static str = "user";

    /// The stream every pair has one of.
    pub fn user() -> Self {
        Self(Self::USER.into())
    }

    /// Whether this is the stream every pair has one of.
    pub fn is_user(&self) -> bool {
        &*self.0 == Self::USER
    }
}

/// The hash of the secret `id` a client proves itself with. The secret itself is kept nowhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey([u8; 32]);

impl ClientKey {
    /// The most characters a client's `id` may have (a UUID has 36).
    pub const MAX_CHARS: usize = 128;

    /// Hashes (SHA-256) the secret `id` of a client.
    ///
    /// # Errors
    /// [`InvalidText`] if it is empty or over [`Self::MAX_CHARS`].
    pub fn parse(raw: &str) -> Result<Self, InvalidText> {
        let id = parse_opaque(raw, Self::MAX_CHARS)?;
        Ok(Self(Sha256::digest(id.as_bytes()).into()))
    }

    /// From how many characters on an `id` is not to be guessed.
    pub const SAFE_CHARS: usize = 16;

    /// Whether an `id` is so short that somebody might guess it.
    pub fn is_short(raw: &str) -> bool {
        raw.chars().count() < Self::SAFE_CHARS
    }

    /// The hash, as the database keeps it.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A hash read back from the database.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Not even the hash reaches a log.
impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(..)")
    }
}

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

uuid_newtype!(
    /// The address of a member for its peers, the same after every resume until the member leaves.
    MemberId
);
uuid_newtype!(
    /// One occupancy of a room. A UUIDv7 whose time is the session's start, so ids sort by start.
    SessionId
);
uuid_newtype!(
    /// One person (username) of a session, however often they came back.
    ParticipantId
);
uuid_newtype!(
    /// One interval during which a participant had a live socket.
    ConnectionId
);
uuid_newtype!(
    /// One peer connection between two members, as the history keeps it.
    LinkId
);
uuid_newtype!(
    /// A link by which somebody reads a part of the history. A UUIDv7 whose time is when it was made, so ids sort by that.
    ReviewLinkId
);

impl SessionId {
    /// The lowest id that a session which started at this moment can have.
    pub fn first_at(at: Timestamp) -> Self {
        Self(Builder::from_u128(id_ms(at) << 80).into_uuid())
    }

    /// The highest id that a session which started at this moment can have.
    pub fn last_at(at: Timestamp) -> Self {
        Self(Builder::from_u128((id_ms(at) << 80) | ((1 << 80) - 1)).into_uuid())
    }
}

/// The part of a UUIDv7 that is time, 48 bits of it.
fn id_ms(at: Timestamp) -> u128 {
    u128::try_from(at.0).unwrap_or(0).min((1 << 48) - 1)
}

impl MemberId {
    /// Reads an id that a client sent. Anything that is not the form the server issues is simply unknown.
    pub fn parse(raw: &str) -> Option<Self> {
        Uuid::try_parse(raw).ok().map(Self)
    }
}

/// A socket as the server counts them: unique for the life of the process, and known to nobody outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketKey(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_ids_bound_a_moment() {
        let moment = Timestamp(1_780_000_000_123);
        let id = SessionId(Builder::from_unix_timestamp_millis(1_780_000_000_123, &[0xff; 10]).into_uuid());
        assert!(SessionId::first_at(moment) <= id && id <= SessionId::last_at(moment));
        assert!(SessionId::last_at(moment) < SessionId::first_at(Timestamp(moment.0 + 1)));
        assert_eq!(SessionId::first_at(Timestamp(-5)), SessionId(Uuid::nil()));
    }
}
