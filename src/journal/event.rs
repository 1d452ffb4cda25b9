//! The append-only part of the history: which records are events, and what their rows say.

use serde::Serialize;
use serde_json::Value;
use sqlx::SqliteConnection;
use uuid::fmt::Simple;

use super::writer::Numbered;
use crate::model::id::ParticipantId;
use crate::model::vocabulary::EventKind;
use crate::room::record::Change;
use crate::sql::json;

/// Writes the events of a group in one statement: a row costs a tenth of a statement of its own.
pub(super) async fn insert(connection: &mut SqliteConnection, group: &[Numbered]) -> sqlx::Result<()> {
    let rows: Vec<Row> = group.iter().filter_map(Row::of).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let rows = json(&rows)?;
    sqlx::query!(
        "insert into event (seq, at, session_id, participant_id, kind, detail)
         select value ->> '$.seq', value ->> '$.at', unhex(value ->> '$.session'), unhex(value ->> '$.participant'),
                value ->> '$.kind', value ->> '$.detail'
         from jsonb_each(?)
         where true
         on conflict (seq) do nothing",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a record is an entry of the journal, and so takes a `seq`.
pub(super) fn is_event(change: &Change) -> bool {
    content(change).is_some()
}

#[derive(Serialize)]
struct Row {
    seq: i64,
    at: i64,
    session: Option<Simple>,
    participant: Option<Simple>,
    kind: EventKind,
    detail: Option<Value>,
}

impl Row {
    fn of(numbered: &Numbered) -> Option<Self> {
        let record = &numbered.record;
        let content = content(&record.change)?;
        Some(Self {
            seq: numbered.seq?,
            at: record.at.0,
            session: record.session.map(|session| session.0.simple()),
            participant: content.participant.map(|participant| participant.0.simple()),
            kind: content.kind,
            detail: content.detail,
        })
    }
}

struct Content {
    kind: EventKind,
    participant: Option<ParticipantId>,
    detail: Option<Value>,
}

impl Content {
    fn new(kind: EventKind, participant: Option<ParticipantId>, detail: Option<Value>) -> Option<Self> {
        Some(Self {
            kind,
            participant,
            detail,
        })
    }
}

fn content(change: &Change) -> Option<Content> {
    match change {
        Change::SessionStarted { .. } => Content::new(EventKind::SessionStarted, None, None),
        Change::SessionEnded { .. } => Content::new(EventKind::SessionEnded, None, None),
        Change::Joined(joined) => {
            let detail = serde_json::json!({ "members": joined.members });
            Content::new(EventKind::Joined, Some(joined.participant), Some(detail))
        }
        Change::Left {
            participant, reason, ..
        } => {
            let detail = serde_json::json!({ "reason": reason });
            Content::new(EventKind::Left, Some(*participant), Some(detail))
        }
        Change::Disconnected {
            participant,
            until,
            why,
            ..
        } => {
            let detail = serde_json::json!({ "why": why, "until": until.rfc3339() });
            Content::new(EventKind::Disconnected, Some(*participant), Some(detail))
        }
        Change::Reconnected { participant, .. } => Content::new(EventKind::Reconnected, Some(*participant), None),
        Change::Error {
            participant,
            code,
            event,
            message,
        } => {
            let detail = serde_json::json!({ "code": code, "event": event, "message": message });
            Content::new(EventKind::Error, *participant, Some(detail))
        }
        Change::MoreErrors { participant, count } => {
            let message = "Too many were refused to list each.";
            let detail = serde_json::json!({ "code": "rateLimited", "message": message, "count": count });
            Content::new(EventKind::Error, *participant, Some(detail))
        }
        Change::Gap { dropped } => Content::new(EventKind::Gap, None, Some(serde_json::json!({ "dropped": dropped }))),
        Change::LinkOffered(_)
        | Change::LinkAnswered { .. }
        | Change::LinkProgress { .. }
        | Change::LinkClosed { .. }
        | Change::LeaveOwed { .. }
        | Change::Overflowed { .. }
        | Change::Snapshot(_) => None,
    }
}
