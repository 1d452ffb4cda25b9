//! A client of another node in a room of this one: the same code does what its messages ask for as for one of our own.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::client::{Callback, Client, ClientSender, SocketHandle};
use super::driver::{Host, InputOutcome, Sockets};
use super::hub::Hub;
use super::message::{ConnectedClient, MessageContext};
use super::remote::{ClientNumber, EdgeLink, EntryResult, HandshakeShown, Place, ToOwner};
use super::remote_socket::RemoteSocket;
use super::send_gate::SendGate;
use super::wire;
use crate::join_token::Shown;
use crate::model::address::AddressKey;
use crate::model::id::{RoomName, SocketKey};
use crate::model::language::Language;
use crate::model::vocabulary::DropReason;
use crate::room::Input;

/// A client of another node.
pub struct RemoteClient {
    hub: Arc<Hub>,
    connected: Arc<ConnectedClient>,
    socket: Arc<RemoteSocket>,
}

/// What an edge says that no edge of ours would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other node says what it may not")]
pub struct Forged;

impl RemoteClient {
    /// Makes one known that [`ToOwner::Open`] tells of.
    ///
    /// # Errors
    /// If it is something else.
    pub fn open(
        hub: &Arc<Hub>,
        link: Arc<dyn EdgeLink>,
        number: ClientNumber,
        message: ToOwner,
    ) -> Result<Self, Forged> {
        let ToOwner::Open {
            address,
            language,
            shown,
        } = message
        else {
            return Err(Forged);
        };
        let language = Language::of_tag(&language).ok_or(Forged)?;
        Ok(Self::new(
            hub,
            RemoteSocket::new(link, number),
            address,
            language,
            &shown,
        ))
    }

    fn new(hub: &Arc<Hub>, socket: RemoteSocket, address: IpAddr, language: Language, shown: &HandshakeShown) -> Self {
        let shown = match shown {
            HandshakeShown::Nothing => Shown::Nothing,
            HandshakeShown::NotAString => Shown::NotAString,
            HandshakeShown::Token(token) => Shown::text(token),
        };
        let gate = SendGate::default();
        gate.open(|_| {});
        let client = Client {
            key: hub.next_socket(),
            address: AddressKey::of(address),
            language,
            transport: Arc::default(),
            gate,
            has_short_id: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            refusals: Mutex::default(),
        };
        let connected = ConnectedClient {
            client: Arc::new(client),
            pass: hub.entry_rules.read(&shown),
            shown: None,
            state: Mutex::default(),
        };
        Self {
            hub: hub.clone(),
            connected: Arc::new(connected),
            socket: Arc::new(socket),
        }
    }

    /// Does what its edge says of it. False if that was its end.
    ///
    /// # Errors
    /// If no edge says that.
    pub fn take(&self, message: ToOwner) -> Result<bool, Forged> {
        match message {
            ToOwner::Open { .. } => return Err(Forged),
            ToOwner::Say {
                text,
                is_binary,
                callback,
                is_entry,
            } => self.say(&text, is_binary, callback, is_entry),
            ToOwner::Delivered(events) => self.socket.confirm(events),
            ToOwner::Moved => {
                self.socket.forget_unconfirmed();
                self.leave_room(|socket| Input::Move { socket });
            }
            ToOwner::End { why, delivered } => {
                let why = DropReason::parse(&why).ok_or(Forged)?;
                self.socket.confirm(delivered);
                self.end(why);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Its link has ended, and with it the client's socket at the edge, as nobody could speak to it any more.
    pub fn link_ended(&self) {
        self.socket.forget_unconfirmed();
        self.end(DropReason::Server);
    }

    fn end(&self, why: DropReason) {
        let client = &self.connected.client;
        client.gone.store(true, Ordering::Relaxed);
        self.leave_room(|socket| Input::Disconnect { socket, why });
        self.hub.sockets().forget(client.key);
    }

    fn say(&self, text: &str, is_binary: bool, callback: Option<u32>, is_entry: bool) {
        let (hub, connected) = (&self.hub, &self.connected);
        let asked = wire::asked_room(text).filter(|_| is_entry && !is_binary);
        let place = asked.as_ref().and_then(|room| hub.directory()?.known(room));
        // Held until the message is done with: the room stays ours.
        let claim = match (is_entry, place) {
            (false, _) => None,
            (true, Some(Place::Here(claim))) => Some(claim),
            (true, _) => {
                self.socket.tell_entry(EntryResult::Misplaced);
                return self.look_again(asked);
            }
        };
        let client = &connected.client;
        let callback = callback.map(|number| Callback {
            sender: self.socket.callback(number),
            client: client.clone(),
        });
        let mut state = connected.state.lock();
        if client.gone.load(Ordering::Relaxed) {
            return;
        }
        if wire::is_leave(text) {
            self.socket.forget_unconfirmed();
        }
        let context = MessageContext {
            hub,
            connected,
            sender: ClientSender {
                socket: SocketHandle::Elsewhere(self.socket.clone()),
                client: client.clone(),
            },
            state: &mut state,
        };
        let outcome = context.handle(text, is_binary, callback);
        drop(claim);
        if is_entry {
            let is_in = matches!(outcome, InputOutcome::Entered { .. });
            self.socket.tell_entry(if is_in {
                EntryResult::Entered
            } else {
                EntryResult::Refused
            });
        }
    }

    /// The other node may know better whose the room is: the answer to our own claim may have been lost.
    fn look_again(&self, room: Option<RoomName>) {
        let hub = self.hub.clone();
        tokio::spawn(async move {
            if let Some((room, directory)) = room.as_ref().zip(hub.directory()) {
                // Whoever asks again is told.
                let _ = directory.find(room).await;
            }
        });
    }

    fn leave_room(&self, input: impl FnOnce(SocketKey) -> Input) {
        let (hub, client) = (&self.hub, &self.connected.client);
        let mut state = self.connected.state.lock();
        state.early.take();
        if let Some(room) = state.room.take().filter(|_| !hub.is_stopping()) {
            room.input(hub, client, input(client.key), None);
        }
    }
}
