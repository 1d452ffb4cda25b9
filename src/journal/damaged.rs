//! Whose rows are not what was written.

use std::collections::HashSet;

use crate::model::id::RoomName;

/// The most rooms that are remembered by name.
const MOST_NAMES: usize = 1_024;

/// Rooms that should each submit a snapshot.
#[derive(Debug, Default)]
pub struct Damaged {
    names: HashSet<RoomName>,
    are_all: bool,
}

impl Damaged {
    /// Whether it is one of them.
    pub fn has(&self, room: &RoomName) -> bool {
        self.are_all || self.names.contains(room)
    }

    pub(super) fn add(&mut self, room: Option<RoomName>) {
        if self.names.len() < MOST_NAMES {
            self.names.extend(room);
        }
    }

    pub(super) fn add_all(&mut self) {
        self.are_all = true;
    }
}
