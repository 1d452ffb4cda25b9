//! The exercise page: files of a directory, wherever no route of ours is, and the client's own script beside it.

mod cache;
mod client_script;
mod paths;
mod single_page;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use self::cache::PageInstead;
pub use self::client_script::{ClientScript, client_script_routes};
pub(crate) use self::paths::fuzz;
use self::paths::{INDEX, is_inside, is_public, parts};
use self::single_page::SinglePage;

/// Which files are served, and how.
#[derive(Debug, Clone)]
pub struct StaticFiles {
    /// The directory with the exercise page.
    pub directory: PathBuf,
    /// Whether a path without a file is a view of the page `index.html`, which routes in the browser. `None` is: if that
    /// is the only page of the directory.
    pub spa_fallback: Option<bool>,
    /// What answers `/` while the directory has no `index.html`.
    pub start_page: Router,
}

/// Serves the files as the router's fallback, a directory's `index.html` for the directory.
pub fn with_static_files(router: Router, files: &StaticFiles) -> Router {
    let service = ServeDir::new(&files.directory).append_index_html_on_directories(true);
    // What somebody uploads to an exercise's folder as a picture is not run as a script.
    let nosniff = SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let served = Arc::new(Served {
        directory: files.directory.clone(),
        single_page: SinglePage::new(files.directory.clone(), files.spa_fallback),
        start_page: files.start_page.clone(),
    });
    let layers = ServiceBuilder::new()
        .layer(nosniff)
        .layer(from_fn(cache::validate))
        .layer(from_fn_with_state(served, only_public));
    router.fallback_service(layers.service(service))
}

struct Served {
    directory: PathBuf,
    single_page: SinglePage,
    start_page: Router,
}

async fn only_public(State(served): State<Arc<Served>>, mut request: Request, next: Next) -> Response {
    let path = percent_decode_str(request.uri().path())
        .decode_utf8_lossy()
        .into_owned();
    if !is_public(&path) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let has_index = || is_inside(&served.directory, INDEX);
    if path == "/" && is_read(&request) && !has_index().await {
        return served.start_page.clone().oneshot(request).await.into_response();
    }
    if is_inside(&served.directory, &path).await {
        return next.run(request).await;
    }
    if is_view(&request, &path) && served.single_page.answers().await && has_index().await {
        *request.uri_mut() = Uri::from_static("/");
        let mut page = next.run(request).await;
        page.extensions_mut().insert(PageInstead);
        return page;
    }
    StatusCode::NOT_FOUND.into_response()
}

fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Whether a browser asks for a page by a path that looks like no file's: `/room/lesson`, not `/app.js`.
fn is_view(request: &Request, path: &str) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    request.method() == Method::GET
        && accepted.is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"))
        && !parts(path).last().is_some_and(|last| last.contains('.'))
}
