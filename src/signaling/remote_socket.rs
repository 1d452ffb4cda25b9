//! A socket of another node, as the owner of its room speaks to it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use socketioxide::extract::AckSender;

use super::remote::{ClientNumber, EdgeLink, EntryResult, ToEdge};
use super::wire::{Acknowledgement, Outgoing, OutgoingEvent};
use crate::model::language::Language;
use crate::room::output::Message;

/// What a client's callback is answered through.
pub(super) enum AckHandle {
    /// A socket of this node.
    Here(AckSender),
    /// The edge.
    Elsewhere(RemoteAck),
}

/// One callback of a client of another node.
pub(super) struct RemoteAck {
    socket: Arc<RemoteSocket>,
    callback: u32,
}

/// A socket of another node.
pub(super) struct RemoteSocket {
    link: Arc<dyn EdgeLink>,
    number: ClientNumber,
    unconfirmed: Mutex<Unconfirmed>,
}

/// What was sent and may not have arrived.
#[derive(Default)]
struct Unconfirmed {
    /// In order; `None` is an event that nobody misses who comes back.
    events: VecDeque<Option<Message>>,
    /// How many have arrived.
    arrived: u64,
}

impl RemoteSocket {
    pub(super) fn new(link: Arc<dyn EdgeLink>, number: ClientNumber) -> Self {
        let unconfirmed = Mutex::default();
        Self {
            link,
            number,
            unconfirmed,
        }
    }

    /// Sends an event. It fails only with the link, whose end is told by itself.
    pub(super) fn emit(&self, outgoing: Outgoing<'_>, language: Language) {
        let event = OutgoingEvent { outgoing, language };
        let Ok(payload) = serde_json::to_string(&event) else {
            return;
        };
        let message = match outgoing {
            Outgoing::Message(message) => Some(message.clone()),
            Outgoing::DropAll | Outgoing::Error(_) | Outgoing::Finished(_) => None,
        };
        let name = event.name().to_owned();
        // Locked for both: events are counted in the order in which they are sent.
        let mut unconfirmed = self.unconfirmed.lock();
        if self.link.send(self.number, ToEdge::Event { name, payload }) {
            unconfirmed.events.push_back(message);
        }
    }

    pub(super) fn callback(self: &Arc<Self>, callback: u32) -> AckHandle {
        let socket = self.clone();
        AckHandle::Elsewhere(RemoteAck { socket, callback })
    }

    pub(super) fn tell_entry(&self, result: EntryResult) {
        self.link.send(self.number, ToEdge::Entry(result));
    }

    pub(super) fn disconnect(&self) {
        self.link.send(self.number, ToEdge::Disconnect);
    }

    pub(super) fn cut(&self) {
        self.link.send(self.number, ToEdge::Cut);
    }

    /// So many of all events have arrived.
    pub(super) fn confirm(&self, arrived: u64) {
        let mut unconfirmed = self.unconfirmed.lock();
        let news = usize::try_from(arrived.saturating_sub(unconfirmed.arrived)).unwrap_or(usize::MAX);
        let news = news.min(unconfirmed.events.len());
        unconfirmed.events.drain(..news);
        unconfirmed.arrived += news as u64;
    }

    /// Nobody misses what may not have arrived.
    pub(super) fn forget_unconfirmed(&self) {
        let mut unconfirmed = self.unconfirmed.lock();
        unconfirmed.events.iter_mut().for_each(|event| *event = None);
    }

    /// Takes what may not have arrived: whatever its client comes back on gets it.
    pub(super) fn take_unconfirmed(&self) -> Vec<Message> {
        let events = std::mem::take(&mut self.unconfirmed.lock().events);
        events.into_iter().flatten().collect()
    }
}

impl RemoteAck {
    pub(super) fn answer(self, answer: &Acknowledgement<'_>) {
        let Self { socket, callback } = self;
        if let Ok(payload) = serde_json::to_string(answer) {
            socket.link.send(socket.number, ToEdge::Answer { callback, payload });
        }
    }
}
