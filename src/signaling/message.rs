//! What one message of a client does: refused for what it says or for a limit, held until its sender joins, or handed to
//! the sender's room.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tracing::warn;

use super::allowance::{Entry, EntryStatus, PairRates};
use super::client::{Callback, Client, ClientSender};
use super::client_limit::Limit;
use super::clock::wall_clock;
use super::driver::{Arrival, Host, InputOutcome};
use super::early::{EarlyRelays, UnjoinedSender};
use super::hub::{Hub, HubDriver, tell_refusal};
use super::leg::{Leg, Route};
use super::refusal_budget::RefusalBudget;
use super::wire::{self, AskedEntry, Command, Event, WireReason, WireRefusal, of_request};
use crate::join_token::{self, Forbidden, Pass, Shown};
use crate::limit::Bucket;
use crate::metrics::{self, EntryOutcome};
use crate::model::id::{ClientKey, RoomName, Username};
use crate::model::time::Tick;
use crate::room::Input;
use crate::room::input::{Join, LeaveEntry, Relay, Resume};
use crate::room::refusal::{Reason, Request};

/// A client, and what its messages change.
pub(super) struct ConnectedClient {
    pub(super) client: Arc<Client>,
    /// What it showed when it connected.
    pub(super) pass: Pass,
    /// The same as it was shown, where another node may have to see it.
    pub(super) shown: Option<Box<Shown>>,
    /// Locked for the whole of one message's handling, before any room: a socket's messages take their turns.
    pub(super) state: Mutex<ClientState>,
}

#[derive(Default)]
pub(super) struct ClientState {
    /// The room it last joined. Whether it still has a member there, the room knows.
    pub(super) room: Option<Arc<HubDriver>>,
    /// Where its messages go instead, if its room is another node's.
    pub(super) route: Option<Box<Route>>,
    /// Its ways to other nodes.
    pub(super) legs: Vec<Arc<Leg>>,
    pub(super) early: EarlyRelays,
    refusals: RefusalBudget,
    joins: Bucket,
    pairs: PairRates,
}

/// What a socket is told that has not joined, and sends more than it may before.
const TOO_LARGE: WireReason = WireReason::TooLargeBeforeJoin {
    kib: EarlyRelays::MESSAGE_BYTES >> 10,
};

/// The handling of one message, with the client's state locked.
pub(super) struct MessageContext<'a> {
    pub(super) hub: &'a Arc<Hub>,
    pub(super) connected: &'a Arc<ConnectedClient>,
    pub(super) sender: ClientSender,
    pub(super) state: &'a mut ClientState,
}

/// Who asks to come in, and where.
struct EntryRequest {
    request: Request,
    key: ClientKey,
    has_short_id: bool,
    username: Option<Username>,
    room: RoomName,
    token: Shown,
}

impl MessageContext<'_> {
    /// Does what a message asks for. Says what came of it.
    pub(super) fn handle(mut self, text: &str, binary: bool, callback: Option<Callback>) -> InputOutcome {
        let now = self.hub.clock().now().tick;
        let event = Event::read(text);
        let name = event.as_ref().map_or("", |event| event.name);
        if self.state.refusals.is_exhausted(now) {
            self.reject_unrecorded(WireRefusal::new(name, WireReason::TooManyErrors), callback);
            count_entry(name, InputOutcome::Refused);
            return InputOutcome::Refused;
        }
        let command = match &event {
            _ if self.state.room.is_none() && text.len() > EarlyRelays::MESSAGE_BYTES => Err(TOO_LARGE),
            None => Err(WireReason::NotJson),
            Some(_) if binary => Err(WireReason::Binary),
            Some(event) => wire::parse(event),
        };
        let leaves = matches!(command, Ok(Command::Leave { .. }));
        let outcome = match command {
            Ok(command) => self.command(command, callback),
            Err(reason) => {
                let refusal = WireRefusal::new(name, reason);
                let asked = event.as_ref().and_then(wire::asked);
                self.refuse(asked.into_iter().fold(refusal, WireRefusal::of_entry), callback)
            }
        };
        count_entry(name, outcome);
        if leaves || matches!(outcome, InputOutcome::Entered { .. }) {
            self.sender.client.transport.set_member(!leaves);
        }
        if outcome == InputOutcome::Refused {
            self.state.refusals.count();
        }
        outcome
    }

    fn command(&mut self, command: Command, callback: Option<Callback>) -> InputOutcome {
        let (socket, address) = (self.sender.client.key, self.sender.client.address);
        match command {
            Command::Relay(relay) => self.relay(relay, callback),
            Command::Leave { entries } => self.leave(entries, callback),
            Command::Join {
                key,
                has_short_id,
                username,
                room,
                token,
            } => {
                let entry = EntryRequest {
                    request: Request::Join,
                    key,
                    has_short_id,
                    username: Some(username.clone()),
                    room,
                    token,
                };
                let join = |token, held| {
                    Input::Join(Join {
                        socket,
                        address,
                        key,
                        username,
                        token,
                        held,
                    })
                };
                self.enter(entry, join, callback)
            }
            Command::Resume {
                key,
                has_short_id,
                username,
                room,
                token,
            } => {
                let entry = EntryRequest {
                    request: Request::Resume,
                    key,
                    has_short_id,
                    username: username.clone(),
                    room,
                    token,
                };
                let resume = |token, held| {
                    Input::Resume(Resume {
                        socket,
                        address,
                        key,
                        username,
                        token,
                        held,
                    })
                };
                self.enter(entry, resume, callback)
            }
        }
    }

    fn leave(&mut self, entries: Vec<LeaveEntry>, callback: Option<Callback>) -> InputOutcome {
        let Some(room) = self.state.room.clone() else {
            return self.refuse_request(Request::Leave, Reason::NotJoined, callback);
        };
        let client = &self.sender.client;
        let socket = client.key;
        client.transport.forget_undelivered();
        room.input(self.hub, client, Input::Leave { socket, entries }, callback)
    }

    /// Joins or resumes, and then leaves another room: a refused join changes nothing, and what was held before goes on
    /// waiting.
    fn enter(
        &mut self,
        entry: EntryRequest,
        input: impl FnOnce(Option<Box<str>>, Vec<Relay>) -> Input,
        callback: Option<Callback>,
    ) -> InputOutcome {
        if self.hub.is_stopping() {
            return self.refuse_entry(&entry, WireReason::ShuttingDown, callback);
        }
        self.note_id(entry.has_short_id);
        let status = self.hub.entry_status(&entry.room, &entry.key, self.sender.client.key);
        let token = match self.check_rules(&entry, status) {
            Ok(token) => token,
            Err(reason) => return self.refuse_entry(&entry, reason, callback),
        };
        if let Err(limit) = self.may_enter(&entry, status) {
            return self.refuse_entry(&entry, WireReason::TooMuch(limit), callback);
        }
        let client = &self.sender.client;
        let is_elsewhere = |room: &Arc<HubDriver>| room.read(|room| *room.name() != entry.room);
        let moves = self.state.room.as_ref().is_some_and(is_elsewhere);
        if moves {
            client.transport.forget_undelivered();
        }
        self.hub.sockets().register(self.sender.clone());
        let (held, mut callbacks) = self.state.early.lend();
        let arrival = Arrival {
            input: input(token, held),
            callback,
            moves,
        };
        let (room, outcome) = self.hub.enter(&entry.room, client, arrival, &mut callbacks);
        if matches!(outcome, InputOutcome::Entered { .. }) {
            let before = self.state.room.replace(room.clone());
            if let Some(other) = before.filter(|other| !Arc::ptr_eq(other, &room)) {
                other.input(self.hub, client, Input::Move { socket: client.key }, None);
                room.moved(self.hub, client);
            }
            self.state.early.take();
        } else {
            self.hub.allowances.not_entered(&entry.key, status);
            self.state.early.give_back(callbacks);
        }
        outcome
    }

    /// An `id` that may be guessed is taken, and its author warned. So is the operator: a page that is deployed so lets
    /// anybody take anybody's place.
    fn note_id(&self, is_short: bool) {
        self.sender.client.has_short_id.store(is_short, Ordering::Relaxed);
        if is_short {
            self.hub.short_id_is_told.then(|| {
                warn!(
                    "a page sends an id of fewer than 16 characters, which may be guessed: it should be a random UUID"
                )
            });
        }
    }

    /// What the client has shown must fit. Before all limits: who may not come in uses up nothing of what others share.
    /// Gives the id of a token that is for this client alone.
    fn check_rules(&self, entry: &EntryRequest, status: EntryStatus) -> Result<Option<Box<str>>, Forbidden> {
        let rules = &self.hub.entry_rules;
        let pass = rules.read(&entry.token);
        let pass = pass.or(&self.connected.pass);
        let asked = join_token::Entry {
            room: &entry.room,
            username: entry.username.as_ref(),
            is_back: entry.request == Request::Resume && status.is_member(),
            pass,
        };
        rules.check(&asked, wall_clock())?;
        Ok(pass.personal_id().map(Into::into))
    }

    fn may_enter(&mut self, entry: &EntryRequest, status: EntryStatus) -> Result<(), Limit> {
        let client = &self.sender.client;
        let entry = Entry {
            address: client.address,
            transport: &client.transport,
            room: &entry.room,
            key: &entry.key,
            status,
            is_resume: entry.request == Request::Resume,
        };
        let now = self.hub.clock().now().tick;
        self.hub.allowances.enter(&entry, &mut self.state.joins, now)
    }

    fn relay(&mut self, relay: Relay, callback: Option<Callback>) -> InputOutcome {
        let now = self.hub.clock().now().tick;
        let Some(room) = self.state.room.clone() else {
            return self.hold(relay, now, callback);
        };
        let (client, allowances) = (&self.sender.client, &self.hub.allowances);
        let quota = allowances.pair_quota();
        if relay.to.is_none_or(|to| self.state.pairs.take(to, quota, now)) {
            return room.relay(self.hub, client, relay, callback);
        }
        let limit = Limit::RelaysOfPair;
        allowances.limit_reached(limit, client.address);
        self.refuse_request(relay.body.request(), WireReason::TooMuch(limit), callback)
    }

    /// Holds a message until the socket joins.
    fn hold(&mut self, relay: Relay, now: Tick, callback: Option<Callback>) -> InputOutcome {
        let client = &self.sender.client;
        let memory = || {
            let holder = UnjoinedSender(client.transport.clone());
            self.hub.memory().held(client.address, Some(Arc::new(holder)))
        };
        match self.state.early.hold(relay, callback, now, memory) {
            Ok(first) => {
                if let Some(deadline) = first {
                    self.expire_at(self.hub.clock().instant(deadline));
                }
                InputOutcome::Other
            }
            Err((relay, callback)) => self.refuse_request(relay.body.request(), Reason::NotJoined, callback),
        }
    }

    /// Refuses what is still held when its time is up.
    fn expire_at(&self, deadline: std::time::Instant) {
        let (hub, connected, sender) = (self.hub.clone(), self.connected.clone(), self.sender.clone());
        tokio::spawn(async move {
            tokio::time::sleep_until(deadline.into()).await;
            let mut state = connected.state.lock();
            let expired = state.early.expire(hub.clock().now().tick);
            let mut context = MessageContext {
                hub: &hub,
                connected: &connected,
                sender,
                state: &mut state,
            };
            for (relay, callback) in expired {
                context.refuse_request(relay.body.request(), WireReason::HeldTooLong, callback);
            }
        });
    }

    fn refuse_request(
        &mut self,
        request: Request,
        reason: impl Into<WireReason>,
        callback: Option<Callback>,
    ) -> InputOutcome {
        self.refuse(WireRefusal::new(of_request(request), reason), callback)
    }

    /// Refuses to let somebody in, before that is for a room to decide.
    fn refuse_entry(
        &mut self,
        entry: &EntryRequest,
        reason: impl Into<WireReason>,
        callback: Option<Callback>,
    ) -> InputOutcome {
        let pass = self.hub.entry_rules.read(&entry.token);
        let asked = AskedEntry {
            room: Some(entry.room.clone()),
            username: entry.username.clone(),
            token: pass.or(&self.connected.pass).id().map(Into::into),
        };
        let refusal = WireRefusal::new(of_request(entry.request), reason).of_entry(asked);
        self.refuse(refusal, callback)
    }

    /// Refuses a message, on the record: in the room, if the socket has one.
    pub(super) fn refuse(&mut self, refusal: WireRefusal, callback: Option<Callback>) -> InputOutcome {
        match &self.state.room {
            Some(room) => room.refuse(self.hub, &self.sender.client, refusal, callback),
            None => {
                self.hub.record_error(self.sender.clone(), refusal, callback);
                InputOutcome::Refused
            }
        }
    }

    /// Refuses a message off the record: this socket has had its share of it.
    fn reject_unrecorded(&self, refusal: WireRefusal, callback: Option<Callback>) {
        let client = &self.sender.client;
        self.hub.count_refusal(self.state.room.as_ref(), client, &refusal);
        tell_refusal(&self.sender, refusal, callback);
    }
}

/// Counts what became of a message by which somebody wanted to come in or back.
fn count_entry(event: &str, outcome: InputOutcome) {
    let outcome = match outcome {
        InputOutcome::Entered {
            resumed: true,
            is_news: true,
        } => EntryOutcome::Resumed,
        InputOutcome::Entered {
            resumed: false,
            is_news: true,
        } => EntryOutcome::Joined,
        InputOutcome::Refused => EntryOutcome::Refused,
        // Who is there already has come neither in nor back.
        InputOutcome::Entered { is_news: false, .. } | InputOutcome::Other => return,
    };
    if event == of_request(Request::Join) {
        metrics::joined(outcome);
    } else if event == of_request(Request::Resume) {
        metrics::resumed(outcome);
    }
}
