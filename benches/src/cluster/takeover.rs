//! A node is killed, and everybody in its rooms comes back through the other.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{Figures, Nodes};
use crate::member::{Identity, connect_all, join_all};

const ROOMS: usize = 1_000;

pub(super) const FIRST: &str = "1,000 rooms of a killed node: the first reconnect is answered after, s";
const LAST: &str = "1,000 rooms of a killed node: the last, s";
pub(super) const TAKEN: &str = "1,000 rooms of a killed node: from the first to the last, s";

pub(super) async fn run(mut nodes: Nodes) -> Result<Figures> {
    let [dies, lives] = nodes.all.as_slice() else {
        anyhow::bail!("two nodes are needed");
    };
    let (kind, lives) = (lives.kind, lives.address);
    let identities: Vec<_> = (0..ROOMS).map(|n| Identity::new(&format!("takeover {n}"), n)).collect();
    let members = join_all(connect_all(kind, dies.address, identities.clone()).await?).await?;
    let before: Vec<_> = members.iter().map(|member| member.id.clone()).collect();
    // Their sockets are there already: what is measured is not how fast they are opened.
    let mut back = connect_all(kind, lives, identities).await?;

    let killed = Instant::now();
    nodes.all.remove(0).stop().await?;
    drop(members);
    for member in &mut back {
        member.ask_back().await?;
    }
    let mut first = None;
    for (member, before) in back.iter_mut().zip(before) {
        member.seated().await?;
        first.get_or_insert_with(|| killed.elapsed());
        ensure!(
            member.id == before,
            "{} came back as somebody else",
            member.identity.username
        );
    }
    let last = killed.elapsed().as_secs_f64();
    let first = first.unwrap_or_default().as_secs_f64();
    Ok(vec![(FIRST, first), (LAST, last), (TAKEN, last - first)])
}
