//! From the library's callbacks to the hub: connect, message, disconnect.
//!
//! Handlers do all their work at once, on the task that reads the socket: socketioxide spawns a task for each
//! handler's future, and awaiting ones would overtake each other.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::AckSender;
use socketioxide::handler::{DisconnectHandler, FromConnectParts, FromMessageParts, MessageHandler, Value};
use socketioxide::socket::{DisconnectReason, Socket};

use super::client::{Callback, Client, ClientSender, SocketHandle};
use super::driver::{Host, Sockets};
use super::hub::Hub;
use super::message::{ConnectedClient, MessageContext};
use super::remote_socket::AckHandle;
use super::route;
use super::send_gate::SendGate;
use super::wire::token_of_auth;
use crate::join_token::Shown;
use crate::model::address::AddressKey;
use crate::model::language::Language;
use crate::model::vocabulary::DropReason;
use crate::net::ClientAddress;
use crate::room::Input;

/// Marks our handlers for the library's traits.
pub(super) struct Ours;

/// One socket's handler, for all its events.
#[derive(Clone)]
pub(super) struct Handler {
    hub: Arc<Hub>,
    connected: Arc<ConnectedClient>,
}

/// What a client shows when it connects, in the `auth` of its options.
pub(super) struct HandshakeToken(Shown);

impl FromConnectParts<LocalAdapter> for HandshakeToken {
    type Error = Infallible;

    fn from_connect_parts(_: &Arc<Socket>, auth: &Option<Value>) -> Result<Self, Infallible> {
        Ok(Self(match auth {
            Some(Value::Str(text, _)) => token_of_auth(text.as_str()),
            Some(Value::Bytes(_)) | None => Shown::Nothing,
        }))
    }
}

/// Makes a new socket known. Runs before the client is told that it is connected, so no early message is lost.
pub(super) fn connect(
    hub: &Arc<Hub>,
    socket: &Socket,
    HandshakeToken(shown): &HandshakeToken,
) -> Result<(), Infallible> {
    let accept_language = socket
        .req_parts()
        .headers
        .get("accept-language")
        .and_then(|value| value.to_str().ok());
    let address = address(socket);
    let transport = hub.transports().connected(socket.id, socket.req_parts());
    transport.counts_for(hub.memory(), address);
    let client = Client {
        key: hub.next_socket(),
        address,
        language: Language::preferred(accept_language),
        transport,
        gate: SendGate::default(),
        has_short_id: AtomicBool::new(false),
        refusals: Mutex::default(),
        gone: AtomicBool::new(false),
    };
    let connected = ConnectedClient {
        client: Arc::new(client),
        pass: hub.entry_rules.read(shown),
        shown: hub.directory().map(|_| Box::new(shown.clone())),
        state: Mutex::default(),
    };
    hub.connecting.expect(socket.id, &connected.client);
    let handler = Handler {
        hub: hub.clone(),
        connected: Arc::new(connected),
    };
    socket.on_disconnect(handler.clone());
    socket.on_fallback(handler);
    Ok(())
}

/// Whose socket it is. Every request says so; a router without our listener in front of it serves one nameless client.
fn address(socket: &Socket) -> AddressKey {
    let nobody = ClientAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let ClientAddress(address) = socket.req_parts().extensions.get().copied().unwrap_or(nobody);
    AddressKey::of(address)
}

impl MessageHandler<LocalAdapter, Ours> for Handler {
    fn call(&self, socket: Arc<Socket>, mut value: Value, ack_id: Option<i64>) {
        let Self { hub, connected } = self;
        let client = &connected.client;
        let callback = ack_id.map(|_| {
            let Ok(sender) = AckSender::from_message_parts(&socket, &mut value, &ack_id);
            let (sender, client) = (AckHandle::Here(sender), client.clone());
            Callback { sender, client }
        });
        let state = &mut connected.state.lock();
        if client.gone.load(Ordering::Relaxed) {
            return;
        }
        let client = client.clone();
        let socket = SocketHandle::Here(socket);
        let sender = ClientSender { socket, client };
        let (text, binary) = match &value {
            Value::Str(text, attachments) => (text.as_str(), attachments.is_some()),
            Value::Bytes(_) => ("", true),
        };
        let message = MessageContext {
            hub,
            connected,
            sender,
            state,
        };
        match hub.directory() {
            None => drop(message.handle(text, binary, callback)),
            Some(directory) => route::route(directory, message, text, binary, callback),
        }
    }
}

impl DisconnectHandler<LocalAdapter, Ours> for Handler {
    fn call_with_defer(&self, socket: Arc<Socket>, reason: DisconnectReason, defer: fn(Arc<Socket>)) {
        let Self { hub, connected } = self;
        let client = &connected.client;
        client.gone.store(true, Ordering::Relaxed);
        let mut state = connected.state.lock();
        state.early.take();
        let why = || client.transport.drop_reason().unwrap_or_else(|| drop_reason(reason));
        if let Some(room) = state.room.take().filter(|_| !hub.is_stopping()) {
            let (socket, why) = (client.key, why());
            room.input(hub, client, Input::Disconnect { socket, why }, None);
        }
        state.route.take();
        for leg in std::mem::take(&mut state.legs) {
            let is_stopping = hub.is_stopping();
            leg.end(if is_stopping { DropReason::Server } else { why() });
        }
        hub.sockets().forget(client.key);
        // Its transport may stay, and would keep a place that gives way to nobody. One that ends gives its place back.
        if matches!(
            reason,
            DisconnectReason::ClientNSDisconnect | DisconnectReason::ServerNSDisconnect
        ) {
            client.transport.set_member(false);
        }
        drop(state);
        defer(socket);
    }
}

/// How a socket went, as far as the engine knows.
fn drop_reason(reason: DisconnectReason) -> DropReason {
    match reason {
        DisconnectReason::TransportClose | DisconnectReason::ClientNSDisconnect => DropReason::Closed,
        DisconnectReason::TransportError => DropReason::Reset,
        DisconnectReason::HeartbeatTimeout => DropReason::Silent,
        // What is no packet, and two polls at once, are ended by the engine.
        DisconnectReason::ServerNSDisconnect
        | DisconnectReason::ClosingServer
        | DisconnectReason::PacketParsingError
        | DisconnectReason::MultipleHttpPollingError => DropReason::Server,
    }
}
