//! Rooms in which everyone connects with everyone, as pages do it: asked for an offer they offer, offered they answer, and
//! both then send their candidates.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result};
use chatroom_testkit::packet;
use tokio::task::JoinSet;

use super::{Figure, Goal, Measured, Values};
use crate::member::{ANSWER_TIMEOUT, Identity, Member, connect_all};
use crate::process;
use crate::subject::{Kind, Subject};
use crate::words;

pub(super) const TITLE: &str = "full mesh set-up, 40 rooms × 6, SDP of 3.5 KB, 12 candidates each way";

const CPU: &str = "CPU per delivered message, µs";
const SET_UP: &str = "set-up time, s";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: CPU,
        goals: &[Goal::AtMostTimes(0.45, Kind::Node)],
    },
    Figure {
        name: SET_UP,
        goals: &[],
    },
];

const ROOMS: usize = 40;
const MEMBERS: usize = 6;
const CANDIDATES: usize = 12;
/// The first is not measured.
const TIMES: usize = 21;

pub(super) async fn run(subject: &Subject) -> Result<Values> {
    let mut sum = Measured {
        count: 0.0,
        cpu: Default::default(),
        lasted: Default::default(),
    };
    for time in 0..TIMES {
        let one = set_up(subject, time).await?;
        if time > 0 {
            sum.count += one.count;
            sum.cpu += one.cpu;
            sum.lasted += one.lasted;
        }
    }
    let each = sum.lasted.as_secs_f64() / (TIMES - 1) as f64;
    Ok(vec![(CPU, sum.cpu_us_each()), (SET_UP, each)])
}

async fn set_up(subject: &Subject, time: usize) -> Result<Measured> {
    let identities = (0..ROOMS * MEMBERS).map(|n| Identity::new(&format!("mesh {time}.{}", n / MEMBERS), n));
    let members = connect_all(subject.kind, subject.address, identities.collect()).await?;
    let delivered = Rc::new(Cell::new(0));
    let (used, start) = (process::cpu(subject.pid)?, Instant::now());
    let mut pages = JoinSet::new();
    for (number, member) in members.into_iter().enumerate() {
        let peer = Meshed::new(member, number, delivered.clone());
        pages.spawn_local(tokio::time::timeout(
            ANSWER_TIMEOUT,
            peer.connect(MEMBERS - 1, CANDIDATES),
        ));
    }
    // They stay until all are done: a leave would be more work.
    let mut done = Vec::new();
    while let Some(page) = pages.join_next().await {
        done.push(page?.context("the mesh does not become whole")??);
    }
    Ok(Measured {
        count: delivered.get() as f64,
        cpu: process::cpu(subject.pid)? - used,
        lasted: start.elapsed(),
    })
}

/// A member that connects with whom it meets.
pub(super) struct Meshed {
    pub(super) member: Member,
    number: usize,
    connectors: usize,
    delivered: Rc<Cell<u64>>,
    /// Each peer's connector and address.
    pub(super) peers: Vec<(String, String)>,
}

impl Meshed {
    pub(super) fn new(member: Member, number: usize, delivered: Rc<Cell<u64>>) -> Self {
        Self {
            member,
            number,
            connectors: 0,
            delivered,
            peers: Vec::new(),
        }
    }

    /// Joins, and goes on until it has so many peers and all candidates of each.
    pub(super) async fn connect(mut self, peers: usize, candidates: usize) -> Result<Self> {
        let Identity { id, username, room } = &self.member.identity;
        let join = packet::join(id, username, room);
        self.member.page.outbox.text(&[&join]);
        let mut got = 0;
        while self.peers.len() < peers || got < peers * candidates {
            self.member.page.flush().await?;
            self.member.page.fill().await?;
            let page = &mut self.member.page;
            while let Some(heard) = page.inbox.next(&mut page.outbox)? {
                let Some(event) = heard.strip_prefix("42[\"") else {
                    continue;
                };
                self.delivered.set(self.delivered.get() + 1);
                let peer = || packet::field(event, "\"memberId").context("no memberId");
                let remote = || packet::field(event, "\"remoteConnectorId").context("no remoteConnectorId");
                let mut own = || {
                    self.connectors += 1;
                    words::uuid(self.number as u32, self.connectors)
                };
                let met = match event.split('"').next() {
                    Some("getOffer") => {
                        page.outbox.text(&[&words::offer(&own(), peer()?)]);
                        continue;
                    }
                    Some("offer") => {
                        page.outbox.text(&[&words::answer(remote()?, &own(), peer()?)]);
                        (remote()?.to_owned(), peer()?.to_owned())
                    }
                    Some("answer") => (remote()?.to_owned(), peer()?.to_owned()),
                    _ => {
                        got += 1;
                        continue;
                    }
                };
                for _ in 0..candidates {
                    page.outbox.text(&[&words::candidate(&met.0, &met.1, 0)]);
                }
                self.peers.push(met);
            }
        }
        self.member.page.flush().await?;
        Ok(self)
    }
}
