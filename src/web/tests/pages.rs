//! The way into the review in a browser.

use axum::body::Body;

use super::{Story, TOKEN, request};

#[tokio::test]
async fn a_token_in_the_address_becomes_a_cookie() {
    let story = Story::new().await;
    for (query, location) in [
        (format!("token={TOKEN}"), "/review"),
        (format!("a=1&token={TOKEN}&b=%20x"), "/review?a=1&b=%20x"),
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
            cookie.starts_with("chatroom_review=") && !cookie.contains(TOKEN),
            "{cookie}"
        );
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");

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
        assert!(page.text.contains("/api/v1/sessions"));
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
    let asked = request("GET", &format!("/review?token={TOKEN}")).header("x-forwarded-proto", "https");
    let answer = story.send(asked.body(Body::empty()).unwrap()).await;
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
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
