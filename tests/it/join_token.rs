//! Tokens to join, from what makes them to who comes in by them.

use std::fs;
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chatroom_testkit::Socket;
use serde_json::{Value, json};

use crate::support::history::History;
use crate::support::server::{PROGRAM, Server, TOKEN, command, program, said, session_page};

const SECRET: &str = "a-secret-of-the-integration-tests-";
const JOIN_SECRET: (&str, &str) = ("JOIN_SECRET", SECRET);

/// What `chatroom-server token` says.
fn run(secret: Option<&str>, flags: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(PROGRAM, folder.path());
    command.arg("token").args(flags);
    if let Some(secret) = secret {
        command.env("JOIN_SECRET", secret);
    }
    command.output().unwrap()
}

fn made(flags: &[&str]) -> String {
    let output = run(Some(SECRET), flags);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn identity(room: &str, name: &str, token: &str) -> Value {
    json!({"id": format!("id of {name}"), "username": name, "roomname": room, "token": token})
}

#[tokio::test]
async fn a_token_of_the_command_lets_in_and_is_nowhere_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let variables = [JOIN_SECRET, ("LOG", "info,chatroom_server=trace")];
    let mut server = Server::start_unread(program(folder.path(), &variables), &log);
    let for_ann = made(&["--room", "lesson-*", "--name", "Ann", "--for", "2h"]);
    let mut ann = Socket::connect(server.port).await;
    let seat = ann.call("join", identity("lesson-1", "Ann", &for_ann)).await;
    assert_eq!(seat["ok"], true, "{seat}");

    let mut bo = Socket::connect(server.port).await;
    for (room, name, shown) in [
        ("lesson-1", "Bo", for_ann.as_str()),
        ("other", "Ann", &for_ann),
        ("lesson-1", "Bo", ""),
    ] {
        let refused = bo.call("join", identity(room, name, shown)).await;
        assert_eq!(refused["error"]["type"], "forbidden", "{refused}");
    }
    let refused = bo
        .call("join", json!({"id": "i", "username": "Bo", "roomname": "lesson-1"}))
        .await;
    assert_eq!(refused["error"]["type"], "forbidden", "{refused}");

    let page = session_page(&server, &seat["sessionId"]);
    assert!(!page.contains(&for_ann));
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let mut history = History::of(folder.path()).await;
    let errors = history.events_of("error").await;
    let codes: Vec<_> = errors.iter().map(|event| &event.detail["code"]).collect();
    assert_eq!(codes, ["forbidden"; 4]);
    let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let files = files.map(|path| (path.display().to_string(), fs::read(&path).unwrap()));
    let tables = ("the tables".to_owned(), history.whole_text().await.into_bytes());
    for (name, bytes) in files.chain([tables]) {
        for secret in [SECRET, &for_ann, for_ann.rsplit('.').next().unwrap()] {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} is in {name}");
        }
    }
    let log = fs::read_to_string(log).unwrap();
    let told = |room: &str| log.matches(&format!("refused room=\"{room}\"")).count();
    // Of the two who showed nothing one has a line.
    assert_eq!((told("lesson-1"), told("other")), (2, 1), "{log}");
    assert!(log.contains("cause=\"Your link is for another name.\""), "{log}");
}

#[tokio::test]
async fn who_tries_one_token_after_the_other_has_a_line_for_each_reason() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut server = Server::start_unread(
        program(folder.path(), &[JOIN_SECRET, ("GUESSES_PER_MINUTE", "0")]),
        &log,
    );
    let mut eve = Socket::connect(server.port).await;
    let expired = expired("lesson");
    for number in 0..20 {
        for shown in [format!("no token {number}"), expired.clone()] {
            let refused = eve.call("join", identity("lesson", "Eve", &shown)).await;
            assert_eq!(refused["error"]["type"], "forbidden", "{refused}");
            for path in [
                "/checkUsername?roomname=lesson&username=Eve",
                "/api/v1/recovery?roomname=lesson",
            ] {
                let headers = format!("authorization: Bearer id of eve\r\njoin-token: {shown}\r\n");
                let refused = server.request(path, &headers).unwrap();
                assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
            }
        }
    }
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(
        log.matches(": refused room=\"lesson\" member=\"Eve\"").count(),
        2,
        "{log}"
    );
    assert_eq!(log.matches(": refused a request room=\"lesson\"").count(), 2, "{log}");
    assert_eq!(
        log.matches("cause=\"token must be a JSON Web Token (JWT).\"").count(),
        2,
        "{log}"
    );
    assert!(!log.contains("no token") && !log.contains(&expired), "{log}");
}

#[tokio::test]
async fn a_class_comes_back_from_a_restart_with_tokens_that_have_expired() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut server = Server::start_unread(program(folder.path(), &[JOIN_SECRET]), &log);
    let mut ann = Socket::connect(server.port).await;
    let good = made(&["--room", "lesson"]);
    assert_eq!(ann.call("join", identity("lesson", "Ann", &good)).await["ok"], true);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));

    let server = Server::start_unread(program(folder.path(), &[JOIN_SECRET]), &log);
    let expired = expired("lesson");
    let mut ann = Socket::connect(server.port).await;
    let back = ann.call("reconnect", identity("lesson", "Ann", &expired)).await;
    assert_eq!(back["resumed"], true, "{back}");
    let mut bo = Socket::connect(server.port).await;
    let late = bo.call("reconnect", identity("lesson", "Bo", &expired)).await;
    assert_eq!(late["error"]["type"], "forbidden", "{late}");
}

/// As another program makes one, whose time is over.
fn expired(room: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"aud": "chatroom:join", "room": room, "exp": now - 7200});
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let message = format!(
        "{}.{}",
        encode(json!({"alg": "HS256"}).to_string()),
        encode(claims.to_string())
    );
    let mut hmac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    hmac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac.finalize().into_bytes()))
}

#[test]
fn the_command_prints_a_token_or_its_link_and_nothing_else() {
    let claims = |token: &str| -> Value {
        let body = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let body = claims(&made(&["--room", "Year 7", "--for", "90m"]));
    assert_eq!((&body["room"], &body["name"]), (&json!("Year 7"), &Value::Null));
    let exp = body["exp"].as_i64().unwrap();
    assert!((now + 5400..now + 5460).contains(&exp), "{exp}");
    let link = made(&["--room", "Year 7", "--name", "Ann", "--link", "https://class.example/"]);
    let (before, token) = link.split_once("#token=").unwrap();
    assert_eq!(before, "https://class.example/?room=Year%207");
    let (token, name) = token.split_once("&name=").unwrap();
    assert_eq!((claims(token)["name"].as_str(), name), (Some("Ann"), "Ann"));

    for (secret, flags, told) in [
        (None, &["--room", "a"][..], "Set JOIN_SECRET"),
        (Some("seekrit"), &["--room", "a"], "must have 32 to 256"),
        (Some(SECRET), &[], "--room"),
        (Some(SECRET), &["--room", ""], "must not be empty"),
        (
            Some(SECRET),
            &["--room", &"*".repeat(100_000)],
            "must be at most 128 characters",
        ),
        (Some(SECRET), &["--room", "a", "--name", " "], "must not be empty"),
        (Some(SECRET), &["--room", "a", "--for", "2"], "must be a duration"),
        (Some(SECRET), &["--room", "a", "--for", "2years"], "must be a duration"),
        (
            Some(SECRET),
            &["--room", "a", "--link", "class.example"],
            "must be the address",
        ),
    ] {
        let output = run(secret, flags);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{text}");
        assert!(text.contains(told) && !text.contains("seekrit"), "{text}");
    }
}

#[test]
fn a_reviewer_makes_links_for_a_class() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[JOIN_SECRET]));
    let page = server.request("/review/invite", &signed_in(&server)).unwrap();
    assert!(
        page.contains("action=\"/review/invite\"") && page.contains("http://localhost"),
        "{page}"
    );
    drop(server);
    let server = Server::start(program(folder.path(), &[]));
    let page = server.request("/review/invite", &signed_in(&server)).unwrap();
    assert!(
        page.contains("<code>JOIN_SECRET</code>") && !page.contains("name=\"room\""),
        "{page}"
    );
}

fn signed_in(server: &Server) -> String {
    let link = server.ask(&format!("/review?token={TOKEN}")).unwrap();
    let cookie = link.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    format!("cookie: {}\r\n", cookie.split(';').next().unwrap())
}

#[test]
fn a_token_that_nobody_could_use_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let token = |room: &str| {
        let mut command = command(PROGRAM, folder.path());
        command.args(["token", "--room", room]);
        command.envs([JOIN_SECRET, ("ALLOWED_ROOMS", "lesson-*,Year 7")]);
        said(&command.output().unwrap())
    };
    for room in ["lesson-1", "Year 7", "*"] {
        assert_eq!(token(room).0, Some(0), "{room}");
    }
    let (code, told) = token("exam");
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("--room must be one that ALLOWED_ROOMS lists: lesson-*, Year 7"),
        "{told}"
    );

    let (code, told) = token(&"*".repeat(100_000));
    assert_eq!(code, Some(2));
    assert!(
        told.len() < 1000 && told.contains("must be at most 128 characters long"),
        "{told}"
    );
}
