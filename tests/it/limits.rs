//! How much one client, one address or one room may do, and what whoever does more is told.
//!
//! All of these tests come from one address; what has to be told apart is a socket, a room or a member.

use std::time::Duration;

use chatroom_testkit::{ANSWER_TIMEOUT, PollingSocket, Socket};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::class::{class, pair};
use crate::support::history::History;

fn me(name: &str, room: &str) -> Value {
    json!({"id": format!("id of {name}"), "username": name, "roomname": room})
}

fn candidate(to: &Value, candidate: impl Into<Value>) -> Value {
    candidate_for("c", to, candidate)
}

fn candidate_for(connector: &str, to: &Value, candidate: impl Into<Value>) -> Value {
    json!({"remoteConnectorId": connector, "memberId": to, "candidate": candidate.into()})
}

/// The type of the error that a callback got.
fn error(answer: &Value) -> &str {
    answer["error"]["type"].as_str().unwrap_or("none")
}

fn message(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn before_a_join_a_message_is_small_and_few_are_held() {
    let class = class(&[]);
    let port = class.server.port;
    let (mut ann, seat) = Socket::join(port, "lesson", "ann").await;
    let (bo, bo_seat) = Socket::join(port, "lesson", "bo").await;
    ann.offer_to(&bo_seat["memberId"]).await;
    ann.expect("getOffer").await;
    bo.vanish();
    let mut bo = Socket::connect(port).await;
    let large = "x".repeat(70_000);
    for event in ["icecandidate", "join", "chat"] {
        let answer = bo.call(event, json!({"id": large})).await;
        assert_eq!(error(&answer), "invalid", "{event}");
        assert!(message(&answer).contains("64 KiB"), "{answer}");
    }
    let letter = "x".repeat(60_000);
    for _ in 0..5 {
        bo.emit("icecandidate", candidate(&seat["memberId"], letter.as_str()))
            .await;
    }
    // The fifth is past the 256 KiB.
    while bo.expect("error").await["type"] != "notJoined" {}
    let back = bo.call("reconnect", me("bo", "lesson")).await;
    assert_eq!(back["resumed"], true, "the connection stays");
    for _ in 0..4 {
        ann.expect("icecandidate").await;
    }
    // A member may send large ones.
    bo.offer_to(&seat["memberId"]).await;
    let answer = ann.call("icecandidate", candidate(&bo_seat["memberId"], large)).await;
    assert_eq!(answer["ok"], true);
}

#[tokio::test]
async fn joins_of_one_socket_are_few_and_the_member_stays() {
    let class = class(&[("JOINS_PER_SOCKET", "3")]);
    let (mut ann, seat) = Socket::join(class.server.port, "lesson", "ann").await;
    for _ in 0..2 {
        assert_eq!(ann.call("join", me("ann", "lesson")).await["ok"], true);
    }
    let refused = ann.call("join", me("ann", "elsewhere")).await;
    assert_eq!(error(&refused), "rateLimited");
    assert!(message(&refused).contains("joined too often"), "{refused}");
    let (_, bo) = Socket::join(class.server.port, "lesson", "bo").await;
    assert_eq!(
        bo["members"][0]["memberId"], seat["memberId"],
        "a refused join changes nothing"
    );
}

#[tokio::test]
async fn joins_of_one_address_are_few_but_whoever_was_in_comes_back() {
    let class = class(&[("JOINS_PER_ADDRESS", "2")]);
    let port = class.server.port;
    let (ann, seat) = Socket::join(port, "lesson", "ann").await;
    let (_bo, _) = Socket::join(port, "another lesson", "bo").await;
    let mut cy = Socket::connect(port).await;
    let refused = cy.call("join", me("cy", "lesson")).await;
    assert_eq!(error(&refused), "rateLimited");
    assert!(message(&refused).contains("network address"), "{refused}");
    let refused = cy.call("reconnect", me("cy", "lesson")).await;
    assert_eq!(error(&refused), "rateLimited", "a resume of nothing is a join");
    ann.vanish();
    for _ in 0..5 {
        let (ann, again) = Socket::resume(port, "lesson", "ann").await;
        assert_eq!(
            (&again["memberId"], &again["resumed"]),
            (&seat["memberId"], &json!(true))
        );
        ann.vanish();
    }
}

#[tokio::test]
async fn as_many_sockets_of_one_address_are_in_a_class_as_may_be_and_whoever_was_in_comes_back() {
    let class = class(&[("MAX_CONNECTIONS_PER_ADDRESS", "2")]);
    let port = class.server.port;
    let (_ann, seat) = Socket::join(port, "lesson", "ann").await;
    let (mut bo, _) = Socket::join(port, "lesson", "bo").await;
    let mut cy = Socket::connect(port).await;
    for event in ["join", "reconnect"] {
        let refused = cy.call(event, me("cy", "lesson")).await;
        assert_eq!(error(&refused), "rateLimited");
        assert!(message(&refused).contains("are in a class"), "{refused}");
    }
    assert_eq!(bo.call("join", me("bo", "another lesson")).await["ok"], true);
    // Whoever is in no class any more takes nobody's place, also if the transport stays.
    bo.send("41").await.unwrap();
    bo.send("40").await.unwrap();
    while !bo.frame().await.unwrap().starts_with("40") {}
    assert_eq!(cy.call("join", me("cy", "lesson")).await["ok"], true);
    let (_ann_again, back) = Socket::resume(port, "lesson", "ann").await;
    assert_eq!((&back["memberId"], &back["resumed"]), (&seat["memberId"], &json!(true)));
}

#[tokio::test]
async fn rooms_of_one_address_are_few_but_those_there_are_take_joins() {
    let class = class(&[("ROOMS_PER_ADDRESS", "2")]);
    let port = class.server.port;
    let (_ann, _) = Socket::join(port, "lesson", "ann").await;
    let (_bo, _) = Socket::join(port, "another lesson", "bo").await;
    let mut cy = Socket::connect(port).await;
    let refused = cy.call("join", me("cy", "a third lesson")).await;
    assert_eq!(error(&refused), "rateLimited");
    assert!(message(&refused).contains("rooms"), "{refused}");
    assert_eq!(cy.call("join", me("cy", "lesson")).await["ok"], true);
}

#[tokio::test]
async fn joins_of_one_room_are_few_and_other_rooms_go_on() {
    let class = class(&[("JOINS_PER_ROOM", "2")]);
    let port = class.server.port;
    let (_ann, _) = Socket::join(port, "lesson", "ann").await;
    let (_bo, _) = Socket::join(port, "lesson", "bo").await;
    let mut cy = Socket::connect(port).await;
    let refused = cy.call("join", me("cy", "lesson")).await;
    assert!(message(&refused).contains("this room"), "{refused}");
    assert_eq!(cy.call("join", me("cy", "another lesson")).await["ok"], true);
}

#[tokio::test]
async fn two_tabs_do_not_throw_each_other_out_for_ever() {
    let class = class(&[]);
    let port = class.server.port;
    let ((mut ann, _), (bo, bo_id)) = pair(port, "lesson").await;
    let mut tabs = vec![bo];
    for _ in 0..3 {
        let (tab, seat) = Socket::resume(port, "lesson", "bo").await;
        assert_eq!((&seat["memberId"], &seat["resumed"]), (&bo_id, &json!(true)));
        tabs.push(tab);
    }
    for event in ["reconnect", "join"] {
        let mut tab = Socket::connect(port).await;
        let refused = tab.call(event, me("bo", "lesson")).await;
        assert_eq!(error(&refused), "rateLimited");
        assert!(message(&refused).contains("two tabs"), "{refused}");
    }
    let mut sitting = tabs.pop().unwrap();
    while ann.events_so_far().await.iter().any(|(event, _)| event != "reconnect") {}
    ann.call("icecandidate", candidate_for("b1", &bo_id, "still here"))
        .await;
    while sitting.event().await.1["candidate"] != "still here" {}
    // Dropped in earnest, it comes back at once.
    sitting.vanish();
    let back = async {
        loop {
            let (_, seat) = Socket::resume(port, "lesson", "bo").await;
            if seat["resumed"] == true {
                return;
            }
        }
    };
    tokio::time::timeout(chatroom_testkit::ANSWER_TIMEOUT, back)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_refused_join_uses_up_no_takeover() {
    let class = class(&[("MAX_TAKEOVERS", "1"), ("JOINS_PER_SOCKET", "2")]);
    let port = class.server.port;
    let (_ann, (_bo, bo_id)) = pair(port, "lesson").await;
    let mut tab = Socket::connect(port).await;
    let as_ann = json!({"id": "id of bo", "username": "ann", "roomname": "lesson"});
    for refusal in ["repeat", "repeat", "rateLimited"] {
        assert_eq!(error(&tab.call("join", as_ann.clone()).await), refusal);
    }
    let (mut tab, seat) = Socket::resume(port, "lesson", "bo").await;
    assert_eq!(seat["memberId"], bo_id);
    assert_eq!(tab.call("join", me("bo", "lesson")).await["ok"], true);
    let mut other = Socket::connect(port).await;
    let refused = other.call("reconnect", me("bo", "lesson")).await;
    assert!(message(&refused).contains("two tabs"), "{refused}");
}

#[tokio::test]
async fn of_two_sockets_that_come_in_turns_without_waiting_one_stays() {
    let class = class(&[]);
    let port = class.server.port;
    for round in 0..20 {
        let event = ["join", "reconnect"][round % 2];
        // An id of its own each time: how often one is taken over is limited.
        let me = me(&format!("ann {round}"), "lesson");
        let (mut one, mut other) = (Socket::connect(port).await, Socket::connect(port).await);
        one.emit(event, me.clone()).await;
        other.emit(event, me.clone()).await;
        one.emit(event, me.clone()).await;
        let end = Instant::now() + ANSWER_TIMEOUT;
        while !one.was_cut_off && !other.was_cut_off {
            assert!(Instant::now() < end, "one of the two is cut off");
            for socket in [&mut one, &mut other] {
                socket.listen_until(Instant::now() + Duration::from_millis(5)).await;
            }
        }
        let mut sitting = if one.was_cut_off { other } else { one };
        let again = sitting.call("join", me).await;
        assert_eq!(again["ok"], true);
        assert!(sitting.events_so_far().await.iter().all(|(event, _)| event != "error"));
    }
}

#[tokio::test]
async fn a_flood_of_refusals_is_one_row() {
    let mut class = class(&[("REFUSALS_PER_SOCKET", "5")]);
    let port = class.server.port;
    let (mut ann, _) = Socket::join(port, "lesson", "ann").await;
    let mut stranger = Socket::connect(port).await;
    for socket in [&mut ann, &mut stranger] {
        for _ in 0..50 {
            let refused = socket.call("offer", json!({})).await;
            assert_eq!(error(&refused), "invalid", "everyone is told");
        }
    }
    class.server.signal("TERM");
    assert_eq!(class.server.exit_code(), Some(0));
    let mut history = History::of(class.folder.path()).await;
    history.check().await;
    let mut events = history.events(0).await;
    events.retain(|event| event.kind == "error");
    let (sums, listed): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.detail["count"].is_u64());
    assert_eq!(listed.len(), 10);
    let mut of_ann = 0;
    let mut of_others = 0;
    for sum in sums {
        let count = sum.detail["count"].as_u64().unwrap();
        if sum.username.as_deref() == Some("ann") {
            of_ann += count;
        } else {
            of_others += count;
        }
    }
    assert_eq!((of_ann, of_others), (45, 45));
}

#[tokio::test]
async fn one_member_cannot_flood_another_and_the_history_names_it() {
    let mut class = class(&[("RELAYS_PER_PAIR", "1")]);
    let port = class.server.port;
    let began = Instant::now();
    let ((mut ann, ann_id), (mut bo, bo_id)) = pair(port, "lesson").await;
    let mut passed = 1; // The offer of the pair.
    for number in 0..100 {
        let answer = ann.call("icecandidate", candidate_for("b1", &bo_id, number)).await;
        if answer["ok"] == true {
            passed += 1;
        } else {
            assert_eq!(error(&answer), "rateLimited");
        }
    }
    // Ten seconds' worth at once, and one a second.
    let at_most = 11 + began.elapsed().as_secs();
    assert!((10..=at_most).contains(&passed), "{passed} of {at_most}");
    assert_eq!(
        bo.call("icecandidate", candidate_for("a1", &ann_id, "back")).await["ok"],
        true
    );
    class.server.signal("TERM");
    assert_eq!(class.server.exit_code(), Some(0));
    let mut history = History::of(class.folder.path()).await;
    let events = history.events(0).await;
    let error = events.iter().find(|event| event.kind == "error").unwrap();
    assert_eq!(
        (error.username.as_deref(), &error.detail["code"]),
        (Some("ann"), &json!("rateLimited"))
    );
}

#[tokio::test]
async fn a_mesh_of_thirty_passes() {
    let class = class(&[]);
    let port = class.server.port;
    let mut members = Vec::new();
    for number in 0..30 {
        members.push(Socket::join(port, "lesson", &format!("member {number}")).await);
    }
    let ids: Vec<Value> = members.iter().map(|(_, seat)| seat["memberId"].clone()).collect();
    // Each pair has a connection, and an end of it is called by its own number and the other's.
    for (number, (socket, _)) in members.iter_mut().enumerate() {
        for (other, id) in ids.iter().enumerate().skip(number + 1) {
            let connector = format!("{number} to {other}");
            let offer = json!({"connectorId": connector, "offer": 0, "memberId": id, "streamType": "user"});
            assert_eq!(socket.call("offer", offer).await["ok"], true);
        }
    }
    for (number, (socket, _)) in members.iter_mut().enumerate() {
        for (other, id) in ids.iter().enumerate().take(number) {
            let (own, others) = (format!("{number} to {other}"), format!("{other} to {number}"));
            let answer = json!({"remoteConnectorId": others, "connectorId": own, "answer": 0, "memberId": id});
            assert_eq!(socket.call("answer", answer).await["ok"], true);
        }
    }
    let bursts = members.into_iter().enumerate().map(|(number, (mut socket, _))| {
        let ids = &ids;
        async move {
            for burst in 0..40 {
                for (other, id) in ids.iter().enumerate() {
                    if other != number {
                        let connector = format!("{other} to {number}");
                        socket.emit("icecandidate", candidate_for(&connector, id, burst)).await;
                    }
                }
            }
            let mut heard = 0;
            while heard < 29 * 40 {
                let (event, payload) = socket.event().await;
                assert_ne!(event, "error", "{payload}");
                heard += usize::from(event == "icecandidate");
            }
        }
    });
    join_all(bursts).await;
}

/// 37 MiB of one member were once enough.
#[tokio::test]
async fn a_slow_reader_is_not_cut_for_what_one_other_sends() {
    let class = class(&[]);
    let port = class.server.port;
    let (mut ann, ann_seat) = Socket::join(port, "lesson", "ann").await;
    let polling = PollingSocket::join(port, "lesson", "bo").await;
    polling.offer_to(&ann_seat["memberId"]).await;
    let to = ann.expect("getOffer").await["memberId"].clone();
    let letter = "x".repeat(256 * 1024);
    let mut answers = Vec::new();
    for _ in 0..80 {
        answers.push(ann.call("icecandidate", candidate(&to, letter.as_str())).await);
    }
    let refused = answers.iter().filter(|answer| answer["ok"] != true).collect::<Vec<_>>();
    assert!(refused.len() > 60, "{}", refused.len());
    assert!(refused.iter().all(|answer| error(answer) == "rateLimited"));
    // Small ones are refused as well while they wait, and the sender is told, not the reader cut.
    for _ in 0..5_000 {
        ann.emit("icecandidate", candidate(&to, 1)).await;
    }
    ann.call("icecandidate", candidate(&to, 1)).await;
    let (status, frames) = polling.poll().await;
    assert_eq!(status, 200, "{}", frames.len());
    assert!(frames[0].contains("icecandidate"));
}
