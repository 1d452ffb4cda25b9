//! One named room, as a state machine: what follows from what.
//!
//! Nothing in here knows a clock, a socket, a lock or a database. Time and fresh ids come in as arguments, outputs are
//! plain data, and the same inputs give the same outputs in the same order. So every rule of the wire contract is a
//! row in a table (`tests/contract.rs`), and random histories are held against a naive model (`tests/model.rs`).
//!
//! The contract with whoever drives a room:
//! * Hand each [`Input`] to [`Room::handle`], with a moment that is not before the last one.
//! * Journal the [records](Outputs::records). Let the [effects](Outputs::effects) follow in order, after those of all
//!   inputs before, and, if one of the records [is told](record::Record::is_told), not before it is written. A
//!   [refusal](Outputs::refused) that is recorded is told.
//! * When an [`Effect::Tell`] has its turn, [`Room::deliver`] decides where it goes *then*: its member may have
//!   dropped, resumed or left since it was said. [`Room::open_mailbox`] likewise.
//! * A socket that cannot take a message is gone: [`Input::Disconnect`], and deliver the message again.
//! * Call with [`Input::Tick`] when [`Room::next_timeout`] has come. Too early or too often does no harm.
//!
//! What holds after every input is written down in `invariants.rs`, and asserted in debug builds. Besides, folding the
//! records gives the same members, links and session.
//!
//! ```
//! use std::net::Ipv4Addr;
//! use std::time::Duration;
//! use chatroom_server::model::address::AddressKey;
//! use chatroom_server::model::id::{ClientKey, RoomName, SocketKey, Username};
//! use chatroom_server::room::input::Join;
//! use chatroom_server::model::time::{Now, Timestamp};
//! use chatroom_server::room::{Delivery, Effect, Ids, Input, Limits, Room};
//! use uuid::Uuid;
//!
//! struct Fresh;
//! impl Ids for Fresh {
//!     fn random(&mut self) -> Uuid { Uuid::new_v4() }
//!     fn ordered(&mut self, _: Timestamp) -> Uuid { Uuid::now_v7() }
//! }
//!
//! let limits = Limits {
//!     capacity: 10,
//!     people: 5_000,
//!     people_per_address: 1_000,
//!     grace: Duration::from_secs(15),
//!     idle_timeout: Duration::from_secs(60),
//! };
//! let mut room = Room::new(RoomName::parse("lesson 1")?, limits);
//! let mut sent = Vec::new();
//! for (socket, name) in [(1, "Ann"), (2, "Bo")] {
//!     let join = Join {
//!         socket: SocketKey(socket),
//!         address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
//!         key: ClientKey::parse(name)?,
//!         username: Username::parse(name)?,
//!         token: None,
//!         held: Vec::new(),
//!     };
//!     let outputs = room.handle(Input::Join(join), Now::default(), &mut Fresh);
//!     for effect in outputs.effects {
//!         if let Effect::Tell { to, socket, message } = effect
//!             && let Delivery::Emit(socket, message) = room.deliver(to, socket, message, Now::default())
//!         {
//!             sent.push((socket, message));
//!         }
//!     }
//! }
//! // Ann was asked to make Bo an offer.
//! assert_eq!(sent[0].0, SocketKey(1));
//! # Ok::<(), chatroom_server::model::id::InvalidText>(())
//! ```

mod act;
mod calendar;
mod delivery;
pub mod input;
#[cfg(debug_assertions)]
mod invariants;
mod join;
mod link;
mod links;
mod live;
mod mailbox;
mod member;
mod newcomers;
pub mod output;
mod past;
pub mod record;
pub mod refusal;
mod relay;
mod report;
mod restrictions;
mod resume;
#[allow(clippy::module_inception)]
mod room;

#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;

pub use delivery::Delivery;
pub use input::Input;
pub use output::{Effect, Outputs};
pub use room::{Ids, Limits, MembershipStatus, Room};
