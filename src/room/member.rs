//! One member: who, on which socket, and what waits for it while it is away.

use super::mailbox::Mailbox;
use super::record::End;
use crate::model::id::{ClientKey, ConnectionId, MemberId, ParticipantId, SocketKey, Username};
use crate::model::look::Look;
use crate::model::time::{Tick, Timestamp};
use crate::model::vocabulary::LeaveReason;

/// Whether a member has a live socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attachment {
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
    /// What its own token is known by; of a member from before a restart it is not known.
    pub(super) token: Option<Box<str>>,
    pub(super) position: u64,
    pub(super) joined_at: Timestamp,
    /// The open connection, or the last one.
    pub(super) connection: ConnectionId,
    pub(super) connected_at: Timestamp,
    pub(super) attachment: Attachment,
    /// Where what is told to it goes: straight to this socket, or (`None`) into the mailbox. It lags behind
    /// `attachment` after a resume, until what was said before the resume has had its turn.
    pub(super) delivers_to: Option<SocketKey>,
    pub(super) mailbox: Mailbox,
    /// Whom its socket was asked to make an offer to, and has not yet: such an offer is on its way.
    pub(super) asked: Vec<MemberId>,
    /// Why it leaves if it does not come back, where that is not for its lost contact: its page was closed, or the server
    /// stopped. It was last there then.
    pub(super) leaves_as: Option<LeaveReason>,
}

/// How a member is gone.
pub(super) struct Departure {
    pub(super) reason: LeaveReason,
    /// When it was last there.
    pub(super) at: Timestamp,
}

impl Member {
    pub(super) fn end(&self) -> End {
        End {
            member: self.id,
            participant: self.participant,
        }
    }

    pub(super) fn socket(&self) -> Option<SocketKey> {
        match self.attachment {
            Attachment::Present { socket } => Some(socket),
            Attachment::Away { .. } => None,
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.socket().is_some()
    }
}
