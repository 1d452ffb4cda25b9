//! Full rooms in which everyone sends candidates to everyone in turn: how much goes through, and whether all rooms get
//! their share.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chatroom_testkit::frame;
use tokio::task::JoinSet;

use super::mesh::Meshed;
use super::{Figure, Goal, Values, measure};
use crate::member::{ANSWER_TIMEOUT, Identity, connect_all};
use crate::subject::{Kind, Subject};
use crate::words;

pub(super) const TITLE: &str = "64 rooms × 30 members, candidates from all to all";

const RATE: &str = "messages/s";
const CPU: &str = "CPU per delivered message, µs";
const FAIRNESS: &str = "slowest room's share ÷ fastest's";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: RATE,
        goals: &[Goal::AtLeastTimes(2.0, Kind::Node)],
    },
    Figure { name: CPU, goals: &[] },
    Figure {
        name: FAIRNESS,
        goals: &[],
    },
];

const ROOMS: usize = 64;
const MEMBERS: usize = 30;
const WARM_UP: Duration = Duration::from_millis(1500);
const DURING: Duration = Duration::from_secs(6);

pub(super) async fn run(subject: &Subject) -> Result<Values> {
    let mut pages = JoinSet::new();
    let delivered = Rc::new(Cell::new(0));
    let rooms: Vec<_> = (0..ROOMS).map(|_| Rc::new(Cell::new(0_u64))).collect();
    for (room, count) in rooms.iter().enumerate() {
        for meshed in fill(subject, room).await? {
            pages.spawn_local(send_around(meshed, delivered.clone(), count.clone()));
        }
    }
    tokio::time::sleep(WARM_UP).await;
    rooms.iter().for_each(|count| count.set(0));
    let measured = measure(&subject.target(), &delivered, Duration::ZERO, DURING).await?;
    ensure!(pages.try_join_next().is_none(), "a page was cut off");
    let counts = || rooms.iter().map(|count| count.get() as f64);
    let fairness = counts().fold(f64::MAX, f64::min) / counts().fold(0.0, f64::max);
    Ok(vec![
        (RATE, measured.per_second()),
        (CPU, measured.cpu_us_each()),
        (FAIRNESS, fairness),
    ])
}

/// One room, everyone connected with everyone.
async fn fill(subject: &Subject, room: usize) -> Result<Vec<Meshed>> {
    let identities = (0..MEMBERS).map(|n| Identity::new(&format!("crowd {room}"), n));
    let members = connect_all(subject.kind, subject.address, identities.collect()).await?;
    let mut connecting = JoinSet::new();
    for (number, member) in members.into_iter().enumerate() {
        let meshed = Meshed::new(member, number, Rc::default());
        connecting.spawn_local(tokio::time::timeout(ANSWER_TIMEOUT, meshed.connect(MEMBERS - 1, 0)));
    }
    let mut connected = Vec::new();
    while let Some(member) = connecting.join_next().await {
        connected.push(member?.context("the room does not become whole")??);
    }
    Ok(connected)
}

/// Keeps one message under way for each that comes, to each peer in turn.
async fn send_around(mut meshed: Meshed, delivered: Rc<Cell<u64>>, in_room: Rc<Cell<u64>>) -> Result<()> {
    let frames: Vec<Vec<u8>> = meshed
        .peers
        .iter()
        .map(|(connector, member)| {
            let mut out = Vec::new();
            frame::push_text(&mut out, &[&words::candidate(connector, member, 0)]);
            out
        })
        .collect();
    let mut turns = frames.iter().cycle();
    let page = &mut meshed.member.page;
    page.outbox.frame(turns.next().context("no peers")?);
    loop {
        page.flush().await?;
        page.fill().await?;
        while page.inbox.next(&mut page.outbox)?.is_some() {
            delivered.set(delivered.get() + 1);
            in_room.set(in_room.get() + 1);
            page.outbox.frame(turns.next().context("no peers")?);
        }
    }
}
