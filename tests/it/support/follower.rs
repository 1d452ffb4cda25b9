//! Somebody who follows what happens, and goes on at the next node with the last number they have when one breaks off.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::support::server::TOKEN;

/// A node that says nothing for so long may hang.
const SILENT: Duration = Duration::from_secs(3);

pub(crate) struct Follower {
    /// The numbers, as they came.
    seen: Arc<Mutex<Vec<i64>>>,
    /// Where they are told, or were last.
    at: Arc<AtomicU16>,
    first: usize,
}

impl Follower {
    /// At this node first.
    pub(crate) fn of(first: usize, ports: watch::Receiver<Vec<u16>>) -> Self {
        let seen = Arc::<Mutex<Vec<i64>>>::default();
        let at = Arc::<AtomicU16>::default();
        tokio::spawn(follow(first, ports, seen.clone(), at.clone()));
        Self { seen, at, first }
    }

    /// The port of the node that they follow.
    pub(crate) fn port(&self) -> u16 {
        self.at.load(Ordering::Relaxed)
    }

    /// As the database writes a list.
    pub(crate) fn seen(&self) -> String {
        let seen: Vec<String> = self.seen.lock().unwrap().iter().map(i64::to_string).collect();
        seen.join(",")
    }

    /// All there is, once each, in order.
    pub(crate) fn check(&self, entries: &str) {
        let seen = self.seen();
        let written: Vec<&str> = entries.split(',').collect();
        let missing: Vec<_> = written
            .iter()
            .filter(|seq| !seen.split(',').any(|one| one == **seq))
            .collect();
        assert!(missing.is_empty(), "not told at node {}: {missing:?}", self.first + 1);
        assert!(
            seen == entries,
            "told twice or out of order at node {}: {seen}",
            self.first + 1
        );
    }
}

async fn follow(first: usize, ports: watch::Receiver<Vec<u16>>, seen: Arc<Mutex<Vec<i64>>>, at: Arc<AtomicU16>) {
    // One that keeps no connection: they would be of a node that is gone.
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    for node in first.. {
        let port = {
            let ports = ports.borrow();
            ports[node % ports.len()]
        };
        read(&client, port, &seen, &at).await;
        sleep(Duration::from_millis(50)).await;
    }
}

/// Until it breaks off.
async fn read(client: &reqwest::Client, port: u16, seen: &Mutex<Vec<i64>>, at: &AtomicU16) {
    let after = seen.lock().unwrap().last().copied().unwrap_or(0);
    let request = client
        .get(format!("http://127.0.0.1:{port}/api/v1/events"))
        .bearer_auth(TOKEN)
        .header("last-event-id", after.to_string());
    let Ok(Ok(mut response)) = timeout(SILENT, request.send()).await else {
        return;
    };
    at.store(port, Ordering::Relaxed);
    let mut text = Vec::new();
    while let Ok(Ok(Some(piece))) = timeout(SILENT, response.chunk()).await {
        text.extend_from_slice(&piece);
        while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
            let block = String::from_utf8(text.drain(..end + 2).collect()).unwrap();
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            if let (Some(id), Some(_)) = (field("id: "), field("data: ")) {
                seen.lock().unwrap().push(id.parse().unwrap());
            }
        }
    }
}
