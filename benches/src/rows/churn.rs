//! Pages that join and leave without end, each waiting for its callback before the next.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::{Figure, Goal, Measured, Values, measure};
use crate::member::{Identity, Member, connect_all};
use crate::subject::{Kind, Subject};

pub(super) const TITLE: &str =
    "join and leave churn, 20 rooms × 10 pages (our history is on disk before each callback)";
pub(super) const FULL: &str = "the same with 20 rooms × 30 pages: each join asks up to 29 others for an offer";

/// How many pages there are for each room.
pub(super) const SOME: usize = 10;
pub(super) const MANY: usize = 30;

const CPU: &str = "CPU per join and leave, µs";
const RATE: &str = "joins/s on one core";
const RATE_ON_BOTH: &str = "joins/s on both cores, of which the load uses one as well";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: CPU,
        goals: &[Goal::AtMostTimes(1.0, Kind::Node)],
    },
    Figure {
        name: RATE,
        goals: &[Goal::AtLeastTimes(1.5, Kind::Node)],
    },
    Figure {
        name: RATE_ON_BOTH,
        goals: &[Goal::AtLeastTimes(1.5, Kind::Node)],
    },
];

const ROOMS: usize = 20;
const WARM_UP: Duration = Duration::from_millis(1500);
const DURING: Duration = Duration::from_secs(6);

/// First on one core, and then on both: a server in one binary for a class may use what the machine has.
pub(super) async fn run(kind: Kind, pages: usize) -> Result<Values> {
    let one = Subject::start(kind).await?;
    let on_one = churn(&one, pages).await?;
    one.stop().await?;
    let both = Subject::start_on_both(kind).await?;
    let on_both = churn(&both, pages).await?;
    both.stop().await?;
    Ok(vec![
        (CPU, on_one.cpu_us_each()),
        (RATE, on_one.per_second()),
        (RATE_ON_BOTH, on_both.per_second()),
    ])
}

async fn churn(subject: &Subject, pages: usize) -> Result<Measured> {
    let identities = (0..ROOMS * pages).map(|n| Identity::new(&format!("churn {}", n / pages), n));
    let members = connect_all(subject.kind, subject.address, identities.collect()).await?;
    let joins = Rc::new(Cell::new(0));
    let mut pages = JoinSet::new();
    for member in members {
        pages.spawn_local(come_and_go(member, joins.clone()));
    }
    let measured = measure(&subject.target(), &joins, WARM_UP, DURING).await?;
    ensure!(pages.try_join_next().is_none(), "a page was cut off");
    Ok(measured)
}

pub(super) async fn come_and_go(mut member: Member, joins: Rc<Cell<u64>>) -> Result<()> {
    loop {
        member.join().await?;
        member.leave().await?;
        joins.set(joins.get() + 1);
    }
}
