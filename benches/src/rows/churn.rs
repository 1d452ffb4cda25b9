//! Pages that join and leave without end, each waiting for its callback before the next.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::{Figure, Goal, Values, measure};
use crate::member::{Identity, Member, connect_all};
use crate::subject::{Kind, Subject};
use crate::words;

pub(super) const TITLE: &str =
    "join and leave churn, 20 rooms × 10 pages (our history is on disk before each callback)";

const CPU: &str = "CPU per join and leave, µs";
const RATE: &str = "joins/s";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: CPU,
        goals: &[Goal::AtMostTimes(1.0, Kind::Node)],
    },
    Figure {
        name: RATE,
        goals: &[Goal::AtLeastTimes(1.5, Kind::Node)],
    },
];

const ROOMS: usize = 20;
const PAGES: usize = 10;
const WARM_UP: Duration = Duration::from_millis(1500);
const DURING: Duration = Duration::from_secs(6);

pub(super) async fn run(subject: &Subject) -> Result<Values> {
    let identities = (0..ROOMS * PAGES).map(|n| Identity::new(&format!("churn {}", n / PAGES), n));
    let members = connect_all(subject.kind, subject.address, identities.collect()).await?;
    let joins = Rc::new(Cell::new(0));
    let mut pages = JoinSet::new();
    for member in members {
        pages.spawn_local(come_and_go(member, joins.clone()));
    }
    let measured = measure(subject, &joins, WARM_UP, DURING).await?;
    ensure!(pages.try_join_next().is_none(), "a page was cut off");
    Ok(vec![(CPU, measured.cpu_us_each()), (RATE, measured.per_second())])
}

async fn come_and_go(mut member: Member, joins: Rc<Cell<u64>>) -> Result<()> {
    loop {
        member.join().await?;
        member.page.outbox.text(&[words::LEAVE]);
        member.page.flush().await?;
        member.hear("431").await?;
        joins.set(joins.get() + 1);
    }
}
