//! The registry of rooms: finds a room, locks it, hands it an input, and lets what follows take effect in order.
//!
//! What a room says goes through its queue. A batch that holds something to be remembered waits there for the
//! journal; everything after it waits behind it, so that nobody sees the room's changes out of order. With nothing
//! waiting, a relay goes straight out.
//!
//! Locks are taken in this order: a client's state, then the registry or one room. No lock is held across an await.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::task::AbortHandle;
use uuid::{Timestamp as UuidTime, Uuid};

use super::client::{Callback, Line, Unsaid};
use super::clock::Clock;
use super::transport::Transports;
use crate::journal::{Journal, Submitted};
use crate::room::id::{ClientKey, MemberId, RoomName, SessionId, SocketKey, Username};
use crate::room::output::{Message, Reply};
use crate::room::record::{Record, Snapshot};
use crate::room::time::{Now, Tick, Timestamp};
use crate::room::{Delivery, Ids, Input, Limits, Output, Room, Standing};

/// All rooms, and the sockets of their members.
pub struct Hub {
    rooms: Mutex<HashMap<RoomName, Arc<RoomCell>>>,
    /// Every socket that has tried to join, until its end.
    lines: RwLock<HashMap<SocketKey, Line>>,
    transports: Arc<Transports>,
    journal: Journal,
    clock: Arc<Clock>,
    limits: Limits,
    /// The last key given to a socket; 0 is nobody's.
    last_socket: AtomicU64,
    /// Set once the server stops: sockets that end from then on are not their members' doing.
    stopping: AtomicBool,
    /// How many records the journal had dropped at the last sweep.
    dropped: AtomicU64,
    this: Weak<Hub>,
}

/// One room and what waits in it, behind one lock.
pub(super) struct RoomCell {
    name: RoomName,
    state: Mutex<RoomState>,
}

struct RoomState {
    room: Room,
    queue: VecDeque<Batch>,
    /// The number of the first batch in `queue`.
    first: u64,
    timer: Option<(Tick, AbortHandle)>,
    /// The journal has dropped some of this room's records: it needs a snapshot.
    unsynced: bool,
    /// Taken out of the registry: look it up again.
    retired: bool,
}

/// What follows from one input.
struct Batch {
    outputs: Vec<Output>,
    callback: Option<Callback>,
    /// Nothing is (any more) to be waited for.
    ready: bool,
}

struct Fresh;

impl Ids for Fresh {
    fn random(&mut self) -> Uuid {
        Uuid::new_v4()
    }

    fn ordered(&mut self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.0).unwrap_or_default();
        let nanos = u32::try_from(millis % 1_000 * 1_000_000).unwrap_or_default();
        Uuid::new_v7(UuidTime::from_unix(uuid::NoContext, millis / 1_000, nanos))
    }
}

/// What came of an input, as far as its socket must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Seated,
    Refused,
    Other,
}

impl Hub {
    /// How often counts are written down, and the calendar follows the wall clock.
    const SWEEP: Duration = Duration::from_secs(5);

    /// A hub with the rooms that a restart found: their members may resume for `grace`.
    ///
    /// Must be called within a tokio runtime.
    pub fn new(
        journal: Journal,
        clock: Arc<Clock>,
        limits: Limits,
        restored: Vec<(SessionId, Snapshot)>,
        grace: Duration,
    ) -> Arc<Self> {
        let hub = Arc::new_cyclic(|this| Self {
            rooms: Mutex::default(),
            lines: RwLock::default(),
            transports: Arc::default(),
            journal,
            clock,
            limits,
            last_socket: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            this: this.clone(),
        });
        let now = hub.clock.now();
        for (session, snapshot) in restored {
            hub.adopt(Room::restore(session, snapshot, limits, grace, now));
        }
        tokio::spawn(Self::sweep_forever(Arc::downgrade(&hub)));
        hub
    }

    /// Puts a restored room in its place. Its graces are new: the snapshot says so in the database.
    fn adopt(&self, room: Room) {
        let cell = Arc::new(RoomCell::new(room.name().clone(), room));
        self.rooms.lock().insert(cell.name.clone(), cell.clone());
        let mut state = cell.state.lock();
        state.unsynced = true;
        self.resync(&mut state);
        self.rearm(&cell, &mut state);
    }

    /// The next key for a socket.
    pub(super) fn next_socket(&self) -> SocketKey {
        SocketKey(self.last_socket.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn transports(&self) -> &Arc<Transports> {
        &self.transports
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// From here on, sockets end because the server does: their members are not away on their own account.
    pub fn stop(&self) {
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

    /// Makes a socket known, so that rooms can speak to it.
    pub(super) fn register(&self, line: Line) {
        self.lines.write().insert(line.client.key, line);
    }

    /// Forgets a socket.
    pub(super) fn unregister(&self, socket: SocketKey) {
        self.lines.write().remove(&socket);
    }

    /// Hands an input to the room of that name, which is made if there is none.
    pub(super) fn enter(&self, name: &RoomName, input: Input, callback: Option<Callback>) -> (Arc<RoomCell>, Outcome) {
        loop {
            let cell = self.cell(name);
            let mut state = cell.state.lock();
            if !state.retired {
                let outcome = self.drive(&cell, &mut state, input, callback);
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
    pub(super) fn input(&self, cell: &Arc<RoomCell>, input: Input, callback: Option<Callback>) -> Outcome {
        self.drive(cell, &mut cell.state.lock(), input, callback)
    }

    /// Records and says what was wrong with a message on a socket that is in no room.
    pub(super) fn complain(&self, line: Line, record: Record, message: Message, callback: Option<Callback>) {
        let release = move || {
            // A socket that is gone need not be told.
            line.emit(&message).ok();
            if let (Some(callback), Message::Error(refusal)) = (callback, message) {
                callback.answer(&Reply::Refused(refusal));
            }
        };
        // A refusal that is dropped is counted like any other; no room's state depends on it.
        let _ = self.journal.submit(vec![record], Some(Box::new(release)));
    }

    fn drive(&self, cell: &Arc<RoomCell>, state: &mut RoomState, input: Input, callback: Option<Callback>) -> Outcome {
        self.resync(state);
        let mut outputs = Vec::new();
        state.room.handle(input, self.clock.now(), &mut Fresh, &mut outputs);
        let outcome = Outcome::of(&outputs);
        self.enqueue(cell, state, outputs, callback);
        self.flush(cell, state);
        self.rearm(cell, state);
        self.retire_if_idle(cell, state);
        outcome
    }

    /// Sends what must be remembered to the journal, and queues the rest behind what the room has said before.
    fn enqueue(&self, cell: &Arc<RoomCell>, state: &mut RoomState, outputs: Vec<Output>, callback: Option<Callback>) {
        let (records, outputs) = separate(outputs);
        let waits = records.iter().any(Record::is_told);
        let number = state.first + state.queue.len() as u64;
        if waits || !outputs.is_empty() {
            state.queue.push_back(Batch {
                outputs,
                callback,
                ready: !waits,
            });
        }
        if records.is_empty() {
            return;
        }
        let release = waits.then(|| -> Box<dyn FnOnce() + Send> {
            let (hub, cell) = (self.this.clone(), cell.clone());
            Box::new(move || {
                if let Some(hub) = hub.upgrade() {
                    hub.released(&cell, number);
                }
            })
        });
        if self.journal.submit(records, release) == Submitted::Dropped {
            state.unsynced = true;
        }
    }

    /// The journal has written (or given up waiting for) what a batch waited for.
    fn released(&self, cell: &Arc<RoomCell>, number: u64) {
        let mut state = cell.state.lock();
        let index = usize::try_from(number.saturating_sub(state.first)).unwrap_or(usize::MAX);
        if let Some(batch) = state.queue.get_mut(index) {
            batch.ready = true;
        }
        self.flush(cell, &mut state);
        self.retire_if_idle(cell, &mut state);
    }

    /// Lets take effect what waits for nothing any more, in order.
    fn flush(&self, cell: &Arc<RoomCell>, state: &mut RoomState) {
        while state.queue.front().is_some_and(|batch| batch.ready) {
            let Some(batch) = state.queue.pop_front() else {
                return;
            };
            state.first += 1;
            let mut callback = batch.callback;
            for output in batch.outputs {
                self.act(cell, state, output, &mut callback);
            }
        }
    }

    fn act(&self, cell: &Arc<RoomCell>, state: &mut RoomState, output: Output, callback: &mut Option<Callback>) {
        match output {
            // Records went to the journal before anything was queued.
            Output::Record(_) => {}
            Output::Tell { to, socket, message } => self.deliver(cell, state, to, socket, message),
            Output::TellSocket { socket, message } => {
                if let Some(line) = self.lines.read().get(&socket) {
                    // Nothing is kept for a socket: one that cannot take this has ended.
                    line.emit(&message).ok();
                }
            }
            Output::OpenMailbox { member, socket } => {
                for message in state.room.open_mailbox(member, socket) {
                    self.deliver(cell, state, member, socket, message);
                }
            }
            Output::Cut(socket) => self.cut(socket),
            Output::Reply(reply) => {
                if let Some(callback) = callback.take() {
                    callback.answer(&reply);
                }
            }
        }
    }

    fn deliver(&self, cell: &Arc<RoomCell>, state: &mut RoomState, to: MemberId, socket: SocketKey, message: Message) {
        let now = self.clock.now();
        match state.room.deliver(to, socket, message, now) {
            Delivery::Emit(line, message) => {
                if let Err(unsaid) = self.emit(line, &message) {
                    self.lose(cell, state, line, unsaid.why(), now);
                    self.deliver(cell, state, to, socket, message);
                }
            }
            Delivery::Owed(record) | Delivery::Overflowed(record) => {
                self.enqueue(cell, state, vec![Output::Record(record)], None)
            }
            Delivery::Kept | Delivery::Dropped => {}
        }
    }

    fn emit(&self, socket: SocketKey, message: &Message) -> Result<(), Unsaid> {
        let lines = self.lines.read();
        lines.get(&socket).ok_or(Unsaid::Gone)?.emit(message)
    }

    /// A member's socket takes nothing any more: the member is away at once, whatever TCP still hopes for.
    fn lose(&self, cell: &Arc<RoomCell>, state: &mut RoomState, socket: SocketKey, why: &'static str, now: Now) {
        let mut outputs = Vec::new();
        state
            .room
            .handle(Input::Disconnect { socket, why }, now, &mut Fresh, &mut outputs);
        self.enqueue(cell, state, outputs, None);
        // Its transport has ended, or will have in a moment.
        self.unregister(socket);
    }

    /// Ends a socket for good: its client does not come back by itself. Its disconnect handler takes this room's lock,
    /// so it runs elsewhere.
    fn cut(&self, socket: SocketKey) {
        let Some(line) = self.lines.write().remove(&socket) else {
            return;
        };
        tokio::spawn(async move {
            if line.socket.disconnect().is_err() {
                line.client.transport.cut();
            }
        });
    }

    /// After the journal had to drop records of this room: gives it the whole state as soon as it takes it.
    fn resync(&self, state: &mut RoomState) {
        if !state.unsynced {
            return;
        }
        let snapshot = state.room.snapshot(self.clock.now());
        state.unsynced = self.journal.submit(vec![snapshot], None) == Submitted::Dropped;
    }

    /// Sets the room's timer to what is due next.
    fn rearm(&self, cell: &Arc<RoomCell>, state: &mut RoomState) {
        let due = state.room.next_timeout();
        if state.timer.as_ref().map(|(tick, _)| *tick) == due {
            return;
        }
        if let Some((_, task)) = state.timer.take() {
            task.abort();
        }
        let Some(due) = due else {
            return;
        };
        let (hub, cell) = (self.this.clone(), cell.clone());
        let at = self.clock.instant(due);
        let task = tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            if let Some(hub) = hub.upgrade() {
                hub.tick(&cell);
            }
        });
        state.timer = Some((due, task.abort_handle()));
    }

    fn tick(&self, cell: &Arc<RoomCell>) {
        let mut state = cell.state.lock();
        state.timer = None;
        // Once the server stops, nobody's grace runs out on account of that.
        if !self.is_stopping() {
            self.drive(cell, &mut state, Input::Tick, None);
        }
    }

    fn retire_if_idle(&self, cell: &Arc<RoomCell>, state: &mut RoomState) {
        if !state.retired && state.room.is_idle() && state.queue.is_empty() && !state.unsynced {
            state.retired = true;
            self.rooms.lock().remove(&cell.name);
        }
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
        let cells: Vec<_> = self.rooms.lock().values().cloned().collect();
        self.clock.follow(cells.is_empty());
        self.transports.sweep();
        let dropped = *self.journal.dropped().borrow();
        let lost_some = self.dropped.swap(dropped, Ordering::Relaxed) != dropped;
        for cell in cells {
            let mut state = cell.state.lock();
            state.unsynced |= lost_some;
            self.resync(&mut state);
            let mut outputs = Vec::new();
            state.room.progress(self.clock.now(), &mut outputs);
            self.enqueue(&cell, &mut state, outputs, None);
            self.retire_if_idle(&cell, &mut state);
        }
    }
}

impl RoomCell {
    fn new(name: RoomName, room: Room) -> Self {
        let state = RoomState {
            room,
            queue: VecDeque::new(),
            first: 0,
            timer: None,
            unsynced: false,
            retired: false,
        };
        Self {
            name,
            state: Mutex::new(state),
        }
    }

    pub(super) fn name(&self) -> &RoomName {
        &self.name
    }
}

impl Outcome {
    fn of(outputs: &[Output]) -> Self {
        for output in outputs {
            match output {
                Output::Reply(Reply::Seated(_)) => return Self::Seated,
                Output::Reply(Reply::Refused(_)) => return Self::Refused,
                Output::Reply(Reply::Done)
                | Output::Record(_)
                | Output::Tell { .. }
                | Output::TellSocket { .. }
                | Output::OpenMailbox { .. }
                | Output::Cut(_) => {}
            }
        }
        Self::Other
    }
}

/// What must be remembered, and the rest, each in order.
fn separate(mut outputs: Vec<Output>) -> (Vec<Record>, Vec<Output>) {
    let records = outputs
        .extract_if(.., |output| matches!(output, Output::Record(_)))
        .filter_map(|output| {
            if let Output::Record(record) = output {
                Some(record)
            } else {
                None
            }
        })
        .collect();
    (records, outputs)
}
