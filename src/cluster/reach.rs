//! Whether the database answers this node.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::journal::Nodes;

/// When the database has answered.
pub(super) struct Reach(Mutex<Answers>);

struct Answers {
    last: Instant,
    /// Since when it has answered whenever it was asked.
    since: Option<Instant>,
    /// When the lease is over by this node's idea of it.
    lease_over: Instant,
}

impl Reach {
    /// It has just answered.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Answers {
            last: now,
            since: Some(now),
            lease_over: now,
        }))
    }

    /// It has just answered again.
    pub(super) fn answered(&self) {
        let mut answers = self.0.lock();
        let now = Instant::now();
        answers.last = now;
        answers.since.get_or_insert(now);
    }

    /// It has a place again, and has just answered: others are to be given a whole lease, whatever was before.
    pub(super) fn begin_again(&self) {
        let mut answers = self.0.lock();
        let now = Instant::now();
        (answers.last, answers.since) = (now, Some(now));
    }

    pub(super) fn set_lease_over(&self, at: Instant) {
        self.0.lock().lease_over = at;
    }

    pub(super) fn lease_left(&self) -> Duration {
        self.0.lock().lease_over.saturating_duration_since(Instant::now())
    }

    pub(super) fn failed(&self) {
        self.0.lock().since = None;
    }

    /// How long ago it last answered.
    pub(super) fn ago(&self) -> Duration {
        self.0.lock().last.elapsed()
    }

    /// Whether it has answered for a whole lease: until then other nodes may only be about to find it again.
    pub(super) fn is_settled(&self) -> bool {
        let since = self.0.lock().since;
        since.is_some_and(|since| since.elapsed() >= Nodes::LEASE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_settled_once_it_has_answered_for_a_whole_lease() {
        let reach = Reach::new();
        tokio::time::advance(Nodes::LEASE - Duration::from_millis(1)).await;
        assert!(!reach.is_settled());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(reach.is_settled());
        reach.failed();
        assert!(!reach.is_settled());
        assert_eq!(reach.ago(), Nodes::LEASE, "what fails is no answer");
        reach.answered();
        assert!(!reach.is_settled());
        assert_eq!(reach.ago(), Duration::ZERO);
        tokio::time::advance(Nodes::LEASE).await;
        assert!(reach.is_settled());
        reach.begin_again();
        assert!(!reach.is_settled());
    }
}
