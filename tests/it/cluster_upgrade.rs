//! Several servers on one history that are all replaced, one after another, while people at all of them speak with each other.
#![cfg(unix)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chatroom_testkit::Socket;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::cluster::{Cluster, SPEAK_EVERY, connect};
use crate::support::pupil::{BACK_WITHIN, Pupil};
use crate::support::server::Server;

const NODES: usize = 3;
const ROOMS: usize = 30;
/// Nobody may be out for longer than this.
const WITHIN: Duration = Duration::from_secs(5);

/// Where everybody comes in, and whether all nodes have been replaced.
type Ports = watch::Receiver<(Vec<u16>, bool)>;
/// How many have heard the other after that.
type Done = Arc<AtomicUsize>;

/// Two who have a way to each other, and what the connectors of the way are called.
async fn meet(ports: &[u16], number: usize) -> [(Pupil, &'static str); 2] {
    let room = format!("room {number}");
    let mut ann = Pupil::join(ports, number % NODES, &room, "Ann".to_owned()).await;
    let mut bo = Pupil::join(ports, (number / NODES) % NODES, &room, "Bo".to_owned()).await;
    let (one, other) = (ann.socket.as_mut().unwrap(), bo.socket.as_mut().unwrap());
    connect((one, &ann.seat), (other, &bo.seat)).await;
    [(ann, "d"), (bo, "c")]
}

/// Speaks and comes back until all is over, and everybody has heard the other after that. Gives how long the longest way back
/// took.
async fn speak(mut one: Pupil, connector: &str, other: &str, to: Value, ports: Ports, done: Done) -> (Pupil, Duration) {
    let mut longest = Duration::ZERO;
    let mut number = 0;
    // Since when all is over, and what had been heard by then.
    let mut over: Option<(Instant, Option<u64>)> = None;
    let mut is_done = false;
    loop {
        let (at, is_over) = ports.borrow().clone();
        let lost = Instant::now();
        one.be_there(&at).await;
        longest = longest.max(lost.elapsed());
        number += 1;
        let candidate = json!({"of": one.name, "number": number});
        let candidate = json!({"remoteConnectorId": connector, "memberId": to, "candidate": candidate});
        one.emit("icecandidate", candidate).await;
        one.listen(SPEAK_EVERY).await;
        if is_over {
            let heard = one.last_heard(other);
            let (since, before) = *over.get_or_insert((Instant::now(), heard));
            if heard > before && !is_done {
                is_done = true;
                done.fetch_add(1, Ordering::Relaxed);
            }
            if done.load(Ordering::Relaxed) == 2 * ROOMS {
                return (one, longest);
            }
            assert!(since.elapsed() < BACK_WITHIN, "{} hears nothing", one.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_are_replaced_one_after_another_and_nobody_is_told_of_a_leave() {
    let cluster = Cluster::new().await;
    let mut nodes: Vec<Server> = (1..=NODES).map(|node| cluster.start(node as u16)).collect();
    cluster.until("select count(*)::text from chatroom.node", "3").await;
    let ports = |nodes: &[Server]| -> Vec<u16> { nodes.iter().map(|node| node.port).collect() };
    let told = watch::Sender::new((ports(&nodes), false));
    let mut speaking = JoinSet::new();
    let done = Done::default();
    for number in 0..ROOMS {
        let [(ann, d), (bo, c)] = meet(&ports(&nodes), number).await;
        let [to_ann, to_bo] = [&ann, &bo].map(|pupil| pupil.seat["memberId"].clone());
        speaking.spawn(speak(ann, d, "Bo", to_bo, told.subscribe(), done.clone()));
        speaking.spawn(speak(bo, c, "Ann", to_ann, told.subscribe(), done.clone()));
    }
    for node in 0..NODES {
        // As a balancer does with one that says that it stops.
        told.send_modify(|(all, _)| all[node] = all[(node + 1) % NODES]);
        nodes[node].signal("TERM");
        assert_eq!(nodes[node].exit_code(), Some(0));
        nodes[node] = cluster.start(node as u16 + 1);
        told.send_modify(|(all, _)| *all = ports(&nodes));
        // A newcomer comes in everywhere.
        for (at, server) in nodes.iter().enumerate() {
            let (_socket, seat) = Socket::join(server.port, &format!("room {at}"), &format!("Guest {node} {at}")).await;
            let members = seat["members"].to_string();
            assert!(members.contains("Ann") && members.contains("Bo"), "{seat}");
        }
        sleep(Duration::from_secs(1)).await;
    }
    told.send_modify(|(_, is_over)| *is_over = true);
    let spoken = speaking.join_all().await;
    let longest = spoken.iter().map(|(_, longest)| *longest).max().unwrap();
    let most = spoken.iter().map(|(pupil, _)| pupil.resumes).max().unwrap();
    println!("out for {longest:?} at most, {most} times at most");
    assert!(longest < WITHIN, "{longest:?}");
    assert!(most <= NODES as u64, "each stop costs one resume at most: {most}");
    let sessions = "select count(*)::text from chatroom.session";
    assert_eq!(cluster.text(sessions).await, ROOMS.to_string());
    let left = "select count(*)::text from chatroom.event join chatroom.participant on participant.id = participant_id
                where kind = 'left' and username in ('Ann', 'Bo')";
    assert_eq!(cluster.text(left).await, "0");
}
