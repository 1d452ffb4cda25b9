//! The driver of a room: it hands the room its inputs, sends what must be remembered to the journal, lets what the room
//! says follow in order, and wakes the room when something is due.
//!
//! What a room says goes through its driver's queue. A batch that holds something to be remembered waits there for the
//! journal; everything after it waits behind it, so that nobody sees the room's changes out of order. With nothing
//! waiting, a relay goes straight out.
//!
//! A driver knows sockets, the journal and the clock only by the traits of [`host`], so that its tests need none of them.

mod host;
mod mailbox_memory;
mod queue;
mod repair;
mod room_driver;
mod work;

#[cfg(test)]
mod tests;

pub(super) use host::{Host, Sockets, WakeUp};
pub(super) use room_driver::RoomDriver;
pub(super) use work::{Arrival, InputOutcome};
