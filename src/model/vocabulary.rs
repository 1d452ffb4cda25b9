//! The words that are stored and sent, each list once: what the tables hold, what the API gives, what pages translate.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Type};
use utoipa::openapi::schema::{self, Schema};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Each of them, in the order of the documents.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word that is stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What a stored or sent word stands for.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = Cow::<str>::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| D::Error::custom(format_args!("{word:?} is no {}", stringify!($name))))
            }
        }

        impl<DB: Database> Type<DB> for $name
        where
            str: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <str as Type<DB>>::type_info()
            }

            fn compatible(info: &DB::TypeInfo) -> bool {
                <str as Type<DB>>::compatible(info)
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            &'r str: Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let word = <&str as Decode<'r, DB>>::decode(value)?;
                Self::parse(word).ok_or_else(|| format!("{word:?} is no {}", stringify!($name)).into())
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(schema::Type::String)
                    .enum_values(Some([$($word,)+]))
                    .into()
            }
        }

        impl ToSchema for $name {}
    };
}

vocabulary! {
    /// What an entry of the history is about.
    EventKind {
        /// The first member came into an empty room.
        SessionStarted = "session_started",
        /// The room stayed empty.
        SessionEnded = "session_ended",
        /// A member came in.
        Joined = "joined",
        /// A member is gone; the detail has a [`LeaveReason`].
        Left = "left",
        /// A member lost its socket; the detail has a [`DropReason`].
        Disconnected = "disconnected",
        /// A member is back on a new socket.
        Reconnected = "reconnected",
        /// A client was told an error.
        Error = "error",
        /// Entries are missing.
        Gap = "gap",
        /// A teacher did something to the room; the detail has a [`RoomAction`] and an [`Actor`].
        Action = "action",
    }
}

vocabulary! {
    /// What a teacher did to a room.
    RoomAction {
        /// Took somebody out.
        Removed = "removed",
        /// Took everybody out.
        Closed = "closed",
        /// Let nobody new in from then on.
        Locked = "locked",
        /// Let people in again.
        Unlocked = "unlocked",
    }
}

vocabulary! {
    /// By what a teacher was known who did something to a room.
    Actor {
        /// The review's token.
        Token = "token",
    }
}

vocabulary! {
    /// Why contact with a member was lost.
    DropReason {
        /// The socket was closed in order, by the page or by its end.
        Closed = "closed",
        /// The transport broke.
        Reset = "reset",
        /// No sign of life came any more.
        Silent = "silent",
        /// The client stopped reading.
        Stalled = "stalled",
        /// It was cut by a limit on what a client may send or have waiting.
        Rate = "rate",
        /// The server ended it, or stopped, or died.
        Server = "server",
    }
}

vocabulary! {
    /// Why a member left, or a connection or a link closed with it.
    LeaveReason {
        /// It said so.
        Left = "left",
        /// The page was closed, and nobody came back: last there when it closed.
        Closed = "closed",
        /// It did not come back within its grace.
        Timeout = "timeout",
        /// The same client joined again on another socket, or its socket joined as somebody else.
        Replaced = "replaced",
        /// Its socket joined another room.
        Moved = "moved",
        /// A teacher took it out.
        Removed = "removed",
        /// It was away when the server stopped, and did not come back.
        ServerShutdown = "server_shutdown",
        /// It was there when the server died, and did not come back.
        ServerCrash = "server_crash",
        /// Its departure was lost in a gap of the history: it was no longer there afterwards.
        Gap = "gap",
    }
}

impl LeaveReason {
    /// Whether the member was lost, and did not go of its own accord.
    pub fn is_lost(self) -> bool {
        self == Self::Timeout || self.is_servers()
    }

    /// Whether the server's own stop is to blame.
    pub fn is_servers(self) -> bool {
        matches!(self, Self::ServerShutdown | Self::ServerCrash)
    }
}

vocabulary! {
    /// Why a link is over while both of its ends go on; one that ends with a member has that member's word.
    LinkCloseReason {
        /// An end left the room.
        Left = "left",
        /// The offer can no longer be answered, or what followed it is lost.
        Lost = "lost",
        /// A newer link took its place.
        Replaced = "replaced",
        /// An end said that it is over.
        HungUp = "hangup",
    }
}

vocabulary! {
    /// What a page says of its `RTCPeerConnection`: those of its states (W3C WebRTC) that tell how it went.
    ConnectionState {
        /// Media can flow.
        Connected = "connected",
        /// It did, and may again.
        Disconnected = "disconnected",
        /// No way was found, or it is lost.
        Failed = "failed",
        /// The page has closed it.
        Closed = "closed",
    }
}

vocabulary! {
    /// How a connection goes, by the type of the candidate that it uses (W3C WebRTC, `RTCIceCandidateType`).
    ConnectionPath {
        /// Straight.
        Host = "host",
        /// Through a router, by the address that a STUN server has seen.
        ServerReflexive = "srflx",
        /// Through a router, by the address that the peer has seen.
        PeerReflexive = "prflx",
        /// Through a TURN server.
        Relay = "relay",
    }
}

vocabulary! {
    /// What became of two people, as far as it is known: signaling alone does not show whether media flowed. Of those up to
    /// `exchanged` later ones are further.
    Outcome {
        /// Neither made an offer.
        NoOffer = "noOffer",
        /// An offer was never answered.
        NoAnswer = "noAnswer",
        /// Both are there, and their last step is less than 30 s ago: they are still connecting.
        Waiting = "waiting",
        /// Offer and answer were exchanged, with whatever candidates there were; no page said more.
        Exchanged = "exchanged",
        /// An end said that no way was found.
        Failed = "failed",
        /// It was connected, and an end said that it is no more.
        Lost = "lost",
        /// An end said so.
        Connected = "connected",
    }
}

impl Outcome {
    /// Whether two people who could have connected did not.
    pub fn is_failed(self) -> bool {
        matches!(self, Self::NoOffer | Self::NoAnswer | Self::Failed)
    }

    /// Whether it is trouble that somebody should look at.
    pub fn is_bad(self) -> bool {
        self.is_failed() || self == Self::Lost
    }
}

vocabulary! {
    /// Whether a session goes on.
    SessionStatus {
        /// It does: somebody is in the room, or left so shortly ago that who comes now continues it.
        Active = "active",
        /// It is over.
        Ended = "ended",
    }
}

vocabulary! {
    /// Whether a member has a live socket.
    Presence {
        /// It has.
        Present = "present",
        /// It lost it, and may come back.
        Away = "away",
    }
}

vocabulary! {
    /// What a connection began with.
    ConnectionOpenReason {
        /// Its member joined.
        Join = "join",
        /// Its member came back.
        Reconnect = "reconnect",
    }
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionCloseReason {
    /// Its socket went; its member was away from then on.
    Disconnected,
    /// Its member's word: it ended with the member, who may have closed the page and was away from then on.
    Member(LeaveReason),
}

impl ConnectionCloseReason {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Member(reason) => reason.as_str(),
        }
    }

    /// What a stored word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "disconnected" => Some(Self::Disconnected),
            word => LeaveReason::parse(word).map(Self::Member),
        }
    }
}

impl<'de> Deserialize<'de> for ConnectionCloseReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&word).ok_or_else(|| D::Error::custom(format_args!("{word:?} ends no connection")))
    }
}

vocabulary! {
    /// The type of an error that a client is told.
    ErrorKind {
        /// The name is taken in that room.
        Repeat = "repeat",
        /// The message is malformed.
        Invalid = "invalid",
        /// The socket is in no room.
        NotJoined = "notJoined",
        /// That member was never in the room.
        UnknownMember = "unknownMember",
        /// The room is at its capacity.
        RoomFull = "roomFull",
        /// Too much, too fast.
        RateLimited = "rateLimited",
        /// The server cannot do it at present.
        Unavailable = "unavailable",
        /// A token to join is wanted or does not fit, there may be no such room, or a teacher keeps it closed to who asks.
        Forbidden = "forbidden",
        /// The socket's member has come back on another one.
        Replaced = "replaced",
        /// A teacher has taken the socket's member out.
        Removed = "removed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read_back<T: Copy + PartialEq>(all: &[T], word: fn(T) -> &'static str, parse: fn(&str) -> Option<T>) -> bool {
        all.iter().all(|one| parse(word(*one)) == Some(*one))
    }

    #[test]
    fn every_word_is_read_back() {
        assert!(is_read_back(EventKind::ALL, EventKind::as_str, EventKind::parse));
        assert!(is_read_back(RoomAction::ALL, RoomAction::as_str, RoomAction::parse));
        assert!(is_read_back(Actor::ALL, Actor::as_str, Actor::parse));
        assert!(is_read_back(DropReason::ALL, DropReason::as_str, DropReason::parse));
        assert!(is_read_back(LeaveReason::ALL, LeaveReason::as_str, LeaveReason::parse));
        assert!(is_read_back(
            LinkCloseReason::ALL,
            LinkCloseReason::as_str,
            LinkCloseReason::parse
        ));
        assert!(is_read_back(Outcome::ALL, Outcome::as_str, Outcome::parse));
        assert!(is_read_back(
            SessionStatus::ALL,
            SessionStatus::as_str,
            SessionStatus::parse
        ));
        assert!(is_read_back(Presence::ALL, Presence::as_str, Presence::parse));
        assert!(is_read_back(
            ConnectionOpenReason::ALL,
            ConnectionOpenReason::as_str,
            ConnectionOpenReason::parse
        ));
        let of_members = LeaveReason::ALL.iter().copied().map(ConnectionCloseReason::Member);
        let ends: Vec<_> = of_members.chain([ConnectionCloseReason::Disconnected]).collect();
        assert!(is_read_back(
            &ends,
            ConnectionCloseReason::as_str,
            ConnectionCloseReason::parse
        ));
        assert!(is_read_back(ErrorKind::ALL, ErrorKind::as_str, ErrorKind::parse));
        assert!(is_read_back(
            ConnectionState::ALL,
            ConnectionState::as_str,
            ConnectionState::parse
        ));
        assert!(is_read_back(
            ConnectionPath::ALL,
            ConnectionPath::as_str,
            ConnectionPath::parse
        ));
        assert_eq!(EventKind::parse("Joined"), None);
    }

    #[test]
    fn a_connection_that_ends_with_its_member_has_the_members_word() {
        for reason in LeaveReason::ALL {
            assert_eq!(ConnectionCloseReason::Member(*reason).as_str(), reason.as_str());
        }
    }
}
