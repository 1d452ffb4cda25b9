//! Why somebody may not come in.

use crate::model::id::InvalidText;

/// The longest token in bytes. One with the longest names, each letter escaped, is shorter.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// Why somebody may not come in. What it displays is the sentence in English.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Forbidden {
    /// `ALLOWED_ROOMS` does not list the room.
    #[error("There is no room of this name here: ALLOWED_ROOMS does not list it.")]
    RoomNotAllowed,
    /// A token is wanted, and none was shown.
    #[error("This server lets people in by a token: open the link that you were given.")]
    Missing,
    /// What was shown as the token is no text.
    #[error("token must be a string.")]
    NotAString,
    /// More than [`MAX_TOKEN_BYTES`].
    #[error("token must have at most {MAX_TOKEN_BYTES} bytes.")]
    TooLong,
    /// It has not the form of a JWT.
    #[error("token must be a JSON Web Token (JWT).")]
    NotAToken,
    /// It says that it is signed in another way, or not at all.
    #[error("token must be signed by HS256.")]
    Algorithm,
    /// It says that what its reader does not know must not be passed over (RFC 7515, 4.1.11).
    #[error("token must have no crit in its header: this server knows no extensions of JWT.")]
    Extension,
    /// The signature does not fit.
    #[error("token is not one of this server's: it was signed with another secret, or changed since.")]
    Signature,
    /// It was made for something else.
    #[error("token is not one to join with: its aud must be chatroom:join.")]
    Audience,
    /// A claim is missing.
    #[error("token lacks {0}.")]
    NoClaim(&'static str),
    /// A claim must be a text.
    #[error("token's {0} must be a string.")]
    ClaimNotAString(&'static str),
    /// A claim must be a time.
    #[error("token's {0} must be a number of seconds.")]
    ClaimNotATime(&'static str),
    /// A claim's text is out of bounds.
    #[error("token's {0} {1}.")]
    ClaimText(&'static str, InvalidText),
    /// It was good until before now.
    #[error("Your link has expired: ask for a new one.")]
    Expired,
    /// It is good from later on.
    #[error("Your link is not good yet: come back later.")]
    NotYet,
    /// It does not stand for the room.
    #[error("Your link is for another room.")]
    OtherRoom,
    /// It names somebody else.
    #[error("Your link is for another name.")]
    OtherName,
}
