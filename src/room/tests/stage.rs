//! A room on a stage: inputs and outputs as short lines of text, so that a test reads like the contract.
//!
//! Inputs: `1 join ann` (socket 1; the secret is the name, or `ann/key`), `1 resume ann`, `1 resume ann -` (without a
//! username), `1 leave`, `1 leave b1>bo` (peer's connector > peer), `1 move`, `1 offer bo a1` (to, own connector,
//! stream), `1 answer bo b1 a1` (to, peer's connector, own), `1 candidate bo b1`, `1 work bo a1 step`, `1 drop`,
//! `wait 15` (seconds). `2 early …` holds a relay for that socket's next join or resume. `ann/key/token` has a token of
//! its own. `teacher removes ann 60`, `closes 60` (seconds), `locks`, `unlocks`.
//!
//! Outputs: `[…]` a record, `1 < …` to socket 1, `ann + …` into ann's mailbox, `1 ack …` the callback, `1 cut`.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::model::act::Act;
use crate::model::address::AddressKey;
use crate::model::id::{ClientKey, ConnectorId, MemberId, ParticipantId, RoomName, SocketKey, StreamType, Username};
use crate::model::time::{Now, Tick, Timestamp};
use crate::model::vocabulary::{ConnectionPath, ConnectionState, DropReason};
use crate::room::input::{
    Answer, Body, Candidate, Join, LeaveEntry, Offer, Opaque, Relay, Renegotiation, Resume, StateReport,
};
use crate::room::output::{Message, Reply};
use crate::room::record::{Change, LinkSide, Record, Traffic};
use crate::room::refusal::{Refusal, Refused, Request};
use crate::room::{Delivery, Effect, Ids, Input, Limits, Room};

/// Ids that count.
#[derive(Default)]
pub(super) struct Counter(u128);

impl Ids for Counter {
    fn random(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }

    fn ordered(&mut self, _: Timestamp) -> Uuid {
        self.random()
    }
}

pub(super) const LIMITS: Limits = Limits {
    capacity: 4,
    people: 0,
    people_per_address: 0,
    grace: Duration::from_secs(15),
    idle_timeout: Duration::from_secs(60),
};

/// Where everybody here sits, who does not say otherwise.
pub(super) fn address() -> AddressKey {
    AddressKey::of(Ipv4Addr::LOCALHOST.into())
}

pub(super) struct Stage {
    pub(super) room: Room,
    pub(super) now: Now,
    pub(super) ids: Counter,
    pub(super) records: Vec<Record>,
    pub(super) refused: Vec<Refused>,
    names: HashMap<MemberId, String>,
    /// The last member of each name.
    members: HashMap<String, MemberId>,
    participants: HashMap<ParticipantId, String>,
    early: BTreeMap<u64, Vec<Relay>>,
    /// Where those sit who join next.
    pub(super) address: AddressKey,
    /// While set, what is said waits here, as it does for the disk.
    pub(super) disk: Option<VecDeque<(u64, Effect)>>,
}

/// Ann on socket 1 and Bo on socket 2, connected: a1 is Ann's connector, b1 is Bo's.
pub(super) fn connected() -> Stage {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "2 answer ann a1 b1"]);
    stage
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(Room::new(RoomName::parse("room").unwrap(), LIMITS))
    }

    pub(super) fn with(room: Room) -> Self {
        Self {
            room,
            now: Now {
                tick: Tick(1_000),
                at: Timestamp(1_000_000),
                ..Now::default()
            },
            ids: Counter::default(),
            records: Vec::new(),
            refused: Vec::new(),
            names: HashMap::new(),
            members: HashMap::new(),
            participants: HashMap::new(),
            early: BTreeMap::new(),
            address: address(),
            disk: None,
        }
    }

    /// Plays `(input, outputs)` rows; outputs are separated by `; `.
    pub(super) fn play(&mut self, rows: &[(&str, &str)]) {
        for (input, expected) in rows {
            let lines = self.act(input);
            assert_eq!(lines.join("; "), *expected, "after `{input}`");
        }
    }

    /// Plays rows and looks only at what clients see.
    pub(super) fn play_seen(&mut self, rows: &[(&str, &str)]) {
        for (input, expected) in rows {
            let lines: Vec<_> = self
                .act(input)
                .into_iter()
                .filter(|line| !line.starts_with('['))
                .collect();
            assert_eq!(lines.join("; "), *expected, "after `{input}`");
        }
    }

    /// Plays inputs whose outputs are not looked at.
    pub(super) fn set(&mut self, inputs: &[&str]) {
        for input in inputs {
            self.act(input);
        }
    }

    /// The server stops and starts again: everyone is away, and nothing is known but what is written down.
    pub(super) fn restart(&mut self) {
        let Change::Snapshot(snapshot) = self.room.snapshot(self.now).change else {
            panic!("no snapshot");
        };
        let session = self.room.session.as_ref().unwrap().id;
        self.room = Room::restore(session, *snapshot, self.room.limits, LIMITS.grace, self.now);
    }

    /// One input; what follows, in lines.
    pub(super) fn act(&mut self, line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == "teacher" {
            return self.teacher(&words[1..]);
        }
        if words[0] == "wait" {
            let millis = (words[1].parse::<f64>().unwrap() * 1_000.0) as u64;
            self.now.tick.0 += millis;
            self.now.at.0 += millis as i64;
            return self.handle(0, Input::Tick);
        }
        let socket: u64 = words[0].parse().unwrap();
        if words[1] == "early" {
            let relay = self.relay(&words[2..]);
            self.early.entry(socket).or_default().push(relay);
            return Vec::new();
        }
        let input = self.input(SocketKey(socket), &words[1..]);
        self.handle(socket, input)
    }

    fn teacher(&mut self, words: &[&str]) -> Vec<String> {
        let bar = |seconds: &str| Duration::from_secs(seconds.parse().unwrap());
        let act = match words {
            ["removes", who, seconds] => Act::Remove {
                username: identity(who).0,
                bar: bar(seconds),
            },
            ["closes", seconds] => Act::Close { bar: bar(seconds) },
            ["locks"] => Act::Lock(true),
            ["unlocks"] => Act::Lock(false),
            other => panic!("no such act: {other:?}"),
        };
        if let Err(reason) = self.room.check_act(&act) {
            let nothing = self.handle(0, Input::Act(act));
            assert!(nothing.is_empty(), "{nothing:?}");
            return vec![format!("{reason:?}")];
        }
        self.handle(0, Input::Act(act))
    }

    fn input(&mut self, socket: SocketKey, words: &[&str]) -> Input {
        let held = |stage: &mut Self| stage.early.remove(&socket.0).unwrap_or_default();
        match words {
            ["join", who] => {
                let (username, key) = identity(who);
                Input::Join(Join {
                    socket,
                    address: self.address,
                    key,
                    username,
                    token: token(who),
                    held: held(self),
                })
            }
            ["resume", who] => {
                let (username, key) = identity(who);
                Input::Resume(Resume {
                    socket,
                    address: self.address,
                    key,
                    username: Some(username),
                    token: token(who),
                    held: held(self),
                })
            }
            ["resume", who, "-"] => Input::Resume(Resume {
                socket,
                address: self.address,
                key: identity(who).1,
                username: None,
                token: token(who),
                held: held(self),
            }),
            ["leave"] => Input::Leave {
                socket,
                entries: Vec::new(),
            },
            ["leave", list] => {
                let entry = |entry: &str| {
                    let (connector, member) = entry.split_once('>').unwrap();
                    LeaveEntry {
                        connector: connector_id(connector),
                        member: self.members[member],
                    }
                };
                Input::Leave {
                    socket,
                    entries: list.split(',').map(entry).collect(),
                }
            }
            ["move"] => Input::Move { socket },
            ["close"] => Input::Disconnect {
                socket,
                why: DropReason::Closed,
            },
            ["drop"] => Input::Disconnect {
                socket,
                why: DropReason::Reset,
            },
            relay => Input::Relay {
                socket,
                relay: self.relay(relay),
            },
        }
    }

    fn relay(&self, words: &[&str]) -> Relay {
        let payload = || Opaque(RawValue::from_string("0".into()).unwrap());
        let to = match words[1] {
            "nobody" => None,
            "stranger" => Some(MemberId(Uuid::max())),
            name => Some(self.members[name]),
        };
        let body = match words {
            ["offer", _, own, rest @ ..] => Body::Offer(Offer {
                connector: connector_id(own),
                offer: payload(),
                stream: rest.first().map(|stream| StreamType::parse(stream).unwrap()),
            }),
            ["answer", _, remote, own] => Body::Answer(Answer {
                remote_connector: connector_id(remote),
                connector: connector_id(own),
                answer: payload(),
            }),
            ["candidate", _, remote] => Body::Candidate(Candidate {
                remote_connector: connector_id(remote),
                candidate: payload(),
            }),
            ["work", _, own, kind] => Body::Renegotiation(Renegotiation {
                kind: (*kind).into(),
                data: Some(payload()),
                connector: connector_id(own),
            }),
            ["hangup", _, own] => Body::Hangup {
                connector: connector_id(own),
            },
            ["state", _, own, state, rest @ ..] => Body::State(StateReport {
                connector: connector_id(own),
                state: ConnectionState::parse(state).unwrap(),
                path: rest.first().and_then(|path| ConnectionPath::parse(path)),
            }),
            other => panic!("no such input: {other:?}"),
        };
        Relay { to, body }
    }

    pub(super) fn handle(&mut self, socket: u64, input: Input) -> Vec<String> {
        let outputs = self.room.handle(input, self.now, &mut self.ids);
        let mut lines: Vec<_> = outputs.records.into_iter().map(|record| self.record(record)).collect();
        lines.extend(outputs.refused.into_iter().map(|refused| self.refused(refused)));
        for effect in outputs.effects {
            match &mut self.disk {
                Some(waiting) => waiting.push_back((socket, effect)),
                None => self.follow(socket, effect, &mut lines),
            }
        }
        lines
    }

    /// The disk has written: what waited takes effect.
    pub(super) fn written(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for (socket, effect) in self.disk.take().unwrap_or_default() {
            self.follow(socket, effect, &mut lines);
        }
        lines
    }

    fn follow(&mut self, socket: u64, effect: Effect, lines: &mut Vec<String>) {
        match effect {
            Effect::Tell { to, socket, message } => {
                let text = self.message(&message);
                let line = match self.room.deliver(to, socket, message, self.now) {
                    Delivery::Emit(line, _) => format!("{} < {text}", line.0),
                    Delivery::Kept => format!("{} + {text}", self.name(to)),
                    Delivery::LeavePending(record) => {
                        lines.push(self.record(record));
                        format!("{} + {text}", self.name(to))
                    }
                    Delivery::Lost { overflowed, refused } => {
                        let record = overflowed.map(|record| self.record(record));
                        let refused = refused.map(|refused| self.refused(refused));
                        record.into_iter().chain(refused).collect::<Vec<_>>().join("; ")
                    }
                    Delivery::Dropped => return,
                };
                lines.push(line);
            }
            Effect::DropAll(socket) => lines.push(format!("{} < dropAll", socket.0)),
            Effect::Refuse { socket, refusal } => lines.push(error(socket, &refusal)),
            Effect::OpenMailbox { member, socket } => {
                for message in self.room.open_mailbox(member, socket) {
                    lines.push(format!("{} < {}", socket.0, self.message(&message)));
                }
            }
            Effect::Disconnect { socket, refusal } => {
                lines.push(error(socket, &refusal));
                lines.push(format!("{} cut", socket.0));
            }
            Effect::HeldReply { index, reply } => {
                let how = if let Reply::Refused(refusal) = &reply {
                    format!(" {}", refusal.reason.kind().as_str())
                } else {
                    String::new()
                };
                lines.push(format!("{socket} ack early {index}{how}"));
            }
            Effect::Reply(Reply::Done) => lines.push(format!("{socket} ack")),
            Effect::Reply(Reply::Refused(refusal)) => {
                lines.push(format!("{socket} ack {}", refusal.reason.kind().as_str()));
            }
            Effect::Reply(Reply::Entered(seat)) => {
                let members: Vec<_> = seat.members.iter().map(|(_, name)| name.as_str()).collect();
                let how = if seat.resumed { "resumed" } else { "joined" };
                lines.push(format!(
                    "{socket} ack {how} {} of {}",
                    self.name(seat.member),
                    members.join(" ")
                ));
            }
        }
    }

    fn message(&self, message: &Message) -> String {
        match message {
            Message::GetOffer { member, .. } => format!("getOffer {}", self.name(*member)),
            Message::Offer { from, offer, .. } => {
                let stream = offer.stream.as_ref();
                let stream = stream.map(|stream| format!(" {stream}")).unwrap_or_default();
                format!("offer {} of {}{stream}", offer.connector, self.name(*from))
            }
            Message::Answer { from, answer } => format!(
                "answer {} of {} for {}",
                answer.connector,
                self.name(*from),
                answer.remote_connector
            ),
            Message::Candidate { candidate, .. } => format!("candidate for {}", candidate.remote_connector),
            Message::Renegotiation { from, step } => {
                format!("work {} of {} for {}", step.kind, self.name(*from), step.connector)
            }
            Message::Renegotiate { connector, member } => {
                format!("renegotiate {connector} with {}", self.name(*member))
            }
            Message::Leave { connector, member } => format!("leave {connector} of {}", self.name(*member)),
        }
    }

    fn refused(&mut self, refused: Refused) -> String {
        let who = refused.participant.map(|id| self.participants[&id].as_str());
        let kind = refused.refusal.reason.kind();
        let text = format!("[error {} {}]", kind.as_str(), who.unwrap_or("nobody"));
        self.refused.push(refused);
        text
    }

    fn record(&mut self, record: Record) -> String {
        let mut text = String::new();
        match &record.change {
            Change::SessionStarted { .. } => text.push_str("started"),
            Change::SessionEnded { .. } => text.push_str("ended"),
            Change::Joined(joined) => {
                let name = joined.username.to_string();
                self.names.insert(joined.member, name.clone());
                self.members.insert(name.clone(), joined.member);
                self.participants.insert(joined.participant, name.clone());
                let _ = write!(text, "joined {name}");
            }
            Change::Left { member, reason, .. } => {
                let _ = write!(text, "left {} {}", self.name(*member), reason.as_str());
            }
            Change::Disconnected { member, .. } => {
                let _ = write!(text, "disconnected {}", self.name(*member));
            }
            Change::Reconnected { member, took_over, .. } => {
                let how = if *took_over { " over" } else { "" };
                let _ = write!(text, "reconnected {}{how}", self.name(*member));
            }
            Change::Error { .. } | Change::MoreErrors { .. } => panic!("the room has no words for errors"),
            Change::Acted {
                participant, what, by, ..
            } => {
                let whom = participant.map(|id| format!(" {}", self.participants[&id]));
                let _ = write!(text, "{}{} by {}", what.as_str(), whom.unwrap_or_default(), by.as_str());
            }
            Change::Gap { dropped } => {
                let _ = write!(text, "gap {dropped}");
            }
            Change::CalendarMoved { by_ms } => {
                let _ = write!(text, "moved {by_ms}");
            }
            Change::LinkOffered(link) => {
                let (from, to) = (self.name(link.offerer.member), self.name(link.answerer.member));
                let _ = write!(text, "link {from}-{to} {}", link.stream);
            }
            Change::LinkAnswered { connector, .. } => {
                let _ = write!(text, "answered {connector}");
            }
            Change::LinkProgress { traffic, .. } => {
                let Traffic {
                    offerer_candidates,
                    answerer_candidates,
                    renegotiations,
                } = traffic;
                let _ = write!(
                    text,
                    "progress {offerer_candidates} {answerer_candidates} {renegotiations}"
                );
            }
            Change::LinkClosed { why, .. } => {
                let _ = write!(text, "unlinked {}", why.as_str());
            }
            Change::LinkReported { by, report, .. } => {
                let end = if *by == LinkSide::Offerer {
                    "offerer"
                } else {
                    "answerer"
                };
                let path = report.path.map_or("", |path| path.as_str());
                let _ = write!(text, "{end} {} {path}", report.state.as_str());
                text.truncate(text.trim_end().len());
            }
            Change::LeaveOwed { member, leave } => {
                let _ = write!(
                    text,
                    "owed {} leave {} of {}",
                    self.name(*member),
                    leave.connector,
                    self.name(leave.leaver)
                );
            }
            Change::Overflowed { member } => {
                let _ = write!(text, "overflowed {}", self.name(*member));
            }
            Change::Snapshot(_) => text.push_str("snapshot"),
        }
        self.records.push(record);
        format!("[{text}]")
    }

    fn name(&self, member: MemberId) -> String {
        self.names.get(&member).cloned().unwrap_or_else(|| "?".into())
    }
}

/// The client's event.
fn error(socket: SocketKey, refusal: &Refusal) -> String {
    let (kind, event) = (refusal.reason.kind().as_str(), event(refusal.request));
    format!("{} < error {kind} {event}", socket.0)
}

fn event(request: Request) -> &'static str {
    match request {
        Request::Join => "join",
        Request::Resume => "reconnect",
        Request::Leave => "leave",
        Request::Offer => "offer",
        Request::Answer => "answer",
        Request::Candidate => "icecandidate",
        Request::Renegotiation => "reconnectWork",
        Request::Hangup => "hangup",
        Request::State => "connectionState",
    }
}

fn identity(who: &str) -> (Username, ClientKey) {
    let mut parts = who.split('/');
    let name = parts.next().unwrap();
    let key = parts.next().unwrap_or(name);
    (Username::parse(name).unwrap(), ClientKey::parse(key).unwrap())
}

fn token(who: &str) -> Option<Box<str>> {
    who.split('/').nth(2).map(Into::into)
}

fn connector_id(text: &str) -> ConnectorId {
    ConnectorId::parse(text).unwrap()
}
