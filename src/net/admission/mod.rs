//! Who is let in, and as whom.
//!
//! Each accepted connection has a place in a table. Whoever has no place left in it is not refused: the oldest
//! connection that nobody in a class needs gives way, of the same address, or of the address that holds the most.

mod capacity;
pub(crate) mod places;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::warn;

use self::places::{Most, PlaceId, Places, Rank};
use super::forwarded::{self, ClientAddress};
use crate::config::TrustedProxies;
use crate::limit::Seldom;
use crate::metrics;
use crate::model::address::AddressKey;
use crate::model::limit::LimitName;

pub use capacity::Capacity;
pub(crate) use capacity::unless_off;

/// How many connections that had to give way may still be on their way out while others come in: no more than this, and
/// no more than a quarter of all.
const LEAVING: usize = 32;

/// For how long nobody is accepted, at most, while so many are.
const ROOM_TIMEOUT: Duration = Duration::from_millis(500);

/// How often the same trouble is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Who has a place, and may lose it to others.
pub(super) trait Occupant: fmt::Debug + Send + Sync {
    /// Goes away.
    fn lose_place(&self);
}

/// Decides who is let in, for all listeners of a server.
#[derive(Debug)]
pub struct Admission {
    proxies: TrustedProxies,
    capacity: Capacity,
    connections: Mutex<Places<Arc<dyn Occupant>>>,
    /// Connections with a descriptor, also those that have lost their place.
    open: AtomicUsize,
    closed: Notify,
    told_of_proxy: Seldom,
    told_of_crowd: Seldom,
}

impl Admission {
    /// Knows clients by what these proxies say of them, and lets in so many.
    pub fn new(proxies: TrustedProxies, capacity: Capacity) -> Self {
        Self {
            proxies,
            capacity,
            connections: Mutex::new(Places::new(Most {
                over_all: capacity.over_all,
                per_address: capacity.per_address,
                others_per_address: usize::MAX,
            })),
            open: AtomicUsize::new(0),
            closed: Notify::new(),
            told_of_proxy: Seldom::new(Duration::MAX),
            told_of_crowd: Seldom::new(TOLD_EVERY),
        }
    }

    /// Whose request it is that has come from `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        if forwarded::is_forwarded(headers) && !self.proxies.contains(peer) {
            self.told_of_proxy.then(|| warn!(
                %peer,
                "a peer sends X-Forwarded-For or Forwarded, and is not believed: if it is your reverse proxy, name its address in TRUSTED_PROXIES, else all its clients count as one"
            ));
        }
        ClientAddress(forwarded::client_address(peer, headers, &self.proxies))
    }

    /// Waits while too many connections are on their way out: descriptors are what there are fewest of.
    pub(super) async fn until_there_is_room(&self) {
        let over_all = self.capacity.over_all;
        let most = over_all.saturating_add(LEAVING.min(over_all / 4).max(1));
        let room = async {
            loop {
                let closed = self.closed.notified();
                if self.open.load(Ordering::SeqCst) < most {
                    return;
                }
                closed.await;
            }
        };
        // Whatever holds them up must not keep everybody out.
        let _ = timeout(ROOM_TIMEOUT, room).await;
    }

    /// Gives an accepted connection its place.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr, occupant: Arc<dyn Occupant>) -> Place {
        self.open.fetch_add(1, Ordering::SeqCst);
        let address = AddressKey::of(peer);
        let (id, gone) = self
            .connections
            .lock()
            .enter(address, Rank::Idle, Instant::now(), occupant);
        self.send_away(address, gone);
        Place {
            admission: self.clone(),
            peer: address,
            id,
        }
    }

    fn change(&self, id: PlaceId, address: AddressKey, rank: Rank) {
        let gone = self.connections.lock().change(id, address, rank, Instant::now());
        self.send_away(address, gone);
    }

    fn send_away(&self, newcomer: AddressKey, gone: Vec<Arc<dyn Occupant>>) {
        if gone.is_empty() {
            return;
        }
        let Capacity { over_all, per_address } = self.capacity;
        let is_full = self.connections.lock().len() >= over_all;
        metrics::limit_reached(if is_full {
            LimitName::MaxConnections
        } else {
            LimitName::MaxConnectionsPerAddress
        });
        self.told_of_crowd.then(|| warn!(
            %newcomer,
            over_all,
            per_address,
            "there are as many connections as MAX_CONNECTIONS or MAX_CONNECTIONS_PER_ADDRESS allows: the oldest that are in no class give way to new ones"
        ));
        for occupant in gone {
            occupant.lose_place();
        }
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.connections.lock().len()
    }
}

/// A connection's place, for as long as it has a descriptor.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    /// Who has connected, which for a proxy is not whose request it is.
    peer: AddressKey,
    id: PlaceId,
}

impl Place {
    /// A request of this client has come.
    pub(super) fn ask(&self, client: IpAddr) {
        self.admission.change(self.id, AddressKey::of(client), Rank::Visitor);
    }

    /// The request is answered.
    pub(super) fn rest(&self) {
        self.admission.change(self.id, self.peer, Rank::Idle);
    }

    /// What it carries is, or is no longer, somebody's who is in a class.
    pub(super) fn set_member(&self, is_member: bool) {
        let rank = if is_member { Rank::Member } else { Rank::Visitor };
        let gone = self.admission.connections.lock().rank(self.id, rank, Instant::now());
        self.admission.send_away(self.peer, gone);
    }

    /// The descriptor is closed.
    pub(super) fn close(&self) {
        drop(self.admission.connections.lock().leave(self.id));
        self.admission.open.fetch_sub(1, Ordering::SeqCst);
        self.admission.closed.notify_waiters();
    }
}
