//! The transports under the sockets: how far behind a client's reading is, and how to end it for good.
//!
//! The library bounds how many messages wait for a client, not how many bytes, and it can end a client that has stopped
//! reading only through the very queue that is full. So what is sent is counted here, against what the connection (for
//! a WebSocket) or the answered polls have carried away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::http::request::Parts;
use parking_lot::Mutex;
use socketioxide::socket::Sid;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::debug;

use super::client_limit::Limit;
use super::sender_shares::SenderTotals;
use super::transport_request::TransportRequest;
use super::transport_session::TransportSession;
use super::undelivered::Undelivered;
use crate::held::{Held, MemoryBudget, STEP};
use crate::metrics;
use crate::model::address::AddressKey;
use crate::model::id::SocketKey;
use crate::model::vocabulary::DropReason;
use crate::net::{Connection, InboundPace, PaceLimits, Seen, TooFast};
use crate::room::output::Message;

/// How many bytes of payload may wait for a client to read them. One that falls further behind has stopped reading.
const MOST_WAITING: u64 = 16 * 1024 * 1024;

/// The transports of all clients, by the engine's session id (which is a secret: it never leaves this map).
#[derive(Default)]
pub(super) struct Transports(Mutex<HashMap<Sid, Arc<Transport>>>);

/// One client's transport.
#[derive(Default)]
pub(super) struct Transport {
    progress: Mutex<Progress>,
    /// How fast a polling client sends. A WebSocket's frames are counted below the engine.
    pace: Mutex<Option<Box<InboundPace>>>,
    /// Held by the request by which a polling client sends something.
    posting: tokio::sync::Mutex<()>,
    upgrade: AtomicU8,
    probed: Notify,
    /// What may not have arrived yet, while its client polls.
    undelivered: Mutex<Undelivered>,
}

/// How far a polling session is on its way to a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpgradeStage {
    /// It is not.
    None,
    /// There is one.
    Held,
    /// Its client knows that it works, and waits for its poll's answer to move.
    Probed,
    /// It has moved, or was there from the beginning.
    Moved,
}

/// A WebSocket to which a session may move: while it is held, there is no other.
pub(super) struct HeldUpgrade(Arc<Transport>);

/// How long a poll waits once the session may move, as Node's does.
const POLL_WHILE_MOVING: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Progress {
    /// The WebSocket's connection. A polling client comes over any, perhaps with others' requests.
    connection: Option<Connection>,
    /// What had been written to the connection when it was last looked at.
    written: u64,
    /// At most so many bytes have been sent and wait to be read.
    waiting: u64,
    /// Whose that is, while it is more than a moment's worth.
    by_sender: SenderTotals,
    /// Where it is counted as memory of the client's address.
    memory: Option<(MemoryBudget, AddressKey)>,
    /// What is counted there, while it is more than a moment's worth.
    held: Option<Box<Held>>,
    cut: bool,
    /// Why it was cut, if its client was the cause.
    why: Option<DropReason>,
    /// For as long as the engine keeps the session.
    session: Weak<TransportSession>,
    is_member: bool,
}

/// From so many waiting bytes on it matters whose they are.
const BEHIND: u64 = 64 * 1024;

/// An event takes at least so many bytes besides what it carries.
pub(super) const ENVELOPE: usize = 32;

impl Transports {
    /// The transport of a client that has connected.
    pub(super) fn connected(&self, id: Sid, request: &Parts) -> Arc<Transport> {
        let transport = self.of(id);
        if let Some(session) = request.extensions.get() {
            transport.belongs_to(session);
        }
        let about = TransportRequest::of(&request.method, request.uri.query().unwrap_or_default());
        if about.is_some_and(|about| about.is_websocket) {
            transport.upgrade.store(UpgradeStage::Moved as u8, Ordering::SeqCst);
            if let Some(connection) = request.extensions.get() {
                transport.runs_over(connection);
            }
        }
        transport
    }

    /// Makes known a session that a polling client has opened.
    pub(super) fn opened(&self, id: Sid, session: &Arc<TransportSession>) {
        self.of(id).belongs_to(session);
    }

    /// Ends a client's transport, as [`Transport::cut`] does.
    pub(super) fn cut(&self, id: Sid) {
        if let Some(transport) = self.find(id) {
            transport.cut();
        }
    }

    /// Forgets those that nobody speaks to and that cannot carry anything.
    pub(super) fn sweep(&self) {
        self.0
            .lock()
            .retain(|_, transport| Arc::strong_count(transport) > 1 || transport.is_open());
    }

    /// How many are open whose clients poll, and how many are WebSockets.
    pub(super) fn count(&self) -> (usize, usize) {
        let transports: Vec<_> = self.0.lock().values().cloned().collect();
        let open = transports.iter().filter(|transport| transport.is_open());
        let (polling, websockets): (Vec<_>, Vec<_>) = open.partition(|transport| transport.polls());
        (polling.len(), websockets.len())
    }

    pub(super) fn of(&self, id: Sid) -> Arc<Transport> {
        self.0.lock().entry(id).or_default().clone()
    }

    pub(super) fn find(&self, id: Sid) -> Option<Arc<Transport>> {
        self.0.lock().get(&id).cloned()
    }
}

impl Transport {
    /// Counts what is about to be sent. False if the client is too far behind to be sent anything.
    pub(super) fn admit(&self, bytes: usize) -> bool {
        let mut progress = self.progress.lock();
        progress.look();
        if progress.cut || progress.waiting > MOST_WAITING {
            return false;
        }
        progress.waiting += bytes as u64;
        progress.is_within_budget()
    }

    /// Says whose memory it is that waits for this client.
    pub(super) fn counts_for(&self, memory: &MemoryBudget, address: AddressKey) {
        self.progress.lock().memory = Some((memory.clone(), address));
    }

    /// Whether it has room for a message of this sender, of which at most `most` bytes may wait (0: any number). If so,
    /// the message is about to be sent. One sender cannot fill it up, so that a slow reader is not cut for what one other
    /// sends it.
    pub(super) fn takes(&self, sender: SocketKey, bytes: usize, most: usize) -> bool {
        let mut progress = self.progress.lock();
        progress.look();
        most == 0
            || progress.waiting < BEHIND
            || progress.by_sender.take(sender, (bytes + ENVELOPE) as u64, most as u64)
    }

    /// Ends it: a WebSocket breaks, a poll is answered as one of an unknown session. Client libraries connect anew after
    /// either, which they do not after a Socket.IO disconnect.
    pub(super) fn cut(&self) {
        let mut progress = self.progress.lock();
        progress.cut = true;
        if let Some(connection) = &progress.connection {
            connection.cut();
        }
    }

    /// Why it was cut, if its client was the cause.
    pub(super) fn drop_reason(&self) -> Option<DropReason> {
        let progress = self.progress.lock();
        let connection = progress.connection.as_ref();
        connection.and_then(Connection::cut_reason).or(progress.why)
    }

    /// Says whether its client is in a class: then it gives way to nobody.
    pub(super) fn set_member(&self, is_member: bool) {
        let mut progress = self.progress.lock();
        progress.is_member = is_member;
        if let Some(connection) = &progress.connection {
            connection.set_member(is_member);
        }
        let session = progress.session.upgrade();
        drop(progress);
        if let Some(session) = session {
            session.set_member(is_member);
        }
    }

    /// Whether its client may come into a class.
    pub(super) fn may_join(&self) -> Result<(), Limit> {
        let session = self.progress.lock().session.upgrade();
        session.map_or(Ok(()), |session| session.may_join())
    }

    /// Holds a WebSocket to which the session may move, if there is none.
    pub(super) fn hold_upgrade(self: &Arc<Self>) -> Option<HeldUpgrade> {
        let is_held = self.change_upgrade(UpgradeStage::None, UpgradeStage::Held);
        is_held.then(|| HeldUpgrade(self.clone()))
    }

    /// Waits until a poll is to be answered with nothing, so that its client can move.
    pub(super) async fn until_poll_ends(&self) {
        loop {
            // Made before the look: it hears of what comes in between.
            let probed = self.probed.notified();
            if !self.is_probed() {
                probed.await;
            }
            sleep(POLL_WHILE_MOVING).await;
            if self.is_probed() {
                return;
            }
        }
    }

    fn is_probed(&self) -> bool {
        self.upgrade.load(Ordering::SeqCst) == UpgradeStage::Probed as u8
    }

    fn change_upgrade(&self, from: UpgradeStage, to: UpgradeStage) -> bool {
        let changed = self
            .upgrade
            .compare_exchange(from as u8, to as u8, Ordering::SeqCst, Ordering::SeqCst);
        changed.is_ok()
    }

    fn belongs_to(&self, session: &Arc<TransportSession>) {
        self.progress.lock().session = Arc::downgrade(session);
    }

    /// Names the connection of its WebSocket.
    pub(super) fn runs_over(&self, connection: &Connection) {
        let mut progress = self.progress.lock();
        if progress.cut {
            connection.cut();
        }
        if progress.is_member {
            connection.set_member(true);
        }
        if progress.connection.is_none() {
            progress.written = connection.written();
            progress.connection = Some(connection.clone());
        }
    }

    /// Whether its client polls, so that what is sent waits until it comes for it.
    pub(super) fn polls(&self) -> bool {
        self.upgrade.load(Ordering::SeqCst) != UpgradeStage::Moved as u8
    }

    /// Sends an event, and keeps it until it has arrived where nothing else tells when it has.
    pub(super) fn send_event<E>(
        &self,
        message: Option<&Message>,
        emit: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.polls() {
            return emit();
        }
        // Locked for both: the engine hands on what it is given in this order.
        let mut undelivered = self.undelivered.lock();
        emit()?;
        undelivered.sent(message.cloned());
        Ok(())
    }

    /// A poll begins: the answer to the one before has arrived.
    pub(super) fn poll_begins(&self) {
        let bytes = self.undelivered.lock().arrived();
        self.polled(bytes);
    }

    /// A poll is answered.
    pub(super) fn poll_answered(&self, body: &[u8]) {
        self.undelivered.lock().answered(body);
    }

    /// How many events may not have arrived.
    pub(super) fn undelivered(&self) -> usize {
        if self.polls() { self.undelivered.lock().len() } else { 0 }
    }

    /// Takes what may not have arrived: whatever its client comes back on gets it.
    pub(super) fn take_undelivered(&self) -> Vec<Message> {
        self.undelivered.lock().take()
    }

    /// What has not arrived is not to be sent again: its client is about to leave the room that it is of.
    pub(super) fn forget_undelivered(&self) {
        self.undelivered.lock().forget();
    }

    /// Polls have carried so many bytes away.
    fn polled(&self, bytes: u64) {
        self.progress.lock().carried_away(bytes);
    }

    /// A request begins by which a polling client sends something. `None` while there is another.
    pub(super) fn begin_post(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        self.posting.try_lock().ok()
    }

    /// How long a polling client has to wait until more of what it sends is read, if at all.
    pub(super) fn wait_to_send(&self) -> Result<Option<Duration>, TooFast> {
        let mut pace = self.pace.lock();
        let waits = pace.as_mut().map_or(Ok(None), |pace| pace.wait());
        waits.inspect_err(|why| self.end(*why))
    }

    /// Counts what a polling client has sent.
    pub(super) fn sent(&self, seen: Seen) -> Result<(), TooFast> {
        let mut pace = self.pace.lock();
        let counted = pace.as_mut().map_or(Ok(()), |pace| pace.count(seen, 0));
        counted.inspect_err(|why| self.end(*why))
    }

    fn end(&self, why: TooFast) {
        if let Some(limit) = why.limit() {
            metrics::limit_reached(limit);
        }
        debug!("a polling session is ended: {why}");
        self.cut_for(DropReason::Rate);
    }

    /// [`Self::cut`], for what its client did, or as the server stops.
    pub(super) fn cut_for(&self, why: DropReason) {
        self.progress.lock().why.get_or_insert(why);
        self.cut();
    }

    /// From here on what a polling client sends is counted.
    pub(super) fn set_pace(&self, limits: PaceLimits) {
        self.pace
            .lock()
            .get_or_insert_with(|| Box::new(InboundPace::new(limits)));
    }

    pub(super) fn is_cut(&self) -> bool {
        self.progress.lock().cut
    }

    pub(super) fn is_member(&self) -> bool {
        self.progress.lock().is_member
    }

    fn is_open(&self) -> bool {
        let progress = self.progress.lock();
        let has_session = progress.session.strong_count() > 0;
        has_session
            || progress
                .connection
                .as_ref()
                .is_some_and(|connection| !connection.is_over())
    }
}

impl HeldUpgrade {
    /// Its client has asked whether it works, and was answered.
    pub(super) fn probed(&self) {
        self.0.change_upgrade(UpgradeStage::Held, UpgradeStage::Probed);
        self.0.probed.notify_waiters();
    }

    /// Its client has moved to it.
    pub(super) fn moved(self, connection: Option<&Connection>) {
        // It moves when the answer to its last poll has come. What has not gone out by then goes over the WebSocket.
        self.0.poll_begins();
        self.0.upgrade.store(UpgradeStage::Moved as u8, Ordering::SeqCst);
        self.0.take_undelivered();
        if let Some(connection) = connection {
            self.0.runs_over(connection);
        }
    }
}

impl Drop for HeldUpgrade {
    fn drop(&mut self) {
        for stage in [UpgradeStage::Held, UpgradeStage::Probed] {
            self.0.change_upgrade(stage, UpgradeStage::None);
        }
    }
}

impl Progress {
    /// Takes off what has been carried since the last look. Frames and pings count as well there, so it may be too
    /// much; never below nothing, so that a client gains no credit by them.
    fn look(&mut self) {
        if let Some(connection) = &self.connection {
            let written = connection.written();
            let new = written - self.written;
            self.written = written;
            self.carried_away(new);
        }
    }

    fn carried_away(&mut self, bytes: u64) {
        self.by_sender.carried_away(bytes, self.waiting);
        self.waiting = self.waiting.saturating_sub(bytes);
        if self.held.is_some() {
            self.is_within_budget();
        }
    }

    /// Counts what waits as memory of the client's address. False if this client is the one to give way for it. A
    /// WebSocket may also have to give way to others of its address; polls that nobody sends hold nothing for long.
    fn is_within_budget(&mut self) -> bool {
        let waiting = usize::try_from(self.waiting).unwrap_or(usize::MAX);
        if waiting <= STEP {
            self.held = None;
            return true;
        }
        let Some((memory, address)) = &self.memory else {
            return true;
        };
        let holder = self.connection.as_ref().map(Connection::holder);
        let held = self.held.get_or_insert_with(|| Box::new(memory.held(*address, holder)));
        held.set(waiting).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sender_shares::MESSAGES_PER_SENDER;
    use super::*;
    use crate::held::HeldLimits;

    #[test]
    fn a_client_may_be_so_far_behind_and_no_further() {
        let transport = Transport::default();
        assert!(transport.admit(MOST_WAITING as usize));
        assert!(transport.admit(1));
        assert!(!transport.admit(1));
        transport.polled(1_000_000);
        assert!(transport.admit(1), "a poll has carried some away");
        transport.cut();
        assert!(!transport.admit(0), "nothing more is sent over what was cut");
    }

    #[test]
    fn one_sender_has_a_share_of_what_waits_and_gets_it_back() {
        const MOST: usize = 1_000_000;
        let transport = Transport::default();
        let send = |sender: u64, bytes: usize| {
            let takes = transport.takes(SocketKey(sender), bytes, MOST);
            takes && transport.admit(bytes + ENVELOPE)
        };
        assert!(send(1, BEHIND as usize), "a moment's worth is nobody's business");
        let sent = (0..100).filter(|_| send(1, 100_000)).count();
        assert_eq!(sent, 9);
        assert!(send(2, 100_000), "another has its own");
        let small = (0..2_000).filter(|_| send(2, 10)).count() as u64;
        assert_eq!(small, MESSAGES_PER_SENDER - 1);
        let waiting = transport.progress.lock().waiting;
        transport.polled(waiting / 2);
        assert!((0..4).all(|_| send(1, 100_000)));
        assert!(!send(1, 200_000));
        transport.polled(u64::MAX);
        assert!(transport.progress.lock().by_sender.is_empty());
        assert!(transport.takes(SocketKey(1), 5 * MOST, 0), "0 is no limit");
    }

    #[test]
    fn what_waits_for_clients_of_one_address_is_bounded_in_all() {
        let limits = HeldLimits {
            in_all: 0,
            per_address: 10 * STEP,
        };
        let memory = MemoryBudget::new(limits);
        let address = |text: &str| AddressKey::of(text.parse().unwrap());
        let client = |text: &str, is_member: bool| {
            let (transport, connection) = (Transport::default(), Connection::default());
            transport.counts_for(&memory, address(text));
            transport.runs_over(&connection);
            transport.set_member(is_member);
            (transport, connection)
        };
        let (slow, slow_connection) = client("192.0.2.1", true);
        let (visitor, visitor_connection) = client("192.0.2.1", false);
        let (other, other_connection) = client("192.0.2.2", false);
        assert!(visitor.admit(4 * STEP) && other.admit(10 * STEP));
        assert_eq!(memory.bytes(), 14 * STEP);
        assert!(slow.admit(9 * STEP), "who is in no room gives way to who is");
        assert!(visitor_connection.is_over());
        assert!(!slow_connection.is_over() && !other_connection.is_over());
        assert!(!slow.admit(2 * STEP), "its address has no more");
        slow.polled(u64::MAX);
        other.polled(u64::MAX);
        assert_eq!(memory.bytes(), 0, "what was carried away is given back");
        assert!(slow.admit(9 * STEP));
    }

    #[test]
    fn carrying_more_than_was_sent_gives_no_credit() {
        let transport = Transport::default();
        transport.polled(u64::MAX);
        assert!(transport.admit(MOST_WAITING as usize + 1));
        assert!(!transport.admit(1));
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        let transports = Transports::default();
        let connection = Connection::default();
        let (used, upgrading) = (Sid::new(), Sid::new());
        let held = transports.of(used);
        transports.of(Sid::new());
        transports.of(upgrading).runs_over(&connection);
        transports.sweep();
        assert_eq!(transports.0.lock().len(), 2);
        assert!(transports.find(upgrading).is_some());
        drop(held);
        connection.cut();
        transports.sweep();
        assert_eq!(transports.0.lock().len(), 0);
    }

    #[test]
    fn a_member_is_known_over_whatever_connection_comes_later() {
        let transport = Transport::default();
        transport.set_member(true);
        assert!(transport.is_member());
        transport.runs_over(&Connection::default());
        transport.set_member(false);
        assert!(!transport.is_member());
    }
}
