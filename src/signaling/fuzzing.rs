//! What reads clients' words, for [`crate::fuzzing`].

use axum::http::Method;

use super::transport_request::TransportRequest;
use super::wire::{self, Command, Event};
use crate::model::language::Language;
use crate::room::input::{Answer, Body, Candidate, Offer, Renegotiation};

/// Reads a Socket.IO message. What is opaque in it goes on byte for byte.
pub(crate) fn message(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(event) = Event::read(text) else { return };
    let Ok(Command::Relay(relay)) = wire::parse(&event) else {
        return;
    };
    let opaque = match &relay.body {
        Body::Offer(Offer { offer: opaque, .. })
        | Body::Answer(Answer { answer: opaque, .. })
        | Body::Candidate(Candidate { candidate: opaque, .. })
        | Body::Renegotiation(Renegotiation { data: Some(opaque), .. }) => opaque,
        Body::Renegotiation(Renegotiation { data: None, .. }) | Body::Hangup { .. } | Body::State(_) => return,
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
        if let Some(about) = TransportRequest::of(&method, query) {
            assert!(!(about.is_poll && about.is_websocket), "{query}");
        }
    }
}

/// Reads an `Accept-Language`.
pub(crate) fn language(bytes: &[u8]) {
    Language::preferred(std::str::from_utf8(bytes).ok());
}
