//! The registry of rooms: finds a room, and answers what others ask of all of them.
//!
//! Locks are taken in this order: a client's state, then one room, then the registry or the lines. No lock is held
//! across an await.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::allowance::{Allowances, EntryStanding, Rates};
use super::cell::{Missing, Outcome, RoomCell};
use super::client::{Callback, Client, Line};
use super::clock::Clock;
use super::opening::Openings;
use super::transport::Transports;
use super::unlisted::Unlisted;
use crate::held::MemoryBudget;
use crate::journal::{Journal, Source};
use crate::limit::Seldom;
use crate::model::id::{ClientKey, RoomName, SessionId, SocketKey, Username};
use crate::room::input::Relay;
use crate::room::output::{Message, Reply};
use crate::room::record::{Record, Snapshot};
use crate::room::refusal::{Limit, Reason, Refusal};
use crate::room::{Input, Limits, Room, Standing};

/// All rooms, and the sockets of their members.
pub struct Hub {
    pub(super) rooms: Mutex<HashMap<RoomName, Arc<RoomCell>>>,
    /// Every socket that has tried to join, until its end.
    pub(super) lines: RwLock<HashMap<SocketKey, Line>>,
    transports: Arc<Transports>,
    memory: MemoryBudget,
    pub(super) openings: Openings,
    pub(super) allowances: Allowances,
    /// Refusals on sockets that are in no room, to be written as one row.
    unlisted: Mutex<Unlisted>,
    pub(super) journal: Journal,
    pub(super) clock: Arc<Clock>,
    limits: Limits,
    /// The last key given to a socket; 0 is nobody's.
    last_socket: AtomicU64,
    /// Set once the server stops: sockets that end from then on are not their members' doing.
    stopping: AtomicBool,
    /// Lines in the log that any client can cause.
    pub(super) full_is_told: Seldom,
    pub(super) short_id_is_told: Seldom,
    pub(super) this: Weak<Hub>,
}

impl Hub {
    /// How often counts are written down, and the calendar follows the wall clock.
    const SWEEP: Duration = Duration::from_secs(5);
    /// The shortest time between two lines of one kind that tell the operator of what clients do.
    const TOLD_EVERY: Duration = Duration::from_secs(60);

    /// A hub with the rooms that a restart found: their members may resume for `grace`.
    ///
    /// Must be called within a tokio runtime.
    pub fn new(
        journal: Journal,
        clock: Arc<Clock>,
        limits: Limits,
        restored: Vec<(SessionId, Snapshot)>,
        grace: Duration,
        memory: MemoryBudget,
        rates: Rates,
    ) -> Arc<Self> {
        let hub = Arc::new_cyclic(|this| Self {
            rooms: Mutex::default(),
            lines: RwLock::default(),
            transports: Arc::default(),
            memory,
            openings: Openings::default(),
            allowances: Allowances::new(rates),
            unlisted: Mutex::default(),
            journal,
            clock,
            limits,
            last_socket: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            full_is_told: Seldom::new(Self::TOLD_EVERY),
            short_id_is_told: Seldom::new(Self::TOLD_EVERY),
            this: this.clone(),
        });
        let now = hub.clock.now();
        for (session, snapshot) in restored {
            hub.adopt(Room::restore(session, snapshot, limits, grace, now));
        }
        tokio::spawn(Self::sweep_forever(Arc::downgrade(&hub)));
        hub
    }

    /// Puts a restored room in its place. Its graces are new, as the database says already.
    fn adopt(&self, room: Room) {
        let cell = Arc::new(RoomCell::new(room.name().clone(), room));
        self.rooms.lock().insert(cell.name.clone(), cell.clone());
        let mut state = cell.state.lock();
        self.rearm(&cell, &mut state);
    }

    /// The next key for a socket.
    pub(super) fn next_socket(&self) -> SocketKey {
        SocketKey(self.last_socket.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn transports(&self) -> &Arc<Transports> {
        &self.transports
    }

    /// What may wait in memory for clients, shared with the network's part.
    pub fn memory(&self) -> &MemoryBudget {
        &self.memory
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// From here on, sockets end because the server does: their members are not away on their own account, and nothing
    /// more is said to them, as nobody knows whether it still gets through.
    pub fn stop(&self) {
        // Whoever says something holds the lines: it has been said, or it will not be.
        let _lines = self.lines.write();
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether a member of the room, present or away, has this name.
    pub fn name_taken(&self, room: &RoomName, username: &Username) -> bool {
        self.look(room, |room| room.name_taken(username)).unwrap_or(false)
    }

    /// What a returning client may know of itself.
    pub fn standing(&self, room: &RoomName, key: &ClientKey) -> Option<Standing> {
        let now = self.clock.now();
        self.look(room, |room| room.standing(key, now)).flatten()
    }

    fn look<T>(&self, name: &RoomName, read: impl FnOnce(&Room) -> T) -> Option<T> {
        let cell = self.rooms.lock().get(name).cloned()?;
        let state = cell.state.lock();
        Some(read(&state.room))
    }

    /// What the client with this secret, on this socket, is to a room.
    pub(super) fn entry_standing(&self, room: &RoomName, key: &ClientKey, socket: SocketKey) -> EntryStanding {
        let now = self.clock.now();
        let look = |room: &Room| match room.standing(key, now) {
            _ if room.is_idle() => EntryStanding::NoRoom,
            Some(standing) if room.member_on(socket) == Some(standing.member) => EntryStanding::Seated,
            Some(standing) if !standing.resumable => EntryStanding::Stranger,
            Some(standing) if standing.away_for.is_some() => EntryStanding::Away,
            Some(_) => EntryStanding::SitsElsewhere,
            None => EntryStanding::Stranger,
        };
        self.look(room, look).unwrap_or(EntryStanding::NoRoom)
    }

    /// Makes a socket known, so that rooms can speak to it.
    pub(super) fn register(&self, line: Line) {
        self.lines.write().insert(line.client.key, line);
    }

    /// Forgets a socket.
    pub(super) fn unregister(&self, socket: SocketKey) {
        self.lines.write().remove(&socket);
    }

    /// Hands an input to the room of that name, which is made if there is none.
    pub(super) fn enter(
        &self,
        name: &RoomName,
        from: &Client,
        input: Input,
        callback: Option<Callback>,
    ) -> (Arc<RoomCell>, Outcome) {
        loop {
            let cell = self.cell(name);
            let mut state = cell.state.lock();
            if !state.retired {
                let outcome = self.drive(&cell, &mut state, Some(from), input, callback);
                drop(state);
                return (cell, outcome);
            }
        }
    }

    fn cell(&self, name: &RoomName) -> Arc<RoomCell> {
        let make = || Arc::new(RoomCell::new(name.clone(), Room::new(name.clone(), self.limits)));
        self.rooms.lock().entry(name.clone()).or_insert_with(make).clone()
    }

    /// Hands an input to a room that is at hand.
    pub(super) fn input(
        &self,
        cell: &Arc<RoomCell>,
        from: &Client,
        input: Input,
        callback: Option<Callback>,
    ) -> Outcome {
        self.drive(cell, &mut cell.state.lock(), Some(from), input, callback)
    }

    /// Hands a message for another member to the room, unless too much of its sender waits for that member already.
    pub(super) fn relay(
        &self,
        cell: &Arc<RoomCell>,
        from: &Client,
        relay: Relay,
        callback: Option<Callback>,
    ) -> Outcome {
        let state = &mut cell.state.lock();
        let socket = from.key;
        let input = if self.takes(&state.room, from, &relay) {
            Input::Relay { socket, relay }
        } else {
            self.allowances.tell(Limit::WaitingOfPair, from.address);
            let reason = Reason::TooMuch(Limit::WaitingOfPair);
            let refusal = Refusal::new(relay.body.event(), reason);
            Input::Refuse { socket, refusal }
        };
        self.drive(cell, state, Some(from), input, callback)
    }

    /// Whether the receiver's socket has room for more of this sender.
    fn takes(&self, room: &Room, from: &Client, relay: &Relay) -> bool {
        let Some(socket) = relay.to.and_then(|to| room.line_of(to)) else {
            return true;
        };
        let (lines, most) = (self.lines.read(), self.allowances.rates.waiting_per_pair);
        lines
            .get(&socket)
            .is_none_or(|line| line.client.transport.takes(from.key, relay.body.payload_len(), most))
    }

    /// Counts a refusal that is not listed in the history, on a socket that may be in a room.
    pub(super) fn count_refusal(&self, room: Option<&Arc<RoomCell>>, socket: SocketKey) {
        let Some(cell) = room else {
            return self.unlisted.lock().add(None, None);
        };
        let state = &mut cell.state.lock();
        let (session, participant) = state.room.whose(socket);
        state.unlisted.add(session, participant);
    }

    /// Records and says what was wrong with a message on a socket that is in no room.
    pub(super) fn complain(&self, line: Line, record: Record, message: Message, callback: Option<Callback>) {
        let source = Source {
            address: Some(line.client.address),
            room: None,
        };
        if !self.allowances.is_recorded(&line.client, None, self.clock.now().tick) {
            self.unlisted.lock().add(None, None);
            return tell_refusal(&line, message, callback);
        }
        let release = move || tell_refusal(&line, message, callback);
        // A refusal that is dropped is counted like any other; no room's state depends on it.
        let _ = self.journal.submit(source, vec![record], Some(Box::new(release)));
    }

    async fn sweep_forever(hub: Weak<Self>) {
        let mut interval = tokio::time::interval(Self::SWEEP);
        loop {
            interval.tick().await;
            match hub.upgrade() {
                Some(hub) => hub.sweep(),
                None => return,
            }
        }
    }

    /// Writes down what the links have carried, and repairs what the journal has missed.
    fn sweep(&self) {
        let cells: Vec<_> = {
            let rooms = self.rooms.lock();
            // Nobody comes in meanwhile: what happens to a member must not go back behind its join.
            self.clock.follow(rooms.is_empty());
            rooms.values().cloned().collect()
        };
        self.transports.sweep();
        self.openings.sweep();
        self.allowances.sweep(self.clock.now().tick);
        self.list_unlisted();
        let damaged = self.journal.take_damaged();
        for cell in cells {
            let mut state = cell.state.lock();
            if damaged.contains(&cell.name) {
                state.unsynced = true;
                state.missing = Missing::Unknown;
            }
            self.resync(&cell, &mut state, None);
            let mut outputs = state.take_unlisted(self.clock.now().at);
            state.room.progress(self.clock.now(), &mut outputs);
            self.enqueue(&cell, &mut state, None, outputs, None);
            self.retire_if_idle(&cell, &mut state);
        }
    }

    /// Writes down how many refusals were not listed, of sockets in no room.
    fn list_unlisted(&self) {
        let records = self.unlisted.lock().take(self.clock.now().at);
        if !records.is_empty() {
            let nobody = Source {
                address: None,
                room: None,
            };
            // A refusal that is dropped is counted like any other; no room's state depends on it.
            let _ = self.journal.submit(nobody, records, None);
        }
    }

    /// Writes down what was only counted so far: the server is about to end.
    pub fn settle(&self) {
        self.list_unlisted();
        let cells: Vec<_> = self.rooms.lock().values().cloned().collect();
        for cell in cells {
            let mut state = cell.state.lock();
            let outputs = state.take_unlisted(self.clock.now().at);
            self.enqueue(&cell, &mut state, None, outputs, None);
        }
    }
}

/// Tells a client what was wrong. One that is gone need not be told.
fn tell_refusal(line: &Line, message: Message, callback: Option<Callback>) {
    line.emit(&message).ok();
    if let (Some(callback), Message::Error(refusal)) = (callback, message) {
        callback.answer(&Reply::Refused(refusal));
    }
}
