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
mod serve;
mod stall;
mod turns;

pub use admission::{Admission, Capacity};
pub use connection::{ClientAddress, Connection};
pub(crate) use frames::Seen;
pub use inbound::InboundLimits;
pub use listen::{BindError, Listeners};
pub use pace::PaceLimits;
pub(crate) use pace::{Pace, TooFast};
pub use serve::{Limits, serve, serve_with};

#[cfg(test)]
mod tests;
