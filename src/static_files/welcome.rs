//! What is at `/` as long as nobody has put a page there.

use std::path::PathBuf;

use askama::Template;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tower::ServiceExt;

use super::has_index;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome<'a> {
    version: &'a str,
    /// Whether `/review` is here.
    has_review: bool,
    /// The directory for a page, in which there is none.
    static_dir: Option<String>,
}

/// Says at `/` what this server is and what to do next, where `static_dir` has no `index.html`; `has_review` is whether
/// the review is on the same port.
pub fn with_welcome_page(router: Router, static_dir: Option<PathBuf>, has_review: bool) -> Router {
    let files = router.clone();
    let show = move |request: Request| {
        let (files, static_dir) = (files.clone(), static_dir.clone());
        async move {
            match static_dir {
                Some(directory) if has_index(&directory) => match files.oneshot(request).await {
                    Ok(page) => page,
                    Err(never) => match never {},
                },
                other => welcome(other, has_review),
            }
        }
    };
    router.route("/", get(show))
}

fn welcome(static_dir: Option<PathBuf>, has_review: bool) -> Response {
    let page = Welcome {
        version: env!("CARGO_PKG_VERSION"),
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
