//! What a teacher does to a room, by the API and by forms.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Story, TOKEN, TestResponse, request, time};
use crate::history::fixture::START_MS;
use crate::model::act::{Act, KeptOut, StillHeld};
use crate::model::id::Username;
use crate::model::time::Timestamp;

const ROOM: &str = "/api/v1/rooms/Chemie%20101";

async fn post(story: &Story, path: &str, body: &str) -> TestResponse {
    let asked = request("POST", path)
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json");
    story.send(asked.body(Body::from(body.to_owned())).unwrap()).await
}

fn form(path: &str, body: &str) -> Request<Body> {
    let asked = request("POST", path).header("authorization", format!("Bearer {TOKEN}"));
    asked.body(Body::from(body.to_owned())).unwrap()
}

fn done(story: &Story) -> Vec<Act> {
    std::mem::take(&mut *story.live.acts.lock().unwrap())
}

fn remove(minutes: u64) -> Act {
    Act::Remove {
        username: Username::parse("Ann").unwrap(),
        bar: Duration::from_secs(minutes * 60),
    }
}

#[tokio::test]
async fn what_is_asked_for_is_done() {
    let story = Story::new().await;
    let close = |minutes: u64| Act::Close {
        bar: Duration::from_secs(minutes * 60),
    };
    for (act, body, expected) in [
        ("remove", json!({"username": " Ann ", "minutes": 10}), remove(10)),
        ("remove", json!({"username": "Ann", "minutes": 0}), remove(0)),
        ("close", json!({"minutes": 1440}), close(1440)),
        ("close", json!({"minutes": 15.0}), close(15)),
        ("close", json!({"minutes": -0.0}), close(0)),
        ("lock", json!({"locked": true}), Act::Lock(true)),
        ("lock", json!({"locked": false}), Act::Lock(false)),
    ] {
        let answer = post(&story, &format!("{ROOM}/{act}"), &body.to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""), "{body}");
        assert_eq!(done(&story), [expected]);
    }
    for (act, body, location, expected) in [
        (
            "remove",
            "room=Chemie+101&username=Ann&minutes=10",
            "/review/room?room=Chemie%20101",
            remove(10),
        ),
        ("close", "room=Chemie+101&minutes=5", "/review/rooms", close(5)),
        (
            "lock",
            "room=Chemie+101&locked=true",
            "/review/room?room=Chemie%20101",
            Act::Lock(true),
        ),
    ] {
        let answer = story.send(form(&format!("/review/room/{act}"), body)).await;
        assert_eq!(answer.status, 303, "{body} {}", answer.text);
        assert_eq!(answer.header("location"), Some(location));
        assert_eq!(done(&story), [expected]);
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_done() {
    let story = Story::new().await;
    for (path, body, expected) in [
        ("remove", json!({"minutes": 10}), (400, "invalidBody", "username")),
        (
            "remove",
            json!({"username": "", "minutes": 10}),
            (400, "invalidBody", "username"),
        ),
        ("remove", json!({"username": "Ann"}), (400, "invalidBody", "minutes")),
        (
            "remove",
            json!({"username": "Ann", "minutes": -1}),
            (400, "invalidBody", "minutes"),
        ),
        (
            "remove",
            json!({"username": "Ann", "minutes": 1.5}),
            (400, "invalidBody", "minutes"),
        ),
        (
            "remove",
            json!({"username": "Ann", "minutes": 1441}),
            (400, "invalidBody", "minutes"),
        ),
        (
            "remove",
            json!({"username": "Ann", "minutes": "10"}),
            (400, "invalidBody", "minutes"),
        ),
        (
            "remove",
            json!({"username": "Ann", "minutes": 10, "for": 1}),
            (400, "invalidBody", "for"),
        ),
        (
            "remove",
            json!({"username": "Zoe", "minutes": 10}),
            (409, "notInRoom", ""),
        ),
        ("close", json!({}), (400, "invalidBody", "minutes")),
        ("lock", json!({"locked": "yes"}), (400, "invalidBody", "locked")),
        ("lock", Value::Null, (400, "invalidBody", "")),
    ] {
        let answer = post(&story, &format!("{ROOM}/{path}"), &body.to_string()).await;
        let (status, code, parameter) = expected;
        assert_eq!(
            answer.problem(),
            (status, code.into(), parameter.into()),
            "{path} {body}"
        );
    }
    let elsewhere = post(&story, "/api/v1/rooms/out%20of%20reach/lock", r#"{"locked": true}"#).await;
    assert_eq!(elsewhere.problem(), (503, "notChanged".into(), "".into()));
    for (path, body, twice) in [
        (
            "remove",
            r#"{"username":"Bob","username":"Ann","minutes":1}"#,
            "username",
        ),
        (
            "remove",
            r#"{"username":"Ann","minutes":1,"m\u0069nutes":1}"#,
            "minutes",
        ),
        ("lock", r#"{"locked":true,"other":1,"other":2}"#, "other"),
    ] {
        let answer = post(&story, &format!("{ROOM}/{path}"), body).await;
        assert_eq!(answer.problem(), (400, "invalidBody".into(), twice.into()), "{body}");
        assert!(answer.text.contains("must be given once"), "{}", answer.text);
    }
    for (path, body) in [
        ("remove", json!({"username": "Ann", "minutes": 10})),
        ("close", json!({"minutes": 10})),
        ("lock", json!({"locked": true})),
    ] {
        let answer = post(&story, &format!("/api/v1/rooms/over/{path}"), &body.to_string()).await;
        assert_eq!(answer.problem(), (409, "roomNotInUse".into(), String::new()), "{path}");
        assert!(answer.text.contains("it has ended"), "{}", answer.text);
    }
    for (path, body, status, said) in [
        ("remove", "room=over&username=Ann&minutes=10", 409, "it has ended"),
        (
            "remove",
            "room=Chemie+101&username=Zoe&minutes=10",
            409,
            "Nobody of this name",
        ),
        (
            "remove",
            "room=Chemie+101&username=Ann&minutes=x",
            400,
            "minutes must be",
        ),
        ("close", "room=Chemie+101", 400, "minutes is missing"),
        ("lock", "room=Chemie+101&locked=x", 400, "locked must be"),
    ] {
        let answer = story.send(form(&format!("/review/room/{path}"), body)).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.text.contains(said), "{body} {}", answer.text);
    }
    assert_eq!(story.get("/review/room?room=over").await.status, 409);
    assert!(done(&story).is_empty());
}

#[tokio::test]
async fn what_still_holds_is_shown_and_lifted_by_a_button() {
    let mut story = Story::new().await;
    story.fixture.session("over", 10, Some(20)).await;
    assert!(!story.get("/review/rooms").await.text.contains("Open it again"));
    story.live.held = StillHeld {
        closed_until: Some(Timestamp(START_MS + 8_000_000)),
        locked: false,
        kept_out: vec![KeptOut {
            username: Username::parse("Zoe").unwrap(),
            until: Timestamp(START_MS + 9_000_000),
        }],
    };
    let room = story.json("/api/v1/rooms/over").await;
    assert_eq!(room["closedUntil"], time(8_000), "{room}");
    assert_eq!(room["keptOut"], json!([{"username": "Zoe", "until": time(9_000)}]));
    story.settings.public_rooms = true;
    let room = story.json("/api/v1/rooms/over").await;
    assert_eq!(
        (&room["closedUntil"], &room["keptOut"]),
        (&json!(time(8_000)), &json!([]))
    );
    let page = story.get("/review/rooms").await.text;
    assert!(page.contains("Closed until <time"), "{page}");
    assert!(
        page.contains("Zoe") && page.contains("is kept out until <time"),
        "{page}"
    );
    for (button, act, names) in [
        (
            "Open it again",
            "close",
            [("room", "over"), ("minutes", "0")].as_slice(),
        ),
        (
            "Let them back in",
            "remove",
            &[("room", "over"), ("username", "Zoe"), ("minutes", "0")],
        ),
    ] {
        let form = page.split("<form").find(|form| form.contains(button)).unwrap();
        assert!(form.contains(&format!("action=\"/review/room/{act}\"")), "{form}");
        for (name, value) in names {
            assert!(form.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{form}");
        }
    }
    // It may be that nobody is in the room, whose own page there is not then.
    let answer = story
        .send(form("/review/room/remove", "room=Chemie+101&username=Ann&minutes=0"))
        .await;
    assert_eq!(answer.header("location"), Some("/review/rooms"));
}

#[tokio::test]
async fn a_page_of_another_origin_does_nothing_with_the_cookie() {
    let story = Story::new().await;
    let cookie = story.sign_in().await;
    let api = ["remove", "close", "lock"].map(|act| format!("{ROOM}/{act}"));
    let pages = ["remove", "close", "lock"].map(|act| format!("/review/room/{act}"));
    for path in api.iter().chain(&pages) {
        for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 400)] {
            let asked = request("POST", path)
                .header("cookie", &cookie)
                .header("content-type", "application/json")
                .header("sec-fetch-site", site)
                .header("sec-fetch-mode", "navigate")
                .header("sec-fetch-dest", "document");
            let answer = story.send(asked.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, status, "{path} {site}");
        }
        let asked = request("POST", path).body(Body::empty()).unwrap();
        assert_eq!(story.send(asked).await.status, 401, "{path}");
    }
    assert!(done(&story).is_empty());
}

#[tokio::test]
async fn the_page_says_how_far_it_goes() {
    let mut story = Story::new().await;
    let page = story.get("/review/room?room=Chemie%20101").await.text;
    assert!(page.contains("this stops nobody who takes another name"), "{page}");
    assert!(page.contains("<option value=\"Bo\">") && page.contains("Lock the room"));
    assert!(
        story
            .get("/review/rooms")
            .await
            .text
            .contains("/review/room?room=Chemie%20101")
    );
    story.live.acts.lock().unwrap().push(Act::Lock(true));
    let secret = crate::model::secret::SharedSecret::parse("a-secret-for-links-of-thirty-two-letters").unwrap();
    story.settings.join_secret = Some(secret);
    let page = story.get("/review/room?room=Chemie%20101").await.text;
    assert!(page.contains("Who has a link for all"), "{page}");
    assert!(page.contains("Unlock the room") && page.contains("name=\"locked\" value=\"false\""));
    assert!(story.get("/review/rooms").await.text.contains(">Locked<"));
}
