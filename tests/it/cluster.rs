//! Several servers on one history in PostgreSQL, as members of their rooms meet them.
#![cfg(unix)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use chatroom_testkit::Socket;
use serde_json::{Value, json};

use crate::support::cluster::{Cluster, OWNER, SECRET, candidates};
use crate::support::server::said;
use crate::support::vitals::eventually;

/// Bo offers, Ann answers, and each has a way to the other.
async fn connect((ann, ann_id): (&mut Socket, &Value), (bo, bo_id): (&mut Socket, &Value)) {
    let offer = json!({"connectorId": "of Bo", "offer": {"sdp": "o"}, "memberId": ann_id, "streamType": "user"});
    assert_eq!(bo.call("offer", offer).await["ok"], true);
    let offer = ann.expect("offer").await;
    assert_eq!((&offer["memberId"], &offer["username"]), (bo_id, &json!("Bo")));
    let answer =
        json!({"remoteConnectorId": "of Bo", "connectorId": "of Ann", "answer": {"sdp": "a"}, "memberId": bo_id});
    assert_eq!(ann.call("answer", answer).await["ok"], true);
    let answer = bo.expect("answer").await;
    assert_eq!(answer["connectorId"], "of Bo");
    candidates(ann, bo, bo_id, "of Bo").await;
    candidates(bo, ann, ann_id, "of Ann").await;
}

#[tokio::test]
async fn members_at_different_nodes_are_in_one_room() {
    let cluster = Cluster::new().await;
    let (one, two, three) = (cluster.start(1), cluster.start(2), cluster.start(3));
    let (mut ann, ann_seat) = Socket::join(one.port, "lesson", "Ann").await;
    let (mut bo, bo_seat) = Socket::join(two.port, "lesson", "Bo").await;
    assert_eq!(ann_seat["sessionId"], bo_seat["sessionId"]);
    assert_eq!(bo_seat["members"].as_array().unwrap().len(), 2, "{bo_seat}");
    let asked = ann.expect("getOffer").await;
    assert_eq!(asked["memberId"], bo_seat["memberId"]);
    let (ann_id, bo_id) = (&ann_seat["memberId"], &bo_seat["memberId"]);
    connect((&mut ann, ann_id), (&mut bo, bo_id)).await;

    // Both ends elsewhere.
    let (mut cy, cy_seat) = Socket::join(three.port, "lesson", "Cy").await;
    assert_eq!(bo.expect("getOffer").await["memberId"], cy_seat["memberId"]);
    cy.offer_to(bo_id).await;
    bo.expect("offer").await;
    candidates(&mut bo, &mut cy, &cy_seat["memberId"], "c").await;

    // What is refused is told there too, and to its callback.
    let refused = cy.call("offer", json!({"connectorId": "d", "memberId": bo_id})).await;
    assert_eq!(refused["error"]["message"], "offer is missing.", "{refused}");
    assert_eq!(cy.expect("error").await["event"], "offer");
    let (other, refused) = (
        Socket::connect(two.port).await,
        json!({"id": "of another", "username": "Ann", "roomname": "lesson"}),
    );
    let mut other = other;
    assert_eq!(other.call("join", refused).await["error"]["type"], "repeat");

    assert_eq!(
        bo.call("leave", json!([{"remoteConnectorId": "of Ann", "memberId": ann_id}]))
            .await["ok"],
        true
    );
    assert_eq!(ann.expect("getOffer").await["memberId"], cy_seat["memberId"]);
    assert_eq!(ann.expect("leave").await["memberId"], *bo_id);
    cy.vanish();
    cluster
        .until(
            "select string_agg(kind, ',') from chatroom.event where kind = 'disconnected'",
            "disconnected",
        )
        .await;
    assert_eq!(cluster.text(OWNER).await, "lesson 1");
    assert_eq!(cluster.text("select count(*)::text from chatroom.session").await, "1");
}

#[tokio::test]
async fn a_room_whose_node_is_killed_goes_on_at_another() {
    let cluster = Cluster::new().await;
    let (mut one, two) = (cluster.start(1), cluster.start(2));
    let (mut ann, ann_seat) = Socket::join(one.port, "lesson", "Ann").await;
    let (mut bo, bo_seat) = Socket::join(two.port, "lesson", "Bo").await;
    let (_dee, _) = Socket::join(one.port, "another", "Dee").await;
    let (mut eve, _) = Socket::join(two.port, "third", "Eve").await;
    ann.expect("getOffer").await;
    connect((&mut ann, &ann_seat["memberId"]), (&mut bo, &bo_seat["memberId"])).await;
    // Relays wait for nothing: of a link that is not written, nobody would know, and the two would be told to begin anew.
    let linked = "select count(*)::text from chatroom.link where answered_at is not null";
    cluster.until(linked, "1").await;
    let killed = Instant::now();
    one.signal("KILL");
    one.exit_code();
    ann.closed().await;
    assert!(bo.events_until_closed().await.is_empty(), "nobody is told of a leave");
    let (mut bo, bo_back) = Socket::resume(two.port, "lesson", "Bo").await;
    println!("answered {:?} after the kill", killed.elapsed());
    let (mut ann, ann_back) = Socket::resume(two.port, "lesson", "Ann").await;
    for (before, after) in [(&ann_seat, &ann_back), (&bo_seat, &bo_back)] {
        assert_eq!(after["resumed"], true, "{after}");
        assert_eq!(
            (&before["memberId"], &before["sessionId"]),
            (&after["memberId"], &after["sessionId"])
        );
        assert_eq!(after["members"].as_array().unwrap().len(), 2);
    }
    for socket in [&mut ann, &mut bo] {
        let told = socket.events_so_far().await;
        assert!(told.iter().all(|(name, _)| name == "reconnect"), "{told:?}");
    }
    candidates(&mut ann, &mut bo, &bo_seat["memberId"], "of Bo").await;
    cluster.until(OWNER, "another 2, lesson 2, third 2").await;
    assert_eq!(cluster.text("select count(*)::text from chatroom.session").await, "3");
    let kinds = cluster.kinds().await;
    assert!(kinds.contains("reconnected 2") && !kinds.contains("left"), "{kinds}");
    // In rooms of nodes that live nothing has happened.
    assert!(kinds.contains("disconnected 3"), "{kinds}");
    let away = "select string_agg(username, ',') from chatroom.member join chatroom.participant
                on participant.id = participant_id where away_until is not null";
    assert_eq!(cluster.text(away).await, "Dee");
    assert!(eve.events_so_far().await.is_empty());

    // It starts again, and is one of two again.
    let one = cluster.start(1);
    let (_cy, cy_seat) = Socket::join(one.port, "lesson", "Cy").await;
    assert_eq!(cy_seat["sessionId"], ann_seat["sessionId"]);
}

#[tokio::test]
async fn who_came_through_a_node_that_is_killed_comes_back_through_another() {
    let cluster = Cluster::new().await;
    let (one, mut two) = (cluster.start(1), cluster.start(2));
    let (mut ann, _) = Socket::join(one.port, "lesson", "Ann").await;
    let (bo, bo_seat) = Socket::join(two.port, "lesson", "Bo").await;
    two.signal("KILL");
    two.exit_code();
    bo.closed().await;
    ann.expect("getOffer").await;
    let (_bo, bo_back) = Socket::resume(one.port, "lesson", "Bo").await;
    assert_eq!(
        (&bo_back["resumed"], &bo_back["memberId"]),
        (&json!(true), &bo_seat["memberId"]),
        "{bo_back}"
    );
    assert!(ann.events_so_far().await.iter().all(|(name, _)| name != "leave"));
    let why = cluster.text("select string_agg(detail, ',') from chatroom.event where kind = 'disconnected'");
    assert!(why.await.contains(r#""why":"server""#));
}

#[tokio::test]
async fn a_node_that_stops_leaves_its_rooms_to_the_others() {
    let cluster = Cluster::new().await;
    let (mut one, two) = (cluster.start(1), cluster.start(2));
    let (_ann, ann_seat) = Socket::join(one.port, "lesson", "Ann").await;
    let (_bo, bo_seat) = Socket::join(two.port, "lesson", "Bo").await;
    one.signal("TERM");
    assert_eq!(one.exit_code(), Some(0));
    for (name, seat) in [("Ann", &ann_seat), ("Bo", &bo_seat)] {
        let (socket, back) = Socket::resume(two.port, "lesson", name).await;
        assert_eq!(
            (&back["resumed"], &back["memberId"]),
            (&json!(true), &seat["memberId"]),
            "{back}"
        );
        drop(socket);
    }
    let kinds = cluster.kinds().await;
    assert!(!kinds.contains("left"), "{kinds}");
}

#[tokio::test]
async fn a_room_that_is_over_may_begin_anew_elsewhere_and_people_move_between_nodes() {
    let cluster = Cluster::new().await;
    let short = [("SESSION_LINGER", "100ms")];
    let (one, two) = (cluster.start_with(1, &short), cluster.start_with(2, &short));
    let (mut ann, _) = Socket::join(one.port, "first", "Ann").await;
    let (mut bo, _) = Socket::join(two.port, "second", "Bo").await;
    cluster.until(OWNER, "first 1, second 2").await;

    // From here to there and back: what is refused changes nothing.
    let (taken, free) = (json!("Bo"), json!("Ann"));
    let join = |room: &str, name: &Value| json!({"id": "id of Ann", "username": name, "roomname": room});
    assert_eq!(ann.call("join", join("second", &taken)).await["ok"], false);
    ann.expect("error").await;
    let (mut cy, cy_seat) = Socket::join(two.port, "first", "Cy").await;
    assert_eq!(cy_seat["members"].as_array().unwrap().len(), 2, "Ann is still there");
    ann.expect("getOffer").await;
    let moved = ann.call("join", join("second", &free)).await;
    assert_eq!(moved["members"].as_array().unwrap().len(), 2, "{moved}");
    assert_eq!(bo.expect("getOffer").await["memberId"], moved["memberId"]);
    let back = ann.call("join", join("first", &free)).await;
    assert_eq!(back["members"].as_array().unwrap().len(), 2, "{back}");
    assert_eq!(cy.expect("getOffer").await["memberId"], back["memberId"]);
    let alone = bo
        .call(
            "join",
            json!({"id": "id of Bo", "username": "Bo", "roomname": "second"}),
        )
        .await;
    assert_eq!(alone["members"].as_array().unwrap().len(), 1, "{alone}");

    for mut socket in [ann, cy] {
        assert_eq!(socket.call("leave", json!([])).await["ok"], true);
    }
    cluster.until(OWNER, "second 2").await;
    let (_dee, _) = Socket::join(two.port, "first", "Dee").await;
    // Whose it is now is for the two to settle: one of them.
    assert_eq!(cluster.text("select count(*)::text from chatroom.room").await, "2");
    assert_eq!(
        cluster
            .text("select count(*)::text from chatroom.session where room = 'first'")
            .await,
        "2"
    );
}

#[tokio::test]
async fn what_is_sent_before_and_behind_the_wish_to_come_back_arrives_in_order() {
    let cluster = Cluster::new().await;
    let (one, two) = (cluster.start(1), cluster.start(2));
    let (mut ann, ann_seat) = Socket::join(one.port, "lesson", "Ann").await;
    let (bo, _) = Socket::join(two.port, "lesson", "Bo").await;
    ann.expect("getOffer").await;
    bo.vanish();
    let mut bo = Socket::connect(two.port).await;
    let offer = |number: usize| {
        let kind = number.to_string();
        json!({"connectorId": kind, "offer": number, "memberId": ann_seat["memberId"], "streamType": kind})
    };
    for number in 0..5 {
        bo.emit("offer", offer(number)).await;
    }
    bo.emit(
        "reconnect",
        json!({"id": "id of Bo", "username": "Bo", "roomname": "lesson"}),
    )
    .await;
    // Without waiting for the answer.
    for number in 5..10 {
        bo.emit("offer", offer(number)).await;
    }
    let mut offers = Vec::new();
    while offers.len() < 10 {
        let (event, payload) = ann.event().await;
        if event == "offer" {
            offers.push(payload["offer"].as_u64().unwrap());
        }
    }
    assert_eq!(offers, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_does_not_know_the_secret_is_kept_out() {
    let cluster = Cluster::new().await;
    let mut one = cluster.start(1);
    let other = "another secret, which is long enough too".replace(' ', "-");
    let secret = [("CLUSTER_SECRET", other.as_str())];
    let (code, refusal) = said(&cluster.command(2, &secret).output().unwrap());
    assert!(
        code == Some(1)
            && refusal.contains("node 1 at 127.0.0.1:")
            && refusal.contains("whose CLUSTER_SECRET is not this one's"),
        "{refusal}"
    );

    // Nor anybody who speaks something else there.
    let address = cluster.text("select address from chatroom.node where id = 1").await;
    for words in ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}", "hello"] {
        let mut stranger = TcpStream::connect(&address).unwrap();
        stranger.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stranger.write_all(words.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // It may be reset.
        let _ = stranger.read_to_end(&mut answer);
        assert!(answer.len() < 1_000);
    }
    let one_said = cluster.logged(1);
    let refused = "a link of another node is refused: it does not speak as a node does from=127.0.0.1";
    assert_eq!(one_said.matches(refused).count(), 1, "{one_said}");
    for said in [&one_said, &refusal] {
        assert!(!said.contains(SECRET) && !said.contains(&other), "{said}");
    }
    let (_ann, seat) = Socket::join(one.port, "lesson", "Ann").await;
    assert_eq!(seat["members"].as_array().unwrap().len(), 1);

    // Once all have stopped there may be another.
    one.signal("TERM");
    assert_eq!(one.exit_code(), Some(0));
    let two = cluster.start_with(2, &secret);
    let (_ann, seat) = Socket::resume(two.port, "lesson", "Ann").await;
    assert_eq!(seat["resumed"], true);
}

#[tokio::test]
async fn who_only_connects_there_keeps_no_node_out_for_long() {
    let cluster = Cluster::new().await;
    let one = cluster.start(1);
    let address = cluster.text("select address from chatroom.node where id = 1").await;
    let _silent: Vec<_> = (0..65).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let crowded = "a link of another node is refused: too many connections are there that have not said who they are from=127.0.0.1";
    eventually("the log says so", Duration::from_secs(20), || {
        cluster.logged(1).contains(crowded)
    })
    .await;
    let two = cluster.start(2);
    let (_ann, _) = Socket::join(one.port, "lesson", "Ann").await;
    let (_bo, seat) = Socket::join(two.port, "lesson", "Bo").await;
    assert_eq!(seat["members"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_number_is_one_nodes_and_who_is_to_be_alone_is_not_let_in() {
    let cluster = Cluster::new().await;
    let _one = cluster.start(1);
    let refused = |mut command: std::process::Command, why: &str| {
        let (code, text) = said(&command.output().unwrap());
        let refused = "is in use by another chatroom-server, ";
        assert!(
            code == Some(1) && text.contains(refused) && text.contains(why),
            "{text}"
        );
    };
    let address = cluster.text("select address from chatroom.node").await;
    let taken = format!("node 1 at {address}: give this one another NODE_ID");
    refused(cluster.command(1, &[]), &taken);
    let mut alone = cluster.command(1, &[]);
    for variable in ["CLUSTER_LISTEN", "CLUSTER_SECRET", "NODE_ID"] {
        alone.env_remove(variable);
    }
    refused(
        alone,
        "to be beside it this one needs CLUSTER_LISTEN, CLUSTER_SECRET and a NODE_ID",
    );
    let _two = cluster.start(2);
}
