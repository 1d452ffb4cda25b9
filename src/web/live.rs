//! What the web asks the rooms as they are at this moment, through one small handle.

use std::time::Duration;

use crate::model::id::{ClientKey, MemberId, RoomName, SessionId, Username};

/// The rooms as they are now. Both questions are answered at once, without waiting for anything but a room's lock.
pub trait LiveRooms: Send + Sync + 'static {
    /// Whether a join of this name would be refused as a repeat: a member has it, present or within its grace.
    fn name_taken(&self, room: &RoomName, name: &Username) -> bool;

    /// What a client that proves itself with `key` can resume; `None` if it is not a member of the room.
    fn recovery(&self, room: &RoomName, key: &ClientKey) -> Option<Recovery>;
}

/// A membership that may be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The member.
    pub member: MemberId,
    /// The session it is a member of.
    pub session: SessionId,
    /// How much of its grace is left; `None` if it is present now.
    pub resumable_for: Option<Duration>,
    /// Whether its mailbox overflowed: then it can no longer resume.
    pub overflowed: bool,
}

/// Whether everything works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// Signaling works, but something else does not.
    Degraded {
        /// What, in words that anybody may read: no paths, no secrets.
        reason: String,
    },
}
