//! Streams of events from a running server: its stop, and readers that stop reading.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::Duration;

use chatroom_testkit::Socket;
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::support::database::Connection;
use crate::support::narrow::narrow;
use crate::support::server::{Server, TOKEN, program};
use crate::support::vitals::eventually;

/// What service managers and their users bear.
const DEADLINE: Duration = Duration::from_secs(5);
/// What a stalled connection is endured for (20 s), and what a busy machine adds.
const STALL: Duration = Duration::from_secs(40);
/// More entries than the kernel takes off the server's hands for a reader that does not read.
const ENTRIES: u32 = 20_000;
/// So many do not read.
const STUCK: usize = 30;

/// Asks for all there is, and for what comes.
async fn subscribe(mut stream: TcpStream, after: u32) -> TcpStream {
    let request = format!(
        "GET /api/v1/events?after={after} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn reader(port: u16) -> TcpStream {
    subscribe(TcpStream::connect(("127.0.0.1", port)).await.unwrap(), 0).await
}

/// Reads until a text has come.
async fn hear(stream: &mut TcpStream, text: &str) {
    let (mut heard, mut piece) = (String::new(), [0; 65_536]);
    while !heard.contains(text) {
        let read = timeout(DEADLINE, stream.read(&mut piece))
            .await
            .expect("it is silent")
            .unwrap();
        assert!(read > 0, "the stream ended before {text:?}");
        heard.push_str(&String::from_utf8_lossy(&piece[..read]));
        // A text may come in two pieces, so some of what was heard is kept.
        if !heard.contains(text) {
            let rest = heard.chars().rev().take(text.len()).collect::<Vec<_>>();
            heard = rest.into_iter().rev().collect();
        }
    }
}

/// A server with a journal of many entries.
async fn with_much_to_tell(folder: &Path) -> Server {
    let mut server = Server::start_unread(program(folder, &[]), &folder.join("log"));
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let text = "0".repeat(300);
    let fill = format!(
        "insert into event (seq, at, kind, detail)
         with recursive number (value) as (select 1 union all select value + 1 from number where value < {ENTRIES})
         select value, value, 'error', '{{\"code\":\"invalid\",\"text\":\"{text}\"}}' from number"
    );
    Connection::to(folder).await.run(fill).await;
    Server::start_unread(program(folder, &[]), &folder.join("log"))
}

#[tokio::test]
async fn a_stop_ends_open_streams_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_unread(program(folder.path(), &[]), &folder.path().join("log"));
    let (_ann, _) = Socket::join(server.port, "lesson", "ann").await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = reader(server.port).await;
        hear(&mut stream, "\"joined\"").await;
        streams.push(stream);
    }
    let start = Instant::now();
    server.signal("TERM");
    for stream in &mut streams {
        let mut rest = Vec::new();
        timeout(DEADLINE, stream.read_to_end(&mut rest))
            .await
            .expect("it ends")
            .unwrap();
        assert!(rest.ends_with(b"0\r\n\r\n"), "it ends as it should, and is not cut");
    }
    let code = tokio::task::spawn_blocking(move || server.exit_code()).await.unwrap();
    assert_eq!(code, Some(0));
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
}

#[tokio::test]
async fn streams_that_are_not_read_are_cut_and_harm_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_much_to_tell(folder.path()).await;
    let (mut ann, _) = Socket::join(server.port, "lesson", "ann").await;
    let mut watcher = subscribe(TcpStream::connect(("127.0.0.1", server.port)).await.unwrap(), ENTRIES).await;
    hear(&mut watcher, "\"joined\"").await;
    let sockets = server.sockets();
    // The history's own readers are made when they are needed, and stay.
    join_all((0..8).map(|_| async { hear(&mut reader(server.port).await, "\"joined\"").await })).await;
    eventually("those that have read are gone", DEADLINE, || {
        server.sockets() <= sockets
    })
    .await;
    let before = server.memory();

    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        stuck.push(subscribe(narrow(server.port).await, 0).await);
    }
    eventually("all are open", DEADLINE, || server.sockets() == sockets + STUCK).await;
    // Whoever reads is told at once, and the room goes on: not each time on a machine that has more to do, but mostly.
    let mut told_after = Vec::new();
    for number in 0..50 {
        let name = format!("guest {number}");
        let start = Instant::now();
        let (mut guest, _) = Socket::join(server.port, "lesson", &name).await;
        hear(&mut watcher, &name).await;
        ann.expect("getOffer").await;
        guest.call("leave", json!([])).await;
        told_after.push(start.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    told_after.sort_unstable();
    assert!(
        told_after[told_after.len() / 2] < Duration::from_secs(1),
        "{told_after:?}"
    );
    let most = server.most_memory() - before;
    assert!(
        most < STUCK * 1024 * 1024,
        "{most} bytes for {STUCK} readers that do not read"
    );
    // Ann keeps her socket; those of the guests close with their clients.
    let waiting = eventually("they are cut", STALL, || server.sockets() <= sockets);
    let end = Instant::now() + STALL + DEADLINE;
    tokio::select! {
        waited = waiting => println!("cut after {waited:?}, {most} bytes"),
        alive = ann.listen_until(end) => panic!("ann lost her socket, or they are never cut: {alive}"),
    }
    drop(stuck);
    hear(&mut reader(server.port).await, "\"joined\"").await;
}
