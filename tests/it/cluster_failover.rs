//! Several servers on one history whose database fails over to a standby: of one that is waited for nothing that was told is
//! lost, and of one that is not, what is lost is said and repaired.
#![cfg(unix)]

use std::collections::HashSet;

use chatroom_testkit::Socket;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::cluster::{Cluster, candidates};
use crate::support::server::Server;
use crate::support::standby::Pair;

const LOST: &str = "the database has lost what it had said was written";

/// Ann at the first node and Bo at the second, in a room of the first, who have a way to each other.
struct Lesson {
    ann: Socket,
    bo: Socket,
    ann_id: Value,
}

impl Lesson {
    async fn begin(nodes: &[Server]) -> Self {
        let (mut ann, ann_seat) = Socket::join(nodes[0].port, "lesson", "Ann").await;
        let (mut bo, bo_seat) = Socket::join(nodes[1].port, "lesson", "Bo").await;
        ann.expect("getOffer").await;
        ann.offer_to(&bo_seat["memberId"]).await;
        bo.expect("offer").await;
        let ann_id = ann_seat["memberId"].clone();
        Self { ann, bo, ann_id }
    }

    /// What one says still reaches the other, and neither was told that anybody left.
    async fn goes_on(&mut self) {
        for socket in [&mut self.ann, &mut self.bo] {
            let told = socket.events_so_far().await;
            assert!(told.iter().all(|(event, _)| event == "getOffer"), "{told:?}");
        }
        candidates(&mut self.bo, &mut self.ann, &self.ann_id, "c").await;
    }
}

/// Comes into one room after another until it is to stop. Gives the names of those who were told that they are in.
fn come_in(port: u16, node: usize, stop: CancellationToken) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut told = Vec::new();
        while !stop.is_cancelled() {
            let name = format!("P{} of {node}", told.len());
            let socket = Socket::connect(port).await;
            let _ = socket.joined(&format!("room of {name}"), &name).await;
            told.push(name);
        }
        told
    })
}

/// Each of these is written as having been there.
async fn check_written(cluster: &Cluster, told: &[String]) {
    let names = cluster
        .text("select string_agg(username, ',') from chatroom.participant")
        .await;
    let names: HashSet<&str> = names.split(',').collect();
    for name in told {
        assert!(names.contains(name.as_str()), "{name} was told, and is not written");
    }
}

#[tokio::test]
async fn of_a_synchronous_standby_nothing_that_was_told_is_lost() {
    let (pair, cluster) = Pair::new(true).await;
    let nodes = [cluster.start(1), cluster.start(2), cluster.start(3)];
    let mut lesson = Lesson::begin(&nodes).await;
    let stop = CancellationToken::new();
    let coming = nodes.iter().zip(1..);
    let coming: Vec<_> = coming
        .map(|(server, node)| come_in(server.port, node, stop.clone()))
        .collect();
    // Some are in, and some are under way.
    let are_many = "select (count(*) > 50)::text from chatroom.participant";
    cluster.until(are_many, "true").await;
    pair.fail_over().await;
    lesson.goes_on().await;
    stop.cancel();
    let told: Vec<_> = join_all(coming).await.into_iter().flat_map(Result::unwrap).collect();
    println!("{} were told that they are in", told.len());
    check_written(&cluster, &told).await;
    lesson.goes_on().await;
    for node in 1..=3 {
        assert!(!cluster.logged(node).contains(LOST), "node {node}");
    }
    let kinds = cluster.kinds().await;
    assert!(!kinds.contains("gap"), "{kinds}");
    let epochs = "select string_agg(epoch::text, ',' order by id) from chatroom.node";
    assert_eq!(cluster.text(epochs).await, "1,1,1");
}

#[tokio::test]
async fn what_an_asynchronous_standby_has_not_got_is_said_and_repaired() {
    let (pair, cluster) = Pair::new(false).await;
    let mut nodes = [cluster.start(1), cluster.start(2)];
    let mut lesson = Lesson::begin(&nodes).await;
    cluster.until("select count(*)::text from chatroom.member", "2").await;
    pair.part(&cluster).await;
    // As a busy database would, so that the standby's next numbers are ones that readers of events have seen.
    for _ in 0..200 {
        cluster.text("select pg_current_xact_id()::text").await;
    }
    let newest = cluster.text("select max(seq)::text from chatroom.event").await;
    let (mut dee, dee_seat) = Socket::join(nodes[1].port, "lesson", "Dee").await;
    let (_eve, eve_seat) = Socket::join(nodes[0].port, "another", "Eve").await;
    let told = cluster.text("select max(seq)::text from chatroom.event").await;
    assert_ne!(newest, told);
    pair.fail_over().await;
    lesson.goes_on().await;
    // Of the second node only that it lived is lost.
    let lost =
        "select coalesce(sum((detail::json->>'dropped')::bigint), 0)::text from chatroom.event where kind = 'gap'";
    cluster.until(lost, "3").await;
    cluster
        .until(
            "select string_agg(username, ',' order by username) from chatroom.member join chatroom.participant
             on participant.id = participant_id",
            "Ann,Bo,Dee,Eve",
        )
        .await;
    cluster
        .until(
            "select string_agg(name || ' ' || node, ', ' order by name) from chatroom.room",
            "another 1, lesson 1",
        )
        .await;
    assert_eq!(cluster.logged(1).matches(LOST).count(), 1, "{}", cluster.logged(1));
    let later = cluster
        .text("select min(seq)::text from chatroom.event where kind = 'gap'")
        .await;
    assert!(
        later.parse::<i64>().unwrap() > told.parse().unwrap(),
        "{later} after {told}"
    );
    lesson.goes_on().await;
    dee.events_so_far().await;

    // Who was lost is there for other nodes as well.
    nodes[0].signal("KILL");
    nodes[0].exit_code();
    for (name, room, seat) in [("Dee", "lesson", &dee_seat), ("Eve", "another", &eve_seat)] {
        let (_socket, back) = Socket::resume(nodes[1].port, room, name).await;
        assert_eq!(
            (&back["resumed"], &back["memberId"], &back["sessionId"]),
            (&json!(true), &seat["memberId"], &seat["sessionId"]),
            "{back}"
        );
    }
}
