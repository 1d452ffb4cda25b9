//! A member whose client takes nothing any more: away at once, resumable at any time, and at a bounded cost.
#![cfg(target_os = "linux")]

use std::time::Duration;

use chatroom_testkit::{PollingSocket, Socket};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::history::History;
use crate::support::narrow::narrow_member;
use crate::support::proxy::Proxy;
use crate::support::server::{Server, program};
use crate::support::vitals::eventually;

/// More than the server lets wait for a client, and than the kernel takes off it.
const TOO_MUCH: usize = 48 * 1024 * 1024;
/// How much more memory than that may be in use: what the kernel's side and the sender's way cost.
const BOUND: usize = 32 * 1024 * 1024;

/// A sender of tens of megabytes, one after the other, is not cut for its speed: how fast that is depends on the machine.
const FAST_SENDERS: (&str, &str) = ("BYTES_PER_SOCKET", "0");

fn candidate(to: &Value, candidate: impl Into<Value>) -> Value {
    json!({"remoteConnectorId": "c", "memberId": to, "candidate": candidate.into()})
}

/// Sends to Bo, who does not read, until he is away: no more than that, as his mailbox takes few such letters.
async fn fill(server: &Server, sender: &mut Socket, to: &Value) {
    let letter = "x".repeat(64 * 1024);
    for _ in 0..TOO_MUCH / letter.len() {
        sender.call("icecandidate", candidate(to, letter.as_str())).await;
        let standing = server.request("/api/v1/recovery?roomname=lesson", "authorization: Bearer id of bo\r\n");
        let standing = standing.unwrap();
        assert!(standing.contains("\"resumable\":true"), "{standing}");
        if !standing.contains("\"resumableForMs\":null") {
            return;
        }
    }
    panic!("everything was taken for a client that does not read");
}

#[tokio::test]
async fn a_stalled_member_is_away_at_once_and_resumes_beside_its_stuck_socket() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_unread(
        program(folder.path(), &[("MAX_WAITING_PER_PAIR", "0")]),
        &folder.path().join("log"),
    );
    let (mut ann, ann_seat) = Socket::join(server.port, "lesson", "ann").await;
    let (mut stuck, seat) = narrow_member(server.port, "lesson", "bo").await;
    ann.expect("getOffer").await;
    stuck.offer_to(&ann_seat["memberId"]).await;
    // Not by the stall alone, which takes 20 s: by then all of it would have been taken.
    fill(&server, &mut ann, &seat["memberId"]).await;
    ann.call("icecandidate", candidate(&seat["memberId"], "marker")).await;

    let (mut bo, again) = Socket::resume(server.port, "lesson", "bo").await;
    assert_eq!(
        (&again["memberId"], &again["resumed"]),
        (&seat["memberId"], &json!(true))
    );
    while bo.expect("icecandidate").await["candidate"] != "marker" {}
    ann.call("icecandidate", candidate(&seat["memberId"], "next")).await;
    assert_eq!(bo.expect("icecandidate").await["candidate"], "next");

    // The old socket comes to life again: its client learns that it is none any more.
    stuck.closed().await;
    ann.call("icecandidate", candidate(&seat["memberId"], "last")).await;
    assert_eq!(bo.expect("icecandidate").await["candidate"], "last");

    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let mut history = History::of(folder.path()).await;
    history.check().await;
    let told: Vec<_> = history
        .events(0)
        .await
        .into_iter()
        .filter(|event| event.username.as_deref() == Some("bo"))
        .map(|event| (event.kind, event.detail["why"].clone()))
        .collect();
    assert_eq!(told[1], ("disconnected".to_owned(), json!("stalled")));
    assert_eq!(told[2].0, "reconnected");
}

#[tokio::test]
async fn a_reader_that_falls_too_far_behind_costs_a_bounded_sum() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_unread(
        program(folder.path(), &[("MAX_WAITING_PER_PAIR", "0"), FAST_SENDERS]),
        &folder.path().join("log"),
    );
    let (mut ann, ann_seat) = Socket::join(server.port, "lesson", "ann").await;
    let (mut stuck, seat) = narrow_member(server.port, "lesson", "bo").await;
    let polling = PollingSocket::join(server.port, "lesson", "cy").await;
    let letter = "x".repeat(900_000);
    let requests = ann.events_so_far().await;
    let peers = [&seat["memberId"], &requests[1].1["memberId"]];
    stuck.offer_to(&ann_seat["memberId"]).await;
    polling.offer_to(&ann_seat["memberId"]).await;
    let before = server.memory();
    for to in peers {
        for _ in 0..TOO_MUCH / letter.len() {
            ann.call("icecandidate", candidate(to, letter.as_str())).await;
        }
    }
    let grown = server.most_memory() - before;
    println!("{} MiB for two stalled readers", grown / 1024 / 1024);
    assert!(grown < 2 * BOUND, "{grown} bytes more");
    // A polling client that comes back later is told to connect anew.
    assert_eq!(polling.poll().await.0, 400);
}

#[tokio::test]
async fn whoever_reads_is_never_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_unread(program(folder.path(), &[FAST_SENDERS]), &folder.path().join("log"));
    let (mut ann, ann_seat) = Socket::join(server.port, "lesson", "ann").await;
    let (mut direct, _) = Socket::join(server.port, "lesson", "direct").await;
    let mut upgraded = PollingSocket::join(server.port, "lesson", "upgraded")
        .await
        .upgrade()
        .await;
    let polling = PollingSocket::join(server.port, "lesson", "polling").await;
    let requests = ann.events_so_far().await;
    direct.offer_to(&ann_seat["memberId"]).await;
    upgraded.offer_to(&ann_seat["memberId"]).await;
    polling.offer_to(&ann_seat["memberId"]).await;
    let letter = "x".repeat(300_000);
    for number in 0..TOO_MUCH / 2 / letter.len() {
        for (_, request) in &requests {
            let payload = candidate(&request["memberId"], format!("{number} {letter}"));
            ann.call("icecandidate", payload).await;
        }
        let expected = format!("{number} ");
        for socket in [&mut direct, &mut upgraded] {
            // Those that joined later have asked nobody else.
            let mut event = socket.event().await;
            while event.0 == "getOffer" {
                event = socket.event().await;
            }
            assert!(event.1["candidate"].as_str().unwrap().starts_with(&expected));
        }
        assert!(polling.poll().await.1[0].contains(&expected));
    }
}

#[tokio::test]
async fn a_member_behind_a_frozen_wire_resumes_and_the_old_connection_goes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_unread(program(folder.path(), &[]), &folder.path().join("log"));
    let proxy = Proxy::to(server.port).await;
    let (mut ann, ann_seat) = Socket::join(server.port, "lesson", "ann").await;
    let before = server.sockets();
    let (_frozen, seat) = Socket::join(proxy.port, "lesson", "bo").await;
    let (_frozen_too, _) = Socket::join(proxy.port, "lesson", "cy").await;
    proxy.freeze();
    let (mut bo, again) = Socket::resume(server.port, "lesson", "bo").await;
    assert_eq!(
        (&again["memberId"], &again["resumed"]),
        (&seat["memberId"], &json!(true))
    );
    bo.offer_to(&ann_seat["memberId"]).await;
    ann.call("icecandidate", candidate(&seat["memberId"], "here")).await;
    while bo.event().await.1["candidate"] != "here" {}
    // The kernel behind the wire still takes what is sent: the missing pongs tell.
    let waiting = eventually("the frozen connections are closed", Duration::from_secs(50), || {
        server.sockets() == before + 1
    });
    let end = Instant::now() + Duration::from_secs(60);
    let waited = tokio::select! {
        waited = waiting => waited,
        _ = futures_util::future::join(ann.listen_until(end), bo.listen_until(end)) => panic!("the others lost theirs"),
    };
    println!("closed after {waited:?}");
}
