//! Links by which a class joins.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;

use super::{Story, TOKEN, TestResponse, request};
use crate::history::fixture::START_MS;
use crate::join_token::{EntryRules, Pass, RoomPatterns, Shown};
use crate::model::id::{RoomName, Username};
use crate::model::secret::SharedSecret;
use crate::model::time::Timestamp;

const PAGE: &str = "page=https%3A%2F%2Fclass.example%2F";

async fn story() -> Story {
    let secret = SharedSecret::parse("a-secret-for-links-of-thirty-two-letters").unwrap();
    let mut story = Story::new().await;
    let rooms = RoomPatterns::parse("*").unwrap();
    story.settings.entry_rules = Arc::new(EntryRules::new(rooms, Some(&secret)));
    story.settings.join_secret = Some(secret);
    story
}

fn form(body: &str) -> Request<Body> {
    request("POST", "/review/invite")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

/// The links of a page, unescaped.
fn links(page: &TestResponse) -> Vec<String> {
    let text = page.text.replace("&#38;", "&");
    let links = text.split("href=\"https://class.example/").skip(1);
    links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

fn enters(story: &Story, link: &str, name: &str, minutes: i64) -> bool {
    let (_, token) = link.split_once("#token=").unwrap();
    let token = token.split('&').next().unwrap();
    let rules = &story.settings.entry_rules;
    let pass: Pass = rules.read(&Shown::Token(token.to_owned()));
    let entry = crate::join_token::Entry {
        room: &RoomName::parse("Year 7").unwrap(),
        username: Some(&Username::parse(name).unwrap()),
        is_back: false,
        pass: &pass,
    };
    let at = Timestamp(START_MS + story.now * 1000 + minutes * 60_000);
    rules.check(&entry, at).is_ok()
}

#[tokio::test]
async fn a_link_for_each_person_with_a_picture_of_it() {
    let story = story().await;
    let names = "names=Ann%0D%0A%0D%0A+Bo+%0D%0A%3Cb%3E%0D%0AAnn";
    let page = story.send(form(&format!("room=Year+7&{names}&hours=3&{PAGE}"))).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let links = links(&page);
    assert_eq!(links.len(), 3, "{links:?}");
    assert_eq!(page.text.matches("<svg").count(), 3);
    assert!(page.text.contains("&#60;b&#62;") && !page.text.contains("<b>"));
    assert!(links[0].starts_with("?room=Year%207#token=") && links[0].ends_with("&name=Ann"));
    for (name, minutes, expected) in [
        ("Ann", 0, true),
        ("Ann", 180, true),
        ("Ann", 182, false),
        ("Bo", 0, false),
    ] {
        assert_eq!(enters(&story, &links[0], name, minutes), expected, "{name} {minutes}");
    }
    assert!(enters(&story, &links[1], "Bo", 0));

    let page = story.send(form(&format!("room=Year+*&names=&hours=1&{PAGE}"))).await;
    let links = self::links(&page);
    assert!(links.len() == 1 && links[0].starts_with("#token="), "{links:?}");
    assert!(enters(&story, &links[0], "Zoe", 0));

    // The page's script leaves out what is empty.
    let page = story.send(form(&format!("room=Year+*&hours=1&{PAGE}"))).await;
    assert_eq!(self::links(&page).len(), 1, "{}", page.text);
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_told() {
    let story = story().await;
    let many = (0..301)
        .map(|number| format!("n{number}"))
        .collect::<Vec<_>>()
        .join("%0A");
    for (body, refusal) in [
        (format!("room=&names=&hours=1&{PAGE}"), "room must not be empty."),
        (
            format!("room={}&names=&hours=1&{PAGE}", "*".repeat(60_000)),
            "room must be at most 128 characters long.",
        ),
        (format!("names=&hours=1&{PAGE}"), "room is missing."),
        (
            format!("room=a&names=Ann%0A{}&hours=1&{PAGE}", "x".repeat(65)),
            "names must be one name a line, and line 2 must be at most 64 characters long.",
        ),
        (
            format!("room=a&names={many}&hours=1&{PAGE}"),
            "names must be at most 300 names.",
        ),
        (
            format!("room=a&names=Ann%0ABo%0A%0Aann&hours=1&{PAGE}"),
            "names must be names that people tell apart: a room takes only one of Ann (line 1) and ann (line 4).",
        ),
        (
            format!("room=a&names=Ann%E2%80%AE&hours=1&{PAGE}"),
            "names must be one name a line, and line 1 must",
        ),
        (
            format!("room=a&names=&hours=0&{PAGE}"),
            "hours must be a whole number from 1 to 8784.",
        ),
        (
            format!("room=a&names=&hours=8785&{PAGE}"),
            "hours must be a whole number from 1 to 8784.",
        ),
        (
            "room=a&names=&hours=1&page=javascript:alert(1)".to_owned(),
            "page must be the address of a page such as https://class.example/, without ? and #.",
        ),
        (
            format!("room=a&names=&hours=1&{PAGE}&x=1"),
            "Known are: room, names, hours, page.",
        ),
        (
            format!("room=a&room=b&names=&hours=1&{PAGE}"),
            "The parameter is given more than once.",
        ),
    ] {
        let answer = story.send(form(&body)).await;
        let told: String = body.chars().take(80).collect();
        assert_eq!(answer.status, 400, "{told}: {}", answer.text);
        assert!(answer.text.contains(refusal), "{told}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_room_that_nobody_could_enter_gets_no_links() {
    let mut story = story().await;
    let rooms = RoomPatterns::parse("lesson-*,Year 7").unwrap();
    story.settings.entry_rules = Arc::new(EntryRules::new(rooms, story.settings.join_secret.as_ref()));
    for (room, status) in [
        ("Year+7", 200),
        ("lesson-1", 200),
        ("*", 200),
        ("year+7", 400),
        ("lesson", 400),
        ("exam-*", 400),
    ] {
        let answer = story.send(form(&format!("room={room}&names=&hours=1&{PAGE}"))).await;
        assert_eq!(answer.status, status, "{room}: {}", answer.text);
        let sentence = "room must be one that ALLOWED_ROOMS lists: lesson-*, Year 7.";
        assert_eq!(answer.text.contains(sentence), status == 400, "{room}: {}", answer.text);
    }
}

#[tokio::test]
async fn links_are_made_for_reviewers_by_pages_of_the_review() {
    let story = story().await;
    let body = format!("room=a&names=&hours=1&{PAGE}");
    let strange = request("POST", "/review/invite")
        .body(Body::from(body.clone()))
        .unwrap();
    assert_eq!(story.send(strange).await.status, 401);
    let cookie = story.sign_in().await;
    for (origin, status) in [("http://localhost:3000", 200), ("https://evil.example", 403)] {
        let site = if status == 200 { "same-origin" } else { "cross-site" };
        let asked = request("POST", "/review/invite")
            .header("cookie", &cookie)
            .header("origin", origin)
            .header("sec-fetch-site", site);
        assert_eq!(
            story.send(asked.body(Body::from(body.clone())).unwrap()).await.status,
            status,
            "{origin}"
        );
    }
    let open = Story::new().await;
    assert_eq!(open.send(form(&body)).await.status, 404, "nobody needs one");
}

#[tokio::test]
async fn the_form_knows_where_the_page_is_unless_the_review_is_apart() {
    let mut story = story().await;
    let value = "name=\"page\" value=\"http://localhost:3000/\"";
    assert!(story.get("/review/invite").await.text.contains(value));
    story.settings.has_review_apart = true;
    let page = story.get("/review/invite").await.text;
    assert!(page.contains("name=\"page\" value=\"\""), "{page}");
}
