//! Intervals with a live socket. Each is opened, lost and over once at most, in this order.

use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::Uuid;
use uuid::fmt::Simple;

use super::rows;
use crate::model::id::{ConnectionId, ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionCloseReason, ConnectionOpenReason};

#[derive(Default)]
pub(super) struct Connections {
    opened: Vec<Opened>,
    disconnected: Vec<Disconnected>,
    over: Vec<Over>,
}

#[derive(Serialize)]
struct Opened {
    session: Simple,
    id: Simple,
    participant: Simple,
    at: i64,
    by: ConnectionOpenReason,
}

#[derive(Serialize)]
struct Disconnected {
    session: Simple,
    participant: Simple,
    id: Simple,
    at: i64,
}

#[derive(Serialize)]
struct Over {
    session: Simple,
    participant: Simple,
    id: Simple,
    at: i64,
    by: ConnectionCloseReason,
}

impl Connections {
    pub(super) fn opened(
        &mut self,
        session: SessionId,
        id: ConnectionId,
        participant: ParticipantId,
        by: ConnectionOpenReason,
        at: Timestamp,
    ) {
        self.opened.push(Opened {
            session: session.0.simple(),
            id: id.0.simple(),
            participant: participant.0.simple(),
            at: at.0,
            by,
        });
    }

    pub(super) fn disconnected(&mut self, session: SessionId, who: ParticipantId, id: ConnectionId, at: Timestamp) {
        let [session, participant, id] = [session.0, who.0, id.0].map(Uuid::simple);
        let at = at.0;
        self.disconnected.push(Disconnected {
            session,
            participant,
            id,
            at,
        });
    }

    /// It ends if it is open, and the away time after it.
    pub(super) fn over(
        &mut self,
        session: SessionId,
        who: ParticipantId,
        id: ConnectionId,
        by: ConnectionCloseReason,
        at: Timestamp,
    ) {
        let [session, participant, id] = [session.0, who.0, id.0].map(Uuid::simple);
        let at = at.0;
        self.over.push(Over {
            session,
            participant,
            id,
            at,
            by,
        });
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
        "insert into connection (session_id, id, participant_id, connected_at, opened_by)
         select unhex(value ->> '$.session'), unhex(value ->> '$.id'), unhex(value ->> '$.participant'), value ->> '$.at',
                value ->> '$.by'
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
         set disconnected_at = max(connected_at, change.value ->> '$.at'), closed_by = 'disconnected'
         from jsonb_each(?) as change
         where connection.session_id = unhex(change.value ->> '$.session')
           and connection.participant_id = unhex(change.value ->> '$.participant')
           and connection.id = unhex(change.value ->> '$.id')",
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
         set away_until = max(coalesce(disconnected_at, connected_at), change.value ->> '$.at'),
             disconnected_at = coalesce(disconnected_at, max(connected_at, change.value ->> '$.at')),
             closed_by = coalesce(closed_by, change.value ->> '$.by')
         from jsonb_each(?) as change
         where connection.session_id = unhex(change.value ->> '$.session')
           and connection.participant_id = unhex(change.value ->> '$.participant')
           and connection.id = unhex(change.value ->> '$.id')",
        over
    )
    .execute(connection)
    .await?;
    Ok(())
}
