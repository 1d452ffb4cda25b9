//! The append-only part of the history: which records are events, and what their rows say.

use serde_json::{Value, json};

use crate::model::id::ParticipantId;
use crate::model::vocabulary::{ErrorKind, EventKind};
use crate::room::record::{Change, Record};

/// A record with its place in the journal, if it is an entry of it.
pub(super) struct Numbered {
    pub(super) seq: Option<i64>,
    pub(super) record: Record,
}

/// Whether a record is an entry of the journal, and so takes a `seq`.
pub(super) fn is_event(change: &Change) -> bool {
    kind(change).is_some()
}

/// The kind of entry that a record is, if it is one.
fn kind(change: &Change) -> Option<EventKind> {
    match change {
        Change::SessionStarted { .. } => Some(EventKind::SessionStarted),
        Change::SessionEnded { .. } => Some(EventKind::SessionEnded),
        Change::Joined(_) => Some(EventKind::Joined),
        Change::Left { .. } => Some(EventKind::Left),
        Change::Disconnected { .. } => Some(EventKind::Disconnected),
        Change::Reconnected { .. } => Some(EventKind::Reconnected),
        Change::Error { .. } | Change::MoreErrors { .. } => Some(EventKind::Error),
        Change::Gap { .. } => Some(EventKind::Gap),
        Change::Acted { .. } => Some(EventKind::Action),
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

/// What an entry of the journal says, besides when and of which session.
pub(super) struct Entry {
    pub(super) kind: EventKind,
    pub(super) participant: Option<ParticipantId>,
    pub(super) detail: Option<Value>,
}

/// The entry of a record, if it is one.
pub(super) fn entry(change: &Change) -> Option<Entry> {
    let kind = kind(change)?;
    let (participant, detail) = match change {
        Change::Joined(joined) => {
            let detail = json!({ "members": joined.members });
            (Some(joined.participant), Some(detail))
        }
        Change::Left {
            participant, reason, ..
        } => (Some(*participant), Some(json!({ "reason": reason }))),
        Change::Disconnected {
            participant,
            until,
            why,
            ..
        } => {
            let detail = json!({ "why": why, "until": until.rfc3339() });
            (Some(*participant), Some(detail))
        }
        Change::Reconnected { participant, .. } => (Some(*participant), None),
        Change::Error {
            participant,
            code,
            event,
            message,
        } => {
            let detail = json!({ "code": code, "event": event, "message": message });
            (*participant, Some(detail))
        }
        Change::MoreErrors { participant, count } => {
            let message = "Too many were refused to list each.";
            let detail = json!({ "code": ErrorKind::RateLimited, "message": message, "count": count });
            (*participant, Some(detail))
        }
        Change::Acted {
            participant, what, by, ..
        } => (*participant, Some(json!({ "what": what, "by": by }))),
        Change::Gap { dropped } => (None, Some(json!({ "dropped": dropped }))),
        Change::SessionStarted { .. }
        | Change::SessionEnded { .. }
        | Change::CalendarMoved { .. }
        | Change::LinkOffered(_)
        | Change::LinkAnswered { .. }
        | Change::LinkProgress { .. }
        | Change::LinkClosed { .. }
        | Change::LinkReported { .. }
        | Change::LeaveOwed { .. }
        | Change::Overflowed { .. }
        | Change::Snapshot(_) => (None, None),
    };
    Some(Entry {
        kind,
        participant,
        detail,
    })
}
