//! The exercise page: files of a directory, wherever no route of ours is.

use std::path::Path;

use axum::Router;
use axum::extract::Request;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Paths that are ours, also where no route answers: a file there would look like an answer of ours.
const OURS: [&str; 3] = ["api", "review", "socket.io"];

/// Serves the files of `directory` as the router's fallback, a directory's `index.html` for the directory.
pub fn with_static_files(router: Router, directory: &Path) -> Router {
    let files = ServeDir::new(directory).append_index_html_on_directories(true);
    // What somebody uploads to an exercise's folder as a picture is not run as a script.
    let nosniff = SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let layers = ServiceBuilder::new().layer(nosniff).layer(from_fn(only_public));
    router.fallback_service(layers.service(files))
}

async fn only_public(request: Request, next: Next) -> Response {
    if is_public(request.uri().path()) {
        return next.run(request).await;
    }
    StatusCode::NOT_FOUND.into_response()
}

/// Whether no part of a path is hidden (`.git`, `.env`, `..`) and its first is none of ours.
fn is_public(path: &str) -> bool {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let mut parts = path.split(['/', '\\']).filter(|part| !part.is_empty()).peekable();
    if parts
        .peek()
        .is_some_and(|first| OURS.iter().any(|ours| first.eq_ignore_ascii_case(ours)))
    {
        return false;
    }
    parts.all(|part| !part.starts_with('.') || part == ".well-known")
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: &str, path: &str) -> (StatusCode, String) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("page");
        for (name, text) in [
            ("index.html", "start"),
            ("app.js", "script"),
            ("中文.html", "named"),
            ("sub/index.html", "below"),
            (".env", "hidden"),
            (".git/config", "hidden"),
            (".well-known/x", "known"),
            ("api/v1/rooms", "shadow"),
            ("api/v1/none", "shadow"),
            ("socket.io/index.html", "shadow"),
            ("../outside", "outside"),
        ] {
            let file = root.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let router = Router::new().route("/api/v1/rooms", get(|| async { "rooms" }));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = with_static_files(router, &root).oneshot(request).await.unwrap();
        let status = response.status();
        let is_file = path != "/api/v1/rooms";
        assert_eq!(
            response.headers().contains_key("x-content-type-options"),
            is_file,
            "{path}"
        );
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn files_are_served_where_no_route_is() {
        for (path, text) in [
            ("/", "start"),
            ("/app.js?v=1", "script"),
            ("/%E4%B8%AD%E6%96%87.html", "named"),
            ("/sub/", "below"),
            ("/.well-known/x", "known"),
            ("/api/v1/rooms", "rooms"),
        ] {
            assert_eq!(ask("GET", path).await, (StatusCode::OK, text.to_owned()), "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_not_for_the_public_does_not_exist() {
        for path in [
            "/none.html",
            "/.env",
            "/%2eenv",
            "/.git/config",
            "/sub/..%2f.env",
            "/../outside",
            "/%2e%2e/outside",
            "/sub%5c..%5c..%5coutside",
            "/api/v1/none",
            "/API/v1/none",
            "/%61pi/v1/none",
            "/socket.io/",
        ] {
            let (status, text) = ask("GET", path).await;
            assert_eq!((status, text.as_str()), (StatusCode::NOT_FOUND, ""), "{path}");
        }
        assert_eq!(ask("POST", "/app.js").await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}
