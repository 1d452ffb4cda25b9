//! A stream whose beginning was spoken by somebody else already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The end of an HTTP response's head.
const HEAD_END: [u8; 4] = *b"\r\n\r\n";

/// Reads `said` before the stream's own bytes, and keeps the answers to it from the stream.
pub(super) struct Replayed<S> {
    stream: S,
    said: Bytes,
    answers: Answers,
}

/// What of the answers is still to come.
struct Answers {
    /// So many bytes of [`HEAD_END`] have come one after the other.
    head_end: usize,
    /// How many bytes follow the head.
    after_head: usize,
}

impl<S> Replayed<S> {
    /// `said` is answered by the head of an HTTP response and `after_head` bytes.
    pub(super) fn new(stream: S, said: Bytes, after_head: usize) -> Self {
        let head_end = 0;
        let answers = Answers { head_end, after_head };
        Self { stream, said, answers }
    }
}

impl Answers {
    /// How many of these bytes belong to the answers.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while self.head_end < HEAD_END.len() && taken < bytes.len() {
            let is_next = bytes[taken] == HEAD_END[self.head_end];
            // The head's end begins anew with each return.
            self.head_end = if is_next {
                self.head_end + 1
            } else {
                usize::from(bytes[taken] == HEAD_END[0])
            };
            taken += 1;
        }
        let rest = self.after_head.min(bytes.len() - taken);
        self.after_head -= rest;
        taken + rest
    }

    fn are_over(&self) -> bool {
        self.after_head == 0 && self.head_end == HEAD_END.len()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.said.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = self.said.len().min(buf.remaining());
        buf.put_slice(&self.said.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.answers.are_over() && !buf.is_empty() {
            return Poll::Ready(Ok(self.answers.take(buf)));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_was_said_is_read_first_and_its_answers_are_kept_back() {
        for size in [1, 3, 7, 100] {
            let (ours, mut theirs) = duplex(1024);
            let mut replayed = Replayed::new(ours, Bytes::from_static(b"said "), 8);
            theirs.write_all(b"and more").await.unwrap();
            let mut read = [0; 13];
            replayed.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"said and more");
            let written = b"HTTP/1.1 101 Switching\r\na: b\r\r\n\r\n\r\n345678the rest";
            for part in written.chunks(size) {
                replayed.write_all(part).await.unwrap();
            }
            drop(replayed);
            let mut rest = String::new();
            theirs.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, "the rest", "in parts of {size}");
        }
    }
}
