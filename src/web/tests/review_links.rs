//! Review links, over a real journal: made, opened, listed, revoked, refused.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Story, TOKEN, TestResponse, column, request, send};
use crate::history::fixture::{Connection, START_MS, on_either};
use crate::join_token::{Grant, RoomPattern};
use crate::journal::Journal;
use crate::model::review_link::NewReviewLink;
use crate::model::secret::SharedSecret;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{EventKind, LeaveReason};
use crate::web::sharing::MOST_HOURS;

/// A room that no link of a test is for, and who was there.
pub(super) const OTHER_ROOM: &str = "Geheim 9";
pub(super) const STRANGER: &str = "Zed Quillfeather";

/// A story whose database a journal writes, with a session in another room.
pub(super) struct Bench {
    pub(super) story: Story,
    pub(super) router: Router,
    pub(super) other: Uuid,
    journal: Journal,
}

impl Bench {
    pub(super) async fn new() -> Self {
        let story = Story::new().await;
        let other = story.fixture.session(OTHER_ROOM, 300, Some(900)).await;
        let there = [Connection::ended(300, 900, LeaveReason::Left)];
        let left = Some((900, LeaveReason::Left));
        let (zed, _) = story.fixture.person(other, STRANGER, left, &there).await;
        story
            .fixture
            .event(other, Some(zed), 300, EventKind::Joined, None)
            .await;
        let opened = Journal::open(story.journal_options(), || Timestamp(0)).await.unwrap();
        let router = story.router_with(opened.removals).await;
        Self {
            story,
            router,
            other,
            journal: opened.journal,
        }
    }

    /// The same database later, by the wall clock.
    async fn at(&mut self, seconds: i64) {
        self.journal.close(Duration::from_secs(5)).await.unwrap();
        let opened = Journal::open(self.story.journal_options(), || Timestamp(0))
            .await
            .unwrap();
        self.story.wall_ahead = seconds;
        self.router = self.story.router_with(opened.removals).await;
        self.journal = opened.journal;
    }

    pub(super) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TestResponse {
        let mut asked = request(method, path);
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        send(&self.router, asked.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn as_reviewer(&self, method: &str, path: &str, body: &str) -> TestResponse {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("authorization", &bearer[..]), ("content-type", "application/json")];
        self.ask(method, path, &headers, body).await
    }

    async fn form(&self, path: &str, body: &str) -> TestResponse {
        let bearer = format!("Bearer {TOKEN}");
        self.ask("POST", path, &[("authorization", &bearer)], body).await
    }

    async fn share(&self, body: &Value) -> TestResponse {
        self.as_reviewer("POST", "/api/v1/review-links", &body.to_string())
            .await
    }

    /// A link that is good for a week.
    pub(super) async fn made(&self, what: &str, value: &str) -> Value {
        let made = self
            .share(&json!({ what: value, "name": "Ms. Li", "hours": 168 }))
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()
    }

    /// What a browser has that followed a link.
    pub(super) async fn cookie(&self, token: &str) -> String {
        let opened = self.ask("GET", &format!("/review?link={token}"), &[], "").await;
        assert_eq!(opened.status, 303, "{}", opened.text);
        opened.cookie().to_owned()
    }

    async fn by_token(&self, path: &str, token: &Value) -> TestResponse {
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        self.ask("GET", path, &[("authorization", &bearer)], "").await
    }
}

#[tokio::test]
async fn a_link_in_a_browser_becomes_a_cookie_and_shows_its_session_only() {
    let bench = Bench::new().await;
    let first = bench.story.first;
    let made = bench.made("session", &first.to_string()).await;
    assert_eq!(made["room"], "Chemie 101");
    assert_eq!(made["session"]["id"], first.to_string());
    let token = made["token"].as_str().unwrap();
    // The reviewer has asked at localhost, which is nobody else's.
    assert_eq!(made["address"], format!("http://192.0.2.7:3000/review?link={token}"));

    let opened = bench.ask("GET", &format!("/review?link={token}"), &[], "").await;
    let page = format!("/review/sessions/{first}");
    assert_eq!(
        (opened.status.as_u16(), opened.header("location")),
        (303, Some(&page[..]))
    );
    let given = opened.header("set-cookie").unwrap();
    let (value, attributes) = given.split_once("; ").unwrap();
    assert_eq!(value, format!("chatroom_link_3000={token}"));
    assert_eq!(attributes, "Path=/; Max-Age=604800; HttpOnly; SameSite=Strict");

    let cookie = [("cookie", value)];
    let shown = bench.ask("GET", &page, &cookie, "").await;
    assert_eq!(shown.status, 200);
    assert!(
        shown.text.contains("You see this by a link that ends on"),
        "{}",
        shown.text
    );
    let (bo, _) = shown.text.split_once("did not come back").unwrap();
    assert!(bo.contains("Cy"));
    for closed in [
        "/review\"",
        "/review/people",
        "/review/rooms",
        "/review/share",
        "/remove",
        "/review/invite",
    ] {
        assert!(
            !shown.text.contains(&format!("href=\"{closed}")),
            "a way that is closed: {closed}"
        );
    }
    for closed in [
        "sign-out",
        "data-live",
        &bench.story.second.to_string()[..],
        "rel=\"next\"",
    ] {
        assert!(!shown.text.contains(closed), "{closed}");
    }
    // All that it links to is open.
    let hrefs = shown
        .text
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let followed = hrefs
        .filter(|href| href.starts_with('/'))
        .collect::<std::collections::BTreeSet<_>>();
    assert!(followed.len() > 8, "{followed:?}");
    for href in followed {
        let href = href.replace("&#38;", "&");
        let path = href.split('#').next().unwrap();
        assert_eq!(bench.ask("GET", path, &cookie, "").await.status, 200, "{href}");
    }
}

#[tokio::test]
async fn a_link_to_a_room_shows_its_sessions_and_the_ways_between_them() {
    let bench = Bench::new().await;
    let made = bench.made("room", "Chemie 101").await;
    assert_eq!(made["session"], Value::Null);
    let cookie = bench.cookie(made["token"].as_str().unwrap()).await;
    let cookie = [("cookie", &cookie[..])];
    let list = bench.ask("GET", "/review?room=Chemie%20101", &cookie, "").await;
    assert_eq!(list.status, 200);
    let (first, second) = (bench.story.first.to_string(), bench.story.second.to_string());
    assert!(list.text.contains(&first) && list.text.contains(&second));
    assert!(!list.text.contains("name=\"name\"") && !list.text.contains("data-live"));
    let page = bench
        .ask("GET", &format!("/review/sessions/{first}"), &cookie, "")
        .await;
    assert!(
        page.text.contains("href=\"/review?room=Chemie%20101\""),
        "{}",
        page.text
    );
    assert!(page.text.contains(&format!("href=\"/review/sessions/{second}\"")));

    for (query, expected) in [
        ("", 403),
        ("?room=Geheim+9", 403),
        ("?room=", 403),
        ("?name=Zed+Quillfeather", 403),
        ("?room=Chemie+101&name=Geheim+9", 403),
        ("?room=Chemie+101&person=Bo", 403),
        ("?room=Chemie+101&room=Geheim+9", 400),
        ("?room=%ff", 400),
        ("?%72oom=+Chemie+101+", 200),
        ("?room=Chemie+101&from=2026-03-02", 200),
        ("?room=Chemie+101&from=tomorrow", 400),
        (&format!("?room=Chemie+101&older={}", bench.other), 200),
    ] {
        let answer = bench.ask("GET", &format!("/review{query}"), &cookie, "").await;
        assert_eq!(answer.status, expected, "{query}");
        assert!(
            !answer.text.contains(STRANGER) && !answer.text.contains(&bench.other.to_string()),
            "{query}"
        );
        if expected != 200 {
            assert!(
                answer.text.contains("href=\"/review?room=Chemie%20101\""),
                "{query}: a way back"
            );
            assert!(
                !answer.text.contains("href=\"/review\"") && !answer.text.contains("sign-out"),
                "{query}"
            );
        }
    }
    for (query, expected) in [
        ("?room=Chemie+101&status=ended&limit=1", 200),
        ("", 403),
        ("?username=Bo", 403),
        ("?room=Chemie+101&username=Zed+Quillfeather", 403),
        ("?room=Geheim+9", 403),
    ] {
        let answer = bench
            .by_token(&format!("/api/v1/sessions{query}"), &made["token"])
            .await;
        assert_eq!(answer.status, expected, "{query}");
    }
}

#[tokio::test]
async fn names_like_that_of_an_empty_room_are_not_told() {
    let bench = Bench::new().await;
    let made = bench.made("room", OTHER_ROOM).await;
    bench.story.fixture.session("Geheim 91", 0, Some(10)).await;
    let gone = bench
        .as_reviewer("DELETE", &format!("/api/v1/sessions/{}", bench.other), "")
        .await;
    assert_eq!(gone.status, 204);
    let list = bench.by_token("/review?room=Geheim+9", &made["token"]).await;
    assert_eq!(list.status, 200, "{}", list.text);
    assert!(
        !list.text.contains("Geheim 91") && list.text.contains("No session"),
        "{}",
        list.text
    );
}

#[tokio::test]
async fn rooms_may_be_called_anything() {
    let bench = Bench::new().await;
    let room = "a/b?c=#&%20\"><b> é 李";
    let id = bench.story.fixture.session(room, 20, Some(30)).await;
    let made = bench.made("room", room).await;
    let opened = bench
        .ask(
            "GET",
            &format!("/review?link={}", made["token"].as_str().unwrap()),
            &[],
            "",
        )
        .await;
    let home = opened.header("location").unwrap().to_owned();
    let cookie = [("cookie", opened.cookie())];
    for path in [home, format!("/review/sessions/{id}")] {
        assert_eq!(bench.ask("GET", &path, &cookie, "").await.status, 200, "{path}");
    }
    let other = format!("/review/sessions/{}", bench.other);
    assert_eq!(bench.ask("GET", &other, &cookie, "").await.status, 403);
}

#[tokio::test]
async fn who_is_signed_in_stays_so_and_signing_out_leaves_nothing_open() {
    let bench = Bench::new().await;
    let made = bench.made("session", &bench.story.first.to_string()).await;
    let token = made["token"].as_str().unwrap();
    let signed_in = bench.story.sign_in().await;
    let opened = bench
        .ask("GET", &format!("/review?link={token}"), &[("cookie", &signed_in)], "")
        .await;
    assert_eq!((opened.status.as_u16(), opened.header("set-cookie")), (303, None));
    let both = format!("{}; {signed_in}", bench.cookie(token).await);
    assert_eq!(bench.ask("GET", "/review", &[("cookie", &both)], "").await.status, 200);

    let headers = [("cookie", &both[..]), ("sec-fetch-site", "same-origin")];
    let out = bench.ask("POST", "/review/sign-out", &headers, "").await;
    let taken: Vec<_> = out
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    let ends = |name: &str| {
        taken
            .iter()
            .any(|header| header.starts_with(&format!("{name}=; Path=/; Max-Age=0;")))
    };
    assert!(ends("chatroom_review_3000") && ends("chatroom_link_3000"), "{taken:?}");
}

#[tokio::test]
async fn a_link_ends_by_its_time_by_hand_and_with_its_session() {
    let mut bench = Bench::new().await;
    let first = bench.story.first.to_string();
    let page = format!("/review/sessions/{first}");
    let [by_time, by_hand, with_session] = [
        bench
            .share(&json!({ "session": first, "name": "a", "hours": 1 }))
            .await
            .json(),
        bench.made("room", "Chemie 101").await,
        bench.made("session", &first).await,
    ];
    let refused = async |bench: &Bench, made: &Value, sentence: &str| {
        let api = bench
            .by_token(&format!("/api/v1/sessions/{first}"), &made["token"])
            .await;
        assert_eq!(api.problem(), (410, "linkOver".into(), String::new()));
        assert!(api.text.contains(sentence), "{}", api.text);
        let token = made["token"].as_str().unwrap();
        let again = bench.ask("GET", &format!("/review?link={token}"), &[], "").await;
        assert_eq!((again.status.as_u16(), again.header("set-cookie")), (410, None));
        let cookie = format!("chatroom_link_3000={token}");
        let kept = bench.ask("GET", &page, &[("cookie", &cookie)], "").await;
        assert_eq!(kept.status, 410);
        assert!(
            kept.header("set-cookie").unwrap().starts_with("chatroom_link_3000=; "),
            "is taken away"
        );
        for page in [again, kept] {
            assert!(
                page.text.contains(sentence) && !page.text.contains("href=\"/review\""),
                "{}",
                page.text
            );
        }
    };
    let revoked = format!("/api/v1/review-links/{}", by_hand["id"].as_str().unwrap());
    assert_eq!(bench.by_token(&page, &by_hand["token"]).await.status, 200);
    assert_eq!(bench.as_reviewer("DELETE", &revoked, "").await.status, 204);
    assert_eq!(
        bench.as_reviewer("DELETE", &revoked, "").await.problem().1,
        "linkNotFound"
    );
    refused(&bench, &by_hand, "was revoked").await;

    bench.at(3599).await;
    assert_eq!(
        bench.by_token(&page, &by_time["token"]).await.status,
        200,
        "also after a restart"
    );
    bench.at(3600).await;
    refused(&bench, &by_time, "has ended").await;
    let names = column(&bench.as_reviewer("GET", "/api/v1/review-links", "").await.json(), "id");
    assert_eq!(
        names,
        [with_session["id"].as_str().unwrap()],
        "what is over is not listed"
    );

    let deleted = bench
        .as_reviewer("DELETE", &format!("/api/v1/sessions/{first}"), "")
        .await;
    assert_eq!(deleted.status, 204);
    refused(&bench, &with_session, "what it showed was removed").await;
    bench.made("room", "Chemie 101").await;
    let kept = "select count(*) from review_link";
    let kept: i64 = on_either!(bench.story.fixture.writer(), fetch_one scalar, kept);
    assert_eq!(kept, 1, "nothing is kept of those that are over");
}

#[tokio::test]
async fn a_new_review_token_ends_all_links_and_the_list_knows() {
    let mut bench = Bench::new().await;
    let made = bench.made("room", "Chemie 101").await;
    bench.story.settings.review_token = "another-token-of-reviewers".to_owned();
    bench.at(1).await;
    let answer = bench.by_token("/review?room=Chemie+101", &made["token"]).await;
    assert_eq!(answer.status, 401);
    let headers = [("authorization", "Bearer another-token-of-reviewers")];
    let list = bench.ask("GET", "/api/v1/review-links", &headers, "").await.json();
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn what_is_no_link_is_refused_in_one_sentence() {
    let bench = Bench::new().await;
    let made = bench.made("session", &bench.story.first.to_string()).await;
    let token = made["token"].as_str().unwrap();
    let secret = SharedSecret::parse("a-secret-for-links-of-thirty-two-letters").unwrap();
    let to_join = Grant {
        room: RoomPattern::parse("Chemie 101").unwrap(),
        name: None,
        expires_at: Timestamp(START_MS + 90_000_000),
    };
    let signed_in = bench.story.sign_in().await;
    let (_, signed_in) = signed_in.split_once('=').unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let wrong = [
        "",
        "x",
        &token[..token.len() - 1],
        &token[1..],
        &format!("{token}A"),
        &format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{claims}."),
        &to_join.token(&secret).unwrap(),
        signed_in,
        TOKEN,
        &"x".repeat(5_000),
    ];
    for wrong in wrong {
        let answer = bench.ask("GET", &format!("/review?link={wrong}"), &[], "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("set-cookie")),
            (401, None),
            "{wrong}"
        );
        assert!(
            answer.text.contains("This is no review link of this server"),
            "{wrong}: {}",
            answer.text
        );
        for name in ["chatroom_link_3000", "chatroom_review_3000"] {
            let cookie = format!("{name}={wrong}");
            let kept = bench.ask("GET", "/review", &[("cookie", &cookie)], "").await;
            let is_good = name == "chatroom_review_3000" && wrong == signed_in;
            assert_eq!(kept.status, if is_good { 200 } else { 401 }, "{cookie}");
        }
        let bearer = format!("Bearer {wrong}");
        let path = format!("/api/v1/sessions/{}", bench.story.first);
        let api = bench.ask("GET", &path, &[("authorization", &bearer)], "").await;
        assert_eq!(api.status, if wrong == TOKEN { 200 } else { 401 }, "{wrong}");
    }
    // Nor does a link sign anybody in.
    for path in [format!("/review?token={token}"), "/review".to_owned()] {
        let cookie = format!("chatroom_review_3000={token}");
        assert_eq!(
            bench.ask("GET", &path, &[("cookie", &cookie)], "").await.status,
            401,
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_shared_is_told_and_nothing_is_made() {
    let bench = Bench::new().await;
    let first = bench.story.first.to_string();
    let nobody = Uuid::from_u128(9).to_string();
    for (body, expected, told) in [
        (
            json!({ "session": nobody, "name": "a", "hours": 1 }),
            "sessionNotFound",
            "",
        ),
        (
            json!({ "session": "x", "name": "a", "hours": 1 }),
            "invalidBody",
            "session",
        ),
        (
            json!({ "session": 7, "name": "a", "hours": 1 }),
            "invalidBody",
            "session",
        ),
        (json!({ "room": "never", "name": "a", "hours": 1 }), "roomNotFound", ""),
        (json!({ "room": "", "name": "a", "hours": 1 }), "invalidBody", "room"),
        (json!({ "name": "a", "hours": 1 }), "invalidBody", "room"),
        (
            json!({ "room": "Chemie 101", "session": first, "name": "a", "hours": 1 }),
            "invalidBody",
            "room",
        ),
        (json!({ "session": first, "hours": 1 }), "invalidBody", "name"),
        (
            json!({ "session": first, "name": "\u{0}", "hours": 1 }),
            "invalidBody",
            "name",
        ),
        (
            json!({ "session": first, "name": "x".repeat(65), "hours": 1 }),
            "invalidBody",
            "name",
        ),
        (json!({ "session": first, "name": "a" }), "invalidBody", "hours"),
        (
            json!({ "session": first, "name": "a", "hours": -1 }),
            "invalidBody",
            "hours",
        ),
        (
            json!({ "session": first, "name": "a", "hours": 0 }),
            "invalidBody",
            "hours",
        ),
        (
            json!({ "session": first, "name": "a", "hours": 1.5 }),
            "invalidBody",
            "hours",
        ),
        (
            json!({ "session": first, "name": "a", "hours": 4393 }),
            "invalidBody",
            "hours",
        ),
        (
            json!({ "session": first, "name": "a", "hours": "1" }),
            "invalidBody",
            "hours",
        ),
        (
            json!({ "session": first, "name": "a", "hours": 1, "days": 1 }),
            "invalidBody",
            "days",
        ),
        (
            json!({ "session": first, "name": "x".repeat(10_000_000), "hours": 1 }),
            "bodyTooLarge",
            "",
        ),
    ] {
        let answer = bench.share(&body).await;
        let (_, code, parameter) = answer.problem();
        let shown: String = body.to_string().chars().take(90).collect();
        assert_eq!(
            (&code[..], &parameter[..]),
            (expected, told),
            "{shown}: {}",
            answer.text
        );
    }
    for (body, expected) in [
        (format!("session={nobody}&name=a&hours=1"), 404),
        (format!("session={first}&name=&hours=1"), 400),
        (format!("session={first}&name=a&hours=-1"), 400),
        (format!("session={first}&room=a&name=a&hours=1"), 400),
        ("room=never&name=a&hours=1".to_owned(), 404),
        ("name=a&hours=1".to_owned(), 400),
        (format!("session={first}&name=a&hours=1&x=1"), 400),
    ] {
        assert_eq!(bench.form("/review/share", &body).await.status, expected, "{body}");
    }
    assert_eq!(
        bench
            .form("/review/share/revoke", &format!("link={nobody}"))
            .await
            .status,
        404
    );
    assert_eq!(bench.form("/review/share/revoke", "link=x").await.status, 400);
    let list = bench.as_reviewer("GET", "/api/v1/review-links", "").await.json();
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn there_are_only_so_many_links() {
    let bench = Bench::new().await;
    let document = bench.story.json("/api/v1/openapi.json").await;
    for shape in ["ShareSessionRequest", "ShareRoomRequest"] {
        let hours = &document["components"]["schemas"][shape]["properties"]["hours"];
        assert_eq!(hours["maximum"], MOST_HOURS);
    }
    let told = &document["paths"]["/api/v1/review-links"]["post"]["responses"]["409"]["description"];
    assert!(told.as_str().unwrap().contains(&format!(" {} ", NewReviewLink::MOST)));
    for _ in 0..NewReviewLink::MOST {
        bench.made("room", "Chemie 101").await;
    }
    let more = bench
        .share(&json!({ "room": "Chemie 101", "name": "a", "hours": 1 }))
        .await;
    assert_eq!(more.problem(), (409, "tooManyLinks".into(), String::new()));
    let mut pages = Vec::new();
    let mut next = "/api/v1/review-links?limit=150".to_owned();
    loop {
        let page = bench.as_reviewer("GET", &next, "").await.json();
        pages.push(column(&page, "id"));
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        next = format!("/api/v1/review-links?limit=150&cursor={cursor}");
    }
    let lengths: Vec<_> = pages.iter().map(Vec::len).collect();
    assert_eq!(lengths, [150, 50]);
    let revoked = format!("/api/v1/review-links/{}", pages[0][0]);
    assert_eq!(bench.as_reviewer("DELETE", &revoked, "").await.status, 204);
    bench.made("room", "Chemie 101").await;
}

#[tokio::test]
async fn a_link_is_made_on_a_page_shown_once_and_revoked_there() {
    let bench = Bench::new().await;
    let first = bench.story.first.to_string();
    let by_reviewer = async |path: &str| bench.as_reviewer("GET", path, "").await.text;
    let way = format!("/review/share?session={first}");
    assert!(
        by_reviewer(&format!("/review/sessions/{first}"))
            .await
            .contains(&format!("href=\"{way}\""))
    );
    let of_room = "href=\"/review/share?room=Chemie%20101\"";
    assert!(by_reviewer("/review?room=Chemie+101").await.contains(of_room));
    assert!(by_reviewer("/review/rooms").await.contains(of_room));
    assert!(!by_reviewer("/review").await.contains("/review/share?"));

    let form = by_reviewer(&way).await;
    assert!(form.contains(&format!("name=\"session\" value=\"{first}\"")), "{form}");
    assert!(
        form.contains("<option value=\"168\" selected>a week</option>"),
        "{form}"
    );
    let body = format!("session={first}&name=%3Cb%3ELi&hours=168");
    let made = bench.form("/review/share", &body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert!(made.text.contains("&#60;b&#62;Li") && made.text.contains("<svg"));
    let (_, token) = made.text.split_once("/review?link=").unwrap();
    let token = token.split('<').next().unwrap();
    let cookie = bench.cookie(token).await;
    let page = format!("/review/sessions/{first}");
    assert_eq!(bench.ask("GET", &page, &[("cookie", &cookie)], "").await.status, 200);

    let list = by_reviewer("/review/share").await;
    assert!(
        list.contains("&#60;b&#62;Li") && !list.contains(token) && !list.contains("eyJ"),
        "{list}"
    );
    let (_, id) = list.split_once("name=\"link\" value=\"").unwrap();
    let id = id.split('"').next().unwrap();
    let revoked = bench.form("/review/share/revoke", &format!("link={id}")).await;
    assert_eq!(
        (revoked.status.as_u16(), revoked.header("location")),
        (303, Some("/review/share"))
    );
    assert_eq!(bench.ask("GET", &page, &[("cookie", &cookie)], "").await.status, 410);
    assert!(by_reviewer("/review/share").await.contains("None."));
}

/// What is kept of links, byte by byte: all of the file, or the rows of the server.
async fn stored(story: &Story) -> Vec<Vec<u8>> {
    if story.fixture.server().is_some() {
        let rows = "select convert_to(string_agg(cast(review_link as text), ' '), 'UTF8') from review_link";
        return vec![on_either!(story.fixture.writer(), fetch_one scalar, rows)];
    }
    let path = story.fixture.path();
    let files = [path.clone(), path.with_extension("db-wal")];
    files.map(|file| std::fs::read(file).unwrap_or_default()).into()
}

#[tokio::test]
async fn the_database_has_nothing_that_opens_anything() {
    let bench = Bench::new().await;
    let made = bench.made("session", &bench.story.first.to_string()).await;
    let token = made["token"].as_str().unwrap();
    let signature = token.rsplit('.').next().unwrap();
    bench.journal.close(Duration::from_secs(5)).await.unwrap();
    let stored = stored(&bench.story).await;
    let found = |text: &[u8]| {
        let stored = stored.iter();
        let found = stored.map(|bytes| bytes.windows(text.len()).filter(|part| *part == text).count());
        found.sum::<usize>()
    };
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(found(b"Ms. Li") > 0);
    assert_eq!(
        (found(token.as_bytes()), found(signature.as_bytes()), found(&raw)),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn an_erased_person_is_not_on_a_link_either() {
    let bench = Bench::new().await;
    bench
        .share(&json!({ "room": "Chemie 101", "name": STRANGER, "hours": 1 }))
        .await;
    let body = json!({ "username": STRANGER }).to_string();
    let erased = bench
        .as_reviewer("POST", "/api/v1/participants/erase", &body)
        .await
        .json();
    let list = bench.as_reviewer("GET", "/api/v1/review-links", "").await.json();
    assert_eq!(list["data"][0]["name"], erased["replacedBy"]);
}
