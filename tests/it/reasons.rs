//! The words for how somebody dropped or left, from what makes it happen to the API and the page. (A departure that was
//! lost in a gap is in `disk`.)
#![cfg(target_os = "linux")]

use std::time::Duration;

use chatroom_testkit::{ANSWER_TIMEOUT, Socket};
use serde_json::{Value, json};

use crate::support::narrow::narrow_member;
use crate::support::server::{Server, program, session_page};
use crate::support::vitals::eventually;

/// A ping and the wait for its answer.
const SILENCE: Duration = Duration::from_secs(90);

/// What a reviewer's GET gives.
pub(crate) fn asked(server: &Server, path: &str) -> String {
    let answer = server.ask_as_reviewer(path).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The `field` of the detail of somebody's last entry of a kind.
fn told(server: &Server, session: &Value, kind: &str, who: &str, field: &str) -> Option<String> {
    let session = session.as_str().unwrap();
    let answer = asked(
        server,
        &format!("/api/v1/sessions/{session}/events?kind={kind}&limit=200"),
    );
    let events: Value = serde_json::from_str(&answer).unwrap();
    let of = events["data"].as_array().unwrap().iter().rev();
    let last = of
        .filter(|event| event["username"] == who)
        .map(|event| &event["detail"][field]);
    last.filter_map(Value::as_str).map(str::to_owned).next()
}

async fn drops(server: &Server, session: &Value, who: &str, why: &str, within: Duration, sentence: &str) {
    let is_told = || told(server, session, "disconnected", who, "why").is_some();
    eventually(&format!("{who} is away"), within, is_told).await;
    let found = told(server, session, "disconnected", who, "why");
    assert_eq!(found.as_deref(), Some(why), "{who}");
    let sentence = format!("{who} dropped: {sentence}.");
    assert!(session_page(server, session).contains(&sentence), "{sentence}");
}

#[tokio::test]
async fn why_somebody_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let limits = [
        ("MESSAGES_PER_SOCKET", "20"),
        ("MAX_WAITING_PER_PAIR", "0"),
        ("RELAYS_PER_PAIR", "0"),
    ];
    let server = Server::start(program(folder.path(), &limits));
    let port = server.port;
    // Answers no ping: looked at last.
    let (_silent, seat) = Socket::join(port, "lesson", "Silent").await;
    let session = &seat["sessionId"];

    let (mut leaver, _) = Socket::join(port, "lesson", "Closer").await;
    leaver.send("41").await.unwrap();
    drops(
        &server,
        session,
        "Closer",
        "closed",
        ANSWER_TIMEOUT,
        "the page closed the connection",
    )
    .await;

    let (reset, _) = Socket::join(port, "lesson", "Reset").await;
    reset.reset();
    drops(
        &server,
        session,
        "Reset",
        "reset",
        ANSWER_TIMEOUT,
        "the connection broke",
    )
    .await;

    let (mut flooder, _) = Socket::join(port, "lesson", "Flooder").await;
    let flood = tokio::spawn(async move { while flooder.send("3").await.is_ok() {} });
    drops(
        &server,
        session,
        "Flooder",
        "rate",
        SILENCE,
        "the page sent more than a limit allows",
    )
    .await;
    flood.await.unwrap();

    let (mut sender, sender_seat) = Socket::join(port, "lesson", "Sender").await;
    let (mut stalled, seat) = narrow_member(port, "lesson", "Stalled").await;
    stalled.offer_to(&sender_seat["memberId"]).await;
    let candidate = "x".repeat(64 * 1024);
    let letter = json!({"remoteConnectorId": "c", "memberId": seat["memberId"], "candidate": candidate});
    while told(&server, session, "disconnected", "Stalled", "why").is_none() {
        sender.call("icecandidate", letter.clone()).await;
    }
    drops(
        &server,
        session,
        "Stalled",
        "stalled",
        ANSWER_TIMEOUT,
        "the page stopped reading",
    )
    .await;

    drops(&server, session, "Silent", "silent", SILENCE, "the network went silent").await;
}

#[tokio::test]
async fn why_somebody_left() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("RESUME_GRACE", "500ms"), ("RESTART_GRACE", "500ms")];
    let mut server = Server::start(program(folder.path(), &variables));
    let port = server.port;
    let (_ann, seat) = Socket::join(port, "lesson", "Ann").await;
    let session = &seat["sessionId"];

    let (mut leaver, _) = Socket::join(port, "lesson", "Leaver").await;
    leaver.emit("leave", json!([])).await;
    left(&server, session, "Leaver", "left", "left", "left").await;

    let (mut mover, _) = Socket::join(port, "lesson", "Mover").await;
    mover = mover.joined("another room", "Mover").await.0;
    left(
        &server,
        session,
        "Mover",
        "moved",
        "went to another room",
        "went to another room",
    )
    .await;
    drop(mover);

    let (first, _) = Socket::join(port, "lesson", "Twice").await;
    let (mut second, _) = Socket::join(port, "lesson", "Twice").await;
    let sentence = "joined again elsewhere, and is gone from here";
    entry(&server, session, "Twice", "replaced", sentence).await;
    second.emit("leave", json!([])).await;
    drop(first);

    let (lost, _) = Socket::join(port, "lesson", "Lost").await;
    lost.vanish();
    let sentence = "did not come back in time, and is gone";
    left(
        &server,
        session,
        "Lost",
        "timeout",
        sentence,
        "dropped, did not come back",
    )
    .await;

    for (signal, who, reason) in [
        ("KILL", "Killed", "server_crash"),
        ("TERM", "Stopped", "server_shutdown"),
    ] {
        let (_there, seat) = Socket::join(server.port, "lesson", who).await;
        let session = &seat["sessionId"];
        server.signal(signal);
        server.exit_code();
        server = Server::start(program(folder.path(), &variables));
        let sentence = "did not come back after the server stopped, and is gone";
        let ending = "did not come back after the server stopped";
        left(&server, session, who, reason, sentence, ending).await;
    }
}

/// Somebody's entry, on the API and on the page.
async fn entry(server: &Server, session: &Value, who: &str, reason: &str, sentence: &str) {
    let is_told = || told(server, session, "left", who, "reason").is_some();
    eventually(&format!("{who} is gone"), ANSWER_TIMEOUT, is_told).await;
    assert_eq!(told(server, session, "left", who, "reason").as_deref(), Some(reason));
    let sentence = format!("{who} {sentence}.");
    assert!(session_page(server, session).contains(&sentence), "{sentence}");
}

/// The same, and in the attendance.
async fn left(server: &Server, session: &Value, who: &str, reason: &str, sentence: &str, ending: &str) {
    entry(server, session, who, reason, sentence).await;
    let session = session.as_str().unwrap();
    let answer = asked(server, &format!("/api/v1/sessions/{session}/participants?limit=200"));
    let found: Value = serde_json::from_str(&answer).unwrap();
    let of = found["data"].as_array().unwrap().iter();
    let reasons: Vec<_> = of
        .filter(|person| person["username"] == who)
        .map(|person| &person["leaveReason"])
        .collect();
    assert_eq!(reasons, [reason], "{who}");
    assert!(session_page(server, &json!(session)).contains(ending), "{ending}");
}
