//! What a client may send, and what the server keeps of it.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chatroom_testkit::frame::{PONG, TEXT, TEXT_BEGINS, frame};
use chatroom_testkit::{ANSWER_TIMEOUT, PollingSocket, SOCKET_IO, Socket, WebSocket, upgrade_request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::server::{Server, program};
use crate::support::vitals::eventually;

const MIB: usize = 1 << 20;

/// A WebSocket's connection, to send whatever bytes over.
async fn open(port: u16) -> TcpStream {
    let address = ([127, 0, 0, 1], port).into();
    WebSocket::open(address, SOCKET_IO).await.unwrap().into_stream()
}

/// Waits until the server has ended it.
async fn ended(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = timeout(ANSWER_TIMEOUT, stream.read_to_end(&mut rest))
        .await
        .expect("still open");
}

#[tokio::test]
async fn a_socket_that_repeats_its_connect_is_cut_before_it_costs_anything() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[]));
    let mut member = Socket::join(server.port, "lesson", "Ann").await.0;
    let before = server.most_memory();
    let connects = frame(TEXT, b"40").repeat(10_000);
    for _ in 0..4 {
        let mut stream = open(server.port).await;
        let sending = async { while stream.write_all(&connects).await.is_ok() {} };
        timeout(ANSWER_TIMEOUT, sending).await.expect("it is still read");
    }
    let grown = server.most_memory() - before;
    assert!(grown < 16 * MIB, "{} MiB more", grown / MIB);
    let seat = member
        .call("reconnect", json!({"id": "x", "roomname": "elsewhere"}))
        .await;
    assert!(seat.is_object(), "others are served");
}

#[tokio::test]
async fn frames_behind_a_handshake_pass_nobody_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[]));
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let upgrade = upgrade_request(stream.peer_addr().unwrap(), SOCKET_IO);
    let sent = [upgrade.as_bytes(), &frame(TEXT, b"40").repeat(500), b"\r\n\r\n"].concat();
    stream.write_all(&sent).await.unwrap();
    let mut answer = String::new();
    timeout(ANSWER_TIMEOUT, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("before it is answered"),
        "{answer}"
    );
}

#[tokio::test]
async fn nothing_is_kept_of_a_large_message() {
    let folder = tempfile::tempdir().unwrap();
    let limits = [("MAX_UNJOINED_PER_ADDRESS", "0"), ("READS_PER_ADDRESS", "0")];
    let server = Server::start(program(folder.path(), &limits));
    let large = format!("42[\"x\",\"{}\"]", "x".repeat(990_000));
    let mut sockets = vec![Socket::connect(server.port).await];
    sockets[0].send(&large).await.unwrap();
    sockets[0].expect("error").await;
    let before = server.memory();
    for _ in 0..60 {
        let mut socket = Socket::connect(server.port).await;
        socket.send(&large).await.unwrap();
        socket.expect("error").await;
        sockets.push(socket);
    }
    let kept = || server.memory().saturating_sub(before);
    eventually("their memory is given back", ANSWER_TIMEOUT, || kept() < 10 * MIB).await;
}

#[tokio::test]
async fn unfinished_messages_of_one_address_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[("MAX_HELD_PER_ADDRESS", "1MiB")]));
    let (mut ann, _) = Socket::join(server.port, "lesson", "Ann").await;
    let cut = Arc::new(AtomicUsize::default());
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let mut stream = open(server.port).await;
        let cut = cut.clone();
        streams.spawn(async move {
            let unfinished = frame(TEXT_BEGINS, &[b'x'; 300_000]);
            // One of those before may be cut by this one, or this one.
            let _ = stream.write_all(&unfinished).await;
            // The engine's own greeting comes first.
            let mut read = [0; 4096];
            while !matches!(stream.read(&mut read).await, Ok(0) | Err(_)) {}
            cut.fetch_add(1, Ordering::Relaxed);
        });
    }
    eventually("most are cut", ANSWER_TIMEOUT, || cut.load(Ordering::Relaxed) >= 9).await;
    assert_eq!(
        ann.call("leave", json!([])).await["ok"],
        true,
        "a member is never cut for it"
    );
}

#[tokio::test]
async fn what_one_address_has_waiting_in_mailboxes_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[("MAX_HELD_PER_ADDRESS", "256KiB")]));
    let (ann, seat) = Socket::join(server.port, "lesson", "Ann").await;
    let mut senders = Vec::new();
    for number in 0..8 {
        senders.push(Socket::join(server.port, "lesson", &format!("Sender {number}")).await.0);
    }
    ann.vanish();
    let is_away = || {
        server
            .ask_as_reviewer("/api/v1/rooms/lesson")
            .unwrap()
            .contains("\"away\"")
    };
    eventually("Ann is away", ANSWER_TIMEOUT, is_away).await;
    for sender in &mut senders {
        let offer = json!({"type": "offer", "sdp": "x".repeat(60_000)});
        let relay = json!({"connectorId": "c", "offer": offer, "memberId": seat["memberId"], "streamType": "user"});
        assert_eq!(sender.call("offer", relay).await["ok"], true);
    }
    let (mut ann, seat) = Socket::resume(server.port, "lesson", "Ann").await;
    assert_eq!(seat["resumed"], true);
    let events = ann.events_so_far().await;
    let offers = events.iter().filter(|(name, _)| name == "offer").count();
    assert!((2..=4).contains(&offers), "{offers} of 8 fit");
    let asked = senders.iter_mut().map(async |sender| sender.events_so_far().await);
    let asked = futures_util::future::join_all(asked).await;
    let is_asked = |(name, payload): &(String, Value)| name == "getOffer" && payload["memberId"] == seat["memberId"];
    let anew = asked.iter().filter(|events| events.iter().any(is_asked)).count();
    assert_eq!(anew, 8 - offers, "whose did not fit are asked to offer again");
}

#[tokio::test]
async fn who_sends_without_end_is_read_slowly_and_then_cut() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[("MESSAGES_PER_SOCKET", "50")]));
    let pongs = frame(PONG, b"").repeat(1_000);
    // The server counts from when the socket opened.
    let start = std::time::Instant::now();
    let (read, mut write) = open(server.port).await.into_split();
    let sending = async { while write.write_all(&pongs).await.is_ok() {} };
    timeout(Duration::from_secs(30), sending).await.expect("still open");
    assert!(
        start.elapsed() >= Duration::from_secs(10),
        "cut too soon: {:?}",
        start.elapsed()
    );
    ended(read.reunite(write).unwrap()).await;
}

#[tokio::test]
async fn a_body_of_many_packets_counts_as_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[]));
    let socket = PollingSocket::open(server.port).await;
    let (status, text) = socket.try_post(["40"; 1_000].join("\x1e")).await;
    assert!(status == 429 && text.contains("MESSAGES_PER_SOCKET"), "{status} {text}");
    let socket = PollingSocket::connect(server.port).await;
    assert_eq!(
        socket.try_post(["3"; 1_200].join("\x1e")).await.0,
        200,
        "a mesh's burst passes"
    );
    let start = std::time::Instant::now();
    assert_eq!(socket.try_post(["3"; 6_500].join("\x1e")).await.0, 200);
    assert!(start.elapsed() >= Duration::from_secs(1), "the rest is read slowly");
}
