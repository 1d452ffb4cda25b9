//! The journal by itself, in this process: how much it commits, how late, and what that takes on disk.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chatroom_server::journal::{DatabaseServer, Journal, Options, Source, Submitted};
use chatroom_server::model::time::Timestamp;
use chatroom_server::model::vocabulary::ErrorKind;
use chatroom_server::room::record::{Change, Record};
use chatroom_testkit::Postgres;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;

use super::class::{self, Class};
use super::{Figure, Goal, Values};

pub(super) const TITLE: &str = "journal, by itself, it and who fills it on one core";

const PLAIN: &str = "events/s committed, refused messages";
const CLASSES: &str = "events/s committed, whole classes with their people, connections and links";
const P50: &str = "write latency p50 at 1,000 events/s, ms";
const P99: &str = "write latency p99 at 1,000 events/s, ms";
const PLAIN_ON_SERVER: &str = "events/s committed to PostgreSQL on the other core, refused messages";
const CLASSES_ON_SERVER: &str = "events/s committed to PostgreSQL on the other core, whole classes";
const P50_ON_SERVER: &str = "write latency p50 at 1,000 events/s to PostgreSQL, ms";
const P99_ON_SERVER: &str = "write latency p99 at 1,000 events/s to PostgreSQL, ms";
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
    Figure {
        name: PLAIN_ON_SERVER,
        goals: &[],
    },
    Figure {
        name: CLASSES_ON_SERVER,
        goals: &[],
    },
    Figure {
        name: P50_ON_SERVER,
        goals: &[],
    },
    Figure {
        name: P99_ON_SERVER,
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
    let classes_file = folder.path().join("classes.db");
    let options = [folder.path().join("refusals.db"), classes_file.clone()];
    let in_file = measure(options.map(|file| Options::new(file.into()))).await?;
    // The numbers of a file's entries have no gaps; those of PostgreSQL's do.
    let events = in_file.last_seq as f64;

    let server = on_other_core(|| Postgres::own(&[]))?;
    let on_server = measure([on(&server).await?, on(&server).await?]).await?;
    Ok(vec![
        (PLAIN, REFUSALS as f64 / in_file.refusals_took),
        (CLASSES, events / in_file.classes_took),
        (P50, in_file.p50),
        (P99, in_file.p99),
        (BYTES, std::fs::metadata(&classes_file)?.len() as f64 / events),
        (PLAIN_ON_SERVER, REFUSALS as f64 / on_server.refusals_took),
        (CLASSES_ON_SERVER, events / on_server.classes_took),
        (P50_ON_SERVER, on_server.p50),
        (P99_ON_SERVER, on_server.p99),
    ])
}

/// A database of its own.
async fn on(server: &Postgres) -> Result<Options> {
    let address = server.url(&server.empty_database().await).parse()?;
    Ok(Options::on_server(DatabaseServer::new(address, "public".parse()?)))
}

/// Starts something on the core that is not the load's.
fn on_other_core<T>(start: impl FnOnce() -> T) -> Result<T> {
    let move_to = |core: &str| {
        let own = std::process::id().to_string();
        let moved = Command::new("taskset")
            .args(["--pid", "--cpu-list", core, &own])
            .stdout(Stdio::null())
            .status()?;
        ensure!(moved.success(), "this process cannot be moved to core {core}");
        anyhow::Ok(())
    };
    move_to("0")?;
    let started = start();
    move_to("1")?;
    Ok(started)
}

/// What a journal takes in one of the databases.
struct Measured {
    /// In seconds.
    refusals_took: f64,
    classes_took: f64,
    /// How late an entry is there, in milliseconds.
    p50: f64,
    p99: f64,
    /// The number of the last entry of the classes.
    last_seq: i64,
}

/// Fills two empty databases.
async fn measure([refusals, others]: [Options; 2]) -> Result<Measured> {
    let journal = Bench::open(refusals).await?;
    let refusals_took = journal.fill((0..REFUSALS).map(|_| vec![refused()])).await?;
    let mut latencies = journal.paced().await?;
    journal.close().await?;
    latencies.sort_unstable();
    let part = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;

    let journal = Bench::open(others).await?;
    let classes_took = journal.fill(classes()?.into_iter()).await?;
    Ok(Measured {
        refusals_took,
        classes_took,
        p50: part(0.5),
        p99: part(0.99),
        last_seq: journal.close().await?,
    })
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
    async fn open(options: Options) -> Result<Self> {
        Ok(Self(Journal::open(options, now).await?.journal))
    }

    /// Submits all of these as fast as they are written, and gives how many seconds that took.
    async fn fill(&self, submissions: impl Iterator<Item = Vec<Record>>) -> Result<f64> {
        let free = Arc::new(Semaphore::new(UNDER_WAY));
        let begun = Instant::now();
        for records in submissions {
            let permit = free.clone().acquire_owned().await?;
            self.submit(records, move || drop(permit))?;
        }
        _ = free.acquire_many(UNDER_WAY as u32).await?;
        Ok(begun.elapsed().as_secs_f64())
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

    /// Gives the number of the last entry.
    async fn close(self) -> Result<i64> {
        self.0.close(CLOSE_TIMEOUT).await?;
        Ok(*self.0.committed().borrow())
    }
}
