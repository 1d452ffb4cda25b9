//! One client's socket, as the server knows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use socketioxide::extract::AckSender;
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};

use super::allowance::PairRates;
use super::cell::RoomCell;
use super::early::EarlyRelays;
use super::opening::{Holding, Opening, Said};
use super::transport::{ENVELOPE, Transport};
use super::wire::{Acknowledgement, Outgoing};
use crate::limit::Bucket;
use crate::model::address::AddressKey;
use crate::model::id::SocketKey;
use crate::model::time::Tick;
use crate::model::vocabulary::DropReason;
use crate::room::output::{Message, Reply};
use crate::room::refusal::Language;

/// What the server keeps of a socket from its connect to its end.
pub(super) struct Client {
    pub(super) key: SocketKey,
    /// Whom limits count it as.
    pub(super) address: AddressKey,
    pub(super) language: Language,
    pub(super) transport: Arc<Transport>,
    /// What is to be said to it before the library takes it.
    pub(super) opening: Opening,
    /// The `id` it last came with may be guessed.
    pub(super) has_short_id: AtomicBool,
    /// Its end has come: nothing may come of it any more. Set before its end is handled, so that what it has sent
    /// meanwhile keeps nobody waiting.
    pub(super) gone: AtomicBool,
    /// How many refusals are still listed one by one.
    pub(super) refusals: Mutex<Bucket>,
    /// Locked for the whole of one message's handling, before any room: a socket's messages take their turns.
    pub(super) state: Mutex<ClientState>,
}

/// What changes.
#[derive(Default)]
pub(super) struct ClientState {
    /// The room it last joined. Whether it still has a member there, the room knows.
    pub(super) room: Option<Arc<RoomCell>>,
    pub(super) early: EarlyRelays,
    pub(super) refusals: Refusals,
    pub(super) joins: Bucket,
    pub(super) pairs: PairRates,
}

/// A client's socket to speak to, with its language.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) socket: Arc<Socket>,
    pub(super) client: Arc<Client>,
}

/// Why something could not be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsaid {
    /// The socket has ended.
    Gone,
    /// Too much waits for it already.
    Behind,
    /// The server is about to end it.
    Stopping,
}

impl Line {
    /// Says something, or ends the transport of a client that has fallen too far behind: it would miss a message and
    /// never know.
    pub(super) fn emit(&self, message: &Message) -> Result<(), Unsaid> {
        if !self.client.opening.is_open() {
            match self.client.opening.hold(Said::Event(message.clone())) {
                Holding::Held => return Ok(()),
                Holding::Full => return Err(Unsaid::Behind),
                Holding::Open(_) => {}
            }
        }
        self.client.emit(&self.socket, message)
    }
}

impl Client {
    /// Sends what was held until its socket took it.
    pub(super) fn send(&self, socket: &Socket, said: Said) {
        match said {
            // A socket that cannot take it is found out by the next message.
            Said::Event(message) => drop(self.emit(socket, &message)),
            Said::Answer(sender, reply) => self.answer(sender, &reply),
        }
    }

    fn emit(&self, socket: &Socket, message: &Message) -> Result<(), Unsaid> {
        let outgoing = Outgoing {
            message,
            language: self.language,
        };
        self.say(message.payload() + ENVELOPE, || {
            socket.emit(outgoing.event(), &outgoing)
        })
    }

    fn answer(&self, sender: AckSender, reply: &Reply) {
        let mut acknowledgement = match reply {
            Reply::Done => Acknowledgement::done(),
            Reply::Seated(seat) => Acknowledgement::seated(seat),
            Reply::Refused(refusal) => Acknowledgement::refused(refusal, self.language),
        };
        if matches!(reply, Reply::Seated(_)) && self.has_short_id.load(Ordering::Relaxed) {
            acknowledgement.warn_of_short_id(self.language);
        }
        // Of a socket that cannot take it nothing is left to be told.
        self.say(acknowledgement.payload(), || sender.send(&acknowledgement))
            .ok();
    }

    fn say(&self, bytes: usize, send: impl FnOnce() -> Result<(), SendError>) -> Result<(), Unsaid> {
        let said = match self.transport.admit(bytes).then(send) {
            Some(Ok(())) => Ok(()),
            Some(Err(SendError::Socket(SocketError::Closed) | SendError::Serialize(_))) => Err(Unsaid::Gone),
            None | Some(Err(SendError::Socket(SocketError::InternalChannelFull))) => Err(Unsaid::Behind),
        };
        if said == Err(Unsaid::Behind) {
            self.transport.cut();
        }
        said
    }
}

impl Unsaid {
    /// What became of the socket.
    pub(super) fn why(self) -> DropReason {
        match self {
            Self::Gone => DropReason::Reset,
            Self::Behind => DropReason::Stalled,
            Self::Stopping => DropReason::Server,
        }
    }
}

/// The callback that came with a message, if any.
pub(super) struct Callback {
    pub(super) sender: AckSender,
    pub(super) client: Arc<Client>,
}

impl Callback {
    pub(super) fn answer(self, reply: &Reply) {
        let Self { sender, client } = self;
        if client.opening.is_open() {
            client.answer(sender, reply);
        } else if let Holding::Open(Said::Answer(sender, reply)) =
            client.opening.hold(Said::Answer(sender, reply.clone()))
        {
            client.answer(sender, &reply);
        }
    }
}

/// How many refused messages a socket may still have recorded: a bucket that refills.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Used up, in thousandths.
    used: u64,
    at: Tick,
}

impl Refusals {
    /// As many at once.
    pub(super) const BURST: u64 = 1_000;
    /// As many more each second.
    pub(super) const PER_SECOND: u64 = 50;

    /// Whether there is no room for another one.
    pub(super) fn exhausted(&mut self, now: Tick) -> bool {
        let refilled = now.0.saturating_sub(self.at.0).saturating_mul(Self::PER_SECOND);
        self.used = self.used.saturating_sub(refilled);
        self.at = now;
        self.used + 1_000 > Self::BURST * 1_000
    }

    /// Counts one.
    pub(super) fn count(&mut self) {
        self.used += 1_000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_run_out_and_come_back() {
        let mut refusals = Refusals::default();
        for _ in 0..Refusals::BURST {
            assert!(!refusals.exhausted(Tick(5)));
            refusals.count();
        }
        assert!(refusals.exhausted(Tick(5)));
        assert!(refusals.exhausted(Tick(24)));
        assert!(!refusals.exhausted(Tick(25)), "50 a second are one in 20 ms");
    }
}
