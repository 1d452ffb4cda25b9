use std::fs;
use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, LOCATION};
use axum::routing::get;
use tower::ServiceExt;

use super::*;

fn write(root: &Path, names: &[&str]) {
    for name in names {
        let file = root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, *name).unwrap();
    }
}

fn files(root: &Path) -> StaticFiles {
    StaticFiles {
        directory: root.to_owned(),
        spa_fallback: None,
        start_page: Router::new().route("/", get(|| async { "nothing yet" })),
    }
}

/// Answers a browser's request for a page, which `headers` may change.
async fn answer(router: Router, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body = to_bytes(response.into_body(), 64 * 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

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
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
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
    fs::create_dir(root.join("led")).unwrap();
    std::os::unix::fs::symlink("../../outside", root.join("led/index.html")).unwrap();
    let router = Router::new().route("/api/v1/rooms", get(|| async { "rooms" }));
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = with_static_files(router, &files(&root)).oneshot(request).await.unwrap();
    let is_file = path != "/api/v1/rooms";
    assert_eq!(
        response.headers().contains_key("x-content-type-options"),
        is_file,
        "{path}"
    );
    text(response).await
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

#[tokio::test]
async fn a_browser_asks_again_for_all_but_what_has_a_hash_in_its_name() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["index.html", "app.js", "assets/index-DdBMqLR4.js"]);
    let router = with_static_files(Router::new(), &files(folder.path()));
    for (path, kept) in [
        ("/", "no-cache"),
        ("/app.js", "no-cache"),
        ("/none.js", "no-cache"),
        ("/assets/index-DdBMqLR4.js", "public, max-age=31536000, immutable"),
        ("/assets/index-AaBbCc12.js", "no-cache"),
    ] {
        let response = answer(router.clone(), path, &[]).await;
        assert_eq!(response.headers()[CACHE_CONTROL], kept, "{path}");
    }
    let response = answer(router.clone(), "/app.js", &[]).await;
    let tag = response.headers()[ETAG].to_str().unwrap().to_owned();
    let again = [(IF_NONE_MATCH.as_str(), tag.as_str())];
    let same = answer(router.clone(), "/app.js", &again).await;
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    fs::write(folder.path().join("app.js"), "rebuilt").unwrap();
    let rebuilt = text(answer(router, "/app.js", &again).await).await;
    assert_eq!(rebuilt, (StatusCode::OK, "rebuilt".to_owned()));
}

const FOR_A_PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[tokio::test]
async fn a_view_of_a_single_page_is_that_page() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["index.html", "assets/app.js", ".git/old.html"]);
    let router = with_static_files(Router::new(), &files(folder.path()));
    for (path, headers, is_view) in [
        ("/room/lesson", &[FOR_A_PAGE][..], true),
        ("/room/lesson", &[("accept", "TEXT/HTML")], true),
        // A folder of files, by the way a view's path as well.
        ("/assets", &[FOR_A_PAGE], true),
        ("/assets/", &[FOR_A_PAGE], true),
        ("/assets/", &[("accept", "*/*")], false),
        ("/room/lesson?name=a.b", &[FOR_A_PAGE], true),
        ("/room.v2/lesson", &[FOR_A_PAGE], true),
        ("/room/lesson", &[("accept", "*/*")], false),
        ("/room/lesson", &[], false),
        ("/room/lesson.js", &[FOR_A_PAGE], false),
        ("/api/v1/none", &[FOR_A_PAGE], false),
        ("/Review/none", &[FOR_A_PAGE], false),
        ("/socket.io/none", &[FOR_A_PAGE], false),
        ("/livez/none", &[FOR_A_PAGE], false),
        ("/.git/none", &[FOR_A_PAGE], false),
    ] {
        let found = text(answer(router.clone(), path, headers).await).await;
        let expected = if is_view {
            (StatusCode::OK, "index.html".to_owned())
        } else {
            (StatusCode::NOT_FOUND, String::new())
        };
        assert_eq!(found, expected, "{path} {headers:?}");
    }
    // It is the page, whatever file of a build was asked for.
    let page = answer(router.clone(), "/assets/gone-DdBMqLR4", &[FOR_A_PAGE]).await;
    assert_eq!(
        (page.status(), &page.headers()[CACHE_CONTROL]),
        (StatusCode::OK, &HeaderValue::from_static("no-cache"))
    );
    let request = Request::post("/room/lesson").header(FOR_A_PAGE.0, FOR_A_PAGE.1);
    let posted = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(posted.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn several_pages_keep_their_real_404_unless_told_otherwise() {
    for (names, setting, is_view) in [
        (&["index.html", "about.html"][..], None, false),
        (&["index.html", "sub/index.html"], None, false),
        (&["index.html", "about.htm"], Some(true), true),
        (&["index.html"], Some(false), false),
        (&["app.js"], Some(true), false),
        (&["app.js"], None, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), names);
        let files = StaticFiles {
            spa_fallback: setting,
            ..files(folder.path())
        };
        let router = with_static_files(Router::new(), &files);
        let response = answer(router, "/room/lesson", &[FOR_A_PAGE]).await;
        assert_eq!(response.status().is_success(), is_view, "{names:?} {setting:?}");
    }
}

#[tokio::test]
async fn the_client_script_comes_from_the_first_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let (own, page) = (folder.path().join("own"), folder.path().join("page"));
    write(&own, &["socket.io.js"]);
    write(&page, &["socket.io/socket.io.js", "socket.io/socket.io.min.js"]);
    fs::write(own.join("socket.io.js"), "own").unwrap();
    let source = ClientScript {
        directory: Some(own),
        static_dir: Some(page),
        cdn: true,
    };
    let router = client_script_routes(source.clone());
    for (name, content) in [
        ("socket.io.js", "own"),
        ("socket.io.min.js", "socket.io/socket.io.min.js"),
    ] {
        let response = answer(router.clone(), &format!("/socket.io/{name}"), &[]).await;
        assert_eq!(response.headers()["content-type"], "text/javascript", "{name}");
        assert_eq!(text(response).await, (StatusCode::OK, content.to_owned()), "{name}");
    }
    let elsewhere = answer(router, "/socket.io/socket.io.esm.min.js", &[]).await;
    assert_eq!(elsewhere.status(), StatusCode::TEMPORARY_REDIRECT);
    let target = elsewhere.headers()[LOCATION].to_str().unwrap();
    assert_eq!(target, "https://cdn.socket.io/4.8.3/socket.io.esm.min.js");
    let alone = client_script_routes(ClientScript { cdn: false, ..source });
    let (status, told) = text(answer(alone, "/socket.io/socket.io.esm.min.js", &[]).await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(told.contains("CLIENT_SCRIPT"), "{told}");
}

#[tokio::test]
async fn where_no_page_is_the_start_page_stands_for_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["app.js"]);
    let router = with_static_files(Router::new(), &files(folder.path()));
    let stands_for_it = text(answer(router.clone(), "/", &[]).await).await;
    assert_eq!(stands_for_it, (StatusCode::OK, "nothing yet".to_owned()));
    write(folder.path(), &["index.html"]);
    let own = text(answer(router, "/", &[]).await).await;
    assert_eq!(own, (StatusCode::OK, "index.html".to_owned()));
}
