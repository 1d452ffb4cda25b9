//! Pages that join and leave without end, one in each room, where somebody watches; and one page on an idle server.

use std::cell::Cell;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::churn::come_and_go;
use super::{Figure, Goal, Measured, Values, measure};
use crate::member::{Identity, Member, connect_all, join_all};
use crate::subject::{Kind, Subject, Target};

pub(super) const FEW: &str = "20 pages join and leave, each in a room with a watcher, on both cores";
pub(super) const MANY: &str = "the same with 200 pages";
pub(super) const ALONE: &str = "one page joins and leaves now and then, in a room with a watcher, on both cores";

const RATE: &str = "joins/s";
const CPU: &str = "CPU per join and leave, µs";
const UNLIMITED_RATE: &str = "joins/s with all limits off";
const UNLIMITED_CPU: &str = "CPU per join and leave with all limits off, µs";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: RATE,
        goals: &[Goal::AtLeastTimes(1.5, Kind::NodeTables)],
    },
    Figure {
        name: CPU,
        goals: &[Goal::AtMostTimes(0.7, Kind::NodeTables)],
    },
    Figure {
        name: UNLIMITED_RATE,
        goals: &[],
    },
    Figure {
        name: UNLIMITED_CPU,
        goals: &[],
    },
];

const TOLD: &str = "told of the join after, p50, ms";
const TOLD_P99: &str = "told of the join after, p99, ms";
const DISK: &str = "the disk's fdatasync in between, p50, ms";
const REST: &str = "told, p50, less the disk's p50, ms";

pub(super) const ALONE_FIGURES: &[Figure] = &[
    Figure { name: TOLD, goals: &[] },
    Figure {
        name: TOLD_P99,
        goals: &[],
    },
    Figure { name: DISK, goals: &[] },
    Figure {
        name: REST,
        goals: &[Goal::AtMost(0.3)],
    },
];

const WARM_UP: Duration = Duration::from_millis(1500);
const DURING: Duration = Duration::from_secs(6);

/// How often one page joins, and how long nothing happens before.
const ALONE_JOINS: usize = 300;
const IDLE: Duration = Duration::from_millis(10);

/// What a commit adds to SQLite's log, at least.
const PAGE: [u8; 4096] = [0x5a; 4096];

pub(super) async fn run(kind: Kind, pages: usize) -> Result<Values> {
    let subject = Subject::start_on_both(kind).await?;
    let limited = crowd(&subject.target(), pages).await?;
    subject.stop().await?;
    let mut values = vec![(RATE, limited.per_second()), (CPU, limited.cpu_us_each())];
    if kind == Kind::Ours {
        let subject = Subject::start_without_limits().await?;
        let unlimited = crowd(&subject.target(), pages).await?;
        subject.stop().await?;
        values.push((UNLIMITED_RATE, unlimited.per_second()));
        values.push((UNLIMITED_CPU, unlimited.cpu_us_each()));
    }
    Ok(values)
}

/// So many pages that join and leave, each with a watcher in its room; of several servers each has its part of the rooms.
pub(crate) async fn crowd(target: &Target, count: usize) -> Result<Measured> {
    let (watchers, pages) = rooms(target, count).await?;
    let joins = Rc::new(Cell::new(0));
    let mut tasks = JoinSet::new();
    for watcher in watchers {
        tasks.spawn_local(watch(watcher));
    }
    for page in pages {
        tasks.spawn_local(come_and_go(page, joins.clone()));
    }
    let measured = measure(target, &joins, WARM_UP, DURING).await?;
    ensure!(tasks.try_join_next().is_none(), "a page was cut off");
    Ok(measured)
}

pub(super) async fn alone(kind: Kind) -> Result<Values> {
    let subject = Subject::start_on_both(kind).await?;
    let (watchers, mut pages) = rooms(&subject.target(), 1).await?;
    let mut tasks = JoinSet::new();
    for watcher in watchers {
        tasks.spawn_local(watch(watcher));
    }
    let page = &mut pages[0];
    let mut disk = Disk::beside(subject.folder())?;
    let (mut told, mut synced) = (Vec::new(), Vec::new());
    for _ in 0..ALONE_JOINS {
        tokio::time::sleep(IDLE).await;
        let begun = Instant::now();
        page.join().await?;
        told.push(begun.elapsed());
        tokio::time::sleep(IDLE).await;
        page.leave().await?;
        tokio::time::sleep(IDLE).await;
        synced.push(disk.sync()?);
    }
    subject.stop().await?;
    let (told_p50, disk) = (part(&mut told, 0.5), part(&mut synced, 0.5));
    Ok(vec![
        (TOLD, told_p50),
        (TOLD_P99, part(&mut told, 0.99)),
        (DISK, disk),
        (REST, told_p50 - disk),
    ])
}

/// So many rooms: who is in each, and who will come and go.
async fn rooms(target: &Target, count: usize) -> Result<(Vec<Member>, Vec<Member>)> {
    let (mut watchers, mut pages) = (Vec::new(), Vec::new());
    for (server, address) in target.addresses.iter().enumerate() {
        let rooms = (server..count).step_by(target.addresses.len());
        let people = |number| {
            rooms
                .clone()
                .map(move |room| Identity::new(&format!("room {room}"), number))
        };
        let connect = |number| connect_all(target.kind, *address, people(number).collect());
        watchers.extend(join_all(connect(0).await?).await?);
        pages.extend(connect(1).await?);
    }
    Ok((watchers, pages))
}

/// Reads what it is sent.
async fn watch(mut member: Member) -> Result<()> {
    loop {
        let page = &mut member.page;
        while page.inbox.next(&mut page.outbox)?.is_some() {}
        page.flush().await?;
        page.fill().await?;
    }
}

/// A file that grows on the disk of a history, as its log does.
struct Disk(File);

impl Disk {
    fn beside(folder: &Path) -> Result<Self> {
        Ok(Self(File::create(folder.join("disk"))?))
    }

    fn sync(&mut self) -> Result<Duration> {
        self.0.write_all(&PAGE)?;
        let begun = Instant::now();
        self.0.sync_data()?;
        Ok(begun.elapsed())
    }
}

fn part(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3
}
