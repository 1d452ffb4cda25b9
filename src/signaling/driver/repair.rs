//! What the journal has missed of a room: it is given the whole room as soon as it takes that.

use std::collections::HashSet;

use crate::model::id::ParticipantId;
use crate::room::record::{Change, Record};

/// Whether a room's rows need a repair, and of whom.
#[derive(Default)]
pub(super) struct Repair {
    is_due: bool,
    missing: Missing,
}

/// Whose rows a repair has to write, besides those of the members: a session may have had thousands.
enum Missing {
    /// Those whose joins were dropped.
    Of(HashSet<ParticipantId>),
    /// Nobody knows.
    Unknown,
}

impl Default for Missing {
    fn default() -> Self {
        Self::Of(HashSet::new())
    }
}

impl Repair {
    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }

    /// The journal has dropped records, with these people's joins among them.
    pub(super) fn records_dropped(&mut self, newcomers: Vec<ParticipantId>) {
        self.is_due = true;
        if let Missing::Of(missing) = &mut self.missing {
            missing.extend(newcomers);
        }
    }

    /// The journal's rows of this room contradict each other.
    pub(super) fn rows_damaged(&mut self) {
        self.is_due = true;
        self.missing = Missing::Unknown;
    }

    /// Leaves out of a snapshot whose rows are there anyway.
    pub(super) fn trim(&self, snapshot: &mut Record) {
        if let (Missing::Of(missing), Change::Snapshot(live)) = (&self.missing, &mut snapshot.change) {
            live.participants
                .retain(|(_, participant)| missing.contains(participant));
        }
    }

    /// The journal has taken the snapshot.
    pub(super) fn done(&mut self) {
        *self = Self::default();
    }
}

/// Who comes in, perhaps for the first time.
pub(super) fn newcomers(records: &[Record]) -> Vec<ParticipantId> {
    let newcomer = |record: &Record| {
        if let Change::Joined(joined) = &record.change {
            Some(joined.participant)
        } else {
            None
        }
    };
    records.iter().filter_map(newcomer).collect()
}
