//! What can happen to a room. Everything in here has been checked: a value that exists is well formed.

use serde_json::value::RawValue;

use super::refusal::Request;
use crate::model::act::Act;
use crate::model::address::AddressKey;
use crate::model::id::{ClientKey, ConnectorId, MemberId, SocketKey, StreamType, Username};
use crate::model::vocabulary::{ConnectionPath, ConnectionState, DropReason};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// A client asks to come in.
    Join(Join),
    /// A client asks to come back.
    Resume(Resume),
    /// The member on this socket leaves.
    Leave {
        /// The member's socket.
        socket: SocketKey,
        /// The peers' connectors that the client says it was connected to.
        entries: Vec<LeaveEntry>,
    },
    /// The socket has joined another room: its member leaves this one.
    Move {
        /// The member's socket.
        socket: SocketKey,
    },
    /// Something for another member.
    Relay {
        /// The sender's socket.
        socket: SocketKey,
        /// What, and to whom.
        relay: Relay,
    },
    /// A socket is gone.
    Disconnect {
        /// Which.
        socket: SocketKey,
        /// How it went.
        why: DropReason,
    },
    /// A teacher acts. What [`super::Room::check_act`] refuses does nothing.
    Act(Act),
    /// Time has passed. Harmless when nothing was due.
    Tick,
}

impl Input {
    /// The name that a client asks to come in by.
    pub fn username(&self) -> Option<&Username> {
        match self {
            Self::Join(join) => Some(&join.username),
            Self::Resume(resume) => resume.username.as_ref(),
            Self::Leave { .. }
            | Self::Move { .. }
            | Self::Relay { .. }
            | Self::Disconnect { .. }
            | Self::Act(_)
            | Self::Tick => None,
        }
    }
}

/// A client asks to come in.
#[derive(Debug, Clone)]
pub struct Join {
    /// The socket it speaks on.
    pub socket: SocketKey,
    /// Whom limits count it as.
    pub address: AddressKey,
    /// Its secret, hashed.
    pub key: ClientKey,
    /// The name it wants.
    pub username: Username,
    /// What its own token to join is known by (`jti`), where it has one that is for this name alone.
    pub token: Option<Box<str>>,
    /// What it sent before, in order. It spoke of another membership: a join that succeeds drops it.
    pub held: Vec<Relay>,
}

/// A client asks to come back.
#[derive(Debug, Clone)]
pub struct Resume {
    /// The socket it speaks on now.
    pub socket: SocketKey,
    /// Whom limits count it as.
    pub address: AddressKey,
    /// Its secret, hashed.
    pub key: ClientKey,
    /// The name to join with if it is not known any more.
    pub username: Option<Username>,
    /// As for a [`Join`].
    pub token: Option<Box<str>>,
    /// What it sent before, in order; handled once it is back, dropped if its member is gone.
    pub held: Vec<Relay>,
}

/// One entry of a `leave`: a peer, and that peer's own connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveEntry {
    /// The peer's own connector.
    pub connector: ConnectorId,
    /// The peer.
    pub member: MemberId,
}

/// JSON that passes through unread, byte for byte: an offer, an answer, a candidate.
#[derive(Clone)]
pub struct Opaque(pub Box<RawValue>);

impl Opaque {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.0.get().len()
    }

    /// Never: JSON has at least one byte.
    pub fn is_empty(&self) -> bool {
        false
    }
}

impl PartialEq for Opaque {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Opaque {}

/// SDP and candidates never reach a log.
impl std::fmt::Debug for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opaque({} bytes)", self.len())
    }
}

/// Something for another member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// To whom; `None` if it is nothing this server ever issued.
    pub to: Option<MemberId>,
    /// What.
    pub body: Body,
}

/// What one member sends to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Opens a link.
    Offer(Offer),
    /// Completes a link.
    Answer(Answer),
    /// A network path to try.
    Candidate(Candidate),
    /// A step of negotiating again after a resume.
    Renegotiation(Renegotiation),
    /// Ends one link.
    Hangup {
        /// The sender's own connector.
        connector: ConnectorId,
    },
    /// What the sender's page says of its end of a link. For the history; nobody is told.
    State(StateReport),
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The sender's own connector.
    pub connector: ConnectorId,
    /// The description.
    pub offer: Opaque,
    /// What the link carries; a link without a word for it counts as `user`.
    pub stream: Option<StreamType>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The receiver's own connector.
    pub remote_connector: ConnectorId,
    /// The sender's own connector.
    pub connector: ConnectorId,
    /// The description.
    pub answer: Opaque,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The receiver's own connector.
    pub remote_connector: ConnectorId,
    /// The candidate.
    pub candidate: Opaque,
}

/// A step of negotiating again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renegotiation {
    /// Which step: the two clients' own word.
    pub kind: Box<str>,
    /// What the step carries.
    pub data: Option<Opaque>,
    /// As it comes in, the sender's own connector; as it goes out, the receiver's.
    pub connector: ConnectorId,
}

/// What a page says of its end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateReport {
    /// The sender's own connector.
    pub connector: ConnectorId,
    /// How it is.
    pub state: ConnectionState,
    /// How it goes, if the page knows.
    pub path: Option<ConnectionPath>,
}

impl Body {
    /// What its sender asks for.
    pub fn request(&self) -> Request {
        match self {
            Self::Offer(_) => Request::Offer,
            Self::Answer(_) => Request::Answer,
            Self::Candidate(_) => Request::Candidate,
            Self::Renegotiation(_) => Request::Renegotiation,
            Self::Hangup { .. } => Request::Hangup,
            Self::State(_) => Request::State,
        }
    }

    /// How many bytes of payload it carries.
    pub fn payload_len(&self) -> usize {
        match self {
            Self::Offer(offer) => offer.payload_len(),
            Self::Answer(answer) => answer.payload_len(),
            Self::Candidate(candidate) => candidate.payload_len(),
            Self::Renegotiation(step) => step.payload_len(),
            Self::Hangup { .. } | Self::State(_) => 0,
        }
    }
}

impl Offer {
    /// How many bytes of payload it carries.
    pub fn payload_len(&self) -> usize {
        self.offer.len()
    }
}

impl Answer {
    /// How many bytes of payload it carries.
    pub fn payload_len(&self) -> usize {
        self.answer.len()
    }
}

impl Candidate {
    /// How many bytes of payload it carries.
    pub fn payload_len(&self) -> usize {
        self.candidate.len()
    }
}

impl Renegotiation {
    /// How many bytes of payload it carries.
    pub fn payload_len(&self) -> usize {
        self.kind.len() + self.data.as_ref().map_or(0, Opaque::len)
    }
}
