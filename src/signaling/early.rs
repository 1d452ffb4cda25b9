//! Relays that a socket sends before its `join` or `reconnect`: a client library sends what it buffered while offline
//! first. They are held a little while, and handled with the join.

use std::time::Duration;

use crate::room::input::Relay;
use crate::room::time::Tick;

/// What a socket without a member has sent so far.
#[derive(Debug, Default)]
pub(super) struct EarlyRelays {
    held: Vec<Relay>,
    bytes: usize,
    /// When what is held is refused; set by the first.
    deadline: Option<Tick>,
}

impl EarlyRelays {
    /// How many are held.
    pub(super) const MOST: usize = 64;
    /// How many bytes of payload are held: a socket that has shown nothing of itself gets no more memory.
    pub(super) const BYTES: usize = 256 << 10;
    /// The most bytes of one message on a socket without a member, whatever it is.
    pub(super) const MESSAGE_BYTES: usize = 64 << 10;
    /// How long the first is held, and all that came after it with it.
    pub(super) const PATIENCE: Duration = Duration::from_secs(10);

    /// Holds a relay, or gives it back if there are too many. The first says when to [`Self::expire`].
    pub(super) fn hold(&mut self, relay: Relay, now: Tick) -> Result<Option<Tick>, Relay> {
        let bytes = self.bytes + relay.body.payload_len();
        if self.held.len() >= Self::MOST || bytes > Self::BYTES {
            return Err(relay);
        }
        self.bytes = bytes;
        self.held.push(relay);
        if self.deadline.is_some() {
            return Ok(None);
        }
        self.deadline = Some(now.after(Self::PATIENCE));
        Ok(self.deadline)
    }

    /// Takes all, in order: the socket has become a member's.
    pub(super) fn take(&mut self) -> Vec<Relay> {
        self.deadline = None;
        self.bytes = 0;
        std::mem::take(&mut self.held)
    }

    /// Puts back what a refused join did not use.
    pub(super) fn put_back(&mut self, held: Vec<Relay>, deadline: Option<Tick>) {
        self.bytes = held.iter().map(|relay| relay.body.payload_len()).sum();
        self.held = held;
        self.deadline = deadline;
    }

    /// When what is held is refused.
    pub(super) fn deadline(&self) -> Option<Tick> {
        self.deadline
    }

    /// Takes all, if they have been held too long.
    pub(super) fn expire(&mut self, now: Tick) -> Vec<Relay> {
        match self.deadline {
            Some(deadline) if deadline <= now => self.take(),
            _ => Vec::new(),
        }
    }
}
