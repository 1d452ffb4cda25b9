//! Which pages of other origins may read the answers of public routes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::error::Error;
use super::query::shorten;
use crate::config::Origins;
use crate::limit::SeldomEach;

const PREFLIGHT_HOLDS: Duration = Duration::from_secs(600);

/// For public routes only. Credentials of the browser (cookies) are never part of it.
pub(crate) fn layer(origins: &Origins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(allowed(origins))
        .allow_methods([Method::GET, Method::HEAD])
        // `/recovery` takes the client's own id in the first; a wildcard would not stand for it. The others mean nothing
        // here, but libraries add them.
        .allow_headers([AUTHORIZATION, ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE])
        .max_age(PREFLIGHT_HOLDS)
}

/// For the socket's path: pages poll it by `GET` and `POST`, with whatever headers their client adds.
pub fn socket_layer(origins: &Origins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(allowed(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(Any)
        .max_age(PREFLIGHT_HOLDS)
}

/// The pages that may connect, and what the log is told of others.
pub struct PageGuard {
    origins: Origins,
    told: SeldomEach<String>,
}

impl PageGuard {
    /// Lets in the pages of these origins.
    pub fn new(origins: Origins) -> Self {
        const TOLD_EVERY: Duration = Duration::from_secs(60);
        Self {
            origins,
            told: SeldomEach::new(TOLD_EVERY),
        }
    }
}

/// Refuses requests of pages that may not connect. CORS alone would not: it does not apply to WebSockets.
pub async fn allowed_pages_only(State(guard): State<Arc<PageGuard>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN);
    let Some(refused) = origin.filter(|origin| !guard.origins.allow(origin)) else {
        return next.run(request).await;
    };
    let origin = shorten(&String::from_utf8_lossy(refused.as_bytes()));
    guard.told.then(origin.clone(), || {
        tracing::warn!(?origin, "refused a page: ALLOWED_ORIGINS does not list its origin")
    });
    Error::OriginNotAllowed(origin).into_response()
}

fn allowed(origins: &Origins) -> AllowOrigin {
    match origins {
        Origins::Any => AllowOrigin::any(),
        Origins::Only(_) => {
            let origins = origins.clone();
            AllowOrigin::predicate(move |origin, _| origins.allow(origin))
        }
    }
}
