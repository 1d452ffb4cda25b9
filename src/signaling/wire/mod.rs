//! The words on the wire: what clients send becomes commands, what the room says becomes events.
//!
//! Opaque payloads are cut out as raw JSON and never parsed, so they pass byte for byte.

mod incoming;
mod outgoing;

pub(super) use incoming::{Command, Event, language, parse};
pub(super) use outgoing::{Acknowledgement, Outgoing};
