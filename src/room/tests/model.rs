//! Random histories against a naive model: who is in the room, told in the simplest way, and what must hold always.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::stage::{Counter, LIMITS};
use crate::model::act::Act;
use crate::model::address::AddressKey;
use crate::model::id::{ClientKey, ConnectorId, LinkId, MemberId, RoomName, SocketKey, StreamType, Username};
use crate::model::time::{Now, Tick, Timestamp};
use crate::model::vocabulary::{ConnectionState, DropReason, ErrorKind};
use crate::room::input::{
    Answer, Body, Candidate, Join, LeaveEntry, Offer, Opaque, Relay, Renegotiation, Resume, StateReport,
};
use crate::room::output::{Membership, Message, Reply};
use crate::room::record::{Change, PendingLeave, Record};
use crate::room::{Delivery, Effect, Input, Outputs, Room};

/// What may happen. Sockets, names and secrets are few, so that histories meet themselves.
#[derive(Debug, Clone)]
enum Action {
    Join {
        slot: usize,
        name: u8,
        key: u8,
    },
    Resume {
        slot: usize,
        name: Option<u8>,
        key: u8,
    },
    Leave {
        slot: usize,
        listed: Vec<(u8, u8)>,
    },
    Move {
        slot: usize,
    },
    Offer {
        slot: usize,
        to: u8,
        connector: u8,
        stream: u8,
    },
    Answer {
        slot: usize,
        link: u8,
        connector: u8,
    },
    Candidate {
        slot: usize,
        link: u8,
    },
    Work {
        slot: usize,
        link: u8,
    },
    HangUp {
        slot: usize,
        link: u8,
    },
    Report {
        slot: usize,
        link: u8,
        state: u8,
    },
    /// Something about a connector that may be anybody's.
    Forge {
        slot: usize,
        to: u8,
        connector: u8,
        kind: u8,
    },
    Drop {
        slot: usize,
    },
    Wait {
        millis: u64,
    },
    /// A teacher removes somebody, closes the room, or locks it.
    Remove {
        name: u8,
        millis: u64,
    },
    Close {
        millis: u64,
    },
    Lock {
        locked: bool,
    },
    /// The clock is set ahead, and the machine has slept.
    Jump {
        set_ms: i64,
        asleep_ms: i64,
    },
    /// From here on nothing is written, and nothing that waits for it is said.
    Stall,
    /// All is written.
    Write,
}

const SLOTS: usize = 6;

fn action() -> impl Strategy<Value = Action> {
    let slot = 0..SLOTS;
    prop_oneof![
        4 => (slot.clone(), 0..6u8, 0..5u8).prop_map(|(slot, name, key)| Action::Join { slot, name, key }),
        4 => (slot.clone(), prop::option::weighted(0.8, 0..6u8), 0..5u8)
            .prop_map(|(slot, name, key)| Action::Resume { slot, name, key }),
        2 => (slot.clone(), prop::collection::vec((0..8u8, 0..6u8), 0..3))
            .prop_map(|(slot, listed)| Action::Leave { slot, listed }),
        1 => slot.clone().prop_map(|slot| Action::Move { slot }),
        6 => (slot.clone(), 0..8u8, 0..6u8, 0..3u8)
            .prop_map(|(slot, to, connector, stream)| Action::Offer { slot, to, connector, stream }),
        6 => (slot.clone(), any::<u8>(), 0..6u8)
            .prop_map(|(slot, link, connector)| Action::Answer { slot, link, connector }),
        3 => (slot.clone(), any::<u8>()).prop_map(|(slot, link)| Action::Candidate { slot, link }),
        2 => (slot.clone(), any::<u8>()).prop_map(|(slot, link)| Action::Work { slot, link }),
        2 => (slot.clone(), any::<u8>()).prop_map(|(slot, link)| Action::HangUp { slot, link }),
        2 => (slot.clone(), any::<u8>(), 0..4u8)
            .prop_map(|(slot, link, state)| Action::Report { slot, link, state }),
        4 => (slot.clone(), 0..8u8, 0..8u8, 0..5u8)
            .prop_map(|(slot, to, connector, kind)| Action::Forge { slot, to, connector, kind }),
        5 => slot.prop_map(|slot| Action::Drop { slot }),
        3 => prop_oneof![Just(1u64), Just(7_000), Just(15_000), Just(60_000)].prop_map(|millis| Action::Wait { millis }),
        1 => (0..2i64, 0..2i64).prop_map(|(set, asleep)| Action::Jump { set_ms: set * 60_000, asleep_ms: asleep * 60_000 }),
        1 => (0..6u8, bars()).prop_map(|(name, millis)| Action::Remove { name, millis }),
        1 => bars().prop_map(|millis| Action::Close { millis }),
        1 => any::<bool>().prop_map(|locked| Action::Lock { locked }),
        1 => Just(Action::Stall),
        2 => Just(Action::Write),
    ]
}

/// For how long somebody, or everybody, is kept out.
fn bars() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0u64), Just(7_000), Just(60_000)]
}

/// A member, as the naive model knows it.
#[derive(Debug, Clone, PartialEq)]
struct Person {
    name: u8,
    key: u8,
    socket: Option<SocketKey>,
    until: Option<Tick>,
}

/// What folding the journal gives.
#[derive(Debug, Default)]
struct Fold {
    members: BTreeMap<MemberId, (Username, bool)>,
    links: BTreeMap<LinkId, (MemberId, MemberId, bool)>,
    /// What away members are still to be told.
    owed: BTreeMap<MemberId, Vec<PendingLeave>>,
    session: bool,
}

impl Fold {
    fn apply(&mut self, record: &Record) {
        match &record.change {
            Change::SessionStarted { .. } => assert!(!std::mem::replace(&mut self.session, true), "two sessions"),
            Change::SessionEnded { .. } => assert!(std::mem::replace(&mut self.session, false), "no session"),
            Change::Joined(joined) => {
                assert!(self.session);
                assert!(
                    self.members
                        .insert(joined.member, (joined.username.clone(), true))
                        .is_none()
                );
            }
            Change::Left {
                member,
                open_connection,
                ..
            } => {
                let (_, present) = self.members.remove(member).expect("only members leave, and once");
                assert_eq!(present, open_connection.is_some());
                self.owed.remove(member);
            }
            Change::Disconnected { member, .. } => {
                assert!(std::mem::replace(
                    &mut self.members.get_mut(member).expect("a member").1,
                    false
                ));
            }
            Change::Reconnected { member, took_over, .. } => {
                let present = std::mem::replace(&mut self.members.get_mut(member).expect("a member").1, true);
                assert_eq!(present, *took_over);
                self.owed.remove(member);
            }
            Change::LinkOffered(link) => {
                self.links
                    .insert(link.link, (link.offerer.member, link.answerer.member, false));
            }
            // Also of a link that a newer one has replaced.
            Change::LinkAnswered { link, .. } => {
                if let Some(link) = self.links.get_mut(link) {
                    link.2 = true;
                }
            }
            Change::LinkClosed { link, .. } => {
                self.links.remove(link).expect("an open link");
            }
            Change::LinkProgress { link, .. } => assert!(self.links.contains_key(link)),
            Change::LeaveOwed { member, leave } => {
                assert!(!self.members[member].1, "only who is away is owed");
                let owed = self.owed.entry(*member).or_default();
                if !owed.contains(leave) {
                    owed.push(leave.clone());
                }
            }
            // Also of a link that a newer one has replaced.
            Change::LinkReported { .. } => {}
            Change::Overflowed { member } => assert!(self.members.contains_key(member)),
            Change::CalendarMoved { by_ms } => assert!(self.session && *by_ms > 0),
            Change::Acted { .. } => assert!(self.session, "a teacher acts on a session"),
            Change::Gap { .. } | Change::Error { .. } | Change::MoreErrors { .. } | Change::Snapshot(_) => {
                panic!("the room records no {record:?}")
            }
        }
    }
}

/// Whom the teacher keeps out, as the naive model knows it.
#[derive(Debug, Default)]
struct KeptOut {
    /// Name, secret, and until when.
    people: Vec<(u8, u8, Tick)>,
    all_until: Tick,
    is_locked: bool,
}

struct World {
    room: Room,
    now: Now,
    ids: Counter,
    sockets: [SocketKey; SLOTS],
    last_socket: u64,
    people: Vec<Person>,
    kept_out: KeptOut,
    /// Everyone who ever was a member, in the order they joined.
    ever: Vec<MemberId>,
    fold: Fold,
    stalled: Option<VecDeque<Effect>>,
    /// Requests for an offer since the last joining of each pair, for the pairs in which nobody has resumed since.
    asked: BTreeSet<(MemberId, MemberId)>,
    /// Which connectors a member has given to which other one, in an offer or an answer.
    given: BTreeSet<(MemberId, MemberId, ConnectorId)>,
    /// Who was asked on which socket for an offer to whom, and has made none since.
    owing: BTreeSet<(MemberId, SocketKey, MemberId)>,
}

impl World {
    fn new() -> Self {
        let mut sockets = [SocketKey(0); SLOTS];
        for (index, socket) in sockets.iter_mut().enumerate() {
            *socket = SocketKey(index as u64 + 1);
        }
        Self {
            room: Room::new(RoomName::parse("room").unwrap(), LIMITS),
            now: Now {
                tick: Tick(0),
                at: Timestamp(0),
                ..Now::default()
            },
            ids: Counter::default(),
            sockets,
            last_socket: SLOTS as u64,
            people: Vec::new(),
            kept_out: KeptOut::default(),
            ever: Vec::new(),
            fold: Fold::default(),
            stalled: None,
            asked: BTreeSet::new(),
            given: BTreeSet::new(),
            owing: BTreeSet::new(),
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Stall => {
                self.stalled.get_or_insert_default();
            }
            Action::Write => self.write(),
            Action::Jump { set_ms, asleep_ms } => {
                self.now.at.0 += set_ms + asleep_ms;
                self.now.jumps.set_ms += set_ms;
                self.now.jumps.asleep_ms += asleep_ms;
                self.handle(Input::Tick);
            }
            Action::Wait { millis } => {
                self.now.tick.0 += millis;
                self.now.at.0 += *millis as i64;
                self.expire();
                self.handle(Input::Tick);
            }
            action => {
                let expected = self.expect(action);
                let Some(input) = self.input(action) else {
                    return;
                };
                if let Input::Relay { socket, relay } = &input
                    && let (Body::Offer(_), Some(to)) = (&relay.body, relay.to)
                {
                    self.owing.retain(|(_, asked, member)| (asked, member) != (socket, &to));
                }
                let outputs = self.handle(input);
                self.compare(action, expected, &outputs);
            }
        }
        self.check();
    }

    /// The naive model's graces.
    fn expire(&mut self) {
        let now = self.now.tick;
        self.people
            .retain(|person| person.until.is_none_or(|until| until > now));
    }

    /// Moves the naive model, and says what a join or resume must be answered: `Ok(resumed)` or the error.
    fn expect(&mut self, action: &Action) -> Option<Result<bool, ErrorKind>> {
        match action {
            Action::Join { slot, name, key } => {
                let socket = self.sockets[*slot];
                let sits = |person: &&Person| person.socket == Some(socket) && person.key == *key;
                if let Some(person) = self.people.iter().find(sits) {
                    return Some((person.name == *name).then_some(false).ok_or(ErrorKind::Invalid));
                }
                Some(self.expect_entry(socket, *name, *key).map(|()| false))
            }
            Action::Resume { slot, name, key } => {
                let socket = self.sockets[*slot];
                if self.people.iter().any(|person| person.key == *key) {
                    self.people
                        .retain(|person| person.socket != Some(socket) || person.key == *key);
                }
                if let Some(person) = self.people.iter_mut().find(|person| person.key == *key) {
                    person.socket = Some(socket);
                    person.until = None;
                    return Some(Ok(true));
                }
                Some(match name {
                    Some(name) => self.expect_entry(socket, *name, *key).map(|()| false),
                    None => Err(ErrorKind::Invalid),
                })
            }
            Action::Remove { name, millis } => {
                let until = self.now.tick.after(Duration::from_millis(*millis));
                if let Some(index) = self.people.iter().position(|person| person.name == *name) {
                    let person = self.people.remove(index);
                    self.kept_out.people.push((person.name, person.key, until));
                } else if *millis == 0 {
                    self.kept_out.people.retain(|(barred, ..)| barred != name);
                }
                None
            }
            Action::Close { millis } => {
                if *millis == 0 {
                    self.kept_out.all_until = Tick::default();
                }
                if !self.people.is_empty() {
                    self.people.clear();
                    let until = self.now.tick.after(Duration::from_millis(*millis));
                    self.kept_out.all_until = self.kept_out.all_until.max(until);
                }
                None
            }
            Action::Lock { locked } => {
                let is_in_use = !self.people.is_empty();
                self.kept_out.is_locked = *locked && (is_in_use || self.kept_out.is_locked);
                None
            }
            Action::Leave { slot, .. } | Action::Move { slot } => {
                self.people.retain(|person| person.socket != Some(self.sockets[*slot]));
                None
            }
            Action::Drop { slot } => {
                let until = self.now.tick.after(LIMITS.grace);
                for person in self
                    .people
                    .iter_mut()
                    .filter(|person| person.socket == Some(self.sockets[*slot]))
                {
                    person.socket = None;
                    person.until = Some(until);
                }
                None
            }
            _ => None,
        }
    }

    fn expect_entry(&mut self, socket: SocketKey, name: u8, key: u8) -> Result<(), ErrorKind> {
        let is_kept_out = |(barred, secret, until): &(u8, u8, Tick)| {
            *until > self.now.tick && (look(*barred) == look(name) || *secret == key)
        };
        let is_new = self.people.iter().all(|person| person.key != key);
        let is_locked = self.kept_out.is_locked && self.fold.session && is_new;
        if is_locked || self.kept_out.all_until > self.now.tick || self.kept_out.people.iter().any(is_kept_out) {
            return Err(ErrorKind::Forbidden);
        }
        let stays = |person: &Person| person.key != key && person.socket != Some(socket);
        let others = || self.people.iter().filter(|person| stays(person));
        if others().any(|person| look(person.name) == look(name)) {
            return Err(ErrorKind::Repeat);
        }
        if others().count() >= LIMITS.capacity {
            return Err(ErrorKind::RoomFull);
        }
        self.people.retain(stays);
        self.people.push(Person {
            name,
            key,
            socket: Some(socket),
            until: None,
        });
        Ok(())
    }

    fn compare(&self, action: &Action, expected: Option<Result<bool, ErrorKind>>, outputs: &Outputs) {
        let reply = outputs.effects.iter().find_map(|effect| {
            if let Effect::Reply(reply) = effect {
                Some(reply)
            } else {
                None
            }
        });
        match (expected, reply) {
            (Some(Ok(resumed)), Some(Reply::Entered(seat))) => {
                assert_eq!(seat.resumed, resumed);
                let names: Vec<_> = self.people.iter().map(|person| username(person.name)).collect();
                assert_eq!(
                    seat.members.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>(),
                    names
                );
                if matches!(action, Action::Join { .. }) {
                    self.compare_requests(seat, outputs);
                }
            }
            (Some(Err(kind)), Some(Reply::Refused(refusal))) => assert_eq!(refusal.reason.kind(), kind),
            (Some(expected), reply) => panic!("{action:?}: expected {expected:?}, got {reply:?}"),
            (None, _) => {}
        }
    }

    /// A join asks all present others, in order, and nobody else; one that changed nothing asks nobody.
    fn compare_requests(&self, seat: &Membership, outputs: &Outputs) {
        let joined = outputs
            .records
            .iter()
            .any(|record| matches!(record.change, Change::Joined(_)));
        let expected: Vec<_> = self
            .people
            .iter()
            .zip(&seat.members)
            .filter(|(person, (id, _))| joined && person.socket.is_some() && *id != seat.member)
            .map(|(_, (id, _))| *id)
            .collect();
        let asked: Vec<_> = outputs
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Tell {
                    to,
                    message: Message::GetOffer { member, .. },
                    ..
                } if *member == seat.member => Some(*to),
                _ => None,
            })
            .collect();
        assert_eq!(asked, expected);
    }

    fn input(&mut self, action: &Action) -> Option<Input> {
        let payload = || Opaque(RawValue::from_string("0".into()).unwrap());
        Some(match action {
            Action::Join { slot, name, key } => Input::Join(Join {
                socket: self.sockets[*slot],
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key: secret(*key),
                username: username(*name),
                token: None,
                held: Vec::new(),
            }),
            Action::Resume { slot, name, key } => Input::Resume(Resume {
                socket: self.sockets[*slot],
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key: secret(*key),
                username: name.map(username),
                token: None,
                held: Vec::new(),
            }),
            Action::Leave { slot, listed } => Input::Leave {
                socket: self.sockets[*slot],
                entries: listed
                    .iter()
                    .filter_map(|(to, connector)| {
                        Some(LeaveEntry {
                            connector: connector_id(*connector),
                            member: self.member(*to)?,
                        })
                    })
                    .collect(),
            },
            Action::Move { slot } => Input::Move {
                socket: self.sockets[*slot],
            },
            Action::Drop { slot } => {
                let socket = self.sockets[*slot];
                self.last_socket += 1;
                self.sockets[*slot] = SocketKey(self.last_socket);
                Input::Disconnect {
                    socket,
                    why: DropReason::Reset,
                }
            }
            Action::Offer {
                slot,
                to,
                connector,
                stream,
            } => Input::Relay {
                socket: self.sockets[*slot],
                relay: Relay {
                    to: Some(self.member(*to)?),
                    body: Body::Offer(Offer {
                        connector: connector_id(*connector),
                        offer: payload(),
                        stream: Some(StreamType::parse(["user", "display", "x"][usize::from(*stream)]).unwrap()),
                    }),
                },
            },
            Action::Answer { slot, link, connector } => {
                let (to, remote_connector) = self.offered_to(*slot, *link)?;
                let body = Body::Answer(Answer {
                    remote_connector,
                    connector: connector_id(*connector),
                    answer: payload(),
                });
                Input::Relay {
                    socket: self.sockets[*slot],
                    relay: Relay { to: Some(to), body },
                }
            }
            Action::Candidate { slot, link } => {
                let (to, remote_connector) = self.offered_to(*slot, *link)?;
                let body = Body::Candidate(Candidate {
                    remote_connector,
                    candidate: payload(),
                });
                Input::Relay {
                    socket: self.sockets[*slot],
                    relay: Relay { to: Some(to), body },
                }
            }
            Action::Work { slot, link } => {
                let (to, connector) = self.offered_to(*slot, *link)?;
                let body = Body::Renegotiation(Renegotiation {
                    kind: "offer".into(),
                    data: None,
                    connector,
                });
                Input::Relay {
                    socket: self.sockets[*slot],
                    relay: Relay { to: Some(to), body },
                }
            }
            Action::HangUp { slot, link } => {
                let (to, connector) = self.own_link(*slot, *link)?;
                Input::Relay {
                    socket: self.sockets[*slot],
                    relay: Relay {
                        to: Some(to),
                        body: Body::Hangup { connector },
                    },
                }
            }
            Action::Report { slot, link, state } => {
                let (to, connector) = self.own_link(*slot, *link)?;
                let state = ConnectionState::ALL[usize::from(*state)];
                let body = Body::State(StateReport {
                    connector,
                    state,
                    path: None,
                });
                Input::Relay {
                    socket: self.sockets[*slot],
                    relay: Relay { to: Some(to), body },
                }
            }
            Action::Forge {
                slot,
                to,
                connector,
                kind,
            } => {
                let connector = connector_id(*connector);
                let body = match kind {
                    0 => Body::Candidate(Candidate {
                        remote_connector: connector,
                        candidate: payload(),
                    }),
                    1 => Body::Renegotiation(Renegotiation {
                        kind: "offer".into(),
                        data: None,
                        connector,
                    }),
                    2 => Body::Hangup { connector },
                    3 => Body::State(StateReport {
                        connector,
                        state: ConnectionState::Failed,
                        path: None,
                    }),
                    _ => Body::Answer(Answer {
                        remote_connector: connector,
                        connector: connector_id(9),
                        answer: payload(),
                    }),
                };
                Input::Relay {
                    socket: self.sockets[*slot],
                    relay: Relay {
                        to: Some(self.member(*to)?),
                        body,
                    },
                }
            }
            Action::Remove { name, millis } => Input::Act(Act::Remove {
                username: username(*name),
                bar: Duration::from_millis(*millis),
            }),
            Action::Close { millis } => Input::Act(Act::Close {
                bar: Duration::from_millis(*millis),
            }),
            Action::Lock { locked } => Input::Act(Act::Lock(*locked)),
            Action::Wait { .. } | Action::Jump { .. } | Action::Stall | Action::Write => return None,
        })
    }

    fn member(&self, index: u8) -> Option<MemberId> {
        let recent = self.ever.len().saturating_sub(8);
        self.ever[recent..].get(usize::from(index)).copied()
    }

    /// Some link of the member on this socket: its peer, and the offering end's connector.
    fn offered_to(&self, slot: usize, pick: u8) -> Option<(MemberId, ConnectorId)> {
        let me = self.room.member_on(self.sockets[slot])?;
        let own: Vec<_> = self
            .room
            .links
            .iter()
            .filter(|link| link.offerer.member == me || link.answerer.member == me)
            .collect();
        let link = own.get(usize::from(pick) % own.len().max(1))?;
        let peer = if link.offerer.member == me {
            link.answerer.member
        } else {
            link.offerer.member
        };
        Some((peer, link.offerer_connector.clone()))
    }

    /// Some link of the member on this socket: its peer, and its own connector.
    fn own_link(&self, slot: usize, pick: u8) -> Option<(MemberId, ConnectorId)> {
        let me = self.room.member_on(self.sockets[slot])?;
        let ends = self.room.links.iter().filter_map(|link| {
            let peer = if link.offerer.member == me {
                link.answerer.member
            } else {
                link.offerer.member
            };
            Some((peer, link.connector_of(me)?.clone()))
        });
        let own: Vec<_> = ends.collect();
        own.get(usize::from(pick) % own.len().max(1)).cloned()
    }

    fn handle(&mut self, input: Input) -> Outputs {
        self.note_connector(&input);
        let outputs = self.room.handle(input, self.now, &mut self.ids);
        for record in &outputs.records {
            self.fold.apply(record);
            self.note(record);
        }
        if !self.fold.session {
            self.kept_out.is_locked = false;
        }
        for effect in &outputs.effects {
            self.check_connector(effect);
            if let Effect::Tell {
                to,
                socket,
                message: Message::GetOffer { member, .. },
            } = effect
            {
                let pair = (*to.min(member), *to.max(member));
                assert!(self.asked.insert(pair), "a pair was asked twice for one joining");
                assert!(
                    self.owing
                        .insert((*to, socket.expect("only who is present is asked"), *member)),
                    "asked again while the offer is in the making"
                );
            }
        }
        let effects = outputs.effects.iter().cloned();
        match &mut self.stalled {
            Some(waiting) => waiting.extend(effects),
            None => effects.for_each(|effect| self.follow(effect)),
        }
        outputs
    }

    fn note_connector(&mut self, input: &Input) {
        let Input::Relay { socket, relay } = input else {
            return;
        };
        let (Body::Offer(Offer { connector, .. }) | Body::Answer(Answer { connector, .. })) = &relay.body else {
            return;
        };
        if let (Some(own), Some(to)) = (self.room.member_on(*socket), relay.to) {
            self.given.insert((own, to, connector.clone()));
        }
    }

    /// A client is only ever told of connectors that it has given to that very peer.
    fn check_connector(&self, effect: &Effect) {
        let Effect::Tell { to, message, .. } = effect else {
            return;
        };
        let (connector, peer) = match message {
            Message::Answer { from, answer } => (&answer.remote_connector, from),
            Message::Candidate { from, candidate } => (&candidate.remote_connector, from),
            Message::Renegotiation { from, step } => (&step.connector, from),
            Message::Renegotiate { connector, member } | Message::Leave { connector, member } => (connector, member),
            Message::GetOffer { .. } | Message::Offer { .. } => return,
        };
        let is_own = self.given.contains(&(*to, *peer, connector.clone()));
        assert!(is_own, "told of a connector that is not its own: {message:?}");
    }

    fn note(&mut self, record: &Record) {
        match &record.change {
            Change::Joined(joined) => self.ever.push(joined.member),
            // A resume may ask anew.
            Change::Reconnected { member, .. } => {
                self.asked.retain(|(a, b)| a != member && b != member);
                // Its requests went to a socket that it has lost, even if it takes that one over again.
                self.owing.retain(|(asked, ..)| asked != member);
            }
            _ => {}
        }
    }

    fn write(&mut self) {
        for effect in self.stalled.take().unwrap_or_default() {
            self.follow(effect);
        }
    }

    fn follow(&mut self, effect: Effect) {
        match effect {
            Effect::Tell { to, socket, message } => match self.room.deliver(to, socket, message, self.now) {
                Delivery::Emit(line, _) => assert_eq!(self.room.member_on(line), Some(to), "said to somebody else"),
                Delivery::Lost { .. } => panic!("so few messages fit"),
                Delivery::LeavePending(record) => self.fold.apply(&record),
                Delivery::Kept | Delivery::Dropped => {}
            },
            Effect::OpenMailbox { member, socket } => {
                let opened = self.room.open_mailbox(member, socket);
                assert!(opened.is_empty() || self.room.member_on(socket) == Some(member));
            }
            Effect::DropAll(_) | Effect::Refuse { .. } | Effect::Disconnect { .. } => {}
            Effect::Reply(_) | Effect::HeldReply { .. } => {}
        }
    }

    /// What must hold after every step.
    fn check(&self) {
        let members = &self.room.members;
        let names: BTreeSet<_> = members.iter().map(|member| &member.username).collect();
        let keys: BTreeSet<_> = members.iter().map(|member| member.key).collect();
        let sockets: BTreeSet<_> = members.iter().filter_map(|member| member.socket()).collect();
        assert_eq!(names.len(), members.len(), "names are unique");
        assert_eq!(keys.len(), members.len(), "secrets are unique");
        assert_eq!(
            sockets.len(),
            members.iter().filter(|member| member.is_present()).count(),
            "sockets are unique"
        );
        for link in self.room.links.iter() {
            assert!(
                self.room.index_of(link.offerer.member).is_some(),
                "a link is between members"
            );
            assert!(
                self.room.index_of(link.answerer.member).is_some(),
                "a link is between members"
            );
        }
        if members.iter().any(|member| !member.is_present()) {
            let due = self.room.next_timeout().expect("an away member has a deadline");
            assert!(due > self.now.tick, "what is due is done");
        }
        self.check_model();
        self.check_fold();
    }

    fn check_model(&self) {
        let room: Vec<_> = self
            .room
            .members
            .iter()
            .map(|member| (&member.username, member.key, member.socket()))
            .collect();
        let names: Vec<_> = self.people.iter().map(|person| username(person.name)).collect();
        let model: Vec<_> = self
            .people
            .iter()
            .zip(&names)
            .map(|(person, name)| (name, secret(person.key), person.socket))
            .collect();
        assert_eq!(room, model);
    }

    fn check_fold(&self) {
        let members: BTreeMap<_, _> = self
            .room
            .members
            .iter()
            .map(|member| (member.id, (member.username.clone(), member.is_present())))
            .collect();
        assert_eq!(members, self.fold.members);
        let links: BTreeMap<_, _> = self
            .room
            .links
            .iter()
            .map(|link| {
                (
                    link.id,
                    (link.offerer.member, link.answerer.member, link.answered.is_some()),
                )
            })
            .collect();
        assert_eq!(links, self.fold.links);
        assert_eq!(self.room.session.is_some(), self.fold.session);
        self.check_owed();
    }

    /// A leave that waits for somebody is in the journal; and once all is said, nothing else is.
    fn check_owed(&self) {
        for member in self.room.members.iter().filter(|member| !member.is_present()) {
            let waiting: BTreeSet<_> = member.mailbox.pending_leaves().collect();
            let journal: BTreeSet<_> = self.fold.owed.get(&member.id).into_iter().flatten().cloned().collect();
            assert!(waiting.is_subset(&journal), "{waiting:?} {journal:?}");
            assert!(self.stalled.is_some() || waiting == journal, "{waiting:?} {journal:?}");
        }
    }
}

fn username(name: u8) -> Username {
    Username::parse(["ann", "bo", "cy", "di", "ANN", "b\u{43E}"][usize::from(name)]).unwrap()
}

/// Which names are alike: the last two look like the first two.
fn look(name: u8) -> u8 {
    name % 4
}

fn secret(key: u8) -> ClientKey {
    ClientKey::parse(&format!("secret {key}")).unwrap()
}

fn connector_id(connector: u8) -> ConnectorId {
    ConnectorId::parse(&format!("c{connector}")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_agrees_with_the_model(actions in prop::collection::vec(action(), 1..120)) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
        }
    }

    #[test]
    fn a_restart_at_any_moment_keeps_members_and_links(actions in prop::collection::vec(action(), 1..80)) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
        }
        let record = world.room.snapshot(world.now);
        let (Some(session), Change::Snapshot(snapshot)) = (record.session, record.change) else {
            return Ok(());
        };
        let restored = Room::restore(session, (*snapshot).clone(), LIMITS, LIMITS.grace, world.now);
        let Change::Snapshot(again) = restored.snapshot(world.now).change else { panic!("no snapshot") };
        let ids = |snapshot: &crate::room::record::Snapshot| -> Vec<_> {
            snapshot.members.iter().map(|member| (member.member, member.username.clone(), member.position)).collect()
        };
        prop_assert_eq!(ids(&snapshot), ids(&again));
        prop_assert_eq!(snapshot.links.len(), again.links.len());
        let owed = |snapshot: &crate::room::record::Snapshot| -> Vec<_> {
            snapshot.members.iter().map(|member| member.owed.clone()).collect()
        };
        prop_assert_eq!(owed(&snapshot), owed(&again));
        prop_assert!(again.members.iter().all(|member| member.away.is_some()), "everyone is away after a restart");
        prop_assert!(snapshot.members.is_empty() || restored.next_timeout().is_some());
    }
}
