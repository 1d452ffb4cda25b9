//! The clients whose sockets are about to be connected.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use socketioxide::socket::{Sid, Socket};

use super::client::Client;

/// By the library's id for the socket.
#[derive(Default)]
pub(super) struct ConnectingClients(Mutex<HashMap<Sid, Weak<Client>>>);

impl ConnectingClients {
    /// Expects the library's word about this one.
    pub(super) fn expect(&self, id: Sid, client: &Arc<Client>) {
        self.0.lock().insert(id, Arc::downgrade(client));
    }

    /// The library takes what is sent to this socket.
    pub(super) fn connected(&self, socket: &Socket) {
        let client = self.0.lock().remove(&socket.id);
        if let Some(client) = client.and_then(|client| client.upgrade()) {
            client.open(socket);
        }
    }

    /// Forgets those of which the library never says anything more.
    pub(super) fn sweep(&self) {
        self.0.lock().retain(|_, client| client.strong_count() > 0);
    }
}
