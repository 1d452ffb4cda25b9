//! Twenty rooms that behave: in each a pair with a relay every 20 ms; every 0.4 s somebody comes into one of them and
//! leaves it; and a reviewer looks in once a second.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chatroom_testkit::packet;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::ledger::{Deed, Told};
use super::source::Source;
use super::trial::{CLASS, TOKEN};
use crate::member::{Identity, Member};
use crate::words;

const ROOMS: usize = 20;
const EACH_RELAY: Duration = Duration::from_millis(20);
const EACH_JOIN: Duration = Duration::from_millis(400);
const EACH_LOOK: Duration = Duration::from_secs(1);
/// Whoever has no answer by then has been shut out.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A class that goes on until it is dropped.
pub(super) struct Class {
    seen: Rc<Seen>,
    _pages: JoinSet<()>,
}

/// What has come of it since it was last asked.
#[derive(Default)]
struct Seen {
    /// How late each relay was, in nanoseconds.
    relays: RefCell<Vec<u64>>,
    /// When each pair heard its last, and when it was last asked.
    heard: RefCell<Vec<u64>>,
    silence: Cell<u64>,
    since: Cell<u64>,
    joins: RefCell<Vec<u64>>,
    shut_out: Cell<u32>,
    cut: Cell<u32>,
    looks: Cell<u32>,
    not_ready: Cell<u32>,
    no_review: Cell<u32>,
    told: RefCell<Vec<Told>>,
    rests: Cell<bool>,
}

/// What it got in one stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Of a hundred relays the second slowest, in ms.
    pub relay_p99: f64,
    /// The same of joins, from the first packet of the connection to the callback.
    pub join_p99: f64,
    /// The longest that any pair heard nothing, in ms.
    pub silence: f64,
    /// How many could not join.
    pub shut_out: u32,
    /// How many members were cut off.
    pub cut: u32,
    /// How often it was looked at, and how often `/readyz` and the review did not say yes.
    pub looks: u32,
    /// See `looks`.
    pub not_ready: u32,
    /// See `looks`.
    pub no_review: u32,
}

impl Class {
    pub(super) async fn start(from: IpAddr, server: SocketAddr) -> Result<Self> {
        let source = Source { from, server };
        let seen = Rc::new(Seen::default());
        let mut pages = JoinSet::new();
        for room in 0..ROOMS {
            let (one, other, connector) = pair(&source, room, &seen).await?;
            let peer = other.id.clone();
            seen.heard.borrow_mut().push(words::now());
            pages.spawn_local(count_cut(seen.clone(), send(one, peer, connector, seen.clone())));
            pages.spawn_local(count_cut(seen.clone(), hear(other, room, seen.clone())));
        }
        pages.spawn_local(newcomers(source, seen.clone()));
        pages.spawn_local(looks(source, seen.clone()));
        Ok(Self { seen, _pages: pages })
    }

    /// What it got since this was called before.
    pub(super) fn service(&self) -> Service {
        let seen = &self.seen;
        let (now, since) = (words::now(), seen.since.get());
        let ongoing = seen.heard.borrow().iter().map(|heard| now - (*heard).max(since)).max();
        seen.since.set(now);
        Service {
            relay_p99: p99(seen.relays.take()),
            join_p99: p99(seen.joins.take()),
            silence: ms(seen.silence.take().max(ongoing.unwrap_or_default())),
            shut_out: seen.shut_out.take(),
            cut: seen.cut.take(),
            looks: seen.looks.take(),
            not_ready: seen.not_ready.take(),
            no_review: seen.no_review.take(),
        }
    }

    /// From now on it only stays.
    pub(super) fn rest(&self) {
        self.seen.rests.set(true);
    }

    /// Ends it, and gives what it was told of who came and went.
    pub(super) fn end(self) -> Vec<Told> {
        self.seen.told.take()
    }
}

/// The name of a room of the class.
pub(super) fn room_name(room: usize) -> String {
    format!("{CLASS} {room}")
}

/// Two that have a link, and the connector by which the first reaches the second.
async fn pair(source: &Source, room: usize, seen: &Seen) -> Result<(Member, Member, String)> {
    let name = room_name(room);
    let mut one = source.member(&name, 1).await?;
    let mut other = source.member(&name, 2).await?;
    for member in [&one, &other] {
        let told = Told::new(&member.identity, Deed::Joined);
        seen.told.borrow_mut().push(told);
    }
    let [ours, theirs] = [words::uuid(3, room), words::uuid(4, room)];
    let asked = one.hear(r#"42["getOffer""#).await?;
    let peer = packet::field(&asked, "\"memberId").context("no memberId")?;
    one.page.outbox.text(&[&words::offer(&ours, peer)]);
    one.page.flush().await?;
    other.hear(r#"42["offer""#).await?;
    other.page.outbox.text(&[&words::answer(&ours, &theirs, &one.id)]);
    other.page.flush().await?;
    one.hear(r#"42["answer""#).await?;
    Ok((one, other, theirs))
}

async fn send(mut one: Member, peer: String, connector: String, seen: Rc<Seen>) -> Result<()> {
    let mut turn = interval(EACH_RELAY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turn.tick(), if !seen.rests.get() => {
                one.page.outbox.text(&[&words::candidate(&connector, &peer, words::now())]);
            }
            filled = one.page.fill() => filled?,
        }
        let page = &mut one.page;
        while page.inbox.next(&mut page.outbox)?.is_some() {}
        page.flush().await?;
    }
}

async fn hear(mut other: Member, room: usize, seen: Rc<Seen>) -> Result<()> {
    loop {
        let page = &mut other.page;
        page.fill().await?;
        while let Some(heard) = page.inbox.next(&mut page.outbox)? {
            let Some(sent) = words::time(heard) else { continue };
            let now = words::now();
            seen.relays.borrow_mut().push(now - sent);
            let before = std::mem::replace(&mut seen.heard.borrow_mut()[room], now);
            seen.silence
                .set(seen.silence.get().max(now - before.max(seen.since.get())));
        }
        page.flush().await?;
    }
}

async fn count_cut(seen: Rc<Seen>, life: impl Future<Output = Result<()>>) {
    if let Err(error) = life.await {
        eprintln!("a member of the class was cut off: {error:#}");
        seen.cut.set(seen.cut.get() + 1);
    }
}

async fn newcomers(source: Source, seen: Rc<Seen>) {
    let mut turn = interval(EACH_JOIN);
    let mut under_way = JoinSet::new();
    for number in 0.. {
        turn.tick().await;
        if seen.rests.get() {
            break;
        }
        let seen = seen.clone();
        under_way.spawn_local(async move {
            let visit = timeout(ANSWER_TIMEOUT, visit(source, number, &seen)).await;
            let failed = match visit {
                Ok(Ok(())) => return,
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer in 10 s".to_owned(),
            };
            eprintln!("newcomer {number} was shut out: {failed}");
            seen.shut_out.set(seen.shut_out.get() + 1);
        });
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

/// Comes, stays for a moment, and leaves.
async fn visit(source: Source, number: usize, seen: &Seen) -> Result<()> {
    let begun = words::now();
    let mut member = source
        .socket(Identity::new(&room_name(number % ROOMS), 100 + number))
        .await?;
    member.join().await?;
    seen.joins.borrow_mut().push(words::now() - begun);
    seen.told.borrow_mut().push(Told::new(&member.identity, Deed::Joined));
    sleep(EACH_JOIN).await;
    member.page.outbox.text(&[words::LEAVE]);
    member.page.flush().await?;
    member.hear("431").await?;
    seen.told.borrow_mut().push(Told::new(&member.identity, Deed::Left));
    Ok(())
}

async fn looks(source: Source, seen: Rc<Seen>) {
    let mut turn = interval(EACH_LOOK);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        if seen.rests.get() {
            return;
        }
        seen.looks.set(seen.looks.get() + 1);
        if !is_ok(source, "/readyz", "").await {
            seen.not_ready.set(seen.not_ready.get() + 1);
        }
        let authorization = format!("Authorization: Bearer {TOKEN}\r\n");
        if !is_ok(source, "/api/v1/sessions?limit=1", &authorization).await {
            seen.no_review.set(seen.no_review.get() + 1);
        }
    }
}

async fn is_ok(source: Source, path: &str, headers: &str) -> bool {
    let asked = async {
        let answer = source.http().await?.get(path, headers).await?;
        ensure!(answer.status == 200, "{}", answer.status);
        anyhow::Ok(())
    };
    matches!(timeout(ANSWER_TIMEOUT, asked).await, Ok(Ok(())))
}

fn p99(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    match values.len() {
        0 => f64::INFINITY,
        len => ms(values[((len - 1) as f64 * 0.99) as usize]),
    }
}

fn ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}
