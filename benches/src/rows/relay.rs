//! Pairs of pages that send each other candidates: in a closed loop, as fast as it goes; and at a steady pace.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::pairs::{self, End};
use super::{Figure, Goal, Measured, Values, measure};
use crate::process;
use crate::subject::{Kind, Subject, Target};
use crate::words;

pub(super) const CLOSED: &str = "relay, closed loop, 20 pairs, window 8";
pub(super) const PACED: &str = "relay, paced at 5,000 messages/s";

const CPU: &str = "CPU per delivered message, µs";
const HISTORY: &str = "CPU of all threads ÷ CPU without those that write the history";
const P50: &str = "latency p50, ms";
const P99: &str = "latency p99, ms";
const LONGEST: &str = "latency, longest, ms";

pub(super) const CLOSED_FIGURES: &[Figure] = &[
    Figure {
        name: CPU,
        goals: &[Goal::AtMostTimes(0.45, Kind::Node), Goal::AtMostTimes(1.4, Kind::Floor)],
    },
    Figure {
        name: HISTORY,
        goals: &[Goal::AtMost(1.03)],
    },
];

pub(super) const PACED_FIGURES: &[Figure] = &[
    Figure { name: P50, goals: &[] },
    Figure {
        name: P99,
        goals: &[Goal::AtMostTimes(0.7, Kind::Node)],
    },
    Figure {
        name: LONGEST,
        goals: &[],
    },
    Figure { name: CPU, goals: &[] },
];

const PAIRS: usize = 20;
/// How many messages a page has under way.
const WINDOW: usize = 8;
/// How often each page sends: all of them, 5 in a millisecond.
const TURN_MS: u64 = 8;
const WARM_UP: Duration = Duration::from_millis(1500);
/// Longer than the server's pause between two writes of what the links have carried.
const DURING: Duration = Duration::from_secs(6);

/// Each page sends a window full, and one more for each that it gets. Also gives how much more something is after than before.
pub(crate) async fn as_fast_as_it_goes(
    target: &Target,
    also: impl Fn() -> Result<Duration>,
) -> Result<(Measured, Duration)> {
    let delivered = Rc::new(Cell::new(0));
    let mut pages = JoinSet::new();
    for end in pairs::connect(target, PAIRS).await? {
        pages.spawn_local(answer(end, delivered.clone()));
    }
    tokio::time::sleep(WARM_UP).await;
    let before = also()?;
    let measured = measure(target, &delivered, Duration::ZERO, DURING).await?;
    let more = also()? - before;
    ensure!(pages.try_join_next().is_none(), "a page was cut off");
    Ok((measured, more))
}

pub(super) async fn closed(subject: &Subject) -> Result<Values> {
    let (measured, written) = as_fast_as_it_goes(&subject.target(), || writing(subject)).await?;
    let mut values = vec![(CPU, measured.cpu_us_each())];
    if subject.kind == Kind::Ours {
        let all = measured.cpu.as_secs_f64();
        values.push((HISTORY, all / (all - written.as_secs_f64())));
    }
    Ok(values)
}

/// What the server's threads that write have used: the journal's own, and those of its connections to SQLite.
fn writing(subject: &Subject) -> Result<Duration> {
    process::cpu_of_threads(subject.pid, |name| name == "journal" || name.starts_with("sqlx-sqlite"))
}

async fn answer(mut end: End, delivered: Rc<Cell<u64>>) -> Result<()> {
    let frame = end.candidate(0);
    let page = &mut end.member.page;
    for _ in 0..WINDOW {
        page.outbox.frame(&frame);
    }
    loop {
        page.flush().await?;
        page.fill().await?;
        while page.inbox.next(&mut page.outbox)?.is_some() {
            delivered.set(delivered.get() + 1);
            page.outbox.frame(&frame);
        }
    }
}

pub(super) async fn paced(subject: &Subject) -> Result<Values> {
    let pace = at_pace(&subject.target(), TURN_MS).await?;
    Ok(vec![
        (P50, pace.latency_ms(0.5)),
        (P99, pace.latency_ms(0.99)),
        (LONGEST, pace.latency_ms(1.0)),
        (CPU, pace.measured.cpu_us_each()),
    ])
}

/// What came of messages at a steady pace.
pub(crate) struct Pace {
    pub(crate) measured: Measured,
    /// In nanoseconds, in order.
    latencies: Vec<u64>,
}

impl Pace {
    /// How late this part of all messages was at most.
    pub(crate) fn latency_ms(&self, part: f64) -> f64 {
        self.latencies[((self.latencies.len() - 1) as f64 * part) as usize] as f64 / 1e6
    }
}

/// One clock for all pages, each of which sends once in so many milliseconds: some in each, and never all at once.
pub(crate) async fn at_pace(target: &Target, turn_ms: u64) -> Result<Pace> {
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let delivered = Rc::new(Cell::new(0));
    let mut pages = JoinSet::new();
    for (number, end) in pairs::connect(target, PAIRS).await?.into_iter().enumerate() {
        let turn = (number as u64 % turn_ms, turn_ms);
        pages.spawn_local(send_in_turn(end, turn, delivered.clone(), latencies.clone()));
    }
    tokio::time::sleep(WARM_UP).await;
    latencies.borrow_mut().clear();
    let measured = measure(target, &delivered, Duration::ZERO, DURING).await?;
    ensure!(pages.try_join_next().is_none(), "a page was cut off");
    let mut latencies = latencies.take();
    latencies.sort_unstable();
    ensure!(!latencies.is_empty(), "nothing arrived");
    Ok(Pace { measured, latencies })
}

async fn send_in_turn(
    mut end: End,
    (first, turn_ms): (u64, u64),
    delivered: Rc<Cell<u64>>,
    latencies: Rc<RefCell<Vec<u64>>>,
) -> Result<()> {
    let first = tokio::time::Instant::now() + Duration::from_millis(first);
    let mut turn = tokio::time::interval_at(first, Duration::from_millis(turn_ms));
    turn.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tokio::select! {
            _ = turn.tick() => {
                let frame = end.candidate(words::now());
                end.member.page.outbox.frame(&frame);
            }
            filled = end.member.page.fill() => filled?,
        }
        let page = &mut end.member.page;
        while let Some(heard) = page.inbox.next(&mut page.outbox)? {
            if let Some(sent) = words::time(heard) {
                delivered.set(delivered.get() + 1);
                latencies.borrow_mut().push(words::now() - sent);
            }
        }
        page.flush().await?;
    }
}
