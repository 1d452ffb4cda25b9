//! The place of one transport session among all, for as long as the engine keeps anything of it.

use std::sync::{Arc, Weak};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use parking_lot::Mutex;
use socketioxide::socket::Sid;
use tower::ServiceExt;

use super::PATH;
use super::transport::Transports;
use crate::model::address::AddressKey;
use crate::net::Connection;
use crate::net::admission::places::{Full, Most, PlaceId, Places, Rank};
use crate::room::refusal::Limit;

/// All sessions.
pub(super) struct Seats {
    places: Mutex<Places<Weak<Seat>>>,
    transports: Arc<Transports>,
    /// The engine's own service, by which alone a session can be ended whose client polls.
    engine: Router,
}

impl Seats {
    pub(super) fn new(most: Most, transports: Arc<Transports>, engine: Router) -> Self {
        Self {
            places: Mutex::new(Places::new(most)),
            transports,
            engine,
        }
    }

    /// What waits in the engine for the session is freed, and its client's next request is one of an unknown session.
    fn end(&self, session: Sid) {
        self.transports.cut(session);
        let close = Request::post(format!("{PATH}/?EIO=4&transport=polling&sid={session}")).body(Body::from("1"));
        let engine = self.engine.clone();
        tokio::spawn(async move {
            if let Ok(close) = close {
                let _ = engine.oneshot(close).await;
            }
        });
    }
}

/// One session's place. The engine keeps it among what it keeps of the request that opened the session, so that it is
/// given back when the session's memory is.
pub(super) struct Seat {
    seats: Arc<Seats>,
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

impl Seat {
    /// Takes a seat. Says whether others have lost theirs by it.
    pub(super) fn take(seats: &Arc<Seats>, address: AddressKey) -> (Arc<Self>, bool) {
        let mut gone = Vec::new();
        let seat = Arc::new_cyclic(|this: &Weak<Self>| {
            let entered = seats
                .places
                .lock()
                .enter(address, Rank::Visitor, Instant::now(), this.clone());
            gone = entered.1;
            Self {
                seats: seats.clone(),
                id: entered.0,
                end: Mutex::default(),
            }
        });
        let are_some_gone = !gone.is_empty();
        give_up(gone);
        (seat, are_some_gone)
    }

    /// Says whether somebody in a class sits here. Who has left a class is one more of those that may have to go.
    pub(super) fn set_member(&self, is_member: bool) {
        let rank = if is_member { Rank::Member } else { Rank::Visitor };
        give_up(self.seats.places.lock().rank(self.id, rank, Instant::now()));
    }

    /// Whether who sits here may come into a class.
    pub(super) fn may_join(&self) -> Result<(), Limit> {
        self.seats.places.lock().may_join(self.id).map_err(|full| match full {
            Full::Address => Limit::SocketsOfAddress,
            Full::OverAll => Limit::Sockets,
        })
    }

    /// Names the connection that carries the session from its beginning.
    pub(super) fn carried_by(&self, connection: Connection) {
        let mut end = self.end.lock();
        end.connection = Some(connection);
        self.end_if_due(&end);
    }

    /// Names the session that a polling client has been given.
    pub(super) fn belongs_to(&self, session: Sid) {
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
            self.seats.end(session);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.places.lock().leave(self.id);
    }
}

fn give_up(seats: Vec<Weak<Seat>>) {
    for seat in seats.iter().filter_map(Weak::upgrade) {
        seat.give_up();
    }
}
