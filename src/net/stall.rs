//! Cuts a connection whose peer has stopped reading, or that is not wanted any more.
//!
//! TCP_USER_TIMEOUT does the first where there is one (Linux); this works everywhere, and it is what lets the tasks that
//! read and write know at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::ahead::ReadAhead;
use super::connection::Connection;
use crate::model::vocabulary::DropReason;

/// A stream that ends with its [`Connection`], which it cuts when a write could not pass a single byte for the given
/// time. What it reads goes through its [`ReadAhead`].
pub(super) struct StallGuard<S> {
    stream: S,
    ahead: ReadAhead,
    connection: Connection,
    stall_timeout: Duration,
    /// Whether the peer's end was seen, and what came before it had its turn.
    has_ended: bool,
    /// When a write that is waiting fails. Made only then: most connections never wait.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> StallGuard<S> {
    pub(super) fn new(stream: S, ahead: ReadAhead, connection: Connection, stall_timeout: Duration) -> Self {
        Self {
            stream,
            ahead,
            connection,
            stall_timeout,
            has_ended: false,
            stalled: None,
        }
    }

    fn counted(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.connection.count(bytes);
            self.stalled = None;
            // Also if it was cut meanwhile: whoever heard of an error would write the same once more.
            return written;
        }
        self.bounded(cx, written)
    }

    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let written = self.connection.bound_write(cx, written);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall_timeout = self.stall_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall_timeout)));
        ready!(stalled.as_mut().poll(cx));
        // Whoever reads must learn it too: a writer may pass over its errors.
        self.connection.cut_for(DropReason::Stalled);
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the peer has stopped reading",
        )))
    }
}

impl<S> Drop for StallGuard<S> {
    fn drop(&mut self) {
        self.connection.close();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let read = this.ahead.poll_read(&mut this.stream, cx, buf);
        match &read {
            Poll::Ready(Ok(())) if buf.filled().len() == before => {
                this.connection.ended(DropReason::Closed);
                if !this.has_ended {
                    // hyper would drop a request that came with the end before anybody has heard of it.
                    this.has_ended = true;
                    cx.waker().wake_by_ref();
                    return this.connection.bound_read(cx, Poll::Pending);
                }
            }
            Poll::Ready(Err(_)) => this.connection.ended(DropReason::Reset),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        this.connection.bound_read(cx, read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.connection.check()?;
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.counted(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.check()?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.counted(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;
    use crate::net::inbound::inbound_without_limits;

    const STALL_TIMEOUT: Duration = Duration::from_secs(20);

    fn guard(stream: DuplexStream, connection: Connection) -> StallGuard<DuplexStream> {
        let ahead = ReadAhead::new(inbound_without_limits(&connection));
        StallGuard::new(stream, ahead, connection, STALL_TIMEOUT)
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_written_once_the_connection_is_cut() {
        let (ours, mut theirs) = duplex(64);
        let connection = Connection::default();
        let mut guard = guard(ours, connection.clone());
        guard.write_all(b"before").await.unwrap();
        connection.cut();
        for _ in 0..2 {
            let error = guard.write_all(b"after").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        }
        drop(guard);
        let mut arrived = Vec::new();
        theirs.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, b"before");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_reads_fails_the_write() {
        let (ours, _theirs) = duplex(64);
        let mut guard = guard(ours, Connection::default());
        let start = Instant::now();
        let error = guard.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), STALL_TIMEOUT.as_secs());
        let error = guard.read_u8().await.unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::ConnectionAborted,
            "whoever reads learns it too"
        );
    }

    #[tokio::test]
    async fn how_a_peer_ended_it_is_remembered() {
        let (ours, theirs) = duplex(64);
        let connection = Connection::default();
        let mut guard = guard(ours, connection.clone());
        assert_eq!(connection.end_reason(), None);
        drop(theirs);
        assert_eq!(guard.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(connection.end_reason(), Some(DropReason::Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_wakes_whoever_waits() {
        let connection = Connection::default();
        let (ours, _theirs) = duplex(64);
        let (mut reader, mut writer) = tokio::io::split(guard(ours, connection.clone()));
        let reading = tokio::spawn(async move { reader.read_u8().await });
        let writing = tokio::spawn(async move { writer.write_all(&[0; 1000]).await });
        while connection.written() < 64 {
            tokio::task::yield_now().await;
        }
        let start = Instant::now();
        connection.cut();
        assert_eq!(
            reading.await.unwrap().unwrap_err().kind(),
            io::ErrorKind::ConnectionAborted
        );
        assert_eq!(
            writing.await.unwrap().unwrap_err().kind(),
            io::ErrorKind::ConnectionAborted
        );
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_is_served_to_the_end() {
        let (ours, mut theirs) = duplex(64);
        let mut guard = guard(ours, Connection::default());
        let reader = tokio::spawn(async move {
            let mut read = 0;
            while read < 1000 {
                tokio::time::sleep(STALL_TIMEOUT - Duration::from_secs(1)).await;
                read += theirs.read(&mut [0; 64]).await.unwrap();
            }
        });
        guard.write_all(&[0; 1000]).await.unwrap();
        reader.await.unwrap();
    }
}
