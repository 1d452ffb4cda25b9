//! Reads ahead, and keeps no memory for it while there is nothing to read.
//!
//! A WebSocket reads into a buffer of its own as long as it is open, whether anything comes or not. Here that buffer
//! may be small: what the system has is fetched in one call all the same, into memory that all connections of a
//! thread share, and what does not fit is kept until the next read.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::coop;

use super::inbound::{Inbound, Pass};

/// How many bytes are fetched at once for who wants fewer.
const AT_ONCE: usize = 8192;

thread_local! {
    static SHARED: RefCell<[u8; AT_ONCE]> = const { RefCell::new([0; AT_ONCE]) };
}

/// Reads a stream so that small reads do not each ask the system, and lets its [`Inbound`] look at what comes.
pub(super) struct ReadAhead {
    inbound: Inbound,
    /// What was fetched and nobody has read yet, from `read` on. No memory when there is nothing.
    fetched: Vec<u8>,
    read: usize,
}

impl ReadAhead {
    pub(super) fn new(inbound: Inbound) -> Self {
        Self {
            inbound,
            fetched: Vec::new(),
            read: 0,
        }
    }

    fn hand_over(&mut self, buf: &mut ReadBuf<'_>, most: usize) {
        let rest = &self.fetched[self.read..];
        let taken = rest.len().min(buf.remaining()).min(most);
        buf.put_slice(&rest[..taken]);
        self.read += taken;
        if self.read == self.fetched.len() {
            self.fetched = Vec::new();
            self.read = 0;
        }
    }

    /// Takes what has come, and hands over what may be at once. False at the end.
    fn fetch<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        ready!(self.inbound.poll_ready(cx))?;
        SHARED.with_borrow_mut(|shared| {
            let most = self.inbound.at_once().min(shared.len());
            let mut fetched = ReadBuf::new(&mut shared[..most]);
            ready!(Pin::new(stream).poll_read(cx, &mut fetched))?;
            let rest = &mut self.fetched;
            if !fetched.filled().is_empty() {
                self.inbound.take(fetched.filled(), |slice, pass| {
                    let room = if pass == Pass::AtOnce { buf.remaining() } else { 0 };
                    let (wanted, more) = slice.split_at(room.min(slice.len()));
                    buf.put_slice(wanted);
                    rest.extend_from_slice(more);
                })?;
            }
            Poll::Ready(Ok(!fetched.filled().is_empty()))
        })
    }

    /// As [`AsyncRead::poll_read`] of the stream, which must be the same each time.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inbound.begin_frames(&mut self.fetched, &mut self.read)?;
        let before = buf.filled().len();
        // A part of a frame's header alone is nothing to hand on, and nothing would look like the end.
        while buf.filled().len() == before {
            if !self.fetched.is_empty() {
                let most = ready!(self.inbound.poll_turn(cx));
                // Counts as the system's own answer would: a peer that sends without end must not keep its thread.
                let budget = ready!(coop::poll_proceed(cx));
                self.hand_over(buf, most);
                budget.made_progress();
            } else if !ready!(self.fetch(stream, cx, buf))? {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::net::connection::Connection;
    use crate::net::inbound::{inbound_of_reads, inbound_without_limits};
    use crate::net::reads::PIECE;

    /// Bytes that all arrive at once, and how often they were asked for.
    struct Arrived {
        bytes: Vec<u8>,
        asked: usize,
    }

    struct Reader {
        stream: Arrived,
        ahead: ReadAhead,
    }

    impl Reader {
        fn of(count: usize) -> Self {
            Self::through(inbound_without_limits(&Connection::default()), count)
        }

        fn through(inbound: Inbound, count: usize) -> Self {
            let bytes = (0..count).map(|n| (n % 251) as u8).collect();
            Self {
                stream: Arrived { bytes, asked: 0 },
                ahead: ReadAhead::new(inbound),
            }
        }
    }

    impl AsyncRead for Reader {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let this = &mut *self;
            this.ahead.poll_read(&mut this.stream, cx, buf)
        }
    }

    impl AsyncRead for Arrived {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.asked += 1;
            let taken = self.bytes.len().min(buf.remaining());
            buf.put_slice(&self.bytes.drain(..taken).collect::<Vec<u8>>());
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn many_small_reads_ask_once_and_then_keep_nothing() {
        let mut reader = Reader::of(1000);
        let all = reader.stream.bytes.clone();
        let mut read: Vec<u8> = Vec::new();
        for size in [1, 99, 128, 300, 472] {
            let mut part = vec![0; size];
            reader.read_exact(&mut part).await.unwrap();
            read.extend(part);
        }
        assert_eq!(read, all);
        assert_eq!(reader.stream.asked, 1);
        assert_eq!(
            reader.ahead.fetched.capacity(),
            0,
            "memory is kept though nothing waits"
        );
        assert_eq!(reader.read(&mut [0; 128]).await.unwrap(), 0, "the end is told");
    }

    #[tokio::test]
    async fn more_than_is_fetched_at_once_stays_in_order() {
        let mut reader = Reader::of(AT_ONCE * 3 + 17);
        let all = reader.stream.bytes.clone();
        let mut read: Vec<u8> = Vec::new();
        let mut part = [0; 500];
        while let taken @ 1.. = reader.read(&mut part).await.unwrap() {
            read.extend(&part[..taken]);
        }
        assert_eq!(read, all);
        // One of them found the end.
        assert_eq!(reader.stream.asked, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_read_too_fast_already_is_read_in_pieces() {
        let mut reader = Reader::through(inbound_of_reads(&Connection::default(), 1), AT_ONCE + 4 * PIECE);
        let mut part = vec![0; AT_ONCE];
        let started = tokio::time::Instant::now();
        for piece in [AT_ONCE, PIECE, PIECE, PIECE, PIECE] {
            assert_eq!(reader.read(&mut part).await.unwrap(), piece);
        }
        assert!(
            (5..=10).contains(&started.elapsed().as_secs()),
            "{:?}",
            started.elapsed()
        );
    }

    #[tokio::test]
    async fn a_peer_that_sends_without_end_leaves_others_their_turn() {
        let mut reader = Reader::of(AT_ONCE * 100);
        let reading = tokio::spawn(async move { while reader.read(&mut [0; 128]).await.unwrap() > 0 {} });
        tokio::task::yield_now().await;
        assert!(!reading.is_finished(), "all was read in one turn");
        reading.await.unwrap();
    }
}
