//! The layer that follows what clients' requests carry away, and how fast polling clients send.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::http::response::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use socketioxide::socket::Sid;

use super::engine_error::{bad_request, unknown_session};
use super::handshake_guard::end_session;
use super::records::Records;
use super::transport::{Transport, Transports};
use super::transport_request::TransportRequest;
use super::upgrade;
use crate::model::vocabulary::DropReason;
use crate::net::{Connection, PaceLimits};

/// What follows them.
pub(super) struct Follower {
    pub(super) transports: Arc<Transports>,
    pub(super) pace: PaceLimits,
    pub(super) engine: Router,
}

/// Follows what the clients' requests carry away, and turns those of a transport that was cut away.
pub(super) async fn follow(State(follower): State<Arc<Follower>>, request: Request, next: Next) -> Response {
    let about = TransportRequest::of(request.method(), request.uri().query().unwrap_or_default());
    let Some((id, about)) = about.and_then(|about| Some((about.session?, about))) else {
        return next.run(request).await;
    };
    // The engine would begin an upgrade of a session that it does not know, and end it then.
    let Some(transport) = follower.transports.find(id).filter(|transport| !transport.is_cut()) else {
        return unknown_session();
    };
    if about.is_websocket {
        return if about.is_upgrade {
            upgrade::hold(&follower.engine, &transport, id, request)
        } else {
            next.run(request).await
        };
    }
    if transport.is_member()
        && let Some(connection) = request.extensions().get::<Connection>()
    {
        connection.set_member(true);
    }
    if about.is_post {
        return send(&follower, &transport, id, request, next).await;
    }
    if !about.is_poll {
        return next.run(request).await;
    }
    poll(&follower.engine, transport, id, request, next).await
}

/// Passes on a poll, and learns what its answer carries.
async fn poll(engine: &Router, transport: Arc<Transport>, session: Sid, request: Request, next: Next) -> Response {
    transport.poll_begins();
    let mut waiting = WaitingPoll {
        engine,
        connection: request.extensions().get().cloned(),
        session,
        transport: &transport,
        is_answered: false,
    };
    let answer = async {
        let (head, body) = next.run(request).await.into_parts();
        // The engine's are whole already: this copies nothing.
        (head, to_bytes(body, usize::MAX).await.unwrap_or_default())
    };
    let (head, body) = tokio::select! {
        biased;
        answer = answer => answer,
        // Nothing is lost: what waits for a message has taken none.
        () = transport.until_poll_ends() => nothing(),
    };
    waiting.is_answered = true;
    transport.poll_answered(&body);
    Response::from_parts(head, Body::from(body))
}

/// A poll that waits for its answer.
struct WaitingPoll<'a> {
    engine: &'a Router,
    connection: Option<Connection>,
    session: Sid,
    transport: &'a Transport,
    is_answered: bool,
}

impl Drop for WaitingPoll<'_> {
    /// Its connection has closed before: whoever polled is gone. The engine would notice when a ping is not answered.
    fn drop(&mut self) {
        if self.is_answered || !self.transport.polls() {
            return;
        }
        let why = self.connection.as_ref().and_then(|connection| {
            let cut = connection.cut_reason();
            cut.or_else(|| connection.end_reason())
        });
        self.transport.cut_for(why.unwrap_or(DropReason::Reset));
        end_session(self.engine, self.session);
    }
}

/// The answer to a poll that carries nothing.
fn nothing() -> (Parts, Bytes) {
    const NOOP: &str = "6";
    let (head, _) = NOOP.into_response().into_parts();
    (head, Bytes::from_static(NOOP.as_bytes()))
}

/// Passes on what a polling client sends, by one request after the other: of two at once nobody knows the order, so that
/// the protocol has them end the session.
async fn send(follower: &Follower, transport: &Arc<Transport>, session: Sid, request: Request, next: Next) -> Response {
    let Some(_turn) = transport.begin_post() else {
        transport.cut_for(DropReason::Rate);
        end_session(&follower.engine, session);
        return bad_request();
    };
    let request = request.map(|body| paced(transport, body, follower.pace));
    let response = next.run(request).await;
    if transport.is_cut() && !response.status().is_success() {
        let refusal = "This session has sent more than MESSAGES_PER_SOCKET allows, repeated its connect, or had two \
                       requests send at once: it is ended.\n";
        return (StatusCode::TOO_MANY_REQUESTS, [(CONNECTION, "close")], refusal).into_response();
    }
    response
}

/// The body of a request that sends something, as fast as this client may.
fn paced(transport: &Arc<Transport>, body: Body, limits: PaceLimits) -> Body {
    transport.set_pace(PaceLimits { bytes: 0, ..limits });
    Body::new(Records::new(body, transport.clone()))
}
