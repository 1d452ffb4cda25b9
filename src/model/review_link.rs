//! Links by which somebody who has no token reads a part of the history, for a while.

use std::time::Duration;

use super::id::{ReviewLinkId, RoomName, SessionId, Username};
use super::time::Timestamp;

/// What a link opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shared {
    /// One session.
    Session(SessionId),
    /// All sessions of a room, also those to come.
    Room(RoomName),
}

/// A link that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReviewLink {
    /// Its id, which tells when it was made.
    pub id: ReviewLinkId,
    /// What it opens.
    pub shared: Shared,
    /// For whom it is, in the maker's words.
    pub name: Username,
    /// When it is made, by the wall clock.
    pub made_at: Timestamp,
    /// From when it is good for nothing, in whole seconds.
    pub expires_at: Timestamp,
    /// Which key it is signed with, as far as one byte tells.
    pub key_mark: u8,
}

impl NewReviewLink {
    /// The longest time for which a link is made: a term.
    pub const LONGEST: Duration = Duration::from_secs(183 * 24 * 60 * 60);
    /// The most links that are good at once.
    pub const MOST: u32 = 200;
}
