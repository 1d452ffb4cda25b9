//! Whatever stopped the server: after a start its members come back as if nothing had happened.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chatroom_testkit::{ANSWER_TIMEOUT, Socket};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::class::pair;
use crate::support::history::History;
use crate::support::seed::Seed;
use crate::support::server::{Server, program, steady_port};

/// Each way to stop, and the reason that those who do not come back leave with.
const STOPS: [(&str, &str); 2] = [("TERM", "server_shutdown"), ("KILL", "server_crash")];

/// A server that is stopped and started again on the same port and database.
struct Place {
    folder: tempfile::TempDir,
    port: u16,
    grace: &'static str,
    server: Server,
    /// When it was last stopped, in milliseconds of the wall clock.
    stopped_at: i64,
}

impl Place {
    fn open(grace: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = steady_port(&mut Seed::from_env("PORT_SEED"));
        let server = start(folder.path(), port, grace);
        Self {
            folder,
            port,
            grace,
            server,
            stopped_at: 0,
        }
    }

    fn stop(&mut self, signal: &str) {
        self.server.signal(signal);
        self.server.exit_code();
        self.stopped_at = now();
    }

    fn restart(&mut self, signal: &str) {
        self.stop(signal);
        self.server = start(self.folder.path(), self.port, self.grace);
    }

    async fn history(&mut self) -> History {
        self.stop("TERM");
        let mut history = History::of(self.folder.path()).await;
        history.check().await;
        history
    }

    async fn join(&self, name: &str) -> (Socket, Value) {
        Socket::join(self.port, "lesson", name).await
    }

    /// Resumes, which must succeed.
    async fn resume(&self, name: &str, before: &Value) -> Socket {
        let (socket, seat) = Socket::resume(self.port, "lesson", name).await;
        assert_eq!(seat["resumed"], true, "{seat}");
        assert_eq!(seat["memberId"], before["memberId"], "the same address");
        assert_eq!(seat["sessionId"], before["sessionId"], "the same session");
        socket
    }

    /// Ann and Bo were connected over `a1` and `b1` when it was stopped; it runs again, and both are away.
    async fn stopped_with_a_pair(grace: &'static str, signal: &str) -> (Self, Value, Value) {
        let mut place = Self::open(grace);
        let ((ann, ann_seat), (bo, bo_seat)) = place.pair().await;
        place.restart(signal);
        drop((ann, bo));
        (place, ann_seat, bo_seat)
    }

    /// Cy, whom Ann has made an offer over `a2`.
    async fn join_and_not_answer(&self, ann: &mut Socket) -> (Socket, Value) {
        let (mut cy, seat) = self.join("cy").await;
        ann.expect("getOffer").await;
        ann.emit("offer", offer("a2", &seat)).await;
        cy.expect("offer").await;
        (cy, seat)
    }

    /// Ann and Bo, connected over `a1` and `b1`, with all of that on disk.
    async fn pair(&self) -> ((Socket, Value), (Socket, Value)) {
        let (mut ann, ann_seat) = self.join("ann").await;
        let (mut bo, bo_seat) = self.join("bo").await;
        ann.expect("getOffer").await;
        ann.emit("offer", offer("a1", &bo_seat)).await;
        bo.expect("offer").await;
        let answer =
            json!({"remoteConnectorId": "a1", "connectorId": "b1", "answer": 0, "memberId": ann_seat["memberId"]});
        bo.emit("answer", answer).await;
        ann.expect("answer").await;
        // What it is told after this is told when all before is written.
        assert_eq!(ann.events_so_far().await, []);
        ((ann, ann_seat), (bo, bo_seat))
    }
}

fn start(folder: &std::path::Path, port: u16, grace: &str) -> Server {
    let port = port.to_string();
    let variables = [("PORT", port.as_str()), ("RESTART_GRACE", grace)];
    Server::start_unread(program(folder, &variables), &folder.join("log"))
}

/// It is the last moment that a server, stopped then, is known to have lived: a heartbeat ago at most.
fn assert_last_lived(at: i64, stopped_at: i64) {
    assert!(
        (stopped_at - 5_500..=stopped_at).contains(&at),
        "{at}, stopped at {stopped_at}"
    );
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn offer(connector: &str, to: &Value) -> Value {
    json!({"connectorId": connector, "offer": 0, "memberId": to["memberId"], "streamType": "user"})
}

fn work(kind: &str, connector: &str, member: &Value) -> Value {
    json!({"type": kind, "data": 1, "connectorId": connector, "memberId": member["memberId"]})
}

fn leave(connector: &str, of: &Value) -> (String, Value) {
    let payload = json!({"connectorId": connector, "memberId": of["memberId"]});
    ("leave".into(), payload)
}

fn get_offer(of: &Value, username: &str) -> (String, Value) {
    (
        "getOffer".into(),
        json!({"memberId": of["memberId"], "username": username}),
    )
}

#[tokio::test]
async fn members_resume_and_renegotiate() {
    for (signal, reason) in STOPS {
        let mut place = Place::open("30s");
        let ((mut ann, ann_seat), (bo, bo_seat)) = place.pair().await;
        let (cy, cy_seat) = place.join_and_not_answer(&mut ann).await;
        ann.events_so_far().await;
        place.restart(signal);
        drop((ann, bo, cy));

        let mut stranger = Socket::connect(place.port).await;
        let join = json!({"id": "another", "username": "ann", "roomname": "lesson"});
        let refused = stranger.call("join", join).await;
        assert_eq!(refused["error"]["type"], "repeat", "names are still taken");

        let mut ann = place.resume("ann", &ann_seat).await;
        assert_eq!(
            ann.events_so_far().await,
            [],
            "who is away is left alone, and nobody has left"
        );
        let mut bo = place.resume("bo", &bo_seat).await;
        let asked = json!({"type": "getOffer", "connectorId": "a1", "memberId": bo_seat["memberId"]});
        assert_eq!(ann.expect("reconnect").await, asked);
        ann.emit("reconnectWork", work("offer", "a1", &bo_seat)).await;
        assert_eq!(bo.expect("reconnect").await, work("offer", "b1", &ann_seat));
        bo.emit("reconnectWork", work("answer", "b1", &ann_seat)).await;
        assert_eq!(ann.expect("reconnect").await, work("answer", "a1", &bo_seat));

        // Cy never answered, and cannot any more: the offer is closed, and everybody is asked for one.
        let mut cy = place.resume("cy", &cy_seat).await;
        assert_eq!(ann.event().await, leave("a2", &cy_seat));
        assert_eq!(ann.event().await, get_offer(&cy_seat, "cy"));
        assert_eq!(bo.event().await, get_offer(&cy_seat, "cy"));
        for socket in [&mut ann, &mut bo, &mut cy] {
            assert_eq!(socket.events_so_far().await, []);
        }

        let stopped_at = place.stopped_at;
        let mut history = place.history().await;
        assert_eq!(
            history.texts("select room from session").await,
            ["lesson"],
            "one session"
        );
        let kinds = "select kind from event where kind <> 'error' order by seq";
        let expected = "session_started joined joined joined disconnected disconnected disconnected \
                        reconnected reconnected reconnected";
        assert_eq!(history.texts(kinds).await.join(" "), expected);
        let closed = "select disconnected_at, closed_by from connection where opened_by = 'join'";
        for row in history.rows(closed).await {
            assert_eq!(row.get::<String>("closed_by"), reason);
            assert_last_lived(row.get("disconnected_at"), stopped_at);
        }
    }
}

#[tokio::test]
async fn a_leave_is_owed_over_a_restart_of_the_restart() {
    for (signal, _) in STOPS {
        let (mut place, ann_seat, bo_seat) = Place::stopped_with_a_pair("30s", signal).await;
        let mut ann = place.resume("ann", &ann_seat).await;
        assert_eq!(ann.call("leave", json!([])).await["ok"], true);
        place.restart(signal);
        place.restart(signal);
        let mut bo = place.resume("bo", &bo_seat).await;
        assert_eq!(bo.events_so_far().await, [leave("b1", &ann_seat)]);
        bo.vanish();
        let mut bo = place.resume("bo", &bo_seat).await;
        assert_eq!(bo.events_so_far().await, [], "it is told once");
    }
}

#[tokio::test]
async fn who_does_not_come_back_left_when_the_server_stopped() {
    for (signal, reason) in STOPS {
        let (mut place, ann_seat, bo_seat) = Place::stopped_with_a_pair("2s", signal).await;
        let stopped_at = place.stopped_at;
        let mut bo = place.resume("bo", &bo_seat).await;
        assert_eq!(bo.event().await, leave("b1", &ann_seat));
        place.join("ann").await;
        let mut history = place.history().await;
        let left = history.events_of("left").await;
        let reasons: Vec<_> = left.iter().map(|event| &event.detail["reason"]).collect();
        assert_eq!(reasons, [reason]);
        let rows = history
            .rows(
                "select disconnected_at, closed_by, away_until as left_at
                 from participant join connection on connection.participant_id = participant.id
                 where username = 'ann' order by connected_at",
            )
            .await;
        assert_eq!(rows.len(), 2, "once before, once after");
        assert_eq!(rows[0].get::<String>("closed_by"), reason);
        let (closed, left): (i64, i64) = (rows[0].get("disconnected_at"), rows[0].get("left_at"));
        assert_eq!(closed, left);
        assert_last_lived(closed, stopped_at);
    }
}

#[tokio::test]
async fn an_overflowed_mailbox_stays_overflowed() {
    for (signal, _) in STOPS {
        let (mut place, ann_seat, bo_seat) = Place::stopped_with_a_pair("30s", signal).await;
        let mut ann = place.resume("ann", &ann_seat).await;
        let letter = "x".repeat(125_000);
        let mut senders = Vec::new();
        for number in 0..18 {
            let (mut sender, _) = Socket::join(place.port, "lesson", &format!("sender {number}")).await;
            let offer = json!({"connectorId": "s1", "memberId": bo_seat["memberId"], "offer": letter});
            assert_eq!(sender.call("offer", offer).await["ok"], true);
            senders.push(sender);
        }
        ann.events_so_far().await;
        place.restart(signal);
        let mut ann = place.resume("ann", &ann_seat).await;
        let (mut bo, seat) = Socket::resume(place.port, "lesson", "bo").await;
        assert_eq!((&seat["ok"], &seat["resumed"]), (&json!(true), &json!(false)), "{seat}");
        assert_ne!(seat["memberId"], bo_seat["memberId"]);
        assert_eq!(bo.event().await, ("reconnect".into(), json!({"type": "leave"})));
        assert_eq!(ann.event().await, leave("a1", &bo_seat));
        assert_eq!(ann.event().await, get_offer(&seat, "bo"));
    }
}

#[tokio::test]
async fn what_comes_late_for_who_has_left_is_no_error() {
    for (signal, _) in STOPS {
        let mut place = Place::open("30s");
        let ((mut ann, ann_seat), (bo, bo_seat)) = place.pair().await;
        let (cy, cy_seat) = place.join_and_not_answer(&mut ann).await;
        ann.call("leave", json!([])).await;
        place.restart(signal);
        drop((ann, bo, cy));

        let mut cy = Socket::connect(place.port).await;
        let answer =
            json!({"remoteConnectorId": "a2", "connectorId": "c2", "answer": 0, "memberId": ann_seat["memberId"]});
        cy.emit("answer", answer).await;
        let entry = json!({"id": "id of cy", "username": "cy", "roomname": "lesson"});
        assert_eq!(cy.call("reconnect", entry).await["memberId"], cy_seat["memberId"]);
        assert_eq!(cy.event().await, leave("c2", &ann_seat), "its attempt is over");
        cy.emit(
            "icecandidate",
            json!({"remoteConnectorId": "a2", "memberId": ann_seat["memberId"], "candidate": 0}),
        )
        .await;
        assert_eq!(cy.events_so_far().await, []);
        let stranger = json!({"remoteConnectorId": "a2", "memberId": uuid::Uuid::new_v4(), "candidate": 0});
        let refused = cy.call("icecandidate", stranger).await;
        assert_eq!(refused["error"]["type"], "unknownMember", "{refused}");

        let mut bo = place.resume("bo", &bo_seat).await;
        bo.call("leave", json!([])).await;
        cy.call("leave", json!([])).await;
        place.history().await;
    }
}

/// Whether it is said before the stop or after it, once.
#[tokio::test]
async fn who_leaves_while_the_server_stops_has_left_for_its_peer_too() {
    let mut seed = Seed::from_env("LEAVES_SEED");
    let mut place = Place::open("30s");
    let room = |number| format!("room {number}");
    let port = place.port;
    let pairs = join_all((0..40).map(|number| async move { pair(port, &room(number)).await }));
    let mut leavers = Vec::new();
    let mut peers = Vec::new();
    for ((ann, ann_id), (bo, _)) in pairs.await {
        leavers.push(ann);
        peers.push((bo, ann_id));
    }
    let leaving = leavers.iter_mut().map(|ann| {
        let pause = Duration::from_micros(seed.below(20_000));
        async move {
            sleep(pause).await;
            ann.try_call("leave", json!([])).await.is_some()
        }
    });
    let end = Instant::now() + ANSWER_TIMEOUT;
    let stopping = async {
        sleep(Duration::from_millis(5)).await;
        place.server.signal("TERM");
    };
    let listening = peers.iter_mut().map(|(bo, _)| bo.listen_until(end));
    let (acknowledged, (), _) = tokio::join!(join_all(leaving), stopping, join_all(listening));
    assert_eq!(place.server.exit_code(), Some(0));
    let mut history = History::of(place.folder.path()).await;
    history.check().await;
    let left = history.events_of("left").await.into_iter();
    let left = left.filter(|event| event.detail["reason"] == "left");
    let left: Vec<_> = left.filter_map(|event| event.room).collect();
    place.server = start(place.folder.path(), place.port, place.grace);
    let (mut before, mut after) = (0, 0);
    for (number, (mut bo, ann_id)) in peers.into_iter().enumerate() {
        let said = std::iter::from_fn(|| bo.take_event()).collect::<Vec<_>>();
        let (mut bo, seat) = Socket::resume(place.port, &room(number), "bo").await;
        assert_eq!(seat["resumed"], true, "{seat}");
        let later = bo.events_so_far().await;
        before += said.len();
        after += later.len();
        let told = [said, later].concat();
        let gone = left.contains(&room(number));
        assert!(gone || !acknowledged[number]);
        let leave = ("leave".to_owned(), json!({"connectorId": "b1", "memberId": ann_id}));
        assert_eq!(told, vec![leave; usize::from(gone)], "in {}", room(number));
    }
    println!(
        "{} left: {before} peers were told before the stop, {after} after it",
        left.len()
    );
}

/// The start costs what is open, and does not wait for anybody.
#[tokio::test]
async fn a_restart_is_quick() {
    let mut place = Place::open("30s");
    let rooms = 100;
    let mut sockets = Vec::new();
    for room in 0..rooms {
        sockets.push(Socket::join(place.port, &format!("room {room}"), "ann").await);
    }
    place.stop("KILL");
    let began = std::time::Instant::now();
    place.server = start(place.folder.path(), place.port, place.grace);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    for (room, (_, before)) in sockets.iter().enumerate() {
        let (_, seat) = Socket::resume(place.port, &format!("room {room}"), "ann").await;
        assert_eq!(seat["memberId"], before["memberId"]);
    }
}
