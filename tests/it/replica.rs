//! A copy of the history that follows it, which pages and the API read.
#![cfg(unix)]

use std::time::{Duration, Instant};

use chatroom_testkit::Socket;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::support::cluster::Cluster;
use crate::support::follower::Follower;
use crate::support::server::{Server, TOKEN, program, said};
use crate::support::standby::Pair;

const SESSIONS: &str = "/api/v1/sessions";
const LINKS: &str = "/api/v1/review-links";

/// Waits until what is told there has a word.
async fn until_told(mut told: impl FnMut() -> String, word: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let told = told();
        if told.contains(word) {
            return;
        }
        assert!(Instant::now() < deadline, "{word}: {told}");
        sleep(Duration::from_millis(50)).await;
    }
}

fn read(server: &Server, path: &str) -> String {
    server.ask_as_reviewer(path).unwrap()
}

#[tokio::test]
async fn pages_read_the_copy_and_a_feed_tells_nothing_twice() {
    let (pair, cluster) = Pair::new(false).await;
    let copy = pair.standby_url(&cluster);
    let (at_copy, mut at_database) = (cluster.start_with(1, &[("DATABASE_READ_URL", &copy)]), cluster.start(2));
    let ports = watch::Sender::new(vec![at_database.port]);
    let follower = Follower::of(0, ports.subscribe());
    let (_ann, _) = Socket::join(at_database.port, "lesson", "Ann").await;
    until_told(|| read(&at_copy, SESSIONS), "lesson").await;

    pair.fall_behind().await;
    let (_bo, _) = Socket::join(at_database.port, "another", "Bo").await;
    assert!(read(&at_database, SESSIONS).contains("another"));
    assert!(!read(&at_copy, SESSIONS).contains("another"));
    let newest = cluster.text("select max(seq)::text from chatroom.event").await;
    until_told(|| follower.seen(), &newest).await;

    // Who may read what is true at once.
    let link = json!({"name": "Ms Rao", "room": "lesson", "hours": 24});
    let made = at_copy.post_as_reviewer(LINKS, &link).unwrap();
    let (_, made) = made.split_once("\r\n\r\n").unwrap();
    let made: Value = serde_json::from_str(made).unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(read(&at_copy, LINKS).contains(id), "{made}");
    let revoke = format!("authorization: Bearer {TOKEN}\r\n");
    let revoked = at_copy
        .exchange("DELETE", &format!("{LINKS}/{id}"), &revoke, "")
        .unwrap();
    assert!(revoked.starts_with("HTTP/1.1 204"), "{revoked}");
    assert!(!read(&at_copy, LINKS).contains(id));

    // Who goes on with a number that the copy has not got yet.
    ports.send_replace(vec![at_copy.port]);
    at_database.signal("KILL");
    at_database.exit_code();
    let (_cy, _) = Socket::join(at_copy.port, "third", "Cy").await;
    let newest = cluster.text("select max(seq)::text from chatroom.event").await;
    until_told(|| follower.port().to_string(), &at_copy.port.to_string()).await;
    pair.catch_up().await;
    until_told(|| follower.seen(), &newest).await;
    until_told(|| read(&at_copy, SESSIONS), "third").await;
    let seen = follower.seen();
    let (_, last) = seen.rsplit_once(',').unwrap();
    let entries = format!("select string_agg(seq::text, ',' order by seq) from chatroom.event where seq <= {last}");
    follower.check(&cluster.text(&entries).await);
}

#[tokio::test]
async fn a_copy_that_cannot_be_reached_costs_the_pages_only() {
    let cluster = Cluster::new().await;
    let copy = cluster.url.replace("port=", "port=1");
    let server = cluster.start_with(1, &[("DATABASE_READ_URL", &copy)]);
    let log = cluster.logged(1);
    assert!(
        log.contains("DATABASE_READ_URL: what is read from there is unavailable"),
        "{log}"
    );
    let (_ann, _) = Socket::join(server.port, "lesson", "Ann").await;
    let answer = read(&server, SESSIONS);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(server.is_ready());
}

#[tokio::test]
async fn the_copy_of_another_history_is_refused() {
    let (one, other) = (Cluster::new().await, Cluster::new().await);
    drop(other.start(1));
    let folder = tempfile::tempdir().unwrap();
    for task in [&[][..], &["check"]] {
        let variables = [("DATABASE_URL", &*one.url), ("DATABASE_READ_URL", &*other.url)];
        let output = program(folder.path(), &variables).args(task).output().unwrap();
        let (code, text) = said(&output);
        assert_ne!(code, Some(0), "{text}");
        let none = "is no copy of the one that DATABASE_URL names";
        assert!(text.contains(none), "{text}");
    }
}
