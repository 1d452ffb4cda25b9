//! Which pages of other origins may read the answers of public routes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use super::error::Error;
use super::join_token::JOIN_TOKEN;
use super::query::shortened;
use crate::config::Origins;
use crate::limit::SeldomEach;

const PREFLIGHT_HOLDS: Duration = Duration::from_secs(600);

/// For public routes only. Credentials of the browser (cookies) are never part of it.
pub(crate) fn layer(origins: &Origins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(allowed(origins))
        .allow_methods([Method::GET, Method::HEAD])
        // `/recovery` takes the client's own id in the first; a wildcard would not stand for it. Those after the second mean
        // nothing here, but libraries add them.
        .allow_headers([
            AUTHORIZATION,
            JOIN_TOKEN,
            ACCEPT,
            ACCEPT_LANGUAGE,
            CACHE_CONTROL,
            CONTENT_TYPE,
        ])
        .max_age(PREFLIGHT_HOLDS)
}

/// For the socket's path: pages poll it by `GET` and `POST`, with whatever headers their client adds. Those of a list of
/// origins may do so with credentials, of which the socket reads none; to all pages of the world browsers do not allow it.
pub fn socket_layer(origins: &Origins) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_origin(allowed(origins))
        .allow_methods([Method::GET, Method::POST])
        .max_age(PREFLIGHT_HOLDS);
    match origins {
        Origins::Any => layer.allow_headers(Any),
        Origins::Only(_) => layer
            .allow_headers(AllowHeaders::mirror_request())
            .allow_credentials(true),
    }
}

/// The pages that may connect, and what the log is told of others.
pub struct PageGuard {
    origins: Origins,
    told: SeldomEach<String>,
    told_of_credentials: SeldomEach<String>,
}

impl PageGuard {
    /// Lets in the pages of these origins.
    pub fn new(origins: Origins) -> Self {
        const TOLD_EVERY: Duration = Duration::from_secs(60);
        Self {
            origins,
            told: SeldomEach::new(TOLD_EVERY),
            told_of_credentials: SeldomEach::new(TOLD_EVERY),
        }
    }

    /// Browsers withhold an answer for all pages of the world from one that asks with credentials. Nothing but a cookie
    /// tells here that it does.
    fn tell_of_credentials(&self, headers: &HeaderMap) {
        let has = |name: &str, value: &str| headers.get(name).is_some_and(|header| header == value);
        let is_elsewhere = has("sec-fetch-site", "cross-site") || has("sec-fetch-site", "same-site");
        if self.origins != Origins::Any
            || !is_elsewhere
            || !has("sec-fetch-mode", "cors")
            || !headers.contains_key(COOKIE)
        {
            return;
        }
        let origin = shortened(headers, &ORIGIN);
        self.told_of_credentials.then(origin.clone(), || {
            tracing::warn!(
                ?origin,
                "a page connects withCredentials, so its browser withholds the answers from it: leave that out, or list the page's origin in ALLOWED_ORIGINS"
            )
        });
    }
}

/// Refuses requests of pages that may not connect. CORS alone would not: it does not apply to WebSockets.
pub async fn allowed_pages_only(State(guard): State<Arc<PageGuard>>, request: Request, next: Next) -> Response {
    guard.tell_of_credentials(request.headers());
    let origin = request.headers().get(ORIGIN);
    if origin.is_none_or(|origin| guard.origins.allow(origin)) {
        return next.run(request).await;
    }
    let origin = shortened(request.headers(), &ORIGIN);
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
