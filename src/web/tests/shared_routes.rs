//! What a review link opens, over every route that there is: a new one is found by itself, and has to be closed.

use std::collections::BTreeSet;

use super::review_links::{Bench, OTHER_ROOM, STRANGER};

/// What a link to a session opens of it; one to a room, of each of its sessions.
const OF_SESSION: [&str; 9] = [
    "/review/sessions/{id}",
    "/review/sessions/{id}/timeline",
    "/api/v1/sessions/{id}",
    "/api/v1/sessions/{id}/participants",
    "/api/v1/sessions/{id}/events",
    "/api/v1/sessions/{id}/links",
    "/api/v1/sessions/{id}/attendance.csv",
    "/api/v1/sessions/{id}/events.csv",
    "/api/v1/sessions/{id}/timeline.svg",
];

/// What a link to a room opens besides, of that room.
const OF_ROOM: [&str; 2] = ["/review", "/api/v1/sessions"];

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// All routes: those of the API as its document lists them, and those that are put together beside it.
async fn routes(bench: &Bench) -> BTreeSet<String> {
    let document = bench.story.json("/api/v1/openapi.json").await;
    let mut routes: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert!(routes.len() >= 21, "{routes:?}");
    let pages = include_str!("../mod.rs").split(".route(").skip(1);
    let pages = pages.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    routes.extend(pages.map(str::to_owned));
    assert!(routes.len() >= 50, "{routes:?}");
    routes
}

/// A request, and whether it asks for what was shared.
struct Asked {
    path: String,
    of_session: bool,
    of_room: bool,
    /// Whether it has a parameter that its route may not know.
    is_misasked: bool,
}

/// What may be asked of a route: with the ids and names that were shared, with others, and with none.
fn asked(bench: &Bench, route: &str) -> Vec<Asked> {
    let (first, second) = (bench.story.first, bench.story.second);
    let sessions = [(first, true, true), (second, false, true), (bench.other, false, false)];
    let rooms = ["Chemie 101", OTHER_ROOM];
    let mut all = Vec::new();
    for (id, is_session, is_of_room) in sessions {
        for room in rooms {
            let encoded = room.replace(' ', "%20");
            let path = route
                .replace("{id}", &id.to_string())
                .replace("{room}", &encoded)
                .replace("{username}", "Ann")
                .replace("{*path}", "anything");
            let tz = if route.ends_with("/timeline") { "tz=UTC" } else { "" };
            let by_room = format!("room={encoded}");
            let by_person = "username=Ann".to_owned();
            for query in [tz.to_owned(), by_room, by_person] {
                let is_plain = query == tz;
                let mark = if query.is_empty() { "" } else { "?" };
                all.push(Asked {
                    path: format!("{path}{mark}{query}"),
                    is_misasked: !is_plain,
                    of_session: OF_SESSION.contains(&route) && is_session && is_plain,
                    of_room: OF_SESSION.contains(&route) && is_of_room && is_plain
                        || OF_ROOM.contains(&route) && query == "room=Chemie%20101",
                });
            }
        }
    }
    all
}

#[tokio::test]
async fn a_link_opens_its_part_of_each_route_and_nothing_else() {
    let bench = Bench::new().await;
    let to_session = bench.made("session", &bench.story.first.to_string()).await;
    let to_room = bench.made("room", "Chemie 101").await;
    let (second, other) = (bench.story.second.to_string(), bench.other.to_string());
    let secrets = [OTHER_ROOM, "Geheim%209", STRANGER, &other, "6f9d1d2c-0000"];
    let (mut opened, mut closed) = (BTreeSet::new(), 0);
    for (made, is_to_room) in [(&to_session, false), (&to_room, true)] {
        let token = made["token"].as_str().unwrap();
        let cookie = bench.cookie(token).await;
        let bearer = format!("Bearer {token}");
        let shown = [
            vec![("cookie", &cookie[..]), ("sec-fetch-site", "same-origin")],
            vec![("authorization", &bearer[..])],
        ];
        for route in routes(&bench).await {
            for asked in asked(&bench, &route) {
                for method in METHODS {
                    let stranger = bench.ask(method, &asked.path, &[], "").await;
                    for headers in &shown {
                        let answer = bench.ask(method, &asked.path, headers, "").await;
                        let told = format!("{method} {} {is_to_room} {headers:?}", asked.path);
                        for secret in secrets {
                            assert!(!answer.text.contains(secret), "{told} tells {secret}: {}", answer.text);
                        }
                        assert!(
                            is_to_room || !answer.text.contains(&second),
                            "{told} tells the next session"
                        );
                        // What asks a client for its own id (`/recovery`) is a stranger's, too.
                        if stranger.status != 401 || route == "/api/v1/recovery" {
                            continue;
                        }
                        let is_shared = if is_to_room { asked.of_room } else { asked.of_session };
                        if is_shared && ["GET", "HEAD"].contains(&method) {
                            assert_eq!(answer.status, 200, "{told}: {}", answer.text);
                            opened.insert(route.clone());
                        } else if answer.status != 400 || !asked.is_misasked {
                            assert_eq!(answer.status, 403, "{told}: {}", answer.text);
                            closed += 1;
                        }
                    }
                }
            }
        }
    }
    let expected: BTreeSet<String> = OF_SESSION
        .iter()
        .chain(&OF_ROOM)
        .map(|route| (*route).to_owned())
        .collect();
    assert_eq!(opened, expected);
    assert!(closed > 3_000, "{closed}");
}
