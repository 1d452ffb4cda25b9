//! What is asked of a room, or done to it, at a node that does not have it.
#![cfg(unix)]

use std::time::{Duration, Instant};

use chatroom_testkit::Socket;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::acts::act;
use crate::support::cluster::Cluster;
use crate::support::follower::Follower;
use crate::support::metrics::Metrics;
use crate::support::server::{Server, TOKEN, said};

fn asked_by(server: &Server, path: &str, id: &str) -> (u16, Value) {
    let answer = server
        .request(path, &format!("authorization: Bearer {id}\r\n"))
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The cookie of a reviewer who signs in there: the requests of these tests name no port, so it has one name at all nodes.
fn signed_in(server: &Server) -> String {
    let answer = server.ask(&format!("/review?token={TOKEN}")).unwrap();
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    format!("cookie: {}\r\n", cookie.unwrap().split(';').next().unwrap())
}

#[tokio::test]
async fn who_follows_one_node_hears_at_once_of_what_another_writes() {
    let cluster = Cluster::new().await;
    let (one, two) = (cluster.start(1), cluster.start(2));
    let follower = Follower::of(0, watch::channel(vec![two.port]).1);
    cluster.until_logged(1, "linked with another node").await;
    let entries = "select coalesce(string_agg(seq::text, ',' order by seq), '') from chatroom.event";
    let mut members = Vec::new();
    let mut waited = Duration::ZERO;
    for number in 0..6 {
        // Just after an entry followers look often.
        tokio::time::sleep(Duration::from_millis(300)).await;
        members.push(Socket::join(one.port, "lesson", &format!("Ann {number}")).await);
        let (written, joined) = (cluster.text(entries).await, Instant::now());
        while follower.seen() != written {
            assert!(
                joined.elapsed() < Duration::from_secs(60),
                "{written}: {}",
                follower.seen()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        waited += joined.elapsed();
    }
    // Without a hint they look after a second.
    println!("waited {waited:?}");
    assert!(waited < Duration::from_secs(3), "{waited:?}");
}

#[tokio::test]
async fn every_node_answers_for_all_rooms() {
    let cluster = Cluster::new().await;
    let turn = [
        ("ICE_SERVERS", "turn:turn.example:3478"),
        ("TURN_SECRET", "a-secret-of-the-turn-servers-"),
    ];
    let (one, two) = (cluster.start_with(1, &turn), cluster.start_with(2, &turn));
    let (mut ann, seat) = Socket::join(one.port, "lesson", "Ann").await;
    let (mut bo, _) = Socket::join(two.port, "lesson", "Bo").await;
    ann.expect("getOffer").await;
    for (name, is_taken) in [("Ann", true), ("Bo", true), ("Cy", false)] {
        for node in [&one, &two] {
            let path = format!("/checkUsername?username={name}&roomname=lesson");
            assert_eq!(asked_by(node, &path, "x").1["isRepeat"], is_taken, "{name}");
        }
    }
    // Nor does a room become anybody's by being asked for.
    assert_eq!(
        asked_by(&two, "/checkUsername?username=Ann&roomname=none", "x").1["isRepeat"],
        false
    );
    assert_eq!(cluster.text("select count(*)::text from chatroom.room").await, "1");

    let recovery = "/api/v1/recovery?roomname=lesson";
    let (status, found) = asked_by(&two, recovery, "id of Ann");
    assert_eq!((status, &found["resumable"]), (200, &json!(true)), "{found}");
    assert_eq!(found["memberId"], seat["memberId"], "{found}");
    assert_eq!(asked_by(&two, recovery, "id of nobody").1, json!({"resumable": false}));
    let (_, ice) = asked_by(&two, "/api/v1/ice-servers?roomname=lesson", "id of Ann");
    assert!(ice["iceServers"].to_string().contains("credential"), "{ice}");

    let remove = json!({"username": "Bo", "minutes": 5});
    assert_eq!(act(&two, "lesson", "remove", remove), (204, Value::Null));
    assert_eq!(bo.expect("error").await["type"], "removed");
    assert_eq!(act(&two, "lesson", "lock", json!({"locked": true})), (204, Value::Null));
    let (status, problem) = act(&two, "lesson", "remove", json!({"username": "Zoe", "minutes": 5}));
    assert_eq!((status, &problem["code"]), (409, &json!("notInRoom")));
    let (_, room) = asked_by(&two, "/api/v1/rooms/lesson", TOKEN);
    assert_eq!(
        (&room["locked"], &room["keptOut"][0]["username"]),
        (&json!(true), &json!("Bo")),
        "{room}"
    );
    let rooms = two.request("/review/rooms", &signed_in(&two)).unwrap();
    assert!(rooms.contains("lesson") && rooms.contains("Bo"), "{rooms}");
    assert_eq!(
        cluster
            .text(
                "select string_agg(detail::json ->> 'what', ',' order by seq) from chatroom.event where kind = 'action'"
            )
            .await,
        "removed,locked"
    );
}

#[tokio::test]
async fn who_signs_out_at_one_node_is_signed_out_at_all() {
    let cluster = Cluster::new().await;
    let (one, two) = (cluster.start(1), cluster.start(2));
    let cookie = signed_in(&one);
    let is_in = |node: &Server| {
        node.request("/review/rooms", &cookie)
            .unwrap()
            .starts_with("HTTP/1.1 200")
    };
    assert!(is_in(&one) && is_in(&two));
    let headers = format!("{cookie}sec-fetch-site: same-origin\r\ncontent-length: 0\r\n");
    let answer = one.exchange("POST", "/review/sign-out", &headers, "").unwrap();
    assert!(!is_in(&one), "{answer}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while is_in(&two) {
        assert!(Instant::now() < deadline, "it is still good at the other node");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_each_node_has_with_the_others_is_counted_and_listed() {
    let cluster = Cluster::new().await;
    let listen = [("METRICS_LISTEN", "0")];
    let (mut one, two) = (cluster.start_with(1, &listen), cluster.start_with(2, &listen));
    let (mut ann, _) = Socket::join(one.port, "lesson", "Ann").await;
    let (_bo, _) = Socket::join(two.port, "lesson", "Bo").await;
    ann.expect("getOffer").await;
    let of = |node: &Server, name: &str| Metrics::of(node).get(&format!("chatroom_cluster_{name}"));
    for (node, name, is) in [
        (&one, "epoch", 1.0),
        (&one, "rooms", 1.0),
        (&two, "rooms", 0.0),
        (&two, "takeovers_total", 0.0),
    ] {
        assert_eq!(of(node, name), is, "{name}");
    }
    for (node, name) in [
        (&one, "lease_left_seconds"),
        (&one, "links{direction=\"in\"}"),
        (&one, "forwarded_total{direction=\"in\"}"),
        (&two, "links{direction=\"out\"}"),
        (&two, "forwarded_total{direction=\"out\"}"),
    ] {
        assert!(of(node, name) > 0.0, "{name}");
    }
    let listed = || {
        let mut command = cluster.command(9, &[]);
        let (code, text) = said(&command.arg("nodes").output().unwrap());
        assert_eq!(code, Some(0), "{text}");
        text
    };
    let text = listed();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 2 && lines.iter().all(|line| line.contains(" live ")),
        "{text}"
    );
    assert!(lines[0].contains("rooms 1 ") && lines[1].contains("rooms 0 "), "{text}");
    one.signal("TERM");
    one.exit_code();
    assert!(listed().starts_with("node 1    stopped"), "{}", listed());
    let (_ann, back) = Socket::resume(two.port, "lesson", "Ann").await;
    assert_eq!(back["resumed"], true, "{back}");
    assert_eq!(of(&two, "takeovers_total"), 1.0);
}
