//! Relays that a socket sends before its `join` or `reconnect`: a client library sends what it buffered while offline
//! first. They are held a little while, and handled with the join.

use std::sync::Arc;
use std::time::Duration;

use super::client::Callback;
use super::transport::Transport;
use crate::held::{Held, Holder};
use crate::model::time::Tick;
use crate::room::input::Relay;

/// A message that is held, and its callback.
type HeldRelay = (Relay, Option<Callback>);

/// What a socket without a member has sent so far.
#[derive(Default)]
pub(super) struct EarlyRelays {
    held: Vec<Relay>,
    /// Theirs, each in the same place: what is answered is known when they are handled or dropped.
    callbacks: Vec<Option<Callback>>,
    /// What was said, each in the same place, where it may have to be said again to another node; else nothing.
    texts: Vec<Box<str>>,
    bytes: usize,
    /// When what is held is refused; set by the first.
    deadline: Option<Tick>,
    /// Where the bytes are counted, while there are any.
    memory: Option<Box<Held>>,
}

impl EarlyRelays {
    /// How many are held.
    pub(super) const MOST: usize = 64;
    /// How many bytes of payload are held: a socket that has shown nothing of itself gets no more memory.
    pub(super) const BYTES: usize = 256 << 10;
    /// The most bytes of one message on a socket without a member, whatever it is.
    pub(super) const MESSAGE_BYTES: usize = 64 << 10;
    /// How long the first is held, and all that came after it with it.
    pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

    /// Holds a relay, or gives it back if there are too many, here or in all the server's memory. The first says when
    /// to [`Self::expire`].
    pub(super) fn hold(
        &mut self,
        relay: Relay,
        callback: Option<Callback>,
        now: Tick,
        memory: impl FnOnce() -> Held,
    ) -> Result<Option<Tick>, HeldRelay> {
        let bytes = self.bytes + relay.body.payload_len();
        if self.held.len() >= Self::MOST || bytes > Self::BYTES {
            return Err((relay, callback));
        }
        let memory = self.memory.get_or_insert_with(|| Box::new(memory()));
        if memory.set(bytes).is_err() {
            return Err((relay, callback));
        }
        self.bytes = bytes;
        self.held.push(relay);
        self.callbacks.push(callback);
        if self.deadline.is_some() {
            return Ok(None);
        }
        self.deadline = Some(now.after(Self::TIMEOUT));
        Ok(self.deadline)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Keeps what was said by the last one.
    pub(super) fn keep_text(&mut self, text: &str) {
        self.texts.push(text.into());
    }

    /// What was said by all, in order, as far as it was kept, and their callbacks until it is known what comes of them.
    pub(super) fn lend_texts(&mut self) -> (Vec<Box<str>>, Vec<Option<Callback>>) {
        (self.texts.clone(), std::mem::take(&mut self.callbacks))
    }

    /// A copy of all, in order, for a join or resume that may be refused, and their callbacks until it is known.
    pub(super) fn lend(&mut self) -> (Vec<Relay>, Vec<Option<Callback>>) {
        (self.held.clone(), std::mem::take(&mut self.callbacks))
    }

    /// It was refused: all goes on being held.
    pub(super) fn give_back(&mut self, callbacks: Vec<Option<Callback>>) {
        self.callbacks = callbacks;
    }

    /// Takes all, in order.
    pub(super) fn take(&mut self) -> Vec<HeldRelay> {
        let Self { held, callbacks, .. } = std::mem::take(self);
        held.into_iter().zip(callbacks).collect()
    }

    /// Takes all, if they have been held too long.
    pub(super) fn expire(&mut self, now: Tick) -> Vec<HeldRelay> {
        match self.deadline {
            Some(deadline) if deadline <= now => self.take(),
            _ => Vec::new(),
        }
    }
}

/// Whose messages are held: a socket that is in no room, and goes first where memory runs out.
pub(super) struct UnjoinedSender(pub(super) Arc<Transport>);

impl Holder for UnjoinedSender {
    fn is_member(&self) -> bool {
        false
    }

    fn give_way(&self) {
        self.0.cut();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::held::{HeldLimits, MemoryBudget};
    use crate::model::address::AddressKey;
    use crate::model::id::ConnectorId;
    use crate::room::input::{Body, Candidate, Opaque};

    fn relay(bytes: usize) -> Relay {
        let candidate = format!("\"{}\"", "x".repeat(bytes - 2));
        let body = Body::Candidate(Candidate {
            remote_connector: ConnectorId::parse("c").unwrap(),
            candidate: Opaque(RawValue::from_string(candidate).unwrap()),
        });
        Relay { to: None, body }
    }

    fn budget(in_all: usize) -> MemoryBudget {
        MemoryBudget::new(HeldLimits { in_all, per_address: 0 })
    }

    fn held(budget: &MemoryBudget) -> Held {
        let address = AddressKey::of("192.0.2.1".parse().unwrap());
        budget.held(address, Some(Arc::new(UnjoinedSender(Arc::default()))))
    }

    #[test]
    fn so_many_are_held_and_counted_and_given_back() {
        let budget = budget(1 << 30);
        let mut early = EarlyRelays::default();
        for _ in 0..4 {
            early.hold(relay(60_000), None, Tick(0), || held(&budget)).ok().unwrap();
        }
        assert!(
            early.hold(relay(60_000), None, Tick(0), || held(&budget)).is_err(),
            "256 KiB"
        );
        assert!(budget.bytes() >= 240_000, "{}", budget.bytes());
        for _ in 0..60 {
            early.hold(relay(3), None, Tick(0), || held(&budget)).ok().unwrap();
        }
        assert!(
            early.hold(relay(3), None, Tick(0), || held(&budget)).is_err(),
            "64 messages"
        );
        let (relays, callbacks) = early.lend();
        assert_eq!((relays.len(), callbacks.len()), (64, 64));
        early.give_back(callbacks);
        assert!(early.expire(Tick(9_999)).is_empty());
        assert_eq!(early.expire(Tick(10_000)).len(), 64);
        assert_eq!(budget.bytes(), 0);
    }

    #[test]
    fn past_the_servers_memory_none_is_held() {
        let budget = budget(100_000);
        let mut early = EarlyRelays::default();
        early.hold(relay(60_000), None, Tick(0), || held(&budget)).ok().unwrap();
        assert!(early.hold(relay(60_000), None, Tick(0), || held(&budget)).is_err());
        assert_eq!(early.take().len(), 1);
        assert_eq!(budget.bytes(), 0);
    }
}
