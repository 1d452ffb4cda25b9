//! The way in from the network: sockets that listen, a loop that accepts, and bounds on what a peer can hold up.

pub(crate) mod admission;
mod ahead;
mod connection;
pub mod descriptors;
pub mod forwarded;
mod frames;
pub(crate) mod fuzzing;
mod inbound;
mod listen;
mod pace;
mod query;
mod reads;
mod secure;
mod serve;
mod stall;
mod turns;
mod wait;

pub use admission::{Admission, Capacity};
pub use connection::Connection;
pub use forwarded::ClientAddress;
pub(crate) use frames::Seen;
pub use inbound::InboundLimits;
pub use listen::{BindError, Listeners};
pub use pace::PaceLimits;
pub(crate) use pace::{InboundPace, TooFast};
pub use secure::OverTls;
pub use serve::{ConnectionTimeouts, serve, serve_with};
pub(crate) use wait::Wait;

#[cfg(test)]
mod tests;
