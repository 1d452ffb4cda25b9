//! The words on the wire: what clients send becomes commands, what the room says becomes events.
//!
//! Opaque payloads are cut out as raw JSON and never parsed, so they pass byte for byte.

mod incoming;
mod names;
mod outgoing;
mod refusal;
mod sentences;

pub(super) use incoming::{Command, Event, asked, asked_room, is_leave, parse, token_of_auth};
pub(super) use names::of_request;
pub(super) use outgoing::{Acknowledgement, CallbackReply, FinishedEvent, Outgoing, OutgoingEvent};
pub(super) use refusal::{AskedEntry, WireReason, WireRefusal};
