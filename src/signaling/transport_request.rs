//! What a request to the Engine.IO endpoint is about.

use axum::http::Method;
use socketioxide::socket::Sid;

/// What a request to the engine is about.
pub(super) struct TransportRequest {
    pub(super) session: Option<Sid>,
    /// It names no session.
    pub(super) opens_session: bool,
    pub(super) is_websocket: bool,
    /// It asks for a WebSocket as it should, and not by another version of the protocol.
    pub(super) is_upgrade: bool,
    pub(super) is_poll: bool,
    pub(super) is_post: bool,
    /// It speaks the protocol of before 2020, as clients of that time do.
    pub(super) is_old: bool,
}

impl TransportRequest {
    /// Reads the query as the engine does.
    pub(super) fn of(method: &Method, query: &str) -> Option<Self> {
        let value = |name| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let transport = value("transport")?;
        Some(Self {
            session: value("sid").and_then(|id| id.parse().ok()),
            opens_session: value("sid").is_none(),
            is_websocket: transport == "websocket",
            is_upgrade: transport == "websocket" && method == Method::GET && value("EIO") == Some("4"),
            is_poll: transport == "polling" && method == Method::GET,
            is_post: transport == "polling" && method == Method::POST,
            is_old: value("EIO") == Some("3"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_as_the_engine_reads_them() {
        let id = Sid::new();
        let query = format!("EIO=4&transport=websocket&sid={id}");
        let about = TransportRequest::of(&Method::GET, &query).unwrap();
        assert!(about.is_websocket && !about.is_poll && about.session == Some(id));
        assert!(
            TransportRequest::of(&Method::GET, "EIO=4&transport=polling")
                .unwrap()
                .is_poll
        );
        assert!(
            !TransportRequest::of(&Method::POST, "EIO=4&transport=polling")
                .unwrap()
                .is_poll
        );
        assert!(TransportRequest::of(&Method::GET, "EIO=4").is_none());
    }
}
