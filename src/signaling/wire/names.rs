//! The names of events on the wire.

use crate::room::refusal::Request;

pub(super) const JOIN: &str = "join";
/// From a client: it comes back. To a client: a step of negotiating again, or that it is to start over.
pub(super) const RECONNECT: &str = "reconnect";
pub(super) const LEAVE: &str = "leave";
pub(super) const OFFER: &str = "offer";
pub(super) const ANSWER: &str = "answer";
pub(super) const CANDIDATE: &str = "icecandidate";
pub(super) const RENEGOTIATION: &str = "reconnectWork";
pub(super) const HANGUP: &str = "hangup";
pub(super) const CONNECTION_STATE: &str = "connectionState";
pub(super) const GET_OFFER: &str = "getOffer";
pub(super) const ERROR: &str = "error";

/// Those by which clients ask for something.
const OF_CLIENTS: [&str; 9] = [
    JOIN,
    RECONNECT,
    LEAVE,
    OFFER,
    ANSWER,
    CANDIDATE,
    RENEGOTIATION,
    HANGUP,
    CONNECTION_STATE,
];

/// Those by which clients are told something.
const OF_SERVERS: [&str; 7] = [OFFER, ANSWER, CANDIDATE, GET_OFFER, RECONNECT, LEAVE, ERROR];

/// What a server says by this event, unless none does.
pub(super) fn of_server(event: &str) -> Option<&'static str> {
    OF_SERVERS.into_iter().find(|known| *known == event)
}

/// A client's event, unless the client has made it up.
pub(super) fn known(event: &str) -> Option<&'static str> {
    OF_CLIENTS.into_iter().find(|known| *known == event)
}

/// The event by which a client asks for something.
pub(in crate::signaling) fn of_request(request: Request) -> &'static str {
    match request {
        Request::Join => JOIN,
        Request::Resume => RECONNECT,
        Request::Leave => LEAVE,
        Request::Offer => OFFER,
        Request::Answer => ANSWER,
        Request::Candidate => CANDIDATE,
        Request::Renegotiation => RENEGOTIATION,
        Request::Hangup => HANGUP,
        Request::State => CONNECTION_STATE,
    }
}
