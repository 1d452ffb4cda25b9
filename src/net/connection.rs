//! One accepted connection, as the requests that arrive on it know it.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use super::admission::{Admission, Occupant, Place};
use super::forwarded::ClientAddress;
use crate::held::Holder;
use crate::model::address::AddressKey;
use crate::model::vocabulary::DropReason;

/// A handle to one accepted connection, among the extensions of every request on it. It stays valid for whoever has
/// taken the connection over (a WebSocket), and after the connection's end.
#[derive(Debug, Clone, Default)]
pub struct Connection(Arc<ConnectionState>);

#[derive(Debug, Default)]
struct ConnectionState {
    written: AtomicU64,
    cut: AtomicBool,
    /// Why it was cut, where that was the peer's doing.
    why: OnceLock<DropReason>,
    /// How the peer ended it.
    ended: OnceLock<DropReason>,
    is_member: AtomicBool,
    stage: AtomicU8,
    /// Counts what changes whose the bytes are that arrive: a request begins to be answered, or has been.
    turns: AtomicU32,
    /// What was read so far ends with a request's head.
    is_after_head: AtomicBool,
    /// Who sent the last request, by what the proxies say.
    client: Mutex<Option<AddressKey>>,
    reader: AtomicWaker,
    writer: AtomicWaker,
    server: AtomicWaker,
    /// None for one that nobody has accepted.
    place: OnceLock<Place>,
}

/// What arrives on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Requests.
    Http,
    /// Nothing that may be read: the answer decides what it is.
    Upgrading,
    /// A WebSocket's frames.
    Frames,
}

impl ConnectionState {
    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.reader.wake();
        self.writer.wake();
        self.server.wake();
    }

    fn cut_for(&self, why: DropReason) {
        // The first reason is the one that ended it.
        let _ = self.why.set(why);
        self.cut();
    }
}

impl Holder for ConnectionState {
    fn is_member(&self) -> bool {
        self.is_member.load(Ordering::Relaxed)
    }

    fn give_way(&self) {
        self.cut_for(DropReason::Stalled);
    }
}

impl Occupant for ConnectionState {
    fn lose_place(&self) {
        self.cut();
    }
}

impl Connection {
    /// One that has been accepted from this address, and has its place.
    pub(super) fn accepted(admission: &Arc<Admission>, peer: IpAddr) -> Self {
        let connection = Self::default();
        let place = admission.enter(peer, connection.0.clone());
        let placed = connection.0.place.set(place);
        debug_assert!(placed.is_ok(), "a connection has one place");
        connection
    }

    /// How many bytes the system has taken for the peer so far.
    pub fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// Ends it: whatever waits to read from it or to write to it fails, and so does everything after.
    pub fn cut(&self) {
        self.0.cut();
    }

    /// [`Self::cut`], for what its peer does.
    pub(super) fn cut_for(&self, why: DropReason) {
        self.0.cut_for(why);
    }

    /// Why it was cut, if its peer was the cause.
    pub fn cut_reason(&self) -> Option<DropReason> {
        self.0.why.get().copied()
    }

    /// How its peer ended it, if it did: in order, or by a reset.
    pub fn end_reason(&self) -> Option<DropReason> {
        self.0.ended.get().copied()
    }

    /// Its peer has ended it.
    pub(super) fn ended(&self, how: DropReason) {
        // The first that was seen of it.
        let _ = self.0.ended.set(how);
    }

    /// Says that it carries somebody who is in a room: where clients must give way, those go first that are not.
    pub fn set_member(&self, is_member: bool) {
        self.0.is_member.store(is_member, Ordering::Relaxed);
        if let Some(place) = self.0.place.get() {
            place.set_member(is_member);
        }
    }

    /// Whether it carries somebody who is in a room.
    pub(super) fn is_member(&self) -> bool {
        Holder::is_member(&*self.0)
    }

    /// Waits for its end.
    pub(super) async fn over(&self) {
        poll_fn(|cx| {
            self.0.server.register(cx.waker());
            if self.is_over() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// A request of this client is being answered.
    pub(super) fn ask(&self, client: ClientAddress) {
        if let Some(place) = self.0.place.get() {
            place.ask(client.0);
        }
    }

    /// Nothing is asked of it any more.
    pub(super) fn rest(&self) {
        if let Some(place) = self.0.place.get() {
            self.0.is_member.store(false, Ordering::Relaxed);
            place.rest();
        }
    }

    /// Its descriptor is closed.
    pub(super) fn close(&self) {
        self.cut();
        if let Some(place) = self.0.place.get() {
            place.close();
        }
    }

    /// It, as whoever holds memory for it is known to the budget.
    pub fn holder(&self) -> Arc<dyn Holder> {
        self.0.clone()
    }

    /// Whether it has ended, by [`Self::cut`] or by itself.
    pub fn is_over(&self) -> bool {
        self.0.cut.load(Ordering::SeqCst)
    }

    /// A request is about to be answered; `upgrades` if the connection may become a WebSocket by it. False if the client
    /// has not waited for that answer before it went on: what it sent then would pass unseen.
    pub(super) fn begin(&self, client: Option<AddressKey>, upgrades: bool) -> bool {
        *self.0.client.lock() = client;
        self.0.turns.fetch_add(1, Ordering::Relaxed);
        let is_after_head = self.0.is_after_head.swap(false, Ordering::Relaxed);
        if upgrades && is_after_head {
            self.set_stage(Stage::Upgrading);
        }
        is_after_head
    }

    /// A request has been answered.
    pub(super) fn end(&self, is_upgraded: bool) {
        self.0.turns.fetch_add(1, Ordering::Relaxed);
        self.0.is_after_head.store(false, Ordering::Relaxed);
        let stage = if is_upgraded { Stage::Frames } else { Stage::Http };
        self.set_stage(stage);
        // It may wait for this.
        self.0.reader.wake();
    }

    pub(super) fn stage(&self) -> Stage {
        match self.0.stage.load(Ordering::Relaxed) {
            0 => Stage::Http,
            1 => Stage::Upgrading,
            _ => Stage::Frames,
        }
    }

    fn set_stage(&self, stage: Stage) {
        self.0.stage.store(stage as u8, Ordering::Relaxed);
    }

    pub(super) fn turn(&self) -> u32 {
        self.0.turns.load(Ordering::Relaxed)
    }

    pub(super) fn set_after_head(&self, is_after_head: bool) {
        self.0.is_after_head.store(is_after_head, Ordering::Relaxed);
    }

    pub(super) fn client(&self) -> Option<AddressKey> {
        *self.0.client.lock()
    }

    pub(super) fn count(&self, bytes: usize) {
        self.0.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Turns a read that waits into an error once the connection is cut.
    pub(super) fn bound_read<T>(&self, cx: &Context<'_>, read: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.bound(&self.0.reader, cx, read)
    }

    /// Turns a write that waits into an error once the connection is cut.
    pub(super) fn bound_write<T>(&self, cx: &Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.bound(&self.0.writer, cx, written)
    }

    fn bound<T>(&self, waker: &AtomicWaker, cx: &Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_pending() {
            waker.register(cx.waker());
        }
        // Looked at after the registration: a cut in between would wake nobody.
        match self.check() {
            Ok(()) => done,
            Err(cut) => Poll::Ready(Err(cut)),
        }
    }

    /// An error once the connection is cut.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_over() {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the connection was cut",
            ));
        }
        Ok(())
    }
}
