//! What a driver does with its room, while it holds the lock.

use std::sync::{Arc, Weak};
use std::time::Duration;

use uuid::{Timestamp as UuidTime, Uuid};

use super::host::{Host, RecordSink, Sockets, WakeUp};
use super::mailbox_memory::{MailboxMemory, SenderShares};
use super::queue::ReleaseQueue;
use super::repair::{Repair, newcomers};
use crate::journal::{Release, Source, Submitted};
use crate::metrics::{self, RelayEvent};
use crate::model::address::AddressKey;
use crate::model::id::{MemberId, ParticipantId, SessionId, SocketKey, Username};
use crate::model::time::{Now, Tick, Timestamp};
use crate::model::vocabulary::DropReason;
use crate::room::input::Relay;
use crate::room::output::{Message, Origin, Reply};
use crate::room::record::{Change, Record};
use crate::room::refusal::{Refused, Request};
use crate::room::{Delivery, Effect, Ids, Input, Outputs, Room};
use crate::signaling::client_limit::Limit;
use crate::signaling::refusal_counts::RefusalCounts;
use crate::signaling::room_log::{self, ToldRefusal};
use crate::signaling::wire::{CallbackReply, Outgoing, WireReason, WireRefusal, of_request};

/// By how much a room puts off what it would do by itself while the journal is crowded, and how often: 10 s in all.
pub(super) const POSTPONED_BY: Duration = Duration::from_millis(500);
pub(super) const MOST_POSTPONED: u32 = 20;

/// A room, and what waits in it.
pub(super) struct DriverState<H: Host> {
    pub(super) room: Room,
    queue: ReleaseQueue<Batch<H::Callback>>,
    /// Who has come in from another room and is still in that one too, and the batch that waits until it is not.
    movers: Vec<(SocketKey, u64)>,
    timer: Option<(Tick, H::Timer)>,
    /// How often what is due was put off.
    postponed: u32,
    /// What waits in the mailboxes, counted for the address of each sender.
    mailboxes: MailboxMemory,
    /// Refusals that are not listed, to be written as one row.
    counted: RefusalCounts,
    repair: Repair,
    /// Its host has forgotten it.
    pub(super) is_retired: bool,
    /// Nothing is said or written down of it any more.
    is_abandoned: bool,
}

impl<H: Host> DriverState<H> {
    pub(super) fn new(room: Room) -> Self {
        Self {
            room,
            queue: ReleaseQueue::default(),
            movers: Vec::new(),
            timer: None,
            postponed: 0,
            mailboxes: MailboxMemory::default(),
            counted: RefusalCounts::default(),
            repair: Repair::default(),
            is_retired: false,
            is_abandoned: false,
        }
    }

    /// What waits in it is dropped, and nothing comes of it any more.
    pub(super) fn abandon(&mut self) {
        self.queue = ReleaseQueue::default();
        self.movers = Vec::new();
        self.timer = None;
        self.mailboxes = MailboxMemory::default();
        (self.is_retired, self.is_abandoned) = (true, true);
    }
}

/// The input of a client that joins or resumes.
pub(in crate::signaling) struct Arrival<C> {
    pub(in crate::signaling) input: Input,
    /// What it is answered through.
    pub(in crate::signaling) callback: Option<C>,
    /// Whether it leaves another room for this one, if it gets in: nothing is said of that until it has, or what that room
    /// still has to say would come behind it.
    pub(in crate::signaling) moves: bool,
}

/// What follows from one input.
struct Batch<C> {
    said: Said,
    callbacks: Callbacks<C>,
}

/// What a client is answered through.
struct Callbacks<C> {
    /// Of the input.
    own: Option<C>,
    /// Of the messages that were held until the input, in order.
    held: Vec<Option<C>>,
}

impl<C> Callbacks<C> {
    fn own(own: Option<C>) -> Self {
        let held = Vec::new();
        Self { own, held }
    }
}

/// What is to be said.
enum Said {
    /// By the room.
    Effects(Vec<Effect>),
    /// That a message was refused before it came to the room.
    Refusal(SocketKey, WireRefusal),
}

impl Said {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Effects(effects) if effects.is_empty())
    }
}

/// Whether somebody comes in or back by it.
fn is_entry(record: &Record) -> bool {
    matches!(record.change, Change::Joined(_) | Change::Reconnected { .. })
}

/// What came of an input, as far as its socket must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::signaling) enum InputOutcome {
    /// The socket is a member's.
    Entered {
        /// Whether its client is the member that it was.
        resumed: bool,
        /// Whether it was not before.
        is_news: bool,
    },
    Refused,
    Other,
}

struct FreshIds;

impl Ids for FreshIds {
    fn random(&mut self) -> Uuid {
        Uuid::new_v4()
    }

    fn ordered(&mut self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.0).unwrap_or_default();
        let nanos = u32::try_from(millis % 1_000 * 1_000_000).unwrap_or_default();
        Uuid::new_v7(UuidTime::from_unix(uuid::NoContext, millis / 1_000, nanos))
    }
}

/// A driver at work: its state is locked.
pub(super) struct Work<'a, H: Host> {
    pub(super) host: &'a H,
    pub(super) driver: &'a Weak<dyn WakeUp>,
    pub(super) state: &'a mut DriverState<H>,
}

impl<H: Host> Work<'_, H> {
    /// Before anything is written down of the room: what it has is dated by the calendar of before a jump.
    pub(super) fn follow_calendar(&mut self) {
        let now = self.host.now();
        if self.state.room.has_missed_a_jump(now) {
            let records = self.state.room.follow_calendar(now, &mut FreshIds);
            self.record(records);
            self.flush();
        }
    }

    /// Hands the room an input: of a client, or, as time passes, of the room itself.
    pub(super) fn input(
        &mut self,
        from: Option<&H::Client>,
        input: Input,
        callback: Option<H::Callback>,
    ) -> InputOutcome {
        let arrival = Arrival {
            input,
            callback,
            moves: false,
        };
        self.enter(from, arrival, &mut Vec::new())
    }

    /// Hands the room an input that settles what was held until then. Takes the callbacks of that if the client is in.
    pub(super) fn enter(
        &mut self,
        from: Option<&H::Client>,
        arrival: Arrival<H::Callback>,
        held: &mut Vec<Option<H::Callback>>,
    ) -> InputOutcome {
        let Arrival { input, callback, moves } = arrival;
        let address = from.map(H::address_of);
        self.repair(address);
        let now = self.host.now();
        let username = input.username().cloned();
        let Outputs {
            mut records,
            refused,
            effects,
        } = self.handle(input, now);
        for refused in refused {
            records.extend(self.record_refused(from, refused, username.as_ref(), now));
        }
        if records.iter().any(is_end_of_session) {
            records.splice(..0, self.state.counted.take(now.at));
        }
        let is_news = records.iter().any(is_entry);
        let outcome = outcome_of(&effects, is_news);
        let is_in = matches!(outcome, InputOutcome::Entered { .. });
        let held = if is_in { std::mem::take(held) } else { Vec::new() };
        let mover = from.filter(|_| is_in && moves).map(H::socket_of);
        let callbacks = Callbacks { own: callback, held };
        self.enqueue(address, records, Said::Effects(effects), callbacks, mover);
        self.flush();
        self.set_timer();
        outcome
    }

    /// Hands the room an input. If a member loses its socket by it, what was sent there and may not have arrived goes into
    /// its mailbox.
    fn handle(&mut self, input: Input, now: Now) -> Outputs {
        let Some(socket) = self.state.room.loses(&input) else {
            return self.state.room.handle(input, now, &mut FreshIds);
        };
        let undelivered = self.host.sockets().take_undelivered(socket);
        let origins: Vec<Origin> = undelivered.iter().filter_map(Message::origin).collect();
        self.state.room.take_back(undelivered);
        let outputs = self.state.room.handle(input, now, &mut FreshIds);
        origins.into_iter().for_each(|origin| self.count_waiting(origin));
        outputs
    }

    /// Hands the room a message for another member, unless too much of its sender waits for that member already.
    pub(super) fn relay(&mut self, from: &H::Client, relay: Relay, callback: Option<H::Callback>) -> InputOutcome {
        let socket = H::socket_of(from);
        if self.receiver_has_room(socket, &relay) {
            return self.input(Some(from), Input::Relay { socket, relay }, callback);
        }
        let limit = Limit::WaitingOfPair;
        self.host.client_limit_reached(limit, from);
        let refusal = WireRefusal::new(of_request(relay.body.request()), WireReason::TooMuch(limit));
        self.refuse(from, refusal, callback)
    }

    fn receiver_has_room(&self, from: SocketKey, relay: &Relay) -> bool {
        let Some(socket) = relay.to.and_then(|to| self.state.room.delivers_to(to)) else {
            return true;
        };
        let most = self.host.waiting_per_pair();
        let bytes = relay.body.payload_len();
        self.host.sockets().has_room(socket, from, bytes, most)
    }

    /// Refuses a message before it comes to the room, on the room's record, and behind what the room has said.
    pub(super) fn refuse(
        &mut self,
        from: &H::Client,
        refusal: WireRefusal,
        callback: Option<H::Callback>,
    ) -> InputOutcome {
        let (socket, address) = (H::socket_of(from), Some(H::address_of(from)));
        self.repair(address);
        let (session, participant) = self.state.room.participant_on(socket);
        let now = self.host.now();
        let record = self.record_refusal(Some(from), (session, participant), &refusal, None, now);
        let records = record.into_iter().collect();
        self.enqueue(
            address,
            records,
            Said::Refusal(socket, refusal),
            Callbacks::own(callback),
            None,
        );
        self.flush();
        InputOutcome::Refused
    }

    /// `asked` is the name under which somebody wanted to come in.
    fn record_refused(
        &mut self,
        from: Option<&H::Client>,
        refused: Refused,
        asked: Option<&Username>,
        now: Now,
    ) -> Option<Record> {
        let Refused {
            session,
            participant,
            refusal,
        } = refused;
        self.record_refusal(from, (session, participant), &refusal.into(), asked, now)
    }

    /// The row of a refusal. Too many are only counted, and their sender need not wait to be told.
    fn record_refusal(
        &mut self,
        from: Option<&H::Client>,
        (session, participant): (Option<SessionId>, Option<ParticipantId>),
        refusal: &WireRefusal,
        asked: Option<&Username>,
        now: Now,
    ) -> Option<Record> {
        let room = self.state.room.name();
        let is_recorded = from.is_none_or(|client| self.host.is_recorded(client, room, now.tick));
        let member = participant.and_then(|participant| self.state.room.name_of(participant));
        self.host.tell_refused(&ToldRefusal {
            refusal,
            room: Some(room),
            member: member.or(asked),
            address: from.map(H::address_of),
            is_recorded,
        });
        if is_recorded {
            return Some(refusal.record(session, participant, now.at));
        }
        self.state.counted.add(session, participant);
        None
    }

    /// Counts a refusal that is not listed in the history.
    pub(super) fn count_refusal(&mut self, socket: SocketKey) {
        let (session, participant) = self.state.room.participant_on(socket);
        self.state.counted.add(session, participant);
    }

    /// Sends what must be remembered, the doing of the client `from` or of the room itself, to the journal, and queues
    /// the rest behind what was said before. It waits for a `mover` to be in no other room, too.
    fn enqueue(
        &mut self,
        from: Option<AddressKey>,
        records: Vec<Record>,
        said: Said,
        callbacks: Callbacks<H::Callback>,
        mover: Option<SocketKey>,
    ) {
        if self.state.is_abandoned {
            return;
        }
        let waits = records.iter().any(Record::is_told);
        let number = self.state.queue.next_number();
        self.state.movers.extend(mover.map(|socket| (socket, number)));
        let waits_for = u8::from(waits) + u8::from(mover.is_some());
        if waits_for > 0 || !said.is_nothing() {
            self.state.queue.push(Batch { said, callbacks }, waits_for);
        }
        if records.is_empty() {
            return;
        }
        room_log::tell(self.state.room.name(), &records);
        let release = waits.then(|| self.release_of(number));
        let newcomers = newcomers(&records);
        let source = self.source(from);
        if self.host.journal().submit(source, records, release) == Submitted::Dropped {
            self.state.repair.records_dropped(newcomers);
        }
    }

    fn release_of(&self, number: u64) -> Release {
        let driver = self.driver.clone();
        Box::new(move || {
            if let Some(driver) = driver.upgrade() {
                driver.released(number);
            }
        })
    }

    /// What the room records by itself, or what became of a message: nothing is said of it.
    fn record(&mut self, records: Vec<Record>) {
        self.enqueue(None, records, Said::Effects(Vec::new()), Callbacks::own(None), None);
    }

    /// The journal has written (or given up waiting for) what a batch waited for.
    pub(super) fn released(&mut self, number: u64) {
        self.state.queue.release(number);
        self.flush();
    }

    /// Who moved here is in no other room any more.
    pub(super) fn moved(&mut self, socket: SocketKey) {
        let movers = &mut self.state.movers;
        if let Some(index) = movers.iter().position(|(mover, _)| *mover == socket) {
            let (_, number) = movers.swap_remove(index);
            self.released(number);
        }
    }

    /// Lets follow what waits for nothing any more, in order.
    fn flush(&mut self) {
        while let Some(Batch { said, mut callbacks }) = self.state.queue.pop_ready() {
            match said {
                Said::Effects(effects) => {
                    for effect in effects {
                        self.follow(effect, &mut callbacks);
                    }
                }
                Said::Refusal(socket, refusal) => self.say_refused(socket, refusal, callbacks.own),
            }
        }
        self.state.mailboxes.recount(&self.state.room);
    }

    fn follow(&mut self, effect: Effect, callbacks: &mut Callbacks<H::Callback>) {
        match effect {
            Effect::Tell { to, socket, message } => self.deliver(to, socket, message),
            Effect::DropAll(socket) => self.send_to_socket(socket, Outgoing::DropAll),
            Effect::Refuse { socket, refusal } => self.send_to_socket(socket, Outgoing::Error(&refusal.into())),
            Effect::OpenMailbox { member, socket } => {
                for message in self.state.room.open_mailbox(member, socket) {
                    self.deliver(member, Some(socket), message);
                }
            }
            Effect::Disconnect { socket, refusal } => {
                if self.state.room.member_on(socket).is_none() {
                    let refusal = refusal.into();
                    room_log::count_told(&refusal);
                    self.send_to_socket(socket, Outgoing::Error(&refusal));
                    self.host.sockets().disconnect(socket);
                }
            }
            Effect::Reply(reply) => self.answer(callbacks.own.take(), reply.into()),
            Effect::HeldReply { index, reply } => {
                let callback = callbacks.held.get_mut(index).and_then(Option::take);
                self.answer(callback, reply.into());
            }
        }
    }

    fn say_refused(&self, socket: SocketKey, refusal: WireRefusal, callback: Option<H::Callback>) {
        self.send_to_socket(socket, Outgoing::Error(&refusal));
        self.answer(callback, CallbackReply::Refused(refusal));
    }

    fn send_to_socket(&self, socket: SocketKey, outgoing: Outgoing<'_>) {
        // Nothing is kept for a socket: one that cannot take this has ended.
        self.host.sockets().send(socket, outgoing).ok();
    }

    fn answer(&self, callback: Option<H::Callback>, reply: CallbackReply) {
        if let Some(callback) = callback {
            self.host.answer(callback, reply);
        }
    }

    fn deliver(&mut self, to: MemberId, socket: Option<SocketKey>, message: Message) {
        let now = self.host.now();
        let origin = message.origin();
        match self.state.room.deliver(to, socket, message, now) {
            Delivery::Emit(receiver, message) => {
                match self.host.sockets().send(receiver, Outgoing::Message(&message)) {
                    Ok(()) => count_relay(origin),
                    Err(error) => {
                        self.lose(receiver, error.drop_reason());
                        self.deliver(to, socket, message);
                    }
                }
            }
            Delivery::Kept => {
                if let Some(origin) = origin {
                    self.count_waiting(origin);
                }
            }
            Delivery::LeavePending(record) => self.record(vec![record]),
            Delivery::Lost { overflowed, refused } => {
                let refused = refused.and_then(|refused| self.record_refused(None, refused, None, now));
                self.record(overflowed.into_iter().chain(refused).collect());
            }
            Delivery::Dropped => {}
        }
    }

    /// A member's socket takes nothing any more: the member is away at once, whatever TCP still hopes for.
    fn lose(&mut self, socket: SocketKey, why: DropReason) {
        let from = self.host.sockets().address(socket);
        let input = Input::Disconnect { socket, why };
        let outputs = self.handle(input, self.host.now());
        self.enqueue(
            from,
            outputs.records,
            Said::Effects(outputs.effects),
            Callbacks::own(None),
            None,
        );
        self.host.sockets().forget(socket);
    }

    /// Counts what waits of a sender for its address, as long as its socket is known. `origin` is the sender, and what it
    /// sent last.
    fn count_waiting(&mut self, origin: Origin) {
        let (sender, _) = origin;
        let DriverState { mailboxes, room, .. } = &mut *self.state;
        let new = || {
            let address = self.host.sockets().address(room.delivers_to(sender)?)?;
            let driver = self.driver.clone();
            let holder = SenderShares { driver, origin };
            Some(self.host.memory().held(address, Some(Arc::new(holder))))
        };
        if mailboxes.count(room, sender, new).is_err() {
            self.end_shares(origin);
        }
    }

    /// Nothing more waits of this sender until those it is for are back: there is no memory for it.
    pub(super) fn end_shares(&mut self, origin: Origin) {
        let refused = self.state.room.end_shares(origin);
        let record = self.record_refused(None, refused, None, self.host.now());
        self.record(record.into_iter().collect());
        self.state.mailboxes.recount(&self.state.room);
    }

    /// The journal's rows of this room contradict each other.
    pub(super) fn rows_damaged(&mut self) {
        self.state.repair.rows_damaged();
    }

    /// After the journal had to drop records of this room: gives it the whole state as soon as it takes it, in the name
    /// of whoever has something recorded now. Who floods has used up their share, and does not make the room say again
    /// and again what it is.
    pub(super) fn repair(&mut self, from: Option<AddressKey>) {
        if !self.state.repair.is_due() || self.state.is_abandoned {
            return;
        }
        let source = self.source(from);
        if !self.host.journal().admits(&source) {
            return;
        }
        let mut snapshot = self.state.room.snapshot(self.host.now());
        self.state.repair.trim(&mut snapshot);
        if self.host.journal().submit(source, vec![snapshot], None) == Submitted::Accepted {
            self.state.repair.done();
        }
    }

    /// Writes down what was only kept so far: counts of refusals and of what passed over the links, and what pages said of
    /// these.
    pub(super) fn record_counts(&mut self) {
        let now = self.host.now();
        let mut records = self.state.counted.take(now.at);
        records.extend(self.state.room.progress(now));
        self.record(records);
    }

    /// Sets the timer to what is due next.
    pub(super) fn set_timer(&mut self) {
        let due = self.state.room.next_timeout().filter(|_| !self.state.is_abandoned);
        if self.state.timer.as_ref().map(|(tick, _)| *tick) != due {
            self.state.timer = due.map(|due| (due, self.host.wake_at(due, self.driver.clone())));
        }
    }

    /// The moment of the timer has come. Thousands of rooms that a restart brought back may all be due at once.
    pub(super) fn due(&mut self) {
        let due = self.state.timer.take().map(|(due, _)| due);
        let may_wait = self.state.postponed < MOST_POSTPONED && self.host.journal().is_crowded();
        if let Some(due) = due.filter(|_| may_wait) {
            self.state.postponed += 1;
            let later = self.host.now().tick.after(POSTPONED_BY);
            self.state.timer = Some((due, self.host.wake_at(later, self.driver.clone())));
            return;
        }
        self.state.postponed = 0;
        // Once the server stops, nobody's grace runs out on account of that.
        if !self.host.is_stopping() {
            self.input(None, Input::Tick, None);
        }
    }

    /// A room that has nothing left to remember is forgotten, once all that waits has been said and written.
    pub(super) fn retire_if_idle(&mut self) {
        let state = &mut *self.state;
        if !state.is_retired && state.room.is_idle() && state.queue.is_empty() && !state.repair.is_due() {
            state.is_retired = true;
            self.host.retire(state.room.name());
        }
    }

    /// Whose doing a record of this room is: a client's, or the room's own.
    fn source(&self, from: Option<AddressKey>) -> Source {
        Source {
            address: from,
            room: Some(self.state.room.name().clone()),
        }
    }
}

fn is_end_of_session(record: &Record) -> bool {
    matches!(record.change, Change::SessionEnded { .. })
}

/// What came of an input, by which somebody may have wanted to come in.
fn outcome_of(effects: &[Effect], is_news: bool) -> InputOutcome {
    let reply = effects.iter().find_map(|effect| match effect {
        Effect::Reply(reply) => Some(reply),
        Effect::Tell { .. }
        | Effect::DropAll(_)
        | Effect::Refuse { .. }
        | Effect::OpenMailbox { .. }
        | Effect::HeldReply { .. }
        | Effect::Disconnect { .. } => None,
    });
    match reply {
        Some(Reply::Entered(membership)) => InputOutcome::Entered {
            resumed: membership.resumed,
            is_news,
        },
        Some(Reply::Refused(_)) => InputOutcome::Refused,
        Some(Reply::Done) | None => InputOutcome::Other,
    }
}

/// Counts what a member has sent and another's socket has been given.
fn count_relay(origin: Option<Origin>) {
    match origin.map(|(_, request)| request) {
        Some(Request::Offer) => metrics::relayed(RelayEvent::Offer),
        Some(Request::Answer) => metrics::relayed(RelayEvent::Answer),
        Some(Request::Candidate) => metrics::relayed(RelayEvent::Candidate),
        Some(Request::Renegotiation) => metrics::relayed(RelayEvent::Renegotiation),
        Some(Request::Join | Request::Resume | Request::Leave | Request::Hangup | Request::State) | None => {}
    }
}
