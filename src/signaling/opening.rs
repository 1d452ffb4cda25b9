//! What is said to a client before the library takes it.
//!
//! The library tells a client that it is connected, and hands on its messages, a moment before its socket takes answers.
//! Nobody waits for that moment: what is said meanwhile is held, and sent by the library's own word that the socket is
//! connected.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use socketioxide::extract::AckSender;
use socketioxide::socket::{Sid, Socket};

use super::client::Client;
use crate::room::output::{Message, Reply};

/// The most that is held for one socket.
const MOST_HELD: usize = 1_024;

/// Something said to a client.
pub(super) enum Said {
    /// An event.
    Event(Message),
    /// What its callback gets.
    Answer(AckSender, Reply),
}

/// Whether a socket takes what is said to it, and what is held until it does.
#[derive(Default)]
pub(super) struct Opening {
    is_open: AtomicBool,
    held: Mutex<Vec<Said>>,
}

/// What became of something that was to be held.
pub(super) enum Holding {
    /// It is sent later.
    Held,
    /// There is too much already.
    Full,
    /// The socket takes it.
    Open(Said),
}

impl Opening {
    /// Whether the socket takes what is said. It never stops to: one that has ended refuses it.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Holds something unless the socket has opened meanwhile.
    pub(super) fn hold(&self, said: Said) -> Holding {
        let mut held = self.held.lock();
        if self.is_open() {
            return Holding::Open(said);
        }
        if held.len() >= MOST_HELD {
            return Holding::Full;
        }
        held.push(said);
        Holding::Held
    }

    /// Sends what is held, and lets the rest go straight out behind it.
    fn open(&self, send: impl FnMut(Said)) {
        let mut held = self.held.lock();
        std::mem::take(&mut *held).into_iter().for_each(send);
        self.is_open.store(true, Ordering::Release);
    }
}

/// The clients whose sockets are about to be connected.
#[derive(Default)]
pub(super) struct Openings(Mutex<HashMap<Sid, Weak<Client>>>);

impl Openings {
    /// Expects the library's word about this one.
    pub(super) fn expect(&self, id: Sid, client: &Arc<Client>) {
        self.0.lock().insert(id, Arc::downgrade(client));
    }

    /// The library takes what is said to this socket.
    pub(super) fn opened(&self, socket: &Socket) {
        let client = self.0.lock().remove(&socket.id);
        if let Some(client) = client.and_then(|client| client.upgrade()) {
            client.opening.open(|said| client.send(socket, said));
        }
    }

    /// Forgets those of which the library never says anything more.
    pub(super) fn sweep(&self) {
        self.0.lock().retain(|_, client| client.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Said {
        Said::Event(Message::DropAll)
    }

    #[test]
    fn what_is_held_is_sent_once_and_before_the_rest() {
        let opening = Opening::default();
        for _ in 0..MOST_HELD {
            assert!(matches!(opening.hold(said()), Holding::Held));
        }
        assert!(matches!(opening.hold(said()), Holding::Full));
        let mut sent = 0;
        opening.open(|_| {
            assert!(!opening.is_open(), "nothing overtakes it");
            sent += 1;
        });
        assert_eq!(sent, MOST_HELD);
        assert!(opening.is_open());
        assert!(matches!(opening.hold(said()), Holding::Open(Said::Event(_))));
        opening.open(|_| panic!("it was sent"));
    }
}
