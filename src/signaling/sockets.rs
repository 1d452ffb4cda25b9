//! The sockets that rooms speak to: every one that has tried to join, until its end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use super::client::{ClientSender, SendError};
use super::driver::Sockets;
use super::wire::Outgoing;
use crate::model::address::AddressKey;
use crate::model::id::SocketKey;
use crate::room::output::Message;

/// By their keys.
#[derive(Default)]
pub(super) struct SocketRegistry {
    senders: RwLock<HashMap<SocketKey, ClientSender>>,
    /// Set once the server stops: sockets that end from then on are not their members' doing.
    stopping: AtomicBool,
}

impl SocketRegistry {
    /// Makes a socket known, so that rooms can speak to it. One that is at its end stays unknown.
    pub(super) fn register(&self, sender: ClientSender) {
        let mut senders = self.senders.write();
        if !sender.client.gone.load(Ordering::Relaxed) {
            senders.insert(sender.client.key, sender);
        }
    }

    /// From here on nothing more is said to members, as nobody knows whether it still gets through.
    pub(super) fn stop(&self) {
        // Whoever sends something holds this lock: it has been sent, or it will not be.
        let _senders = self.senders.write();
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Cuts all, and speaks to none of them any more.
    pub(super) fn cut_all(&self) {
        let senders = std::mem::take(&mut *self.senders.write());
        senders.values().for_each(ClientSender::cut);
    }

    /// The same of these.
    pub(super) fn cut(&self, sockets: Vec<SocketKey>) {
        let mut senders = self.senders.write();
        let gone: Vec<_> = sockets.iter().filter_map(|socket| senders.remove(socket)).collect();
        drop(senders);
        gone.iter().for_each(ClientSender::cut);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

impl Sockets for SocketRegistry {
    fn send(&self, to: SocketKey, outgoing: Outgoing<'_>) -> Result<(), SendError> {
        let senders = self.senders.read();
        if let (true, Outgoing::Message(message)) = (self.is_stopping(), outgoing) {
            // A leave waits until its member is back; nothing else outlasts the restart.
            return (!message.is_leave()).then_some(()).ok_or(SendError::Stopping);
        }
        senders.get(&to).ok_or(SendError::Gone)?.send(outgoing)
    }

    fn is_known(&self, socket: SocketKey) -> bool {
        self.senders.read().contains_key(&socket)
    }

    fn address(&self, of: SocketKey) -> Option<AddressKey> {
        self.senders.read().get(&of).map(|sender| sender.client.address)
    }

    fn has_room(&self, to: SocketKey, from: SocketKey, bytes: usize, most: usize) -> bool {
        let senders = self.senders.read();
        let receiver = senders.get(&to);
        receiver.is_none_or(|receiver| receiver.client.transport.takes(from, bytes, most))
    }

    fn take_undelivered(&self, from: SocketKey) -> Vec<Message> {
        let senders = self.senders.read();
        let sender = senders.get(&from);
        sender.map_or(Vec::new(), ClientSender::take_undelivered)
    }

    fn forget(&self, socket: SocketKey) {
        self.senders.write().remove(&socket);
    }

    /// Its disconnect handler takes the room's lock that whoever calls this holds, so it runs elsewhere.
    fn disconnect(&self, socket: SocketKey) {
        let mut senders = self.senders.write();
        let Some(sender) = senders.remove(&socket) else {
            return;
        };
        // Set under the lock: nothing that it still sends makes it known again.
        sender.client.gone.store(true, Ordering::Relaxed);
        drop(senders);
        tokio::spawn(async move { sender.disconnect() });
    }
}
