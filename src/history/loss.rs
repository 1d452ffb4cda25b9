//! How somebody lost contact, and came back.

use super::intervals::{Interval, Intervals};
use crate::model::time::Timestamp;

/// How somebody lost contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// When.
    pub at: Timestamp,
    /// When they were back; nothing if they never were.
    pub back: Option<Timestamp>,
    /// Until when they were away: back, or given up. Nothing while they still are.
    pub until: Option<Timestamp>,
    /// Whether they resumed then, and did not join again.
    pub is_resumed: bool,
    /// Whether the server stopped: then it is known whose doing it was.
    pub by_server: bool,
}

impl Loss {
    /// How long it was, for one who came back.
    pub fn ms(self) -> Option<i64> {
        self.back.map(|back| back.0.saturating_sub(self.at.0))
    }

    /// When they were away, up to now if they still are.
    pub(super) fn away(self, now: Timestamp) -> Interval {
        Interval::new(self.at, self.until.unwrap_or(now))
    }
}

/// One person's contact with the server over a session.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Their name.
    pub username: String,
    /// When they had it.
    pub present: Intervals,
    /// How they lost it, by time.
    pub losses: Vec<Loss>,
}
