//! What a teacher can do to a room.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Username;
use super::time::Timestamp;

/// What a teacher does to a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// What teachers' acts still keep from a room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StillHeld {
    /// Until when nobody comes in; nothing if the room is not closed.
    pub closed_until: Option<Timestamp>,
    /// Whether nobody new comes in while the session goes on.
    pub locked: bool,
    /// Who was removed and may not come back yet, in the order they were removed. Where PUBLIC_ROOMS lets anybody ask, the
    /// API names nobody.
    pub kept_out: Vec<KeptOut>,
}

/// Somebody who may not come back yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptOut {
    /// The name they had.
    pub username: Username,
    /// Until when.
    pub until: Timestamp,
}

/// Why a teacher's act is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CannotAct {
    /// Nobody is in the room, and nothing holds there that the act would lift.
    NoSession,
    /// No member, present or away, has that name.
    NoSuchMember,
    /// As many are barred from the room as it keeps.
    TooManyBarred,
}
