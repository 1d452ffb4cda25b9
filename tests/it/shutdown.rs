//! A stop while clients come and go: in time, in order, and with all that was told on disk.
//!
//! SHUTDOWN_CLIENTS=2000 for the long version (with `ulimit -n 10000`); SHUTDOWN_SEED gives the same clients again.
#![cfg(unix)]

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chatroom_testkit::Socket;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::history::History;
use crate::support::seed::{Seed, number_from_env};
use crate::support::server::{Server, program};

/// What service managers and their users bear.
const DEADLINE: Duration = Duration::from_secs(5);

/// What a client did until the server was gone, as the history calls it.
struct Deeds {
    username: String,
    acknowledged: Vec<&'static str>,
    /// The last, if no answer to it came.
    unanswered: Option<&'static str>,
    sessions: Vec<Value>,
}

/// A client that joins, leaves, drops and resumes, as fast as it is answered.
async fn churn(port: u16, number: u64, mut seed: Seed, told: Arc<AtomicU64>) -> Deeds {
    let username = format!("client {number}");
    let room = format!("room {}", number / 10);
    let entry = json!({"id": format!("id {number}"), "username": username, "roomname": room});
    let mut deeds = Deeds {
        username,
        acknowledged: Vec::new(),
        unanswered: None,
        sessions: Vec::new(),
    };
    let mut entering = "join";
    while let Some(mut socket) = Socket::try_connect(port).await {
        deeds.unanswered = Some(if entering == "join" { "joined" } else { "reconnected" });
        let Some(seat) = socket.try_call(entering, entry.clone()).await else {
            break;
        };
        deeds.unanswered = None;
        if seat["ok"] != true {
            assert_eq!(
                seat["error"]["type"], "unavailable",
                "only because the server stops: {seat}"
            );
            break;
        }
        assert_eq!(seat["resumed"] == true, entering == "reconnect", "{seat}");
        deeds
            .acknowledged
            .push(if entering == "join" { "joined" } else { "reconnected" });
        deeds.sessions.push(seat["sessionId"].clone());
        told.fetch_add(1, Ordering::Relaxed);
        if seed.below(3) == 0 {
            deeds.unanswered = Some("left");
            if socket.try_call("leave", json!([])).await.is_none() {
                break;
            }
            deeds.unanswered = None;
            deeds.acknowledged.push("left");
            entering = "join";
        } else {
            entering = "reconnect";
        }
        socket.vanish();
    }
    deeds
}

/// Whether the server can write.
async fn is_ready(port: u16) -> bool {
    let answer = reqwest::get(format!("http://127.0.0.1:{port}/readyz")).await;
    answer.unwrap().status().is_success()
}

struct Class {
    server: Server,
    folder: tempfile::TempDir,
    clients: Vec<JoinHandle<Deeds>>,
    /// Whether the disk was, at some time, too slow to be waited for: then signaling goes on before it has written.
    degraded: bool,
}

impl Class {
    async fn churning() -> Self {
        let count = number_from_env("SHUTDOWN_CLIENTS", 200);
        let mut seed = Seed::from_env("SHUTDOWN_SEED");
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_unread(program(folder.path(), &[]), &folder.path().join("log"));
        let told = Arc::new(AtomicU64::new(0));
        let clients: Vec<_> = (0..count)
            .map(|number| tokio::spawn(churn(server.port, number, seed.fork(), told.clone())))
            .collect();
        let mut degraded = false;
        let start = Instant::now();
        while told.load(Ordering::Relaxed) < 3 * count {
            assert!(start.elapsed() < Duration::from_secs(60), "the clients are too slow");
            tokio::time::sleep(Duration::from_millis(100)).await;
            degraded |= !is_ready(server.port).await;
        }
        Self {
            server,
            folder,
            clients,
            degraded,
        }
    }

    /// Waits for the end without holding the clients up. The exit code, and how long it took.
    async fn exit(&mut self) -> (Option<i32>, Duration) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.server.child.try_wait().unwrap() {
                return (status.code(), start.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Holds what every client was told against what is on disk. If the end of it may be `missing`, then only that.
    async fn account(self, missing: bool) -> History {
        let all: Vec<Deeds> = join_all(self.clients).await.into_iter().map(Result::unwrap).collect();
        let mut history = History::of(self.folder.path()).await;
        history.check().await;
        let mut recorded: HashMap<String, Vec<String>> = HashMap::new();
        for event in history.events(0).await {
            let of_a_deed = match event.kind.as_str() {
                "joined" | "reconnected" => true,
                "left" => event.detail["reason"] == "left",
                _ => false,
            };
            if let (true, Some(username)) = (of_a_deed, event.username) {
                recorded.entry(username).or_default().push(event.kind);
            }
        }
        let sessions = history.rows("select id from session").await;
        let sessions: Vec<String> = sessions
            .iter()
            .map(|row| row.get::<uuid::Uuid>("id").to_string())
            .collect();
        let mut told = 0;
        for deeds in &all {
            let recorded = recorded.remove(&deeds.username).unwrap_or_default();
            let mut possible = deeds.acknowledged.clone();
            let exact = recorded == possible;
            possible.extend(deeds.unanswered);
            let cut_off = missing && possible.starts_with(&recorded.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(
                exact || recorded == possible || cut_off,
                "{} was told {:?}, then nothing of {:?}; recorded is {recorded:?}",
                deeds.username,
                deeds.acknowledged,
                deeds.unanswered
            );
            assert!(
                missing
                    || deeds
                        .sessions
                        .iter()
                        .all(|id| sessions.iter().any(|known| *id == **known))
            );
            told += deeds.acknowledged.len();
        }
        assert!(recorded.is_empty(), "of nobody else: {recorded:?}");
        assert!(told >= all.len(), "there was something to lose");
        println!("{told} things were told to {} clients, and all are kept", all.len());
        history
    }
}

#[tokio::test]
async fn a_stop_under_churn_is_in_time_and_loses_nothing() {
    let mut class = Class::churning().await;
    class.server.signal("TERM");
    let (code, took) = class.exit().await;
    println!("stopped after {took:?}");
    assert_eq!(code, Some(0));
    assert!(took < DEADLINE, "{took:?}");
    let mut history = class.account(false).await;
    assert!(history.has_stopped_in_order().await);
    let reasons = "select distinct closed_by from connection where disconnected_at is not null";
    println!("connections were closed by {:?}", history.texts(reasons).await);
}

#[tokio::test]
async fn a_second_signal_under_churn_ends_at_once_and_corrupts_nothing() {
    let mut class = Class::churning().await;
    // A request whose head is half sent holds the orderly stop up for a while.
    let mut half = std::net::TcpStream::connect(("127.0.0.1", class.server.port)).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    Socket::connect(class.server.port).await.vanish();
    class.server.signal("TERM");
    while tokio::net::TcpStream::connect(("127.0.0.1", class.server.port))
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
    class.server.signal("TERM");
    let (code, took) = class.exit().await;
    assert_eq!(code, Some(143));
    assert!(took < Duration::from_secs(1), "{took:?}");
    let degraded = class.degraded;
    class.account(degraded).await;
}
