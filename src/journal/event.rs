//! The append-only part of the history: which records are events, and what their rows say.

use serde_json::Value;

use crate::model::id::ParticipantId;
use crate::model::vocabulary::EventKind;
use crate::room::record::{Change, Record};

/// A record with its place in the journal, if it is an entry of it.
pub(super) struct Numbered {
    pub(super) seq: Option<i64>,
    pub(super) record: Record,
}

/// Whether a record is an entry of the journal, and so takes a `seq`.
pub(super) fn is_event(change: &Change) -> bool {
    match change {
        Change::SessionStarted { .. }
        | Change::SessionEnded { .. }
        | Change::Joined(_)
        | Change::Left { .. }
        | Change::Disconnected { .. }
        | Change::Reconnected { .. }
        | Change::Error { .. }
        | Change::MoreErrors { .. }
        | Change::Gap { .. } => true,
        Change::CalendarMoved { .. }
        | Change::LinkOffered(_)
        | Change::LinkAnswered { .. }
        | Change::LinkProgress { .. }
        | Change::LinkClosed { .. }
        | Change::LinkReported { .. }
        | Change::LeaveOwed { .. }
        | Change::Overflowed { .. }
        | Change::Snapshot(_) => false,
    }
}

/// What an entry of the journal says, besides when and of which session.
pub(super) struct Entry {
    pub(super) kind: EventKind,
    pub(super) participant: Option<ParticipantId>,
    pub(super) detail: Option<Value>,
}

impl Entry {
    fn new(kind: EventKind, participant: Option<ParticipantId>, detail: Option<Value>) -> Option<Self> {
        Some(Self {
            kind,
            participant,
            detail,
        })
    }
}

/// The entry of a record, if it is one.
pub(super) fn entry(change: &Change) -> Option<Entry> {
    match change {
        Change::SessionStarted { .. } => Entry::new(EventKind::SessionStarted, None, None),
        Change::SessionEnded { .. } => Entry::new(EventKind::SessionEnded, None, None),
        Change::Joined(joined) => {
            let detail = serde_json::json!({ "members": joined.members });
            Entry::new(EventKind::Joined, Some(joined.participant), Some(detail))
        }
        Change::Left {
            participant, reason, ..
        } => {
            let detail = serde_json::json!({ "reason": reason });
            Entry::new(EventKind::Left, Some(*participant), Some(detail))
        }
        Change::Disconnected {
            participant,
            until,
            why,
            ..
        } => {
            let detail = serde_json::json!({ "why": why, "until": until.rfc3339() });
            Entry::new(EventKind::Disconnected, Some(*participant), Some(detail))
        }
        Change::Reconnected { participant, .. } => Entry::new(EventKind::Reconnected, Some(*participant), None),
        Change::Error {
            participant,
            code,
            event,
            message,
        } => {
            let detail = serde_json::json!({ "code": code, "event": event, "message": message });
            Entry::new(EventKind::Error, *participant, Some(detail))
        }
        Change::MoreErrors { participant, count } => {
            let message = "Too many were refused to list each.";
            let detail = serde_json::json!({ "code": "rateLimited", "message": message, "count": count });
            Entry::new(EventKind::Error, *participant, Some(detail))
        }
        Change::Gap { dropped } => Entry::new(EventKind::Gap, None, Some(serde_json::json!({ "dropped": dropped }))),
        Change::CalendarMoved { .. }
        | Change::LinkOffered(_)
        | Change::LinkAnswered { .. }
        | Change::LinkProgress { .. }
        | Change::LinkClosed { .. }
        | Change::LinkReported { .. }
        | Change::LeaveOwed { .. }
        | Change::Overflowed { .. }
        | Change::Snapshot(_) => None,
    }
}
