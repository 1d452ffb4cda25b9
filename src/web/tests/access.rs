//! Who may ask what, from where, by which name.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use futures_util::FutureExt;

use super::{CLIENT, Story, TOKEN, TestResponse, request, send, split_routers};
use crate::config::Origins;
use crate::history::fixture::on_either;
use crate::journal::{Journal, RemovalHandle};
use crate::model::time::Timestamp;
use crate::net::ClientAddress;
use crate::web::Readiness;

const FOR_REVIEWERS: [&str; 14] = [
    "/api/v1/rooms",
    "/api/v1/rooms?status=all",
    "/api/v1/rooms/Chemie%20101",
    "/api/v1/rooms/Chemie%20101/participants",
    "/api/v1/events",
    "/api/v1/openapi.json",
    "/api/v1/sessions",
    "/api/v1/sessions/{id}",
    "/api/v1/sessions/{id}/participants",
    "/api/v1/sessions/{id}/events",
    "/api/v1/sessions/{id}/links",
    "/api/v1/sessions/{id}/attendance.csv",
    "/api/v1/sessions/{id}/events.csv",
    "/api/v1/sessions/{id}/timeline.svg",
];

const PUBLIC: [&str; 5] = [
    "/livez",
    "/readyz",
    "/checkUsername?username=a&roomname=b",
    "/api/v1/recovery?roomname=Chemie+101",
    "/api/v1/ice-servers?roomname=Chemie+101",
];

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn bare(method: &str, path: &str) -> Request<Body> {
    request(method, path).body(Body::empty()).unwrap()
}

fn with(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn paths(story: &Story) -> Vec<String> {
    FOR_REVIEWERS
        .iter()
        .map(|path| path.replace("{id}", &story.first.to_string()))
        .collect()
}

#[tokio::test]
async fn only_a_reviewer_reads_the_history() {
    let story = Story::new().await;
    let cookie = story.sign_in().await;
    for path in paths(&story) {
        let refused = story.send(bare("GET", &path)).await;
        assert_eq!(refused.problem(), (401, "unauthorized".into(), String::new()), "{path}");
        assert_eq!(
            refused.header("www-authenticate"),
            Some("Bearer realm=\"chatroom-server\"")
        );
        assert!(refused.text.contains("REVIEW_TOKEN"), "it says how to get in");
        for wrong in [
            &bearer("wrong")[..],
            "Bearer ",
            "Bearer",
            &format!("Basic {TOKEN}"),
            TOKEN,
            "Bearer \u{e9}",
        ] {
            let answer = story.send(with("GET", &path, &[("authorization", wrong)])).await;
            assert_eq!(answer.status, 401, "{path} {wrong}");
        }
        let wrong_cookies = [
            "chatroom_review_3000=",
            "chatroom_review_3000=wrong",
            "other=1",
            &format!("chatroom_review_3000={TOKEN}"),
        ];
        for wrong in wrong_cookies {
            let answer = story.send(with("GET", &path, &[("cookie", wrong)])).await;
            assert_eq!(answer.status, 401, "{path} {wrong}");
        }
        for right in [
            ("authorization", &bearer(TOKEN)[..]),
            ("authorization", &format!("bearer {TOKEN}")),
            ("cookie", &cookie),
        ] {
            assert_eq!(story.send(with("GET", &path, &[right])).await.status, 200, "{path}");
            let head = story.send(with("HEAD", &path, &[right])).await;
            assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""), "{path}");
        }
        assert_eq!(
            story
                .send(with("GET", &path, &[("cookie", &format!("a=b; {cookie}; c=d"))]))
                .await
                .status,
            200
        );
        assert_eq!(
            story
                .send(with("GET", &format!("{path}?token={TOKEN}"), &[]))
                .await
                .status,
            401,
            "not in the address"
        );
    }
}

#[tokio::test]
async fn a_wrong_bearer_is_not_made_good_by_a_cookie() {
    let story = Story::new().await;
    let cookie = story.sign_in().await;
    let headers = [("cookie", &cookie[..]), ("authorization", &bearer("wrong"))];
    assert_eq!(story.send(with("GET", "/api/v1/sessions", &headers)).await.status, 401);
}

#[tokio::test]
async fn the_cookie_alone_changes_nothing_from_another_origin() {
    let story = Story::new().await;
    let cookie = story.sign_in().await;
    let cookie = ("cookie", &cookie[..]);
    for (headers, code) in [
        (vec![cookie], "crossOrigin"),
        (vec![cookie, ("origin", "http://evil.example")], "crossOrigin"),
        (vec![cookie, ("origin", "null")], "crossOrigin"),
        (vec![cookie, ("sec-fetch-site", "cross-site")], "crossOrigin"),
        (vec![cookie, ("sec-fetch-site", "same-site")], "crossOrigin"),
        (
            vec![
                cookie,
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://localhost:3000"),
            ],
            "crossOrigin",
        ),
        (vec![cookie, ("sec-fetch-site", "same-origin")], "methodNotAllowed"),
        (vec![cookie, ("origin", "http://localhost:3000")], "methodNotAllowed"),
        (vec![cookie, ("origin", "http://localhost:5173")], "crossOrigin"),
        (vec![("authorization", &bearer(TOKEN)[..])], "methodNotAllowed"),
        (vec![], "unauthorized"),
    ] {
        let answer = story.send(with("DELETE", "/api/v1/sessions", &headers)).await;
        assert_eq!(answer.problem().1, code, "{headers:?}");
    }
}

fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    let address = ClientAddress(address.parse().unwrap());
    request.extensions_mut().insert(address);
    request
}

/// How many wrong ones an address may show at once, at 600 a minute; each takes a tenth of a second to be forgiven.
const FREE: u32 = 600;

#[tokio::test]
async fn guessing_a_token_waits_and_so_does_the_right_one_which_gets_in() {
    let story = Story::new().await;
    let router = story.router().await;
    let guess = |token: &str, address: &str| {
        from(
            address,
            with("GET", "/api/v1/sessions", &[("authorization", &bearer(token))]),
        )
    };
    let begun = Instant::now();
    for _ in 0..FREE + 10 {
        send_soon(&router, guess("wrong", "192.0.2.1"));
    }
    let page = from("192.0.2.1", bare("GET", "/review?token=wrong"));
    let (wrong, right, page) = tokio::join!(
        send(&router, guess("wrong", "192.0.2.1")),
        send(&router, guess(TOKEN, "192.0.2.1")),
        send(&router, page),
    );
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!(wrong.problem().1, "unauthorized");
    assert_eq!((right.status.as_u16(), page.status.as_u16()), (200, 401));

    // Neither others, nor who has come in already, wait for that.
    let cookie = send(&router, bare("GET", &format!("/review?token={TOKEN}")))
        .await
        .cookie()
        .to_owned();
    let begun = Instant::now();
    for _ in 0..FREE + 100 {
        send_soon(&router, guess("wrong", "192.0.2.1"));
    }
    let by_cookie = from("192.0.2.1", with("GET", "/api/v1/sessions", &[("cookie", &cookie)]));
    assert_eq!(send(&router, by_cookie).await.status, 200);
    assert_eq!(send(&router, guess("wrong", "192.0.2.2")).await.status, 401);
    assert_eq!(send(&router, guess(TOKEN, "192.0.2.2")).await.status, 200);
    let taken = begun.elapsed();
    assert!(
        taken < Duration::from_secs(9),
        "{taken:?}: this address would have to wait for 10 s"
    );
}

/// Sends it, and does not wait for an answer that would take long.
fn send_soon(router: &Router, request: Request<Body>) {
    let _ = send(router, request).now_or_never();
}

#[tokio::test]
async fn guessing_an_id_waits_and_so_does_the_right_one_which_gets_in() {
    let story = Story::new().await;
    let router = story.router().await;
    let ask = |path: &str, id: &str| from("192.0.2.1", with("GET", path, &[("authorization", &bearer(id))]));
    let recovery = "/api/v1/recovery?roomname=Chemie+101";
    let ice = "/api/v1/ice-servers?roomname=Chemie+101";
    let begun = Instant::now();
    for index in 0..FREE + 10 {
        send_soon(&router, ask(if index % 2 == 0 { recovery } else { ice }, "1"));
    }
    let (wrong, right) = tokio::join!(send(&router, ask(recovery, "2")), send(&router, ask(recovery, CLIENT)),);
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!(
        (wrong.json()["resumable"].clone(), right.json()["resumable"].clone()),
        (false.into(), true.into())
    );
}

/// Cookies are common to all ports of a host, and those for a longer path come first.
#[tokio::test]
async fn cookies_that_other_pages_of_the_host_have_set_lock_nobody_out() {
    let story = Story::new().await;
    let cookie = story.sign_in().await;
    for others in [
        "chatroom_review_3000=planted; ",
        "chatroom_review_3000=; chatroom_review_3000=planted; ",
        "name=Zo\u{eb}; ",
        "=; ;; name; ",
    ] {
        let all = format!("{others}{cookie}");
        let asked = with("GET", "/review", &[("cookie", &all)]);
        assert_eq!(story.send(asked).await.status, 200, "{others}");
        let alone = with("GET", "/review", &[("cookie", others)]);
        assert_eq!(story.send(alone).await.status, 401, "{others}");
    }
}

#[tokio::test]
async fn a_cookie_opens_the_review_until_it_ends_or_is_signed_out() {
    let mut story = Story::new().await;
    let one = story.sign_in().await;
    let other = story.sign_in().await;
    let status = async |story: &Story, cookie: &str| {
        let asked = with("GET", "/api/v1/sessions", &[("cookie", cookie)]);
        story.send(asked).await.status.as_u16()
    };
    assert_ne!(one, other);
    assert_eq!(status(&story, &one).await, 200);
    let port = one.replacen("_3000", "_3001", 1);
    assert_eq!(status(&story, &port).await, 401, "another port's");

    story.now += 12 * 60 * 60 - 1;
    assert_eq!(status(&story, &one).await, 200);
    story.now += 1;
    assert_eq!(status(&story, &one).await, 401);
    story.now -= 60;
    story.settings.review_token = "another-token-of-reviewers".to_owned();
    assert_eq!(status(&story, &one).await, 401);
}

#[tokio::test]
async fn signing_out_is_for_good() {
    let story = Story::new().await;
    let opened = Journal::open(story.journal_options(), || Timestamp(0)).await.unwrap();
    let router = story.router_with(opened.removals.clone()).await;
    let [one, other] = [story.sign_in().await, story.sign_in().await];
    let sign_out = |headers: &[(&str, &str)]| with("POST", "/review/sign-out", headers);
    let by = |cookie: &str| with("GET", "/api/v1/sessions", &[("cookie", cookie)]);

    for elsewhere in [
        &[("cookie", &one[..])][..],
        &[("cookie", &one), ("sec-fetch-site", "same-site")],
        &[("cookie", &one), ("origin", "http://localhost:5173")],
        &[],
    ] {
        assert!(send(&router, sign_out(elsewhere)).await.status.is_client_error());
        assert_eq!(send(&router, by(&one)).await.status, 200);
    }
    let answer = send(
        &router,
        sign_out(&[("cookie", &one), ("sec-fetch-site", "same-origin")]),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, Some("/review"))
    );
    let taken = answer.header("set-cookie").unwrap();
    assert!(
        taken.starts_with("chatroom_review_3000=; Path=/; Max-Age=0;"),
        "{taken}"
    );
    assert_eq!(send(&router, by(&one)).await.status, 401);
    assert_eq!(send(&router, by(&other)).await.status, 200);

    opened.journal.close(Duration::from_secs(5)).await.unwrap();
    let opened = Journal::open(story.journal_options(), || Timestamp(0)).await.unwrap();
    let restarted = Story {
        review: opened.review.clone(),
        ..story
    };
    assert_eq!(restarted.send(by(&one)).await.status, 401, "after a restart");
}

#[tokio::test]
async fn a_cookie_is_for_the_reviews_own_pages() {
    let story = Story::new().await;
    let cookie = story.sign_in().await;
    let cookie = ("cookie", &cookie[..]);
    let visit = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let framed = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let site = |site| vec![cookie, ("sec-fetch-site", site)];
    for (headers, page, api) in [
        (vec![cookie], 200, 200),
        (site("same-origin"), 200, 200),
        (site("none"), 200, 200),
        (site("same-site"), 403, 403),
        (site("cross-site"), 403, 403),
        ([site("same-site"), visit.to_vec()].concat(), 200, 403),
        ([site("cross-site"), visit.to_vec()].concat(), 200, 403),
        ([site("same-site"), framed.to_vec()].concat(), 403, 403),
        (vec![cookie, ("origin", "http://localhost:3000")], 200, 200),
        (vec![cookie, ("origin", "http://localhost:5173")], 403, 403),
        (vec![cookie, ("origin", "null")], 403, 403),
        (
            [site("same-origin"), vec![("origin", "http://localhost:5173")]].concat(),
            403,
            403,
        ),
    ] {
        for (path, expected) in [("/review", page), ("/api/v1/sessions", api), ("/api/v1/rooms", api)] {
            let answer = story.send(with("GET", path, &headers)).await;
            assert_eq!(answer.status, expected, "{path} {headers:?}");
            assert_eq!(
                answer.header("cross-origin-resource-policy"),
                Some("same-origin"),
                "{path}"
            );
        }
    }
    let headers = [("authorization", &bearer(TOKEN)[..]), ("sec-fetch-site", "cross-site")];
    assert_eq!(
        story.send(with("GET", "/api/v1/sessions", &headers)).await.status,
        200,
        "by token"
    );
}

#[tokio::test]
async fn a_strange_host_name_reaches_nothing_that_is_not_public() {
    let story = Story::new().await;
    let token = bearer(TOKEN);
    let ask = |uri: &str, hosts: &[&str]| {
        let mut request = Request::builder().uri(uri).header("authorization", &token);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(Body::empty()).unwrap()
    };
    let known = [
        "localhost",
        "LocalHost:3000",
        "127.0.0.1:3000",
        "192.168.1.7",
        "[::1]:3000",
        "[::1]",
        "class.example",
        "Class.Example:8443",
    ];
    let strange = [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "x.class.example",
        "class.example.",
        "127.1",
        "",
        "user@localhost",
        "localhost/",
        "[::1",
        "localhost:3000:3000",
    ];
    let mut paths = paths(&story);
    paths.extend(["/review".to_owned(), format!("/review?token={TOKEN}")]);
    for path in paths {
        for host in known {
            assert!(
                story.send(ask(&path, &[host])).await.status.as_u16() < 400,
                "{path} {host}"
            );
        }
        for host in strange {
            let refused = story.send(ask(&path, &[host])).await;
            assert_eq!(
                refused.problem(),
                (403, "hostNotAllowed".into(), String::new()),
                "{path} {host}"
            );
            assert_eq!(refused.header("set-cookie"), None);
        }
        for hosts in [&[][..], &["localhost", "localhost"], &["localhost", "evil.example"]] {
            assert_eq!(story.send(ask(&path, hosts)).await.status, 403, "{path} {hosts:?}");
        }
        let absolute = format!("http://evil.example{path}");
        assert_eq!(
            story.send(ask(&absolute, &["localhost"])).await.status,
            403,
            "{absolute}"
        );
        assert_eq!(
            story
                .send(ask(&format!("http://localhost{path}"), &["evil.example"]))
                .await
                .status,
            403
        );
        assert!(
            story
                .send(ask(&format!("http://localhost{path}"), &["localhost"]))
                .await
                .status
                .as_u16()
                < 400
        );
    }
    for path in PUBLIC {
        let answer = story
            .send(
                Request::builder()
                    .uri(path)
                    .header("authorization", bearer(CLIENT))
                    .header("host", "evil.example")
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

fn is_open(answer: &TestResponse) -> bool {
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    answer.header("access-control-allow-origin") == Some("*")
}

#[tokio::test]
async fn pages_of_other_origins_read_only_what_is_public() {
    let story = Story::new().await;
    let page = ("origin", "http://page.example");
    let preflight = [
        page,
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    for path in PUBLIC {
        let answer = story
            .send(with("GET", path, &[page, ("authorization", &bearer(CLIENT))]))
            .await;
        assert_eq!((answer.status.as_u16(), is_open(&answer)), (200, true), "{path}");
        let answer = story.send(with("OPTIONS", path, &preflight)).await;
        assert_eq!((answer.status.as_u16(), is_open(&answer)), (200, true), "{path}");
        let allowed = answer.header("access-control-allow-headers").unwrap_or_default();
        assert!(allowed.split(',').any(|header| header == "authorization"), "{allowed}");
        assert!(allowed.split(',').any(|header| header == "content-type"), "{allowed}");
    }
    // A page can read why it was refused.
    let refused = story.send(with("GET", "/checkUsername?username=a", &[page])).await;
    assert!(refused.status == 400 && is_open(&refused));
    for path in paths(&story)
        .iter()
        .map(String::as_str)
        .chain(["/review", "/api/v1/none", "/none"])
    {
        let answer = story
            .send(with("GET", path, &[page, ("authorization", &bearer(TOKEN))]))
            .await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        let answer = story.send(with("OPTIONS", path, &preflight)).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        assert!(answer.status.is_client_error(), "{path}");
    }
}

#[tokio::test]
async fn allowed_origins_can_be_narrowed() {
    let mut story = Story::new().await;
    story.settings.public_rooms = true;
    story.settings.allowed_origins = Origins::parse("https://class.example,https://*.school.example").unwrap();
    for path in PUBLIC
        .into_iter()
        .chain(["/api/v1/rooms", "/api/v1/rooms/Chemie%20101"])
    {
        for (origin, allowed) in [
            ("https://class.example", Some("https://class.example")),
            ("https://a.b.school.example", Some("https://a.b.school.example")),
            ("https://school.example", None),
            ("https://evil.example", None),
        ] {
            let answer = story.send(with("GET", path, &[("origin", origin)])).await;
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{path}");
            assert!(
                answer.header("vary").is_some_and(|vary| vary.contains("origin")),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn public_rooms_are_the_ones_in_use_and_nothing_else() {
    let mut story = Story::new().await;
    story.settings.public_rooms = true;
    let page = ("origin", "http://page.example");
    let open = [
        "/api/v1/rooms",
        "/api/v1/rooms?status=live",
        "/api/v1/rooms?limit=1&q=c",
        "/api/v1/rooms/Chemie%20101",
    ];
    for path in open {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let mut request = with(method, path, &[page]);
            request
                .headers_mut()
                .insert("host", HeaderValue::from_static("any.example"));
            let answer = story.send(request).await;
            assert_eq!(
                (answer.status.as_u16(), is_open(&answer)),
                (200, true),
                "{method} {path}"
            );
        }
        let answer = story.send(bare("POST", path)).await;
        assert_eq!(answer.problem().1, "methodNotAllowed", "{path}");
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{path}");
    }
    let closed = [
        "/api/v1/rooms?status=all",
        "/api/v1/rooms?%73tatus=all",
        "/api/v1/rooms?status=%61ll",
        "/api/v1/rooms?status=live&status=all",
        "/api/v1/rooms?status=",
        "/api/v1/rooms?%FF",
        "/api/v1/rooms/Chemie%20101/participants",
        "/api/v1/sessions",
    ];
    for path in closed {
        let answer = story.send(with("GET", path, &[page])).await;
        assert_eq!((answer.status.as_u16(), is_open(&answer)), (401, false), "{path}");
        let answer = story
            .send(with("OPTIONS", path, &[page, ("access-control-request-method", "GET")]))
            .await;
        assert!(!is_open(&answer), "{path}");
        let mut request = with("GET", path, &[("authorization", &bearer(TOKEN))]);
        request
            .headers_mut()
            .insert("host", HeaderValue::from_static("any.example"));
        assert_eq!(story.send(request).await.problem().1, "hostNotAllowed", "{path}");
    }
    let all = story.json("/api/v1/rooms?status=all").await;
    assert_eq!(all["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn apart_neither_port_has_anything_of_the_other() {
    let mut story = Story::new().await;
    for public_rooms in [false, true] {
        story.settings.public_rooms = public_rooms;
        let apart = split_routers(
            story.settings.clone(),
            story.parts(story.fixture.history().await, RemovalHandle::unheard()),
        );
        let headers = [("authorization", &bearer(TOKEN)[..]), ("origin", "http://page.example")];
        let mut of_reviewers = paths(&story);
        of_reviewers.extend(
            [
                "/review",
                "/review/rooms",
                "/review/api",
                "/review/project",
                "/review/style.css",
            ]
            .map(str::to_owned),
        );
        for path in of_reviewers {
            let answer = send(&apart.review, with("GET", &path, &headers)).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
            let answer = send(&apart.public, with("GET", &path, &headers)).await;
            let is_public = public_rooms && ["/api/v1/rooms", "/api/v1/rooms/Chemie%20101"].contains(&&path[..]);
            assert_eq!(answer.status, if is_public { 200 } else { 404 }, "{path}");
        }
        let answer = send(&apart.public, bare("GET", &format!("/review?token={TOKEN}"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (404, None));
        for path in PUBLIC {
            let headers = [
                ("authorization", &bearer(CLIENT)[..]),
                ("origin", "http://page.example"),
            ];
            let answer = send(&apart.public, with("GET", path, &headers)).await;
            assert!(answer.status == 200 && is_open(&answer), "{path}");
            let answer = send(&apart.review, with("GET", path, &headers)).await;
            let expected = if path.ends_with('z') { 200 } else { 404 };
            assert_eq!(answer.status, expected, "{path}");
            let preflight = [
                ("origin", "http://page.example"),
                ("access-control-request-method", "GET"),
            ];
            let preflight = send(&apart.review, with("OPTIONS", path, &preflight)).await;
            for answer in [answer, preflight] {
                assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
            }
        }
        let answer = send(&apart.review, bare("GET", "/")).await;
        assert_eq!(answer.header("location"), Some("/review"));
        assert_eq!(send(&apart.public, bare("GET", "/")).await.status, 404);
    }
}

#[tokio::test]
async fn every_refusal_is_a_problem_and_every_answer_is_private() {
    let story = Story::new().await;
    for (request, status, code) in [
        (bare("GET", "/api/v1/none"), 404, "notFound"),
        (bare("GET", "/api"), 404, "notFound"),
        (bare("POST", "/api/v2/rooms"), 404, "notFound"),
        (bare("GET", "/none"), 404, "notFound"),
        (bare("POST", "/livez"), 405, "methodNotAllowed"),
        (bare("DELETE", "/checkUsername"), 405, "methodNotAllowed"),
        (bare("POST", "/api/v1/recovery"), 405, "methodNotAllowed"),
        (bare("GET", "/api/v1/sessions"), 401, "unauthorized"),
        (bare("GET", "/api/v1/recovery?roomname=a"), 401, "unauthorized"),
        (
            request("POST", "/api/v1/sessions")
                .body(Body::from(vec![0; 70_000]))
                .unwrap(),
            413,
            "bodyTooLarge",
        ),
    ] {
        let path = request.uri().to_string();
        let answer = story.send(request).await;
        assert_eq!(answer.problem(), (status, code.into(), String::new()), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        if status == 405 {
            assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{path}");
        }
    }
}

#[tokio::test]
async fn what_breaks_inside_is_not_told() {
    let story = Story::new().await;
    let rename = "alter table session rename to secret_name";
    on_either!(story.fixture.writer(), execute, rename);
    let answer = story.get("/api/v1/sessions").await;
    assert_eq!(answer.problem(), (500, "internal".into(), String::new()));
    assert!(
        !answer.text.contains("session") && !answer.text.contains("sql"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn health_says_what_does_not_work() {
    let mut story = Story::new().await;
    assert_eq!(story.send(bare("GET", "/livez")).await.text, r#"{"status":"alive"}"#);
    assert_eq!(story.send(bare("GET", "/readyz")).await.text, r#"{"status":"ready"}"#);
    story.readiness = Readiness::Degraded {
        reason: "The disk is full.".to_owned(),
    };
    let answer = story.send(bare("GET", "/readyz")).await;
    assert_eq!(answer.problem(), (503, "notReady".into(), String::new()));
    assert_eq!(answer.json()["detail"], "The disk is full.");
    assert_eq!(story.send(bare("GET", "/livez")).await.status, 200);
}
