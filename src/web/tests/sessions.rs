//! `/sessions` and what is below.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use uuid::Uuid;

use super::{START_MS, Story, column, time, walk};
use crate::history::fixture::{Connection, on_either};
use crate::model::vocabulary::{EventKind, LeaveReason};

#[tokio::test]
async fn a_session_at_a_glance() {
    let story = Story::new().await;
    let first = json!({
        "id": story.first.to_string(), "room": "Chemie 101", "status": "ended",
        "startedAt": time(0), "endedAt": time(3600), "durationMs": 3_600_000,
        "peakParticipants": 3, "uniqueParticipants": 3, "reconnectCount": 3, "errorCount": 0,
    });
    assert_eq!(story.json(&format!("/api/v1/sessions/{}", story.first)).await, first);
    let second = story.json(&format!("/api/v1/sessions/{}", story.second)).await;
    assert_eq!(second["status"], "active");
    assert_eq!(second["endedAt"], json!(null));
    assert_eq!(second["durationMs"], 110_000);
    assert_eq!(
        story.json("/api/v1/sessions").await,
        json!({"data": [second, first], "nextCursor": null})
    );
}

#[tokio::test]
async fn an_emptied_session_is_measured_to_the_last_that_was_told_in_it() {
    let story = Story::new().await;
    let session = story.fixture.session("Bio", 7000, None).await;
    story
        .fixture
        .person(
            session,
            "Ann",
            Some((7290, LeaveReason::Left)),
            &[Connection::ended(7000, 7290, LeaveReason::Left)],
        )
        .await;
    story.fixture.event(session, None, 7290, EventKind::Left, None).await;
    story
        .fixture
        .event(session, None, 7299, EventKind::Error, Some(json!({})))
        .await;
    let shown = story.json(&format!("/api/v1/sessions/{session}")).await;
    assert_eq!(
        (&shown["status"], &shown["durationMs"]),
        (&json!("active"), &json!(299_000))
    );
    let people = story.json(&format!("/api/v1/sessions/{session}/participants")).await;
    assert_eq!(column(&people, "presentPct"), ["97.0"]);
}

#[tokio::test]
async fn the_list_is_filtered() {
    let story = Story::new().await;
    let bio = story.fixture.session("Bio", 1000, Some(2000)).await;
    story
        .fixture
        .person(
            bio,
            "Cy",
            Some((2000, LeaveReason::Left)),
            &[Connection::ended(1000, 2000, LeaveReason::Left)],
        )
        .await;
    let names = [(story.first, "first"), (story.second, "second"), (bio, "bio")];
    for (query, expected) in [
        ("", vec!["second", "bio", "first"]),
        ("order=desc", vec!["second", "bio", "first"]),
        ("order=asc", vec!["first", "bio", "second"]),
        ("status=active", vec!["second"]),
        ("status=ended", vec!["bio", "first"]),
        ("room=Chemie+101", vec!["second", "first"]),
        ("room=%20Bio%20", vec!["bio"]),
        ("room=Bio&status=active", vec![]),
        ("room=Chemie+101&status=active", vec!["second"]),
        ("room=Chemie+101&status=ended", vec!["first"]),
        ("username=Cy", vec!["bio", "first"]),
        ("username=Cy&order=asc", vec!["first", "bio"]),
        ("username=Cy&room=Bio", vec!["bio"]),
        ("username=Bo&status=active", vec!["second"]),
        ("username=Cy&status=active", vec![]),
        ("username=Ann&status=ended", vec!["first"]),
        ("username=Nobody", vec![]),
        (&format!("startedAfter={}", time(1000)), vec!["second", "bio"]),
        (&format!("startedBefore={}", time(1000)), vec!["first"]),
        (
            &format!("startedAfter={}&startedBefore={}&order=asc", time(0), time(7200)),
            vec!["first", "bio"],
        ),
        (&format!("username=Cy&startedAfter={}", time(1)), vec!["bio"]),
        (&format!("status=active&startedAfter={}", time(7201)), vec![]),
        ("startedAfter=1850-01-01T00:00:00Z", vec!["second", "bio", "first"]),
        ("startedBefore=1850-01-01T00:00:00Z", vec![]),
        ("startedBefore=9999-01-01T00:00:00Z&limit=1", vec!["second"]),
    ] {
        let found = column(&story.json(&format!("/api/v1/sessions?{query}")).await, "id");
        let expected: Vec<_> = expected
            .iter()
            .map(|name| names.iter().find(|(_, n)| n == name).unwrap().0.to_string())
            .collect();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn lists_are_walked_without_missing_or_doubling() {
    let story = Story::new().await;
    let mut all = vec![story.first.to_string(), story.second.to_string()];
    for index in 0..40 {
        // Some begin in the same millisecond.
        let id = story
            .fixture
            .session(if index % 2 == 0 { "a" } else { "b" }, 100 + index / 4, Some(500))
            .await;
        story
            .fixture
            .person(
                id,
                "Ann",
                Some((500, LeaveReason::Left)),
                &[Connection::ended(200, 500, LeaveReason::Left)],
            )
            .await;
        all.push(id.to_string());
    }
    all.sort();
    let backwards: Vec<String> = all.iter().rev().cloned().collect();
    for limit in [1, 7, 42, 200] {
        assert_eq!(
            walk(&story, "/api/v1/sessions?order=asc", limit, "id").await,
            all,
            "{limit}"
        );
        assert_eq!(
            walk(&story, "/api/v1/sessions", limit, "id").await,
            backwards,
            "{limit}"
        );
        assert_eq!(
            walk(&story, "/api/v1/sessions?username=Ann", limit, "id").await,
            backwards,
            "{limit}"
        );
    }
    assert_eq!(
        walk(&story, "/api/v1/sessions?room=a&order=asc", 3, "id").await.len(),
        20
    );
    assert_eq!(walk(&story, "/api/v1/sessions?status=ended", 9, "id").await.len(), 41);
}

#[tokio::test]
async fn the_default_page_has_fifty() {
    let story = Story::new().await;
    for index in 0..60 {
        story.fixture.session("a", index, Some(500)).await;
    }
    let page = story.json("/api/v1/sessions").await;
    assert_eq!(column(&page, "id").len(), 50);
    assert!(page["nextCursor"].is_string());
    assert_eq!(column(&story.json("/api/v1/sessions?limit=200").await, "id").len(), 62);
}

#[tokio::test]
async fn attendance_counts_presence_absence_and_gaps() {
    let story = Story::new().await;
    let people = story
        .json(&format!("/api/v1/sessions/{}/participants", story.first))
        .await;
    assert_eq!(column(&people, "username"), ["Ann", "Bo", "Cy"]);
    let mut bo = people["data"][1].clone();
    assert!(bo["id"].take().is_string());
    let expected = json!({
        "id": null, "username": "Bo", "joinedAt": time(60), "leftAt": time(3600),
        "presentMs": 2_910_000, "awayMs": 30_000, "longestGapMs": 600_000, "reconnectCount": 3,
        "leaveReason": "left", "presentPct": 80.8,
        "intervals": [
            {"from": time(60), "to": time(600)},
            {"from": time(630), "to": time(1800)},
            {"from": time(2400), "to": time(3600)},
        ],
    });
    assert_eq!(bo, expected);
    let cy = &people["data"][2];
    assert_eq!(
        (&cy["presentMs"], &cy["awayMs"], &cy["longestGapMs"]),
        (&json!(100_000), &json!(15_000), &json!(15_000))
    );
    assert_eq!(
        (&cy["leaveReason"], &cy["presentPct"]),
        (&json!("timeout"), &json!(2.8))
    );
}

#[tokio::test]
async fn attendance_of_a_live_session_runs_up_to_now() {
    let story = Story::new().await;
    let people = story
        .json(&format!("/api/v1/sessions/{}/participants", story.second))
        .await;
    let (ann, bo) = (&people["data"][0], &people["data"][1]);
    assert_eq!(
        (&ann["presentMs"], &ann["leftAt"], &ann["presentPct"]),
        (&json!(110_000), &json!(null), &json!(100.0))
    );
    assert_eq!(ann["intervals"], json!([{"from": time(7200), "to": null}]));
    assert_eq!(
        (&bo["presentMs"], &bo["awayMs"], &bo["longestGapMs"]),
        (&json!(50_000), &json!(10_000), &json!(10_000))
    );
    assert_eq!(bo["intervals"], json!([{"from": time(7250), "to": time(7300)}]));
}

#[tokio::test]
async fn attendance_is_filtered_by_share_and_walked() {
    let story = Story::new().await;
    let path = format!("/api/v1/sessions/{}/participants", story.first);
    for (least, people) in [
        ("0", vec!["Ann", "Bo", "Cy"]),
        ("2.8", vec!["Ann", "Bo", "Cy"]),
        ("2.9", vec!["Ann", "Bo"]),
        ("81", vec!["Ann"]),
        ("100", vec!["Ann"]),
    ] {
        for limit in [1, 2, 50] {
            let found = walk(&story, &format!("{path}?minPct={least}"), limit, "username").await;
            assert_eq!(found, people, "{least} {limit}");
        }
    }
    let page = story.json(&format!("{path}?minPct=81&limit=1")).await;
    assert!(page["nextCursor"].is_null(), "there is no next page of nothing");
}

#[tokio::test]
async fn the_journal_is_read_in_order_and_by_kind() {
    let story = Story::new().await;
    let path = format!("/api/v1/sessions/{}/events", story.first);
    let all = story.json(&path).await;
    assert_eq!(column(&all, "seq"), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    let mut joined = all["data"][1].clone();
    assert!(joined["participantId"].take().is_string());
    assert_eq!(
        joined,
        json!({
            "seq": 2, "at": time(0), "kind": "joined", "sessionId": story.first.to_string(),
            "participantId": null, "username": "Ann", "detail": {"members": 1},
        })
    );
    assert_eq!(all["data"][0]["username"], json!(null));
    assert_eq!(all["data"][0]["detail"], json!(null));
    for (query, seqs) in [
        ("kind=joined", vec!["2", "3", "4"]),
        ("kind=left,reconnected", vec!["6", "9"]),
        ("kind=disconnected&after=5", vec!["8"]),
        ("after=8", vec!["9", "10"]),
        ("after=10", vec![]),
        ("kind=gap", vec![]),
    ] {
        assert_eq!(
            column(&story.json(&format!("{path}?{query}")).await, "seq"),
            seqs,
            "{query}"
        );
        assert_eq!(
            walk(&story, &format!("{path}?{query}"), 1, "seq").await,
            seqs,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_kind_is_found_past_what_one_page_looks_at() {
    let story = Story::new().await;
    on_either!(
        story.fixture.writer(),
        execute,
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 25000)
         insert into event (seq, at, session_id, kind) select (select max(seq) from event) + i, 0, $1, 'error' from n",
        story.second,
    );
    let last = story
        .fixture
        .event(story.second, None, 7305, EventKind::Gap, None)
        .await;
    let path = format!("/api/v1/sessions/{}/events?kind=gap", story.second);
    assert_eq!(walk(&story, &path, 50, "seq").await, [last.to_string()]);
}

#[tokio::test]
async fn links_tell_of_each_pair_where_it_stopped() {
    let story = Story::new().await;
    let path = format!("/api/v1/sessions/{}/links", story.first);
    let pairs = story.json(&path).await;
    assert_eq!(column(&pairs, "outcome"), ["exchanged", "noAnswer", "noOffer"]);
    // The page's own sentences, names set apart as there.
    let page = story.get(&format!("/review/sessions/{}", story.first)).await.text;
    let sentences = column(&pairs, "sentence");
    assert_eq!(
        sentences,
        [
            "\u{2068}Ann\u{2069} and \u{2068}Bo\u{2069} exchanged everything; \
             their pages did not say whether video came; \u{2068}Ann\u{2069}'s shared screen never reached \
             \u{2068}Bo\u{2069}: no offer of it was answered.",
            "\u{2068}Ann\u{2069} and \u{2068}Cy\u{2069} never connected: \u{2068}Ann\u{2069}'s offer was never answered.",
            "\u{2068}Bo\u{2069} and \u{2068}Cy\u{2069} never connected: neither made an offer.",
        ]
    );
    for sentence in sentences {
        assert!(page.contains(&sentence.replace('\'', "&#39;")), "{sentence}");
    }
    assert_eq!(pairs["data"][2]["between"][1]["username"], "Cy");
    assert_eq!(pairs["data"][2]["links"], json!([]));
    let mut link = pairs["data"][0]["links"][0].clone();
    assert!(link["id"].take().is_string());
    assert_eq!(
        link,
        json!({
            "id": null, "streamType": "user", "offerer": "Ann", "answerer": "Bo", "offeredAt": time(61),
            "answeredAt": time(62), "offererCandidates": 12, "answererCandidates": 9, "renegotiations": 0,
            "connectedAt": null, "offererSaid": null, "answererSaid": null, "closedAt": time(1800), "closedBy": "left",
        })
    );
    assert_eq!(pairs["data"][0]["links"].as_array().unwrap().len(), 2);
    for limit in [1, 2, 3] {
        assert_eq!(
            walk(&story, &path, limit, "outcome").await,
            ["exchanged", "noAnswer", "noOffer"]
        );
    }
}

#[tokio::test]
async fn people_who_never_met_are_no_pair() {
    let story = Story::new().await;
    let session = story.fixture.session("Bio", 0, Some(300)).await;
    // Ann is away until 150: Bo, who comes at 120, meets her; Cy, who comes when she is gone, does not.
    let ann = [Connection::lost(0, 100, Some(150))];
    story
        .fixture
        .person(session, "Ann", Some((150, LeaveReason::Timeout)), &ann)
        .await;
    for (name, from) in [("Bo", 120), ("Cy", 150)] {
        story
            .fixture
            .person(
                session,
                name,
                Some((300, LeaveReason::Left)),
                &[Connection::ended(from, 300, LeaveReason::Left)],
            )
            .await;
    }
    let pairs = story.json(&format!("/api/v1/sessions/{session}/links")).await;
    let names: Vec<_> = pairs["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            [0, 1]
                .map(|end| pair["between"][end]["username"].as_str().unwrap().to_owned())
                .join("-")
        })
        .collect();
    assert_eq!(names, ["Ann-Bo", "Bo-Cy"]);
}

#[tokio::test]
async fn a_walk_over_many_pairs_shows_each_once() {
    let story = Story::new().await;
    let session = story.fixture.session("Bio", 0, Some(300)).await;
    let mut expected = Vec::new();
    for index in 0..12 {
        let name = format!("p{index:02}");
        story
            .fixture
            .person(
                session,
                &name,
                Some((300, LeaveReason::Left)),
                &[Connection::ended(0, 300, LeaveReason::Left)],
            )
            .await;
        for other in index + 1..12 {
            expected.push(format!(
                "\u{2068}p{index:02}\u{2069} and \u{2068}p{other:02}\u{2069} never connected: neither made an offer."
            ));
        }
    }
    for limit in [1, 10, 11, 66, 200] {
        let found = walk(&story, &format!("/api/v1/sessions/{session}/links"), limit, "sentence").await;
        assert_eq!(found, expected, "{limit}");
    }
}

#[tokio::test]
async fn a_bad_value_is_refused_by_name() {
    let story = Story::new().await;
    let one = format!("/api/v1/sessions/{}", story.first);
    let foreign = story.json("/api/v1/sessions?limit=1").await["nextCursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let cases = [
        ("/api/v1/sessions?status=open".to_owned(), "invalidParameter", "status"),
        ("/api/v1/sessions?order=up".to_owned(), "invalidParameter", "order"),
        (
            "/api/v1/sessions?startedAfter=today".to_owned(),
            "invalidParameter",
            "startedAfter",
        ),
        (
            "/api/v1/sessions?startedBefore=".to_owned(),
            "invalidParameter",
            "startedBefore",
        ),
        ("/api/v1/sessions?room=".to_owned(), "invalidParameter", "room"),
        (
            "/api/v1/sessions?username=%00".to_owned(),
            "invalidParameter",
            "username",
        ),
        ("/api/v1/sessions?limit=0".to_owned(), "invalidParameter", "limit"),
        ("/api/v1/sessions?limit=201".to_owned(), "invalidParameter", "limit"),
        ("/api/v1/sessions?limit=many".to_owned(), "invalidParameter", "limit"),
        ("/api/v1/sessions?cursor=abc".to_owned(), "invalidParameter", "cursor"),
        (format!("/api/v1/rooms?cursor={foreign}"), "invalidParameter", "cursor"),
        ("/api/v1/sessions?Room=a".to_owned(), "unknownParameter", "Room"),
        (
            "/api/v1/sessions?room=a&room=b".to_owned(),
            "duplicateParameter",
            "room",
        ),
        ("/api/v1/rooms?status=dead".to_owned(), "invalidParameter", "status"),
        ("/api/v1/rooms?page=2".to_owned(), "unknownParameter", "page"),
        ("/api/v1/rooms/a?x=1".to_owned(), "unknownParameter", "x"),
        (format!("{one}?x"), "unknownParameter", "x"),
        (format!("{one}/participants?minPct=101"), "invalidParameter", "minPct"),
        (format!("{one}/participants?minPct="), "invalidParameter", "minPct"),
        (format!("{one}/events?kind=join"), "invalidParameter", "kind"),
        (format!("{one}/events?kind="), "invalidParameter", "kind"),
        (format!("{one}/events?after=-1"), "invalidParameter", "after"),
        (format!("{one}/links?kind=user"), "unknownParameter", "kind"),
        ("/api/v1/sessions/abc".to_owned(), "invalidParameter", "id"),
        ("/api/v1/sessions?q=%FF".to_owned(), "invalidQuery", ""),
    ];
    for (path, code, parameter) in cases {
        assert_eq!(
            story.get(&path).await.problem(),
            (400, code.into(), parameter.into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_forged_cursor_is_refused_by_name() {
    let story = Story::new().await;
    let (long, longer) = ("a".repeat(65), "a".repeat(129));
    let (first, name) = (story.first, "Ann");
    let room = "/api/v1/rooms/Chemie%20101/participants".to_owned();
    let of = |below: &str| format!("/api/v1/sessions/{first}/{below}");
    for (path, list, keys) in [
        (
            "/api/v1/sessions".to_owned(),
            "sessions",
            vec![json!("x"), json!(1), json!([first])],
        ),
        (
            "/api/v1/rooms".to_owned(),
            "rooms",
            vec![json!(""), json!(longer), json!("a\u{0}b")],
        ),
        (
            of("participants"),
            "participants",
            vec![json!(""), json!(long), json!("a\nb"), json!(-1)],
        ),
        (
            of("events"),
            "events",
            vec![json!(-1), json!(1.5), json!(9.9e99), json!("1"), json!(null)],
        ),
        (
            of("links"),
            "links",
            vec![
                json!([name]),
                json!([name, ""]),
                json!([long, name]),
                json!([name, name, name]),
                json!({}),
            ],
        ),
        (
            room,
            "attendants",
            vec![
                json!([i64::MAX, name]),
                json!([i64::MIN, name]),
                json!([START_MS + (story.now + 1) * 1000, name]),
                json!([START_MS, long]),
                json!([name, START_MS]),
            ],
        ),
    ] {
        for key in keys {
            let cursor = URL_SAFE_NO_PAD.encode(json!([list, key]).to_string());
            let answer = story.get(&format!("{path}?cursor={cursor}")).await;
            let expected = (400, "invalidParameter".into(), "cursor".into());
            assert_eq!(answer.problem(), expected, "{path} {key}");
        }
    }
}

#[tokio::test]
async fn an_unknown_session_is_not_found() {
    let story = Story::new().await;
    for below in ["", "/participants", "/events", "/links"] {
        let path = format!("/api/v1/sessions/{}{below}", Uuid::from_u128(9));
        assert_eq!(
            story.get(&path).await.problem(),
            (404, "sessionNotFound".into(), String::new()),
            "{path}"
        );
    }
}
