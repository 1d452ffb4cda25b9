//! The server is killed and started again, and all its members come back in the same moment. JavaScript clients spread over
//! a second and more; here none waits.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{Figure, Goal, Values};
use crate::member::{Identity, connect_all, join_all};
use crate::subject::Subject;

pub(super) const TITLE: &str = "kill -9 and start with 5,000 members, who all come back at once";

const RESUMED: &str = "from the start to the last one's resume, s";

pub(super) const FIGURES: &[Figure] = &[Figure {
    name: RESUMED,
    goals: &[Goal::AtMost(5.0)],
}];

const MEMBERS: usize = 5_000;
const PER_ROOM: usize = 10;

pub(super) async fn run(subject: &mut Subject) -> Result<Values> {
    let identities: Vec<_> = (0..MEMBERS)
        .map(|n| Identity::new(&format!("storm {}", n / PER_ROOM), n))
        .collect();
    let members = join_all(connect_all(subject.kind, subject.address, identities.clone()).await?).await?;
    let before: Vec<_> = members.iter().map(|member| member.id.clone()).collect();
    let start = Instant::now();
    subject.restart().await?;
    drop(members);
    let mut back = connect_all(subject.kind, subject.address, identities).await?;
    for member in &mut back {
        member.ask_back().await?;
    }
    for (member, before) in back.iter_mut().zip(before) {
        member.seated().await?;
        ensure!(
            member.id == before,
            "{} came back as somebody else",
            member.identity.username
        );
    }
    Ok(vec![(RESUMED, start.elapsed().as_secs_f64())])
}
