//! Everything below one path, for a proxy that hands on only that: on the way in the path is cut, and on the way out put
//! before the server's own addresses. What is between knows nothing of it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use tower::ServiceBuilder;

use crate::config::BasePath;
use crate::web::state::AppState;

/// The attributes of the review's pages that hold addresses. What people typed cannot look like one: in it quotes are
/// escaped.
const ADDRESSES: [&str; 5] = ["href", "src", "action", "data-live", "data-picture"];

/// A router whose routes are all below the path. It must come from the proxy as the browser sent it.
pub fn below(base: &BasePath, router: Router) -> Router {
    if base.is_root() {
        return router;
    }
    let enter = from_fn_with_state(Arc::new(base.clone()), enter);
    Router::new().fallback_service(ServiceBuilder::new().layer(enter).service(router))
}

async fn enter(State(base): State<Arc<BasePath>>, mut request: Request, next: Next) -> Response {
    let uri = request.uri();
    let Some(rest) = uri.path().strip_prefix(base.as_str()) else {
        return elsewhere(&base);
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if rest.is_empty() {
        // Addresses beside that of a page are below the path only if it ends with a slash.
        return Redirect::temporary(&format!("{}/{query}", base.as_str())).into_response();
    }
    let inner = PathAndQuery::try_from(format!("{rest}{query}"));
    let Some(inner) = inner.ok().filter(|_| rest.starts_with('/')) else {
        return elsewhere(&base);
    };
    *request.uri_mut() = Uri::from(inner);
    let mut response = next.run(request).await;
    let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let location = location
        .filter(|to| to.starts_with('/'))
        .map(|to| format!("{}{to}", base.as_str()));
    if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn elsewhere(base: &BasePath) -> Response {
    let text = format!("Everything here is below {}/ (BASE_PATH).\n", base.as_str());
    (StatusCode::NOT_FOUND, text).into_response()
}

/// Middleware of the review's pages: their links lead below the path.
pub(crate) async fn with_links_below(State(app): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let base = &app.settings.base_path;
    let content_type = response.headers().get(CONTENT_TYPE);
    let is_page = content_type.is_some_and(|content| content.as_bytes().starts_with(b"text/html"));
    if base.is_root() || !is_page {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(page) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = rebased(&String::from_utf8_lossy(&page), base);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}

fn rebased(page: &str, base: &BasePath) -> String {
    ADDRESSES.iter().fold(page.to_owned(), |page, attribute| {
        page.replace(
            &format!(" {attribute}=\"/"),
            &format!(" {attribute}=\"{}/", base.as_str()),
        )
    })
}
