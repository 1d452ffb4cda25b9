//! What follows from an input: plain data, in the order in which it must take effect.

use super::input::Opaque;
use super::record::{OwedLeave, Record};
use super::refusal::Refusal;
use crate::model::id::{ConnectorId, MemberId, SessionId, SocketKey, StreamType, Username};

/// One consequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The journal must remember this. If [`Record::is_told`], what follows it waits for the disk.
    Record(Record),
    /// A member is told something. Pass it to [`super::Room::deliver`] when its turn comes.
    Tell {
        /// The member.
        to: MemberId,
        /// The socket it had when this was said.
        socket: SocketKey,
        /// What.
        message: Message,
    },
    /// A socket is told something, member or not.
    TellSocket {
        /// The socket.
        socket: SocketKey,
        /// What.
        message: Message,
    },
    /// A resumed member's mailbox goes to its new socket. Pass it to [`super::Room::open_mailbox`] when its turn comes.
    OpenMailbox {
        /// The member.
        member: MemberId,
        /// Its new socket.
        socket: SocketKey,
    },
    /// A socket lost its member to a newer one: cut it off.
    Cut(SocketKey),
    /// The answer to the input itself, for the client's callback. At most one per input.
    Reply(Reply),
}

/// The answer to an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It was done.
    Done,
    /// The socket is a member's.
    Seated(Seat),
    /// It was refused; the `error` event is an output of its own.
    Refused(Refusal),
}

/// A member's place in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Its address.
    pub member: MemberId,
    /// The room's session.
    pub session: SessionId,
    /// Whether it came back rather than in.
    pub resumed: bool,
    /// Everyone in the room, itself included, present or away, in the order they joined.
    pub members: Vec<(MemberId, Username)>,
}

/// What the server says to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// `getOffer`: make an offer to that member.
    GetOffer {
        /// To whom.
        member: MemberId,
    },
    /// `offer`
    Offer {
        /// The offering end's connector.
        remote_connector: ConnectorId,
        /// The description.
        offer: Opaque,
        /// Who offers.
        member: MemberId,
        /// What the link carries.
        stream: Option<StreamType>,
    },
    /// `answer`
    Answer {
        /// The answering end's connector.
        remote_connector: ConnectorId,
        /// The receiver's own.
        connector: ConnectorId,
        /// The description.
        answer: Opaque,
        /// Who answers.
        member: MemberId,
    },
    /// `icecandidate`
    Candidate {
        /// The receiver's own connector.
        connector: ConnectorId,
        /// The candidate.
        candidate: Opaque,
        /// Who sent it. The receiver knows by its connector.
        member: MemberId,
    },
    /// `reconnect` from a peer's `reconnectWork`.
    Work {
        /// The peer's word for the step.
        kind: Box<str>,
        /// What it carries.
        data: Option<Opaque>,
        /// The receiver's own connector.
        connector: ConnectorId,
        /// The peer.
        member: MemberId,
    },
    /// `reconnect {type: "getOffer"}`: that member is back, make a new offer over the same connector.
    Renegotiate {
        /// The receiver's own connector.
        connector: ConnectorId,
        /// Who is back.
        member: MemberId,
    },
    /// `reconnect {type: "leave"}`: drop all peer connections.
    DropAll,
    /// `leave`
    Leave {
        /// The receiver's own connector.
        connector: ConnectorId,
        /// Who is gone.
        member: MemberId,
    },
    /// `error`
    Error(Refusal),
}

impl Message {
    /// Whether it asks for an offer. A request is for the socket it was made to: a resume asks anew.
    pub fn is_request(&self) -> bool {
        matches!(self, Self::GetOffer { .. } | Self::Renegotiate { .. })
    }

    /// Whether it says that a peer is gone: the one thing that a member must still be told after a restart.
    pub fn is_leave(&self) -> bool {
        matches!(self, Self::Leave { .. })
    }

    /// Which member said it, where it is not the server's own word.
    pub(super) fn sender(&self) -> Option<MemberId> {
        self.origin().map(|(sender, _)| sender)
    }

    /// Which member said it by which event, where it is not the server's own word.
    pub fn origin(&self) -> Option<(MemberId, &'static str)> {
        match self {
            Self::Offer { member, .. } => Some((*member, "offer")),
            Self::Answer { member, .. } => Some((*member, "answer")),
            Self::Candidate { member, .. } => Some((*member, "icecandidate")),
            Self::Work { member, .. } => Some((*member, "reconnectWork")),
            Self::GetOffer { .. } | Self::Renegotiate { .. } | Self::DropAll | Self::Leave { .. } | Self::Error(_) => {
                None
            }
        }
    }

    /// The debt that this is to a member who is away, if it must outlast a restart.
    pub(super) fn as_owed(&self) -> Option<OwedLeave> {
        let Self::Leave { connector, member } = self else {
            return None;
        };
        Some(OwedLeave {
            connector: connector.clone(),
            leaver: *member,
        })
    }

    /// About how many bytes it takes in a mailbox.
    pub fn weight(&self) -> usize {
        const ENVELOPE: usize = 160;
        ENVELOPE + self.payload()
    }

    /// How many bytes of a client's own it passes on.
    pub fn payload(&self) -> usize {
        match self {
            Self::Offer { offer: payload, .. }
            | Self::Answer { answer: payload, .. }
            | Self::Candidate { candidate: payload, .. } => payload.len(),
            Self::Work { kind, data, .. } => kind.len() + data.as_ref().map_or(0, Opaque::len),
            Self::GetOffer { .. } | Self::Renegotiate { .. } | Self::DropAll | Self::Leave { .. } | Self::Error(_) => 0,
        }
    }
}
