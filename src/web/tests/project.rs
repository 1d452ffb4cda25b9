//! The page with the address that people type.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;

use super::{Scheme, Story, TOKEN, TestResponse, request};
use crate::net::OverTls;
use crate::qr::QrCode;

async fn page(story: &Story, host: &str, query: &str) -> TestResponse {
    let request = request("GET", &format!("/review/project{query}"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Body::empty());
    let mut request = request.unwrap();
    request.headers_mut().insert("host", host.parse().unwrap());
    story.send(request).await
}

fn shown(page: &str) -> &str {
    let (_, rest) = page.split_once("<text id=\"address\"").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap()
}

#[tokio::test]
async fn it_shows_what_others_type_and_its_picture_and_no_token() {
    let story = Story::new().await;
    for (query, address) in [
        ("", "http://192.0.2.7:3000/"),
        (
            "?address=http%3A%2F%2F%5B2001%3Adb8%3A%3A7%5D%3A3000%2F",
            "http://[2001:db8::7]:3000/",
        ),
    ] {
        let page = page(&story, "localhost:3000", query).await.text;
        assert_eq!(shown(&page), address);
        assert!(page.contains(&QrCode::of(address).unwrap().path()), "another picture");
        assert!(!page.contains(TOKEN) && !page.contains("token="));
        assert!(page.contains("With <code>TLS=self-signed</code> they do"), "{page}");
        assert_eq!(page.matches("aria-current").count(), 1);
        assert_eq!(page.matches("/review/project?address=").count(), 2);
    }
}

#[tokio::test]
async fn a_reader_who_has_come_by_the_network_shows_the_way() {
    let mut story = Story::new().await;
    let by_name = page(&story, "class.example", "").await.text;
    assert_eq!(shown(&by_name), "http://class.example/");
    assert_eq!(by_name.matches("/review/project?address=").count(), 3);
    let known = page(&story, "192.0.2.7:3000", "").await.text;
    assert_eq!(known.matches("/review/project?address=").count(), 2);
    story.settings.is_review_elsewhere = true;
    let elsewhere = page(&story, "class.example:3001", "").await.text;
    assert_eq!(shown(&elsewhere), "http://192.0.2.7:3000/");
}

#[tokio::test]
async fn it_says_what_stands_in_the_way() {
    let mut story = Story::new().await;
    let proxied = |headers: &str| {
        let mut request = request("GET", "/review/project")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("x-forwarded-proto", headers)
            .body(Body::empty())
            .unwrap();
        request.headers_mut().insert("host", "class.example".parse().unwrap());
        let peer: SocketAddr = "127.0.0.1:4711".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    };
    let behind_proxy = story.send(proxied("https")).await.text;
    assert_eq!(shown(&behind_proxy), "https://class.example/");
    assert!(!behind_proxy.contains("camera"));
    story.for_others = Arc::new(|| vec!["https://192.0.2.7:3000".to_owned()]);
    for (scheme, warns) in [(Scheme::SelfSigned, true), (Scheme::Https, false)] {
        story.settings.scheme = scheme;
        let page = page(&story, "localhost:3000", "").await.text;
        assert_eq!(page.contains("The browser warns"), warns, "{page}");
    }
    story.for_others = Arc::new(|| vec!["https://localhost:3000".to_owned()]);
    let alone = page(&story, "localhost:3000", "").await.text;
    assert!(alone.contains("Only this machine reaches the server"), "{alone}");
    assert!(!alone.contains("/review/project?address="), "nothing to choose from");
}

#[tokio::test]
async fn another_address_is_refused_by_name() {
    let story = Story::new().await;
    let refused = page(&story, "localhost:3000", "?address=https://evil.example/").await;
    assert_eq!(refused.status.as_u16(), 400);
    assert!(
        refused.text.contains("address must be an address of this server"),
        "{}",
        refused.text
    );
    let locked = story
        .send(request("GET", "/review/project").body(Body::empty()).unwrap())
        .await;
    assert_eq!(locked.status.as_u16(), 401);
    assert!(!locked.text.contains("192.0.2.7"));
}

#[tokio::test]
async fn over_tls_of_the_servers_own_a_cookie_is_secure() {
    let story = Story::new().await;
    let mut request = request("GET", &format!("/review?token={TOKEN}"))
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(OverTls);
    let answer = story.send(request).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-chatroom_review_3000=") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
}
