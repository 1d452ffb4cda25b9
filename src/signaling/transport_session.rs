//! The transport sessions of Engine.IO: each counts among all for as long as the engine keeps anything of it.

use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use socketioxide::socket::Sid;

use super::client_limit::Limit;
use crate::model::address::AddressKey;
use crate::net::Connection;
use crate::net::admission::places::{Full, Most, PlaceId, Places, Rank};

/// All of them.
pub(super) struct TransportSessions {
    places: Mutex<Places<Weak<TransportSession>>>,
    /// Ends a session whose client polls.
    end: Box<dyn Fn(Sid) + Send + Sync>,
}

impl TransportSessions {
    /// `end` ends a session whose client polls.
    pub(super) fn new(most: Most, end: impl Fn(Sid) + Send + Sync + 'static) -> Self {
        Self {
            places: Mutex::new(Places::new(most)),
            end: Box::new(end),
        }
    }
}

/// One of them. The engine keeps it among what it keeps of the request that opened the session, so that its place is
/// given back when the session's memory is.
pub(super) struct TransportSession {
    all: Arc<TransportSessions>,
    id: PlaceId,
    end: Mutex<End>,
}

/// How a session can be ended.
#[derive(Default)]
struct End {
    /// Its place is lost.
    is_due: bool,
    connection: Option<Connection>,
    session: Option<Sid>,
}

impl TransportSession {
    /// Opens one. Says whether others have lost their place by it.
    pub(super) fn open(all: &Arc<TransportSessions>, address: AddressKey) -> (Arc<Self>, bool) {
        let mut gone = Vec::new();
        let session = Arc::new_cyclic(|this: &Weak<Self>| {
            let entered = all
                .places
                .lock()
                .enter(address, Rank::Visitor, Instant::now(), this.clone());
            gone = entered.1;
            Self {
                all: all.clone(),
                id: entered.0,
                end: Mutex::default(),
            }
        });
        let are_some_gone = !gone.is_empty();
        give_up(gone);
        (session, are_some_gone)
    }

    /// Says whether its client is in a class. Who has left a class is one more of those that may have to go.
    pub(super) fn set_member(&self, is_member: bool) {
        let rank = if is_member { Rank::Member } else { Rank::Visitor };
        give_up(self.all.places.lock().rank(self.id, rank, Instant::now()));
    }

    /// Whether its client may come into a class.
    pub(super) fn may_join(&self) -> Result<(), Limit> {
        self.all.places.lock().may_join(self.id).map_err(|full| match full {
            Full::Address => Limit::SocketsOfAddress,
            Full::OverAll => Limit::Sockets,
        })
    }

    /// Names the connection that carries the session from its beginning.
    pub(super) fn runs_over(&self, connection: Connection) {
        let mut end = self.end.lock();
        end.connection = Some(connection);
        self.end_if_due(&end);
    }

    /// Names the session that a polling client has been given.
    pub(super) fn set_id(&self, session: Sid) {
        let mut end = self.end.lock();
        end.session = Some(session);
        self.end_if_due(&end);
    }

    fn give_up(&self) {
        let mut end = self.end.lock();
        end.is_due = true;
        self.end_if_due(&end);
    }

    fn end_if_due(&self, end: &End) {
        if !end.is_due {
            return;
        }
        if let Some(connection) = &end.connection {
            connection.cut();
        }
        if let Some(session) = end.session {
            (self.all.end)(session);
        }
    }
}

impl Drop for TransportSession {
    fn drop(&mut self) {
        self.all.places.lock().leave(self.id);
    }
}

fn give_up(sessions: Vec<Weak<TransportSession>>) {
    for session in sessions.iter().filter_map(Weak::upgrade) {
        session.give_up();
    }
}
