//! One room behind its lock: an input goes in, what must be remembered goes to the journal, and what is said takes
//! effect in order.
//!
//! What a room says goes through its queue. A batch that holds something to be remembered waits there for the
//! journal; everything after it waits behind it, so that nobody sees the room's changes out of order. With nothing
//! waiting, a relay goes straight out.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tracing::warn;
use uuid::{Timestamp as UuidTime, Uuid};

use super::client::{Callback, Client, Unsaid};
use super::hub::Hub;
use super::unlisted::Unlisted;
use super::waiting::{Shares, Waiting};
use crate::journal::{Source, Submitted};
use crate::model::address::AddressKey;
use crate::model::id::{MemberId, ParticipantId, RoomName, SocketKey};
use crate::model::time::{Now, Tick, Timestamp};
use crate::model::vocabulary::DropReason;
use crate::room::output::{Message, Reply};
use crate::room::record::{Change, Record};
use crate::room::{Delivery, Ids, Input, Output, Room};

/// By how much a room puts off what it would do by itself while the journal is crowded, and how often: 10 s in all.
const POSTPONED_BY: Duration = Duration::from_millis(500);
const MOST_POSTPONED: u32 = 20;

/// One room and what waits in it, behind one lock.
pub(super) struct RoomCell {
    pub(super) name: RoomName,
    pub(super) state: Mutex<RoomState>,
}

pub(super) struct RoomState {
    pub(super) room: Room,
    queue: VecDeque<Batch>,
    /// The number of the first batch in `queue`.
    first: u64,
    timer: Option<(Tick, AbortHandle)>,
    /// What waits in the mailboxes, counted for the address of each sender.
    waiting: Waiting,
    /// How often what is due was put off.
    postponed: u32,
    /// Refusals that are not listed, to be written as one row.
    pub(super) unlisted: Unlisted,
    /// The journal has dropped some of this room's records: it needs a snapshot.
    pub(super) unsynced: bool,
    /// Whose rows may be missing then: those whose joins were dropped, or nobody knows who.
    pub(super) missing: Missing,
    /// Taken out of the registry: look it up again.
    pub(super) retired: bool,
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
    pub(super) fn drive(
        &self,
        cell: &Arc<RoomCell>,
        state: &mut RoomState,
        from: Option<&Client>,
        input: Input,
        callback: Option<Callback>,
    ) -> Outcome {
        self.resync(cell, state, from.map(|client| client.address));
        let now = self.clock.now();
        let mut outputs = Vec::new();
        state.room.handle(input, now, &mut Fresh, &mut outputs);
        let outcome = Outcome::of(&outputs);
        if outcome == Outcome::Refused {
            self.tell_of_limits(&outputs);
        }
        if let Some(client) = from {
            self.list_or_count(cell, state, client, &mut outputs, now.tick);
        }
        if outputs.iter().any(is_end_of_session) {
            outputs.splice(..0, state.take_unlisted(now.at));
        }
        self.enqueue(cell, state, from.map(|client| client.address), outputs, callback);
        self.flush(cell, state);
        self.rearm(cell, state);
        self.retire_if_idle(cell, state);
        outcome
    }

    /// Has the operator know, now and then, that there are clients which a limit keeps out, and which limit that is.
    fn tell_of_limits(&self, outputs: &[Output]) {
        for output in outputs {
            if let Output::Reply(Reply::Refused(refusal)) = output
                && let Some(variable) = refusal.reason.variable()
            {
                self.full_is_told
                    .then(|| warn!(variable, "refused a join: a limit has been reached"));
            }
        }
    }

    /// Takes the refusals that are too many to be listed out of what must be remembered: they are only counted, and
    /// their sender need not wait to be told.
    fn list_or_count(
        &self,
        cell: &RoomCell,
        state: &mut RoomState,
        client: &Client,
        outputs: &mut Vec<Output>,
        now: Tick,
    ) {
        outputs.retain(|output| {
            let Output::Record(Record {
                session,
                change: Change::Error { participant, .. },
                ..
            }) = output
            else {
                return true;
            };
            let is_listed = self.allowances.is_recorded(client, Some(&cell.name), now);
            if !is_listed {
                state.unlisted.add(*session, *participant);
            }
            is_listed
        });
    }

    /// Sends what must be remembered, the doing of the client `from` or of the room itself, to the journal, and queues the rest behind what the room has said before.
    pub(super) fn enqueue(
        &self,
        cell: &Arc<RoomCell>,
        state: &mut RoomState,
        from: Option<AddressKey>,
        outputs: Vec<Output>,
        callback: Option<Callback>,
    ) {
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
        let newcomers = newcomers(&records);
        if self.journal.submit(cell.source(from), records, release) == Submitted::Dropped {
            state.unsynced = true;
            state.missing.add(newcomers);
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
                break;
            };
            state.first += 1;
            let mut callback = batch.callback;
            for output in batch.outputs {
                self.act(cell, state, output, &mut callback);
            }
        }
        state.waiting.recount(&state.room);
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
        let origin = message.origin();
        match state.room.deliver(to, socket, message, now) {
            Delivery::Emit(line, message) => {
                if let Err(unsaid) = self.emit(line, &message) {
                    self.lose(cell, state, line, unsaid.why(), now);
                    self.deliver(cell, state, to, socket, message);
                }
            }
            Delivery::Owed(record) => self.enqueue(cell, state, None, vec![Output::Record(record)], None),
            Delivery::Lost(records) => {
                let records = records.into_iter().map(Output::Record).collect();
                self.enqueue(cell, state, None, records, None);
            }
            Delivery::Kept => {
                if let Some(origin) = origin {
                    self.count_waiting(cell, state, origin, now);
                }
            }
            Delivery::Dropped => {}
        }
    }

    /// Counts what waits of a sender for its address, as long as its socket is known. `origin` is the sender, and what it
    /// sent last.
    fn count_waiting(&self, cell: &Arc<RoomCell>, state: &mut RoomState, origin: (MemberId, &'static str), now: Now) {
        let (sender, _) = origin;
        let new = || {
            let socket = state.room.line_of(sender)?;
            let address = self.lines.read().get(&socket)?.client.address;
            let holder = Shares {
                hub: self.this.clone(),
                cell: Arc::downgrade(cell),
                origin,
            };
            Some(self.memory().held(address, Some(Arc::new(holder))))
        };
        if state.waiting.count(&state.room, sender, new).is_err() {
            self.end_shares(cell, state, origin, now);
        }
    }

    /// Nothing more waits of this sender until those it is for are back: there is no memory for it.
    pub(super) fn end_shares(
        &self,
        cell: &Arc<RoomCell>,
        state: &mut RoomState,
        origin: (MemberId, &'static str),
        now: Now,
    ) {
        let record = state.room.end_shares(origin, now);
        self.enqueue(cell, state, None, vec![Output::Record(record)], None);
        state.waiting.recount(&state.room);
    }

    fn emit(&self, socket: SocketKey, message: &Message) -> Result<(), Unsaid> {
        let lines = self.lines.read();
        if self.is_stopping() {
            // A leave waits until its member is back; nothing else outlasts the restart.
            return (!message.is_leave()).then_some(()).ok_or(Unsaid::Stopping);
        }
        lines.get(&socket).ok_or(Unsaid::Gone)?.emit(message)
    }

    /// A member's socket takes nothing any more: the member is away at once, whatever TCP still hopes for.
    fn lose(&self, cell: &Arc<RoomCell>, state: &mut RoomState, socket: SocketKey, why: DropReason, now: Now) {
        let from = self.lines.read().get(&socket).map(|line| line.client.address);
        let mut outputs = Vec::new();
        state
            .room
            .handle(Input::Disconnect { socket, why }, now, &mut Fresh, &mut outputs);
        self.enqueue(cell, state, from, outputs, None);
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

    /// After the journal had to drop records of this room: gives it the whole state as soon as it takes it, in the name
    /// of whoever has something recorded now. Who floods has used up their share, and does not make the room say again
    /// and again what it is.
    pub(super) fn resync(&self, cell: &RoomCell, state: &mut RoomState, from: Option<AddressKey>) {
        if !state.unsynced {
            return;
        }
        let source = cell.source(from);
        if !self.journal.admits(&source) {
            return;
        }
        let mut snapshot = state.room.snapshot(self.clock.now());
        state.missing.keep_in(&mut snapshot);
        state.unsynced = self.journal.submit(source, vec![snapshot], None) == Submitted::Dropped;
        if !state.unsynced {
            state.missing = Missing::default();
        }
    }

    /// Sets the room's timer to what is due next.
    pub(super) fn rearm(&self, cell: &Arc<RoomCell>, state: &mut RoomState) {
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
        state.timer = Some((due, self.wake(cell, self.clock.instant(due))));
    }

    fn wake(&self, cell: &Arc<RoomCell>, at: Instant) -> AbortHandle {
        let (hub, cell) = (self.this.clone(), cell.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            if let Some(hub) = hub.upgrade() {
                hub.tick(&cell);
            }
        });
        task.abort_handle()
    }

    fn tick(&self, cell: &Arc<RoomCell>) {
        let mut state = cell.state.lock();
        let due = state.timer.take().map(|(due, _)| due);
        // Thousands of rooms that a restart brought back may all be due at once.
        if let Some(due) = due.filter(|_| state.postponed < MOST_POSTPONED && self.journal.is_crowded()) {
            state.postponed += 1;
            state.timer = Some((due, self.wake(cell, Instant::now() + POSTPONED_BY)));
            return;
        }
        state.postponed = 0;
        // Once the server stops, nobody's grace runs out on account of that.
        if !self.is_stopping() {
            self.drive(cell, &mut state, None, Input::Tick, None);
        }
    }

    pub(super) fn retire_if_idle(&self, cell: &Arc<RoomCell>, state: &mut RoomState) {
        if !state.retired && state.room.is_idle() && state.queue.is_empty() && !state.unsynced {
            state.retired = true;
            self.rooms.lock().remove(&cell.name);
        }
    }
}

impl RoomState {
    /// What was refused and not listed since the last time, to be remembered.
    pub(super) fn take_unlisted(&mut self, at: Timestamp) -> Vec<Output> {
        self.unlisted.take(at).into_iter().map(Output::Record).collect()
    }
}

impl RoomCell {
    pub(super) fn new(name: RoomName, room: Room) -> Self {
        let state = RoomState {
            room,
            queue: VecDeque::new(),
            first: 0,
            timer: None,
            waiting: Waiting::default(),
            postponed: 0,
            unlisted: Unlisted::default(),
            unsynced: false,
            missing: Missing::default(),
            retired: false,
        };
        Self {
            name,
            state: Mutex::new(state),
        }
    }

    /// Whose doing a record of this room is: a client's, or the room's own.
    fn source(&self, from: Option<AddressKey>) -> Source {
        Source {
            address: from,
            room: Some(self.name.clone()),
        }
    }
}

/// Whose rows a repair has to write, besides those of the members: a session may have had thousands.
pub(super) enum Missing {
    Of(HashSet<ParticipantId>),
    Unknown,
}

impl Default for Missing {
    fn default() -> Self {
        Self::Of(HashSet::new())
    }
}

impl Missing {
    fn add(&mut self, newcomers: Vec<ParticipantId>) {
        if let Self::Of(missing) = self {
            missing.extend(newcomers);
        }
    }

    fn keep_in(&self, snapshot: &mut Record) {
        if let (Self::Of(missing), Change::Snapshot(live)) = (self, &mut snapshot.change) {
            live.participants
                .retain(|(_, participant)| missing.contains(participant));
        }
    }
}

/// Who comes in, perhaps for the first time.
fn newcomers(records: &[Record]) -> Vec<ParticipantId> {
    let newcomer = |record: &Record| {
        if let Change::Joined(joined) = &record.change {
            Some(joined.participant)
        } else {
            None
        }
    };
    records.iter().filter_map(newcomer).collect()
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

fn is_end_of_session(output: &Output) -> bool {
    matches!(
        output,
        Output::Record(Record {
            change: Change::SessionEnded { .. },
            ..
        })
    )
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
