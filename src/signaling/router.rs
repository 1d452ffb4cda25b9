//! The Socket.IO endpoint, and the layers around it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_request, map_response};
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use socketioxide::{ParserConfig, SocketIo};

use super::follow::Follower;
use super::handshake_guard::{HandshakeGuard, HandshakeLimits, PATH, guard};
use super::hub::Hub;
use super::sender_shares::MAX_WAITING;
use super::{engine_error, follow, handlers, handshake, websocket_request};
use crate::net::PaceLimits;

/// The largest message, in bytes, on either transport: Node's default, so that clients meet the same limit.
pub const MAX_MESSAGE: usize = 1_000_000;

/// How many bytes a WebSocket has room to read into as long as it is open. `net` fetches what comes in larger pieces;
/// less than this, and the library reads each message in more of them.
const READ_BUFFER: usize = 128;

/// How long a transport may stay without a Socket.IO connect: sessions are made before anyone has shown anything.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
pub fn router(hub: &Arc<Hub>, heartbeat: Heartbeat, limits: HandshakeLimits, pace: PaceLimits) -> (Router, SocketIo) {
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
    let (registering, connecting) = (hub.clone(), hub.clone());
    let register = move |socket: SocketRef, token: handlers::HandshakeToken| {
        std::future::ready(handlers::connect(&registering, &socket, &token))
    };
    let connected = move |socket: SocketRef| {
        connecting.connecting.connected(&socket);
        std::future::ready(())
    };
    io.ns("/", connected.with(register));
    let engine = Router::new()
        .route_service(PATH, service.clone())
        .route_service(&format!("{PATH}/"), service);
    let handshakes = HandshakeGuard::new(limits, transports.clone(), engine.clone());
    let engine = engine.layer(map_request(handshake::keep_what_is_read));
    let follower = Follower {
        transports,
        pace,
        engine: engine.clone(),
    };
    let router = engine
        .layer(from_fn_with_state(Arc::new(follower), follow::follow))
        .layer(from_fn_with_state(Arc::new(handshakes), guard))
        .layer(map_response(engine_error::with_number))
        .layer(from_fn(websocket_request::only_real_ones));
    (router, io)
}
