//! What can be removed, over a real journal.

use axum::Router;
use axum::body::Body;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Story, TOKEN, TestResponse, column, request, send};
use crate::history::fixture::{Connection, START_MS, on_either};
use crate::journal::{Journal, Options};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{EventKind, LeaveReason};
use crate::sql::Database;

/// A story whose database a journal writes, as it does for a server.
struct Bench {
    story: Story,
    router: Router,
    journal: Journal,
}

impl Bench {
    async fn over(story: Story) -> Self {
        let options = story.journal_options();
        let opened = Journal::open(options, || Timestamp(i64::MAX / 2)).await.unwrap();
        let router = story.router_with(opened.removals).await;
        Self {
            story,
            router,
            journal: opened.journal,
        }
    }

    async fn new() -> Self {
        Self::over(Story::new().await).await
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> TestResponse {
        let asked = request(method, path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json");
        send(&self.router, asked.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn erase(&self, body: &Value) -> TestResponse {
        self.ask("POST", "/api/v1/participants/erase", &body.to_string()).await
    }

    async fn delete(&self, session: Uuid) -> TestResponse {
        self.ask("DELETE", &format!("/api/v1/sessions/{session}"), "").await
    }

    async fn count(&self, sql: &'static str) -> i64 {
        on_either!(self.story.fixture.writer(), fetch_one scalar, sql)
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_called_too_large() {
    let bench = Bench::new().await;
    let cut = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("cut"))]);
    let asked = request("POST", "/api/v1/participants/erase")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json");
    let answer = send(&bench.router, asked.body(Body::from_stream(cut)).unwrap()).await;
    assert_eq!(answer.problem(), (408, "bodyCut".into(), String::new()));
    let large = format!("{{\"username\": \"{}\"}}", "a".repeat(70_000));
    let answer = bench.ask("POST", "/api/v1/participants/erase", &large).await;
    assert_eq!(answer.problem(), (413, "bodyTooLarge".into(), String::new()));
}

#[tokio::test]
async fn a_session_goes_with_all_that_hangs_on_it() {
    let story = Story::new().await;
    for index in 0..2_500 {
        story
            .fixture
            .event(story.first, None, index, EventKind::Error, None)
            .await;
    }
    let bench = Bench::over(story).await;
    let answer = bench.delete(bench.story.first).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(bench.delete(bench.story.first).await.problem().1, "sessionNotFound");
    for (sql, left) in [
        ("select count(*) from session", 1),
        ("select count(*) from participant", 2),
        ("select count(*) from connection", 2),
        ("select count(*) from link", 0),
        (
            "select count(*) from event where session_id not in (select id from session)",
            0,
        ),
    ] {
        assert_eq!(bench.count(sql).await, left, "{sql}");
    }
    if let Database::Sqlite(file) = bench.story.fixture.writer() {
        let broken = sqlx::query("pragma foreign_key_check").fetch_optional(file);
        assert!(broken.await.unwrap().is_none(), "nothing refers to what is gone");
    }
}

#[tokio::test]
async fn what_goes_on_is_not_removed() {
    let bench = Bench::new().await;
    assert_eq!(
        bench.delete(bench.story.second).await.problem(),
        (409, "live".into(), String::new())
    );
    let answer = bench.erase(&json!({ "username": "Ann" })).await;
    assert_eq!(answer.problem(), (409, "live".into(), String::new()));
    assert_eq!(bench.count("select count(*) from session").await, 2);
}

#[tokio::test]
async fn an_erased_person_is_nowhere_and_no_total_changes() {
    let story = Story::new().await;
    // Long enough to be found in the file, and not by accident.
    let name = "Xaverine Quillfeather";
    for hour in [0, 5] {
        let id = story
            .fixture
            .session("Chemie 101", -90_000 + hour * 3600, Some(-89_000 + hour * 3600))
            .await;
        let connections = [Connection::ended(
            -90_000 + hour * 3600,
            -89_000 + hour * 3600,
            LeaveReason::Left,
        )];
        let left = Some((-89_000 + hour * 3600, LeaveReason::Left));
        let (person, _) = story.fixture.person(id, name, left, &connections).await;
        story
            .fixture
            .event(id, Some(person), -90_000, EventKind::Joined, None)
            .await;
        let detail = json!({ "code": "invalid", "event": format!("hello {name}"), "message": "" });
        story
            .fixture
            .event(id, Some(person), -89_500, EventKind::Error, Some(detail))
            .await;
    }
    let bench = Bench::over(story).await;
    let sessions = "/api/v1/sessions?startedBefore=2026-03-01T00:00:00Z";
    let before = bench.ask("GET", sessions, "").await.json();

    let tried = bench.erase(&json!({ "username": name, "dryRun": true })).await.json();
    let expected = json!({ "username": name, "dryRun": true, "replacedBy": null, "sessions": 2, "connections": 2,
        "links": 0, "events": 4 });
    assert_eq!(tried, expected);
    assert_eq!(
        bench
            .count("select count(*) from participant where username like 'erased-%'")
            .await,
        0
    );

    let mut done = bench.erase(&json!({ "username": name })).await.json();
    let label = done["replacedBy"].take().as_str().unwrap().to_owned();
    done["dryRun"] = true.into();
    assert_eq!(done, expected, "as the dry run said");
    assert_eq!(bench.ask("GET", sessions, "").await.json(), before, "totals");
    let of_label = format!("/api/v1/sessions?username={label}");
    assert_eq!(column(&bench.ask("GET", &of_label, "").await.json(), "id").len(), 2);
    for id in column(&before, "id") {
        for part in [
            "participants",
            "events",
            "links",
            "attendance.csv",
            "events.csv",
            "timeline.svg",
        ] {
            let text = bench
                .ask("GET", &format!("/api/v1/sessions/{id}/{part}"), "")
                .await
                .text;
            assert!(!text.contains("Quillfeather"), "{part}: {text}");
        }
    }
    let again = bench.erase(&json!({ "username": name })).await.json();
    assert_eq!((&again["sessions"], &again["replacedBy"]), (&json!(0), &Value::Null));

    bench.story.fixture.writer().close().await;
    bench.journal.close(std::time::Duration::from_secs(5)).await.unwrap();
    if bench.story.fixture.server().is_some() {
        // What PostgreSQL keeps of a row that is gone is its own to say.
        return;
    }
    let file = std::fs::read(bench.story.fixture.path()).unwrap();
    let found = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(found(&label) && !found("Quillfeather"), "the file itself");
}

/// As a form of a page sends it.
async fn submit(bench: &Bench, path: &str, body: &str) -> TestResponse {
    let asked = request("POST", path).header("authorization", format!("Bearer {TOKEN}"));
    send(&bench.router, asked.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_page_shows_what_goes_before_a_session_is_removed() {
    let bench = Bench::new().await;
    let (first, second) = (bench.story.first, bench.story.second);
    let session = bench.ask("GET", &format!("/review/sessions/{first}"), "").await.text;
    let path = format!("/review/sessions/{first}/remove");
    assert!(session.contains(&path), "the session leads there");
    let shown = bench.ask("GET", &path, "").await;
    assert!(shown.text.contains("with 3 people: their attendance"), "{}", shown.text);
    assert_eq!(
        bench.count("select count(*) from session").await,
        2,
        "nothing is removed yet"
    );
    let done = submit(&bench, &path, "").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, Some("/review")));
    assert_eq!(bench.count("select count(*) from session").await, 1);
    assert_eq!(submit(&bench, &path, "").await.status, 404);

    let path = format!("/review/sessions/{second}/remove");
    for answer in [bench.ask("GET", &path, "").await, submit(&bench, &path, "").await] {
        assert_eq!(answer.status, 409);
        assert!(
            answer.text.contains("It can be removed once it is over"),
            "{}",
            answer.text
        );
    }
    let page = bench.ask("GET", &format!("/review/sessions/{second}"), "").await.text;
    assert!(!page.contains("/remove"), "what goes on offers no such thing");
}

#[tokio::test]
async fn a_page_shows_what_changes_before_a_person_is_erased() {
    let bench = Bench::new().await;
    let person = bench.ask("GET", "/review/people/Cy", "").await.text;
    assert!(person.contains("/review/erase?username=Cy"), "their page leads there");
    let present = bench.ask("GET", "/review/people/Ann", "").await.text;
    assert!(
        !present.contains("/review/erase"),
        "who is in a session that goes on is not"
    );
    let shown = bench.ask("GET", "/review/erase?username=Cy", "").await.text;
    let expected = "in 1 session, 1 stretch of presence, 1 connection with somebody and 3 entries of the log";
    assert!(shown.contains(expected), "{shown}");
    let named = "select count(*) from participant where username = 'Cy'";
    assert_eq!(bench.count(named).await, 1, "nothing is changed yet");
    let done = submit(&bench, "/review/erase", "username=Cy").await;
    assert_eq!(done.status, 303, "{}", done.text);
    let location = done.header("location").unwrap();
    assert!(location.starts_with("/review/people/erased-"), "{location}");
    assert_eq!(bench.ask("GET", location, "").await.status, 200);
    assert_eq!(bench.count(named).await, 0);

    let nobody = bench.ask("GET", "/review/erase?username=Cy", "").await.text;
    assert!(nobody.contains("Nobody of this name") && !nobody.contains("action=\"/review/erase\""));
    for (body, status, said) in [
        ("username=Ann", 409, "They can be erased once it is over"),
        ("username=", 400, "username"),
        ("", 400, "username is missing"),
    ] {
        let answer = submit(&bench, "/review/erase", body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.text.contains(said), "{body} {}", answer.text);
    }
}

#[tokio::test]
async fn no_other_site_removes_anything_by_the_cookie() {
    let bench = Bench::new().await;
    let signed_in = bench.ask("GET", &format!("/review?token={TOKEN}"), "").await;
    let cookie = signed_in.cookie().to_owned();
    for path in [
        "/review/erase".to_owned(),
        format!("/review/sessions/{}/remove", bench.story.first),
    ] {
        for site in ["cross-site", "same-site"] {
            let asked = request("POST", &path)
                .header("cookie", &cookie)
                .header("sec-fetch-site", site);
            let answer = send(&bench.router, asked.body(Body::from("username=Cy")).unwrap()).await;
            assert_eq!(answer.status, 403, "{path} {site}");
        }
    }
    assert_eq!(
        bench
            .count("select count(*) from participant where username = 'Cy'")
            .await,
        1
    );
    assert_eq!(bench.count("select count(*) from session").await, 2);
}

#[tokio::test]
async fn a_body_is_read_strictly() {
    let bench = Bench::new().await;
    for (body, field) in [
        ("", ""),
        ("[]", ""),
        ("{", ""),
        (r#"{"username":5}"#, "username"),
        (r#"{"username":""}"#, "username"),
        ("{}", "username"),
        (r#"{"username":"a","dryRun":"yes"}"#, "dryRun"),
        (r#"{"username":"a","dryrun":true}"#, "dryrun"),
    ] {
        let answer = bench.ask("POST", "/api/v1/participants/erase", body).await;
        assert_eq!(answer.problem(), (400, "invalidBody".into(), field.into()), "{body}");
    }
    let plain = request("POST", "/api/v1/participants/erase").header("authorization", format!("Bearer {TOKEN}"));
    let answer = send(&bench.router, plain.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.problem().0, 415);
}

#[tokio::test]
async fn what_is_too_old_goes_by_itself() {
    let story = Story::new().await;
    let old = story.fixture.session("old", -100_000, Some(-99_000)).await;
    for index in 0..1_500 {
        story
            .fixture
            .event(old, None, -100_000 + index, EventKind::Error, None)
            .await;
    }
    // Two steps of the removal, and one entry that is younger than an hour.
    let homeless = "with recursive n (value) as (select 1 union all select value + 1 from n where value < 1500)
                    insert into event (seq, at, kind)
                    select (select max(seq) from event) + value, $1 + case value when 1500 then 2400000 else 0 end, 'error'
                    from n";
    on_either!(story.fixture.writer(), execute, homeless, START_MS + 3_000_000);
    let options = Options {
        retention: Some(std::time::Duration::from_secs(3600)),
        ..story.journal_options()
    };
    // An hour after the first lesson ended, and a bit less.
    let now = Timestamp(START_MS + 7_199_000);
    let opened = Journal::open(options, move || now).await.unwrap();
    let gone = || async {
        let rooms = "select room from session where started_at < $1 order by id";
        let rooms: Vec<String> = on_either!(story.fixture.writer(), fetch_all scalar, rooms, now.0);
        let homeless = "select count(*) from event where session_id is null";
        let homeless: i64 = on_either!(story.fixture.writer(), fetch_one scalar, homeless);
        assert!(homeless > 0, "the young one stays");
        rooms == ["Chemie 101"] && homeless == 1
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while !gone().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    opened.journal.close(std::time::Duration::from_secs(5)).await.unwrap();
}
