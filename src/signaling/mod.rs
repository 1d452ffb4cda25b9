//! The Socket.IO edge: what clients send becomes inputs of a room, what the room says goes out.
//!
//! A message's way: [`handlers`] -> [`wire`] (what does it say) -> [`hub`] (which room) -> [`driver`] (in what order) ->
//! [`crate::room`] (what follows) -> [`driver`] again (what waits for the disk) -> [`sockets`] -> [`wire`] -> the socket.

mod allowance;
mod client;
mod client_limit;
pub mod clock;
mod connecting;
mod driver;
mod early;
mod engine_error;
mod follow;
pub(crate) mod fuzzing;
mod handlers;
mod handshake;
mod handshake_guard;
pub mod hub;
mod leg;
mod message;
mod records;
mod refusal_budget;
mod refusal_counts;
pub mod remote;
mod remote_client;
mod remote_socket;
mod replayed;
mod room_log;
mod route;
mod router;
mod send_gate;
mod sender_shares;
mod sockets;
mod transport;
mod transport_request;
mod transport_session;
mod undelivered;
mod upgrade;
mod websocket_request;
mod wire;

pub use allowance::Rates;
pub use clock::{Clock, wall_clock};
pub use handshake_guard::HandshakeLimits;
pub use hub::{Hub, RestoredRooms};
pub use remote_client::{Forged, RemoteClient};
pub use router::{Heartbeat, MAX_MESSAGE, router};
