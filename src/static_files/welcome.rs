//! What is at `/` as long as nobody has put a page there.

use std::path::Path;

use askama::Template;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome<'a> {
    version: &'a str,
    /// What goes before the addresses of what is here.
    base: &'a str,
    /// Whether `/review` is here.
    has_review: bool,
    /// The directory for a page, in which there is none.
    static_dir: Option<String>,
}

/// Says at `/` what this server is and what to do next, where it serves no files; `has_review` is whether the review is on
/// the same port.
pub fn with_welcome_page(router: Router, base: String, has_review: bool) -> Router {
    router.route("/", get(async move || page(None, &base, has_review)))
}

/// The same where `static_dir` is served, and has no page for `/`.
pub(super) fn page(static_dir: Option<&Path>, base: &str, has_review: bool) -> Response {
    let page = Welcome {
        version: env!("CARGO_PKG_VERSION"),
        base,
        has_review,
        static_dir: static_dir.map(|directory| directory.display().to_string()),
    };
    let Ok(text) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        ),
    ];
    (headers, Html(text)).into_response()
}
