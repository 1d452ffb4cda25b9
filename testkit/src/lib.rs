//! A Socket.IO client for tests and benches: raw enough to break every rule, and cheaper than any server it measures.
//!
//! [`WebSocket`] is one connection that speaks whole text frames and copies nothing; [`packet`] is what Socket.IO says
//! over it. [`Socket`] is a test's client on top of it: it keeps events until they are looked at, and panics where a test
//! has failed. [`PollingSocket`] is the same over long polling. [`Postgres`] is a throwaway database server.

// Helpers of tests may panic; clippy's allow-unwrap-in-tests does not reach them here.
#![allow(clippy::unwrap_used)]

pub mod frame;
pub mod packet;
mod polling;
mod postgres;
mod socket;
mod websocket;

pub use polling::PollingSocket;
pub use postgres::{Postgres, postgres_url};
pub use socket::{ANSWER_TIMEOUT, Socket};
pub use websocket::{Inbox, Outbox, SOCKET_IO, WebSocket, upgrade_request, write_in_pieces};
