//! Several servers on one history of which some do not reach the database, or are not running: nobody is told of a leave who
//! did not leave.
#![cfg(unix)]

use std::time::{Duration, Instant};

use chatroom_testkit::{Postgres, Socket};
use serde_json::{Value, json};

use crate::support::cluster::{Cluster, OWNER};
use crate::support::cut::Cut;
use crate::support::server::Server;

const EPOCHS: &str = "select string_agg(epoch::text, ',' order by id) from chatroom.node";
const AGAIN: &str = "this node has a place again";

/// Somebody in the lesson.
struct Member {
    name: &'static str,
    socket: Socket,
    id: Value,
    /// To whom it has offered a connection.
    linked: Vec<&'static str>,
}

impl Member {
    async fn join(node: &Server, name: &'static str) -> Self {
        let (socket, seat) = Socket::join(node.port, "lesson", name).await;
        let id = seat["memberId"].clone();
        let linked = Vec::new();
        Self {
            name,
            socket,
            id,
            linked,
        }
    }

    /// Comes back, as who it was.
    async fn resume(node: &Server, name: &'static str, id: &Value) -> Self {
        let (socket, back) = Socket::resume(node.port, "lesson", name).await;
        assert_eq!((&back["resumed"], &back["memberId"]), (&json!(true), id), "{back}");
        let (id, linked) = (id.clone(), Vec::new());
        Self {
            name,
            socket,
            id,
            linked,
        }
    }

    /// What it was told, which must be no leave and no refusal.
    fn take_events(&mut self) -> Vec<(String, Value)> {
        let events: Vec<_> = std::iter::from_fn(|| self.socket.take_event()).collect();
        for (event, payload) in &events {
            assert!(
                !["leave", "error"].contains(&event.as_str()),
                "{} is told: {event} {payload}",
                self.name
            );
        }
        events
    }
}

/// What each says reaches each other, and nobody is told of a leave: candidates, and before the first of them an offer.
async fn all_hear_all(members: &mut [Member], number: usize) {
    let told: Vec<(&'static str, Value)> = members.iter().map(|member| (member.name, member.id.clone())).collect();
    let mut offers = 0;
    for member in &mut *members {
        for (name, id) in told.iter().filter(|(name, _)| *name != member.name) {
            if !member.linked.contains(name) {
                member.linked.push(name);
                let connector = format!("{} to {name}", member.name);
                let offer = json!({"connectorId": connector, "offer": {}, "memberId": id, "streamType": member.name});
                member.socket.emit("offer", offer).await;
                offers += 1;
            }
        }
    }
    let mut heard = 0;
    while heard < offers {
        for member in &mut *members {
            let until = tokio::time::Instant::now() + Duration::from_millis(10);
            assert!(member.socket.listen_until(until).await, "{} is cut off", member.name);
            heard += member
                .take_events()
                .iter()
                .filter(|(event, _)| event == "offer")
                .count();
        }
    }
    for member in &mut *members {
        for (name, id) in told.iter().filter(|(name, _)| *name != member.name) {
            let connector = format!("{name} to {}", member.name);
            let candidate = json!({"remoteConnectorId": connector, "candidate": number, "memberId": id});
            member.socket.emit("icecandidate", candidate).await;
        }
    }
    for member in &mut *members {
        let mut heard = 0;
        while heard < told.len() - 1 {
            let until = tokio::time::Instant::now() + Duration::from_millis(10);
            assert!(member.socket.listen_until(until).await, "{} is cut off", member.name);
            let events = member.take_events();
            heard += events
                .iter()
                .filter(|(_, payload)| payload["candidate"] == number)
                .count();
        }
    }
}

#[tokio::test]
async fn a_database_that_no_node_reaches_is_waited_for_and_nobody_notices() {
    const AWAY: Duration = Duration::from_secs(30);
    let postgres = Postgres::own(&[]);
    let cluster = Cluster::on(&postgres).await;
    let nodes = [cluster.start(1), cluster.start(2), cluster.start(3)];
    let mut members = Vec::new();
    for (node, name) in nodes.iter().zip(["Ann", "Bo", "Cy"]) {
        members.push(Member::join(node, name).await);
    }
    all_hear_all(&mut members, 0).await;
    postgres.stop();
    let stopped = Instant::now();
    let mut round = 1;
    while stopped.elapsed() < AWAY {
        all_hear_all(&mut members, round).await;
        round += 1;
        if members.len() == 3 && cluster.logged(1).contains("no node reaches the database") {
            // As with a disk that is sick: told without waiting for it.
            members.push(Member::join(&nodes[1], "Dee").await);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(members.len(), 4, "Dee is in");
    postgres.start();
    cluster.until("select count(*)::text from chatroom.member", "4").await;
    // Until long after a lease that was not renewed meanwhile.
    for _ in 0..10 {
        all_hear_all(&mut members, round).await;
        round += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(cluster.text(EPOCHS).await, "1,1,1");
    assert_eq!(cluster.text(OWNER).await, "lesson 1");
    let kinds = cluster.kinds().await;
    assert!(kinds.contains("joined 4"), "{kinds}");
    for kind in ["left", "disconnected", "gap"] {
        assert!(!kinds.contains(kind), "{kinds}");
    }
}

#[tokio::test]
async fn a_node_without_a_place_costs_the_others_nothing_when_the_database_goes() {
    const AWAY: Duration = Duration::from_secs(12);
    let postgres = Postgres::own(&[]);
    let cluster = Cluster::on(&postgres).await;
    let way = Cut::new(&cluster.database);
    let nodes = [cluster.start(1), cluster.start(2)];
    let _third = cluster.start_with(3, &[("DATABASE_URL", &way.url())]);
    let mut members = Vec::new();
    for (node, name) in nodes.iter().zip(["Ann", "Bo"]) {
        members.push(Member::join(node, name).await);
    }
    way.cut();
    cluster.until_logged(3, "has lost its place among the others").await;
    postgres.stop();
    let stopped = Instant::now();
    let mut round = 0;
    while stopped.elapsed() < AWAY {
        all_hear_all(&mut members, round).await;
        round += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    way.mend();
    postgres.start();
    cluster.until_logged(3, AGAIN).await;
    all_hear_all(&mut members, round).await;
    assert_eq!(cluster.text(EPOCHS).await, "1,1,2");
    assert_eq!(cluster.text(OWNER).await, "lesson 1");
}

#[tokio::test]
async fn a_node_that_alone_does_not_reach_the_database_gives_its_rooms_up_and_gets_a_place_again() {
    let cluster = Cluster::new().await;
    let way = Cut::new(&cluster.database);
    let mut one = cluster.start_with(1, &[("DATABASE_URL", &way.url())]);
    let (two, three) = (cluster.start(2), cluster.start(3));
    let ann = Member::join(&one, "Ann").await;
    let bo = Member::join(&two, "Bo").await;
    let (mut eve, _) = Socket::join(three.port, "another", "Eve").await;
    // It knows both.
    for other in [2, 3] {
        cluster
            .until_logged(1, &format!("another node is linked to this one node={other}"))
            .await;
    }
    way.cut();
    // Whoever joins there meanwhile is told nothing.
    let mut late = Socket::connect(one.port).await;
    let join = json!({"id": "id of Late", "username": "Late", "roomname": "lesson"});
    late.emit("join", join).await;
    let mut told = late.events_until_closed().await;
    told.retain(|(event, _)| event != "getOffer");
    assert!(told.is_empty(), "{told:?}");
    let (ann_id, bo_id) = (ann.id, bo.id);
    for socket in [ann.socket, bo.socket] {
        let told = socket.events_until_closed().await;
        assert!(told.iter().all(|(event, _)| event != "leave"), "{told:?}");
    }
    let ann = Member::resume(&two, "Ann", &ann_id).await;
    // Through the node itself too, as others tell it whose the room is.
    let bo = Member::resume(&one, "Bo", &bo_id).await;
    let mut members = vec![ann, bo];
    members.push(Member::join(&three, "Cy").await);
    all_hear_all(&mut members, 0).await;
    assert!(!one.is_ready() && two.is_ready());
    way.mend();
    cluster.until_logged(1, AGAIN).await;
    assert!(one.child.try_wait().unwrap().is_none() && one.is_ready());
    all_hear_all(&mut members, 1).await;
    let (mut fay, _) = Socket::join(one.port, "new", "Fay").await;
    assert!(cluster.text(OWNER).await.contains("new 1"));
    assert!(eve.events_so_far().await.is_empty() && fay.events_so_far().await.is_empty());
    let said = cluster.logged(1);
    assert_eq!(said.matches("has lost its place among the others").count(), 1, "{said}");
    let kinds = cluster.kinds().await;
    assert!(!kinds.contains("left"), "{kinds}");
    assert_eq!(cluster.text("select count(*)::text from chatroom.session").await, "3");
}

#[tokio::test]
async fn a_node_that_slept_past_its_lease_gives_its_rooms_up_and_gets_a_place_again() {
    let cluster = Cluster::new().await;
    let (mut one, two) = (cluster.start(1), cluster.start(2));
    let (ann, ann_seat) = Socket::join(one.port, "lesson", "Ann").await;
    let (mut bo, bo_seat) = Socket::join(two.port, "lesson", "Bo").await;
    one.signal("STOP");
    cluster
        .until(
            "select (expires_at < clock_timestamp())::text from chatroom.node where id = 1",
            "true",
        )
        .await;
    let (mut ann_back, back) = Socket::resume(two.port, "lesson", "Ann").await;
    assert_eq!(
        (&back["resumed"], &back["memberId"]),
        (&json!(true), &ann_seat["memberId"]),
        "{back}"
    );
    let told = bo.events_until_closed().await;
    assert!(told.iter().all(|(event, _)| event != "leave"), "{told:?}");
    (bo, _) = Socket::resume(two.port, "lesson", "Bo").await;
    one.signal("CONT");
    // What it had to say is said to nobody any more.
    let told = ann.events_until_closed().await;
    assert!(told.iter().all(|(event, _)| event == "getOffer"), "{told:?}");
    cluster.until_logged(1, AGAIN).await;
    assert!(one.child.try_wait().unwrap().is_none());
    let (_cy, cy_seat) = Socket::join(one.port, "lesson", "Cy").await;
    assert_eq!(cy_seat["sessionId"], ann_seat["sessionId"]);
    assert_eq!(cy_seat["members"].as_array().unwrap().len(), 3);
    ann_back.offer_to(&bo_seat["memberId"]).await;
    while bo.event().await.0 != "offer" {}
    assert!(!cluster.kinds().await.contains("left"));
    let said = cluster.logged(1);
    let lost = said.matches("has lost its place among the others").count();
    assert!(lost == 1 && !said.contains("the database cannot be written"), "{said}");
}

#[tokio::test]
async fn a_node_whose_number_another_has_taken_says_so_and_waits_for_it() {
    let cluster = Cluster::new().await;
    let one = cluster.start(1);
    let (ann, ann_seat) = Socket::join(one.port, "lesson", "Ann").await;
    one.signal("STOP");
    let elsewhere = cluster.log(4);
    let mut twin = Server::start_unread(cluster.command(1, &[]), &elsewhere);
    let (_ann, back) = Socket::resume(twin.port, "lesson", "Ann").await;
    assert_eq!(back["memberId"], ann_seat["memberId"]);
    one.signal("CONT");
    let told = ann.events_until_closed().await;
    assert!(told.is_empty(), "{told:?}");
    let address = cluster.text("select address from chatroom.node").await;
    let taken = format!("node 1 at {address}: give this one another NODE_ID");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !one.ask("/readyz").unwrap().contains(&taken) {
        assert!(Instant::now() < deadline, "{}", one.ask("/readyz").unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(twin.is_ready());
    twin.signal("TERM");
    assert_eq!(twin.exit_code(), Some(0));
    cluster.until_logged(1, AGAIN).await;
    let (_ann, back) = Socket::resume(one.port, "lesson", "Ann").await;
    assert_eq!(back["memberId"], ann_seat["memberId"]);
}
