//! Every word of the vocabulary, from what makes it happen to the API and the page. (What was lost in a gap is in `disk`.)
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::time::Duration;

use chatroom_server::model::vocabulary::{DropReason, EventKind, LeaveReason, LinkCloseReason, Outcome};
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

/// The rows of a list of a session.
fn rows(server: &Server, session: &Value, list: &str) -> Vec<Value> {
    let session = session.as_str().unwrap();
    let answer = asked(server, &format!("/api/v1/sessions/{session}/{list}"));
    let mut found: Value = serde_json::from_str(&answer).unwrap();
    assert!(found["nextCursor"].is_null(), "{list} fits on one page");
    found["data"].as_array_mut().unwrap().drain(..).collect()
}

/// The `field` of the detail of somebody's last entry of a kind.
fn told(server: &Server, session: &Value, kind: EventKind, who: &str, field: &str) -> Option<String> {
    let events = rows(server, session, &format!("events?kind={}&limit=200", kind.as_str()));
    let of = events.iter().rev().filter(|event| event["username"] == who);
    let last = of.map(|event| &event["detail"][field]);
    last.filter_map(Value::as_str).map(str::to_owned).next()
}

/// Why somebody is gone, as the attendance says.
pub(crate) fn leave_reason(server: &Server, session: &Value, who: &str) -> Value {
    let mut people = rows(server, session, "participants?limit=200");
    let person = people.iter_mut().find(|person| person["username"] == who).unwrap();
    person["leaveReason"].take()
}

/// Without what sets names apart from the text around them.
fn plain(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

/// What the page says of it.
fn because(why: DropReason) -> &'static str {
    match why {
        DropReason::Closed => "the page closed the connection",
        DropReason::Reset => "the connection broke",
        DropReason::Silent => "the network went silent",
        DropReason::Stalled => "the page stopped reading",
        DropReason::Rate => "the page sent more than a limit allows",
        DropReason::Server => "the server stopped, or ended the connection",
    }
}

async fn drops(server: &Server, session: &Value, who: &str, why: DropReason, within: Duration) -> DropReason {
    let is_told = || told(server, session, EventKind::Disconnected, who, "why").is_some();
    eventually(&format!("{who} is away"), within, is_told).await;
    let found = told(server, session, EventKind::Disconnected, who, "why");
    assert_eq!(found.as_deref(), Some(why.as_str()), "{who}");
    let sentence = format!("{who} dropped: {}.", because(why));
    assert!(session_page(server, session).contains(&sentence), "{sentence}");
    why
}

#[tokio::test]
async fn why_somebody_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let limits = [
        ("MESSAGES_PER_SOCKET", "20"),
        ("MAX_WAITING_PER_PAIR", "0"),
        ("RELAYS_PER_PAIR", "0"),
    ];
    let mut server = Server::start(program(folder.path(), &limits));
    let port = server.port;
    let mut seen = BTreeSet::new();
    // Answers no ping: looked at last.
    let (_silent, seat) = Socket::join(port, "lesson", "Silent").await;
    let session = &seat["sessionId"];

    let (mut leaver, _) = Socket::join(port, "lesson", "Closer").await;
    leaver.send("41").await.unwrap();
    seen.insert(drops(&server, session, "Closer", DropReason::Closed, ANSWER_TIMEOUT).await);

    let (reset, _) = Socket::join(port, "lesson", "Reset").await;
    reset.reset();
    seen.insert(drops(&server, session, "Reset", DropReason::Reset, ANSWER_TIMEOUT).await);

    let (mut flooder, _) = Socket::join(port, "lesson", "Flooder").await;
    let flood = tokio::spawn(async move { while flooder.send("3").await.is_ok() {} });
    seen.insert(drops(&server, session, "Flooder", DropReason::Rate, SILENCE).await);
    flood.await.unwrap();

    let (mut sender, sender_seat) = Socket::join(port, "lesson", "Sender").await;
    let (mut stalled, seat) = narrow_member(port, "lesson", "Stalled").await;
    stalled.offer_to(&sender_seat["memberId"]).await;
    let candidate = "x".repeat(64 * 1024);
    let letter = json!({"remoteConnectorId": "c", "memberId": seat["memberId"], "candidate": candidate});
    while told(&server, session, EventKind::Disconnected, "Stalled", "why").is_none() {
        sender.call("icecandidate", letter.clone()).await;
    }
    seen.insert(drops(&server, session, "Stalled", DropReason::Stalled, ANSWER_TIMEOUT).await);

    seen.insert(drops(&server, session, "Silent", DropReason::Silent, SILENCE).await);

    let (_there, _) = Socket::join(port, "lesson", "There").await;
    server.signal("TERM");
    server.exit_code();
    server = Server::start(program(folder.path(), &limits));
    seen.insert(drops(&server, session, "There", DropReason::Server, ANSWER_TIMEOUT).await);

    assert_eq!(seen, DropReason::ALL.iter().copied().collect());
}

/// What the page says of it in the log, and in the attendance.
fn gone(reason: LeaveReason) -> [&'static str; 2] {
    match reason {
        LeaveReason::Left => ["left", "left"],
        LeaveReason::Closed => ["had closed the page, and is gone", "closed the page"],
        LeaveReason::Timeout => ["did not come back in time, and is gone", "dropped, did not come back"],
        LeaveReason::Replaced => [
            "joined again elsewhere, and is gone from here",
            "joined again elsewhere",
        ],
        LeaveReason::Moved => ["went to another room", "went to another room"],
        LeaveReason::Removed => ["was removed by a teacher", "removed by a teacher"],
        LeaveReason::ServerShutdown | LeaveReason::ServerCrash => [
            "did not come back after the server stopped, and is gone",
            "did not come back after the server stopped",
        ],
        LeaveReason::Gap => [
            "is gone; how and when was not recorded",
            "gone, how and when was not recorded",
        ],
    }
}

#[tokio::test]
async fn why_somebody_left() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("RESUME_GRACE", "500ms"), ("RESTART_GRACE", "500ms")];
    let mut server = Server::start(program(folder.path(), &variables));
    let port = server.port;
    // One that is lost in a gap.
    let mut seen = BTreeSet::from([LeaveReason::Gap]);
    let (_ann, seat) = Socket::join(port, "lesson", "Ann").await;
    let session = &seat["sessionId"];

    let (mut leaver, _) = Socket::join(port, "lesson", "Leaver").await;
    leaver.emit("leave", json!([])).await;
    seen.insert(left(&server, session, "Leaver", LeaveReason::Left).await);

    let (mut mover, _) = Socket::join(port, "lesson", "Mover").await;
    mover = mover.joined("another room", "Mover").await.0;
    seen.insert(left(&server, session, "Mover", LeaveReason::Moved).await);
    drop(mover);

    let (_removed, _) = Socket::join(port, "lesson", "Removed").await;
    let body = json!({"username": "Removed", "minutes": 10});
    let answer = server.post_as_reviewer("/api/v1/rooms/lesson/remove", &body).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    seen.insert(left(&server, session, "Removed", LeaveReason::Removed).await);

    let (first, _) = Socket::join(port, "lesson", "Twice").await;
    let (mut second, _) = Socket::join(port, "lesson", "Twice").await;
    // In the attendance they are there.
    entry(&server, session, "Twice", LeaveReason::Replaced).await;
    seen.insert(LeaveReason::Replaced);
    second.emit("leave", json!([])).await;
    drop(first);

    let (mut closer, _) = Socket::join(port, "lesson", "Closer").await;
    closer.send("41").await.unwrap();
    seen.insert(left(&server, session, "Closer", LeaveReason::Closed).await);

    let (lost, _) = Socket::join(port, "lesson", "Lost").await;
    lost.vanish();
    seen.insert(left(&server, session, "Lost", LeaveReason::Timeout).await);

    for (signal, who, reason) in [
        ("KILL", "Killed", LeaveReason::ServerCrash),
        ("TERM", "Stopped", LeaveReason::ServerShutdown),
    ] {
        let (_there, seat) = Socket::join(server.port, "lesson", who).await;
        let session = &seat["sessionId"];
        server.signal(signal);
        server.exit_code();
        server = Server::start(program(folder.path(), &variables));
        seen.insert(left(&server, session, who, reason).await);
    }
    assert_eq!(seen, LeaveReason::ALL.iter().copied().collect());
}

/// Somebody's entry, on the API and on the page.
async fn entry(server: &Server, session: &Value, who: &str, reason: LeaveReason) {
    let found = || told(server, session, EventKind::Left, who, "reason");
    eventually(&format!("{who} is gone"), ANSWER_TIMEOUT, || found().is_some()).await;
    assert_eq!(found().as_deref(), Some(reason.as_str()));
    let sentence = format!("{who} {}.", gone(reason)[0]);
    assert!(session_page(server, session).contains(&sentence), "{sentence}");
}

/// The same, and in the attendance.
async fn left(server: &Server, session: &Value, who: &str, reason: LeaveReason) -> LeaveReason {
    entry(server, session, who, reason).await;
    assert_eq!(leave_reason(server, session, who), reason.as_str(), "{who}");
    let (page, name) = (session_page(server, session), format!("<bdi>{who}</bdi>"));
    let mut rows = page.split(&name).skip(1).filter_map(|rest| rest.split("</tr>").next());
    let cell = format!(">{}</td>", gone(reason)[1]);
    assert!(rows.any(|row| row.contains(&cell)), "{who}: {cell}");
    reason
}

#[tokio::test]
async fn a_restart_is_told_once_and_counted_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(program(folder.path(), &[]));
    let (_ann, seat) = Socket::join(server.port, "lesson", "Ann").await;
    let (_bo, _) = Socket::join(server.port, "lesson", "Bo").await;
    let session = &seat["sessionId"];
    server.signal("TERM");
    server.exit_code();
    server = Server::start(program(folder.path(), &[]));
    let mut back = Vec::new();
    for who in ["Ann", "Bo"] {
        let (socket, seat) = Socket::resume(server.port, "lesson", who).await;
        assert_eq!(seat["resumed"], true, "{seat}");
        back.push(socket);
    }
    let page = session_page(&server, session);
    let sentence = page
        .split("The server was restarted, or its machine slept, at ")
        .nth(1)
        .expect("it is told");
    assert!(sentence.contains("; all came back within "), "{sentence}");
    assert!(!page.contains("dropped and came back"), "{page}");
    let people = rows(&server, session, "participants");
    let ann = people.iter().find(|person| person["username"] == "Ann").unwrap();
    assert_eq!(ann["presentPct"], 100.0, "{ann}");
}

/// What the page says of it; nothing of what belongs to no session.
fn happened(kind: EventKind) -> Option<&'static str> {
    match kind {
        EventKind::SessionStarted => Some("The session began."),
        EventKind::Joined => Some("Bo came in: 2 people in the room."),
        EventKind::Disconnected => Some("Bo dropped: the connection broke."),
        EventKind::Reconnected => Some("Bo came back."),
        EventKind::Error => Some("Bo was refused "),
        EventKind::Left => Some("Bo left."),
        EventKind::SessionEnded => Some("The session was over."),
        EventKind::Action => Some("A teacher locked the room: nobody new came in from then on."),
        EventKind::Gap => None,
    }
}

#[tokio::test]
async fn what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[("SESSION_LINGER", "500ms")]));
    let (mut ann, seat) = Socket::join(server.port, "lesson", "Ann").await;
    let session = &seat["sessionId"];
    let (bo, _) = Socket::join(server.port, "lesson", "Bo").await;
    bo.reset();
    let is_away = || told(&server, session, EventKind::Disconnected, "Bo", "why").is_some();
    eventually("Bo is away", ANSWER_TIMEOUT, is_away).await;
    let (mut bo, seat) = Socket::resume(server.port, "lesson", "Bo").await;
    assert_eq!(seat["resumed"], true, "{seat}");
    bo.call("offer", json!({})).await;
    let answer = server.post_as_reviewer("/api/v1/rooms/lesson/lock", &json!({"locked": true}));
    assert!(answer.unwrap().starts_with("HTTP/1.1 204"));
    bo.emit("leave", json!([])).await;
    ann.emit("leave", json!([])).await;
    let kinds = || {
        let events = rows(&server, session, "events?limit=200");
        let kinds = events
            .iter()
            .map(|event| EventKind::parse(event["kind"].as_str().unwrap()));
        kinds.collect::<Option<BTreeSet<_>>>().unwrap()
    };
    let is_over = || kinds().contains(&EventKind::SessionEnded);
    eventually("the session is over", ANSWER_TIMEOUT, is_over).await;
    let expected = EventKind::ALL.iter().copied().filter(|kind| happened(*kind).is_some());
    assert_eq!(kinds(), expected.collect());
    let page = session_page(&server, session);
    for sentence in EventKind::ALL.iter().filter_map(|kind| happened(*kind)) {
        assert!(page.contains(sentence), "{sentence}");
    }
}

/// What the page says of a pair of this outcome, of people who were together for some seconds.
fn became(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Connected => "Ann and Bo connected, by a TURN server.",
        Outcome::Waiting => "Ann and Cy are still connecting.",
        Outcome::NoAnswer => "Ann and Cy parted before there was time to connect.",
        Outcome::Exchanged => "Ann and Di exchanged everything; their pages did not say whether video came.",
        Outcome::Failed => "Bo and Di never connected: no way between their networks (TURN would help).",
        Outcome::Lost => "Ann and Eve were connected, and then lost each other.",
        Outcome::NoOffer => "Bo and Cy parted before there was time to connect.",
    }
}

#[tokio::test]
async fn what_became_of_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[]));
    let port = server.port;
    let mut seen = BTreeSet::new();
    let (mut ann, ann_seat) = Socket::join(port, "lesson", "Ann").await;
    let session = &ann_seat["sessionId"];
    let ann_id = &ann_seat["memberId"];
    let (mut bo, bo_seat) = Socket::join(port, "lesson", "Bo").await;
    let (mut cy, cy_seat) = Socket::join(port, "lesson", "Cy").await;
    let (mut di, di_seat) = Socket::join(port, "lesson", "Di").await;
    let (mut eve, eve_seat) = Socket::join(port, "lesson", "Eve").await;

    offer(&mut ann, "to Bo", &bo_seat).await;
    answer(&mut bo, "to Bo", "of Bo", ann_id).await;
    candidate(&mut ann, "of Bo", &bo_seat["memberId"]).await;
    candidate(&mut bo, "to Bo", ann_id).await;
    state(&mut ann, "to Bo", &bo_seat["memberId"], "connected", Some("relay")).await;
    offer(&mut ann, "to Di", &di_seat).await;
    answer(&mut di, "to Di", "of Di", ann_id).await;
    offer(&mut bo, "to Di from Bo", &di_seat).await;
    answer(&mut di, "to Di from Bo", "of Di to Bo", &bo_seat["memberId"]).await;
    state(&mut bo, "to Di from Bo", &di_seat["memberId"], "failed", None).await;
    offer(&mut ann, "to Cy", &cy_seat).await;
    seen.insert(becomes(&server, session, Outcome::Waiting).await);
    offer(&mut ann, "first to Eve", &eve_seat).await;
    answer(&mut eve, "first to Eve", "of Eve", ann_id).await;
    state(&mut eve, "of Eve", ann_id, "connected", Some("host")).await;
    state(&mut ann, "first to Eve", &eve_seat["memberId"], "disconnected", None).await;
    seen.insert(becomes(&server, session, Outcome::Lost).await);

    for end in [&mut bo, &mut cy, &mut di] {
        end.emit("leave", json!([])).await;
    }
    for outcome in [
        Outcome::Connected,
        Outcome::NoAnswer,
        Outcome::Exchanged,
        Outcome::Failed,
        Outcome::NoOffer,
    ] {
        seen.insert(becomes(&server, session, outcome).await);
    }
    assert_eq!(seen, Outcome::ALL.iter().copied().collect());

    // One offer takes the place of another, and is lost with the socket that it was sent on.
    offer(&mut ann, "to Eve", &eve_seat).await;
    offer(&mut ann, "to Eve again", &eve_seat).await;
    eve.vanish();
    let (_eve, seat) = Socket::resume(port, "lesson", "Eve").await;
    assert_eq!(seat["resumed"], true, "{seat}");
    offer(&mut ann, "screen to Eve", &eve_seat).await;
    let over = json!({"connectorId": "screen to Eve", "memberId": eve_seat["memberId"]});
    assert_eq!(ann.call("hangup", over).await["ok"], true);
    let ends = || {
        let links = rows(&server, session, "links").into_iter();
        let links = links.flat_map(|pair| pair["links"].as_array().unwrap().clone());
        let words = links.filter_map(|link| LinkCloseReason::parse(link["closedBy"].as_str()?));
        words.collect::<BTreeSet<_>>()
    };
    let all: BTreeSet<_> = LinkCloseReason::ALL.iter().copied().collect();
    eventually("links end in every way", ANSWER_TIMEOUT, || ends() == all).await;
}

/// A page speaks more often than is written down, and the server stops.
#[tokio::test]
async fn what_a_page_said_last_is_not_lost_with_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(program(folder.path(), &[]));
    let (mut ann, ann_seat) = Socket::join(server.port, "lesson", "Ann").await;
    let (mut bo, bo_seat) = Socket::join(server.port, "lesson", "Bo").await;
    offer(&mut ann, "to Bo", &bo_seat).await;
    answer(&mut bo, "to Bo", "of Bo", &ann_seat["memberId"]).await;
    for word in ["connected", "failed"] {
        state(&mut ann, "to Bo", &bo_seat["memberId"], word, None).await;
    }
    server.signal("TERM");
    server.exit_code();
    server = Server::start(program(folder.path(), &[]));
    let [pair] = rows(&server, &ann_seat["sessionId"], "links").try_into().unwrap();
    assert_eq!(pair["outcome"], Outcome::Lost.as_str(), "{pair}");
}

async fn offer(socket: &mut Socket, connector: &str, to: &Value) {
    let offer = json!({"connectorId": connector, "offer": 0, "memberId": to["memberId"], "streamType": "user"});
    assert_eq!(socket.call("offer", offer).await["ok"], true);
}

async fn answer(socket: &mut Socket, remote: &str, own: &str, to: &Value) {
    let answer = json!({"remoteConnectorId": remote, "connectorId": own, "answer": 0, "memberId": to});
    assert_eq!(socket.call("answer", answer).await["ok"], true);
}

/// What a page says of its end of a connection.
async fn state(socket: &mut Socket, own: &str, to: &Value, state: &str, path: Option<&str>) {
    let report = json!({"connectorId": own, "memberId": to, "state": state, "path": path});
    assert_eq!(socket.call("connectionState", report).await["ok"], true);
}

async fn candidate(socket: &mut Socket, remote: &str, to: &Value) {
    let candidate = json!({"remoteConnectorId": remote, "memberId": to, "candidate": 0});
    assert_eq!(socket.call("icecandidate", candidate).await["ok"], true);
}

/// Waits until the API has a pair of this outcome; the page says it as well.
async fn becomes(server: &Server, session: &Value, outcome: Outcome) -> Outcome {
    let sentence = became(outcome);
    let is_told = || {
        let pairs = rows(server, session, "links");
        let mut alike = pairs.iter().filter(|pair| pair["outcome"] == outcome.as_str());
        alike.any(|pair| plain(pair["sentence"].as_str().unwrap()) == sentence)
    };
    eventually(sentence, ANSWER_TIMEOUT, is_told).await;
    let is_shown = || session_page(server, session).contains(sentence);
    eventually(sentence, ANSWER_TIMEOUT, is_shown).await;
    outcome
}
