//! What an operator's Prometheus reads of a server in which things happen.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use chatroom_server::metrics::Metric;
use chatroom_testkit::{PollingSocket, Socket};
use serde_json::json;

use crate::support::class::pair;
use crate::support::database::{Lock, Schema};
use crate::support::metrics::{Metrics, ask};
use crate::support::server::{Server, TOKEN, program, said};
use crate::support::vitals::eventually;

const LISTEN: (&str, &str) = ("METRICS_LISTEN", "0");
const SOON: Duration = Duration::from_secs(30);

/// What takes a broken disk, or a log that nobody reads, and has a test of its own.
const IN_TROUBLE: [Metric; 3] = [Metric::JournalDepth, Metric::RecordsDropped, Metric::LogLinesDropped];

fn entry(name: &str, room: &str) -> serde_json::Value {
    json!({"id": format!("id of {name}"), "username": name, "roomname": room})
}

#[tokio::test]
async fn every_metric_counts_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [LISTEN, ("JOINS_PER_SOCKET", "2"), ("RESUME_GRACE", "1h")];
    let server = Server::start_unread(program(folder.path(), &variables), &folder.path().join("log"));
    let before = Metrics::of(&server);
    for series in [
        "chatroom_refusals_total{type=\"repeat\"}",
        "chatroom_joins_total{outcome=\"joined\"}",
    ] {
        assert_eq!(before.series.get(series), Some(&0.0), "known beforehand");
    }

    // Two meet, one is lost and back, a third polls and is lost, a fourth is taken out.
    let ((mut ann, ann_id), (bo, bo_id)) = pair(server.port, "lesson").await;
    let candidate = |to| json!({"remoteConnectorId": "b1", "memberId": to, "candidate": "c"});
    ann.call("icecandidate", candidate(&bo_id)).await;
    bo.vanish();
    let away = "chatroom_members{presence=\"away\"}";
    eventually("bo is away", SOON, || Metrics::of(&server).get(away) == 1.0).await;
    // What is kept for who is away counts when it is handed over.
    ann.call("icecandidate", candidate(&bo_id)).await;
    let (mut bo, seat) = Socket::resume(server.port, "lesson", "bo").await;
    assert_eq!(seat["resumed"], true);
    bo.expect("icecandidate").await;
    let cy = PollingSocket::join(server.port, "lesson", "cy").await;
    let (di, _) = Socket::join(server.port, "other lesson", "di").await;
    di.vanish();
    let (_ed, _) = Socket::join(server.port, "lesson", "ed").await;
    let removed = server.post_as_reviewer("/api/v1/rooms/lesson/remove", &json!({"username": "ed", "minutes": 0}));
    assert!(removed.unwrap().starts_with("HTTP/1.1 204"));

    // A name that is taken, one join too many, and one that is not known any more.
    let mut fay = Socket::connect(server.port).await;
    for kind in ["repeat", "repeat", "rateLimited"] {
        let mut identity = entry("Bo", "lesson");
        identity["id"] = "another".into();
        let refused = fay.call("join", identity).await;
        assert_eq!(refused["error"]["type"], kind, "{refused}");
    }
    let mut gus = Socket::connect(server.port).await;
    assert_eq!(gus.call("reconnect", entry("gus", "lesson")).await["resumed"], false);
    ann.call(
        "offer",
        json!({"connectorId": "a9", "offer": 0, "memberId": ann_id, "streamType": "user"}),
    )
    .await;
    assert!(
        server
            .ask_as_reviewer("/api/v1/sessions")
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    assert!(server.ask("/no/such/path/of/fay").unwrap().starts_with("HTTP/1.1 404"));

    eventually("di is away", SOON, || Metrics::of(&server).get(away) == 1.0).await;
    let metrics = Metrics::of(&server);
    for (series, count) in [
        ("chatroom_sockets{transport=\"polling\"}", 1.0),
        ("chatroom_rooms", 2.0),
        ("chatroom_members{presence=\"present\"}", 4.0),
        ("chatroom_members{presence=\"away\"}", 1.0),
        ("chatroom_relays_total{event=\"offer\"}", 1.0),
        ("chatroom_relays_total{event=\"answer\"}", 1.0),
        ("chatroom_relays_total{event=\"icecandidate\"}", 2.0),
        ("chatroom_joins_total{outcome=\"joined\"}", 5.0),
        ("chatroom_joins_total{outcome=\"refused\"}", 3.0),
        ("chatroom_resumes_total{outcome=\"resumed\"}", 1.0),
        ("chatroom_resumes_total{outcome=\"joined\"}", 1.0),
        ("chatroom_drops_total{reason=\"reset\"}", 2.0),
        ("chatroom_leaves_total{reason=\"removed\"}", 1.0),
        ("chatroom_actions_total{action=\"removed\"}", 1.0),
        ("chatroom_refusals_total{type=\"removed\"}", 1.0),
        ("chatroom_refusals_total{type=\"repeat\"}", 2.0),
        ("chatroom_refusals_total{type=\"rateLimited\"}", 1.0),
        ("chatroom_refusals_total{type=\"invalid\"}", 1.0),
        ("chatroom_limits_hit_total{limit=\"JOINS_PER_SOCKET\"}", 1.0),
        (
            "chatroom_http_requests_total{route=\"/api/v1/sessions\",status=\"200\"}",
            1.0,
        ),
        ("chatroom_http_requests_total{route=\"other\",status=\"404\"}", 1.0),
        (
            "chatroom_http_request_duration_seconds_count{route=\"/api/v1/sessions\"}",
            1.0,
        ),
    ] {
        assert_eq!(metrics.get(series), count, "{series}: {metrics:#?}");
    }
    assert!(
        metrics.get("chatroom_sockets{transport=\"websocket\"}") >= 4.0,
        "{metrics:#?}"
    );

    // Of PostgreSQL's disk the server knows nothing.
    let is_of_nodes = |metric: &Metric| metric.name().starts_with("chatroom_cluster_");
    let is_there = |metric: &&Metric| {
        !is_of_nodes(metric) && (**metric != Metric::DiskFree || Schema::of(folder.path()).is_none())
    };
    for metric in Metric::ALL.iter().filter(is_there) {
        let name = metric.name();
        assert_eq!(
            metrics.kinds.get(name).map(String::as_str),
            Some(metric.kind().as_str()),
            "{name}"
        );
        assert_eq!(
            metrics.says.get(name).map(String::as_str),
            Some(metric.says()),
            "{name}"
        );
        assert!(
            metrics.sum(name) > 0.0 || IN_TROUBLE.contains(metric),
            "{name}: {metrics:#?}"
        );
    }
    let names: Vec<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    let unknown: Vec<_> = metrics
        .kinds
        .keys()
        .filter(|name| !names.contains(&name.as_str()))
        .collect();
    assert_eq!(unknown, Vec::<&String>::new(), "what is exported and not documented");
    let told = format!("{:?}", metrics.series);
    for name in ["lesson", "ann", "bo\"", "127.0.0.1"] {
        assert!(!told.contains(name), "{name}: {told}");
    }
    drop((ann, bo, cy, fay, gus));
}

#[tokio::test]
async fn what_waits_for_the_disk_and_what_is_lost_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [LISTEN, ("JOURNAL_BACKLOG", "10")];
    let server = Server::start_unread(program(folder.path(), &variables), &folder.path().join("log"));
    let lock = Lock::hold(folder.path()).await;
    let mut ann = Socket::connect(server.port).await;
    ann.call("join", entry("ann", "lesson")).await;
    // By now its commit has been tried.
    let tried = Instant::now();
    assert!(Metrics::of(&server).get("chatroom_journal_depth") > 0.0);
    while Metrics::of(&server).get("chatroom_journal_records_dropped_total") == 0.0 {
        ann.call("nonsense", json!({})).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let held = tried.elapsed().as_secs_f64();
    lock.release().await;
    eventually("all that waited is written", SOON, || {
        Metrics::of(&server).get("chatroom_journal_depth") == 0.0
    })
    .await;
    let took = Metrics::of(&server).get("chatroom_journal_commit_duration_seconds_sum");
    assert!(took >= held, "all attempts count: {took} s of {held} s");
    assert!(Metrics::of(&server).get("chatroom_limits_hit_total{limit=\"JOURNAL_BACKLOG\"}") > 0.0);
}

#[tokio::test]
async fn a_replaced_socket_is_told_and_counted_and_a_repeated_join_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_unread(program(folder.path(), &[LISTEN]), &folder.path().join("log"));
    let (_first, _) = Socket::join(server.port, "lesson", "ann").await;
    let (mut second, _) = Socket::join(server.port, "lesson", "ann").await;
    for event in ["join", "reconnect"] {
        assert_eq!(second.call(event, entry("ann", "lesson")).await["ok"], true);
    }
    let metrics = Metrics::of(&server);
    for (series, count) in [
        ("chatroom_refusals_total{type=\"replaced\"}", 1.0),
        ("chatroom_joins_total{outcome=\"joined\"}", 2.0),
        ("chatroom_resumes_total{outcome=\"resumed\"}", 0.0),
    ] {
        assert_eq!(metrics.get(series), count, "{series}: {metrics:#?}");
    }
}

#[tokio::test]
async fn what_the_disk_has_no_space_for_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [LISTEN, ("MIN_FREE_DISK", "1TiB")];
    let server = Server::start_unread(program(folder.path(), &variables), &folder.path().join("log"));
    if Metrics::of(&server).get("chatroom_disk_free_bytes") > (1_u64 << 40) as f64 {
        // No more can be asked for.
        return;
    }
    let mut ann = Socket::connect(server.port).await;
    ann.call("nonsense", json!({})).await;
    assert!(Metrics::of(&server).get("chatroom_limits_hit_total{limit=\"MIN_FREE_DISK\"}") > 0.0);
}

#[test]
fn questions_that_nobody_has_time_for_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        LISTEN,
        ("MAX_ANSWERS", "1"),
        ("MAX_QUESTIONS", "0"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "0"),
    ];
    let server = Server::start_unread(program(folder.path(), &variables), &folder.path().join("log"));
    let began = Instant::now();
    let busy = "chatroom_limits_hit_total{limit=\"MAX_ANSWERS\"}";
    while Metrics::of(&server).get(busy) == 0.0 {
        assert!(began.elapsed() < SOON, "nobody was told to come back");
        let mut asked: Vec<_> = (0..600)
            .map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap())
            .collect();
        for stream in &mut asked {
            let head = "GET /api/v1/sessions HTTP/1.1\r\nhost: localhost\r\nconnection: close";
            write!(stream, "{head}\r\nauthorization: Bearer {TOKEN}\r\n\r\n").unwrap();
        }
        for stream in &mut asked {
            stream.read_to_end(&mut Vec::new()).ok();
        }
    }
}

/// It would hold up whoever joins.
#[tokio::test]
async fn a_log_that_nobody_reads_loses_lines_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[LISTEN, ("LOG", "trace")]));
    while Metrics::of(&server).get("chatroom_log_lines_dropped_total") == 0.0 {
        for _ in 0..100 {
            assert!(server.ask("/livez").unwrap().starts_with("HTTP/1.1 200"));
        }
    }
    let (_ann, seat) = Socket::join(server.port, "lesson", "ann").await;
    assert_eq!(seat["ok"], true);
}

#[test]
fn metrics_are_nowhere_unless_wanted_and_there_is_nothing_else_at_their_port() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_unread(program(folder.path(), &[]), &folder.path().join("log"));
    assert!(
        !server.banner.iter().any(|line| line.contains("Metrics")),
        "{:?}",
        server.banner
    );
    assert!(server.ask("/metrics").unwrap().starts_with("HTTP/1.1 404"));
    drop(server);

    let server = Server::start_unread(program(folder.path(), &[LISTEN]), &folder.path().join("log"));
    assert!(server.ask("/metrics").unwrap().starts_with("HTTP/1.1 404"));
    for path in ["/", "/readyz", "/review", "/socket.io/?EIO=4&transport=polling"] {
        assert!(ask(&server, path).starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[test]
fn a_port_that_is_taken_is_told_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("127.0.0.1:{}", taken.local_addr().unwrap().port());
    let output = program(folder.path(), &[("METRICS_LISTEN", &listen)]).output().unwrap();
    let (code, told) = said(&output);
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("is taken") && told.contains("variable METRICS_LISTEN"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}

/// As any other port: who has no place left in a class gives way, and the one who asks is answered.
#[test]
fn strangers_cannot_fill_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [LISTEN, ("MAX_CONNECTIONS_PER_ADDRESS", "40")];
    let server = Server::start_unread(program(folder.path(), &variables), &folder.path().join("log"));
    let silent: Vec<_> = (0..200).map(|_| crate::support::metrics::connect(&server)).collect();
    assert!(Metrics::of(&server).get("chatroom_limits_hit_total{limit=\"MAX_CONNECTIONS_PER_ADDRESS\"}") >= 100.0);
    let mut ended = 0;
    for mut stream in silent.into_iter().take(100) {
        ended += usize::from(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }
    assert_eq!(ended, 100, "the oldest gave way");
}
