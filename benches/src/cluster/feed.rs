//! Who follows what happens at one node, while somebody joins at the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Figures, Nodes};
use crate::member::{ANSWER_TIMEOUT, Identity, Member};
use crate::subject::NODES_TOKEN;

const JOINS: u64 = 100;
/// A node looks every 2 s for others that have begun.
const LINKED_WITHIN: Duration = Duration::from_secs(5);
/// From one to the next: so much at least, and up to a tenth of a second more, as a follower looks ten times a second at most.
const PAUSE: Duration = Duration::from_millis(150);

const P50: &str = "a join at one node in the feed of another: p50 after its answer, ms";
const P99: &str = "a join at one node in the feed of another: p99, ms";

pub(super) async fn run(nodes: Nodes) -> Result<Figures> {
    let [joined, followed] = nodes.all.as_slice() else {
        anyhow::bail!("two nodes are needed");
    };
    let mut follower = Follower::connect(followed.address).await?;
    let (mut delays, mut inside) = (Vec::new(), Vec::new());
    sleep(LINKED_WITHIN).await;
    for number in 0..JOINS {
        sleep(PAUSE + Duration::from_millis(number * 37 % 100)).await;
        let number = usize::try_from(number)?;
        // Not before its turn: who does not come in is cut after a while.
        let identity = Identity::new("lesson", number);
        let mut member = Member::connect(joined.kind, joined.address, number, identity).await?;
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
