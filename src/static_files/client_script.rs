//! The client library where Node's server has it, at `/socket.io/socket.io.js`: half of all tutorials load it from there.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tokio::fs;
use tower::ServiceExt;
use tower_http::services::ServeFile;

/// The forms of the script that Node's server has, without their source maps.
const SCRIPTS: [&str; 3] = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"];

/// Where the library's authors publish it.
const CDN: &str = "https://cdn.socket.io/4.8.3";

/// A redirect may change with the next version of the server.
const REDIRECT_HOLDS: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// Where the script comes from: the first of these that has it.
#[derive(Debug, Clone)]
pub struct ClientScript {
    /// A directory with it, such as `node_modules/socket.io-client/dist`.
    pub directory: Option<PathBuf>,
    /// The exercise page's directory, which may have it below `socket.io/`.
    pub static_dir: Option<PathBuf>,
    /// Whether a browser is sent to the library's authors' CDN.
    pub cdn: bool,
}

impl ClientScript {
    async fn file(&self, name: &str) -> Option<PathBuf> {
        let beside_page = self.static_dir.as_deref().map(|page| page.join("socket.io"));
        for directory in [self.directory.as_deref(), beside_page.as_deref()]
            .into_iter()
            .flatten()
        {
            let file = directory.join(name);
            if fs::metadata(&file).await.is_ok_and(|found| found.is_file()) {
                return Some(file);
            }
        }
        None
    }
}

/// The scripts' routes.
pub fn client_script_routes(source: ClientScript) -> Router {
    let source = Arc::new(source);
    SCRIPTS
        .iter()
        .fold(Router::new(), |router, name| {
            let show = move |State(source): State<Arc<ClientScript>>, request: Request| show(source, name, request);
            router.route(&format!("/socket.io/{name}"), get(show))
        })
        .with_state(source)
}

async fn show(source: Arc<ClientScript>, name: &'static str, request: Request) -> Response {
    if let Some(file) = source.file(name).await {
        let mut response = match ServeFile::new(file).oneshot(request).await {
            Ok(response) => response.into_response(),
            Err(never) => match never {},
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        return response;
    }
    if source.cdn {
        let elsewhere = Redirect::temporary(&format!("{CDN}/{name}"));
        return ([(CACHE_CONTROL, REDIRECT_HOLDS)], elsewhere).into_response();
    }
    let text = "This server does not have the client script: set CLIENT_SCRIPT to a directory with it.\n";
    (StatusCode::NOT_FOUND, text).into_response()
}
