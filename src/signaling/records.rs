//! The bodies of polling clients' requests, record by record: one request may hold as many packets as a WebSocket sends
//! in a minute, and counts as them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::transport::Transport;
use crate::model::vocabulary::DropReason;
use crate::net::{Seen, Wait};

/// What separates packets (Engine.IO 4).
const SEPARATOR: u8 = 0x1e;
/// How Socket.IO's connect begins.
const CONNECT: &[u8] = b"40";

/// A body that comes as fast as its session's client may send.
pub(super) struct Records {
    body: Body,
    transport: Arc<Transport>,
    /// What has come and waits for its turn.
    come: Bytes,
    start: RecordStart,
    too_fast: Wait,
}

/// How the record that is passing begins: so many bytes of it have come, and they are so far those of a connect.
#[derive(Debug, Clone, Copy)]
struct RecordStart {
    known: usize,
    is_connect: bool,
}

impl RecordStart {
    const NEW: Self = Self {
        known: 0,
        is_connect: true,
    };

    /// Counts the records that begin in these bytes.
    fn count(&mut self, bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        for byte in bytes {
            if *byte == SEPARATOR {
                *self = Self::NEW;
                continue;
            }
            if self.known < CONNECT.len() {
                seen.frames += u32::from(self.known == 0);
                self.is_connect &= CONNECT[self.known] == *byte;
                self.known += 1;
                seen.connects += u32::from(self.is_connect && self.known == CONNECT.len());
            }
        }
        seen
    }
}

impl Records {
    pub(super) fn new(body: Body, transport: Arc<Transport>) -> Self {
        Self {
            body,
            transport,
            come: Bytes::new(),
            start: RecordStart::NEW,
            too_fast: Wait::default(),
        }
    }
}

impl HttpBody for Records {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        while this.come.is_empty() {
            let read = ready!(Pin::new(&mut this.body).poll_frame(cx));
            if read.as_ref().is_some_and(Result::is_err) {
                // The engine ends the session, and takes what has come for a packet that is broken.
                this.transport.cut_for(DropReason::Reset);
            }
            let Some(frame) = read.transpose()? else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => this.come = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let paced = this.too_fast.poll_while(cx, || this.transport.wait_to_send());
        ready!(paced).map_err(axum::Error::new)?;
        // Whole, as it came: of smaller pieces the engine's decoder has refused whole bodies.
        let part = std::mem::take(&mut this.come);
        let seen = this.start.count(&part);
        this.transport.sent(seen).map_err(axum::Error::new)?;
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.come.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.come.is_empty() {
            return self.body.size_hint();
        }
        SizeHint::default()
    }
}

/// Reads a body, for [`crate::fuzzing`], in parts as its first byte says: what is counted is what the engine will find.
pub(super) fn fuzz(bytes: &[u8]) {
    let Some((size, body)) = bytes.split_first() else {
        return;
    };
    let (mut start, mut all) = (RecordStart::NEW, Seen::default());
    for part in body.chunks(usize::from(*size) + 1) {
        let seen = start.count(part);
        all.frames += seen.frames;
        all.connects += seen.connects;
    }
    let records = body
        .split(|byte| *byte == SEPARATOR)
        .filter(|record| !record.is_empty());
    let connects = records.clone().filter(|record| record.starts_with(CONNECT));
    let there = Seen {
        frames: records.clone().count() as u32,
        connects: connects.count() as u32,
    };
    assert_eq!(all, there);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_however_they_are_cut() {
        let body = b"40\x1e42[\"x\",{}]\x1e\x1e2\x1e40{}\x1e4\x1e0\x1e140";
        for size in 1..body.len() {
            let mut start = RecordStart::NEW;
            let mut all = Seen::default();
            for part in body.chunks(size) {
                let seen = start.count(part);
                all.frames += seen.frames;
                all.connects += seen.connects;
            }
            assert_eq!(all, Seen { frames: 7, connects: 2 }, "in parts of {size}");
        }
    }
}
