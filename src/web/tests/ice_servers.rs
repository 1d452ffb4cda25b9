//! The STUN and TURN servers that a page is told of.

use std::time::Duration;

use axum::body::Body;
use serde_json::json;

use super::{CLIENT, Story, TOKEN, TestResponse, request, send};
use crate::config::{IceServers, TurnSecret};
use crate::history::fixture::START_MS;

const OPEN: &str = "/api/v1/ice-servers";
const OWN: &str = "/api/v1/ice-servers?roomname=Chemie+101";
const SECRET: &str = "north";

async fn story() -> Story {
    let mut story = Story::new().await;
    let servers = "stun:a.example,stun:b.example,turn:a.example,turns:a.example?transport=tcp";
    story.settings.ice_servers = IceServers::parse(servers).unwrap();
    story.settings.turn_secret = Some(TurnSecret::parse(SECRET).unwrap());
    story
}

async fn ask(story: &Story, path: &str, id: Option<&str>) -> TestResponse {
    let mut asked = request("GET", path);
    if let Some(id) = id {
        asked = asked.header("authorization", format!("Bearer {id}"));
    }
    story.send(asked.body(Body::empty()).unwrap()).await
}

fn stun() -> serde_json::Value {
    json!({"urls": ["stun:a.example", "stun:b.example"]})
}

#[tokio::test]
async fn nothing_is_told_where_nothing_is_set() {
    let story = Story::new().await;
    for (path, id) in [(OPEN, None), (OWN, Some(CLIENT))] {
        let answer = ask(&story, path, id).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (200, r#"{"iceServers":[]}"#),
            "{path}"
        );
    }
}

/// The credential is what OpenSSL makes of it:
/// `printf %s 1772366510:00000000-0000-0000-0000-000000000007 | openssl dgst -sha1 -hmac north -binary | base64`
#[tokio::test]
async fn a_member_gets_credentials_that_a_turn_server_takes() {
    let mut story = story().await;
    let now = START_MS / 1000 + story.now;
    let turn = json!({
        "urls": ["turn:a.example", "turns:a.example?transport=tcp"],
        "username": format!("{}:00000000-0000-0000-0000-000000000007", now + 3600),
        "credential": "Q9VliKwyu2VyiNREeEiVYQzju2U=",
    });
    assert_eq!(now + 3600, 1_772_366_510);
    let answer = ask(&story, OWN, Some(CLIENT)).await;
    assert_eq!(answer.json(), json!({"iceServers": [stun(), turn]}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(
        !answer.text.contains(SECRET) && !answer.text.contains(CLIENT),
        "{}",
        answer.text
    );

    // Present or away is the same, and so is a mailbox that is full: it is a member still.
    (story.live.resumable_for, story.live.overflowed) = (None, true);
    assert_eq!(ask(&story, OWN, Some(CLIENT)).await.json(), answer.json());

    story.settings.turn_ttl = Duration::from_secs(60);
    let username = ask(&story, OWN, Some(CLIENT)).await.json()["iceServers"][1]["username"].to_string();
    assert!(username.starts_with(&format!("\"{}:", now + 60)), "{username}");

    // A TURN server knows nothing of the history's calendar.
    story.wall_ahead = -7200;
    let username = ask(&story, OWN, Some(CLIENT)).await.json()["iceServers"][1]["username"].to_string();
    assert!(username.starts_with(&format!("\"{}:", now - 7140)), "{username}");
}

#[tokio::test]
async fn a_member_gets_a_few_credentials_a_minute() {
    let story = story().await;
    let router = story.router().await;
    let ask = async |id: &str| {
        let asked = request("GET", OWN).header("authorization", format!("Bearer {id}"));
        send(&router, asked.body(Body::empty()).unwrap()).await
    };
    for _ in 0..3 {
        assert_eq!(ask(CLIENT).await.status, 200);
    }
    let refused = ask(CLIENT).await;
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&seconds), "{seconds}");
    assert!(refused.text.contains("TURN_CREDENTIALS_PER_MEMBER"), "{}", refused.text);
    assert_eq!(refused.problem(), (429, "tooManyCredentials".into(), "".into()));
    assert_eq!(ask("a stranger").await.status, 200);
}

#[tokio::test]
async fn a_stranger_is_told_only_of_what_is_open() {
    let story = story().await;
    let long = "x".repeat(500);
    for (path, id) in [
        (OPEN, None),
        (OWN, Some("another-id")),
        (OWN, Some(TOKEN)),
        (OWN, Some(&long)),
        ("/api/v1/ice-servers?roomname=Bio", Some(CLIENT)),
    ] {
        let answer = ask(&story, path, id).await;
        assert_eq!(answer.json(), json!({"iceServers": [stun()]}), "{path} {id:?}");
    }
}

#[tokio::test]
async fn half_a_proof_is_refused() {
    let story = story().await;
    for (path, id, status, code, parameter) in [
        (OPEN, Some(CLIENT), 400, "missingParameter", "roomname"),
        (
            "/api/v1/ice-servers?roomname=",
            Some(CLIENT),
            400,
            "invalidParameter",
            "roomname",
        ),
        ("/api/v1/ice-servers?room=a", None, 400, "unknownParameter", "room"),
        (OWN, None, 401, "unauthorized", ""),
    ] {
        let refused = ask(&story, path, id).await.problem();
        assert_eq!(refused, (status, code.into(), parameter.into()), "{path} {id:?}");
    }
}
