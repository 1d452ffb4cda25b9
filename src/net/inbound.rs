//! What has arrived on one connection, and whether more may be read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tracing::warn;

use super::connection::{Connection, Stage};
use super::frames::Frames;
use super::pace::{Pace, PaceLimits, TooFast};
use super::reads::Reads;
use crate::held::{Held, MemoryBudget, STEP};
use crate::limit::Seldom;
use crate::model::address::AddressKey;

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
            told: Seldom::new(TOLD_EVERY),
        }
    }
}

/// One connection's.
#[derive(Debug)]
pub(super) struct Inbound {
    limits: Arc<InboundLimits>,
    connection: Connection,
    peer: AddressKey,
    /// The part of the connection's life that `waiting` and `line` are about.
    turn: u32,
    /// Bytes that have come since, and so may still wait for the rest of their request.
    waiting: usize,
    line: Line,
    /// Made with the first that is large.
    held: Option<Held>,
    frames: Option<Box<(Frames, Pace)>>,
    /// Until the address may be read again.
    wait: Option<Pin<Box<Sleep>>>,
}

/// How far a request's head has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Start,
    StartAndReturn,
    Within,
    /// The empty line, so the head's end.
    Empty,
    /// More than a head has come.
    Beyond,
}

impl Inbound {
    pub(super) fn new(limits: Arc<InboundLimits>, connection: Connection, peer: AddressKey) -> Self {
        let mut inbound = Self {
            limits,
            turn: connection.turn(),
            connection,
            peer,
            waiting: 0,
            line: Line::Start,
            held: None,
            frames: None,
            wait: None,
        };
        // To accept it cost as much as a read.
        inbound.count_read(0);
        inbound
    }

    /// Whether frames are looked at; if they are from here on, `fetched` is what of them has come already.
    pub(super) fn is_frames(&mut self, fetched: &mut Vec<u8>, read: &mut usize) -> io::Result<bool> {
        if self.frames.is_some() {
            return Ok(true);
        }
        if self.connection.stage() != Stage::Frames {
            return Ok(false);
        }
        self.held = None;
        self.frames = Some(Box::new((
            Frames::new(self.limits.most_message),
            Pace::new(self.limits.pace),
        )));
        let mut passed = Vec::new();
        self.pass(&fetched[*read..], |slice| passed.extend_from_slice(slice))?;
        (*fetched, *read) = (passed, 0);
        Ok(true)
    }

    /// Waits until more may be read.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(cx));
            self.wait = None;
        }
        let Some(frames) = &mut self.frames else {
            // Whoever answers the request wakes the reader.
            return if self.connection.stage() == Stage::Upgrading {
                Poll::Pending
            } else {
                Poll::Ready(Ok(()))
            };
        };
        let paced = ready!(frames.1.poll_ready(cx));
        Poll::Ready(paced.map_err(|why| self.cut(why)))
    }

    /// Looks at frames, and gives what is to be handed on of them.
    pub(super) fn pass(&mut self, bytes: &[u8], hand_on: impl FnMut(&[u8])) -> io::Result<()> {
        let Some(frames) = &mut self.frames else {
            return Ok(());
        };
        let (frames, pace) = frames.as_mut();
        let seen = frames.pass(bytes, hand_on);
        let waiting = frames.unfinished();
        pace.count(seen, bytes.len()).map_err(|why| self.cut(why))?;
        if !self.connection.is_member() {
            self.count_read(bytes.len());
        }
        self.hold(waiting)
    }

    /// Looks at what was read of a request.
    pub(super) fn request(&mut self, bytes: &[u8]) -> io::Result<()> {
        let turn = self.connection.turn();
        if self.turn != turn {
            (self.turn, self.waiting, self.line) = (turn, 0, Line::Start);
            if self.connection.client() != Some(self.peer) {
                self.held = None;
            }
        }
        self.waiting += bytes.len();
        self.count_read(bytes.len());
        if self.line != Line::Beyond {
            self.line = bytes.iter().fold(self.line, |line, byte| line.then(*byte));
        }
        self.connection.set_after_head(self.line == Line::Empty);
        self.hold(self.waiting)
    }

    /// Has the next read wait if this one was too much for the address.
    fn count_read(&mut self, bytes: usize) {
        let wait = self.limits.reads.count(self.peer, self.connection.client(), bytes);
        if !wait.is_zero() {
            self.wait = Some(Box::pin(sleep(wait)));
        }
    }

    fn hold(&mut self, bytes: usize) -> io::Result<()> {
        if self.held.is_none() && bytes <= STEP {
            return Ok(());
        }
        let held = self.held.get_or_insert_with(|| {
            let address = self.connection.client().unwrap_or(self.peer);
            self.limits.memory.held(address, Some(self.connection.holder()))
        });
        held.set(bytes).map_err(|over| {
            self.connection.cut();
            io::Error::new(io::ErrorKind::ConnectionAborted, over)
        })
    }

    fn cut(&self, why: TooFast) -> io::Error {
        self.limits.told.then(|| {
            let address = self.connection.client().unwrap_or(self.peer);
            warn!(%address, "a WebSocket is cut: {why}");
        });
        self.connection.cut();
        io::Error::new(io::ErrorKind::ConnectionAborted, why)
    }
}

impl Line {
    fn then(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Empty | Self::Beyond, _) => Self::Beyond,
            (Self::Start | Self::StartAndReturn, b'\n') => Self::Empty,
            (Self::Start, b'\r') => Self::StartAndReturn,
            (_, b'\n') => Self::Start,
            _ => Self::Within,
        }
    }
}
