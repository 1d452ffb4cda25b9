//! The transports under the sockets: how far behind a client's reading is, and how to end it for good.
//!
//! The library bounds how many messages wait for a client, not how many bytes, and it can end a client that has stopped
//! reading only through the very queue that is full. So what is sent is counted here, against what the connection (for
//! a WebSocket) or the answered polls have carried away.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::http::{Method, StatusCode, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use socketioxide::socket::Sid;
use tracing::debug;

use super::records::Records;
use super::seat::Seat;
use crate::held::{Held, MemoryBudget, STEP};
use crate::model::address::AddressKey;
use crate::model::id::SocketKey;
use crate::model::vocabulary::DropReason;
use crate::net::{Connection, InboundPace, PaceLimits, Seen, TooFast};
use crate::room::refusal::Limit;

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
}

#[derive(Default)]
struct Progress {
    /// The WebSocket's connection. A polling client comes over any, perhaps with others' requests.
    connection: Option<Connection>,
    /// What the connection had carried when it was last looked at.
    carried: u64,
    /// At most so many bytes have been sent and wait to be read.
    waiting: u64,
    /// Whose that is, while it is more than a moment's worth.
    shares: Shares,
    /// Where it is counted as memory of the client's address.
    memory: Option<(MemoryBudget, AddressKey)>,
    /// What is counted there, while it is more than a moment's worth.
    held: Option<Box<Held>>,
    cut: bool,
    /// It was cut for what its client sent.
    too_fast: Option<DropReason>,
    /// The session's, for as long as the engine keeps the session.
    seat: Weak<Seat>,
    is_member: bool,
}

/// What waits for a client, by who sent it. What is carried away counts as everybody's in proportion: nobody keeps a list
/// of what was sent in which order.
#[derive(Default)]
struct Shares(Vec<Share>);

struct Share {
    sender: SocketKey,
    bytes: u64,
    messages: u64,
}

/// From so many waiting bytes on it matters whose they are.
const BEHIND: u64 = 64 * 1024;

/// How many messages of one sender may wait for a client: a quarter of all that may.
const MESSAGES_PER_SENDER: u64 = super::MAX_WAITING as u64 / 4;

/// An event takes at least so many bytes besides what it carries.
pub(super) const ENVELOPE: usize = 32;

impl Shares {
    /// Counts a message, unless too much of its sender waits already.
    fn take(&mut self, sender: SocketKey, bytes: u64, most: u64) -> bool {
        let Some(share) = self.0.iter_mut().find(|share| share.sender == sender) else {
            let messages = 1;
            self.0.push(Share {
                sender,
                bytes,
                messages,
            });
            return true;
        };
        if share.bytes + bytes > most || share.messages >= MESSAGES_PER_SENDER {
            return false;
        }
        share.bytes += bytes;
        share.messages += 1;
        true
    }

    /// Of so many waiting bytes so many have been carried away.
    fn carried(&mut self, bytes: u64, waiting: u64) {
        if self.0.is_empty() {
            return;
        }
        if bytes >= waiting {
            self.0 = Vec::new();
            return;
        }
        let rest = |value: u64| u64::try_from(u128::from(value) * u128::from(waiting - bytes) / u128::from(waiting));
        for share in &mut self.0 {
            share.bytes = rest(share.bytes).unwrap_or(0);
            share.messages = rest(share.messages).unwrap_or(0);
        }
        self.0.retain(|share| share.bytes > 0);
    }
}

impl Transports {
    /// The transport of a client that has connected.
    pub(super) fn connected(&self, id: Sid, request: &Parts) -> Arc<Transport> {
        let transport = self.of(id);
        if let Some(seat) = request.extensions.get() {
            transport.sits_at(seat);
        }
        let visit = Visit::of(&request.method, request.uri.query().unwrap_or_default());
        if visit.is_some_and(|visit| visit.is_websocket)
            && let Some(connection) = request.extensions.get()
        {
            transport.carried_by(connection);
        }
        transport
    }

    /// Makes known a session that a polling client has opened.
    pub(super) fn opened(&self, id: Sid, seat: &Arc<Seat>) {
        self.of(id).sits_at(seat);
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

    fn of(&self, id: Sid) -> Arc<Transport> {
        self.0.lock().entry(id).or_default().clone()
    }

    fn find(&self, id: Sid) -> Option<Arc<Transport>> {
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
        most == 0 || progress.waiting < BEHIND || progress.shares.take(sender, (bytes + ENVELOPE) as u64, most as u64)
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
        let carrier = progress.connection.as_ref();
        carrier.and_then(Connection::cut_reason).or(progress.too_fast)
    }

    /// Says whether its client is in a class: then it gives way to nobody.
    pub(super) fn set_member(&self, is_member: bool) {
        let mut progress = self.progress.lock();
        progress.is_member = is_member;
        if let Some(connection) = &progress.connection {
            connection.set_member(is_member);
        }
        let seat = progress.seat.upgrade();
        drop(progress);
        if let Some(seat) = seat {
            seat.set_member(is_member);
        }
    }

    /// Whether its client may come into a class.
    pub(super) fn may_join(&self) -> Result<(), Limit> {
        let seat = self.progress.lock().seat.upgrade();
        seat.map_or(Ok(()), |seat| seat.may_join())
    }

    fn sits_at(&self, seat: &Arc<Seat>) {
        self.progress.lock().seat = Arc::downgrade(seat);
    }

    fn carried_by(&self, connection: &Connection) {
        let mut progress = self.progress.lock();
        if progress.cut {
            connection.cut();
        }
        if progress.is_member {
            connection.set_member(true);
        }
        // A second WebSocket of one session is refused by the engine.
        if progress.connection.is_none() {
            progress.carried = connection.written();
            progress.connection = Some(connection.clone());
        }
    }

    fn polled(&self, bytes: u64) {
        self.progress.lock().carry(bytes);
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
        debug!("a polling session is ended: {why}");
        self.progress.lock().too_fast = Some(DropReason::Rate);
        self.cut();
    }

    /// The body of a request that sends something, as fast as this client may.
    fn records(self: &Arc<Self>, body: Body, limits: PaceLimits) -> Body {
        let bytes = 0;
        let limits = PaceLimits { bytes, ..limits };
        self.pace
            .lock()
            .get_or_insert_with(|| Box::new(InboundPace::new(limits)));
        Body::new(Records::new(body, self.clone()))
    }

    fn is_cut(&self) -> bool {
        self.progress.lock().cut
    }

    fn is_member(&self) -> bool {
        self.progress.lock().is_member
    }

    fn is_open(&self) -> bool {
        let progress = self.progress.lock();
        let has_session = progress.seat.strong_count() > 0;
        has_session
            || progress
                .connection
                .as_ref()
                .is_some_and(|connection| !connection.is_over())
    }
}

impl Progress {
    /// Takes off what has been carried since the last look. Frames and pings count as well there, so it may be too
    /// much; never below nothing, so that a client gains no credit by them.
    fn look(&mut self) {
        if let Some(connection) = &self.connection {
            let carried = connection.written();
            let new = carried - self.carried;
            self.carried = carried;
            self.carry(new);
        }
    }

    fn carry(&mut self, bytes: u64) {
        self.shares.carried(bytes, self.waiting);
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

/// What a request to the engine is about.
pub(super) struct Visit {
    id: Option<Sid>,
    /// It names no session.
    pub(super) opens_session: bool,
    pub(super) is_websocket: bool,
    pub(super) is_poll: bool,
    is_post: bool,
}

impl Visit {
    /// Reads the query as the engine does.
    pub(super) fn of(method: &Method, query: &str) -> Option<Self> {
        let value = |name| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let transport = value("transport")?;
        Some(Self {
            id: value("sid").and_then(|id| id.parse().ok()),
            opens_session: value("sid").is_none(),
            is_websocket: transport == "websocket",
            is_poll: transport == "polling" && method == Method::GET,
            is_post: transport == "polling" && method == Method::POST,
        })
    }
}

/// Follows what the clients' requests carry away, and turns those of a transport that was cut away.
pub(super) async fn follow(
    State((transports, limits)): State<(Arc<Transports>, PaceLimits)>,
    request: Request,
    next: Next,
) -> Response {
    let visit = Visit::of(request.method(), request.uri().query().unwrap_or_default());
    let Some((id, visit)) = visit.and_then(|visit| Some((visit.id?, visit))) else {
        return next.run(request).await;
    };
    // The engine would begin an upgrade of a session that it does not know, and end it then.
    let Some(transport) = transports.find(id).filter(|transport| !transport.is_cut()) else {
        return unknown_session();
    };
    if let Some(connection) = request.extensions().get::<Connection>() {
        if visit.is_websocket {
            // The upgrade may come before the Socket.IO connect.
            transport.carried_by(connection);
        } else if transport.is_member() {
            connection.set_member(true);
        }
    }
    if visit.is_post {
        return send(&transports.of(id), limits, request, next).await;
    }
    let response = next.run(request).await;
    if visit.is_poll {
        transport.polled(length(&response));
    }
    response
}

/// Passes on what a polling client sends.
async fn send(transport: &Arc<Transport>, limits: PaceLimits, request: Request, next: Next) -> Response {
    let request = request.map(|body| transport.records(body, limits));
    let response = next.run(request).await;
    if transport.is_cut() && !response.status().is_success() {
        let refusal =
            "This session has sent more than MESSAGES_PER_SOCKET allows, or repeated its connect: it is ended.\n";
        return (StatusCode::TOO_MANY_REQUESTS, [(CONNECTION, "close")], refusal).into_response();
    }
    response
}

fn length(response: &Response) -> u64 {
    let length = response.headers().get(CONTENT_LENGTH);
    length
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or_default()
}

/// What the engine answers, in its own words.
fn unknown_session() -> Response {
    (
        StatusCode::BAD_REQUEST,
        r#"{"code":"1","message":"Session ID unknown"}"#,
    )
        .into_response()
}

#[cfg(test)]
mod tests {
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
        assert!(transport.progress.lock().shares.0.is_empty());
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
            transport.carried_by(&connection);
            transport.set_member(is_member);
            (transport, connection)
        };
        let (slow, slow_connection) = client("192.0.2.1", true);
        let (stranger, stranger_connection) = client("192.0.2.1", false);
        let (other, other_connection) = client("192.0.2.2", false);
        assert!(stranger.admit(4 * STEP) && other.admit(10 * STEP));
        assert_eq!(memory.bytes(), 14 * STEP);
        assert!(slow.admit(9 * STEP), "who is in no room gives way to who is");
        assert!(stranger_connection.is_over());
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
        transports.of(upgrading).carried_by(&connection);
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
        transport.carried_by(&Connection::default());
        transport.set_member(false);
        assert!(!transport.is_member());
    }

    #[test]
    fn queries_are_read_as_the_engine_reads_them() {
        let id = Sid::new();
        let query = format!("EIO=4&transport=websocket&sid={id}");
        let visit = Visit::of(&Method::GET, &query).unwrap();
        assert!(visit.is_websocket && !visit.is_poll && visit.id == Some(id));
        assert!(Visit::of(&Method::GET, "EIO=4&transport=polling").unwrap().is_poll);
        assert!(!Visit::of(&Method::POST, "EIO=4&transport=polling").unwrap().is_poll);
        assert!(Visit::of(&Method::GET, "EIO=4").is_none());
    }
}
