//! Clients that would have the server wait for them, beside a pair that must not feel it.

use std::time::Duration;

use chatroom_testkit::{PollingSocket, Socket};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, sleep};

use crate::support::class::{class, pair};

/// How often the pair speaks.
const PACE: Duration = Duration::from_millis(20);
const WINDOW: Duration = Duration::from_secs(3);
/// The longest silence that an attack may cause.
const SILENCE: Duration = Duration::from_millis(100);
/// What is refused, and answered.
const MESSAGE: &str = "42[\"x\",{}]";

/// A pair in a room of its own.
struct Pair {
    ann: Socket,
    bo: Socket,
    bo_id: Value,
}

impl Pair {
    /// The longest time in which nothing arrived, while one message after the other was sent.
    async fn longest_silence(&mut self) -> Duration {
        let end = Instant::now() + WINDOW;
        let candidate =
            |content: &str| json!({"remoteConnectorId": "b1", "memberId": self.bo_id, "candidate": content});
        let (word, last) = (candidate("word"), candidate("last"));
        let speaking = async {
            let mut ticks = interval(PACE);
            while Instant::now() < end {
                ticks.tick().await;
                self.ann.emit("icecandidate", word.clone()).await;
            }
            self.ann.emit("icecandidate", last).await;
        };
        let hearing = async {
            let (mut longest, mut heard_at) = (Duration::ZERO, Instant::now());
            while self.bo.expect("icecandidate").await["candidate"] != "last" {
                longest = longest.max(heard_at.elapsed());
                heard_at = Instant::now();
            }
            longest
        };
        tokio::join!(speaking, hearing).1
    }
}

/// Attacks again and again while the pair speaks.
async fn unfelt<F>(attack: impl Fn(u16, u64) -> F + Copy + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let class = class(&[]);
    let port = class.server.port;
    let ((ann, _), (bo, bo_id)) = pair(port, "lesson").await;
    let mut pair = Pair { ann, bo, bo_id };
    let mut felt = Vec::new();
    // The machine may have something else to do: what the attack costs is there every time.
    for attempt in 0..5 {
        let calm = pair.longest_silence().await;
        let attackers: Vec<_> = (0..2)
            .map(|attacker| {
                tokio::spawn(async move {
                    for round in 0.. {
                        attack(port, (attempt * 2 + attacker) * 1_000 + round).await;
                        sleep(Duration::from_millis(50)).await;
                    }
                })
            })
            .collect();
        let attacked = pair.longest_silence().await;
        for attacker in attackers {
            attacker.abort();
        }
        // A busy machine has silences of its own; those of an attack that is felt are of seconds.
        if attacked < SILENCE + 2 * calm {
            return;
        }
        felt.push((calm, attacked));
    }
    panic!("the longest silences, without the attack and with it: {felt:?}");
}

/// Sends a POST that ends in its own time, and gives the connection to write its body to.
async fn begin_post(socket: &PollingSocket, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", socket.port)).await.unwrap();
    let path = socket.path();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Waits for some answer, whatever it is, or the connection's end.
async fn answered(mut stream: TcpStream) {
    let _ = stream.read_u8().await;
}

#[tokio::test]
async fn messages_behind_a_packet_that_ends_the_session_hold_nobody_up() {
    unfelt(|port, _| async move {
        let socket = PollingSocket::connect(port).await;
        let body = format!("46\u{1e}{}", [MESSAGE; 5].join("\u{1e}"));
        let mut stream = begin_post(&socket, body.len()).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        answered(stream).await;
    })
    .await;
}

/// Floods a session by one request, piece by piece, while something else is done to it.
async fn flood_beside(socket: &PollingSocket, other: impl Future<Output = ()>) {
    let body = [MESSAGE; 200].join("\u{1e}");
    let mut stream = begin_post(socket, body.len()).await;
    let flooding = async {
        for piece in body.as_bytes().chunks(400) {
            if stream.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        answered(stream).await;
    };
    let other = async {
        sleep(Duration::from_millis(5)).await;
        other.await;
    };
    tokio::join!(flooding, other);
}

#[tokio::test]
async fn a_disconnect_beside_a_running_request_holds_nobody_up() {
    unfelt(|port, _| async move {
        let socket = PollingSocket::connect(port).await;
        let ending = async {
            let mut stream = begin_post(&socket, 2).await;
            stream.write_all(b"41").await.unwrap();
            answered(stream).await;
        };
        flood_beside(&socket, ending).await;
    })
    .await;
}

#[tokio::test]
async fn a_flooded_socket_that_is_taken_over_holds_nobody_up() {
    unfelt(|port, round| async move {
        let room = format!("room of {round}");
        let socket = PollingSocket::join(port, &room, "mallory").await;
        let mut other = Socket::connect(port).await;
        let taking_over = async {
            let again = json!({"id": "id of mallory", "username": "mallory", "roomname": room});
            other.call("reconnect", again).await;
        };
        flood_beside(&socket, taking_over).await;
    })
    .await;
}
