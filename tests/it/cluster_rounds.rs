//! Rounds in which nodes are killed, stopped, put to sleep, or cut off from each other and from the database, and PostgreSQL is killed,
//! while people at all of them speak with each other. Nobody is told of a leave, who comes back is who they were, what is written agrees
//! with what they were told, and who follows a feed has every entry once.
//!
//! `CLUSTER_ROUNDS` is how many, `CLUSTER_SEED` which.
#![cfg(target_os = "linux")]

mod fault;
mod fence;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chatroom_testkit::Postgres;
use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use self::fault::Fault;

use crate::support::cluster::Cluster;
use crate::support::cut::Cut;
use crate::support::follower::Follower;
use crate::support::pupil::{BACK_WITHIN, Pupil};
use crate::support::seed::{Seed, number_from_env};
use crate::support::server::{Server, steady_port};
use crate::support::wall_clock;
use crate::support::way::Way;

const NODES: usize = 3;
/// By how much the last node's wall clock is ahead of the others', in seconds.
const AHEAD: i64 = 3_600;

fn connector(from: &str, to: &str) -> String {
    format!("{from}-{to}")
}

/// How a node is reached, and reaches the database.
struct Ways {
    database: Cut,
    /// Where it listens.
    port: u16,
    links: Way,
}

/// A class at three nodes.
struct Class {
    postgres: Arc<Postgres>,
    cluster: Cluster,
    clock: TempDir,
    ways: Vec<Ways>,
    nodes: Vec<Server>,
    ports: watch::Sender<Vec<u16>>,
    followers: Vec<Follower>,
    pupils: Vec<Pupil>,
    number: u64,
}

impl Class {
    async fn begin(seed: &mut Seed) -> Self {
        let postgres = Arc::new(Postgres::own(&[]));
        let cluster = Cluster::on(&postgres).await;
        let clock = tempfile::tempdir().unwrap();
        wall_clock::build(clock.path());
        wall_clock::set(clock.path(), AHEAD);
        let mut class = Self {
            postgres,
            cluster,
            clock,
            ways: Vec::new(),
            nodes: Vec::new(),
            ports: watch::Sender::default(),
            followers: Vec::new(),
            pupils: Vec::new(),
            number: 0,
        };
        for node in 0..NODES {
            let port = steady_port(seed);
            class.ways.push(Ways {
                database: Cut::new(&class.cluster.database),
                port,
                links: Way::to(port, steady_port(seed)),
            });
            let server = class.start(node);
            class.nodes.push(server);
        }
        fence::watch(&class.cluster).await;
        class.ports.send_replace(class.ports());
        for node in 0..NODES {
            class.followers.push(Follower::of(node, class.ports.subscribe()));
        }
        let ports = class.ports();
        for number in 0..6 {
            let room = ["lesson", "other lesson"][number % 2];
            let pupil = Pupil::join(&ports, number % NODES, room, format!("P{number}")).await;
            class.pupils.push(pupil);
        }
        class.link_all().await;
        class
    }

    fn start(&self, node: usize) -> Server {
        let ways = &self.ways[node];
        ways.links.open();
        let listen = format!("127.0.0.1:{}", ways.port);
        let address = format!("127.0.0.1:{}", ways.links.port);
        let url = ways.database.url();
        let mut command = self.cluster.command(
            node as u16 + 1,
            &[
                ("DATABASE_URL", &url),
                ("CLUSTER_LISTEN", &listen),
                ("CLUSTER_ADDRESS", &address),
            ],
        );
        if node == NODES - 1 {
            wall_clock::preload(self.clock.path(), &mut command);
        }
        Server::start_unread(command, &self.cluster.log(node as u16 + 1))
    }

    fn start_again(&mut self, node: usize) {
        self.nodes[node] = self.start(node);
        self.ports.send_replace(self.ports());
    }

    fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    /// Once it has ended.
    fn end(&mut self, node: usize, signal: &str) {
        self.nodes[node].signal(signal);
        self.nodes[node].exit_code();
        self.ways[node].links.close();
    }

    /// Each has a way to each in the same room.
    async fn link_all(&mut self) {
        for later in 0..self.pupils.len() {
            for earlier in (0..later).filter(|earlier| earlier % 2 == later % 2) {
                let [one, other] = self.pupils.get_disjoint_mut([earlier, later]).unwrap();
                let offer = json!({
                    "connectorId": connector(&other.name, &one.name), "offer": {"sdp": "o"},
                    "memberId": one.seat["memberId"], "streamType": "user",
                });
                let socket = other.socket.as_mut().unwrap();
                assert_eq!(socket.call("offer", offer).await["ok"], true);
                let answer = json!({
                    "remoteConnectorId": connector(&other.name, &one.name),
                    "connectorId": connector(&one.name, &other.name), "answer": {"sdp": "a"},
                    "memberId": other.seat["memberId"],
                });
                let socket = one.socket.as_mut().unwrap();
                while socket.event().await.0 != "offer" {}
                assert_eq!(socket.call("answer", answer).await["ok"], true);
            }
        }
    }

    /// Everybody says something to everybody in their room, again and again until all have heard it.
    async fn speak(&mut self) {
        let ports = self.ports();
        let deadline = Instant::now() + BACK_WITHIN;
        loop {
            assert!(Instant::now() < deadline, "not all hear all");
            for pupil in &mut self.pupils {
                pupil.take_events();
            }
            join_all(self.pupils.iter_mut().map(|pupil| pupil.be_there(&ports))).await;
            self.number += 1;
            let number = self.number;
            let told: Vec<_> = self
                .pupils
                .iter()
                .map(|to| (to.room.clone(), to.name.clone(), to.seat.clone()))
                .collect();
            let others = |own: &Pupil| {
                let others = told
                    .iter()
                    .filter(|(room, name, _)| *room == own.room && *name != own.name);
                others.cloned().collect::<Vec<_>>()
            };
            for pupil in &mut self.pupils {
                for (_, name, seat) in others(pupil) {
                    let candidate = json!({
                        "remoteConnectorId": connector(&name, &pupil.name), "memberId": seat["memberId"],
                        "candidate": {"of": pupil.name, "number": number},
                    });
                    pupil.emit("icecandidate", candidate).await;
                }
            }
            let all_hear = self.pupils.iter_mut().map(async |pupil| {
                let others: Vec<String> = others(pupil).into_iter().map(|(_, name, _)| name).collect();
                pupil.hears(number, &others).await
            });
            if join_all(all_hear).await.iter().all(|hears| *hears) {
                return;
            }
        }
    }

    async fn round(&mut self, fault: Fault) {
        println!("{fault:?}");
        match fault {
            Fault::Kill(node) | Fault::Stop(node) => {
                self.end(
                    node,
                    if matches!(fault, Fault::Kill(_)) {
                        "KILL"
                    } else {
                        "TERM"
                    },
                );
                self.speak().await;
                self.start_again(node);
            }
            Fault::KillTwo { nodes, between } => {
                self.end(nodes[0], "KILL");
                // Whoever is back by then has made one of the others take the rooms over.
                let second = self.nodes[nodes[1]].child.id().to_string();
                let kill = async {
                    sleep(between).await;
                    assert!(
                        Command::new("kill")
                            .args(["-KILL", &second])
                            .status()
                            .unwrap()
                            .success()
                    );
                };
                let ports = self.ports();
                let be_there = join_all(self.pupils.iter_mut().map(|pupil| pupil.be_there(&ports)));
                tokio::join!(kill, be_there);
                self.end(nodes[1], "KILL");
                self.speak().await;
                for node in nodes {
                    self.start_again(node);
                }
            }
            Fault::Sleep { node, time, is_seen } => {
                self.nodes[node].signal("STOP");
                let until = Instant::now() + time;
                if is_seen {
                    // What a balancer does.
                    for pupil in self.pupils.iter_mut().filter(|pupil| pupil.node == node) {
                        pupil.socket = None;
                        pupil.node = (node + 1) % NODES;
                    }
                    self.speak().await;
                }
                tokio::time::sleep_until(until).await;
                self.nodes[node].signal("CONT");
            }
            Fault::CutDatabase { node, time, lost } => {
                self.ways[node].database.lose(lost);
                sleep(time).await;
                self.ways[node].database.mend();
            }
            Fault::CutLinks { to, time, lost } => {
                let ways = || {
                    self.ways
                        .iter()
                        .enumerate()
                        .filter(|(node, _)| to.is_none_or(|to| to == *node))
                };
                ways().for_each(|(_, ways)| ways.links.lose(lost));
                sleep(time).await;
                ways().for_each(|(_, ways)| ways.links.open());
            }
            Fault::KillPostgres { time } => {
                self.postgres.kill();
                let postgres = self.postgres.clone();
                // Whoever speaks may have to wait for it.
                let back = tokio::spawn(async move {
                    sleep(time).await;
                    spawn_blocking(move || postgres.start()).await.unwrap();
                });
                while !back.is_finished() {
                    self.speak().await;
                    sleep(Duration::from_millis(200)).await;
                }
                back.await.unwrap();
            }
        }
        self.speak().await;
        self.until_ready().await;
    }

    /// Until every node has its place, as one fault after another is what is promised.
    async fn until_ready(&self) {
        let deadline = Instant::now() + BACK_WITHIN;
        for node in &self.nodes {
            while !node.is_ready() {
                assert!(Instant::now() < deadline, "the node at {} is not ready", node.port);
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// What is written agrees with what everybody was told.
    async fn check(&self) {
        let kinds = self.cluster.kinds().await;
        assert!(kinds.contains("joined 6"), "{kinds}");
        for kind in ["left", "gap", "session_ended"] {
            assert!(!kinds.contains(kind), "{kinds}");
        }
        let told: u64 = self.pupils.iter().map(|pupil| pupil.resumes).sum();
        let written = "select count(*)::text from chatroom.event where kind = 'reconnected'";
        let written: u64 = self.cluster.text(written).await.parse().unwrap();
        assert!(told <= written, "{told} resumes were told, and {written} are written");
        for (sql, expected) in [
            ("select count(*)::text from chatroom.session", "2"),
            (
                "select count(*)::text from chatroom.member where away_until is null",
                "6",
            ),
            (
                "select count(*)::text from chatroom.connection as one join chatroom.connection as other
                 on other.participant_id = one.participant_id and other.id > one.id
                 where one.connected_at < coalesce(other.disconnected_at, other.connected_at + 1)
                   and other.connected_at < coalesce(one.disconnected_at, 9e15)",
                "0",
            ),
        ] {
            assert_eq!(self.cluster.text(sql).await, expected, "{sql}");
        }
        fence::check(&self.cluster).await;
        let entries = "select coalesce(string_agg(seq::text, ',' order by seq), '') from chatroom.event";
        let deadline = Instant::now() + BACK_WITHIN;
        for follower in &self.followers {
            let all = || self.cluster.text(entries);
            while follower.seen() != all().await && Instant::now() < deadline {
                sleep(Duration::from_millis(50)).await;
            }
            follower.check(&all().await);
        }
        println!("{told} resumes told, {written} written; {kinds}");
    }
}

#[tokio::test]
async fn whatever_becomes_of_nodes_nobody_is_told_of_a_leave() {
    let mut seed = Seed::from_env("CLUSTER_SEED");
    let rounds = number_from_env("CLUSTER_ROUNDS", 20);
    let mut class = Class::begin(&mut seed.fork()).await;
    class.speak().await;
    for _ in 0..rounds {
        let fault = Fault::pick(&mut seed, rounds > 20);
        class.round(fault).await;
    }
    class.check().await;
}
