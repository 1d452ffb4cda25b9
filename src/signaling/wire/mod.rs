//! The words on the wire: what clients send becomes commands, what the room says becomes events.
//!
//! Opaque payloads are cut out as raw JSON and never parsed, so they pass byte for byte.

mod incoming;
mod language;
mod outgoing;

pub(super) use incoming::{Command, Event, parse};
pub(super) use language::language;
pub(super) use outgoing::{Acknowledgement, Outgoing};
