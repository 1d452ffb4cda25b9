//! What the parts of a server that runs on several machines say to each other about a client.
//!
//! The edge of a socket is the node that it landed on; the owner of a room is the one node that drives it. An edge hands the
//! owner the client's own words, and the owner hands back what is to be said to it, as it goes out: so what travels is the
//! public contract. Who carries it, and who knows which node owns a room, is behind the traits here.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::model::id::RoomName;

/// A client as its edge calls it: unique among those of one link.
pub type ClientNumber = u64;

/// What an edge tells an owner about one of its clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToOwner {
    /// There is one. Comes before all else of it.
    Open {
        /// Whom limits count it as.
        address: IpAddr,
        /// The tag of the language that it is told errors in.
        language: String,
        /// What it showed when it connected.
        shown: HandshakeShown,
    },
    /// It says something.
    Say {
        /// The message: an event's name and its payload, as JSON.
        text: String,
        /// Whether there are binary attachments, which no event has.
        is_binary: bool,
        /// What an answer to it is called, if one is wanted.
        callback: Option<u32>,
        /// Whether the edge waits for a [`ToEdge::Entry`].
        is_entry: bool,
    },
    /// So many of the events that were sent to it have arrived, as far as can be told.
    Delivered(u64),
    /// It is in a room of another node, or what it has sent goes to another: it has none here any more, and what was held
    /// until it comes in is not to be done.
    Moved,
    /// It is gone.
    End {
        /// How, in the history's word.
        why: String,
        /// As in [`ToOwner::Delivered`], for good.
        delivered: u64,
    },
}

/// A token of the handshake.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandshakeShown {
    /// There was none.
    Nothing,
    /// It was no text.
    NotAString,
    /// It was this.
    Token(String),
}

/// It opens rooms.
impl std::fmt::Debug for HandshakeShown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandshakeShown(..)")
    }
}

/// What an owner tells an edge about a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToEdge {
    /// It is told something.
    Event {
        /// The event.
        name: String,
        /// Its payload, as JSON.
        payload: String,
    },
    /// One of its callbacks gets something.
    Answer {
        /// Which.
        callback: u32,
        /// The answer, as JSON.
        payload: String,
    },
    /// What came of its request to come into a room.
    Entry(EntryResult),
    /// Its socket ends, and does not come back by itself.
    Disconnect,
    /// Its connection ends, and it comes back by itself: its room is about to be another node's.
    Cut,
}

/// What came of a client's request to come into a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryResult {
    /// It is in.
    Entered,
    /// It was told why not.
    Refused,
    /// The room is another node's: nothing was said and nothing is changed.
    Misplaced,
}

/// The way back to the edge of some clients. What was sent first arrives first.
pub trait EdgeLink: Send + Sync {
    /// Never waits. False if the link has ended, or does now, as too much waits for it.
    fn send(&self, client: ClientNumber, message: ToEdge) -> bool;
}

/// The way to a node that owns rooms.
pub trait OwnerLink: Send + Sync {
    /// Never waits. False if the link has ended, or does now, as too much waits for it.
    fn send(&self, client: ClientNumber, message: ToOwner) -> bool;
    /// Hands this client what the owner says of it, until it is detached. False if the link has ended.
    fn attach(&self, client: ClientNumber, socket: Arc<dyn EdgeSocket>) -> bool;
    /// Nothing more is to be said to this client.
    fn detach(&self, client: ClientNumber);
}

/// A client of this node that has to do with another.
pub trait EdgeSocket: Send + Sync {
    /// Does what the owner says. False if no owner says that.
    #[must_use]
    fn take(&self, message: ToEdge) -> bool;
    /// Nobody speaks to the client any more: if its room is there, it has to come back.
    fn link_ended(&self);
    /// This node is about to stop: if the client's room is there, it is to come back through another.
    fn send_away(&self);
}

/// Which node owns a room.
pub enum Place {
    /// This one, at least for as long as this is held.
    Here(Claim),
    /// Another.
    At(Arc<dyn OwnerLink>),
}

/// That a room is this node's: it is not given back while there is one of these.
#[derive(Debug, Clone, Default)]
pub struct Claim(Arc<()>);

impl Claim {
    /// Whether nobody else has it.
    pub fn is_unused(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// A room's owner cannot be found or reached in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfReach;

/// Knows which node owns which room.
pub trait Directory: Send + Sync {
    /// Where a room is, if that is known without asking anybody.
    fn known(&self, room: &RoomName) -> Option<Place>;
    /// Where a room is. One that is nobody's becomes this node's.
    fn find<'a>(&'a self, room: &'a RoomName) -> BoxFuture<'a, Result<Place, OutOfReach>>;
    /// What was known of this room was wrong.
    fn forget(&self, room: &RoomName);
}
