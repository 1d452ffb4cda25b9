//! A class as the journal sees it: what a room records while people come, connect, drop, come back and leave.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use chatroom_server::model::address::AddressKey;
use chatroom_server::model::id::{ClientKey, ConnectorId, MemberId, RoomName, SocketKey, Username};
use chatroom_server::model::time::{Now, Tick, Timestamp};
use chatroom_server::model::vocabulary::DropReason;
use chatroom_server::room::input::{Answer, Body, Join, Offer, Opaque, Relay, Resume};
use chatroom_server::room::output::Reply;
use chatroom_server::room::record::Record;
use chatroom_server::room::{Effect, Ids, Input, Limits, Room};
use serde_json::value::RawValue;
use uuid::Uuid;

/// As many as the mesh's rooms have.
const PEOPLE: usize = 6;
/// How often each of them drops and comes back.
const DROPS: usize = 5;
/// Between two steps of a class.
const STEP: u64 = 1_000;
/// 2026-09-01, a term's first day.
const FIRST_DAY: i64 = 1_788_220_800_000;

const LIMITS: Limits = Limits {
    capacity: 100,
    people: 0,
    people_per_address: 0,
    grace: Duration::from_secs(15),
    idle_timeout: Duration::from_secs(60),
};

/// A room, and who is in it.
pub(super) struct Class {
    number: usize,
    room: Room,
    members: Vec<MemberId>,
    passed: u64,
}

/// Who does what, by their places.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Join(usize),
    Offer(usize, usize),
    Answer(usize, usize),
    Drop(usize, usize),
    Return(usize, usize),
    Leave(usize),
    LingerOver,
}

struct Fresh;

impl Ids for Fresh {
    fn random(&mut self) -> Uuid {
        Uuid::new_v4()
    }

    fn ordered(&mut self, _: Timestamp) -> Uuid {
        Uuid::now_v7()
    }
}

impl Class {
    pub(super) fn new(number: usize) -> Result<Self> {
        Ok(Self {
            number,
            room: Room::new(RoomName::parse(&format!("Web programming, group {number}"))?, LIMITS),
            members: Vec::new(),
            passed: 0,
        })
    }

    /// What the next step has the journal remember.
    pub(super) fn take(&mut self, step: Step) -> Result<Vec<Record>> {
        self.passed += if matches!(step, Step::LingerOver) {
            60 * STEP
        } else {
            STEP
        };
        let now = Now {
            tick: Tick(self.passed),
            at: Timestamp(FIRST_DAY + self.passed.cast_signed()),
            ..Now::default()
        };
        let outputs = self.room.handle(self.input(step)?, now, &mut Fresh);
        for effect in outputs.effects {
            if let Effect::Reply(Reply::Entered(membership)) = effect
                && !membership.resumed
            {
                self.members.push(membership.member);
            }
        }
        Ok(outputs.records)
    }

    fn input(&self, step: Step) -> Result<Input> {
        Ok(match step {
            Step::Join(who) => Input::Join(Join {
                socket: socket(who, 0),
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key: self.key(who)?,
                username: Username::parse(&format!("Student {who} of {}", self.number))?,
                token: None,
                held: Vec::new(),
            }),
            Step::Offer(from, to) => self.relay(from, to, |connector, _, offer| {
                let stream = None;
                Body::Offer(Offer {
                    connector,
                    offer,
                    stream,
                })
            })?,
            Step::Answer(from, to) => self.relay(from, to, |connector, remote_connector, answer| {
                Body::Answer(Answer {
                    remote_connector,
                    connector,
                    answer,
                })
            })?,
            Step::Drop(who, time) => Input::Disconnect {
                socket: socket(who, time),
                why: DropReason::Closed,
            },
            Step::Return(who, time) => Input::Resume(Resume {
                socket: socket(who, time),
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key: self.key(who)?,
                username: None,
                token: None,
                held: Vec::new(),
            }),
            Step::Leave(who) => Input::Leave {
                socket: socket(who, DROPS),
                entries: Vec::new(),
            },
            Step::LingerOver => Input::Tick,
        })
    }

    fn relay(
        &self,
        from: usize,
        to: usize,
        body: impl FnOnce(ConnectorId, ConnectorId, Opaque) -> Body,
    ) -> Result<Input> {
        let connector =
            |of: usize, with: usize| ConnectorId::parse(&Uuid::from_u64_pair(of as u64, with as u64).to_string());
        let payload = Opaque(RawValue::from_string("null".to_owned())?);
        Ok(Input::Relay {
            socket: socket(from, 0),
            relay: Relay {
                to: Some(*self.members.get(to).context("nobody there")?),
                body: body(connector(from, to)?, connector(to, from)?, payload),
            },
        })
    }

    fn key(&self, who: usize) -> Result<ClientKey> {
        Ok(ClientKey::parse(&format!("{} {who}", self.number))?)
    }
}

/// A socket for each time that somebody comes.
fn socket(who: usize, time: usize) -> SocketKey {
    SocketKey((1 + who * (DROPS + 1) + time) as u64)
}

/// A whole class.
pub(super) fn steps() -> impl Iterator<Item = Step> {
    let come = (0..PEOPLE).flat_map(|who| {
        let meet = (0..who).flat_map(move |host| [Step::Offer(host, who), Step::Answer(who, host)]);
        std::iter::once(Step::Join(who)).chain(meet)
    });
    let drops = (0..DROPS)
        .flat_map(|time| (0..PEOPLE).flat_map(move |who| [Step::Drop(who, time), Step::Return(who, time + 1)]));
    let leave = (0..PEOPLE).map(Step::Leave);
    come.chain(drops).chain(leave).chain([Step::LingerOver])
}
