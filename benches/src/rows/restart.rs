//! A start after a kill with many rooms, whose members have all gone and may still come back.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{Figure, Goal, Values};
use crate::member::{Identity, connect_all, join_all};
use crate::subject::{Kind, Subject};

pub(super) const TITLE: &str = "kill -9 and start with 30,000 rooms, in each of which somebody is away, on both cores";

const READY: &str = "from the start until it listens, s";
const STOPPED: &str = "from SIGTERM to the end, s";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: READY,
        goals: &[Goal::AtMost(2.0)],
    },
    Figure {
        name: STOPPED,
        goals: &[],
    },
];

const ROOMS: usize = 30_000;
const AT_ONCE: usize = 1_000;

pub(super) async fn run(kind: Kind) -> Result<Values> {
    // Nobody's time may end while the others come.
    let mut subject = Subject::start_with(kind, &[("RESUME_GRACE", "1h"), ("RESTART_GRACE", "1h")]).await?;
    let all: Vec<_> = (0..ROOMS).map(|n| Identity::new(&format!("restart {n}"), n)).collect();
    let mut ids = Vec::with_capacity(ROOMS);
    for some in all.chunks(AT_ONCE) {
        let members = join_all(connect_all(kind, subject.address, some.to_vec()).await?).await?;
        ids.extend(members.into_iter().map(|member| member.id));
    }
    let start = Instant::now();
    subject.restart().await?;
    let ready = start.elapsed().as_secs_f64();

    let last = all.into_iter().last().into_iter().collect();
    for mut member in connect_all(kind, subject.address, last).await? {
        member.ask_back().await?;
        member.seated().await?;
        ensure!(ids.last() == Some(&member.id), "somebody came back as somebody else");
    }
    let (_folder, stopped) = subject.finish().await?;
    Ok(vec![(READY, ready), (STOPPED, stopped.as_secs_f64())])
}
