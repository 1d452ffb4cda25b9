//! Everything below one path, as behind a proxy that hands on nothing else.

use std::collections::{BTreeSet, VecDeque};

use chatroom_testkit::{Socket, WebSocket};
use serde_json::Value;

use crate::support::server::{Server, TOKEN, program};

const ATTRIBUTES: [&str; 5] = ["href", "src", "action", "data-live", "data-picture"];

fn start(folder: &std::path::Path) -> Server {
    Server::start_unread(program(folder, &[("BASE_PATH", "/signal/")]), &folder.join("log"))
}

/// The addresses on a page, without their places within it.
fn addresses(page: &str) -> BTreeSet<String> {
    let values = ATTRIBUTES.iter().flat_map(|attribute| {
        let begins = format!(" {attribute}=\"");
        let ends: Vec<_> = page
            .split(&begins)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        ends
    });
    let addresses = values.filter_map(|value| value.split('#').next());
    addresses
        .filter(|address| !address.is_empty())
        .map(|address| address.replace("&amp;", "&").replace("&#38;", "&"))
        .collect()
}

#[tokio::test]
async fn all_links_are_below_the_path_and_lead_somewhere() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    for line in ["Clients connect to", "Review a class at", "Ask by REST at"] {
        let told = server.banner.iter().find(|told| told.contains(line)).unwrap();
        assert!(
            told.contains(&format!("http://localhost:{}/signal", server.port)),
            "{told}"
        );
    }
    leave_something(&server).await;

    let signed_in = server.ask(&format!("/signal/review?token={TOKEN}")).unwrap();
    let header = |name: &str| signed_in.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    assert_eq!(header("location: "), "/signal/review");
    assert!(header("set-cookie: ").contains("; Path=/signal/; "), "{signed_in}");
    let cookie = format!("cookie: {}\r\n", header("set-cookie: ").split(';').next().unwrap());

    let mut seen = BTreeSet::from(["/signal/".to_owned(), "/signal/review".to_owned()]);
    let mut left: VecDeque<_> = seen.iter().cloned().collect();
    while let Some(address) = left.pop_front() {
        // What is live has no end, and forms are no links.
        let forms = ["sign-out", "language", "room/remove", "room/close", "room/lock"];
        let is_form = |form: &&str| address.strip_prefix("/signal/review/") == Some(*form);
        if address.starts_with("/signal/api/v1/events") || forms.iter().any(is_form) {
            continue;
        }
        // The page's script adds the reader's zone.
        let asked = match address.split_once("/timeline") {
            Some((session, rest)) if !rest.starts_with('.') => format!("{session}/timeline?tz=UTC"),
            Some(_) | None => address.clone(),
        };
        let answer = server.request(&asked, &cookie).unwrap();
        let is_elsewhere = answer.contains("location: https://cdn.socket.io/");
        assert!(
            answer.starts_with("HTTP/1.1 200") || is_elsewhere,
            "{address}: {answer}"
        );
        if !answer.contains("content-type: text/html") {
            continue;
        }
        for found in addresses(&answer) {
            // Another part of the same page; the picture of it is a part of it, too.
            let page = address.split(['?', '#']).next().unwrap();
            let found = match found.strip_prefix('?') {
                Some(query) => format!("{}?{query}", page.trim_end_matches("/timeline")),
                None => found,
            };
            assert!(found.starts_with("/signal/"), "{address} leads to {found}");
            if seen.insert(found.clone()) {
                left.push_back(found);
            }
        }
    }
    for page in [
        "/signal/review/rooms",
        "/signal/review/people/ann",
        "/signal/review/api",
        "/signal/review/style.css",
    ] {
        assert!(seen.contains(page), "{seen:?}");
    }
    assert!(
        seen.iter().any(|address| address.ends_with("/attendance.csv")),
        "{seen:?}"
    );
}

/// A session to look at.
async fn leave_something(server: &Server) {
    let path = "/signal/socket.io/?EIO=4&transport=websocket";
    let mut web = WebSocket::open(([127, 0, 0, 1], server.port).into(), path)
        .await
        .unwrap();
    web.connect_namespace().await.unwrap();
    let (_ann, seat) = Socket::new(web).joined("lesson", "ann").await;
    assert_eq!(seat["resumed"], false, "{seat}");
}

#[tokio::test]
async fn nothing_is_beside_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    for path in [
        "/",
        "/review",
        "/api/v1/sessions",
        "/socket.io/?EIO=4&transport=polling",
        "/signals/review",
        "/signalreview",
    ] {
        let answer = server.ask_as_reviewer(path).unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    let answer = server.ask("/signal?a=b").unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 307") && answer.contains("location: /signal/?a=b\r\n"),
        "{answer}"
    );
    let answer = server.ask_as_reviewer("/signal/api/v1/openapi.json").unwrap();
    let (_, document) = answer.split_once("\r\n\r\n").unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["servers"][0]["url"], "/signal");
}
