//! `/rooms` and what is below.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Story, column, time, walk};
use crate::history::fixture::{Connection, on_either};
use crate::model::vocabulary::{EventKind, LeaveReason};
use crate::sql::Database;

#[tokio::test]
async fn the_list_shows_rooms_in_use() {
    let story = Story::new().await;
    story.fixture.session("Bio", 10, Some(20)).await;
    let list = story.json("/api/v1/rooms").await;
    let expected = json!({
        "data": [{
            "room": "Chemie 101", "present": 1, "away": 1,
            "session": {"id": story.second.to_string(), "startedAt": time(7200)},
            "lastActivityAt": time(7300),
        }],
        "nextCursor": null,
    });
    assert_eq!(list, expected);
    assert_eq!(story.json("/api/v1/rooms?status=live").await, expected);
}

#[tokio::test]
async fn the_list_of_all_shows_each_room_once() {
    let story = Story::new().await;
    story.fixture.session("Bio", 10, Some(20)).await;
    story.fixture.session("Bio", 30, Some(40)).await;
    // Everybody has left, but who comes now continues the session.
    let lingering = story.fixture.session("Art", 50, None).await;
    story
        .fixture
        .event(lingering, None, 50, EventKind::SessionStarted, None)
        .await;
    let list = story.json("/api/v1/rooms?status=all").await;
    assert_eq!(column(&list, "room"), ["Art", "Bio", "Chemie 101"]);
    assert_eq!(column(&list, "lastActivityAt"), [time(50), time(40), time(7300)]);
    assert_eq!(list["data"][0]["session"], Value::Null);
    assert_eq!(
        list["data"][1],
        json!({
            "room": "Bio", "present": 0, "away": 0, "session": null, "lastActivityAt": time(40),
        })
    );
    assert_eq!(column(&story.json("/api/v1/rooms").await, "room"), ["Chemie 101"]);
}

#[tokio::test]
async fn the_list_is_searched_by_any_part_of_a_name() {
    let story = Story::new().await;
    for room in ["Übung 1", "übung 2", "100%", "a_b", "中文教室"] {
        story.fixture.session(room, 10, Some(20)).await;
    }
    for (query, rooms) in [
        ("%C3%9CBUNG", vec!["Übung 1", "übung 2"]),
        ("%25", vec!["100%"]),
        ("_", vec!["a_b"]),
        ("%E6%96%87", vec!["中文教室"]),
        ("emi", vec!["Chemie 101"]),
        ("e+1", vec!["Chemie 101"]),
        ("nothing", vec![]),
    ] {
        let mut found = column(
            &story.json(&format!("/api/v1/rooms?status=all&q={query}")).await,
            "room",
        );
        found.sort();
        let mut rooms: Vec<_> = rooms.into_iter().map(str::to_owned).collect();
        rooms.sort();
        assert_eq!(found, rooms, "{query}");
    }
    assert_eq!(
        column(&story.json("/api/v1/rooms?q=chem").await, "room"),
        ["Chemie 101"]
    );
    assert_eq!(column(&story.json("/api/v1/rooms?q=bung").await, "room"), [""; 0]);
}

#[tokio::test]
async fn the_list_is_walked_without_missing_or_doubling() {
    let story = Story::new().await;
    let mut rooms = vec!["Chemie 101".to_owned()];
    for index in 0..23 {
        let room = format!("room {index}");
        let session = story.fixture.session(&room, index, None).await;
        let who = story
            .fixture
            .person(session, "Ann", None, &[Connection::open(index)])
            .await;
        story.fixture.member(session, who, 1, None).await;
        story.fixture.session(&room, -100, Some(-50)).await;
        rooms.push(room);
    }
    rooms.sort();
    for limit in [1, 5, 8, 24, 200] {
        for path in ["/api/v1/rooms", "/api/v1/rooms?status=all"] {
            assert_eq!(walk(&story, path, limit, "room").await, rooms, "{path} {limit}");
        }
        assert_eq!(
            walk(&story, "/api/v1/rooms?status=all&q=room", limit, "room").await,
            rooms[1..],
            "{limit}"
        );
    }
}

#[tokio::test]
async fn a_search_goes_on_past_what_one_page_looks_at() {
    let story = Story::new().await;
    let id = match story.fixture.writer() {
        Database::Sqlite(_) => "randomblob(16)",
        Database::Postgres(_) => "gen_random_uuid()",
    };
    let many = AssertSqlSafe(format!(
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 6000)
         insert into session (id, room, started_at, ended_at)
         select {id}, 'r' || substr(cast(100000 + i as text), 2), 0, 1 from n"
    ));
    on_either!(story.fixture.writer(), execute, many);
    assert_eq!(
        walk(&story, "/api/v1/rooms?status=all&q=5999", 50, "room").await,
        ["r05999"]
    );
    assert_eq!(walk(&story, "/api/v1/rooms?status=all", 200, "room").await.len(), 6001);
}

#[tokio::test]
async fn one_room_shows_its_session_and_members() {
    let story = Story::new().await;
    let room = story.json("/api/v1/rooms/Chemie%20101").await;
    assert_eq!(room["room"], "Chemie 101");
    assert_eq!(room["session"]["id"], story.second.to_string());
    assert_eq!(room["session"]["durationMs"], 110_000);
    assert_eq!(
        room["members"],
        json!([
            {"username": "Ann", "status": "present", "since": time(7200), "awayUntil": null},
            {"username": "Bo", "status": "away", "since": time(7300), "awayUntil": time(7315)},
        ])
    );
}

#[tokio::test]
async fn an_empty_room_is_known_and_an_unknown_one_is_not() {
    let story = Story::new().await;
    story.fixture.session("Bio", 10, Some(20)).await;
    assert_eq!(
        story.json("/api/v1/rooms/Bio").await,
        json!({"room": "Bio", "session": null, "members": [], "closedUntil": null, "locked": false, "keptOut": []})
    );
    for path in [
        "/api/v1/rooms/bio",
        "/api/v1/rooms/Physik",
        "/api/v1/rooms/Physik/participants",
    ] {
        assert_eq!(
            story.get(path).await.problem(),
            (404, "roomNotFound".into(), String::new()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn names_may_hold_any_character() {
    let story = Story::new().await;
    let names = [
        ("中文 教室", "%E4%B8%AD%E6%96%87%20%E6%95%99%E5%AE%A4"),
        ("中文 教室", "中文%20教室"),
        ("a/b", "a%2Fb"),
        ("a/b", "a%2fb"),
        ("a/participants", "a%2Fparticipants"),
        ("..", "%2E%2E"),
        ("..", ".."),
        ("../../x", "..%2F..%2Fx"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("a+b", "a+b"),
        ("what?", "what%3F"),
        ("#1", "%231"),
        ("é", "e%CC%81"),
        ("padded", "%20padded%20"),
        ("\"<>\\", "%22%3C%3E%5C"),
        ("participants", "participants"),
        ("🧪", "%F0%9F%A7%AA"),
    ];
    let mut made: Vec<&str> = Vec::new();
    for (index, (name, _)) in names.iter().enumerate() {
        if !made.contains(name) {
            let start = i64::try_from(index).unwrap() * 100;
            let session = story.fixture.session(name, start, Some(start + 50)).await;
            story
                .fixture
                .person(
                    session,
                    name,
                    Some((start + 50, LeaveReason::Left)),
                    &[Connection::ended(start, start + 50, LeaveReason::Left)],
                )
                .await;
            made.push(name);
        }
    }
    for (name, path) in names {
        assert_eq!(
            story.json(&format!("/api/v1/rooms/{path}")).await["room"],
            name,
            "{path}"
        );
        let started = names.iter().position(|(other, _)| *other == name).unwrap() as i64 * 100;
        let was = story
            .json(&format!("/api/v1/rooms/{path}/participants?at={}", time(started + 1)))
            .await;
        assert_eq!(column(&was, "username"), [name], "{path}");
        let sessions = story
            .json(&format!("/api/v1/sessions?room={}", path.replace('+', "%2B")))
            .await;
        assert_eq!(column(&sessions, "room"), [name], "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_name_is_refused() {
    let story = Story::new().await;
    let answer = story.get("/api/v1/rooms//participants").await;
    assert_eq!(answer.problem(), (400, "invalidParameter".into(), "room".into()));
    let long = "x".repeat(129);
    for path in ["%00", "a%0Ab", "%20", "%FF", "%E4%B8", &long] {
        for below in ["", "/participants"] {
            let answer = story.get(&format!("/api/v1/rooms/{path}{below}")).await;
            assert_eq!(
                answer.problem(),
                (400, "invalidParameter".into(), "room".into()),
                "{path}"
            );
        }
    }
    for path in ["/api/v1/rooms/", "/api/v1/rooms/a/b", "/api/v1/rooms/a/b/participants"] {
        assert_eq!(
            story.get(path).await.problem(),
            (404, "notFound".into(), String::new()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn who_was_there_is_known_for_every_moment() {
    let story = Story::new().await;
    let present = |since: i64| ("present".to_owned(), time(since));
    let away = |since: i64| ("away".to_owned(), time(since));
    for (at, expected) in [
        (-1, vec![]),
        (0, vec![("Ann", present(0))]),
        (60, vec![("Ann", present(0)), ("Bo", present(60))]),
        (
            150,
            vec![("Ann", present(0)), ("Bo", present(60)), ("Cy", present(100))],
        ),
        (200, vec![("Ann", present(0)), ("Bo", present(60)), ("Cy", away(200))]),
        (214, vec![("Ann", present(0)), ("Bo", present(60)), ("Cy", away(200))]),
        (215, vec![("Ann", present(0)), ("Bo", present(60))]),
        (615, vec![("Ann", present(0)), ("Bo", away(600))]),
        (630, vec![("Ann", present(0)), ("Bo", present(630))]),
        (1000, vec![("Ann", present(0)), ("Bo", present(630))]),
        (1800, vec![("Ann", present(0))]),
        (2400, vec![("Ann", present(0)), ("Bo", present(2400))]),
        (3600, vec![]),
        (5000, vec![]),
        (7310, vec![("Ann", present(7200)), ("Bo", away(7300))]),
    ] {
        let was = story
            .json(&format!("/api/v1/rooms/Chemie%20101/participants?at={}", time(at)))
            .await;
        assert_eq!(was["at"], time(at));
        let found: Vec<_> = was["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let text = |name: &str| row[name].as_str().unwrap().to_owned();
                (text("username"), (text("status"), text("since")))
            })
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, status)| (name.to_owned(), status))
            .collect();
        assert_eq!(found, expected, "{at}");
    }
}

#[tokio::test]
async fn who_is_there_now_is_the_default_and_the_future_is_not_known() {
    let story = Story::new().await;
    let path = "/api/v1/rooms/Chemie%20101/participants";
    let now = story.json(path).await;
    assert_eq!(now["at"], time(7310));
    assert_eq!(column(&now, "username"), ["Ann", "Bo"]);
    assert_eq!(
        column(
            &story.json(&format!("{path}?at=2026-03-01T10:00:00+00:00")).await,
            "username"
        ),
        [""; 0]
    );
    for at in [time(7311), "soon".to_owned(), String::new()] {
        let answer = story.get(&format!("{path}?at={at}")).await;
        assert_eq!(answer.problem(), (400, "invalidParameter".into(), "at".into()), "{at}");
    }
    assert_eq!(walk(&story, path, 1, "username").await, ["Ann", "Bo"]);
    assert_eq!(
        walk(&story, &format!("{path}?at={}", time(150)), 2, "username").await,
        ["Ann", "Bo", "Cy"]
    );
}

#[tokio::test]
async fn a_crash_leaves_people_away_until_they_are_known_to_be_gone() {
    let story = Story::new().await;
    let session = story.fixture.session("Bio", 0, None).await;
    let connections = [Connection::lost(0, 50, None)];
    let who = story.fixture.person(session, "Ann", None, &connections).await;
    story.fixture.member(session, who, 1, Some((50, 160))).await;
    story
        .fixture
        .person(
            session,
            "Bo",
            Some((70, LeaveReason::ServerCrash)),
            &[Connection::lost(0, 50, Some(70))],
        )
        .await;
    for (at, people) in [(60, vec!["Ann", "Bo"]), (70, vec!["Ann"])] {
        let was = story
            .get(&format!("/api/v1/rooms/Bio/participants?at={}", time(at)))
            .await;
        assert_eq!(was.status, StatusCode::OK);
        assert_eq!(column(&was.json(), "username"), people);
    }
}
