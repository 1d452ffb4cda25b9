//! The way into the review in a browser.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use uuid::Uuid;

use super::{OfferedLink, Story, TOKEN, TestResponse, request};
use crate::history::fixture::Connection;
use crate::model::vocabulary::{LeaveReason, LinkCloseReason};

#[tokio::test]
async fn a_token_in_the_address_becomes_a_cookie() {
    let story = Story::new().await;
    for (query, location) in [
        (format!("token={TOKEN}"), "/review"),
        (
            format!("room=1&token={TOKEN}&person=%20x"),
            "/review?room=1&person=%20x",
        ),
        (format!("token={TOKEN}&token=other"), "/review"),
        (format!("%74oken={TOKEN}"), "/review"),
        (format!("token={}", TOKEN.replace('-', "%2D")), "/review"),
    ] {
        let answer = story
            .send(request("GET", &format!("/review?{query}")).body(Body::empty()).unwrap())
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, Some(location)),
            "{query}"
        );
        let cookie = answer.header("set-cookie").unwrap();
        assert!(
            cookie.starts_with("chatroom_review_3000=") && !cookie.contains(TOKEN),
            "{cookie}"
        );
        assert!(
            cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"),
            "{cookie}"
        );

        let pair = cookie.split(';').next().unwrap();
        let page = story
            .send(
                request("GET", location)
                    .header("cookie", pair)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(
            (page.status.as_u16(), page.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        assert!(page.text.contains("<h1>Sessions</h1>"));
        assert!(
            page.header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'none'")
        );
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn behind_tls_the_cookie_stays_there() {
    let story = Story::new().await;
    let link = format!("/review?token={TOKEN}");
    for (peer, header, value, is_secure) in [
        ("127.0.0.1:9", "x-forwarded-proto", "https", true),
        ("127.0.0.1:9", "x-forwarded-proto", "https, http", true),
        ("127.0.0.1:9", "x-forwarded-proto", "http", false),
        ("127.0.0.1:9", "forwarded", "for=192.0.2.1;proto=https", true),
        ("192.0.2.1:9", "x-forwarded-proto", "https", false),
        ("192.0.2.1:9", "forwarded", "proto=https", false),
    ] {
        let ask = |path: &str, cookie: &str| {
            let asked = Request::builder().uri(path).header("host", "class.example");
            let asked = asked.header(header, value).header("cookie", cookie);
            let mut asked = asked.body(Body::empty()).unwrap();
            let peer: SocketAddr = peer.parse().unwrap();
            asked.extensions_mut().insert(ConnectInfo(peer));
            asked
        };
        let answer = story.send(ask(&link, "")).await;
        let cookie = answer.header("set-cookie").unwrap();
        let (name, port) = if is_secure { ("__Host-", 443) } else { ("", 80) };
        assert!(
            cookie.starts_with(&format!("{name}chatroom_review_{port}=")),
            "{peer} {header}: {cookie}"
        );
        assert_eq!(cookie.ends_with("; Secure"), is_secure, "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        assert_eq!(story.send(ask("/review", pair)).await.status, 200);
        // A page without TLS could have set it, or one of a subdomain.
        let bare = pair.strip_prefix("__Host-").filter(|_| is_secure);
        if let Some(bare) = bare {
            assert_eq!(story.send(ask("/review", bare)).await.status, 401);
        }
    }
}

#[tokio::test]
async fn without_a_token_the_page_is_locked() {
    let story = Story::new().await;
    for path in [
        "/review",
        "/review?token=wrong",
        "/review?token=",
        "/review?token",
        "/review?token=%FF",
    ] {
        let answer = story.send(request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
        assert!(
            answer.text.contains("<form") && !answer.text.contains("refresh"),
            "{path}"
        );
        let is_tried = path.contains("token=");
        assert_eq!(
            answer.text.contains("This token is not the right one."),
            is_tried && !path.ends_with("%FF"),
            "{path}"
        );
        assert!(answer.header("www-authenticate").is_some() && answer.header("content-security-policy").is_some());
    }
    let style = story
        .send(request("GET", "/review/style.css").body(Body::empty()).unwrap())
        .await;
    assert_eq!(
        (style.status.as_u16(), style.header("content-type")),
        (200, Some("text/css; charset=utf-8"))
    );
}

#[tokio::test]
async fn a_link_followed_from_another_site_asks_again_once() {
    let story = Story::new().await;
    for (path, site, again) in [
        ("/review", "cross-site", true),
        ("/review", "same-origin", false),
        ("/review?token=wrong", "cross-site", false),
    ] {
        let asked = request("GET", path)
            .header("sec-fetch-site", site)
            .body(Body::empty())
            .unwrap();
        let answer = story.send(asked).await;
        assert_eq!(answer.text.contains("http-equiv=\"refresh\""), again, "{path} {site}");
    }
}

/// Asks with the cookie that the link gives.
async fn page(story: &Story, path: &str) -> TestResponse {
    let asked = request("GET", path)
        .header("cookie", story.sign_in().await)
        .body(Body::empty());
    story.send(asked.unwrap()).await
}

/// A page as it is read: without the marks that isolate names.
fn text(answer: &TestResponse) -> String {
    answer.text.replace(['\u{2068}', '\u{2069}'], "")
}

#[tokio::test]
async fn every_page_is_locked_and_opens() {
    let story = Story::new().await;
    let session = format!("/review/sessions/{}", story.first);
    for (path, status, expected) in [
        ("/review", 200, "Chemie 101"),
        ("/review?name=chemie&person=&from=&to=", 200, "Rooms of a similar name"),
        ("/review/rooms", 200, "2 people in 1 room. Bo is away."),
        ("/review/api", 200, "GET /api/v1/sessions/{id}"),
        (
            "/review/people/Bo",
            200,
            "Away now in Chemie 101.</p>\n<p>Missed connections in 2 below; dropped and came back 3 times.</p>",
        ),
        (
            &session,
            200,
            "3 people, 1 hour. Cy did not come back; Cy never connected with anyone.",
        ),
        (
            &format!("{session}?sort=-back&log=wrong&after=3"),
            200,
            "aria-sort=\"descending\"",
        ),
        (&format!("{session}/timeline?tz=Europe%2FBerlin"), 200, ">10:10</text>"),
        (
            &format!("{session}?sort=height"),
            400,
            "sort must be one of name, present",
        ),
        ("/review?to=tomorrow", 400, "to must be a day such as 2026-03-01."),
        (
            "/review/sessions/00000000-0000-7000-8000-000000000000",
            404,
            "There is no session of this id.",
        ),
        (
            "/review/people/%07",
            400,
            "username must not contain control characters",
        ),
        ("/review/", 404, "There is nothing at this path."),
        ("/review/nowhere", 404, "There is nothing at this path."),
    ] {
        let locked = story.send(request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(locked.status, 401, "{path}");
        assert!(locked.text.contains("The review is locked") && !locked.text.contains("Chemie"));

        let answer = page(&story, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{path}"
        );
        assert!(
            answer
                .header("content-security-policy")
                .unwrap()
                .contains("script-src 'self';")
        );
        assert!(text(&answer).contains(expected), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn every_room_of_a_similar_name_is_reached() {
    let story = Story::new().await;
    let rooms: Vec<String> = (0..40).map(|number| format!("Physik {number:02}")).collect();
    for room in &rooms {
        story.fixture.session(room, 0, Some(600)).await;
    }
    let mut reached = Vec::new();
    let mut path = "/review?name=physik".to_owned();
    for expected in [8, 25, 7] {
        let answer = page(&story, &path).await;
        let listed = answer.text.split("href=\"/review?room=").skip(1);
        let listed: Vec<_> = listed
            .filter_map(|rest| Some(rest.split_once("<bdi>")?.1.split_once('<')?.0.to_owned()))
            .collect();
        assert_eq!(listed.len(), expected, "{path}: {}", answer.text);
        reached.extend(listed);
        path = match answer.text.split_once("\">Look further for similar rooms<") {
            Some((before, _)) => before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&"),
            None => String::new(),
        };
    }
    assert_eq!((reached, path), (rooms, String::new()));
}

#[tokio::test]
async fn a_page_refuses_parameters_by_name() {
    let story = Story::new().await;
    let session = format!("/review/sessions/{}", story.first);
    for (path, reason) in [
        (
            "/review?rom=1",
            "There is no parameter of this name here. Known are: name, room, person, older, newer, after, from, to.",
        ),
        ("/review?older=1", "older must be a session's id."),
        ("/review?name=a&after=%07", "after must be the name of a room."),
        ("/review?room=a&room=b", "The parameter is given more than once."),
        ("/review?room=%FF", "The query is not valid percent-encoded UTF-8."),
        ("/review?person=%07x", "person must not contain control characters."),
        ("/review?from=x", "from must be a day such as 2026-03-01."),
        ("/review/rooms?after=%07", "after must be the name of a room."),
        ("/review/rooms?room=1", "Known are: after."),
        ("/review/people?after=%07", "after must be the name of a person."),
        ("/review/people?x=1", "Known are: name, after."),
        ("/review/people/Bo?older=1", "older must be a session's id."),
        ("/review/people/Bo?room=1", "Known are: older, from, to."),
        ("/review/api?x=1", "Known are: none."),
        (&format!("{session}?log=x"), "log must be wrong or presence."),
        (
            &format!("{session}?after=-1"),
            "after must be a whole number, 0 or more.",
        ),
        (&format!("{session}?name="), "name must be the name of a person."),
        (&format!("{session}?x=1"), "Known are: log, after, sort, people, name."),
        (&format!("{session}/timeline"), "tz is missing."),
        (
            &format!("{session}/timeline?tz=Mars"),
            "tz must be a time zone such as Europe/Berlin.",
        ),
    ] {
        let answer = page(&story, path).await;
        assert_eq!(answer.status, 400, "{path}");
        let told = text(&answer).replace("&#39;", "'");
        assert!(told.contains(reason), "{path}: {told}");
    }
    let broken = page(&story, "/review/sessions/x").await;
    assert_eq!(broken.status, 400);
    assert!(text(&broken).contains("This link is not whole: part of it may have been lost"));
    let empty = "/review?room=&person=%20&from=&to=";
    assert_eq!(page(&story, empty).await.status, 200);
    assert_eq!(page(&story, &format!("{session}?sort=&log=")).await.status, 200);
    assert_eq!(page(&story, "/review/rooms?after=").await.status, 200);
}

#[tokio::test]
async fn pages_ask_for_nothing_that_the_policy_forbids() {
    let story = Story::new().await;
    for path in [
        "/review".to_owned(),
        format!("/review/sessions/{}", story.second),
        "/review/rooms".to_owned(),
    ] {
        let answer = page(&story, &path).await;
        for forbidden in ["<style", " style=", " onclick=", "<script>", "http://", "https://"] {
            // The picture names the namespace it is written in, and asks nobody for it.
            let asked = answer.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!asked.contains(forbidden), "{path}: {forbidden}");
        }
    }
    for (path, kind) in [
        ("/review/style.css", "text/css; charset=utf-8"),
        ("/review/script.js", "text/javascript; charset=utf-8"),
        ("/review/stream.js", "text/javascript; charset=utf-8"),
        ("/review/icon.svg", "image/svg+xml"),
    ] {
        let asset = story.send(request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!((asset.status.as_u16(), asset.header("content-type")), (200, Some(kind)));
    }
}

#[tokio::test]
async fn a_person_is_found_by_a_part_of_the_name() {
    let story = Story::new().await;
    let session = story.fixture.session("Physik", 0, Some(600)).await;
    for name in ["Joanna", "Bob & Alice"] {
        let there = [Connection::ended(0, 600, LeaveReason::Left)];
        story
            .fixture
            .person(session, name, Some((600, LeaveReason::Left)), &there)
            .await;
    }
    let offered = |answer: &TestResponse, name: &str, sessions: &str| {
        let link = format!("\"><bdi>{name}</bdi></a> <span class=\"quiet\">{sessions}</span>");
        text(answer).contains(&link)
    };
    for path in ["/review?name=OANN", "/review/people?name=oann"] {
        let found = page(&story, path).await;
        assert!(offered(&found, "Joanna", "1 session"), "{path}: {}", found.text);
        assert!(text(&found).contains("href=\"/review?person=Joanna\""), "{path}");
        assert!(!found.text.contains("<bdi>Bo</bdi>"), "{path}: {}", found.text);
    }
    let several = page(&story, "/review?name=bo").await;
    assert!(offered(&several, "Bo", "2 sessions") && offered(&several, "Bob &#38; Alice", "1 session"));
    assert!(several.text.contains("href=\"/review?person=Bob%20%26%20Alice\""));

    let exact = page(&story, "/review?person=Bo").await;
    assert!(exact.text.contains("href=\"/review/people?name=Bo\"") && exact.text.contains("Chemie 101"));
    assert!(!exact.text.contains("Bob"), "who is found needs no suggestion");
    let nobody = page(&story, "/review/people?name=nobody").await;
    assert!(nobody.text.contains("Nobody of such a name was in a room."));
    let everybody = page(&story, "/review/people").await;
    assert!(
        ["Ann", "Bo", "Cy", "Joanna"]
            .iter()
            .all(|name| everybody.text.contains(&format!("<bdi>{name}</bdi>")))
    );
    assert!(
        !page(&story, "/review/people?after=Bo")
            .await
            .text
            .contains("<bdi>Ann</bdi>")
    );
}

#[tokio::test]
async fn a_strip_says_that_a_session_goes_on_beyond_its_edge() {
    const DAY: i64 = 24 * 3600;
    let story = Story::new().await;
    for start in [10_000, 20_000, 30_000] {
        story.fixture.session("lesson", start, Some(start + 3_000)).await;
    }
    let night = story.fixture.session("forgotten", 40_000, Some(40_000 + DAY)).await;
    let dropped = [
        Connection::lost(40_000, 41_000, Some(41_010)),
        Connection::lost(41_010, 80_000, Some(80_010)),
        Connection::lost(80_010, 90_000, Some(90_060)),
    ];
    let lost = Some((90_060, LeaveReason::Timeout));
    story.fixture.person(night, "Ann", lost, &dropped).await;
    let list = page(&story, "/review?room=forgotten").await;
    assert!(!list.text.contains("beyond the edge"), "alone it has all the room");
    let list = text(&page(&story, "/review").await);
    let told = "3 drops; it goes on beyond the edge, after 1 h 00 min; 2 drops were later; 1 person was lost later";
    assert_eq!(list.matches(told).count(), 2, "read, and pointed at: {list}");
    assert_eq!(list.matches("beyond the edge").count(), 2, "of no other: {list}");
    let (_, strip) = list.split_once("<title>At most").unwrap();
    let (strip, _) = strip.split_once("</svg>").unwrap();
    assert!(
        strip.contains("class=\"drop\" d=\"M41 19v5\"") && strip.contains("class=\"gone\" d=\"\""),
        "{strip}"
    );
    assert!(
        strip.contains("class=\"missed\""),
        "an arrow stands for the others: {strip}"
    );
}

/// A session of so many people, `P00`, `P01`, ..., who each come a second after the one before. Neighbours connect.
async fn crowd(story: &Story, people: i64) -> String {
    let session = story.fixture.session("open day", 1_000, Some(4_600)).await;
    let mut before: Option<Uuid> = None;
    for number in 0..people {
        let there = [Connection::ended(1_000 + number, 4_600, LeaveReason::Left)];
        let (id, _) = story
            .fixture
            .person(
                session,
                &format!("P{number:02}"),
                Some((4_600, LeaveReason::Left)),
                &there,
            )
            .await;
        if let Some(before) = before.replace(id) {
            let link = OfferedLink {
                offered: 2_000 + number,
                answered: Some(2_001 + number),
                between: (before, id),
                stream: "user",
                candidates: (2, 3),
                connected: Some(2_002 + number),
                closed: Some((4_600, LinkCloseReason::Left)),
            };
            story.fixture.link(session, link).await;
        }
    }
    format!("/review/sessions/{session}")
}

/// The names in the attendance table.
fn table(page: &str) -> Vec<&str> {
    let (_, table) = page.split_once("<tbody>").unwrap();
    let (table, _) = table.split_once("</tbody>").unwrap();
    let cells = table.split("<th scope=\"row\">").skip(1);
    cells
        .map(|cell| cell.split_once("<bdi>").unwrap().1.split_once('<').unwrap().0)
        .collect()
}

#[tokio::test]
async fn a_crowd_is_shown_in_parts() {
    let story = Story::new().await;
    let whole = text(&page(&story, &crowd(&story, 60).await).await);
    assert_eq!(table(&whole).len(), 60);
    assert!(!whole.contains("Which people are shown"));

    let path = crowd(&story, 61).await;
    let names: Vec<String> = (0..61).map(|number| format!("P{number:02}")).collect();
    for (people, shown) in [
        ("", 0..20),
        ("&people=21", 20..40),
        ("&people=61", 60..61),
        ("&people=500", 0..0),
    ] {
        let part = text(&page(&story, &format!("{path}?sort=name{people}")).await);
        assert_eq!(table(&part), names[shown.clone()], "{people}");
        assert!(part.contains("61 people, 1 hour."), "everybody is counted: {part}");
        let picture = page(&story, &format!("{path}/timeline?tz=UTC&sort=name{people}")).await;
        for (number, name) in names.iter().enumerate() {
            let is_drawn = picture.text.contains(&format!(">{name}</text>"));
            assert_eq!(is_drawn, shown.contains(&number), "{name} {people}");
        }
        let told = part.contains("190 pairs were there at the same time: 19 connected, 171 did not.");
        assert_eq!(told, shown.len() == 20, "{people} {part}");
        assert!(
            part.contains(&format!("href=\"{path}?sort=name&#38;people=21\"")),
            "{part}"
        );
    }
    for people in ["0", "-1", "x", ""] {
        let answer = page(&story, &format!("{path}?people={people}")).await;
        assert_eq!(answer.status, 400, "{people}");
        assert!(
            text(&answer).contains("people must be a whole number from 1 on"),
            "{people}"
        );
    }
}
