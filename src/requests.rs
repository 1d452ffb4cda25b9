//! Requests as the operator sees them: counted and timed by route, and a line each in the log at `debug`.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::debug;

use crate::metrics;
use crate::model::address::AddressKey;
use crate::net::ClientAddress;

/// What is none of our routes: the files of the exercise page, and what is not there.
const OTHER: &str = "other";

/// The endpoint of sockets, whose requests wait for what is to be told, however long.
const SOCKETS: &str = "/socket.io";

/// Middleware of everything, around each route. The path as it came is told to nobody: it holds names, and the query
/// secrets.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let client = request.extensions().get().copied();
    let method = request.method().clone();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(OTHER, MatchedPath::as_str);
    let (took, status) = (began.elapsed(), response.status().as_u16());
    if !route.starts_with(SOCKETS) {
        metrics::requested(route, status, took);
    }
    let address = client.map(|ClientAddress(address)| tracing::field::display(AddressKey::of(address)));
    debug!(%method, route, status, elapsed_ms = took.as_millis(), address, "answered a request");
    response
}
