//! Where a client's message goes, on a server that runs on several machines: who asks to come into a room may have to be
//! handed to the node that owns it, and what comes after that waits until it is known.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::MutexGuard;
use tokio::sync::oneshot::Receiver;
use tokio::time::sleep;

use super::client::{Callback, ClientSender};
use super::driver::InputOutcome;
use super::hub::Hub;
use super::leg::{Leg, QueuedMessage, Route, Seeking};
use super::message::{ClientState, ConnectedClient, MessageContext};
use super::remote::{Directory, EntryResult, OwnerLink, Place};
use super::wire::{self, WireReason, WireRefusal};
use crate::model::id::RoomName;
use crate::room::Input;

/// How many nodes are asked in turn, as a room may move while it is looked for: for 2 s at least, as one that is handed over
/// is nobody's to enter until the database has all of it.
const MOST_TRIES: usize = 40;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Lets a message take its way.
pub(super) fn route(
    directory: &Arc<dyn Directory>,
    message: MessageContext<'_>,
    text: &str,
    is_binary: bool,
    callback: Option<Callback>,
) {
    let asked = wire::asked_room(text).filter(|_| !is_binary);
    match (message.state.route.as_deref_mut(), asked) {
        (Some(Route::Seeking(seeking)), _) => {
            if !seeking.hold(QueuedMessage::of(text, is_binary, callback)) {
                message.sender.client.transport.cut();
            }
        }
        (Some(Route::There(leg)), None) => drop(leg.say(text, is_binary, callback, false)),
        (None, None) => handle_here(message, text, is_binary, callback),
        (None, Some(room)) => match directory.known(&room) {
            Some(Place::Here(_claim)) => drop(message.handle(text, is_binary, callback)),
            _ => seek(message, room, QueuedMessage::of(text, is_binary, callback)),
        },
        (Some(Route::There(_)), Some(room)) => seek(message, room, QueuedMessage::of(text, is_binary, callback)),
    }
}

/// What is held until its sender joins may have to be said to another node then.
fn handle_here(message: MessageContext<'_>, text: &str, is_binary: bool, callback: Option<Callback>) {
    let MessageContext {
        hub,
        connected,
        sender,
        state,
    } = message;
    let held = state.early.len();
    let again = MessageContext {
        hub,
        connected,
        sender,
        state: &mut *state,
    };
    again.handle(text, is_binary, callback);
    if state.early.len() > held {
        state.early.keep_text(text);
    }
}

impl QueuedMessage {
    fn of(text: &str, is_binary: bool, callback: Option<Callback>) -> Self {
        Self {
            text: text.into(),
            is_binary,
            callback,
        }
    }
}

/// Lets what its client says from now on wait until it is known where the room is.
fn seek(message: MessageContext<'_>, room: RoomName, asked: QueuedMessage) {
    let before = match message.state.route.take().map(|route| *route) {
        Some(Route::There(leg)) => Some(leg),
        Some(Route::Seeking(_)) | None => None,
    };
    let seeking = Seeking::after(before);
    message.state.route = Some(Box::new(Route::Seeking(seeking)));
    let search = Search {
        hub: message.hub.clone(),
        connected: message.connected.clone(),
        sender: message.sender,
        room,
    };
    tokio::spawn(search.run(asked));
}

/// Finds out where a client comes in that asks to.
struct Search {
    hub: Arc<Hub>,
    connected: Arc<ConnectedClient>,
    sender: ClientSender,
    room: RoomName,
}

impl Search {
    async fn run(self, mut asked: QueuedMessage) {
        let Some(directory) = self.hub.directory() else { return };
        for _ in 0..MOST_TRIES {
            match directory.find(&self.room).await {
                Ok(Place::Here(_claim)) => return self.enter_here(asked),
                Ok(Place::At(owner)) => match self.enter_at(&owner, asked).await {
                    None => return,
                    Some(again) => asked = again,
                },
                Err(_) => break,
            }
            directory.forget(&self.room);
            sleep(BETWEEN_TRIES).await;
        }
        self.refuse(asked);
    }

    /// The client's state, and what has waited; nothing if the client is gone.
    fn lock(&self) -> Option<(MutexGuard<'_, ClientState>, Seeking)> {
        let mut state = self.connected.state.lock();
        if self.connected.client.gone.load(Ordering::Relaxed) {
            return None;
        }
        match state.route.take().map(|route| *route) {
            Some(Route::Seeking(seeking)) => Some((state, seeking)),
            Some(Route::There(_)) | None => None,
        }
    }

    fn context<'a>(&'a self, state: &'a mut ClientState) -> MessageContext<'a> {
        MessageContext {
            hub: &self.hub,
            connected: &self.connected,
            sender: self.sender.clone(),
            state,
        }
    }

    fn enter_here(&self, asked: QueuedMessage) {
        let Some((mut state, mut seeking)) = self.lock() else {
            return;
        };
        let context = self.context(&mut state);
        let outcome = context.handle(&asked.text, asked.is_binary, asked.callback);
        if let Some(before) = seeking.before.take() {
            if matches!(outcome, InputOutcome::Entered { .. }) {
                before.moved();
            } else {
                state.route = Some(Box::new(Route::There(before)));
            }
        }
        self.go_on(&mut state, seeking);
    }

    fn refuse(&self, asked: QueuedMessage) {
        let Some((mut state, mut seeking)) = self.lock() else {
            return;
        };
        let event = wire::Event::read(&asked.text).map_or("", |event| event.name);
        let refusal = WireRefusal::new(event, WireReason::RoomOutOfReach);
        self.context(&mut state).refuse(refusal, asked.callback);
        state.route = seeking.before.take().map(|leg| Box::new(Route::There(leg)));
        self.go_on(&mut state, seeking);
    }

    /// Lets what has waited take its way, in order.
    fn go_on(&self, state: &mut ClientState, seeking: Seeking) {
        let Some(directory) = self.hub.directory() else { return };
        for message in seeking.queue {
            let context = self.context(state);
            route(directory, context, &message.text, message.is_binary, message.callback);
        }
    }

    /// Asks the owner. Gives the request back if another has to be asked.
    async fn enter_at(&self, owner: &Arc<dyn OwnerLink>, asked: QueuedMessage) -> Option<QueuedMessage> {
        let attempt = match self.ask(owner, asked) {
            Asked::Attempt(attempt) => attempt,
            Asked::Ended(asked) => return Some(asked),
            Asked::Gone => return None,
        };
        let Attempt {
            leg,
            result,
            callbacks,
            text,
        } = attempt;
        let result = result.await;
        let (mut state, mut seeking) = self.lock()?;
        match result {
            Ok(EntryResult::Entered) => self.entered(&mut state, &mut seeking, leg),
            Ok(EntryResult::Refused) => self.refused(&mut state, &mut seeking, leg),
            Ok(EntryResult::Misplaced) | Err(_) => {
                let early = callbacks.early.into_iter().map(|number| leg.take_callback(number?));
                state.early.give_back(early.collect());
                let callback = callbacks.asked.and_then(|number| leg.take_callback(number));
                let is_before = seeking.before.as_ref().is_some_and(|before| Arc::ptr_eq(before, &leg));
                if !is_before {
                    leg.moved();
                }
                state.route = Some(Box::new(Route::Seeking(seeking)));
                return Some(QueuedMessage::of(&text, false, callback));
            }
        }
        self.go_on(&mut state, seeking);
        None
    }

    /// Hands the owner the request, and before it what was held until then.
    fn ask(&self, owner: &Arc<dyn OwnerLink>, asked: QueuedMessage) -> Asked {
        let mut state = self.connected.state.lock();
        if self.connected.client.gone.load(Ordering::Relaxed) {
            return Asked::Gone;
        }
        let Some(leg) = self.leg(&mut state, owner) else {
            return Asked::Ended(asked);
        };
        let (texts, held) = state.early.lend_texts();
        let early = texts.iter().zip(held);
        let early = early
            .map(|(text, callback)| leg.say(text, false, callback, false))
            .collect();
        let result = leg.expect_entry();
        let QueuedMessage { text, callback, .. } = asked;
        let asked = leg.say(&text, false, callback, true);
        let callbacks = Callbacks { asked, early };
        Asked::Attempt(Attempt {
            leg,
            result,
            callbacks,
            text,
        })
    }

    /// The client's way to this owner, which is made if there is none. `None` if the link has ended.
    fn leg(&self, state: &mut ClientState, owner: &Arc<dyn OwnerLink>) -> Option<Arc<Leg>> {
        state.legs.retain(|leg| !leg.has_ended());
        if let Some(leg) = state.legs.iter().find(|leg| leg.is_to(owner)) {
            return Some(leg.clone());
        }
        let leg = Leg::open(owner, self.sender.clone(), self.connected.shown.as_deref())?;
        state.legs.push(leg.clone());
        Some(leg)
    }

    /// Its messages go there from now on.
    fn go_there(&self, state: &mut ClientState, leg: Arc<Leg>) {
        if !leg.becomes_current() {
            self.connected.client.transport.cut();
        }
        state.route = Some(Box::new(Route::There(leg)));
    }

    /// It is in a room of the owner's.
    fn entered(&self, state: &mut ClientState, seeking: &mut Seeking, leg: Arc<Leg>) {
        let client = &self.connected.client;
        state.early.take();
        if let Some(room) = state.room.take() {
            client.transport.forget_undelivered();
            room.input(&self.hub, client, Input::Move { socket: client.key }, None);
        }
        if let Some(before) = seeking.before.take().filter(|before| !Arc::ptr_eq(before, &leg)) {
            before.moved();
        }
        client.transport.set_member(true);
        self.go_there(state, leg);
    }

    /// A refusal changes nothing: it stays where it was. If that was nowhere, the owner holds what was sent before.
    fn refused(&self, state: &mut ClientState, seeking: &mut Seeking, leg: Arc<Leg>) {
        match seeking.before.take() {
            Some(before) => state.route = Some(Box::new(Route::There(before))),
            None if state.room.is_some() => {}
            None => {
                state.early.take();
                self.go_there(state, leg);
            }
        }
    }
}

/// Whether an owner has a request to come in.
enum Asked {
    Attempt(Attempt),
    /// Its link has ended in that moment.
    Ended(QueuedMessage),
    /// The client has gone in that moment.
    Gone,
}

/// A request to come in that an owner has.
struct Attempt {
    text: Box<str>,
    leg: Arc<Leg>,
    result: Receiver<EntryResult>,
    callbacks: Callbacks,
}

/// What the callbacks of a request, and of what was held until it, are called.
struct Callbacks {
    asked: Option<u32>,
    early: Vec<Option<u32>>,
}
