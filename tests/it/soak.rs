//! A long life: people come, talk, drop, return and leave, and what that costs levels off.
//!
//! `SOAK_SECONDS=600` for the long version, `SOAK_CLIENTS=…` for more people, `SOAK_SEED=…` for the same choices again.
#![cfg(target_os = "linux")]

use std::fmt;
use std::path::Path;
use std::time::Duration;

use chatroom_testkit::Socket;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::database::{Connection, DATABASE};
use crate::support::history::History;
use crate::support::seed::{Seed, number_from_env};
use crate::support::server::{NO_RATES, Server, program};
use crate::support::vitals::eventually;

const GRACE: Duration = Duration::from_secs(1);
const PER_ROOM: u64 = 5;
/// How often the server is looked at.
const SAMPLES: u32 = 40;
/// What may be added in the last quarter to the most of the one before: what an allocator and a class that happens to
/// be fuller do.
const SLACK: f64 = 1.1;
const MEMORY_SLACK: usize = 4 * 1024 * 1024;
/// The log is written back at about 12 MiB; a large group may come on top.
const MOST_LOG: u64 = 16 * 1024 * 1024;

struct Person {
    port: u16,
    number: u64,
    rooms: u64,
    seed: Seed,
    room: String,
    connectors: u64,
    /// A socket that was taken over, and that nobody has closed.
    forgotten: Option<Socket>,
}

impl Person {
    async fn live(mut self, end: Instant) -> u64 {
        let (mut entering, mut visits) = ("join", 0);
        while Instant::now() < end {
            if entering == "join" {
                self.room = format!("room {}", self.seed.below(self.rooms));
            }
            let mut socket = Socket::connect(self.port).await;
            let name = format!("person {}", self.number);
            let entry = json!({"id": format!("id {name}"), "username": name, "roomname": self.room});
            let seat = socket.call(entering, entry).await;
            assert_eq!(seat["ok"], true, "{seat}");
            visits += 1;
            let stay = Duration::from_millis(self.seed.below(300));
            self.talk(&mut socket, Instant::now() + stay).await;
            entering = self.go(socket).await;
        }
        visits
    }

    /// Makes the peer connections it is asked for, and says a few things of its own.
    async fn talk(&mut self, socket: &mut Socket, until: Instant) {
        while socket
            .listen_until(until.min(Instant::now() + Duration::from_millis(20)))
            .await
            && Instant::now() < until
        {
            while let Some((event, payload)) = socket.take_event() {
                if let Some(answer) = self.answer(&event, &payload) {
                    let _ = socket.send(&format!("42{answer}")).await;
                }
                self.send_candidates(socket, &payload).await;
            }
        }
    }

    /// Once it knows its peer's connector.
    async fn send_candidates(&mut self, socket: &mut Socket, payload: &Value) {
        let (remote, peer) = (&payload["remoteConnectorId"], &payload["memberId"]);
        if remote.is_null() {
            return;
        }
        for number in 0..self.seed.below(20) {
            let candidate = json!({"remoteConnectorId": remote, "memberId": peer, "candidate": number});
            let _ = socket.send(&format!("42{}", json!(["icecandidate", candidate]))).await;
        }
    }

    fn answer(&mut self, event: &str, payload: &Value) -> Option<Value> {
        self.connectors += 1;
        let own = format!("{}-{}", self.number, self.connectors);
        let peer = &payload["memberId"];
        match (event, payload["type"].as_str()) {
            ("getOffer", _) => {
                let offer = json!({"connectorId": own, "offer": "sdp", "memberId": peer, "streamType": "user"});
                Some(json!(["offer", offer]))
            }
            ("offer", _) => {
                let remote = &payload["remoteConnectorId"];
                let answer =
                    json!({"remoteConnectorId": remote, "connectorId": own, "answer": "sdp", "memberId": peer});
                Some(json!(["answer", answer]))
            }
            ("reconnect", Some("getOffer")) => {
                let connector = &payload["connectorId"];
                let work = json!({"type": "offer", "data": "sdp", "connectorId": connector, "memberId": peer});
                Some(json!(["reconnectWork", work]))
            }
            _ => None,
        }
    }

    /// Ends a visit in one of the ways there are. How the next one begins.
    async fn go(&mut self, mut socket: Socket) -> &'static str {
        match self.seed.below(10) {
            0..=2 => {
                socket.try_call("leave", json!([])).await;
                "join"
            }
            3 => {
                socket.vanish();
                sleep(GRACE * 3 / 2).await;
                "join"
            }
            4 => {
                socket.vanish();
                sleep(GRACE * 3 / 2).await;
                "reconnect"
            }
            5 => {
                self.forgotten = Some(socket);
                "reconnect"
            }
            6 => {
                socket.reset();
                "reconnect"
            }
            _ => {
                socket.vanish();
                "reconnect"
            }
        }
    }
}

/// What a server costs at one moment.
#[derive(Clone, Copy)]
struct Sample {
    memory: usize,
    descriptors: usize,
    threads: usize,
    log: u64,
    database: u64,
    members: usize,
    links: usize,
}

impl Sample {
    async fn take(server: &Server, folder: &Path) -> Self {
        let (members, links) = live_rows(folder).await;
        let size = |file: &str| std::fs::metadata(folder.join(file)).map_or(0, |file| file.len());
        Self {
            memory: server.memory(),
            descriptors: server.descriptors(),
            threads: server.threads(),
            log: size(&format!("{DATABASE}-wal")),
            database: size(DATABASE),
            members,
            links,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} MiB, {} descriptors, {} threads, {} KiB of log, {} KiB of history, {} members with {} links",
            self.memory as f64 / 1024.0 / 1024.0,
            self.descriptors,
            self.threads,
            self.log / 1024,
            self.database / 1024,
            self.members,
            self.links
        )
    }
}

/// How many rows there are of what is live, in the database of a running server.
async fn live_rows(folder: &Path) -> (usize, usize) {
    let sql = "select (select count(*) from member) as members, (select count(*) from live_link) as links";
    let rows = Connection::to(folder).await.rows(sql).await;
    let count = |column| usize::try_from(rows[0].get::<i64>(column)).unwrap();
    (count("members"), count("links"))
}

fn most<T: Ord + Copy>(samples: &[Sample], what: impl Fn(&Sample) -> T) -> T {
    samples.iter().map(what).max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_life_costs_no_more_than_a_short_one() {
    let span = Duration::from_secs(number_from_env("SOAK_SECONDS", 5));
    let people = number_from_env("SOAK_CLIENTS", 50);
    let mut seed = Seed::from_env("SOAK_SEED");
    let folder = tempfile::tempdir().unwrap();
    let variables = [("RESUME_GRACE", "1s"), ("SESSION_LINGER", "1s")];
    let mut program = program(folder.path(), &variables);
    program.envs(NO_RATES);
    let mut server = Server::start_unread(program, &folder.path().join("log"));
    let before = server.sockets();
    let (start, end) = (Instant::now(), Instant::now() + span);
    let lives = (0..people).map(|number| {
        let person = Person {
            port: server.port,
            number,
            rooms: people.div_ceil(PER_ROOM),
            seed: seed.fork(),
            room: String::new(),
            connectors: 0,
            forgotten: None,
        };
        tokio::spawn(person.live(end))
    });
    let lives: Vec<_> = lives.collect();
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        sleep(span / SAMPLES).await;
        let sample = Sample::take(&server, folder.path()).await;
        println!("{:>6.1} s {sample}", start.elapsed().as_secs_f32());
        samples.push(sample);
    }
    let visits: u64 = join_all(lives).await.into_iter().map(Result::unwrap).sum();
    let gone = eventually("nobody is connected", Duration::from_secs(10), || {
        server.sockets() <= before
    });
    gone.await;
    // What is left after the graces and the lingering: nothing.
    sleep(GRACE * 3).await;
    println!(
        "{visits} visits; at the end {}",
        Sample::take(&server, folder.path()).await
    );

    let quarter = samples.len() / 4;
    let (third, last) = (&samples[2 * quarter..3 * quarter], &samples[3 * quarter..]);
    let slack = |value: usize| (value as f64 * SLACK) as usize;
    assert!(most(last, |sample| sample.memory) <= slack(most(third, |sample| sample.memory)) + MEMORY_SLACK);
    // Two sockets for everybody, and what is about to close.
    assert!(
        most(last, |sample| sample.descriptors) <= slack(most(third, |sample| sample.descriptors)) + people as usize
    );
    assert!(most(last, |sample| sample.threads) <= most(&samples[..2 * quarter], |sample| sample.threads));
    assert!(most(&samples, |sample| sample.log) <= MOST_LOG);
    // One each, and the last of one whose grace ends a little late.
    assert!(most(&samples, |sample| sample.members) <= 2 * people as usize);
    let all_links = slack(most(third, |sample| sample.links)) + people as usize;
    assert!(most(last, |sample| sample.links) <= all_links);

    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let mut history = History::of(folder.path()).await;
    history.check().await;
    for (what, sql) in [
        ("members", "select 1 from member"),
        ("links between them", "select 1 from live_link"),
        ("open sessions", "select 1 from session where ended_at is null"),
    ] {
        assert_eq!(history.rows(sql).await.len(), 0, "{what} that nobody is behind");
    }
}
