//! Whether somebody may come in.

use std::fmt;

use jsonwebtoken::DecodingKey;

use super::claims::{self, Claims};
use super::pattern::RoomPatterns;
use super::refusal::Forbidden;
use crate::model::id::{RoomName, Username};
use crate::model::secret::SharedSecret;
use crate::model::time::Timestamp;

/// What is asked of everybody who comes in.
pub struct EntryRules {
    rooms: RoomPatterns,
    /// `None` where no token is asked for.
    key: Option<DecodingKey>,
}

/// What somebody shows to come in. Its `Debug` does not tell it.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    #[default]
    Nothing,
    /// Something that is no text.
    NotAString,
    /// A token, or whatever it may be.
    Token(String),
}

/// What was read of what somebody has shown: the token itself is not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pass(Option<Result<Claims, Forbidden>>);

/// Who wants to come in, and where.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Where.
    pub room: &'a RoomName,
    /// Under which name, if one is given.
    pub username: Option<&'a Username>,
    /// Whether it is a member already, and has proved it: time does not throw anybody out.
    pub is_back: bool,
    /// What it has shown.
    pub pass: &'a Pass,
}

impl Shown {
    /// A token, unless it is an empty text, as a page writes it that has none.
    pub fn text(token: &str) -> Self {
        if token.is_empty() {
            return Self::Nothing;
        }
        Self::Token(token.to_owned())
    }
}

impl EntryRules {
    /// Lets people into these rooms: with a token, if there is a secret.
    pub fn new(rooms: RoomPatterns, secret: Option<&SharedSecret>) -> Self {
        Self {
            rooms,
            key: secret.map(claims::key),
        }
    }

    /// The rooms that there may be.
    pub fn rooms(&self) -> &RoomPatterns {
        &self.rooms
    }

    /// Reads what somebody shows. Where no token is asked for it may be anything.
    pub fn read(&self, shown: &Shown) -> Pass {
        let Some(key) = &self.key else {
            return Pass::default();
        };
        Pass(match shown {
            Shown::Nothing => None,
            Shown::NotAString => Some(Err(Forbidden::NotAString)),
            Shown::Token(token) => Some(Claims::read(token, key)),
        })
    }

    /// Whether somebody may come in at this moment of the wall clock.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, entry: &Entry<'_>, now: Timestamp) -> Result<(), Forbidden> {
        if !self.rooms.allow(entry.room) {
            return Err(Forbidden::RoomNotAllowed);
        }
        if self.key.is_none() {
            return Ok(());
        }
        match &entry.pass.0 {
            None => Err(Forbidden::Missing),
            Some(Err(problem)) => Err(problem.clone()),
            Some(Ok(claims)) => claims.admit(entry.room, entry.username, entry.is_back, now),
        }
    }
}

impl Pass {
    /// This one, or the other where nothing was shown.
    pub fn or<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.0.is_some() { self } else { other }
    }

    /// The token's own id, if it is for one name alone: then it is known by it whoever comes with it.
    pub fn personal_id(&self) -> Option<&str> {
        let claims = self.0.as_ref()?.as_ref().ok()?;
        claims.id().filter(|_| claims.is_personal())
    }

    /// The token's own id (`jti`), if it is one of ours: for the log.
    pub fn id(&self) -> Option<&str> {
        self.0.as_ref()?.as_ref().ok()?.id()
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::NotAString => "NotAString",
            Self::Token(_) => "Token(..)",
        })
    }
}

#[cfg(test)]
mod tests;
