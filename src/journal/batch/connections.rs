//! Intervals with a live socket. Each is opened, lost and over once at most, in this order.

use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::fmt::Simple;

use super::rows;
use crate::room::id::{ConnectionId, ParticipantId};
use crate::room::time::Timestamp;

#[derive(Default)]
pub(super) struct Connections {
    opened: Vec<Opened>,
    disconnected: Vec<Disconnected>,
    over: Vec<Over>,
}

#[derive(Serialize)]
struct Opened {
    id: Simple,
    participant: Simple,
    at: i64,
    by: &'static str,
}

#[derive(Serialize)]
struct Disconnected {
    id: Simple,
    at: i64,
}

#[derive(Serialize)]
struct Over {
    id: Simple,
    at: i64,
    by: &'static str,
}

impl Connections {
    pub(super) fn opened(&mut self, id: ConnectionId, participant: ParticipantId, by: &'static str, at: Timestamp) {
        self.opened.push(Opened {
            id: id.0.simple(),
            participant: participant.0.simple(),
            at: at.0,
            by,
        });
    }

    pub(super) fn disconnected(&mut self, id: ConnectionId, at: Timestamp) {
        let id = id.0.simple();
        self.disconnected.push(Disconnected { id, at: at.0 });
    }

    /// It ends if it is open, and the away time after it.
    pub(super) fn over(&mut self, id: ConnectionId, by: &'static str, at: Timestamp) {
        let id = id.0.simple();
        self.over.push(Over { id, at: at.0, by });
    }

    pub(super) async fn write(self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        write_opened(connection, &self.opened).await?;
        write_disconnected(connection, &self.disconnected).await?;
        write_over(connection, &self.over).await
    }
}

async fn write_opened(connection: &mut SqliteConnection, opened: &[Opened]) -> sqlx::Result<()> {
    let Some(opened) = rows(opened)? else { return Ok(()) };
    sqlx::query!(
        "insert into connection (id, participant_id, connected_at, opened_by)
         select unhex(value ->> 'id'), unhex(value ->> 'participant'), value ->> 'at', value ->> 'by'
         from jsonb_each(?)",
        opened
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_disconnected(connection: &mut SqliteConnection, disconnected: &[Disconnected]) -> sqlx::Result<()> {
    let Some(disconnected) = rows(disconnected)? else {
        return Ok(());
    };
    sqlx::query!(
        "update connection
         set disconnected_at = max(connected_at, change.value ->> 'at'), closed_by = 'disconnected'
         from jsonb_each(?) as change
         where connection.id = unhex(change.value ->> 'id')",
        disconnected
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Never before it began, however the clock was set.
async fn write_over(connection: &mut SqliteConnection, over: &[Over]) -> sqlx::Result<()> {
    let Some(over) = rows(over)? else { return Ok(()) };
    sqlx::query!(
        "update connection
         set away_until = max(coalesce(disconnected_at, connected_at), change.value ->> 'at'),
             disconnected_at = coalesce(disconnected_at, max(connected_at, change.value ->> 'at')),
             closed_by = coalesce(closed_by, change.value ->> 'by')
         from jsonb_each(?) as change
         where connection.id = unhex(change.value ->> 'id')",
        over
    )
    .execute(connection)
    .await?;
    Ok(())
}
