//! How somebody lost contact, and came back.

use crate::model::time::Timestamp;

/// How somebody lost contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// When.
    pub at: Timestamp,
    /// When they were back; nothing if they never were.
    pub back: Option<Timestamp>,
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
}
