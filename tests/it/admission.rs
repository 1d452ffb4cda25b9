//! Who is let in when one address wants more than its share: whoever is in a class goes on, and others come in.
#![cfg(target_os = "linux")]

use chatroom_testkit::{PollingSocket, Socket};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::server::{Server, program};

const PEOPLE: usize = 300;
const CONNECTIONS: usize = 8;

fn start(folder: &std::path::Path, variables: &[(&str, &str)]) -> Server {
    Server::start_unread(program(folder, variables), &folder.join("log"))
}

/// All that a server has written, when it has stopped.
fn log_of(mut server: Server, folder: &std::path::Path) -> String {
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    std::fs::read_to_string(folder.join("log")).unwrap()
}

fn candidate(to: &Value) -> Value {
    json!({"remoteConnectorId": "c", "memberId": to, "candidate": 1})
}

/// Two in a room, of whom one polls, and a link between them.
async fn pair(port: u16) -> (Socket, Value, PollingSocket) {
    let (mut ann, _) = Socket::join(port, "class", "Ann").await;
    let ben = PollingSocket::join(port, "class", "Ben").await;
    let ben_id = ann.expect("getOffer").await["memberId"].take();
    ann.emit(
        "offer",
        json!({"connectorId": "a", "offer": 1, "memberId": ben_id, "streamType": "user"}),
    )
    .await;
    assert!(ben.poll().await.1[0].starts_with(r#"42["offer""#));
    (ann, ben_id, ben)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_socket_in_no_class_gives_way() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[("MAX_UNJOINED_PER_ADDRESS", "10")]);
    let (mut ann, ben_id, ben) = pair(server.port).await;
    let silent = Socket::connect(server.port).await;
    let opened = PollingSocket::open(server.port).await;
    let connected = PollingSocket::connect(server.port).await;
    for _ in 0..20 {
        PollingSocket::open(server.port).await;
    }
    silent.closed().await;
    for gone in [&opened, &connected] {
        assert_eq!(gone.poll().await.0, 400, "its session has ended");
    }
    let (_carl, _) = Socket::join(server.port, "class", "Carl").await;
    ann.expect("getOffer").await;
    ann.emit("hangup", json!({"connectorId": "a", "memberId": ben_id}))
        .await;
    let told: Vec<_> = ben.poll().await.1;
    assert!(
        told.iter().any(|frame| frame.starts_with(r#"42["getOffer""#)),
        "{told:?}"
    );
    // Who has left a class is a newcomer again, and gives way like one.
    let (mut dora, _) = Socket::join(server.port, "class", "Dora").await;
    assert_eq!(dora.call("leave", json!([])).await["ok"], true);
    for _ in 0..20 {
        PollingSocket::open(server.port).await;
    }
    dora.closed().await;
    assert_eq!(ann.call("icecandidate", candidate(&json!("nobody"))).await["ok"], false);
    let log = log_of(server, folder.path());
    assert_eq!(log.matches("MAX_UNJOINED_PER_ADDRESS").count(), 1, "{log}");
}

#[tokio::test]
async fn handshakes_past_the_rate_are_refused_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[("HANDSHAKES_PER_ADDRESS", "1")]);
    let path = "/socket.io/?EIO=4&transport=polling";
    let ask = |headers: &str| server.request(path, headers).unwrap();
    let mut refused = None;
    for _ in 0..200 {
        let answer = ask("accept-language: zh\r\n");
        if !answer.starts_with("HTTP/1.1 200") {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the rate has no end");
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.to_lowercase().contains("\r\nretry-after: "), "{refused}");
    assert!(refused.contains("请稍候"), "{refused}");
    assert!(
        refused.to_lowercase().contains("access-control-allow-origin"),
        "{refused}"
    );
    let elsewhere = ask("x-forwarded-for: 192.0.2.1\r\n");
    assert!(
        elsewhere.starts_with("HTTP/1.1 200"),
        "another client of the proxy: {elsewhere}"
    );
    let log = log_of(server, folder.path());
    assert_eq!(log.matches("HANDSHAKES_PER_ADDRESS").count(), 1, "{log}");
}

#[tokio::test]
async fn only_pages_of_allowed_origins_connect() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[("ALLOWED_ORIGINS", "https://*.class.example")]);
    for (origin, status) in [
        ("https://a.b.class.example", "200"),
        ("https://class.example", "403"),
        ("https://evil.example", "403"),
        ("https://evil.example", "403"),
    ] {
        let path = "/socket.io/?EIO=4&transport=polling";
        let answer = server.request(path, &format!("origin: {origin}\r\n")).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{origin}: {answer}");
        let may_read = answer.contains(&format!("access-control-allow-origin: {origin}\r\n"));
        assert_eq!(may_read, status == "200", "{origin}: {answer}");
        assert_eq!(
            answer.contains(&format!("of the origin {origin} may not")),
            status == "403",
            "{answer}"
        );
    }
    let log = log_of(server, folder.path());
    let told: Vec<_> = log.lines().filter(|line| line.contains("ALLOWED_ORIGINS")).collect();
    assert_eq!(told.len(), 2, "each once a minute: {log}");
    assert!(
        told[0].contains("https://class.example") && told[1].contains("https://evil.example"),
        "{log}"
    );
}

#[tokio::test]
async fn the_log_says_who_was_kept_out_of_which_room() {
    const ROOM: &str = "Chemie 101";
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[("MAX_ROOM_MEMBERS", "2")]);
    let port = server.port;
    let _ann = Socket::join(port, ROOM, "Ann").await;
    let mut sockets = Vec::new();
    for (name, refused) in [("ANN", json!("repeat")), ("Bo", Value::Null), ("Cy", json!("roomFull"))] {
        let mut socket = Socket::connect(port).await;
        let payload = json!({"roomname": ROOM, "username": name, "id": format!("secret-of-{name}-0123456789")});
        let answer = socket.call("join", payload).await;
        assert_eq!(answer["error"]["type"], refused, "{answer}");
        sockets.push(socket);
    }
    let log = log_of(server, folder.path());
    for (name, what) in [("ANN", "type=\"repeat\""), ("Cy", "variable=\"MAX_ROOM_MEMBERS\"")] {
        let told: Vec<_> = log.lines().filter(|line| line.contains(what)).collect();
        assert_eq!(told.len(), 1, "{log}");
        assert!(
            told[0].contains(&format!("{ROOM:?}")) && told[0].contains(&format!("{name:?}")),
            "{log}"
        );
    }
    assert!(!log.contains("secret-of"), "{log}");
}

/// One of a school: several connections, of which one becomes a socket, the others stay.
async fn come(port: u16, number: usize, event: &'static str) -> (Socket, Vec<TcpStream>, Value) {
    let mut others = Vec::new();
    for _ in 1..CONNECTIONS {
        others.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let mut socket = Socket::connect(port).await;
    let me = json!({
        "id": format!("the secret id of person {number}"),
        "username": format!("person {number}"),
        "roomname": format!("room {}", number / 30),
    });
    let seat = socket.call(event, me).await;
    (socket, others, seat)
}

/// All at once, as after a short loss of the school's line: the first time to join, then to resume while the server has
/// not yet noticed that the old connections are dead.
#[tokio::test(flavor = "multi_thread")]
async fn a_school_behind_one_address_comes_in_and_back() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[]);
    let mut before = Vec::new();
    for event in ["join", "reconnect"] {
        let began = Instant::now();
        let mut coming = JoinSet::new();
        for number in 0..PEOPLE {
            coming.spawn(come(server.port, number, event));
        }
        let came = coming.join_all().await;
        for (_, _, seat) in &came {
            assert_eq!(seat["ok"], true, "{event}: {seat}");
            assert_eq!(seat["resumed"], event == "reconnect", "{seat}");
        }
        eprintln!("{event}: {PEOPLE} people in {:?}", began.elapsed());
        before.push(came);
    }
    let log = log_of(server, folder.path());
    assert!(!log.contains("WARN"), "{log}");
}

async fn silence(port: u16, from: &str) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    socket.connect(([127, 0, 0, 1], port).into()).await.ok()
}

/// A server with few descriptors, and one client that opens more silent connections than there are, again and again.
/// From another address it is as if it were not there; from the class's own it takes some tries to come in.
#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_keep_nobody_out_of_a_class() {
    for (from, is_elsewhere) in [("127.0.0.2", true), ("127.0.0.1", false)] {
        let folder = tempfile::tempdir().unwrap();
        let limited = format!("ulimit -n 256; exec {}", crate::support::server::PROGRAM);
        let mut start = crate::support::server::command("/bin/sh", folder.path());
        start.args(["-c", &limited]).env("PORT", "0");
        let server = Server::start_unread(start, &folder.path().join("log"));
        let (mut ann, _, _ben) = pair(server.port).await;
        let port = server.port;
        let flood = tokio::spawn(async move {
            let mut silent = VecDeque::new();
            loop {
                silent.extend(silence(port, from).await);
                if silent.len() > 300 {
                    silent.pop_front();
                }
            }
        });
        let (mut came, mut failed) = (0, 0);
        while came < 4 {
            let Some(socket) = Socket::try_connect(port).await else {
                failed += 1;
                continue;
            };
            let name = format!("guest {came}");
            let (_guest, seat) = socket.joined("class", &name).await;
            assert_eq!(ann.expect("getOffer").await["memberId"], seat["memberId"]);
            came += 1;
        }
        flood.abort();
        eprintln!("beside a flood from {from}: {came} came in, {failed} did not at once");
        assert!(failed == 0 || !is_elsewhere, "{came} came in, {failed} did not");
    }
}
