//! The wall clock jumps a day: the history follows it ahead, but not what is measured, and keeps its order.
#![cfg(target_os = "linux")]

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use chatroom_testkit::Socket;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::class::pair;
use crate::support::history::History;
use crate::support::seed::Seed;
use crate::support::server::{Server, program, steady_port};
use crate::support::vitals::eventually;
use crate::support::wall_clock;

/// In seconds.
const DAY: i64 = 86_400;
/// When the graces of two seconds may end on a busy machine.
const IN_TIME: Range<Duration> = Duration::from_millis(1_950)..Duration::from_secs(6);

/// A server whose wall clock can be set.
struct Place {
    folder: tempfile::TempDir,
    port: u16,
    server: Server,
}

impl Place {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        wall_clock::build(folder.path());
        wall_clock::set(folder.path(), 0);
        let port = steady_port(&mut Seed::from_env("PORT_SEED"));
        let server = start(folder.path(), port);
        Self { folder, port, server }
    }

    fn set_clock(&self, offset: i64) {
        wall_clock::set(self.folder.path(), offset);
    }

    /// Kills the server and starts another, which finds this.
    async fn restart(&mut self) -> History {
        self.server.signal("KILL");
        self.server.exit_code();
        let history = History::of(self.folder.path()).await;
        self.server = start(self.folder.path(), self.port);
        history
    }

    /// Whether the history has followed the clock ahead.
    fn has_followed(&self) -> bool {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.contains("the wall clock was set ahead")
    }

    async fn resume(&self, name: &str) -> Socket {
        let (socket, seat) = Socket::resume(self.port, "lesson", name).await;
        assert_eq!(seat["resumed"], true, "{name} came back within the grace: {seat}");
        socket
    }
}

fn start(folder: &Path, port: u16) -> Server {
    let port = port.to_string();
    let variables = [("PORT", port.as_str()), ("RESUME_GRACE", "2s"), ("RESTART_GRACE", "2s")];
    let mut command = program(folder, &variables);
    wall_clock::preload(folder, &mut command);
    Server::start_unread(command, &folder.join("log"))
}

async fn expect_leave(socket: &mut Socket, connector: &str, of: &Value) {
    let leave = json!({"connectorId": connector, "memberId": of});
    assert_eq!(socket.expect("leave").await, leave);
}

/// When each event was, in their order, without those that a restart has to date back to the kill.
async fn times(history: &mut History) -> Vec<i64> {
    let events = history.events(0).await.into_iter();
    let events = events.filter(|event| event.detail["reason"] != "server_crash");
    events.map(|event| event.at).collect()
}

async fn jumps(day: i64) {
    let mut place = Place::open();
    let ((mut ann, ann_id), (bo, bo_id)) = pair(place.port, "lesson").await;

    // A day passes in no time, and comes back: nobody's grace is over for that.
    bo.vanish();
    place.set_clock(day);
    let bo = place.resume("bo").await;
    ann.expect("reconnect").await;

    // Nor does it last longer.
    let gone = Instant::now();
    bo.vanish();
    place.set_clock(0);
    expect_leave(&mut ann, "a1", &bo_id).await;
    assert!(IN_TIME.contains(&gone.elapsed()), "{:?}", gone.elapsed());
    let (mut bo, seat) = Socket::join(place.port, "lesson", "bo").await;
    ann.expect("getOffer").await;
    let offer = json!({"connectorId": "a2", "offer": 0, "memberId": seat["memberId"], "streamType": "user"});
    ann.emit("offer", offer).await;
    bo.expect("offer").await;
    let answer = json!({"remoteConnectorId": "a2", "connectorId": "b2", "answer": 0, "memberId": ann_id});
    bo.emit("answer", answer).await;
    ann.expect("answer").await;
    ann.events_so_far().await;

    // A clock that is a day off at the next start is what that start goes by, but never back behind its own past.
    place.set_clock(day);
    let mut before = place.restart().await;
    let begun = Instant::now();
    let mut bo = place.resume("bo").await;
    expect_leave(&mut bo, "b2", &ann_id).await;
    assert!(begun.elapsed() < IN_TIME.end, "{:?}", begun.elapsed());
    bo.call("leave", json!([])).await;
    place.server.signal("TERM");
    assert_eq!(place.server.exit_code(), Some(0));

    let mut history = History::of(place.folder.path()).await;
    history.check().await;
    let times = [times(&mut before).await, times(&mut history).await];
    for times in &times {
        assert!(times.is_sorted(), "{times:?}");
    }
    let [before, after] = times.map(|times| times.last().unwrap() - times[0]);
    assert!(before < 60_000, "{before} ms for a few seconds");
    // Who is followed ahead in the first run takes its beginning along.
    assert_eq!(after > 86_000_000, day > 0 && !place.has_followed(), "{after} ms");
}

#[tokio::test]
async fn a_wall_clock_that_jumps_changes_no_grace_and_no_order() {
    tokio::join!(jumps(DAY), jumps(-DAY));
}

#[tokio::test]
async fn a_wall_clock_that_is_set_ahead_is_followed_at_once_and_makes_nothing_longer() {
    let mut place = Place::open();
    let ((mut ann, _), (mut bo, _)) = pair(place.port, "lesson").await;
    place.set_clock(DAY);
    eventually("the history follows", Duration::from_secs(20), || place.has_followed()).await;

    let now = Utc::now() + TimeDelta::seconds(DAY);
    let at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let ask = |path: &str| {
        let answer = place.server.ask_as_reviewer(path).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<Value>(body).unwrap()
    };
    // Dated anew within milliseconds, by the next group that is written.
    let session = || ask("/api/v1/sessions")["data"][0].take();
    let is_moved = || session()["durationMs"].as_i64().unwrap() < 60_000;
    eventually("the session moves along", Duration::from_secs(5), is_moved).await;
    let there = ask(&format!("/api/v1/rooms/lesson/participants?at={at}"));
    let names: Vec<_> = there["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["username"])
        .collect();
    assert_eq!(names, ["ann", "bo"], "{there}");
    let session = session();
    let started_at: DateTime<Utc> = session["startedAt"].as_str().unwrap().parse().unwrap();
    assert!((now - started_at).num_seconds() < 60, "{session}");
    let people = ask(&format!(
        "/api/v1/sessions/{}/participants",
        session["id"].as_str().unwrap()
    ));
    for person in people["data"].as_array().unwrap() {
        assert!(person["presentMs"].as_i64().unwrap() < 60_000, "{person}");
        assert_eq!(person["reconnectCount"], 0, "{person}");
    }

    // The room itself has noticed nothing.
    bo.call("leave", json!([])).await;
    ann.call("leave", json!([])).await;
    place.server.signal("TERM");
    assert_eq!(place.server.exit_code(), Some(0));
    let mut history = History::of(place.folder.path()).await;
    history.check().await;
    let times = times(&mut history).await;
    assert!(times.is_sorted(), "{times:?}");
    assert!(times.last().unwrap() - times[0] < 60_000, "{times:?}");
}
