//! Members that have joined and do nothing but answer pings: what they cost in memory.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::{Figure, Goal, Values};
use crate::member::{Identity, Member, connect_all, join_all};
use crate::process;
use crate::subject::{Kind, Subject};

const TOTAL: &str = "resident memory, MiB";
const EACH: &str = "growth per member, KiB";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: TOTAL,
        goals: &[Goal::AtMostTimes(0.7, Kind::Node)],
    },
    Figure {
        name: EACH,
        goals: &[Goal::AtMost(12.0)],
    },
];

const PER_ROOM: usize = 10;
/// Until what the joins needed has been given back, as far as it is.
const SETTLES: Duration = Duration::from_secs(6);

pub(super) async fn run(subject: &Subject, count: usize) -> Result<Values> {
    let empty = process::resident(subject.pid)?;
    let identities = (0..count).map(|n| Identity::new(&format!("idle {}", n / PER_ROOM), n));
    let members = connect_all(subject.kind, subject.address, identities.collect()).await?;
    let mut pages = JoinSet::new();
    for member in join_all(members).await? {
        pages.spawn_local(idle(member));
    }
    tokio::time::sleep(SETTLES).await;
    ensure!(pages.try_join_next().is_none(), "a page was cut off");
    let full = process::resident(subject.pid)?;
    let each = full.saturating_sub(empty) as f64 / count as f64 / 1024.0;
    Ok(vec![(TOTAL, full as f64 / f64::from(1 << 20)), (EACH, each)])
}

async fn idle(mut member: Member) -> Result<()> {
    let page = &mut member.page;
    page.shrink();
    loop {
        while page.inbox.next(&mut page.outbox)?.is_some() {}
        page.flush().await?;
        page.fill().await?;
    }
}
