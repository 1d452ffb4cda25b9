//! A client of this node whose room is another node's: the way of its messages there, and of what is said to it back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::client::{Callback, ClientSender, SendError};
use super::remote::{ClientNumber, EdgeSocket, EntryResult, HandshakeShown, OwnerLink, ToEdge, ToOwner};
use super::wire::{CallbackReply, FinishedEvent, Outgoing, is_leave};
use crate::join_token::Shown;
use crate::model::vocabulary::DropReason;
use crate::room::input::Opaque;

/// How many callbacks of one client may be unanswered.
const MOST_CALLBACKS: usize = 4_096;
/// After so many events an owner is told that they have arrived.
const CONFIRMED_EVERY: u64 = 32;
/// How many messages, and how many bytes of them, wait for it to be known where they go.
const MOST_QUEUED: usize = 1_024;
const MOST_QUEUED_BYTES: usize = 1 << 20;

/// Where the messages of a client go that has to do with another node.
pub(super) enum Route {
    /// To the node that has its room.
    There(Arc<Leg>),
    /// Nowhere yet.
    Seeking(Seeking),
}

/// What waits until it is known where its client comes in.
#[derive(Default)]
pub(super) struct Seeking {
    /// Where it is until then.
    pub(super) before: Option<Arc<Leg>>,
    pub(super) queue: VecDeque<QueuedMessage>,
    bytes: usize,
}

/// One message that waits.
pub(super) struct QueuedMessage {
    pub(super) text: Box<str>,
    pub(super) is_binary: bool,
    pub(super) callback: Option<Callback>,
}

impl Seeking {
    pub(super) fn after(before: Option<Arc<Leg>>) -> Self {
        Self {
            before,
            ..Self::default()
        }
    }

    /// False if too much waits.
    pub(super) fn hold(&mut self, message: QueuedMessage) -> bool {
        self.bytes += message.text.len();
        let fits = self.bytes <= MOST_QUEUED_BYTES && self.queue.len() < MOST_QUEUED;
        if fits {
            self.queue.push_back(message);
        }
        fits
    }
}

/// A client's way to one owner. It stays until the client is gone: what was asked there may be answered when the client is in
/// another's room already.
pub(super) struct Leg {
    owner: Arc<dyn OwnerLink>,
    sender: ClientSender,
    callbacks: Mutex<Callbacks>,
    /// Told what comes of the request to come in that is under way.
    entry: Mutex<Option<oneshot::Sender<EntryResult>>>,
    /// How many events were handed to the client's socket.
    given: AtomicU64,
    /// The client's messages go there.
    is_current: AtomicBool,
    has_ended: AtomicBool,
}

#[derive(Default)]
struct Callbacks {
    waiting: HashMap<u32, Callback>,
    last: u32,
}

impl Leg {
    /// Tells the owner of the client. `None` if its link has ended.
    pub(super) fn open(owner: &Arc<dyn OwnerLink>, sender: ClientSender, shown: Option<&Shown>) -> Option<Arc<Self>> {
        let leg = Arc::new(Self {
            owner: owner.clone(),
            sender,
            callbacks: Mutex::default(),
            entry: Mutex::default(),
            given: AtomicU64::new(0),
            is_current: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
        });
        let client = &leg.sender.client;
        let open = ToOwner::Open {
            address: client.address.ip(),
            language: client.language.tag().to_owned(),
            shown: match shown {
                None | Some(Shown::Nothing) => HandshakeShown::Nothing,
                Some(Shown::NotAString) => HandshakeShown::NotAString,
                Some(Shown::Token(token)) => HandshakeShown::Token(token.clone()),
            },
        };
        (owner.attach(leg.number(), leg.clone()) && owner.send(leg.number(), open)).then_some(leg)
    }

    /// What both ends of the link call the client.
    fn number(&self) -> ClientNumber {
        self.sender.client.key.0
    }

    pub(super) fn is_to(&self, owner: &Arc<dyn OwnerLink>) -> bool {
        Arc::ptr_eq(&self.owner, owner)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// The client's messages go there from now on. False if its link has ended.
    pub(super) fn becomes_current(&self) -> bool {
        self.is_current.store(true, Ordering::SeqCst);
        !self.has_ended()
    }

    /// Says something. Gives what its callback is called. A link that does not take it ends, and the client with it.
    pub(super) fn say(&self, text: &str, is_binary: bool, callback: Option<Callback>, is_entry: bool) -> Option<u32> {
        if is_leave(text) {
            self.sender.client.transport.set_member(false);
        }
        let callback = callback.and_then(|callback| self.expect(callback));
        let text = text.to_owned();
        let say = ToOwner::Say {
            text,
            is_binary,
            callback,
            is_entry,
        };
        self.owner.send(self.number(), say);
        callback
    }

    /// Is told what comes of the next request to come in; an error if the link ends before.
    pub(super) fn expect_entry(&self) -> oneshot::Receiver<EntryResult> {
        let (told, result) = oneshot::channel();
        let mut entry = self.entry.lock();
        if !self.has_ended.load(Ordering::SeqCst) {
            *entry = Some(told);
        }
        result
    }

    /// Gives a callback back that is not answered yet.
    pub(super) fn take_callback(&self, callback: u32) -> Option<Callback> {
        self.callbacks.lock().waiting.remove(&callback)
    }

    fn expect(&self, callback: Callback) -> Option<u32> {
        let mut callbacks = self.callbacks.lock();
        if callbacks.waiting.len() >= MOST_CALLBACKS {
            drop(callbacks);
            self.sender.client.transport.cut();
            return None;
        }
        callbacks.last = callbacks.last.wrapping_add(1);
        let number = callbacks.last;
        callbacks.waiting.insert(number, callback);
        Some(number)
    }

    fn give(&self, name: &str, payload: String) -> bool {
        let Some(event) = FinishedEvent::read(name, payload) else {
            return false;
        };
        if self.has_ended.load(Ordering::SeqCst) {
            return true;
        }
        match self.sender.send(Outgoing::Finished(&event)) {
            Ok(()) => {
                let given = self.given.fetch_add(1, Ordering::Relaxed) + 1;
                if given.is_multiple_of(CONFIRMED_EVERY) {
                    self.owner.send(self.number(), ToOwner::Delivered(self.delivered()));
                }
            }
            // The owner keeps the rest for when it is back.
            Err(error) => self.end(SendError::drop_reason(error)),
        }
        true
    }

    fn delivered(&self) -> u64 {
        let given = self.given.load(Ordering::Relaxed);
        given.saturating_sub(self.sender.client.transport.undelivered() as u64)
    }

    /// The client is in no room there any more.
    pub(super) fn moved(&self) {
        self.is_current.store(false, Ordering::SeqCst);
        self.owner.send(self.number(), ToOwner::Moved);
    }

    /// The client is gone.
    pub(super) fn end(&self, why: DropReason) {
        let mut entry = self.entry.lock();
        entry.take();
        if !self.has_ended.swap(true, Ordering::SeqCst) {
            let (why, delivered) = (why.as_str().to_owned(), self.delivered());
            self.owner.send(self.number(), ToOwner::End { why, delivered });
            self.owner.detach(self.number());
        }
    }
}

impl EdgeSocket for Leg {
    fn take(&self, message: ToEdge) -> bool {
        match message {
            ToEdge::Event { name, payload } => return self.give(&name, payload),
            ToEdge::Answer { callback, payload } => {
                let Ok(payload) = serde_json::value::RawValue::from_string(payload) else {
                    return false;
                };
                if let Some(callback) = self.take_callback(callback) {
                    callback.answer(CallbackReply::Finished(Opaque(payload)));
                }
            }
            ToEdge::Entry(result) => {
                if let Some(told) = self.entry.lock().take() {
                    // Whoever asked is gone with the client.
                    let _ = told.send(result);
                }
            }
            ToEdge::Disconnect => {
                let sender = self.sender.clone();
                tokio::spawn(async move { sender.disconnect() });
            }
            ToEdge::Cut => self.sender.client.transport.cut(),
        }
        true
    }

    fn link_ended(&self) {
        let mut entry = self.entry.lock();
        entry.take();
        let is_news = !self.has_ended.swap(true, Ordering::SeqCst);
        if is_news && self.is_current.load(Ordering::SeqCst) {
            self.sender.client.transport.cut();
        }
    }

    fn send_away(&self) {
        if self.is_current.load(Ordering::SeqCst) {
            self.sender.client.transport.cut_for(DropReason::Server);
        }
    }
}
