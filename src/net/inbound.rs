//! What has arrived on one connection, and whether more may be read.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use super::connection::{Connection, Stage};
use super::frames::Frames;
use super::pace::{InboundPace, PaceLimits, TooFast};
use super::reads::{LONGEST, PIECE, Reads};
use super::turns::{Slot, Turns};
use super::wait::Wait;
use crate::held::{Held, MemoryBudget, STEP};
use crate::limit::Seldom;
use crate::metrics;
use crate::model::address::AddressKey;
use crate::model::limit::LimitName;
use crate::model::vocabulary::DropReason;

/// A byte of a message counts for so many of a request: long ones take long to read, and only members send them.
const MESSAGE_WEIGHT: usize = 4;
/// How many bytes of messages are handed on in one turn: a few.
const IN_TURN: usize = 1024;
/// The shortest time between two lines in the log.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How much clients may send, for all connections of a server.
#[derive(Debug)]
pub struct InboundLimits {
    /// What what waits for its rest counts to.
    pub memory: MemoryBudget,
    /// How fast a WebSocket may send.
    pub pace: PaceLimits,
    /// The largest message, in bytes.
    pub most_message: usize,
    reads: Reads,
    pub(super) turns: Arc<Turns>,
    told: Seldom,
}

impl InboundLimits {
    /// Limits as given; `reads` is how often requests and sockets in no room are read for one address each second, and 0
    /// no limit.
    pub fn new(memory: MemoryBudget, pace: PaceLimits, most_message: usize, reads: u32) -> Self {
        Self {
            memory,
            pace,
            most_message,
            reads: Reads::new(reads),
            turns: Arc::new(Turns::new()),
            told: Seldom::new(TOLD_EVERY),
        }
    }
}

/// One connection's.
pub(super) struct Inbound {
    limits: Arc<InboundLimits>,
    connection: Connection,
    peer: AddressKey,
    /// The part of the connection's life that `waiting` and `head` are about.
    turn: u32,
    /// Bytes that have come since, and so may still wait for the rest of their request.
    waiting: usize,
    head: HeadProgress,
    /// Made with the first that is large.
    held: Option<Held>,
    websocket: Option<Box<WebSocketInbound>>,
    /// Whether what was taken last waits for its turn.
    in_turn: bool,
    /// Whether its address has been read so fast that little more of it may be.
    is_in_debt: bool,
    /// Until more of it may be handed on.
    wait: Wait<dyn Future<Output = ()> + Send>,
}

/// What is known besides of one that has become a WebSocket.
struct WebSocketInbound {
    frames: Frames,
    pace: InboundPace,
    too_fast: Wait,
    /// Where its reads count while it carries a member.
    slot: Slot,
}

/// How what was read is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    AtOnce,
    InTurn,
}

/// How far a request's head has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeadProgress {
    LineStart,
    LineStartAndReturn,
    WithinLine,
    /// The empty line has come.
    End,
    /// More than a head has come.
    Beyond,
}

impl Inbound {
    pub(super) fn new(limits: Arc<InboundLimits>, connection: Connection, peer: AddressKey) -> Self {
        let mut inbound = Self {
            turn: connection.turn(),
            limits,
            connection,
            peer,
            waiting: 0,
            head: HeadProgress::LineStart,
            held: None,
            websocket: None,
            in_turn: false,
            is_in_debt: false,
            wait: Wait::default(),
        };
        // To accept it cost as much as a read, which its first one pays.
        inbound.rate(1, 0);
        inbound
    }

    /// Looks at frames once the connection is a WebSocket; `fetched` is what of them has come already.
    pub(super) fn begin_frames(&mut self, fetched: &mut Vec<u8>, read: &mut usize) -> io::Result<()> {
        if self.websocket.is_some() || self.connection.stage() != Stage::Frames {
            return Ok(());
        }
        self.held = None;
        self.websocket = Some(Box::new(WebSocketInbound {
            frames: Frames::new(self.limits.most_message),
            pace: InboundPace::new(self.limits.pace),
            too_fast: Wait::default(),
            slot: self.limits.turns.slot(self.address()),
        }));
        let mut passed = Vec::new();
        self.frames(&fetched[*read..], |slice| passed.extend_from_slice(slice))?;
        (*fetched, *read) = (passed, 0);
        Ok(())
    }

    /// Waits until more may be read.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(websocket) = &mut self.websocket else {
            // Whoever answers the request wakes the reader.
            return if self.connection.stage() == Stage::Upgrading {
                Poll::Pending
            } else {
                Poll::Ready(Ok(()))
            };
        };
        let WebSocketInbound { pace, too_fast, .. } = websocket.as_mut();
        let paced = ready!(too_fast.poll_while(cx, || pace.wait()));
        Poll::Ready(paced.map_err(|why| self.cut(why)))
    }

    /// The most bytes that are worth fetching at once.
    pub(super) fn at_once(&self) -> usize {
        if self.is_in_debt && !self.connection.is_member() {
            PIECE
        } else {
            usize::MAX
        }
    }

    /// Waits until what was read may be handed on. Gives how much of it may be at once.
    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.wait.is_none() && self.in_turn {
            self.wait_for(Duration::ZERO);
        }
        ready!(self.wait.poll(cx));
        let is_message = self.websocket.is_some() && self.in_turn;
        Poll::Ready(if is_message { IN_TURN } else { usize::MAX })
    }

    /// Looks at what was read, and gives what is to be handed on of it: at once, or in turn.
    pub(super) fn take(&mut self, bytes: &[u8], mut hand_on: impl FnMut(&[u8], Pass)) -> io::Result<()> {
        let Some(websocket) = &self.websocket else {
            hand_on(bytes, Pass::InTurn);
            return self.request(bytes);
        };
        self.in_turn = !self.connection.is_member() || self.limits.turns.is_crowded(websocket.slot, bytes.len());
        let pass = if self.in_turn { Pass::InTurn } else { Pass::AtOnce };
        self.frames(bytes, |slice| hand_on(slice, pass))
    }

    fn frames(&mut self, bytes: &[u8], hand_on: impl FnMut(&[u8])) -> io::Result<()> {
        let Some(websocket) = &mut self.websocket else {
            return Ok(());
        };
        let WebSocketInbound { frames, pace, .. } = websocket.as_mut();
        let seen = frames.pass(bytes, hand_on);
        let waiting = frames.unfinished();
        pace.count(seen, bytes.len()).map_err(|why| self.cut(why))?;
        if !self.connection.is_member() {
            self.rate(seen.frames, bytes.len() * MESSAGE_WEIGHT);
        }
        self.hold(waiting)
    }

    fn request(&mut self, bytes: &[u8]) -> io::Result<()> {
        let turn = self.connection.turn();
        // Each that was answered has begun and ended; more than one have come together.
        let requests = turn.wrapping_sub(self.turn) / 2;
        if self.turn != turn {
            (self.turn, self.waiting, self.head) = (turn, 0, HeadProgress::LineStart);
            if self.connection.client() != Some(self.peer) {
                self.held = None;
            }
        }
        // Whoever answers before the rest of a body has been read closes the connection: that takes no turn of its own.
        self.in_turn = self.waiting == 0;
        self.waiting += bytes.len();
        self.rate(requests, bytes.len());
        if self.head != HeadProgress::Beyond {
            self.head = bytes.iter().fold(self.head, |head, byte| head.then(*byte));
        }
        self.connection.set_after_head(self.head == HeadProgress::End);
        self.hold(self.waiting)
    }

    /// Has what was read wait if it is too much for the address.
    fn rate(&mut self, messages: u32, bytes: usize) {
        let client = self.connection.client();
        let wait = self.limits.reads.count(self.peer, client, messages, bytes);
        self.is_in_debt = wait >= LONGEST;
        if !wait.is_zero() {
            metrics::limit_reached(LimitName::ReadsPerAddress);
            self.wait_for(wait);
        }
    }

    fn wait_for(&mut self, time: Duration) {
        let (turns, address) = (self.limits.turns.clone(), self.address());
        let until = (!time.is_zero()).then(|| sleep(time));
        self.wait.begin(Box::pin(async move {
            if let Some(until) = until {
                until.await;
            }
            turns.take(address).await;
        }));
    }

    fn address(&self) -> AddressKey {
        self.connection.client().unwrap_or(self.peer)
    }

    fn hold(&mut self, bytes: usize) -> io::Result<()> {
        if self.held.is_none() && bytes <= STEP {
            return Ok(());
        }
        let address = self.address();
        let held = self
            .held
            .get_or_insert_with(|| self.limits.memory.held(address, Some(self.connection.holder())));
        held.set(bytes).map_err(|over| {
            self.connection.cut_for(DropReason::Rate);
            io::Error::new(io::ErrorKind::ConnectionAborted, over)
        })
    }

    fn cut(&self, why: TooFast) -> io::Error {
        if let Some(limit) = why.limit() {
            metrics::limit_reached(limit);
        }
        self.limits.told.then(|| {
            let address = self.address();
            warn!(%address, "a WebSocket is cut: {why}");
        });
        self.connection.cut_for(DropReason::Rate);
        io::Error::new(io::ErrorKind::ConnectionAborted, why)
    }
}

impl HeadProgress {
    fn then(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::End | Self::Beyond, _) => Self::Beyond,
            (Self::LineStart | Self::LineStartAndReturn, b'\n') => Self::End,
            (Self::LineStart, b'\r') => Self::LineStartAndReturn,
            (_, b'\n') => Self::LineStart,
            _ => Self::WithinLine,
        }
    }
}

/// One without limits, for tests of what reads through it.
#[cfg(test)]
pub(super) fn inbound_without_limits(connection: &Connection) -> Inbound {
    inbound_of_reads(connection, 0)
}

/// One whose address is read so often each second, without other limits.
#[cfg(test)]
pub(super) fn inbound_of_reads(connection: &Connection, reads: u32) -> Inbound {
    let limits = InboundLimits::new(MemoryBudget::default(), PaceLimits::default(), 1_000_000, reads);
    let peer = AddressKey::of(std::net::Ipv4Addr::LOCALHOST.into());
    Inbound::new(Arc::new(limits), connection.clone(), peer)
}
