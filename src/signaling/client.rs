//! One client's socket, as the server knows it, and how it is spoken to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use socketioxide::socket::Socket;
use socketioxide::{SendError as EmitError, SocketError};

use super::remote_socket::{AckHandle, RemoteSocket};
use super::send_gate::{HeldOutgoing, Hold, SendGate};
use super::transport::{ENVELOPE, Transport};
use super::wire::{Acknowledgement, CallbackReply, Outgoing, OutgoingEvent};
use crate::limit::Bucket;
use crate::model::address::AddressKey;
use crate::model::id::SocketKey;
use crate::model::language::Language;
use crate::model::vocabulary::DropReason;
use crate::room::output::Message;

/// What the server keeps of a socket from its connect to its end.
pub(super) struct Client {
    pub(super) key: SocketKey,
    /// Whom limits count it as.
    pub(super) address: AddressKey,
    pub(super) language: Language,
    pub(super) transport: Arc<Transport>,
    /// What is sent to it before the library takes it.
    pub(super) gate: SendGate,
    /// The `id` it last came with may be guessed.
    pub(super) has_short_id: AtomicBool,
    /// Its end has come: nothing may come of it any more. Set before its end is handled, so that what it has sent
    /// meanwhile keeps nobody waiting.
    pub(super) gone: AtomicBool,
    /// How many refusals are still listed one by one.
    pub(super) refusals: Mutex<Bucket>,
}

/// Where a client's socket is.
#[derive(Clone)]
pub(super) enum SocketHandle {
    /// At this node.
    Here(Arc<Socket>),
    /// At another one.
    Elsewhere(Arc<RemoteSocket>),
}

/// Sends to one client, in its language.
#[derive(Clone)]
pub(super) struct ClientSender {
    pub(super) socket: SocketHandle,
    pub(super) client: Arc<Client>,
}

/// Why something could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendError {
    /// The socket has ended.
    Gone,
    /// Too much waits for it already.
    Behind,
    /// Its client is gone, and it is about to end.
    Lost(DropReason),
    /// The server is about to end it.
    Stopping,
}

impl ClientSender {
    /// Sends something, or ends the transport of a client that has fallen too far behind: it would miss a message and
    /// never know.
    pub(super) fn send(&self, outgoing: Outgoing<'_>) -> Result<(), SendError> {
        if !self.client.gate.is_open() {
            match self.client.gate.hold(outgoing.into()) {
                Hold::Held => return Ok(()),
                Hold::Full => return Err(SendError::Behind),
                Hold::Open(_) => {}
            }
        }
        match &self.socket {
            SocketHandle::Here(socket) => self.client.emit(socket, outgoing),
            SocketHandle::Elsewhere(socket) => {
                socket.emit(outgoing, self.client.language);
                Ok(())
            }
        }
    }

    /// Takes what was sent and may not have arrived, in order.
    pub(super) fn take_undelivered(&self) -> Vec<Message> {
        match &self.socket {
            SocketHandle::Here(_) => self.client.transport.take_undelivered(),
            SocketHandle::Elsewhere(socket) => socket.take_unconfirmed(),
        }
    }

    /// Ends the socket as a network does that breaks: its client comes back by itself.
    pub(super) fn cut(&self) {
        self.client.gone.store(true, Ordering::Relaxed);
        match &self.socket {
            SocketHandle::Here(_) => self.client.transport.cut(),
            SocketHandle::Elsewhere(socket) => socket.cut(),
        }
    }

    /// Ends the socket for good: its client does not come back by itself.
    pub(super) fn disconnect(self) {
        match self.socket {
            SocketHandle::Here(socket) => {
                if socket.disconnect().is_err() {
                    self.client.transport.cut();
                }
            }
            SocketHandle::Elsewhere(socket) => socket.disconnect(),
        }
    }
}

impl Client {
    /// The library takes what is sent to its socket.
    pub(super) fn open(&self, socket: &Socket) {
        self.gate.open(|held| self.send_held(socket, held));
    }

    fn send_held(&self, socket: &Socket, held: HeldOutgoing) {
        // A socket that cannot take it is found out by the next message.
        let _ = match &held {
            HeldOutgoing::Message(message) => self.emit(socket, Outgoing::Message(message)),
            HeldOutgoing::DropAll => self.emit(socket, Outgoing::DropAll),
            HeldOutgoing::Error(refusal) => self.emit(socket, Outgoing::Error(refusal)),
            HeldOutgoing::Finished(event) => self.emit(socket, Outgoing::Finished(event)),
            HeldOutgoing::Reply(..) => Ok(()),
        };
        if let HeldOutgoing::Reply(sender, reply) = held {
            self.answer(sender, &reply);
        }
    }

    fn emit(&self, socket: &Socket, outgoing: Outgoing<'_>) -> Result<(), SendError> {
        let language = self.language;
        let event = OutgoingEvent { outgoing, language };
        let message = match outgoing {
            Outgoing::Message(message) => Some(message),
            Outgoing::DropAll | Outgoing::Error(_) | Outgoing::Finished(_) => None,
        };
        let emit = || socket.emit(event.name(), &event);
        self.pass(outgoing.payload_len() + ENVELOPE, || {
            self.transport.send_event(message, emit)
        })
    }

    fn answer(&self, sender: AckHandle, reply: &CallbackReply) {
        let mut acknowledgement = Acknowledgement::of(reply, self.language);
        if matches!(reply, CallbackReply::Entered(_)) && self.has_short_id.load(Ordering::Relaxed) {
            acknowledgement.warn_of_short_id(self.language);
        }
        match sender {
            // Of a socket that cannot take it nothing is left to be told.
            AckHandle::Here(sender) => self
                .pass(acknowledgement.payload_len(), || sender.send(&acknowledgement))
                .unwrap_or_default(),
            AckHandle::Elsewhere(sender) => sender.answer(&acknowledgement),
        }
    }

    fn pass(&self, bytes: usize, emit: impl FnOnce() -> Result<(), EmitError>) -> Result<(), SendError> {
        let sent = match self.transport.admit(bytes).then(emit) {
            Some(Ok(())) => Ok(()),
            Some(Err(EmitError::Socket(SocketError::Closed) | EmitError::Serialize(_))) => Err(SendError::Gone),
            Some(Err(EmitError::Socket(SocketError::InternalChannelFull))) => Err(SendError::Behind),
            None => Err(self.transport.drop_reason().map_or(SendError::Behind, SendError::Lost)),
        };
        if sent == Err(SendError::Behind) {
            self.transport.cut();
        }
        sent
    }
}

impl SendError {
    /// What became of the socket.
    pub(super) fn drop_reason(self) -> DropReason {
        match self {
            Self::Gone => DropReason::Reset,
            Self::Behind => DropReason::Stalled,
            Self::Lost(why) => why,
            Self::Stopping => DropReason::Server,
        }
    }
}

/// The callback that came with a message, if any.
pub(super) struct Callback {
    pub(super) sender: AckHandle,
    pub(super) client: Arc<Client>,
}

impl Callback {
    pub(super) fn answer(self, reply: CallbackReply) {
        let Self { sender, client } = self;
        if client.gate.is_open() {
            return client.answer(sender, &reply);
        }
        if let Hold::Open(HeldOutgoing::Reply(sender, reply)) = client.gate.hold(HeldOutgoing::Reply(sender, reply)) {
            client.answer(sender, &reply);
        }
    }
}
