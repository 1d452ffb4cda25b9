//! What reads clients' words, for [`crate::fuzzing`].

use axum::http::Method;

use super::transport::Visit;
use super::wire::{self, Command, Event};
use crate::room::input::Body;

/// Reads a Socket.IO message. What is opaque in it goes on byte for byte.
pub(crate) fn message(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(event) = Event::read(text) else { return };
    let Ok(Command::Relay(relay)) = wire::parse(&event) else {
        return;
    };
    let opaque = match &relay.body {
        Body::Offer { offer: opaque, .. }
        | Body::Answer { answer: opaque, .. }
        | Body::Candidate { candidate: opaque, .. }
        | Body::Work { data: Some(opaque), .. } => opaque,
        Body::Work { data: None, .. } => return,
    };
    assert!(text.contains(opaque.0.get()), "{:?} is not what was sent", opaque.0);
}

/// Reads the body of a polling client's request.
pub(crate) fn records(bytes: &[u8]) {
    super::records::fuzz(bytes);
}

/// Reads the query of a transport's request.
pub(crate) fn query(bytes: &[u8]) {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    for method in [Method::GET, Method::POST] {
        if let Some(visit) = Visit::of(&method, query) {
            assert!(!(visit.is_poll && visit.is_websocket), "{query}");
        }
    }
}

/// Reads an `Accept-Language`.
pub(crate) fn language(bytes: &[u8]) {
    wire::language(std::str::from_utf8(bytes).ok());
}
