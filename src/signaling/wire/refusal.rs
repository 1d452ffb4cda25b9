//! A message that was refused, as its client is told of it and the history keeps it.

use super::names;
use crate::join_token::Forbidden;
use crate::model::id::{InvalidText, RoomName, Username};
use crate::model::limit::LimitName;
use crate::model::vocabulary::ErrorKind;
use crate::room::refusal::{Reason, Refusal};
use crate::signaling::client_limit::{Limit, limit_of_room};

/// A message that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::signaling) struct WireRefusal {
    /// The client's event, cut to [`WireRefusal::EVENT_CHARS`].
    pub(super) event: Box<str>,
    pub(super) reason: WireReason,
    /// Where its client wanted in, if that was not for a room to decide.
    asked: Option<Box<AskedEntry>>,
}

/// Who asked to come into which room, as far as that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::signaling) struct AskedEntry {
    pub(in crate::signaling) room: Option<RoomName>,
    /// The name, if one was given.
    pub(in crate::signaling) username: Option<Username>,
    /// What the token that was shown calls itself (`jti`).
    pub(in crate::signaling) token: Option<Box<str>>,
}

/// Why a message was refused: by its room, or before it came to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::signaling) enum WireReason {
    /// The room refused it.
    Room(Reason),
    /// Too many messages were sent before joining, or the join did not come in time.
    HeldTooLong,
    /// The message is no JSON.
    NotJson,
    /// The payload is no JSON object.
    NotAnObject,
    /// The payload has binary attachments.
    Binary,
    /// No such event.
    UnknownEvent,
    /// A field is missing.
    Missing(&'static str),
    /// A field is there twice.
    Twice(Box<str>),
    /// A field has the wrong type.
    NotAString(&'static str),
    /// A field is none of the words that it may be.
    NotOneOf(&'static str, Vec<&'static str>),
    /// A field says what only the server may say.
    Reserved(&'static str),
    /// A field's text is out of bounds.
    Text(&'static str, InvalidText),
    /// Too many refused messages on this socket.
    TooManyErrors,
    /// More than this limit allows.
    TooMuch(Limit),
    /// No token to join, or one that does not fit; or there may be no such room.
    Forbidden(Forbidden),
    /// A large message before a join.
    TooLargeBeforeJoin {
        /// How many KiB it may have.
        kib: usize,
    },
    /// The server is shutting down.
    ShuttingDown,
    /// The room is on another node, which cannot be asked just now.
    RoomOutOfReach,
}

impl WireRefusal {
    /// The most characters of a client's event name that are repeated to anyone.
    pub(in crate::signaling) const EVENT_CHARS: usize = 64;

    pub(in crate::signaling) fn new(event: &str, reason: impl Into<WireReason>) -> Self {
        Self {
            event: event.chars().take(Self::EVENT_CHARS).collect(),
            reason: reason.into(),
            asked: None,
        }
    }

    /// The same, of who asked to come in.
    pub(in crate::signaling) fn of_entry(self, asked: AskedEntry) -> Self {
        let asked = Some(Box::new(asked));
        Self { asked, ..self }
    }

    /// Where its client wanted in, if that was not for a room to decide.
    pub(in crate::signaling) fn asked(&self) -> Option<&AskedEntry> {
        self.asked.as_deref()
    }

    /// The client's event, unless the client has made it up.
    pub(in crate::signaling) fn known_event(&self) -> Option<&'static str> {
        names::known(&self.event)
    }

    /// The limit that was reached, if it was refused for one.
    pub(in crate::signaling) fn limit(&self) -> Option<LimitName> {
        match &self.reason {
            WireReason::Room(reason) => limit_of_room(reason),
            WireReason::TooMuch(limit) => Some(limit.name()),
            WireReason::HeldTooLong
            | WireReason::NotJson
            | WireReason::NotAnObject
            | WireReason::Binary
            | WireReason::UnknownEvent
            | WireReason::Missing(_)
            | WireReason::Twice(_)
            | WireReason::NotAString(_)
            | WireReason::NotOneOf(..)
            | WireReason::Reserved(_)
            | WireReason::Text(..)
            | WireReason::TooManyErrors
            | WireReason::Forbidden(_)
            | WireReason::TooLargeBeforeJoin { .. }
            | WireReason::ShuttingDown
            | WireReason::RoomOutOfReach => None,
        }
    }

    /// Why its client may not come in by what it showed, if that was the reason.
    pub(in crate::signaling) fn forbidden(&self) -> Option<&Forbidden> {
        if let WireReason::Forbidden(reason) = &self.reason {
            Some(reason)
        } else {
            None
        }
    }

    /// Its type on the wire.
    pub(in crate::signaling) fn kind(&self) -> ErrorKind {
        self.reason.kind()
    }
}

impl From<Refusal> for WireRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::new(names::of_request(refusal.request), refusal.reason)
    }
}

impl From<Reason> for WireReason {
    fn from(reason: Reason) -> Self {
        Self::Room(reason)
    }
}

impl From<Forbidden> for WireReason {
    fn from(reason: Forbidden) -> Self {
        Self::Forbidden(reason)
    }
}

impl WireReason {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Room(reason) => reason.kind(),
            Self::HeldTooLong => ErrorKind::NotJoined,
            Self::TooManyErrors | Self::TooMuch(_) => ErrorKind::RateLimited,
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::ShuttingDown | Self::RoomOutOfReach => ErrorKind::Unavailable,
            Self::NotJson
            | Self::NotAnObject
            | Self::Binary
            | Self::UnknownEvent
            | Self::Missing(_)
            | Self::Twice(_)
            | Self::NotAString(_)
            | Self::NotOneOf(..)
            | Self::Reserved(_)
            | Self::Text(..)
            | Self::TooLargeBeforeJoin { .. } => ErrorKind::Invalid,
        }
    }
}
