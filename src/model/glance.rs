//! What is kept of a session that is over, so that a list of sessions need not work it out every time.

use super::id::SessionId;

/// A session's glance, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGlance {
    /// Whose.
    pub session: SessionId,
    /// As the history writes it.
    pub glance: String,
}

impl NewGlance {
    /// How the history writes glances: those of another form are worked out, and kept, anew.
    pub const FORM: i64 = 3;
}
