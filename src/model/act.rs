//! What a teacher can do to a room.

use std::time::Duration;

use super::id::Username;

/// What a teacher does to a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Takes somebody out.
    Remove {
        /// The member's name, as it is in the room.
        username: Username,
        /// For how long they may not come back.
        bar: Duration,
    },
    /// Takes everybody out.
    Close {
        /// For how long nobody comes in.
        bar: Duration,
    },
    /// Whether the room takes nobody new from now on, until its session ends. Who is a member may come back.
    Lock(bool),
}

/// Why a teacher's act is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotAct {
    /// No session goes on in the room.
    NoSession,
    /// No member, present or away, has that name.
    NoSuchMember,
    /// As many are barred from the room as it keeps.
    TooManyBarred,
}
