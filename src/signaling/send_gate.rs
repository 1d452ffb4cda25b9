//! What is sent to a client before the library takes it.
//!
//! The library tells a client that it is connected, and hands on its messages, a moment before its socket takes answers.
//! Nobody waits for that moment: what is sent meanwhile is held, and goes out at the library's own word that the socket is
//! connected.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::remote_socket::AckHandle;
use super::wire::{CallbackReply, FinishedEvent, Outgoing, WireRefusal};
use crate::room::output::Message;

/// The most that is held for one socket.
const MOST_HELD: usize = 1_024;

/// Something that is held.
pub(super) enum HeldOutgoing {
    Message(Message),
    DropAll,
    Error(WireRefusal),
    Finished(FinishedEvent),
    /// What a callback gets.
    Reply(AckHandle, CallbackReply),
}

impl From<Outgoing<'_>> for HeldOutgoing {
    fn from(outgoing: Outgoing<'_>) -> Self {
        match outgoing {
            Outgoing::Message(message) => Self::Message(message.clone()),
            Outgoing::DropAll => Self::DropAll,
            Outgoing::Error(refusal) => Self::Error(refusal.clone()),
            Outgoing::Finished(event) => Self::Finished(event.clone()),
        }
    }
}

/// Whether a socket takes what is sent to it, and what is held until it does.
#[derive(Default)]
pub(super) struct SendGate {
    is_open: AtomicBool,
    held: Mutex<Vec<HeldOutgoing>>,
}

/// What became of something that was to be held.
pub(super) enum Hold {
    /// It is sent later.
    Held,
    /// There is too much already.
    Full,
    /// The socket takes it.
    Open(HeldOutgoing),
}

impl SendGate {
    /// Whether the socket takes what is sent. It never stops to: one that has ended refuses it.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Holds something unless the socket has opened meanwhile.
    pub(super) fn hold(&self, outgoing: HeldOutgoing) -> Hold {
        let mut held = self.held.lock();
        if self.is_open() {
            return Hold::Open(outgoing);
        }
        if held.len() >= MOST_HELD {
            return Hold::Full;
        }
        held.push(outgoing);
        Hold::Held
    }

    /// Sends what is held, and lets the rest go straight out behind it.
    pub(super) fn open(&self, send: impl FnMut(HeldOutgoing)) {
        let mut held = self.held.lock();
        std::mem::take(&mut *held).into_iter().for_each(send);
        self.is_open.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_sent_once_and_before_the_rest() {
        let gate = SendGate::default();
        for _ in 0..MOST_HELD {
            assert!(matches!(gate.hold(HeldOutgoing::DropAll), Hold::Held));
        }
        assert!(matches!(gate.hold(HeldOutgoing::DropAll), Hold::Full));
        let mut sent = 0;
        gate.open(|_| {
            assert!(!gate.is_open(), "nothing overtakes it");
            sent += 1;
        });
        assert_eq!(sent, MOST_HELD);
        assert!(gate.is_open());
        assert!(matches!(
            gate.hold(HeldOutgoing::DropAll),
            Hold::Open(HeldOutgoing::DropAll)
        ));
        gate.open(|_| panic!("it was sent"));
    }
}
