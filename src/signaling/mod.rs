//! The Socket.IO edge: what clients send becomes inputs of a room, what the room says goes out.
//!
//! A message's way: [`handlers`] -> [`wire`] (what does it say) -> [`hub`] (which room) -> [`cell`] (in what order) ->
//! [`crate::room`] (what follows) -> [`cell`] again (what waits for the disk) -> [`wire`] -> the socket.

mod allowance;
mod cell;
mod client;
pub mod clock;
mod early;
mod entrance;
pub(crate) mod fuzzing;
mod handlers;
mod handshake;
pub mod hub;
mod opening;
mod records;
mod seat;
mod transport;
mod unlisted;
mod waiting;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_request};
use entrance::Entrance;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use socketioxide::{ParserConfig, SocketIo};

pub use allowance::Rates;
pub use clock::Clock;
pub use entrance::EntranceLimits;
pub use hub::Hub;

use crate::net::PaceLimits;

/// The largest message, in bytes, on either transport: Node's default, so that clients meet the same limit.
pub const MAX_MESSAGE: usize = 1_000_000;

/// How many messages may wait for a socket to read them. A burst for a polling client waits for its next poll; one
/// that falls further behind has stopped reading.
const MAX_WAITING: usize = 4_096;

/// How many bytes a WebSocket has room to read into as long as it is open. `net` fetches what comes in larger pieces;
/// less than this, and the library reads each message in more of them.
const READ_BUFFER: usize = 128;

/// How long a transport may stay without a Socket.IO connect: sessions are made before anyone has shown anything.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The path of the Socket.IO endpoint; clients append a slash.
const PATH: &str = "/socket.io";

/// How the server finds out that a client is gone although its connection is not.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat {
    /// How often a client is asked for a sign of life.
    pub interval: Duration,
    /// How long it may take to give one.
    pub timeout: Duration,
}

/// The Socket.IO endpoint, and the handle that closes all transports at the end. `pace` is how fast a polling session
/// may send.
pub fn router(hub: &Arc<Hub>, heartbeat: Heartbeat, limits: EntranceLimits, pace: PaceLimits) -> (Router, SocketIo) {
    let parser = ParserConfig::common()
        .max_incoming_binary_buf_size(MAX_MESSAGE)
        .max_incoming_binaries(16)
        .packet_completion_timeout(CONNECT_TIMEOUT);
    let (service, io) = SocketIo::builder()
        .req_path(PATH)
        .connect_timeout(CONNECT_TIMEOUT)
        .ping_interval(heartbeat.interval)
        .ping_timeout(heartbeat.timeout)
        .max_payload(MAX_MESSAGE as u64)
        .ws_max_message_size(MAX_MESSAGE)
        .ws_max_frame_size(MAX_MESSAGE)
        .max_buffer_size(MAX_WAITING)
        .ws_read_buffer_size(READ_BUFFER)
        .with_parser(parser)
        .build_svc();
    let transports = hub.transports().clone();
    let (registering, opening) = (hub.clone(), hub.clone());
    let register = move |socket: SocketRef| std::future::ready(handlers::connect(&registering, &socket));
    let opened = move |socket: SocketRef| {
        opening.openings.opened(&socket);
        std::future::ready(())
    };
    io.ns("/", opened.with(register));
    let engine = Router::new()
        .route_service(PATH, service.clone())
        .route_service(&format!("{PATH}/"), service);
    let entrance = Entrance::new(limits, transports.clone(), engine.clone());
    let router = engine
        .layer(map_request(handshake::keep_what_is_read))
        .layer(from_fn_with_state((transports, pace), transport::follow))
        .layer(from_fn_with_state(Arc::new(entrance), entrance::guard));
    (router, io)
}
