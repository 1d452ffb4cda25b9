//! A wait that takes memory only while it lasts: most connections never wait.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// What is waited for, if anything is.
#[derive(Debug)]
pub(crate) struct Wait<F: ?Sized = Sleep>(Option<Pin<Box<F>>>);

impl<F: ?Sized> Default for Wait<F> {
    fn default() -> Self {
        Self(None)
    }
}

impl<F: Future<Output = ()> + ?Sized> Wait<F> {
    /// Waits for this from now on.
    pub(crate) fn begin(&mut self, until: Pin<Box<F>>) {
        self.0 = Some(until);
    }

    /// Whether nothing is waited for.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Ready when nothing is waited for any more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(until) = &mut self.0 {
            ready!(until.as_mut().poll(cx));
            self.0 = None;
        }
        Poll::Ready(())
    }
}

impl Wait {
    /// Waits for as long as it is told, again and again, until it is told nothing.
    pub(crate) fn poll_while<E>(
        &mut self,
        cx: &mut Context<'_>,
        mut how_long: impl FnMut() -> Result<Option<Duration>, E>,
    ) -> Poll<Result<(), E>> {
        loop {
            ready!(self.poll(cx));
            match how_long()? {
                None => return Poll::Ready(Ok(())),
                Some(time) => self.begin(Box::pin(sleep(time))),
            }
        }
    }
}
