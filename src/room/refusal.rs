//! What a room refuses, and why: facts. Their sentences for people are `signaling`'s.

use crate::model::id::{InvalidText, ParticipantId, RoomName, SessionId, Username};
use crate::model::vocabulary::ErrorKind;

/// What a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// To come in.
    Join,
    /// To come back.
    Resume,
    /// To leave.
    Leave,
    /// To pass on an offer.
    Offer,
    /// To pass on an answer.
    Answer,
    /// To pass on a candidate.
    Candidate,
    /// To pass on a step of negotiating again.
    Renegotiation,
    /// To end one link.
    Hangup,
    /// To note what a page says of its end of a link.
    State,
}

/// What was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub request: Request,
    /// Why it was refused.
    pub reason: Reason,
}

/// A refusal, and whose: what the history is to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The room's session; `None` if there is none.
    pub session: Option<SessionId>,
    /// Whose request it was, if a member's.
    pub participant: Option<ParticipantId>,
    /// What was refused, and why.
    pub refusal: Refusal,
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The name is taken.
    NameTaken {
        /// The name.
        name: Username,
        /// Where.
        room: RoomName,
    },
    /// The name looks like that of a member.
    NameAlike {
        /// The name.
        name: Username,
        /// Theirs.
        other: Username,
    },
    /// The name cannot be told from another, whatever it looks like.
    NameInvalid(InvalidText),
    /// A client that is not known any more gave no name to join with.
    NameMissing,
    /// The socket is in the room already, under another name.
    OtherName,
    /// The socket's member has come back on another one.
    Replaced,
    /// The room is full.
    RoomFull {
        /// Which.
        room: RoomName,
        /// How many members it takes.
        capacity: usize,
    },
    /// The session has had too many people.
    TooManyPeople {
        /// How many it takes.
        people: usize,
    },
    /// The address has brought too many people to the session.
    TooManyFromAddress {
        /// How many it may bring.
        people: usize,
    },
    /// The socket is in no room.
    NotJoined,
    /// That member was never in the room.
    UnknownMember,
    /// The message is addressed to its sender.
    ToYourself,
    /// The connector is the sender's own, where the peer's was asked for.
    OwnConnector,
    /// The peer has no such connector for a connection with the sender.
    UnknownRemoteConnector,
    /// The sender has no such connector for a connection with the peer.
    UnknownConnector,
    /// The link has no answer yet, so the peer's connector is not known.
    NotAnswered,
    /// More streams between two members than any page needs.
    TooManyLinks,
    /// More for a member who is away than one sender's share. Recorded, not told.
    TooMuchForAway,
    /// More for a member who is away than is kept in all. Recorded, not told.
    AwayIsFull,
    /// A teacher has taken the socket's member out.
    Removed,
    /// A teacher has taken everybody out.
    Closed,
    /// A teacher has taken this client, or this name, out a while ago.
    Barred {
        /// How many minutes it may still not come back, begun ones included.
        minutes: u64,
    },
    /// A teacher keeps the room closed.
    RoomClosed {
        /// For how many minutes yet, begun ones included.
        minutes: u64,
    },
    /// A teacher has locked the room: nobody new comes in.
    RoomLocked,
}

impl Reason {
    /// What a program is told of it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NameTaken { .. } | Self::NameAlike { .. } => ErrorKind::Repeat,
            Self::RoomFull { .. } | Self::TooManyPeople { .. } | Self::TooManyFromAddress { .. } => ErrorKind::RoomFull,
            Self::NotJoined => ErrorKind::NotJoined,
            Self::UnknownMember => ErrorKind::UnknownMember,
            Self::TooManyLinks | Self::TooMuchForAway | Self::AwayIsFull => ErrorKind::RateLimited,
            Self::Replaced => ErrorKind::Replaced,
            Self::Removed | Self::Closed => ErrorKind::Removed,
            Self::Barred { .. } | Self::RoomClosed { .. } | Self::RoomLocked => ErrorKind::Forbidden,
            Self::NameInvalid(_)
            | Self::NameMissing
            | Self::OtherName
            | Self::ToYourself
            | Self::OwnConnector
            | Self::UnknownRemoteConnector
            | Self::UnknownConnector
            | Self::NotAnswered => ErrorKind::Invalid,
        }
    }
}
