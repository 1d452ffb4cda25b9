//! Who may open a transport session: so many a second for each address, and so many that are in no class.
//!
//! Sessions are made before anyone has shown anything. Past the rate a handshake is refused, as early and cheaply as can
//! be; past the number the oldest session that is in no class gives way, and its client connects anew by itself.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, ORIGIN, RETRY_AFTER};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use socketioxide::socket::Sid;
use tokio::runtime::Handle;
use tower::ServiceExt;
use tracing::warn;

use super::transport::Transports;
use super::transport_request::TransportRequest;
use super::transport_session::{TransportSession, TransportSessions};
use crate::limit::{AddressRate, Quota, Seldom};
use crate::metrics;
use crate::model::address::AddressKey;
use crate::model::language::Language;
use crate::model::limit::LimitName;
use crate::net::admission::places::Most;
use crate::net::{Capacity, ClientAddress, Connection};
use crate::words::{Words, message as m};

/// The path of the Socket.IO endpoint; clients append a slash.
pub(super) const PATH: &str = "/socket.io";

/// How often the same trouble is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The most of an answer to a handshake that is looked at: it has some 120 bytes.
const MOST_ANSWER: usize = 4096;

/// The most of a page's origin that the log is told, in bytes.
const MOST_ORIGIN: usize = 128;

/// How many sessions there may be.
#[derive(Debug, Clone, Copy)]
pub struct HandshakeLimits {
    /// How often each address may open one.
    pub handshakes: Quota,
    /// How many there may be in all, and how many in a class.
    pub capacity: Capacity,
    /// How many of one address may be in no class.
    pub unjoined_per_address: usize,
}

/// Lets sessions be opened.
pub(super) struct HandshakeGuard {
    handshakes: AddressRate,
    sessions: Arc<TransportSessions>,
    transports: Arc<Transports>,
    told_of_rate: Seldom,
    told_of_crowd: Seldom,
    told_of_old: Seldom,
}

impl HandshakeGuard {
    pub(super) fn new(limits: HandshakeLimits, transports: Arc<Transports>, engine: Router) -> Self {
        let Capacity { over_all, per_address } = limits.capacity;
        let most = Most {
            over_all,
            per_address,
            others_per_address: limits.unjoined_per_address,
        };
        let known = transports.clone();
        let end = move |session| {
            known.cut(session);
            end_session(&engine, session);
        };
        Self {
            handshakes: AddressRate::new(limits.handshakes),
            sessions: Arc::new(TransportSessions::new(most, end)),
            transports,
            told_of_rate: Seldom::new(TOLD_EVERY),
            told_of_crowd: Seldom::new(TOLD_EVERY),
            told_of_old: Seldom::new(TOLD_EVERY),
        }
    }

    fn open_session(&self, address: AddressKey) -> Arc<TransportSession> {
        let (session, is_crowded) = TransportSession::open(&self.sessions, address);
        if is_crowded {
            metrics::limit_reached(LimitName::MaxUnjoinedPerAddress);
            self.told_of_crowd.then(|| warn!(
                %address,
                "there are as many sockets in no class as MAX_UNJOINED_PER_ADDRESS, MAX_CONNECTIONS_PER_ADDRESS or MAX_CONNECTIONS allows: the oldest give way to new ones"
            ));
        }
        session
    }

    fn refuse(&self, address: AddressKey, wait: Duration, headers: &HeaderMap) -> Response {
        metrics::limit_reached(LimitName::HandshakesPerAddress);
        self.told_of_rate.then(|| {
            warn!(
                %address,
                "an address opens more sockets a second than HANDSHAKES_PER_ADDRESS allows: some are refused"
            )
        });
        let language = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let text = Words::of(Language::preferred(language)).say(m::WireTooManyConnections);
        let seconds = wait.as_secs().saturating_add(1).to_string();
        (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, seconds)], text).into_response()
    }

    fn tell_of_old(&self, address: AddressKey, headers: &HeaderMap) {
        let page = headers.get(ORIGIN).map_or(&[][..], |origin| origin.as_bytes());
        let page = String::from_utf8_lossy(&page[..page.len().min(MOST_ORIGIN)]);
        self.told_of_old.then(|| warn!(
            %address,
            ?page,
            "a client speaks the protocol of socket.io-client 2 or python-socketio 4 (EIO=3) and is refused: it has to be socket.io-client 3 or 4, or python-socketio 5"
        ));
    }

    /// Learns which session a polling client has been given.
    async fn learn(&self, response: Response, session: &Arc<TransportSession>) -> Response {
        let (head, body) = response.into_parts();
        let Ok(body) = to_bytes(body, MOST_ANSWER).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        if let Some(id) = session_of(&body) {
            self.transports.opened(id, session);
            session.set_id(id);
        }
        Response::from_parts(head, Body::from(body))
    }
}

/// What waits in the engine for a session is freed, and its client's next request is one of an unknown session. By the
/// engine's own service alone a session can be ended whose client polls.
pub(super) fn end_session(engine: &Router, session: Sid) {
    let close = Request::post(format!("{PATH}/?EIO=4&transport=polling&sid={session}")).body(Body::from("1"));
    let engine = engine.clone();
    // A runtime that stops drops what waits.
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    runtime.spawn(async move {
        if let Ok(close) = close {
            let _ = engine.oneshot(close).await;
        }
    });
}

/// The session that an open packet names.
fn session_of(answer: &[u8]) -> Option<Sid> {
    #[derive(serde::Deserialize)]
    struct Open<'a> {
        sid: &'a str,
    }
    let open: Open<'_> = serde_json::from_slice(answer.strip_prefix(b"0")?).ok()?;
    open.sid.parse().ok()
}

/// Lets a handshake pass, or refuses it. Requests of a session that exists pass as they are.
pub(super) async fn guard(State(guard): State<Arc<HandshakeGuard>>, mut request: Request, next: Next) -> Response {
    let about = TransportRequest::of(request.method(), request.uri().query().unwrap_or_default());
    let Some(about) = about.filter(|about| request.method() == Method::GET && about.opens_session) else {
        return next.run(request).await;
    };
    let client = request.extensions().get::<ClientAddress>();
    let Some(address) = client.map(|client| AddressKey::of(client.0)) else {
        return next.run(request).await;
    };
    if let Err(wait) = guard.handshakes.check(address) {
        return guard.refuse(address, wait, request.headers());
    }
    if about.is_old {
        guard.tell_of_old(address, request.headers());
        // The engine refuses it.
        return next.run(request).await;
    }
    let session = guard.open_session(address);
    if about.is_websocket
        && let Some(connection) = request.extensions().get::<Connection>()
    {
        session.runs_over(connection.clone());
    }
    request.extensions_mut().insert(session.clone());
    let response = next.run(request).await;
    if about.is_poll {
        guard.learn(response, &session).await
    } else {
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_packet_names_its_session() {
        let session = Sid::new();
        let open = format!(r#"0{{"sid":"{session}","upgrades":["websocket"],"pingInterval":25000}}"#);
        assert_eq!(session_of(open.as_bytes()), Some(session));
        for other in ["", "0", "0{}", r#"{"code":"1"}"#, r#"0{"sid":"short"}"#] {
            assert_eq!(session_of(other.as_bytes()), None, "{other}");
        }
    }
}
