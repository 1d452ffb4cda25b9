//! The registry of rooms: finds a room's driver, and answers what others ask of all of them.
//!
//! Locks are taken in this order: a client's state, then one room, then the registry or the sockets. No lock is held
//! across an await.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::allowance::{Allowances, EntryStatus, Rates};
use super::client::{Callback, Client, ClientSender};
use super::client_limit::Limit;
use super::clock::Clock;
use super::connecting::ConnectingClients;
use super::driver::{Arrival, Host, InputOutcome, RoomDriver, WakeUp};
use super::refusal_counts::RefusalCounts;
use super::remote::Directory;
use super::room_log::{RefusalLog, ToldRefusal};
use super::sockets::SocketRegistry;
use super::transport::Transports;
use super::wire::{CallbackReply, Outgoing, WireRefusal};
use crate::held::MemoryBudget;
use crate::join_token::EntryRules;
use crate::journal::{Journal, Release, Source};
use crate::limit::Seldom;
use crate::metrics::Figures;
use crate::model::act::{Act, CannotAct, StillHeld};
use crate::model::address::AddressKey;
use crate::model::id::{ClientKey, RoomName, SessionId, SocketKey, Username};
use crate::model::time::{Now, Tick, Timestamp};
use crate::room::record::Snapshot;
use crate::room::{Limits, MembershipStatus, Room};

/// What drives one room of a hub.
pub(super) type HubDriver = RoomDriver<Hub>;

/// What a restart found.
pub struct RestoredRooms {
    /// The rooms that there were, and who was in them.
    pub rooms: Vec<(SessionId, Snapshot)>,
    /// For how long their members may resume.
    pub grace: Duration,
}

/// All rooms, and what they share.
pub struct Hub {
    rooms: Mutex<HashMap<RoomName, Arc<HubDriver>>>,
    sockets: SocketRegistry,
    transports: Arc<Transports>,
    memory: MemoryBudget,
    pub(super) connecting: ConnectingClients,
    pub(super) allowances: Allowances,
    /// Refusals on sockets that are in no room, to be written as one row.
    counted: Mutex<RefusalCounts>,
    /// Who may come in.
    pub(super) entry_rules: Arc<EntryRules>,
    journal: Journal,
    clock: Arc<Clock>,
    limits: Limits,
    /// The last key given to a socket.
    last_socket: AtomicU64,
    /// Lines in the log that any client can cause.
    refusal_log: RefusalLog,
    pub(super) short_id_is_told: Seldom,
    /// Which node owns which room, if there may be several.
    directory: OnceLock<Arc<dyn Directory>>,
    this: Weak<Hub>,
}

impl Hub {
    /// How often counts are written down, and the calendar follows the wall clock.
    const SWEEP: Duration = Duration::from_secs(5);
    /// The shortest time between two lines of one kind that tell the operator of what clients do.
    const TOLD_EVERY: Duration = Duration::from_secs(60);

    /// A hub with the rooms that a restart found.
    ///
    /// Must be called within a tokio runtime.
    pub fn new(
        journal: Journal,
        clock: Arc<Clock>,
        limits: Limits,
        restored: RestoredRooms,
        memory: MemoryBudget,
        rates: Rates,
        entry_rules: Arc<EntryRules>,
    ) -> Arc<Self> {
        let hub = Arc::new_cyclic(|this| Self {
            rooms: Mutex::default(),
            sockets: SocketRegistry::default(),
            transports: Arc::default(),
            memory,
            connecting: ConnectingClients::default(),
            allowances: Allowances::new(rates),
            counted: Mutex::default(),
            entry_rules,
            journal,
            clock,
            limits,
            last_socket: AtomicU64::new(0),
            refusal_log: RefusalLog::default(),
            short_id_is_told: Seldom::new(Self::TOLD_EVERY),
            directory: OnceLock::new(),
            this: this.clone(),
        });
        let now = hub.clock.now();
        for (session, snapshot) in restored.rooms {
            hub.adopt(Room::restore(session, snapshot, limits, restored.grace, now));
        }
        tokio::spawn(Self::sweep_forever(Arc::downgrade(&hub)));
        hub
    }

    /// From here on this is one of several nodes. Before it has any client.
    pub fn join_cluster(&self, directory: Arc<dyn Directory>) {
        // There is one, and whoever starts the server says it once.
        let _ = self.directory.set(directory);
    }

    pub(super) fn directory(&self) -> Option<&Arc<dyn Directory>> {
        self.directory.get()
    }

    /// Takes over rooms of a node that lived until then: their members have `grace` to come back.
    pub fn take_over(&self, rooms: Vec<(SessionId, Snapshot)>, alive_at: Timestamp, grace: Duration) {
        // What follows is not dated before what was.
        self.clock.catch_up(alive_at);
        let now = self.clock.now();
        for (session, snapshot) in rooms {
            self.adopt(Room::restore(session, snapshot, self.limits, grace, now));
        }
    }

    /// Drops all rooms without a word, as another node may have them: who was in one loses the connection, and comes back to
    /// wherever it is.
    pub fn abandon(&self) {
        let drivers = std::mem::take(&mut *self.rooms.lock());
        for driver in drivers.values() {
            driver.abandon();
        }
        self.sockets.cut_all();
    }

    /// Ends these sockets as a network does that breaks: their clients come back by themselves.
    pub fn cut(&self, sockets: Vec<SocketKey>) {
        self.sockets.cut(sockets);
    }

    /// Drops rooms that another node is about to have, as [`Self::abandon`] does. What happened in them is with the journal.
    /// Gives the sockets of those who are there.
    pub fn hand_over(&self, rooms: &[RoomName]) -> Vec<SocketKey> {
        let mut sockets = Vec::new();
        for room in rooms {
            let driver = self.rooms.lock().remove(room);
            if let Some(driver) = driver {
                driver.settle(self);
                driver.abandon();
                sockets.extend(driver.read(Room::sockets));
            }
        }
        sockets
    }

    /// Whether there is anything to remember of a room.
    pub fn has_room(&self, room: &RoomName) -> bool {
        self.rooms.lock().contains_key(room)
    }

    /// Takes in a restored room. Its graces are new, as the database says already.
    fn adopt(&self, room: Room) {
        let name = room.name().clone();
        let driver = RoomDriver::new(room, self.this.clone());
        self.rooms.lock().insert(name, driver.clone());
        driver.start(self);
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
        self.sockets.stop();
    }

    /// Whether a member of the room, present or away, has this name.
    pub fn name_taken(&self, room: &RoomName, username: &Username) -> bool {
        self.read(room, |room| room.name_taken(username)).unwrap_or(false)
    }

    /// What a returning client may know of itself.
    pub fn membership_status(&self, room: &RoomName, key: &ClientKey) -> Option<MembershipStatus> {
        let now = self.clock.now();
        self.read(room, |room| room.membership_status(key, now)).flatten()
    }

    /// Does what a teacher wants with a room. `written` is called once the history has it.
    ///
    /// # Errors
    /// Why it is not done.
    pub fn act(&self, room: &RoomName, act: Act, written: Release) -> Result<(), CannotAct> {
        let driver = self.rooms.lock().get(room).cloned();
        driver.ok_or(CannotAct::NoSession)?.act(self, act)?;
        let source = Source {
            address: None,
            room: Some(room.clone()),
        };
        // Without records nothing can be dropped.
        let _ = self.journal.submit(source, Vec::new(), Some(written));
        Ok(())
    }

    /// How many there are of what.
    pub fn figures(&self) -> Figures {
        let (polling, websockets) = self.transports.count();
        let drivers: Vec<_> = self.rooms.lock().values().cloned().collect();
        let mut figures = Figures {
            polling,
            websockets,
            ..Figures::default()
        };
        for driver in drivers {
            let ((present, away), is_in_use) = driver.read(|room| (room.presence(), room.has_session()));
            figures.rooms += usize::from(is_in_use);
            figures.present += present;
            figures.away += away;
        }
        figures
    }

    /// What teachers' acts still keep from a room.
    pub fn held(&self, room: &RoomName) -> StillHeld {
        let now = self.clock.now();
        self.read(room, |room| room.held(now)).unwrap_or_default()
    }

    /// The rooms that are closed, or that keep somebody out, by name.
    pub fn rooms_held(&self) -> Vec<(RoomName, StillHeld)> {
        let now = self.clock.now();
        let drivers: Vec<_> = self.rooms.lock().values().cloned().collect();
        let held = drivers
            .iter()
            .map(|driver| driver.read(|room| (room.name().clone(), room.held(now))));
        let mut held: Vec<_> = held
            .filter(|(_, held)| held.closed_until.is_some() || !held.kept_out.is_empty())
            .collect();
        held.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        held
    }

    fn read<T>(&self, name: &RoomName, look: impl FnOnce(&Room) -> T) -> Option<T> {
        let driver = self.rooms.lock().get(name).cloned()?;
        Some(driver.read(look))
    }

    /// What the client with this secret, on this socket, is to a room.
    pub(super) fn entry_status(&self, room: &RoomName, key: &ClientKey, socket: SocketKey) -> EntryStatus {
        let now = self.clock.now();
        let look = |room: &Room| match room.membership_status(key, now) {
            _ if !room.has_session() => EntryStatus::NoRoom,
            Some(status) if room.member_on(socket) == Some(status.member) => EntryStatus::OnThisSocket,
            Some(status) if !status.resumable => EntryStatus::Unknown,
            Some(status) if status.away_for.is_some() => EntryStatus::Away,
            Some(_) => EntryStatus::OnAnotherSocket,
            None => EntryStatus::Unknown,
        };
        self.read(room, look).unwrap_or(EntryStatus::NoRoom)
    }

    /// Hands an input to the room of that name, which is made if there is none. Takes the callbacks of what was `held`
    /// until then, if the client is in.
    pub(super) fn enter(
        &self,
        name: &RoomName,
        from: &Client,
        arrival: Arrival<Callback>,
        held: &mut Vec<Option<Callback>>,
    ) -> (Arc<HubDriver>, InputOutcome) {
        let mut arrival = Some(arrival);
        loop {
            let driver = self.driver(name);
            if let Some(outcome) = driver.enter(self, from, &mut arrival, held) {
                return (driver, outcome);
            }
        }
    }

    fn driver(&self, name: &RoomName) -> Arc<HubDriver> {
        let make = || RoomDriver::new(Room::new(name.clone(), self.limits), self.this.clone());
        self.rooms.lock().entry(name.clone()).or_insert_with(make).clone()
    }

    /// Counts a refusal that is not listed in the history, of a client that may be in a room.
    pub(super) fn count_refusal(&self, room: Option<&Arc<HubDriver>>, client: &Client, refusal: &WireRefusal) {
        self.tell_refused(&ToldRefusal {
            refusal,
            room: None,
            member: None,
            address: Some(client.address),
            is_recorded: false,
        });
        match room {
            Some(driver) => driver.count_refusal(self, client.key),
            None => self.counted.lock().add(None, None),
        }
    }

    /// Records and says what was wrong with a message on a socket that is in no room.
    pub(super) fn record_error(&self, sender: ClientSender, refusal: WireRefusal, callback: Option<Callback>) {
        let client = &sender.client;
        let source = Source {
            address: Some(client.address),
            room: None,
        };
        let now = self.clock.now();
        let is_recorded = self
            .allowances
            .is_recorded(&client.refusals, client.address, None, now.tick);
        self.tell_refused(&ToldRefusal {
            refusal: &refusal,
            room: None,
            member: None,
            address: Some(client.address),
            is_recorded,
        });
        if !is_recorded {
            self.counted.lock().add(None, None);
            return tell_refusal(&sender, refusal, callback);
        }
        let record = refusal.record(None, None, now.at);
        let release = move || tell_refusal(&sender, refusal, callback);
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

    /// Writes down what passed over the links, and repairs what the journal has missed.
    fn sweep(&self) {
        let drivers: Vec<_> = {
            let rooms = self.rooms.lock();
            // Nobody comes in meanwhile: what happens to a member must not go back behind its join.
            self.clock.follow(rooms.is_empty());
            let named = |(name, driver): (&RoomName, &Arc<HubDriver>)| (name.clone(), driver.clone());
            rooms.iter().map(named).collect()
        };
        self.refusal_log.tell_rest();
        self.transports.sweep();
        self.connecting.sweep();
        self.allowances.sweep(self.clock.now().tick);
        self.record_counted();
        let damaged = self.journal.take_damaged();
        for (name, driver) in drivers {
            driver.sweep(self, damaged.has(&name));
        }
    }

    /// Writes down how many refusals were not listed, of sockets in no room.
    fn record_counted(&self) {
        let records = self.counted.lock().take(self.clock.now().at);
        if !records.is_empty() {
            // A refusal that is dropped is counted like any other; no room's state depends on it.
            let _ = self.journal.submit(Source::default(), records, None);
        }
    }

    /// Writes down what was only counted so far: the server is about to end.
    pub fn settle(&self) {
        self.record_counted();
        let drivers: Vec<_> = self.rooms.lock().values().cloned().collect();
        for driver in drivers {
            driver.settle(self);
        }
    }
}

impl Host for Hub {
    type Client = Client;
    type Callback = Callback;
    type Timer = AbortOnDropHandle<()>;
    type Sockets = SocketRegistry;
    type Journal = Journal;

    fn sockets(&self) -> &SocketRegistry {
        &self.sockets
    }

    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn memory(&self) -> &MemoryBudget {
        &self.memory
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn is_stopping(&self) -> bool {
        self.sockets.is_stopping()
    }

    fn socket_of(client: &Client) -> SocketKey {
        client.key
    }

    fn address_of(client: &Client) -> AddressKey {
        client.address
    }

    fn wake_at(&self, tick: Tick, driver: Weak<dyn WakeUp>) -> Self::Timer {
        let at = self.clock.instant(tick);
        AbortOnDropHandle::new(tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            if let Some(driver) = driver.upgrade() {
                driver.due();
            }
        }))
    }

    fn answer(&self, callback: Callback, reply: CallbackReply) {
        callback.answer(reply);
    }

    fn is_recorded(&self, client: &Client, room: &RoomName, now: Tick) -> bool {
        self.allowances
            .is_recorded(&client.refusals, client.address, Some(room), now)
    }

    fn waiting_per_pair(&self) -> usize {
        self.allowances.rates.waiting_per_pair
    }

    fn client_limit_reached(&self, limit: Limit, client: &Client) {
        self.allowances.limit_reached(limit, client.address);
    }

    fn tell_refused(&self, told: &ToldRefusal<'_>) {
        self.refusal_log.tell(told, self.clock.now().tick);
    }

    fn retire(&self, room: &RoomName) {
        self.rooms.lock().remove(room);
    }
}

/// Tells a client what was wrong. One that is gone need not be told.
pub(super) fn tell_refusal(sender: &ClientSender, refusal: WireRefusal, callback: Option<Callback>) {
    sender.send(Outgoing::Error(&refusal)).ok();
    if let Some(callback) = callback {
        callback.answer(CallbackReply::Refused(refusal));
    }
}
