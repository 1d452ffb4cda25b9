//! The rows of the tables, as far as a history that is over has them.

use uuid::Uuid;

/// Rows to be written together.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// One each occupancy of a room.
    pub(super) sessions: Vec<Session>,
    /// One each person of a session.
    pub(super) participants: Vec<Participant>,
    /// One each interval with a live socket.
    pub(super) connections: Vec<Connection>,
    /// The journal's entries.
    pub(super) events: Vec<Event>,
    /// One each peer connection.
    pub(super) links: Vec<Link>,
}

impl Rows {
    /// Puts them into the order in which a server would have written them, however many sessions went on at once.
    pub(super) fn sort(&mut self) {
        self.sessions.sort_by_key(|row| row.id);
        self.participants.sort_by_key(|row| row.id);
        self.connections.sort_by_key(|row| row.id);
        self.links.sort_by_key(|row| row.id);
        // What happened to one person in the same moment stays in its order.
        self.events.sort_by_key(|row| row.at);
    }
}

/// A session and its totals.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: Uuid,
    pub(super) room: String,
    pub(super) started_at: i64,
    pub(super) ended_at: i64,
    pub(super) peak: usize,
    pub(super) participants: usize,
    pub(super) reconnects: usize,
    pub(super) errors: usize,
}

/// A person of a session.
#[derive(Debug)]
pub(super) struct Participant {
    pub(super) id: Uuid,
    pub(super) session: Uuid,
    pub(super) username: String,
    pub(super) joined_at: i64,
    pub(super) left_at: i64,
    pub(super) leave_reason: &'static str,
    pub(super) reconnects: usize,
}

/// An interval with a live socket, and until when its owner was away after it.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) id: Uuid,
    pub(super) session: Uuid,
    pub(super) participant: Uuid,
    pub(super) connected_at: i64,
    pub(super) disconnected_at: i64,
    pub(super) opened_by: &'static str,
    pub(super) closed_by: &'static str,
    pub(super) away_until: i64,
}

/// An entry of the journal.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) at: i64,
    pub(super) session: Uuid,
    pub(super) participant: Option<Uuid>,
    pub(super) kind: &'static str,
    pub(super) detail: Option<String>,
}

/// A peer connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: Uuid,
    pub(super) session: Uuid,
    pub(super) offerer: Uuid,
    pub(super) answerer: Uuid,
    pub(super) stream: &'static str,
    pub(super) offered_at: i64,
    pub(super) answered_at: Option<i64>,
    pub(super) candidates: [u32; 2],
    pub(super) renegotiations: u32,
    pub(super) closed_at: i64,
    pub(super) closed_by: &'static str,
}
