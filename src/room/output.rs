//! What follows from an input: plain data, in the order in which it must take effect.

use super::input::{Answer, Candidate, Offer, Renegotiation};
use super::record::{PendingLeave, Record};
use super::refusal::{Refusal, Refused, Request};
use crate::model::id::{ConnectorId, MemberId, SessionId, SocketKey, Username};

/// What follows from one input.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// What the journal must remember, in order. If any of it [is told](Record::is_told), the effects wait for the disk.
    pub records: Vec<Record>,
    /// What was refused, in order: to be recorded after the records, or only counted where there is too much of it.
    pub refused: Vec<Refused>,
    /// What is to be done, in order.
    pub effects: Vec<Effect>,
}

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A member is told something. Pass it to [`super::Room::deliver`] when its turn comes.
    Tell {
        /// The member.
        to: MemberId,
        /// The socket it had when this was said; `None` if it was away.
        socket: Option<SocketKey>,
        /// What.
        message: Message,
    },
    /// A socket, which may be no member's yet, is told to drop all its peer connections.
    DropAll(SocketKey),
    /// A socket is told that something it sent was refused.
    Refuse {
        /// The socket.
        socket: SocketKey,
        /// What, and why.
        refusal: Refusal,
    },
    /// A resumed member's mailbox goes to its new socket. Pass it to [`super::Room::open_mailbox`] when its turn comes.
    OpenMailbox {
        /// The member.
        member: MemberId,
        /// Its new socket.
        socket: SocketKey,
    },
    /// A socket lost its member to a newer one: tell it and disconnect it, unless it has taken a member's place again by
    /// the time this is due.
    Disconnect {
        /// The socket.
        socket: SocketKey,
        /// What it is told.
        refusal: Refusal,
    },
    /// The answer to the input itself, for the client's callback. At most one per input.
    Reply(Reply),
    /// What became of a message that was held until its sender joined or resumed, for its callback.
    HeldReply {
        /// Which of them, in the order in which they came.
        index: usize,
        /// What.
        reply: Reply,
    },
}

/// The answer to an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It was done.
    Done,
    /// The socket is a member's: it joined or resumed.
    Entered(Membership),
    /// It was refused; that its socket is told so is an effect of its own.
    Refused(Refusal),
}

/// What a client learns of its place in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its address.
    pub member: MemberId,
    /// The room's session.
    pub session: SessionId,
    /// Whether it came back rather than in.
    pub resumed: bool,
    /// Everyone in the room, itself included, present or away, in the order they joined.
    pub members: Vec<(MemberId, Username)>,
}

/// What a member is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Make an offer to that member.
    GetOffer {
        /// To whom.
        member: MemberId,
        /// Their name.
        username: Username,
    },
    /// Another member's offer.
    Offer {
        /// Who.
        from: MemberId,
        /// Their name.
        username: Username,
        /// What.
        offer: Offer,
    },
    /// Another member's answer.
    Answer {
        /// Who.
        from: MemberId,
        /// What.
        answer: Answer,
    },
    /// Another member's candidate.
    Candidate {
        /// Who.
        from: MemberId,
        /// What.
        candidate: Candidate,
    },
    /// Another member's step of negotiating again.
    Renegotiation {
        /// Who.
        from: MemberId,
        /// What.
        step: Renegotiation,
    },
    /// That member is back: make a new offer over the same connector.
    Renegotiate {
        /// The receiver's own connector.
        connector: ConnectorId,
        /// Who is back.
        member: MemberId,
    },
    /// That member is gone from a link.
    Leave {
        /// The receiver's own connector.
        connector: ConnectorId,
        /// Who is gone.
        member: MemberId,
    },
}

impl Message {
    /// Whether it asks for an offer. A request is for the socket it was made to: a resume asks anew.
    pub fn is_offer_request(&self) -> bool {
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

    /// Which member said it by which request, where it is not the server's own word.
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Self::Offer { from, .. } => Some((*from, Request::Offer)),
            Self::Answer { from, .. } => Some((*from, Request::Answer)),
            Self::Candidate { from, .. } => Some((*from, Request::Candidate)),
            Self::Renegotiation { from, .. } => Some((*from, Request::Renegotiation)),
            Self::GetOffer { .. } | Self::Renegotiate { .. } | Self::Leave { .. } => None,
        }
    }

    /// The debt that this is to a member who is away, if it must outlast a restart.
    pub(super) fn as_pending_leave(&self) -> Option<PendingLeave> {
        let Self::Leave { connector, member } = self else {
            return None;
        };
        Some(PendingLeave {
            connector: connector.clone(),
            leaver: *member,
        })
    }

    /// About how many bytes it takes in a mailbox.
    pub fn weight(&self) -> usize {
        const ENVELOPE: usize = 160;
        ENVELOPE + self.payload_len()
    }

    /// How many bytes of a client's own it passes on.
    pub fn payload_len(&self) -> usize {
        match self {
            Self::Offer { offer, .. } => offer.payload_len(),
            Self::Answer { answer, .. } => answer.payload_len(),
            Self::Candidate { candidate, .. } => candidate.payload_len(),
            Self::Renegotiation { step, .. } => step.payload_len(),
            Self::GetOffer { .. } | Self::Renegotiate { .. } | Self::Leave { .. } => 0,
        }
    }
}

/// A sender, and what it sent.
pub type Origin = (MemberId, Request);
