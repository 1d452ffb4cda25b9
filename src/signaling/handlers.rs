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
use socketioxide::handler::{DisconnectHandler, FromMessageParts, MessageHandler, Value};
use socketioxide::socket::{DisconnectReason, Socket};

use tracing::warn;

use super::allowance::Entry;
use super::cell::Outcome;
use super::client::{Callback, Client, ClientState, Line};
use super::early::{EarlyRelays, Stranger};
use super::hub::Hub;
use super::opening::Opening;
use super::wire::{self, Command, Event};
use crate::model::address::AddressKey;
use crate::model::id::{ClientKey, RoomName};
use crate::model::vocabulary::DropReason;
use crate::net::ClientAddress;
use crate::room::Input;
use crate::room::input::{Join, Relay, Resume};
use crate::room::output::{Message, Reply};
use crate::room::record::{Change, Record};
use crate::room::refusal::{Limit, Reason, Refusal};

/// Marks our handlers for the library's traits.
pub(super) struct Ours;

/// One socket's handler, for all its events.
#[derive(Clone)]
pub(super) struct Handler {
    hub: Arc<Hub>,
    client: Arc<Client>,
}

/// Makes a new socket known. Runs before the client is told that it is connected, so no early message is lost.
pub(super) fn connect(hub: &Arc<Hub>, socket: &Socket) -> Result<(), Infallible> {
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
        language: wire::language(accept_language),
        transport,
        opening: Opening::default(),
        has_short_id: AtomicBool::new(false),
        refusals: Mutex::default(),
        gone: AtomicBool::new(false),
        state: Mutex::new(ClientState::default()),
    };
    let handler = Handler {
        hub: hub.clone(),
        client: Arc::new(client),
    };
    hub.openings.expect(socket.id, &handler.client);
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
        let callback = ack_id.map(|_| {
            let Ok(sender) = AckSender::from_message_parts(&socket, &mut value, &ack_id);
            Callback {
                sender,
                client: self.client.clone(),
            }
        });
        let mut state = self.client.state.lock();
        if self.client.gone.load(Ordering::Relaxed) {
            return;
        }
        let line = Line {
            socket,
            client: self.client.clone(),
        };
        let (text, binary) = match &value {
            Value::Str(text, attachments) => (text.as_str(), attachments.is_some()),
            Value::Bytes(_) => ("", true),
        };
        let hub = &self.hub;
        let state = &mut state;
        Turn { hub, line, state }.message(text, binary, callback);
    }
}

impl DisconnectHandler<LocalAdapter, Ours> for Handler {
    fn call_with_defer(&self, socket: Arc<Socket>, reason: DisconnectReason, defer: fn(Arc<Socket>)) {
        self.client.gone.store(true, Ordering::Relaxed);
        let mut state = self.client.state.lock();
        state.early.take();
        self.hub.unregister(self.client.key);
        if let Some(room) = state.room.take().filter(|_| !self.hub.is_stopping()) {
            let input = Input::Disconnect {
                socket: self.client.key,
                why: self
                    .client
                    .transport
                    .drop_reason()
                    .unwrap_or_else(|| drop_reason(reason)),
            };
            self.hub.input(&room, &self.client, input, None);
        }
        // Its transport may stay, and would keep a place that gives way to nobody. One that ends gives its place back.
        if matches!(
            reason,
            DisconnectReason::ClientNSDisconnect | DisconnectReason::ServerNSDisconnect
        ) {
            self.client.transport.set_member(false);
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

/// What a socket is told that has not joined, and sends more than it may before.
const TOO_LARGE: Reason = Reason::TooLargeBeforeJoin {
    kib: EarlyRelays::MESSAGE_BYTES >> 10,
};

/// The handling of one message, with the client's state locked.
struct Turn<'a> {
    hub: &'a Arc<Hub>,
    line: Line,
    state: &'a mut ClientState,
}

/// What somebody asks for that comes in.
struct Asked<'a> {
    event: &'a str,
    key: ClientKey,
    has_short_id: bool,
    room: RoomName,
    is_resume: bool,
}

impl Turn<'_> {
    fn message(mut self, text: &str, binary: bool, callback: Option<Callback>) {
        let now = self.hub.clock().now().tick;
        let event = Event::read(text);
        let name = event.as_ref().map_or("", |event| event.name);
        if self.state.refusals.exhausted(now) {
            return self.brush_off(Refusal::new(name, Reason::TooManyErrors), callback);
        }
        let command = match &event {
            _ if self.state.room.is_none() && text.len() > EarlyRelays::MESSAGE_BYTES => Err(TOO_LARGE),
            None => Err(Reason::NotJson),
            Some(_) if binary => Err(Reason::Binary),
            Some(event) => wire::parse(event),
        };
        let leaves = matches!(command, Ok(Command::Leave { .. }));
        let outcome = match command {
            Ok(command) => self.command(name, command, callback),
            Err(reason) => self.refuse(Refusal::new(name, reason), callback),
        };
        if leaves || outcome == Outcome::Seated {
            self.line.client.transport.set_member(!leaves);
        }
        if outcome == Outcome::Refused {
            self.state.refusals.count();
        }
    }

    fn command(&mut self, event: &str, command: Command, callback: Option<Callback>) -> Outcome {
        let (socket, address) = (self.line.client.key, self.line.client.address);
        match command {
            Command::Relay(relay) => self.relay(relay, callback),
            Command::Leave { entries } => match self.state.room.clone() {
                Some(room) => self
                    .hub
                    .input(&room, &self.line.client, Input::Leave { socket, entries }, callback),
                None => self.refuse(Refusal::new(event, Reason::NotJoined), callback),
            },
            Command::Join { .. } | Command::Resume { .. } if self.hub.is_stopping() => {
                self.refuse(Refusal::new(event, Reason::ShuttingDown), callback)
            }
            Command::Join {
                key,
                has_short_id,
                username,
                room,
            } => self.enter(
                Asked {
                    event,
                    key,
                    has_short_id,
                    room,
                    is_resume: false,
                },
                |held| {
                    Input::Join(Join {
                        socket,
                        address,
                        key,
                        username,
                        held,
                    })
                },
                callback,
            ),
            Command::Resume {
                key,
                has_short_id,
                username,
                room,
            } => self.enter(
                Asked {
                    event,
                    key,
                    has_short_id,
                    room,
                    is_resume: true,
                },
                |held| {
                    Input::Resume(Resume {
                        socket,
                        address,
                        key,
                        username,
                        held,
                    })
                },
                callback,
            ),
        }
    }

    /// Joins or resumes, and then leaves another room: a refused join changes nothing. What was held before is handled
    /// with it, or goes on waiting.
    fn enter(
        &mut self,
        asked: Asked<'_>,
        input: impl FnOnce(Vec<Relay>) -> Input,
        callback: Option<Callback>,
    ) -> Outcome {
        self.note_id(asked.has_short_id);
        if let Err(limit) = self.may_enter(&asked) {
            return self.refuse(Refusal::new(asked.event, Reason::TooMuch(limit)), callback);
        }
        let name = asked.room;
        self.hub.register(self.line.clone());
        let held = self.state.early.relays();
        let (room, outcome) = self.hub.enter(&name, &self.line.client, input(held), callback);
        if outcome == Outcome::Seated {
            let socket = self.line.client.key;
            if let Some(other) = self.state.room.replace(room).filter(|other| other.name != name) {
                self.hub.input(&other, &self.line.client, Input::Move { socket }, None);
            }
            self.state.early.take();
        }
        outcome
    }

    /// An `id` that may be guessed is taken, and its author warned. So is the operator: a page that is deployed so lets
    /// anybody take anybody's place.
    fn note_id(&self, is_short: bool) {
        self.line.client.has_short_id.store(is_short, Ordering::Relaxed);
        if is_short {
            self.hub.short_id_is_told.then(|| {
                warn!(
                    "a page sends an id of fewer than 16 characters, which may be guessed: it should be a random UUID"
                )
            });
        }
    }

    fn may_enter(&mut self, asked: &Asked<'_>) -> Result<(), Limit> {
        let client = &self.line.client;
        let entry = Entry {
            client,
            room: &asked.room,
            key: &asked.key,
            standing: self.hub.entry_standing(&asked.room, &asked.key, client.key),
            is_resume: asked.is_resume,
        };
        let now = self.hub.clock().now().tick;
        self.hub.allowances.enter(&entry, &mut self.state.joins, now)
    }

    fn relay(&mut self, relay: Relay, callback: Option<Callback>) -> Outcome {
        let now = self.hub.clock().now().tick;
        if let Some(room) = self.state.room.clone() {
            let quota = self.hub.allowances.pair_quota();
            if relay.to.is_none_or(|to| self.state.pairs.take(to, quota, now)) {
                return self.hub.relay(&room, &self.line.client, relay, callback);
            }
            self.hub.allowances.tell(Limit::RelaysOfPair, self.line.client.address);
            let reason = Reason::TooMuch(Limit::RelaysOfPair);
            return self.refuse(Refusal::new(relay.body.event(), reason), callback);
        }
        let client = &self.line.client;
        let memory = || {
            let stranger = Stranger(client.transport.clone());
            self.hub.memory().held(client.address, Some(Arc::new(stranger)))
        };
        match self.state.early.hold(relay, now, memory) {
            Ok(first) => {
                if let Some(deadline) = first {
                    self.expire_at(self.hub.clock().instant(deadline));
                }
                // Held is accepted: what comes of it is not known before the join.
                if let Some(callback) = callback {
                    callback.answer(&Reply::Done);
                }
                Outcome::Other
            }
            Err(relay) => self.refuse(Refusal::new(relay.body.event(), Reason::NotJoined), callback),
        }
    }

    /// Refuses what is still held when its time is up.
    fn expire_at(&self, deadline: std::time::Instant) {
        let (hub, line) = (self.hub.clone(), self.line.clone());
        tokio::spawn(async move {
            tokio::time::sleep_until(deadline.into()).await;
            let client = line.client.clone();
            let mut state = client.state.lock();
            let expired = state.early.expire(hub.clock().now().tick);
            let mut turn = Turn {
                hub: &hub,
                line,
                state: &mut state,
            };
            for relay in expired {
                turn.refuse(Refusal::new(relay.body.event(), Reason::HeldTooLong), None);
            }
        });
    }

    /// Refuses a message, on the record: in the room, if the socket has one.
    fn refuse(&mut self, refusal: Refusal, callback: Option<Callback>) -> Outcome {
        if let Some(room) = self.state.room.clone() {
            return self.hub.input(
                &room,
                &self.line.client,
                Input::Refuse {
                    socket: self.line.client.key,
                    refusal,
                },
                callback,
            );
        }
        let at = self.hub.clock().now().at;
        let record = Record {
            at,
            session: None,
            change: Change::error(None, &refusal),
        };
        self.hub
            .complain(self.line.clone(), record, Message::Error(refusal), callback);
        Outcome::Refused
    }

    /// Refuses a message off the record: this socket has had its share of it.
    fn brush_off(&self, refusal: Refusal, callback: Option<Callback>) {
        self.hub.count_refusal(self.state.room.as_ref(), self.line.client.key);
        let reply = Reply::Refused(refusal.clone());
        self.line.emit(&Message::Error(refusal)).ok();
        if let Some(callback) = callback {
            callback.answer(&reply);
        }
    }
}
