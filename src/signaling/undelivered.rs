//! What was sent to a client that polls, until it is known to have arrived.
//!
//! The answer to a poll may be lost with its connection, and what is sent while no poll waits goes nowhere if none comes.
//! The next poll is what tells that the answer to the one before has come.

use std::collections::VecDeque;

use crate::room::output::Message;

/// What separates the packets of an answer (Engine.IO 4).
const SEPARATOR: u8 = 0x1e;
/// How an event begins.
const EVENT: &[u8] = b"42";

/// The events sent to one client, in order, that may not have arrived yet.
#[derive(Default)]
pub(super) struct Undelivered {
    /// `None` is an event that nobody misses who comes back.
    events: VecDeque<Option<Message>>,
    /// How many of them the last answer carries.
    in_answer: usize,
    /// How many bytes that has.
    bytes: u64,
}

impl Undelivered {
    pub(super) fn sent(&mut self, event: Option<Message>) {
        self.events.push_back(event);
    }

    /// A poll is answered so.
    pub(super) fn answered(&mut self, body: &[u8]) {
        let packets = body.split(|byte| *byte == SEPARATOR);
        self.in_answer += packets.filter(|packet| packet.starts_with(EVENT)).count();
        self.bytes += body.len() as u64;
    }

    /// The last answer has arrived. Gives how many bytes it had.
    pub(super) fn arrived(&mut self) -> u64 {
        let carried = std::mem::take(&mut self.in_answer).min(self.events.len());
        self.events.drain(..carried);
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Nobody misses any of them any more.
    pub(super) fn forget(&mut self) {
        self.events.iter_mut().for_each(|event| *event = None);
    }

    /// Takes all.
    pub(super) fn take(&mut self) -> Vec<Message> {
        std::mem::take(self).events.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{ConnectorId, MemberId};

    #[test]
    fn what_an_answer_carries_has_arrived_with_the_next_poll() {
        let leave = |number: u128| Message::Leave {
            connector: ConnectorId::parse(&number.to_string()).unwrap(),
            member: MemberId(uuid::Uuid::from_u128(number)),
        };
        let mut undelivered = Undelivered::default();
        undelivered.sent(Some(leave(1)));
        undelivered.sent(None);
        undelivered.sent(Some(leave(2)));
        let body = b"2\x1e40{}\x1e42[\"leave\",{}]\x1e430[{}]\x1e42[\"error\",{}]";
        undelivered.answered(body);
        undelivered.sent(Some(leave(3)));
        assert_eq!(undelivered.arrived(), body.len() as u64);
        assert_eq!(undelivered.arrived(), 0);
        assert_eq!(undelivered.take(), [leave(2), leave(3)]);
        undelivered.sent(Some(leave(4)));
        undelivered.answered(b"42[]");
        assert_eq!(undelivered.take(), [leave(4)], "nothing has come after the answer");
        undelivered.sent(Some(leave(5)));
        undelivered.forget();
        undelivered.sent(Some(leave(6)));
        undelivered.answered(b"42[]\x1e42[]\x1e42[]");
        undelivered.arrived();
        assert!(undelivered.take().is_empty());
    }
}
