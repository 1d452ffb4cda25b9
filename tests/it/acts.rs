//! What a teacher does to a room, from the request to the clients and to the page.

use chatroom_testkit::Socket;
use serde_json::{Value, json};

use crate::reasons::asked;
use crate::support::server::{PROGRAM, Server, command, program, session_page};

const SECRET: &str = "a-secret-of-the-integration-tests-";

/// The status of what a teacher's program asks, and what is wrong, if something is.
pub(crate) fn act(server: &Server, room: &str, act: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/rooms/{room}/{act}");
    let answer = server.post_as_reviewer(&path, &body).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn refused(server: &Server, room: &str, name: &str, id: &str) -> Value {
    let mut socket = Socket::connect(server.port).await;
    let identity = json!({"id": id, "username": name, "roomname": room});
    socket.call("join", identity).await["error"]["type"].take()
}

/// The details of what teachers have done, with whom it was about.
fn actions(server: &Server, session: &Value) -> Vec<Value> {
    let path = format!("/api/v1/sessions/{}/events?kind=action", session.as_str().unwrap());
    let mut events: Value = serde_json::from_str(&asked(server, &path)).unwrap();
    let events = events["data"].as_array_mut().unwrap().iter_mut();
    let said = |event: &mut Value| json!([event["username"].take(), event["detail"].take()]);
    events.map(said).collect()
}

#[tokio::test]
async fn who_is_removed_is_told_and_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[]));
    let (mut ann, seat) = Socket::join(server.port, "lesson", "Ann").await;
    let (mut bo, _) = Socket::join(server.port, "lesson", "Bo").await;
    ann.expect("getOffer").await;
    let done = act(&server, "lesson", "remove", json!({"username": "Bo", "minutes": 5}));
    assert_eq!(done, (204, Value::Null));
    let told = bo.expect("error").await;
    assert_eq!((&told["type"], &told["event"]), (&json!("removed"), &json!("join")));
    assert_eq!(
        bo.frame().await.as_deref(),
        Some("41"),
        "its client does not come back by itself"
    );
    for (name, id) in [("Bo", "id of Bo"), ("Cy", "id of Bo"), ("bo", "another id")] {
        assert_eq!(refused(&server, "lesson", name, id).await, "forbidden", "{name} {id}");
    }
    // Nobody else is meant, and no other room.
    Socket::join(server.port, "lesson", "Di").await;
    Socket::join(server.port, "other", "Bo").await;

    let expected = json!(["Bo", {"what": "removed", "by": "token"}]);
    assert_eq!(actions(&server, &seat["sessionId"]), [expected]);
    let page = session_page(&server, &seat["sessionId"]);
    for sentence in ["A teacher removed Bo.", "Bo was removed by a teacher."] {
        assert!(page.contains(sentence), "{sentence}");
    }
}

#[tokio::test]
async fn a_room_is_locked_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[("SESSION_LINGER", "100ms")]));
    let (mut ann, seat) = Socket::join(server.port, "lesson", "Ann").await;
    assert_eq!(act(&server, "lesson", "lock", json!({"locked": true})).0, 204);
    assert_eq!(refused(&server, "lesson", "Bo", "id of Bo").await, "forbidden");
    ann.vanish();
    (ann, _) = Socket::resume(server.port, "lesson", "Ann").await;
    assert_eq!(act(&server, "lesson", "lock", json!({"locked": false})).0, 204);
    let (mut bo, _) = Socket::join(server.port, "lesson", "Bo").await;
    assert_eq!(act(&server, "lesson", "close", json!({"minutes": 5})).0, 204);
    ann.expect("getOffer").await;
    for member in [&mut ann, &mut bo] {
        assert_eq!(member.expect("error").await["type"], "removed");
    }
    assert_eq!(refused(&server, "lesson", "Cy", "id of Cy").await, "forbidden");
    let done = actions(&server, &seat["sessionId"]);
    let words: Vec<_> = done.iter().map(|done| done[1]["what"].as_str().unwrap()).collect();
    assert_eq!(words, ["locked", "unlocked", "closed"]);
    let page = session_page(&server, &seat["sessionId"]);
    for sentence in [
        "A teacher locked the room: nobody new came in from then on.",
        "A teacher unlocked the room.",
        "A teacher closed the room: everybody was removed.",
    ] {
        assert!(page.contains(sentence), "{sentence}");
    }
    // The session is over in a moment, and the room closed all the same.
    let is_over = || asked(&server, "/api/v1/sessions?status=active").contains("\"data\":[]");
    crate::support::vitals::eventually("the session is over", chatroom_testkit::ANSWER_TIMEOUT, is_over).await;
    assert_eq!(refused(&server, "lesson", "Cy", "id of Cy").await, "forbidden");
    for (what, body) in [
        ("close", json!({"minutes": 5})),
        ("lock", json!({"locked": true})),
        ("remove", json!({"username": "Ann", "minutes": 5})),
    ] {
        let (status, problem) = act(&server, "lesson", what, body);
        assert_eq!((status, &problem["code"]), (409, &json!("roomNotInUse")), "{problem}");
    }
    assert_eq!(actions(&server, &seat["sessionId"]).len(), 3);
}

#[tokio::test]
async fn what_holds_is_lifted_in_a_room_that_nobody_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[("SESSION_LINGER", "1h")]));
    let held = || serde_json::from_str::<Value>(&asked(&server, "/api/v1/rooms/lesson")).unwrap();
    let (mut ann, seat) = Socket::join(server.port, "lesson", "Ann").await;
    ann.call("leave", json!([])).await;
    // Its session lingers, and nobody is in it.
    for (what, body) in [("close", json!({"minutes": 5})), ("lock", json!({"locked": true}))] {
        let (status, problem) = act(&server, "lesson", what, body);
        assert_eq!((status, &problem["code"]), (409, &json!("roomNotInUse")), "{problem}");
    }
    assert_eq!(actions(&server, &seat["sessionId"]).len(), 0);
    let (_ann, _) = Socket::join(server.port, "lesson", "Ann").await;
    assert_eq!(
        act(&server, "lesson", "remove", json!({"username": "Ann", "minutes": 60})).0,
        204
    );
    assert_eq!(held()["keptOut"][0]["username"], "Ann");
    let (_bo, _) = Socket::join(server.port, "lesson", "Bo").await;
    assert_eq!(act(&server, "lesson", "close", json!({"minutes": 1440})).0, 204);
    let room = held();
    assert!(room["closedUntil"].is_string() && room["session"].is_null(), "{room}");
    let page = server.ask_as_reviewer("/review/rooms").unwrap();
    assert!(
        page.contains("Open it again") && page.contains("Let them back in"),
        "{page}"
    );
    assert_eq!(act(&server, "lesson", "close", json!({"minutes": 0})).0, 204);
    assert_eq!(refused(&server, "lesson", "Ann", "id of Ann").await, "forbidden");
    assert_eq!(
        act(&server, "lesson", "remove", json!({"username": "Ann", "minutes": 0})).0,
        204
    );
    let room = held();
    assert_eq!((&room["closedUntil"], &room["keptOut"]), (&Value::Null, &json!([])));
    assert_eq!(actions(&server, &seat["sessionId"]).len(), 2, "lifting has no entry");
    let (_ann, seat) = Socket::join(server.port, "lesson", "Ann").await;
    assert_eq!(seat["ok"], true, "{seat}");
}

#[tokio::test]
async fn a_link_of_ones_own_is_kept_out_under_every_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[("JOIN_SECRET", SECRET)]));
    let token = |flags: &[&str]| {
        let mut command = command(PROGRAM, folder.path());
        let output = command
            .arg("token")
            .args(flags)
            .env("JOIN_SECRET", SECRET)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let (for_ann, for_all) = (
        token(&["--room", "lesson", "--name", "Ann", "--for", "2h"]),
        token(&["--room", "lesson", "--for", "2h"]),
    );
    let join = async |id: &str, name: &str, token: &str| {
        let mut socket = Socket::connect(server.port).await;
        let identity = json!({"id": id, "username": name, "roomname": "lesson", "token": token});
        let seat = socket.call("join", identity).await;
        (socket, seat)
    };
    let (_bo, seat) = join("id of Bo", "Bo", &for_all).await;
    assert_eq!(seat["ok"], true, "{seat}");
    let (_ann, seat) = join("id of Ann", "Ann", &for_ann).await;
    assert_eq!(seat["ok"], true, "{seat}");
    for name in ["Ann", "Bo"] {
        let done = act(&server, "lesson", "remove", json!({"username": name, "minutes": 5}));
        assert_eq!(done.0, 204, "{}", done.1);
    }
    let (_, seat) = join("another id", "Ann", &for_ann).await;
    assert_eq!(seat["error"]["type"], "forbidden", "{seat}");
    // The link for all is not Bo's alone: the others still come in by it.
    let (_cy, seat) = join("id of Cy", "Cy", &for_all).await;
    assert_eq!(seat["ok"], true, "{seat}");
}
