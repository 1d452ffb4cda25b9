//! The wire contract over a raw WebSocket, against a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chatroom_testkit::Socket;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::class::{class, pair};

#[tokio::test]
async fn a_drop_and_a_resume_renegotiate_to_the_end() {
    let class = class(&[]);
    let port = class.server.port;
    let ((mut ann, ann_id), (bo, bo_id)) = pair(port, "lesson").await;
    bo.vanish();
    let (mut bo, seat) = Socket::resume(port, "lesson", "bo").await;
    assert_eq!((&seat["memberId"], &seat["resumed"]), (&bo_id, &json!(true)), "{seat}");
    let asked = ann.expect("reconnect").await;
    assert_eq!(
        asked,
        json!({"type": "getOffer", "connectorId": "a1", "memberId": bo_id})
    );
    ann.emit(
        "reconnectWork",
        json!({"type": "offer", "data": 1, "connectorId": "a1", "memberId": bo_id}),
    )
    .await;
    let offer = bo.expect("reconnect").await;
    assert_eq!(
        offer,
        json!({"type": "offer", "data": 1, "connectorId": "b1", "memberId": ann_id})
    );
    bo.emit(
        "reconnectWork",
        json!({"type": "answer", "data": 2, "connectorId": "b1", "memberId": ann_id}),
    )
    .await;
    let answer = ann.expect("reconnect").await;
    assert_eq!(
        answer,
        json!({"type": "answer", "data": 2, "connectorId": "a1", "memberId": bo_id})
    );
    bo.emit("leave", json!([{"remoteConnectorId": "a1", "memberId": ann_id}]))
        .await;
    assert_eq!(
        ann.expect("leave").await,
        json!({"connectorId": "a1", "memberId": bo_id})
    );
    assert_eq!(ann.events_so_far().await, []);
}

#[tokio::test]
async fn two_thousand_candidates_arrive_in_order_both_ways() {
    let class = class(&[]);
    let ((mut ann, ann_id), (mut bo, bo_id)) = pair(class.server.port, "lesson").await;
    for number in 0..2_000 {
        ann.emit(
            "icecandidate",
            json!({"remoteConnectorId": "b1", "memberId": bo_id, "candidate": number}),
        )
        .await;
        bo.emit(
            "icecandidate",
            json!({"remoteConnectorId": "a1", "memberId": ann_id, "candidate": number}),
        )
        .await;
    }
    for number in 0..2_000 {
        assert_eq!(
            bo.expect("icecandidate").await,
            json!({"connectorId": "b1", "candidate": number})
        );
        assert_eq!(
            ann.expect("icecandidate").await,
            json!({"connectorId": "a1", "candidate": number})
        );
    }
}

#[tokio::test]
async fn garbage_harms_nobody_else() {
    let class = class(&[]);
    let port = class.server.port;
    let ((mut ann, ann_id), (mut bo, bo_id)) = pair(port, "lesson").await;
    let long = format!("42[\"{}\"]", "x".repeat(100_000));
    let deep = format!("42[\"join\",{}{}]", "[".repeat(10_000), "]".repeat(10_000));
    let frames = [
        "",
        "4",
        "42",
        "42{",
        "42[]",
        "42[1]",
        "42[\"join\"",
        "42[null,{}]",
        "42/other,[\"join\",{}]",
        "43",
        "4399[]",
        "41/other,",
        "45-[\"join\"]",
        "451-[\"join\",{\"_placeholder\":true,\"num\":0}]",
        "46",
        "47",
        "5",
        "6",
        "7x",
        "9",
        "é",
        "40/",
        "40",
        "42[\"join\",{\"id\":1}]",
        "42[\"leave\"]",
        "42[\"offer\",[]]",
        &long,
        &deep,
    ];
    for frame in frames.iter().cycle().take(300) {
        let mut socket = Socket::connect(port).await;
        let _ = socket.send(frame).await;
        let _ = socket.send_binary(frame.as_bytes()).await;
        socket.vanish();
    }
    ann.emit(
        "icecandidate",
        json!({"remoteConnectorId": "b1", "memberId": bo_id, "candidate": "still"}),
    )
    .await;
    assert_eq!(bo.expect("icecandidate").await["candidate"], "still");
    bo.emit(
        "icecandidate",
        json!({"remoteConnectorId": "a1", "memberId": ann_id, "candidate": "here"}),
    )
    .await;
    assert_eq!(ann.expect("icecandidate").await["candidate"], "here");
}

#[tokio::test]
async fn what_is_sent_before_a_join_is_dropped_by_it_and_past_a_limit_refused() {
    let class = class(&[]);
    let port = class.server.port;
    let (mut ann, seat) = Socket::join(port, "lesson", "ann").await;
    let mut bo = Socket::connect(port).await;
    let offer = |number| json!({"connectorId": "b1", "memberId": seat["memberId"], "offer": number});
    for number in 0..66 {
        bo.emit("offer", offer(number)).await;
    }
    for _ in 0..2 {
        let error = bo.expect("error").await;
        assert_eq!(
            (&error["type"], &error["event"]),
            (&json!("notJoined"), &json!("offer"))
        );
    }
    bo.call("join", json!({"id": "b", "username": "bo", "roomname": "lesson"}))
        .await;
    // They spoke of no membership of his, and say nothing of it.
    ann.expect("getOffer").await;
    bo.call("offer", offer(66)).await;
    assert_eq!(ann.expect("offer").await["offer"], 66);
    assert_eq!((ann.events_so_far().await, bo.events_so_far().await), (vec![], vec![]));
}

/// The library says "connected" a moment before it is: a busy machine makes that moment long enough to be hit.
#[tokio::test]
async fn a_client_that_speaks_at_once_is_heard_on_a_busy_machine() {
    let class = class(&[]);
    let port = class.server.port;
    let busy = Arc::new(AtomicBool::new(true));
    for _ in 0..6 {
        let busy = busy.clone();
        std::thread::spawn(move || while busy.load(Ordering::Relaxed) {});
    }
    for round in 0..30 {
        let rooms: Vec<_> = (0..6).map(|number| format!("room {number} of round {round}")).collect();
        join_all(rooms.iter().map(|room| pair(port, room))).await;
    }
    busy.store(false, Ordering::Relaxed);
}
