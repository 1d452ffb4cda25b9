//! A driver with recorders around it: no socket, no database, no clock.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::host::{Host, RecordSink, Sockets, WakeUp};
use super::room_driver::RoomDriver;
use super::work::{Arrival, InputOutcome, MOST_POSTPONED, POSTPONED_BY};
use crate::held::{HeldLimits, MemoryBudget};
use crate::journal::{Release, Source, Submitted};
use crate::model::address::AddressKey;
use crate::model::id::{ClientKey, ConnectorId, MemberId, RoomName, SocketKey, StreamType, Username};
use crate::model::limit::LimitName;
use crate::model::time::{Now, Tick, Timestamp};
use crate::model::vocabulary::DropReason;
use crate::room::input::{Answer, Body, Candidate, Join, Offer, Opaque, Relay, Resume};
use crate::room::output::Message;
use crate::room::record::{Change, Record};
use crate::room::{Input, Limits, Room};
use crate::signaling::client::SendError;
use crate::signaling::client_limit::Limit;
use crate::signaling::room_log::ToldRefusal;
use crate::signaling::wire::{CallbackReply, Outgoing, WireReason, WireRefusal};

/// What was sent, in words, to whom.
#[derive(Default)]
struct RecordedSockets {
    sent: Mutex<Vec<String>>,
    /// Those that take nothing, and why.
    broken: Mutex<HashMap<SocketKey, SendError>>,
    is_behind: Mutex<bool>,
    disconnected: Mutex<Vec<SocketKey>>,
    /// Whether what was sent has not arrived, and what that is.
    undelivered: Mutex<Option<Vec<(SocketKey, Message)>>>,
}

impl Sockets for RecordedSockets {
    fn send(&self, to: SocketKey, outgoing: Outgoing<'_>) -> Result<(), SendError> {
        if let Some(error) = self.broken.lock().get(&to) {
            return Err(*error);
        }
        self.sent.lock().push(format!("{} < {}", to.0, words(outgoing)));
        if let (Some(undelivered), Outgoing::Message(message)) = (&mut *self.undelivered.lock(), outgoing) {
            undelivered.push((to, message.clone()));
        }
        Ok(())
    }

    fn is_known(&self, socket: SocketKey) -> bool {
        !self.disconnected.lock().contains(&socket)
    }

    fn address(&self, _: SocketKey) -> Option<AddressKey> {
        Some(address())
    }

    fn has_room(&self, _: SocketKey, _: SocketKey, _: usize, _: usize) -> bool {
        !*self.is_behind.lock()
    }

    fn take_undelivered(&self, from: SocketKey) -> Vec<Message> {
        let mut undelivered = self.undelivered.lock();
        let its = undelivered
            .iter_mut()
            .flat_map(|all| all.extract_if(.., |(to, _)| *to == from));
        its.map(|(_, message)| message).collect()
    }

    fn forget(&self, socket: SocketKey) {
        self.sent.lock().push(format!("{} forgotten", socket.0));
    }

    fn disconnect(&self, socket: SocketKey) {
        self.disconnected.lock().push(socket);
        self.sent.lock().push(format!("{} disconnected", socket.0));
    }
}

fn words(outgoing: Outgoing<'_>) -> &'static str {
    match outgoing {
        Outgoing::DropAll => "dropAll",
        Outgoing::Error(refusal) => refusal.kind().as_str(),
        Outgoing::Message(Message::GetOffer { .. }) => "getOffer",
        Outgoing::Message(Message::Renegotiate { .. }) => "renegotiate",
        Outgoing::Message(Message::Leave { .. }) => "leave",
        Outgoing::Message(Message::Offer { .. }) => "offer",
        Outgoing::Message(Message::Answer { .. }) => "answer",
        Outgoing::Message(Message::Candidate { .. }) => "candidate",
        Outgoing::Message(Message::Renegotiation { .. }) => "renegotiation",
        Outgoing::Finished(_) => "finished",
    }
}

/// A journal that commits when it is told to.
#[derive(Default)]
struct RecordedJournal {
    records: Mutex<Vec<Record>>,
    releases: Mutex<VecDeque<Release>>,
    /// It takes no more.
    is_full: Mutex<bool>,
    is_crowded: Mutex<bool>,
}

impl RecordSink for RecordedJournal {
    fn submit(&self, _: Source, records: Vec<Record>, release: Option<Release>) -> Submitted {
        self.releases.lock().extend(release);
        if *self.is_full.lock() {
            return Submitted::Dropped;
        }
        self.records.lock().extend(records);
        Submitted::Accepted
    }

    fn admits(&self, _: &Source) -> bool {
        !*self.is_full.lock()
    }

    fn is_crowded(&self) -> bool {
        *self.is_crowded.lock()
    }
}

struct Recorder {
    sockets: RecordedSockets,
    journal: RecordedJournal,
    memory: MemoryBudget,
    now: Mutex<Now>,
    /// When the driver wants to be woken.
    wake_at: Mutex<Option<Tick>>,
    retired: Mutex<Vec<RoomName>>,
    /// How many refusals are still recorded one by one.
    refusals: Mutex<usize>,
    limits: Mutex<Vec<&'static str>>,
    /// The refusals that the operator is told of.
    told: Mutex<Vec<String>>,
}

impl Host for Recorder {
    type Client = SocketKey;
    /// The socket whose callback it is.
    type Callback = SocketKey;
    type Timer = ();
    type Sockets = RecordedSockets;
    type Journal = RecordedJournal;

    fn sockets(&self) -> &RecordedSockets {
        &self.sockets
    }

    fn journal(&self) -> &RecordedJournal {
        &self.journal
    }

    fn memory(&self) -> &MemoryBudget {
        &self.memory
    }

    fn now(&self) -> Now {
        *self.now.lock()
    }

    fn is_stopping(&self) -> bool {
        false
    }

    fn socket_of(client: &SocketKey) -> SocketKey {
        *client
    }

    fn address_of(_: &SocketKey) -> AddressKey {
        address()
    }

    fn wake_at(&self, tick: Tick, _: Weak<dyn WakeUp>) {
        *self.wake_at.lock() = Some(tick);
    }

    fn answer(&self, callback: SocketKey, reply: CallbackReply) {
        let reply = match reply {
            CallbackReply::Done => "done",
            CallbackReply::Entered(_) => "entered",
            CallbackReply::Refused(_) => "refused",
            CallbackReply::Finished(_) => "finished",
        };
        self.sockets.sent.lock().push(format!("{} ack {reply}", callback.0));
    }

    fn is_recorded(&self, _: &SocketKey, _: &RoomName, _: Tick) -> bool {
        let mut left = self.refusals.lock();
        let is_recorded = *left > 0;
        *left = left.saturating_sub(1);
        is_recorded
    }

    fn waiting_per_pair(&self) -> usize {
        0
    }

    fn client_limit_reached(&self, limit: Limit, _: &SocketKey) {
        self.limits.lock().push(limit.name().as_str());
    }

    fn tell_refused(&self, told: &ToldRefusal<'_>) {
        let words = [
            told.room.map_or("-", RoomName::as_str),
            told.member.map_or("-", Username::as_str),
            told.refusal.kind().as_str(),
            told.refusal.limit().map_or("", LimitName::as_str),
            if told.is_recorded { "" } else { "counted" },
        ];
        self.told.lock().push(words.join(" ").trim_end().to_owned());
    }

    fn retire(&self, room: &RoomName) {
        self.retired.lock().push(room.clone());
    }
}

fn address() -> AddressKey {
    AddressKey::of(Ipv4Addr::LOCALHOST.into())
}

const LIMITS: Limits = Limits {
    capacity: 3,
    people: 0,
    people_per_address: 0,
    grace: Duration::from_secs(15),
    idle_timeout: Duration::from_secs(60),
};

struct Stage {
    host: Arc<Recorder>,
    driver: Arc<RoomDriver<Recorder>>,
}

impl Stage {
    fn new() -> Self {
        Self::with_memory(usize::MAX)
    }

    fn with_memory(in_all: usize) -> Self {
        let host = Arc::new(Recorder {
            sockets: RecordedSockets::default(),
            journal: RecordedJournal::default(),
            memory: MemoryBudget::new(HeldLimits { in_all, per_address: 0 }),
            now: Mutex::new(Now {
                tick: Tick(1_000),
                at: Timestamp(1_000_000),
                ..Now::default()
            }),
            wake_at: Mutex::default(),
            retired: Mutex::default(),
            refusals: Mutex::new(usize::MAX),
            limits: Mutex::default(),
            told: Mutex::default(),
        });
        let room = Room::new(RoomName::parse("room").unwrap(), LIMITS);
        let driver = RoomDriver::new(room, Arc::downgrade(&host));
        Self { host, driver }
    }

    /// Ann on socket 1 and Bo on socket 2, and a link between them; all of it is written.
    fn connected() -> Self {
        let stage = Self::new();
        stage.connect();
        stage
    }

    fn connect(&self) {
        self.join(1, "ann");
        self.join(2, "bo");
        self.written();
        self.relay(1, offer("bo"), 2);
        self.relay(2, answer(), 1);
        self.heard();
        self.host.journal.records.lock().clear();
    }

    fn input(&self, socket: u64, input: Input) -> InputOutcome {
        let client = SocketKey(socket);
        self.driver.input(&self.host, &client, input, Some(client))
    }

    fn enter(&self, socket: u64, input: Input, moves: bool) -> InputOutcome {
        let client = SocketKey(socket);
        let mut arrival = Some(Arrival {
            input,
            callback: Some(client),
            moves,
        });
        let outcome = self.driver.enter(&self.host, &client, &mut arrival, &mut Vec::new());
        outcome.expect("the room is not retired")
    }

    fn join(&self, socket: u64, name: &str) -> InputOutcome {
        self.enter(socket, join_of(socket, name), false)
    }

    fn resume(&self, socket: u64, name: &str) -> InputOutcome {
        self.enter(
            socket,
            Input::Resume(Resume {
                socket: SocketKey(socket),
                address: address(),
                key: ClientKey::parse(name).unwrap(),
                username: None,
                token: None,
                held: Vec::new(),
            }),
            false,
        )
    }

    fn leave(&self, socket: u64) {
        let entries = Vec::new();
        let socket_key = SocketKey(socket);
        self.input(
            socket,
            Input::Leave {
                socket: socket_key,
                entries,
            },
        );
    }

    fn disconnect(&self, socket: u64) {
        let (socket, why) = (SocketKey(socket), DropReason::Reset);
        let input = Input::Disconnect { socket, why };
        self.driver.input(&self.host, &socket, input, None);
    }

    /// Sends something to the member on another socket.
    fn relay(&self, from: u64, body: Body, to: u64) -> InputOutcome {
        let to = self.driver.read(|room| room.member_on(SocketKey(to)));
        self.relay_to(from, body, to.unwrap())
    }

    fn relay_to(&self, from: u64, body: Body, to: MemberId) -> InputOutcome {
        let (client, to) = (SocketKey(from), Some(to));
        self.driver.relay(&self.host, &client, Relay { to, body }, Some(client))
    }

    fn member_on(&self, socket: u64) -> MemberId {
        self.driver.read(|room| room.member_on(SocketKey(socket))).unwrap()
    }

    /// The journal has written the first batch that waits for it.
    fn written_one(&self) {
        let release = self.host.journal.releases.lock().pop_front();
        release.expect("something waits")();
    }

    /// The journal has written everything.
    fn written(&self) {
        loop {
            let release = self.host.journal.releases.lock().pop_front();
            match release {
                Some(release) => release(),
                None => return,
            }
        }
    }

    /// What was said since the last time.
    fn heard(&self) -> String {
        std::mem::take(&mut *self.host.sockets.sent.lock()).join("; ")
    }

    /// What was recorded since the last time.
    fn recorded(&self) -> String {
        let mut text = String::new();
        for record in std::mem::take(&mut *self.host.journal.records.lock()) {
            let _ = write!(text, "{} ", kind(&record.change));
        }
        text.trim_end().to_owned()
    }

    /// So many milliseconds pass; the timer rings if it is due.
    fn pass(&self, millis: u64) {
        let now = {
            let mut now = self.host.now.lock();
            now.tick.0 += millis;
            now.at.0 += i64::try_from(millis).unwrap();
            now.tick
        };
        if self.host.wake_at.lock().take_if(|tick| *tick <= now).is_some() {
            self.driver.due();
        }
    }

    fn break_socket(&self, socket: u64, error: SendError) {
        self.host.sockets.broken.lock().insert(SocketKey(socket), error);
    }
}

fn kind(change: &Change) -> String {
    match change {
        Change::SessionStarted { .. } => "started".into(),
        Change::SessionEnded { .. } => "ended".into(),
        Change::Joined(_) => "joined".into(),
        Change::Left { reason, .. } => format!("left:{}", reason.as_str()),
        Change::Disconnected { why, .. } => format!("disconnected:{}", why.as_str()),
        Change::Reconnected { .. } => "reconnected".into(),
        Change::Error { code, .. } => format!("error:{}", code.as_str()),
        Change::MoreErrors { count, .. } => format!("errors:{count}"),
        Change::Acted { what, .. } => what.as_str().into(),
        Change::Gap { .. } => "gap".into(),
        Change::CalendarMoved { .. } => "moved".into(),
        Change::LinkOffered(_) => "offered".into(),
        Change::LinkAnswered { .. } => "answered".into(),
        Change::LinkProgress { .. } => "progress".into(),
        Change::LinkClosed { .. } => "closed".into(),
        Change::LinkReported { .. } => "reported".into(),
        Change::LeaveOwed { .. } => "owed".into(),
        Change::Overflowed { .. } => "overflowed".into(),
        Change::Snapshot(snapshot) => format!("snapshot:{}", snapshot.participants.len()),
    }
}

fn opaque(bytes: usize) -> Opaque {
    Opaque(RawValue::from_string(format!("\"{}\"", "x".repeat(bytes))).unwrap())
}

fn connector(name: &str) -> ConnectorId {
    ConnectorId::parse(name).unwrap()
}

/// An offer of Ann's.
fn offer(to: &str) -> Body {
    Body::Offer(Offer {
        connector: connector(&format!("ann's to {to}")),
        offer: opaque(1),
        stream: Some(StreamType::user()),
    })
}

/// Bo's answer.
fn answer() -> Body {
    Body::Answer(Answer {
        remote_connector: connector("ann's to bo"),
        connector: connector("bo's"),
        answer: opaque(1),
    })
}

fn candidate(of: &str, bytes: usize) -> Body {
    Body::Candidate(Candidate {
        remote_connector: connector(of),
        candidate: opaque(bytes),
    })
}

fn join_of(socket: u64, name: &str) -> Input {
    Input::Join(Join {
        socket: SocketKey(socket),
        address: address(),
        key: ClientKey::parse(name).unwrap(),
        username: Username::parse(name).unwrap(),
        token: None,
        held: Vec::new(),
    })
}

/// Of the other room nothing may come behind the answer.
#[test]
fn who_moves_here_is_answered_once_it_is_in_no_other_room() {
    let stage = Stage::new();
    for is_written_first in [true, false] {
        stage.enter(1, join_of(1, "ann"), true);
        let mut steps: [&dyn Fn(); 2] = [&|| stage.driver.moved(&stage.host, &SocketKey(1)), &|| stage.written()];
        if is_written_first {
            steps.reverse();
        }
        assert_eq!(stage.heard(), "");
        steps[0]();
        assert_eq!(stage.heard(), "");
        steps[1]();
        assert_eq!(stage.heard(), "1 ack entered");
        stage.leave(1);
        stage.written();
        assert_eq!(stage.heard(), "1 ack done");
    }
    for (socket, name) in [(2, "bo"), (3, "cy"), (4, "di")] {
        stage.join(socket, name);
    }
    stage.enter(1, join_of(1, "ann"), true);
    stage.written();
    let heard = stage.heard();
    assert!(
        heard.ends_with("1 ack refused"),
        "who is refused moves nowhere: {heard}"
    );
}

#[test]
fn what_is_told_waits_for_its_commit() {
    let stage = Stage::new();
    assert_eq!(
        stage.join(1, "ann"),
        InputOutcome::Entered {
            resumed: false,
            is_news: true
        }
    );
    assert_eq!(stage.recorded(), "started joined");
    assert_eq!(stage.heard(), "");
    stage.written_one();
    assert_eq!(stage.heard(), "1 ack entered");
}

#[test]
fn a_relay_goes_straight_out_and_waits_behind_what_was_not_written() {
    let stage = Stage::connected();
    stage.relay(1, candidate("bo's", 1), 2);
    assert_eq!(stage.heard(), "2 < candidate; 1 ack done");
    assert!(stage.host.journal.releases.lock().is_empty(), "it waits for no commit");
    stage.join(3, "cy");
    stage.relay(1, candidate("bo's", 1), 2);
    assert_eq!(stage.heard(), "");
    stage.written();
    assert_eq!(
        stage.heard(),
        "1 < getOffer; 2 < getOffer; 3 ack entered; 2 < candidate; 1 ack done"
    );
}

#[test]
fn batches_are_released_in_order() {
    let stage = Stage::new();
    stage.join(1, "ann");
    stage.join(2, "bo");
    stage.join(2, "bo");
    let (first, second) = {
        let mut releases = stage.host.journal.releases.lock();
        (releases.pop_front().unwrap(), releases.pop_front().unwrap())
    };
    second();
    assert_eq!(stage.heard(), "", "the first is not written");
    first();
    assert_eq!(
        stage.heard(),
        "1 ack entered; 1 < getOffer; 2 ack entered; 2 ack entered",
        "a join repeated records nothing, and waits behind the rest"
    );
}

#[test]
fn a_degraded_journal_releases_what_it_drops_and_is_given_the_room_afterwards() {
    let stage = Stage::connected();
    *stage.host.journal.is_full.lock() = true;
    stage.join(3, "cy");
    stage.written();
    assert_eq!(stage.heard(), "1 < getOffer; 2 < getOffer; 3 ack entered");
    stage.driver.sweep(&stage.host, false);
    assert_eq!(stage.recorded(), "", "it takes nothing yet");
    *stage.host.journal.is_full.lock() = false;
    stage.relay(1, candidate("bo's", 1), 2);
    assert_eq!(
        stage.recorded(),
        "snapshot:1",
        "only Cy's row may be missing, besides the members'"
    );
    stage.driver.sweep(&stage.host, false);
    assert_eq!(stage.recorded(), "progress", "the repair is done");
    stage.driver.sweep(&stage.host, true);
    assert_eq!(stage.recorded(), "snapshot:3", "nobody knows whose rows are damaged");
}

#[test]
fn a_socket_that_takes_nothing_has_its_member_away_and_the_message_in_its_mailbox() {
    for (error, why) in [
        (SendError::Gone, "reset"),
        (SendError::Behind, "stalled"),
        (SendError::Stopping, "server"),
    ] {
        let stage = Stage::connected();
        stage.break_socket(2, error);
        stage.relay(1, candidate("bo's", 1), 2);
        assert_eq!(stage.recorded(), format!("disconnected:{why}"));
        assert_eq!(stage.heard(), "2 forgotten; 1 ack done");
        stage.resume(3, "bo");
        stage.written();
        assert_eq!(stage.heard(), "3 ack entered; 3 < candidate; 1 < renegotiate");
    }
}

#[test]
fn a_socket_lost_before_its_mailbox_is_opened_loses_nothing() {
    let stage = Stage::connected();
    let bo = stage.member_on(2);
    stage.disconnect(2);
    stage.written();
    stage.relay_to(1, candidate("bo's", 1), bo);
    stage.heard();
    stage.resume(3, "bo");
    stage.disconnect(3);
    stage.written();
    stage.heard();
    stage.resume(4, "bo");
    stage.written();
    assert!(stage.heard().starts_with("4 ack entered; 4 < candidate"));
}

#[test]
fn a_leave_that_waits_for_somebody_away_is_written_down() {
    let stage = Stage::connected();
    // Bo's socket takes no leave any more, and nobody knew when it was said.
    stage.break_socket(2, SendError::Gone);
    stage.leave(1);
    assert_eq!(stage.recorded(), "left:left closed");
    stage.written_one();
    assert_eq!(stage.recorded(), "disconnected:reset owed");
}

#[test]
fn a_replaced_socket_is_told_and_disconnected() {
    let stage = Stage::connected();
    stage.join(3, "ann");
    stage.written();
    let heard = stage.heard();
    let told = heard.find("1 < replaced; 1 disconnected").unwrap();
    assert!(told < heard.find("3 ack entered").unwrap(), "{heard}");
}

#[test]
fn refusals_past_what_is_recorded_are_counted_and_told_at_once() {
    let stage = Stage::connected();
    *stage.host.refusals.lock() = 1;
    let refuse = || {
        let refusal = WireRefusal::new("chat", WireReason::UnknownEvent);
        let client = SocketKey(1);
        stage.driver.refuse(&stage.host, &client, refusal, Some(client))
    };
    assert_eq!(refuse(), InputOutcome::Refused);
    assert_eq!(stage.heard(), "", "what is recorded is told when it is written");
    stage.written();
    assert_eq!(stage.heard(), "1 < invalid; 1 ack refused");
    refuse();
    assert_eq!(stage.heard(), "1 < invalid; 1 ack refused");
    assert_eq!(
        stage.relay_to(1, offer("?"), MemberId(Uuid::max())),
        InputOutcome::Refused
    );
    assert_eq!(stage.heard(), "1 < unknownMember; 1 ack refused");
    stage.driver.count_refusal(&stage.host, SocketKey(1));
    assert_eq!(stage.recorded(), "error:invalid");
    stage.driver.sweep(&stage.host, false);
    assert_eq!(stage.recorded(), "errors:3");
}

#[test]
fn a_receiver_that_is_behind_takes_no_more_of_one_sender() {
    let stage = Stage::connected();
    *stage.host.sockets.is_behind.lock() = true;
    assert_eq!(stage.relay(1, candidate("bo's", 1), 2), InputOutcome::Refused);
    stage.written();
    assert_eq!(stage.heard(), "1 < rateLimited; 1 ack refused");
    assert_eq!(*stage.host.limits.lock(), ["MAX_WAITING_PER_PAIR"]);
}

#[test]
fn of_two_sockets_that_take_one_member_over_the_newest_stays() {
    for enter in [Stage::join, Stage::resume] {
        let stage = Stage::connected();
        for socket in [4, 2, 4, 2] {
            let entered = enter(&stage, socket, "bo");
            assert!(matches!(entered, InputOutcome::Entered { .. }), "{entered:?}");
        }
        stage.written();
        let heard = stage.heard();
        assert!(heard.contains("4 < replaced; 4 disconnected"), "{heard}");
        assert!(!heard.contains("2 < replaced"), "{heard}");
        // Disconnected, but not gone yet.
        assert_eq!(enter(&stage, 4, "bo"), InputOutcome::Other);
        stage.member_on(2);
    }
}

#[test]
fn what_may_not_have_arrived_is_told_on_the_next_socket_before_the_rest() {
    // Taken over while it still looks present, and after its loss was noticed.
    for is_noticed in [false, true] {
        let stage = Stage::connected();
        *stage.host.sockets.undelivered.lock() = Some(Vec::new());
        stage.relay(1, candidate("bo's", 1), 2);
        stage.relay(1, candidate("bo's", 2), 2);
        stage.leave(1);
        stage.written();
        stage.join(1, "ann");
        stage.relay(1, offer("new"), 2);
        if is_noticed {
            stage.disconnect(2);
        }
        stage.written();
        stage.heard();
        stage.resume(3, "bo");
        stage.written();
        let heard = stage.heard();
        let replaced = if is_noticed {
            ""
        } else {
            "2 < replaced; 2 disconnected; "
        };
        let expected = "3 ack entered; 3 < candidate; 3 < candidate; 3 < leave; 3 < offer";
        assert_eq!(heard, format!("{replaced}{expected}"));
        assert!(
            stage
                .host
                .sockets
                .undelivered
                .lock()
                .iter()
                .flatten()
                .all(|(to, _)| to.0 != 2)
        );
    }
}

#[test]
fn the_operator_learns_of_each_refusal_whose_it_was_and_where() {
    let stage = Stage::connected();
    assert_eq!(stage.join(3, "Bo"), InputOutcome::Refused);
    stage.join(3, "cy");
    assert_eq!(stage.join(4, "di"), InputOutcome::Refused);
    // A client that only says nonsense has no name.
    stage.relay(5, offer("bo"), 2);
    *stage.host.refusals.lock() = 0;
    stage.relay_to(1, offer("?"), MemberId(Uuid::max()));
    let expected = [
        "room Bo repeat",
        "room di roomFull MAX_ROOM_MEMBERS",
        "room - notJoined",
        "room ann unknownMember  counted",
    ];
    assert_eq!(*stage.host.told.lock(), expected);
}

#[test]
fn what_is_due_happens_and_an_empty_room_is_retired_once_all_is_written() {
    let stage = Stage::connected();
    stage.leave(2);
    stage.written();
    stage.disconnect(1);
    assert_eq!(*stage.host.wake_at.lock(), Some(Tick(16_000)), "Ann's grace");
    stage.written();
    stage.recorded();
    stage.pass(15_000);
    assert_eq!(stage.recorded(), "left:timeout");
    assert_eq!(*stage.host.wake_at.lock(), Some(Tick(76_000)), "the idle timeout");
    stage.pass(60_000);
    assert_eq!(stage.recorded(), "ended");
    assert!(stage.host.retired.lock().is_empty(), "something waits for the journal");
    stage.written();
    assert_eq!(stage.host.retired.lock().len(), 1);
    let mut arrival = Some(Arrival {
        input: Input::Tick,
        callback: None,
        moves: false,
    });
    let entered = stage
        .driver
        .enter(&stage.host, &SocketKey(3), &mut arrival, &mut Vec::new());
    assert!(entered.is_none() && arrival.is_some(), "it has to be looked up again");
    stage.driver.sweep(&stage.host, false);
    assert_eq!(stage.host.retired.lock().len(), 1, "once");
}

#[test]
fn what_was_counted_is_written_before_the_session_ends() {
    let stage = Stage::connected();
    stage.leave(2);
    stage.driver.count_refusal(&stage.host, SocketKey(1));
    stage.leave(1);
    stage.written();
    stage.recorded();
    stage.pass(60_000);
    assert_eq!(stage.recorded(), "errors:1 ended");
}

#[test]
fn what_is_due_waits_a_while_for_a_crowded_journal() {
    let stage = Stage::connected();
    stage.disconnect(1);
    stage.written();
    stage.recorded();
    *stage.host.journal.is_crowded.lock() = true;
    stage.pass(15_000);
    let postponed = u64::try_from(POSTPONED_BY.as_millis()).unwrap();
    for _ in 1..MOST_POSTPONED {
        assert_eq!(stage.recorded(), "");
        stage.pass(postponed);
    }
    assert_eq!(stage.recorded(), "");
    stage.pass(postponed);
    assert_eq!(stage.recorded(), "left:timeout closed");
}

#[test]
fn past_the_servers_memory_a_sender_loses_its_share() {
    let stage = Stage::with_memory(40_000);
    stage.connect();
    let bo = stage.member_on(2);
    stage.disconnect(2);
    stage.written();
    stage.recorded();
    for _ in 0..3 {
        stage.relay_to(1, candidate("bo's", 10_000), bo);
    }
    assert!(stage.host.memory.bytes() > 0, "what waits is counted");
    stage.relay_to(1, candidate("bo's", 20_000), bo);
    assert_eq!(stage.recorded(), "error:rateLimited");
    assert_eq!(stage.host.memory.bytes(), 0);
}

#[test]
fn who_is_away_is_told_what_waited_in_order() {
    let stage = Stage::connected();
    let bo = stage.member_on(2);
    stage.disconnect(2);
    let kinds: HashSet<_> = [offer("bo"), candidate("bo's", 1)]
        .into_iter()
        .map(|body| stage.relay_to(1, body, bo))
        .map(|outcome| outcome == InputOutcome::Other)
        .collect();
    assert_eq!(kinds, HashSet::from([true]));
    stage.written();
    stage.heard();
    stage.resume(3, "bo");
    stage.written();
    assert_eq!(
        stage.heard(),
        "3 ack entered; 3 < offer; 3 < candidate; 1 < renegotiate"
    );
}
