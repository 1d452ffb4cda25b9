//! STUN and TURN servers, asked for by members of a running server.

use std::fs;

use chatroom_testkit::Socket;
use serde_json::{Value, json};

use crate::support::server::{Server, program};

const SECRET: &str = "shared-with-the-turn-server";
const TURN: (&str, &str) = ("ICE_SERVERS", "stun:a.example,turn:a.example");

#[tokio::test]
async fn a_member_may_use_turn_as_long_as_it_is_one_and_the_secret_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [TURN, ("TURN_SECRET", SECRET), ("LOG", "info,chatroom_server=trace")];
    let log = folder.path().join("log");
    let mut server = Server::start_unread(program(folder.path(), &variables), &log);
    assert_eq!(servers(&server, "ann"), [json!({"urls": ["stun:a.example"]})]);

    let (mut ann, seat) = Socket::join(server.port, "lesson", "ann").await;
    let told = servers(&server, "ann");
    let username = told[1]["username"].as_str().unwrap();
    assert_eq!(username.split_once(':').unwrap().1, seat["memberId"], "{told:?}");
    assert_eq!(servers(&server, "bo").len(), 1);

    ann.call("leave", json!([])).await;
    assert_eq!(servers(&server, "ann").len(), 1);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));

    assert!(!server.banner.join("").contains(SECRET));
    for file in fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for secret in [SECRET, "id of ann"] {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

fn servers(server: &Server, name: &str) -> Vec<Value> {
    let own_id = format!("authorization: Bearer id of {name}\r\n");
    let answer = server.request("/api/v1/ice-servers?roomname=lesson", &own_id).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let answer: Value = serde_json::from_str(body).unwrap();
    answer["iceServers"].as_array().unwrap().clone()
}
