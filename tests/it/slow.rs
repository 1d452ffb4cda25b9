//! Crowds of clients that are dead, silent or too slow, beside others that must not feel them.
//!
//! SLOW_CLIENTS=500 for the long version: so many that stop reading, beside as many that read.
#![cfg(target_os = "linux")]

use std::time::Duration;

use chatroom_testkit::{PollingSocket, SOCKET_IO, Socket, upgrade_request};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use crate::support::history::History;
use crate::support::narrow::narrow_member;
use crate::support::seed::number_from_env;
use crate::support::server::{Server, program};
use crate::support::vitals::eventually;

/// How many of each kind share a room.
const PER_ROOM: u64 = 5;
/// One pair per room is measured, at so many messages a second.
const RATE: u64 = 20;
const WINDOW: Duration = Duration::from_secs(2);
/// What a crowd may add to the others' latency.
const TENTH: f32 = 1.1;
/// What any machine may add by itself: a busy one adds what its calm windows differ by.
const NOISE: Duration = Duration::from_micros(500);

fn candidate(to: &Value, candidate: impl Into<Value>) -> Value {
    json!({"remoteConnectorId": "c", "memberId": to, "candidate": candidate.into()})
}

/// The members of one room that read.
struct Room {
    name: String,
    speaker: Socket,
    speaker_id: Value,
    hearer: Socket,
    hearer_id: Value,
    others: Vec<Socket>,
}

impl Room {
    async fn open(port: u16, number: u64) -> Self {
        let name = format!("room {number}");
        let (speaker, speaker_seat) = Socket::join(port, &name, "speaker").await;
        let (mut hearer, seat) = Socket::join(port, &name, "hearer").await;
        hearer.offer_to(&speaker_seat["memberId"]).await;
        let mut others = Vec::new();
        for other in 2..PER_ROOM {
            others.push(Socket::join(port, &name, &format!("other {other}")).await.0);
        }
        Self {
            name,
            speaker,
            speaker_id: speaker_seat["memberId"].clone(),
            hearer,
            hearer_id: seat["memberId"].clone(),
            others,
        }
    }

    /// Speaks at an even pace for a while. How long each message was under way.
    async fn measure(&mut self, start: Instant, pace: Duration) -> Vec<Duration> {
        let end = Instant::now() + WINDOW;
        let mut ticks = interval(pace);
        let speaking = async {
            while Instant::now() < end {
                ticks.tick().await;
                let now = start.elapsed().as_micros() as u64;
                self.speaker.emit("icecandidate", candidate(&self.hearer_id, now)).await;
            }
            self.speaker
                .emit("icecandidate", candidate(&self.hearer_id, "end"))
                .await;
        };
        let hearing = async {
            let mut latencies = Vec::new();
            loop {
                let (event, payload) = self.hearer.event().await;
                if event != "icecandidate" {
                    continue;
                }
                let Some(sent) = payload["candidate"].as_u64() else {
                    return latencies;
                };
                latencies.push(start.elapsed() - Duration::from_micros(sent));
            }
        };
        let others = join_all(self.others.iter_mut().map(|other| other.listen_until(end)));
        let ((), latencies, alive) = tokio::join!(speaking, hearing, others);
        assert!(alive.into_iter().all(|alive| alive), "a client that reads was cut");
        self.speaker.events_so_far().await;
        latencies
    }

    /// Members that never read again, each with enough to read; the handles keep their connections.
    async fn stall(&mut self, port: u16) -> Vec<Socket> {
        let letter = "x".repeat(30_000);
        let mut stalled = Vec::new();
        for number in 0..PER_ROOM {
            let (mut socket, seat) = narrow_member(port, &self.name, &format!("stalled {number}")).await;
            socket.offer_to(&self.speaker_id).await;
            for _ in 0..12 {
                let payload = candidate(&seat["memberId"], letter.as_str());
                self.speaker.emit("icecandidate", payload).await;
            }
            stalled.push(socket);
        }
        self.speaker.events_so_far().await;
        stalled
    }
}

/// The median and the 90th percentile, over all rooms.
async fn window(rooms: &mut [Room], start: Instant) -> [Duration; 2] {
    // However many rooms there are, the machine has the same to do.
    let pace = Duration::from_micros(1_000_000 / RATE * (rooms.len() as u64).div_ceil(20));
    let measured = join_all(rooms.iter_mut().map(|room| room.measure(start, pace))).await;
    let mut all: Vec<_> = measured.into_iter().flatten().collect();
    all.sort_unstable();
    [all[all.len() / 2], all[all.len() * 9 / 10]]
}

/// For each of the two, the middle one of some windows.
fn middle(mut windows: Vec<[Duration; 2]>) -> [Duration; 2] {
    [0, 1].map(|which| {
        windows.sort_unstable_by_key(|window| window[which]);
        windows[windows.len() / 2][which]
    })
}

/// How much the windows differ.
fn spread(windows: &[[Duration; 2]], which: usize) -> Duration {
    let mut values: Vec<_> = windows.iter().map(|window| window[which]).collect();
    values.sort_unstable();
    values[values.len() - 1] - values[0]
}

/// What the members that read feel of a crowd that does not, from its coming until it is cut.
async fn felt(server: &Server, rooms: &mut [Room], start: Instant) -> Result<(), String> {
    let mut calm = vec![window(rooms, start).await, window(rooms, start).await];
    let (sockets, threads) = (server.sockets(), server.threads());
    let stalled_at = Instant::now();
    let stalled = join_all(rooms.iter_mut().map(|room| room.stall(server.port))).await;
    let count = stalled.iter().flatten().count();
    // On a busy machine the first are cut before the last have come.
    assert!(server.sockets() <= sockets + count);
    let mut during = Vec::new();
    while server.sockets() > sockets {
        during.push(window(rooms, start).await);
        assert!(stalled_at.elapsed() < Duration::from_secs(60), "they are not cut");
    }
    let cut_after = stalled_at.elapsed();
    assert!(server.threads() <= threads);
    calm.extend([window(rooms, start).await, window(rooms, start).await]);
    println!(
        "{count} stalled, cut after {cut_after:?}; median and 90 % of {WINDOW:?}: calm {calm:?}, during {during:?}"
    );
    let noise = [0, 1].map(|which| NOISE.max(spread(&calm, which)));
    let (calm, during) = (middle(calm), middle(during));
    println!("in the middle: calm {calm:?}, during {during:?}; noise {noise:?}");
    let is_slower = |which: usize| during[which] > calm[which].mul_f32(TENTH) + noise[which];
    if is_slower(0) || is_slower(1) {
        return Err(format!("calm {calm:?}, during {during:?}, noise {noise:?}"));
    }
    Ok(())
}

#[tokio::test]
async fn a_crowd_that_stops_reading_is_cut_and_nobody_else_feels_it() {
    let count = number_from_env("SLOW_CLIENTS", 100);
    let folder = tempfile::tempdir().unwrap();
    // Whoever was cut is gone soon, so that the names are free for another attempt.
    let mut server = Server::start_unread(
        program(folder.path(), &[("RESUME_GRACE", "1s")]),
        &folder.path().join("log"),
    );
    let mut rooms = join_all((0..count / PER_ROOM).map(|number| Room::open(server.port, number))).await;
    let start = Instant::now();
    window(&mut rooms, start).await;
    let mut attempts = 1;
    while let Err(slower) = felt(&server, &mut rooms, start).await {
        // The machine may have had something else to do.
        assert!(attempts < 3, "{slower}");
        attempts += 1;
    }
    drop(rooms);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let mut history = History::of(folder.path()).await;
    history.check().await;
    let events = history.events(0).await;
    for kind in ["joined", "disconnected", "left"] {
        let of_kind = events.iter().filter(|event| event.kind == kind);
        let stalled = of_kind.filter(|event| event.username.as_deref().unwrap_or_default().starts_with("stalled"));
        assert_eq!(stalled.count(), count as usize * attempts, "{kind}");
    }
}

/// A connection on which something was sent and nothing follows: how long the server bears it.
fn endured(stream: TcpStream, head: &str) -> JoinHandle<Duration> {
    let head = head.to_owned();
    tokio::spawn(async move {
        let (mut stream, start) = (stream, Instant::now());
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Reset or ended, it is over either way.
        stream.read_to_end(&mut answer).await.ok();
        start.elapsed()
    })
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_unread(program(folder.path(), &[]), &folder.path().join("log"));
    let port = server.port;
    let sockets = server.sockets();
    // What is opened once and stays.
    Socket::join(port, "lesson", "ann").await.0.vanish();
    eventually("the first socket is gone", Duration::from_secs(5), || {
        server.sockets() <= sockets
    })
    .await;
    let (descriptors, threads) = (server.descriptors(), server.threads());
    let websocket = upgrade_request(([127, 0, 0, 1], port).into(), SOCKET_IO);
    let mut waiting = Vec::new();
    for _ in 0..50 {
        for head in ["", "GET / HTTP/1.1\r\nhost: ", &websocket] {
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            waiting.push((head, endured(stream, head)));
        }
    }
    // One that polls once, and one that says it will come over a WebSocket, and neither does.
    let polling = PollingSocket::open(port).await;
    let upgrading = PollingSocket::open(port).await.begin_upgrade().await;
    for (head, waiting) in waiting {
        let endured = waiting.await.unwrap();
        assert!(
            (Duration::from_secs(8)..Duration::from_secs(14)).contains(&endured),
            "{head:?} was endured for {endured:?}"
        );
    }
    assert_eq!(polling.poll().await.0, 400, "its session is over");
    drop((polling, upgrading));
    let settled = eventually("all is as before", Duration::from_secs(15), || {
        server.descriptors() <= descriptors && server.threads() <= threads
    });
    println!("as before after {:?}", settled.await);
}
