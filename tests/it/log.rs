//! What the log says of who comes and goes, of refusals and of requests: each once, with room, name and cause, and no secret.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use chatroom_testkit::{PollingSocket, Socket};
use serde_json::{Value, json};

use crate::support::class::pair;
use crate::support::server::{Server, TOKEN, program};
use crate::support::vitals::eventually;

const SOON: Duration = Duration::from_secs(30);

/// A name that would write a line of its own, or a field, if it could.
const SLY: &str = "eve\u{2028}\" member=\"ann";

struct LoggedServer {
    server: Server,
    folder: tempfile::TempDir,
}

impl LoggedServer {
    fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_unread(program(folder.path(), variables), &log_of(folder.path()));
        Self { server, folder }
    }

    /// What has been written so far.
    fn log(&self) -> String {
        fs::read_to_string(log_of(self.folder.path())).unwrap()
    }

    /// All that it has written, when it has stopped.
    fn stopped(mut self) -> String {
        self.server.signal("TERM");
        assert_eq!(self.server.exit_code(), Some(0));
        self.log()
    }
}

fn log_of(folder: &Path) -> std::path::PathBuf {
    folder.join("log")
}

/// The lines of what happened, without time and module.
fn told<'a>(log: &'a str, what: &str) -> Vec<&'a str> {
    let lines = log.lines().filter_map(|line| line.split_once("room_log: "));
    let lines = lines.map(|(_, line)| line);
    lines.filter(|line| line.split(' ').next() == Some(what)).collect()
}

fn entry(id: &str, name: &str, room: &str) -> Value {
    json!({"id": id, "username": name, "roomname": room})
}

#[tokio::test]
async fn each_who_comes_or_goes_has_a_line_with_room_name_and_cause() {
    let logged = LoggedServer::start(&[("LOG", "debug"), ("RESUME_GRACE", "100ms"), ("SESSION_LINGER", "0s")]);
    let server = &logged.server;
    let ((ann, ann_id), (bo, _)) = pair(server.port, "lesson").await;
    bo.vanish();
    eventually("bo is lost", SOON, || told(&logged.log(), "left").len() == 1).await;
    let (mut again, _) = Socket::join(server.port, "lesson", "ann").await;
    again.call("reconnect", entry("id of ann", "ann", "lesson")).await;
    let (_cy, _) = Socket::join(server.port, "lesson", "cy").await;
    let (mut eve, _) = Socket::join(server.port, "lesson", SLY).await;
    for (act, body) in [
        ("remove", json!({"username": "cy", "minutes": 0})),
        ("lock", json!({"locked": true})),
        ("lock", json!({"locked": true})),
    ] {
        let done = server
            .post_as_reviewer(&format!("/api/v1/rooms/lesson/{act}"), &body)
            .unwrap();
        assert!(done.starts_with("HTTP/1.1 204"), "{done}");
    }
    again.call("leave", json!([])).await;
    eve.call("join", entry("secret id of eve", SLY, "another")).await;

    // Refused by a room, before a room, and within one.
    let mut fay = Socket::connect(server.port).await;
    fay.call("join", entry("secret id of fay", SLY, "another")).await;
    fay.call("candour", json!({"secret": "seekrit"})).await;
    eve.call(
        "offer",
        json!({"memberId": ann_id, "connectorId": "c", "offer": "seekrit", "streamType": "user"}),
    )
    .await;
    // What is right of a join that is refused is told.
    let long = "x".repeat(129);
    fay.call("join", entry("secret id of fay", "fay\nfay", "another")).await;
    fay.call("join", entry(&long, "fay", "another")).await;
    let polling = PollingSocket::join(server.port, "another", "gus").await;
    server.ask("/livez?token=seekrit").unwrap();
    server.ask(&format!("/review?token={TOKEN}")).unwrap();
    drop(ann);
    let session = polling.path().split("sid=").nth(1).unwrap();

    let log = logged.stopped();
    let told = |what| told(&log, what);
    assert_eq!(
        told("joined"),
        [
            "joined room=\"lesson\" member=\"ann\" members=1",
            "joined room=\"lesson\" member=\"bo\" members=2",
            "joined room=\"lesson\" member=\"ann\" members=1",
            "joined room=\"lesson\" member=\"cy\" members=2",
            "joined room=\"lesson\" member=\"eve\\u{2028}\\\" member=\\\"ann\" members=3",
            "joined room=\"another\" member=\"eve\\u{2028}\\\" member=\\\"ann\" members=1",
            "joined room=\"another\" member=\"gus\" members=2",
        ]
    );
    assert_eq!(
        told("left"),
        [
            "left room=\"lesson\" member=\"bo\" cause=\"timeout\"",
            "left room=\"lesson\" member=\"ann\" cause=\"replaced\"",
            "left room=\"lesson\" member=\"cy\" cause=\"removed\"",
            "left room=\"lesson\" member=\"ann\" cause=\"left\"",
            "left room=\"lesson\" member=\"eve\\u{2028}\\\" member=\\\"ann\" cause=\"moved\"",
        ]
    );
    assert_eq!(
        told("dropped"),
        ["dropped room=\"lesson\" member=\"bo\" cause=\"reset\""]
    );
    assert_eq!(
        told("acted"),
        [
            "acted room=\"lesson\" member=\"cy\" cause=\"removed\" by=\"token\"",
            "acted room=\"lesson\" cause=\"locked\" by=\"token\"",
        ]
    );
    assert_eq!(
        told("refused"),
        [
            "refused room=\"another\" member=\"eve\\u{2028}\\\" member=\\\"ann\" event=\"join\" type=\"repeat\" cause=\"Someone in this room already has this name.\" address=127.0.0.1",
            "refused type=\"invalid\" cause=\"There is no such event.\" address=127.0.0.1",
            "refused room=\"another\" member=\"eve\\u{2028}\\\" member=\\\"ann\" event=\"offer\" type=\"unknownMember\" cause=\"memberId: no such member was ever in this room.\" address=127.0.0.1",
            "refused room=\"another\" event=\"join\" type=\"invalid\" cause=\"username must not contain control characters.\" address=127.0.0.1",
            "refused room=\"another\" member=\"fay\" event=\"join\" type=\"invalid\" cause=\"id must be at most 128 characters long.\" address=127.0.0.1",
        ]
    );
    assert_eq!(
        log.matches("answered a request method=GET route=\"/livez\" status=200")
            .count(),
        1
    );
    for secret in ["id of ann", "secret id", "seekrit", TOKEN, session, "candour"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn who_comes_back_has_a_line_also_as_json() {
    let logged = LoggedServer::start(&[("LOG_FORMAT", "json")]);
    let server = &logged.server;
    let (ann, _) = Socket::join(server.port, "lesson", "ann").await;
    ann.vanish();
    eventually("ann is away", SOON, || logged.log().contains("\"dropped\"")).await;
    let (_ann, seat) = Socket::resume(server.port, "lesson", "ann").await;
    assert_eq!(seat["resumed"], true);
    let (_again, seat) = Socket::resume(server.port, "lesson", "ann").await;
    assert_eq!(seat["resumed"], true);
    let (_eve, _) = Socket::join(server.port, "another", SLY).await;
    server.ask("/livez").unwrap();
    let log = logged.stopped();
    assert!(
        log.contains("eve\\u2028\\\" member") && !log.contains('\u{2028}'),
        "{log}"
    );
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_rooms = lines.iter().filter(|line| line["room"].is_string());
    let words: Vec<_> = of_rooms
        .map(|line| ["level", "message", "room", "member", "cause"].map(|field| line[field].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        words,
        [
            ["INFO", "joined", "lesson", "ann", "-"],
            ["INFO", "dropped", "lesson", "ann", "reset"],
            ["INFO", "resumed", "lesson", "ann", "return"],
            ["INFO", "resumed", "lesson", "ann", "takeover"],
            ["INFO", "joined", "another", SLY, "-"],
        ]
    );
    assert!(!log.contains("/livez"), "requests are told at debug: {log}");
}

#[tokio::test]
async fn a_flood_of_refusals_is_some_lines_and_a_number() {
    const MESSAGES: u64 = 700;
    let logged = LoggedServer::start(&[]);
    let mut flooder = Socket::connect(logged.server.port).await;
    for _ in 0..MESSAGES {
        flooder.emit("nonsense", json!({})).await;
    }
    flooder.call("nonsense", json!({})).await;
    let rest = || {
        let log = logged.log();
        let counts = log.lines().filter_map(|line| {
            let (_, count) = line.split_once("refused more than have a line each count=")?;
            count.parse::<u64>().ok()
        });
        counts.sum::<u64>()
    };
    eventually("the rest is told", SOON, || rest() + 60 > MESSAGES).await;
    let log = logged.stopped();
    let lines = log.matches("refused type=\"invalid\"").count() as u64;
    let first_lines = told(&log, "refused").len() as u64;
    assert!((1..=120).contains(&lines), "60 a minute: {log}");
    assert!(first_lines - lines <= 10, "{log}");
}
