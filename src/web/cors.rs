//! Which pages of other origins may read the answers of public routes.

use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The origins whose pages may read what is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// All.
    Any,
    /// These, written as browsers send them.
    Only(Vec<HeaderValue>),
}

/// For public routes only. Credentials of the browser (cookies) are never part of it.
pub(crate) fn layer(origins: &AllowedOrigins) -> CorsLayer {
    let allowed = match origins {
        AllowedOrigins::Any => AllowOrigin::any(),
        AllowedOrigins::Only(origins) => {
            let origins = origins.clone();
            AllowOrigin::predicate(move |origin, _| origins.contains(origin))
        }
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD])
        // `/recovery` takes the client's own id in it; a wildcard would not stand for this header.
        .allow_headers([AUTHORIZATION])
        .max_age(Duration::from_secs(600))
}
