//! A session of 50,000 people, with whatever one client could put into it: every answer costs what it shows.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use serde_json::Value;
use sqlx::SqlitePool;
use tower::ServiceExt;
use uuid::Uuid;

use super::{Story, TOKEN, request};
use crate::history::fixture::{Fixture, START_MS};
use crate::journal::RemovalHandle;
use crate::sql::Database;

const PEOPLE: i64 = 50_000;

/// What one answer may cost: in steps of SQLite's machine, and in bytes.
const STEPS: u64 = 1_500_000;
const BYTES: usize = 3_000_000;

/// The numbers from 1 up to the first parameter.
const NUMBERS: &str = "with recursive number (n) as (select 1 union all select n + 1 from number where n < ?1) ";

/// Somebody comes every 10 ms, and stays for a minute.
const COMING: &str = "insert into participant (id, session_id, username, joined_at, left_at, leave_reason)
    select unhex(printf('%012x70008000%012x', ?3 + n * 10, n)), ?2, printf('name %05d', n * 7919 % ?1), ?3 + n * 10,
        ?3 + n * 10 + 60000, 'left'
    from number";
const CONNECTED: &str = "insert into connection (session_id, participant_id, id, connected_at, disconnected_at, opened_by, closed_by, away_until)
    select session_id, id, id, joined_at, left_at, 'join', 'left', left_at from participant where session_id = ?1";
/// One of them comes back again and again.
const FLAPPING: &str = "insert into connection (session_id, participant_id, id, connected_at, disconnected_at, opened_by, closed_by, away_until)
    select ?2, unhex(printf('%012x70008000%012x', ?3 + 50, 5)), unhex(printf('%012x70028000%012x', ?3 + 50 + n, n)),
        ?3 + 50 + n * 2, ?3 + 51 + n * 2, 'reconnect', 'disconnected', ?3 + 52 + n * 2
    from number";
/// Each has links with four others, one with everybody, and two have nothing but links.
const LINKED: &str = "insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, closed_at, closed_by)
    select unhex(printf('%012x70018000%012x', ?3 + n, n)), ?2,
        unhex(printf('%012x70008000%012x', ?3 + one * 10, one)), unhex(printf('%012x70008000%012x', ?3 + other * 10, other)),
        'user', ?3 + n, ?3 + n + 1, 'left'
    from (
        select n, n % ?4 + 1 as one, (n % ?4 + n / ?4 + 1) % ?4 + 1 as other from number where n <= 4 * ?4
        union all select n, 7, n - 4 * ?4 from number where n > 4 * ?4 and n <= 5 * ?4 and n - 4 * ?4 <> 7
        union all select n, 11, 12 from number where n > 5 * ?4
    )";
const HAPPENED: &str = "insert into event (at, session_id, participant_id, kind, detail)
    select ?3 + n, ?2, unhex(printf('%012x70008000%012x', ?3 + n * 10, n)), 'error', '{\"message\":\"x\"}' from number";

/// Steps are counted in a file only. What PostgreSQL's plans cost is held by their own test.
fn file(story: &Story) -> &SqlitePool {
    let Database::Sqlite(file) = story.fixture.writer() else {
        unreachable!("it is in a file");
    };
    file
}

async fn run(story: &Story, statement: &'static str, count: i64, session: Uuid) {
    let query = format!("{}{statement}", if statement.contains("number") { NUMBERS } else { "" });
    let query = sqlx::query(sqlx::AssertSqlSafe(query));
    let query = if statement.contains("number") {
        query.bind(count)
    } else {
        query
    };
    let query = query.bind(session).bind(START_MS).bind(PEOPLE);
    query.execute(file(story)).await.unwrap();
}

async fn crowd(story: &Story) -> Uuid {
    let session = story.fixture.session("Crowd", 0, Some(3600)).await;
    run(story, COMING, PEOPLE, session).await;
    run(story, CONNECTED, 0, session).await;
    run(story, FLAPPING, PEOPLE, session).await;
    run(story, LINKED, 6 * PEOPLE, session).await;
    run(story, HAPPENED, PEOPLE, session).await;
    sqlx::query("update session set participant_count = ?, error_count = ? where id = ?")
        .bind(PEOPLE)
        .bind(PEOPLE)
        .bind(session)
        .execute(file(story))
        .await
        .unwrap();
    session
}

/// Answers, with what they cost.
struct Asked {
    router: axum::Router,
    steps: Arc<AtomicU64>,
}

impl Asked {
    async fn of(story: &Story) -> Self {
        let (history, steps) = story.fixture.counted_history().await;
        let router = story.router_of(history, RemovalHandle::unheard());
        Self { router, steps }
    }

    async fn get(&self, path: &str) -> (String, u64) {
        let before = self.steps.load(Ordering::Relaxed);
        let request = request("GET", path).header("authorization", format!("Bearer {TOKEN}"));
        let request = request.body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let steps = self.steps.load(Ordering::Relaxed) - before;
        (String::from_utf8(body.to_vec()).unwrap(), steps)
    }

    async fn cheap(&self, path: &str) -> String {
        let (text, steps) = self.get(path).await;
        assert!(
            steps <= STEPS && text.len() <= BYTES,
            "{path}: {steps} steps, {} bytes",
            text.len()
        );
        text
    }

    /// Some pages of a list.
    async fn walk(&self, path: &str, pages: usize) -> Vec<Value> {
        let (mut rows, mut next) = (Vec::new(), path.to_owned());
        for _ in 0..pages {
            let list: Value = serde_json::from_str(&self.cheap(&next).await).unwrap();
            rows.extend(list["data"].as_array().unwrap().iter().cloned());
            let Some(cursor) = list["nextCursor"].as_str() else {
                break;
            };
            next = format!("{path}&cursor={cursor}");
        }
        rows
    }
}

#[tokio::test]
async fn every_answer_costs_what_it_shows() {
    let story = Story::in_database(Fixture::in_file().await).await;
    let session = crowd(&story).await;
    let asked = Asked::of(&story).await;
    let api = format!("/api/v1/sessions/{session}");
    let page = format!("/review/sessions/{session}");

    let people = asked.walk(&format!("{api}/participants?limit=200"), 3).await;
    assert_eq!(people.len(), 600);
    assert_eq!(people[0]["username"], "name 00000");
    for below in [
        String::new(),
        "/participants?minPct=99".to_owned(),
        "/events?limit=200".to_owned(),
        "/events?kind=left".to_owned(),
        "/timeline.svg".to_owned(),
    ] {
        asked.cheap(&format!("{api}{below}")).await;
    }
    let pairs = asked.walk(&format!("{api}/links?limit=200"), 5).await;
    assert_eq!(pairs.len(), 1000);
    let names: HashSet<String> = pairs.iter().map(|pair| pair["between"].to_string()).collect();
    assert_eq!(names.len(), pairs.len(), "each pair is shown once");

    for below in [
        "",
        "?name=name%2025000",
        "?sort=-present&people=49000",
        "/timeline?tz=UTC",
        "?log=wrong&after=20000",
    ] {
        asked.cheap(&format!("{page}{below}")).await;
    }
    let text = asked.cheap(&page).await;
    assert!(text.contains("show 20 of the 50,000 people"));
    assert!(text.contains("name=name%2000019"), "the next part has its link");
    // Number 5 is the one who came back again and again, 7 has a link with everybody.
    for number in [5, 7, 11] {
        let name = number * 7919 % PEOPLE;
        asked.cheap(&format!("/review/people/name%20{name:05}")).await;
        asked.cheap(&format!("{page}?name=name%20{:05}", name - 1)).await;
        asked.cheap(&format!("{api}/participants?limit=1&minPct=0")).await;
    }
    for path in [
        "/api/v1/rooms/Crowd/participants?at=2026-03-01T09:05:00Z",
        "/api/v1/rooms/Crowd",
        "/api/v1/rooms?status=all",
        "/api/v1/sessions?username=name%2000000",
        "/review",
        "/review/rooms",
        "/review?person=49999",
        "/review/people?name=x&after=name%2044000",
        "/review/people",
    ] {
        asked.cheap(path).await;
    }
    // A search looks at some names at a time, and goes on until it has looked at all.
    let (mut found, mut pages) = (asked.cheap("/review/people?name=49999").await, 1);
    while let Some((_, link)) = found.split_once("rel=\"next\" href=\"") {
        let next = link.split_once('"').unwrap().0.replace("&#38;", "&");
        found = asked.cheap(&next).await;
        pages += 1;
    }
    assert!(found.contains("<bdi>name 49999</bdi>") && pages > 5, "{pages}: {found}");
}

#[tokio::test]
async fn a_long_table_costs_its_rows() {
    let story = Story::in_database(Fixture::in_file().await).await;
    let session = crowd(&story).await;
    let asked = Asked::of(&story).await;
    for (table, rows) in [("attendance", PEOPLE), ("events", PEOPLE)] {
        let (text, steps) = asked.get(&format!("/api/v1/sessions/{session}/{table}.csv")).await;
        assert_eq!(i64::try_from(text.lines().count()), Ok(rows + 1));
        assert!(steps < 200 * u64::try_from(rows).unwrap(), "{table}: {steps} steps");
    }
}

/// 30,000 rooms: half of them were left a moment ago.
#[tokio::test]
async fn the_rooms_of_a_flood_are_pages() {
    const ROOMS: i64 = 30_000;
    let story = Story::in_database(Fixture::in_file().await).await;
    let now = START_MS + story.now * 1000 - 1000;
    for statement in [
        "insert into session (id, room, started_at) select unhex(printf('%012x70008000%012x', ?2, n)), printf('r %05d', n), ?2 from number",
        "insert into participant (id, session_id, username, joined_at)
         select unhex(printf('%012x70018000%012x', ?2, n)), unhex(printf('%012x70008000%012x', ?2, n)), 'Mallory', ?2 from number",
        "insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at)
         select unhex(printf('%012x70028000%012x', ?2, n)), unhex(printf('%012x70008000%012x', ?2, n)),
             unhex(printf('%012x70018000%012x', ?2, n)), zeroblob(16), zeroblob(32), 0, ?2 from number where n % 30000 > 15000",
    ] {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{NUMBERS}{statement}")));
        query.bind(ROOMS).bind(now).execute(file(&story)).await.unwrap();
    }
    let asked = Asked::of(&story).await;
    for path in [
        "/review",
        "/review/rooms",
        "/review?person=Mallory",
        "/review?person=Ann",
        "/review/people/Mallory",
        "/api/v1/rooms",
        "/api/v1/rooms?q=00",
        "/api/v1/rooms?status=all&limit=200",
        "/api/v1/sessions?limit=200",
        "/api/v1/sessions?status=ended&limit=200",
        "/api/v1/sessions?status=active&limit=200",
        "/api/v1/sessions?status=active&username=Mallory",
        "/api/v1/sessions?status=active&username=Ann",
        "/api/v1/sessions?room=Chemie%20101&username=Mallory",
    ] {
        asked.cheap(path).await;
    }
    // Pages that show little go on all the same.
    assert_eq!(asked.walk("/api/v1/rooms?limit=200", 500).await.len(), 15_000);
    let ended = asked.walk("/api/v1/sessions?status=ended&limit=200", 500).await;
    assert_eq!(ended.len(), 1);
}
