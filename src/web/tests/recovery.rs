//! What a returning client may know, and whether a name is free.

use axum::body::Body;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{CLIENT, Story, TestResponse, request, time};
use crate::model::vocabulary::EventKind;

const PATH: &str = "/api/v1/recovery?roomname=Chemie+101";

async fn recover(story: &Story, path: &str, id: &str) -> TestResponse {
    let asked = request("GET", path).header("authorization", format!("Bearer {id}"));
    story.send(asked.body(Body::empty()).unwrap()).await
}

async fn check(story: &Story, query: &str) -> TestResponse {
    story
        .send(
            request("GET", &format!("/checkUsername?{query}"))
                .body(Body::empty())
                .unwrap(),
        )
        .await
}

#[tokio::test]
async fn a_member_learns_what_it_missed() {
    let story = Story::new().await;
    let event =
        |seq: i64, at: i64, kind: &str, name: &str| json!({"seq": seq, "at": time(at), "kind": kind, "username": name});
    let expected = json!({
        "resumable": true, "resumableForMs": 5000,
        "memberId": Uuid::from_u128(7).to_string(), "sessionId": story.second.to_string(),
        "members": [{"username": "Ann", "status": "present"}, {"username": "Bo", "status": "away"}],
        "events": [event(12, 7200, "joined", "Ann"), event(13, 7250, "joined", "Bo"), event(14, 7300, "disconnected", "Bo")],
        "lastSeq": 14, "hasMore": false,
    });
    assert_eq!(recover(&story, PATH, CLIENT).await.json(), expected);
    let later = recover(&story, &format!("{PATH}&after=13"), CLIENT).await.json();
    assert_eq!(later["events"], json!([event(14, 7300, "disconnected", "Bo")]));
    let none = recover(&story, &format!("{PATH}&after=14"), CLIENT).await.json();
    assert_eq!((&none["events"], &none["lastSeq"]), (&json!([]), &json!(14)));
}

#[tokio::test]
async fn errors_of_others_are_not_told_but_passed_over() {
    let story = Story::new().await;
    let seq = story
        .fixture
        .event(story.second, None, 7305, EventKind::Error, Some(json!({})))
        .await;
    let answer = recover(&story, &format!("{PATH}&after=14"), CLIENT).await.json();
    assert_eq!((&answer["events"], &answer["lastSeq"]), (&json!([]), &json!(seq)));
}

#[tokio::test]
async fn much_that_was_missed_comes_in_pieces() {
    let story = Story::new().await;
    for _ in 0..450 {
        story
            .fixture
            .event(story.second, None, 7305, EventKind::Joined, None)
            .await;
    }
    let (mut after, mut seqs) = (14, Vec::new());
    loop {
        let answer = recover(&story, &format!("{PATH}&after={after}"), CLIENT).await.json();
        seqs.extend(
            answer["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["seq"].as_i64().unwrap()),
        );
        after = answer["lastSeq"].as_i64().unwrap();
        if answer["hasMore"] == false {
            break;
        }
    }
    assert_eq!(seqs, (15..=464).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_present_member_can_be_taken_over_at_any_time() {
    let mut story = Story::new().await;
    story.live.resumable_for = None;
    let answer = recover(&story, PATH, CLIENT).await.json();
    assert_eq!(
        (&answer["resumable"], &answer["resumableForMs"]),
        (&json!(true), &Value::Null)
    );
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    let mut story = Story::new().await;
    let long = "x".repeat(500);
    for (path, id) in [
        (PATH, "another-id"),
        (PATH, &long),
        ("/api/v1/recovery?roomname=Bio", CLIENT),
        ("/api/v1/recovery?roomname=Never+seen", CLIENT),
    ] {
        let answer = recover(&story, path, id).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (200, r#"{"resumable":false}"#),
            "{path}"
        );
    }
    story.live.overflowed = true;
    assert_eq!(recover(&story, PATH, CLIENT).await.text, r#"{"resumable":false}"#);
}

#[tokio::test]
async fn recovery_needs_an_id_and_a_room() {
    let story = Story::new().await;
    for (path, code, parameter) in [
        ("/api/v1/recovery", "missingParameter", "roomname"),
        ("/api/v1/recovery?roomname=", "invalidParameter", "roomname"),
        ("/api/v1/recovery?roomname=a&after=x", "invalidParameter", "after"),
        ("/api/v1/recovery?roomname=a&id=x", "unknownParameter", "id"),
    ] {
        assert_eq!(
            recover(&story, path, CLIENT).await.problem(),
            (400, code.into(), parameter.into()),
            "{path}"
        );
    }
    let answer = story.send(request("GET", PATH).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(), (401, "unauthorized".into(), String::new()));
    assert!(answer.header("www-authenticate").is_some());
}

#[tokio::test]
async fn a_name_is_free_or_not() {
    let story = Story::new().await;
    for (query, is_repeat) in [
        ("username=Ann&roomname=Chemie+101", true),
        ("username=%20Ann%20&roomname=Chemie%20101", true),
        ("username=Bo&roomname=Chemie+101", false),
        ("username=Ann&roomname=Bio&_=1700000000", false),
    ] {
        let answer = check(&story, query).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.json(),
            json!({"success": true, "isRepeat": is_repeat}),
            "{query}"
        );
    }
    for (query, code, parameter) in [
        ("username=Ann", "missingParameter", "roomname"),
        ("roomname=a", "missingParameter", "username"),
        ("username=&roomname=a", "invalidParameter", "username"),
        ("username=a%00&roomname=a", "invalidParameter", "username"),
        ("username=a&roomname=%20", "invalidParameter", "roomname"),
        ("username=a&username=b&roomname=a", "duplicateParameter", "username"),
        ("username=%FF&roomname=a", "invalidQuery", ""),
    ] {
        assert_eq!(
            check(&story, query).await.problem(),
            (400, code.into(), parameter.into()),
            "{query}"
        );
    }
}
