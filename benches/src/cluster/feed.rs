//! Who follows what happens at one node, while somebody joins at the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Figures, Nodes};
use crate::member::{ANSWER_TIMEOUT, Identity, Member, connect_all};
use crate::subject::NODES_TOKEN;

const JOINS: usize = 100;
/// Not a multiple of how often a follower looks.
const PAUSE: Duration = Duration::from_millis(130);

const P50: &str = "a join at one node in the feed of another: p50 after its answer, ms";
const P99: &str = "a join at one node in the feed of another: p99, ms";

pub(super) async fn run(nodes: Nodes) -> Result<Figures> {
    let [joined, followed] = nodes.all.as_slice() else {
        anyhow::bail!("two nodes are needed");
    };
    let mut follower = Follower::connect(followed.address).await?;
    let identities = (0..=JOINS).map(|n| Identity::new("lesson", n)).collect();
    let mut members = connect_all(joined.kind, joined.address, identities).await?.into_iter();
    // The first waits until the two are linked, and is not counted.
    let mut first = members.next().context("nobody")?;
    delay(&mut first, &mut follower).await?;
    let mut delays = Vec::with_capacity(JOINS);
    let mut inside = vec![first];
    for mut member in members {
        sleep(PAUSE).await;
        delays.push(delay(&mut member, &mut follower).await?);
        inside.push(member);
    }
    delays.sort_unstable();
    let at = |part: usize| delays[(delays.len() - 1) * part / 100].as_secs_f64() * 1e3;
    Ok(vec![(P50, at(50)), (P99, at(99))])
}

async fn delay(member: &mut Member, follower: &mut Follower) -> Result<Duration> {
    member.join().await?;
    let answered = Instant::now();
    let name = format!("{:?}", member.identity.username);
    timeout(ANSWER_TIMEOUT, follower.until(&name))
        .await
        .context("the feed does not tell of a join")??;
    Ok(answered.elapsed())
}

/// A reader of server-sent events.
struct Follower(BufReader<TcpStream>);

impl Follower {
    async fn connect(address: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {NODES_TOKEN}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut follower = Self(BufReader::new(stream));
        // What it begins with.
        follower.until("retry:").await?;
        Ok(follower)
    }

    async fn until(&mut self, words: &str) -> Result<()> {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            let read = self.0.read_line(&mut line).await?;
            anyhow::ensure!(read > 0, "the feed has ended");
        }
        Ok(())
    }
}
