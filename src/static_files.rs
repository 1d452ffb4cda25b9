//! The exercise page: files of a directory, wherever no route of ours is.

use std::path::{Component, Path};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use percent_encoding::{percent_decode, percent_decode_str};
use tokio::fs;
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Paths that are ours, also where no route answers: a file there would look like an answer of ours.
const OURS: [&str; 3] = ["api", "review", "socket.io"];

/// What stands for a directory.
const INDEX: &str = "index.html";

/// Serves the files of `directory` as the router's fallback, a directory's `index.html` for the directory.
pub fn with_static_files(router: Router, directory: &Path) -> Router {
    let files = ServeDir::new(directory).append_index_html_on_directories(true);
    // What somebody uploads to an exercise's folder as a picture is not run as a script.
    let nosniff = SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let public = from_fn_with_state(Arc::from(directory), only_public);
    let layers = ServiceBuilder::new().layer(nosniff).layer(public);
    router.fallback_service(layers.service(files))
}

async fn only_public(State(directory): State<Arc<Path>>, request: Request, next: Next) -> Response {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    if is_public(&path) && is_inside(&directory, &path).await {
        return next.run(request).await;
    }
    StatusCode::NOT_FOUND.into_response()
}

/// Whether no part of a path is hidden (`.git`, `.env`, `..`) and its first is none of ours.
fn is_public(path: &str) -> bool {
    let is_ours = |first: &str| OURS.iter().any(|ours| first.eq_ignore_ascii_case(ours));
    !parts(path).next().is_some_and(is_ours) && parts(path).all(|part| !is_hidden(part))
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty())
}

fn is_hidden(part: &str) -> bool {
    part.starts_with('.') && part != ".well-known"
}

/// Whether what is served for a path is there, lies in the directory and is not hidden there, behind whatever links. What
/// is not there is not asked for: a path that is too long would be an error, which anybody could put into the log.
async fn is_inside(directory: &Path, path: &str) -> bool {
    let file = parts(path).fold(directory.to_owned(), |file, part| file.join(part));
    let index = fs::canonicalize(file.join(INDEX)).await.ok();
    let (Ok(directory), Ok(file)) = (fs::canonicalize(directory).await, fs::canonicalize(file).await) else {
        return false;
    };
    [Some(file), index].into_iter().flatten().all(|file| {
        let inside = file.strip_prefix(&directory).ok().map(Path::to_string_lossy);
        inside.is_some_and(|inside| !parts(&inside).any(is_hidden))
    })
}

/// Reads a path, for [`crate::fuzzing`]: what is public leads nowhere but down, and to nothing hidden or ours.
pub(crate) fn fuzz(bytes: &[u8]) {
    let path = percent_decode(bytes).decode_utf8_lossy();
    if !is_public(&path) {
        return;
    }
    let down = path.replace('\\', "/");
    let mut parts = Path::new(down.trim_start_matches('/')).components();
    let first = parts.clone().next().map(|first| first.as_os_str().to_ascii_lowercase());
    assert!(
        first.is_none_or(|first| OURS.iter().all(|ours| first != *ours)),
        "{path:?}"
    );
    let is_down = |part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b".") || name == ".well-known");
    assert!(parts.all(is_down), "{path:?}");
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
        for (name, target) in [
            ("out.html", "../outside"),
            ("out", ".."),
            ("linked", "../linked"),
            ("secret.txt", ".env"),
            ("inner.js", "app.js"),
            ("inner", "sub"),
        ] {
            std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        }
        std::fs::create_dir(root.join("led")).unwrap();
        std::os::unix::fs::symlink("../../outside", root.join("led/index.html")).unwrap();
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
            ("/inner.js", "script"),
            ("/inner/", "below"),
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
            "/out.html",
            "/out/outside",
            "/out/",
            "/linked",
            "/secret.txt",
            "/led/",
            "/led/index.html",
            &format!("/{}", "a".repeat(256)),
            &"/a".repeat(3_000),
            "/app.js/x",
            "/a%00b",
        ] {
            let (status, text) = ask("GET", path).await;
            assert_eq!((status, text.as_str()), (StatusCode::NOT_FOUND, ""), "{path}");
        }
        assert_eq!(ask("POST", "/app.js").await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}
