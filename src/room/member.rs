//! One member: who, on which socket, and what waits for it while it is away.

use std::collections::VecDeque;

use super::id::{ClientKey, ConnectionId, MemberId, ParticipantId, SocketKey, Username};
use super::look::Look;
use super::output::Message;
use super::record::{End, LeaveReason, OwedLeave};
use super::time::{Tick, Timestamp};

/// Whether a member has a live socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It has.
    Present {
        /// This one.
        socket: SocketKey,
    },
    /// It has none, and may resume.
    Away {
        /// Since when.
        since: Timestamp,
        /// Until when.
        until: Tick,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) participant: ParticipantId,
    pub(super) username: Username,
    /// What the name looks like.
    pub(super) look: Look,
    pub(super) key: ClientKey,
    pub(super) position: u64,
    pub(super) joined_at: Timestamp,
    /// The open connection, or the last one.
    pub(super) connection: ConnectionId,
    pub(super) connected_at: Timestamp,
    pub(super) presence: Presence,
    /// Where what is told to it goes: straight to this socket, or (`None`) into the mailbox. It lags behind
    /// `presence` after a resume, until what was said before the resume has had its turn.
    pub(super) line: Option<SocketKey>,
    pub(super) mailbox: Mailbox,
    /// Whom its socket was asked to make an offer to, and has not yet: such an offer is on its way.
    pub(super) asked: Vec<MemberId>,
    /// Why it leaves if it does not come back, where the server's own stop is to blame.
    pub(super) stopped_by: Option<LeaveReason>,
}

impl Member {
    pub(super) fn end(&self) -> End {
        End {
            member: self.id,
            participant: self.participant,
        }
    }

    pub(super) fn socket(&self) -> Option<SocketKey> {
        match self.presence {
            Presence::Present { socket } => Some(socket),
            Presence::Away { .. } => None,
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.socket().is_some()
    }
}

/// What waits for an away member: at most [`Mailbox::MESSAGES`] messages and [`Mailbox::BYTES`] bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Mailbox {
    messages: VecDeque<Message>,
    bytes: usize,
    overflowed: bool,
}

impl Mailbox {
    pub(super) const MESSAGES: usize = 256;
    pub(super) const BYTES: usize = 1 << 20;

    /// A mailbox that has lost something: its member cannot resume.
    pub(super) fn overflowed() -> Self {
        Self {
            overflowed: true,
            ..Self::default()
        }
    }

    /// Whether something did not fit, and all is lost.
    pub(super) fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Keeps a message. Returns true when this one made it overflow.
    pub(super) fn push(&mut self, message: Message, bounded: bool) -> bool {
        self.bytes += message.weight();
        self.messages.push_back(message);
        if bounded && (self.messages.len() > Self::MESSAGES || self.bytes > Self::BYTES) {
            *self = Self::overflowed();
        }
        self.overflowed
    }

    /// A mailbox as a restart finds it: relays are not kept on disk, leaves are.
    pub(super) fn restored(owed: Vec<OwedLeave>) -> Self {
        let mut mailbox = Self::default();
        for OwedLeave { connector, leaver } in owed {
            let member = leaver;
            mailbox.push(Message::Leave { connector, member }, false);
        }
        mailbox
    }

    /// The leaves among what waits, in order.
    pub(super) fn owed(&self) -> impl Iterator<Item = OwedLeave> {
        self.messages.iter().filter_map(Message::as_owed)
    }

    /// Takes all that waits, in order.
    pub(super) fn drain(&mut self) -> VecDeque<Message> {
        self.bytes = 0;
        std::mem::take(&mut self.messages)
    }
}
