//! The journal by itself, in this process: how much it commits, how late, and what that takes on disk.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chatroom_server::journal::{Journal, Options, Source, Submitted};
use chatroom_server::model::time::Timestamp;
use chatroom_server::model::vocabulary::ErrorKind;
use chatroom_server::room::record::{Change, Record};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;

use super::class::{self, Class};
use super::{Figure, Goal, Values};

pub(super) const TITLE: &str = "journal, by itself, it and who fills it on one core";

const PLAIN: &str = "events/s committed, refused messages";
const CLASSES: &str = "events/s committed, whole classes with their people, connections and links";
const P50: &str = "write latency p50 at 1,000 events/s, ms";
const P99: &str = "write latency p99 at 1,000 events/s, ms";
const BYTES: &str = "bytes on disk per event of whole classes, all tables";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: PLAIN,
        goals: &[Goal::AtLeast(50_000.0)],
    },
    Figure {
        name: CLASSES,
        goals: &[],
    },
    Figure { name: P50, goals: &[] },
    Figure { name: P99, goals: &[] },
    Figure {
        name: BYTES,
        goals: &[],
    },
];

/// How many submissions wait at once, where it goes as fast as it can: two of the journal's groups.
const UNDER_WAY: usize = 4_000;
const REFUSALS: usize = 300_000;
const CLASSES_AT_ONCE: usize = 200;
const PACE: Duration = Duration::from_millis(1);
const PACED: usize = 6_000;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn run() -> Result<Values> {
    let folder = tempfile::tempdir()?;
    let journal = Bench::open(&folder.path().join("refusals.db")).await?;
    let plain = journal.fill((0..REFUSALS).map(|_| vec![refused()])).await?;
    let mut latencies = journal.paced().await?;
    journal.close().await?;

    let file = folder.path().join("classes.db");
    let journal = Bench::open(&file).await?;
    let whole = journal.fill(classes()?.into_iter()).await?;
    let events = journal.close().await?;
    let bytes = std::fs::metadata(&file)?.len() as f64 / events as f64;

    latencies.sort_unstable();
    let part = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    Ok(vec![
        (PLAIN, plain),
        (CLASSES, whole),
        (P50, part(0.5)),
        (P99, part(0.99)),
        (BYTES, bytes),
    ])
}

/// What each step has remembered of some classes that go on at the same time.
fn classes() -> Result<Vec<Vec<Record>>> {
    let mut classes: Vec<Class> = (0..CLASSES_AT_ONCE).map(Class::new).collect::<Result<_>>()?;
    let mut remembered = Vec::new();
    for step in class::steps() {
        for class in &mut classes {
            remembered.push(class.take(step)?);
        }
    }
    Ok(remembered)
}

fn refused() -> Record {
    Record {
        at: now(),
        session: None,
        change: Change::Error {
            participant: None,
            code: ErrorKind::UnknownMember,
            event: "icecandidate".to_owned(),
            message: "Nobody with this memberId has ever been in this room.".to_owned(),
        },
    }
}

fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_millis())
}

/// A journal, and how much has come of it.
struct Bench(Journal);

impl Bench {
    async fn open(file: &Path) -> Result<Self> {
        Ok(Self(
            Journal::open(Options::new(file.to_path_buf().into()), now)
                .await?
                .journal,
        ))
    }

    fn events(&self) -> i64 {
        *self.0.committed().borrow()
    }

    /// Submits all of these as fast as they are written, and gives how many events each second had.
    async fn fill(&self, submissions: impl Iterator<Item = Vec<Record>>) -> Result<f64> {
        let free = Arc::new(Semaphore::new(UNDER_WAY));
        let (begun, before) = (Instant::now(), self.events());
        for records in submissions {
            let permit = free.clone().acquire_owned().await?;
            self.submit(records, move || drop(permit))?;
        }
        _ = free.acquire_many(UNDER_WAY as u32).await?;
        Ok((self.events() - before) as f64 / begun.elapsed().as_secs_f64())
    }

    /// How late each of some events is on disk that come at a steady pace.
    async fn paced(&self) -> Result<Vec<Duration>> {
        let latencies = Arc::new(Mutex::new(Vec::new()));
        let mut turn = tokio::time::interval(PACE);
        turn.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..PACED {
            let (due, latencies) = (turn.tick().await, latencies.clone());
            self.submit(vec![refused()], move || {
                latencies
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(due.elapsed());
            })?;
        }
        while Arc::strong_count(&latencies) > 1 {
            tokio::time::sleep(PACE).await;
        }
        let latencies = Arc::into_inner(latencies).context("somebody still measures")?;
        Ok(latencies.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn submit(&self, records: Vec<Record>, written: impl FnOnce() + Send + 'static) -> Result<()> {
        let submitted = self.0.submit(Source::default(), records, Some(Box::new(written)));
        ensure!(submitted == Submitted::Accepted, "the journal drops records");
        Ok(())
    }

    /// Gives how many events it has written in all.
    async fn close(self) -> Result<i64> {
        self.0.close(CLOSE_TIMEOUT).await?;
        Ok(self.events())
    }
}
