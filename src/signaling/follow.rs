//! The layer that follows what clients' requests carry away, and how fast polling clients send.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::records::Records;
use super::transport::{Transport, Transports};
use super::transport_request::TransportRequest;
use crate::net::{Connection, PaceLimits};

/// Follows what the clients' requests carry away, and turns those of a transport that was cut away.
pub(super) async fn follow(
    State((transports, limits)): State<(Arc<Transports>, PaceLimits)>,
    request: Request,
    next: Next,
) -> Response {
    let about = TransportRequest::of(request.method(), request.uri().query().unwrap_or_default());
    let Some((id, about)) = about.and_then(|about| Some((about.session?, about))) else {
        return next.run(request).await;
    };
    // The engine would begin an upgrade of a session that it does not know, and end it then.
    let Some(transport) = transports.find(id).filter(|transport| !transport.is_cut()) else {
        return unknown_session();
    };
    if let Some(connection) = request.extensions().get::<Connection>() {
        if about.is_websocket {
            // The upgrade may come before the Socket.IO connect.
            transport.runs_over(connection);
        } else if transport.is_member() {
            connection.set_member(true);
        }
    }
    if about.is_post {
        return send(&transports.of(id), limits, request, next).await;
    }
    let response = next.run(request).await;
    if about.is_poll {
        transport.polled(length(&response));
    }
    response
}

/// Passes on what a polling client sends.
async fn send(transport: &Arc<Transport>, limits: PaceLimits, request: Request, next: Next) -> Response {
    let request = request.map(|body| paced(transport, body, limits));
    let response = next.run(request).await;
    if transport.is_cut() && !response.status().is_success() {
        let refusal =
            "This session has sent more than MESSAGES_PER_SOCKET allows, or repeated its connect: it is ended.\n";
        return (StatusCode::TOO_MANY_REQUESTS, [(CONNECTION, "close")], refusal).into_response();
    }
    response
}

/// The body of a request that sends something, as fast as this client may.
fn paced(transport: &Arc<Transport>, body: Body, limits: PaceLimits) -> Body {
    transport.set_pace(PaceLimits { bytes: 0, ..limits });
    Body::new(Records::new(body, transport.clone()))
}

fn length(response: &Response) -> u64 {
    let length = response.headers().get(CONTENT_LENGTH);
    length
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or_default()
}

/// What the engine answers, in its own words.
fn unknown_session() -> Response {
    (
        StatusCode::BAD_REQUEST,
        r#"{"code":"1","message":"Session ID unknown"}"#,
    )
        .into_response()
}
