//! What travels on links: what is said of clients, and what nodes ask each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::act::{Act, CannotAct, KeptOut, StillHeld};
use crate::model::id::{RoomName, Username};
use crate::model::time::Timestamp;
use crate::signaling::remote::{ClientNumber, ToEdge, ToOwner};

/// What a question is called on its link.
pub(super) type QuestionNumber = u32;

/// From whoever has made the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FromEdge {
    /// About one of its clients.
    Client(ClientNumber, ToOwner),
    /// It wants to know something.
    Ask(QuestionNumber, Question),
    /// It has written entries, for which somebody may be waiting.
    Wrote,
}

/// From whoever was linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FromOwner {
    /// About one of the other's clients.
    Client(ClientNumber, ToEdge),
    /// It answers.
    Reply(QuestionNumber, Reply),
}

/// What one node asks another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Question {
    /// How long ago the database last answered it.
    Database,
    /// The same, of a node that the asked one may not know yet.
    Here(NodeAt),
    /// Which node has a room. One that nobody has becomes the asked node's.
    Owner(RoomName),
    /// Something of a room that it has.
    Room(RoomName, RoomQuestion),
    /// From which rooms teachers' acts still keep something.
    Held,
}

/// What is asked of a room, or is to be done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RoomQuestion {
    /// Whether a member has this name.
    NameTaken(Username),
    /// What a client may know of itself that proves itself with this key.
    Membership([u8; 32]),
    /// What teachers' acts still keep from it.
    Held,
    /// What a teacher does to it.
    Act(Act),
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// So many milliseconds.
    Database(u64),
    /// That one; `None` if it cannot be told.
    Owner(Option<NodeAt>),
    /// Of the room; `None` if another node has it.
    Room(Option<RoomReply>),
    /// These.
    Held(Vec<(RoomName, Held)>),
}

/// What is answered of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RoomReply {
    NameTaken(bool),
    Membership(Option<Membership>),
    Held(Held),
    /// It is done and written, or not done.
    Act(Result<(), CannotAct>),
    /// It was done, and is lost, as the node has lost its place.
    Lost,
}

/// What a returning client may know of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Membership {
    pub(super) member: Uuid,
    pub(super) session: Uuid,
    pub(super) away_for: Option<Duration>,
    pub(super) resumable: bool,
}

/// What teachers' acts still keep from a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    closed_until: Option<i64>,
    locked: bool,
    kept_out: Vec<(Username, i64)>,
}

impl From<StillHeld> for Held {
    fn from(held: StillHeld) -> Self {
        let kept_out = held.kept_out.into_iter();
        Self {
            closed_until: held.closed_until.map(|until| until.0),
            locked: held.locked,
            kept_out: kept_out
                .map(|KeptOut { username, until }| (username, until.0))
                .collect(),
        }
    }
}

impl From<Held> for StillHeld {
    fn from(held: Held) -> Self {
        let kept_out = held.kept_out.into_iter().map(|(username, until)| KeptOut {
            username,
            until: Timestamp(until),
        });
        Self {
            closed_until: held.closed_until.map(Timestamp),
            locked: held.locked,
            kept_out: kept_out.collect(),
        }
    }
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeAt {
    pub(super) node: u16,
    pub(super) epoch: i64,
    pub(super) address: String,
}
