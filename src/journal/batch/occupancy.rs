//! Where sessions begin and end. One client can make many, a room for each join.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::Uuid;
use uuid::fmt::Simple;

use super::rows;
use crate::journal::snapshot;
use crate::model::id::{RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::sql::json;

#[derive(Default)]
pub(super) struct Occupancy {
    started: Vec<Started>,
    ended: Vec<Ended>,
    /// The session of each room that began in here and goes on.
    open: HashMap<RoomName, SessionId>,
}

#[derive(Serialize)]
struct Started {
    id: Simple,
    room: String,
    at: i64,
}

#[derive(Serialize)]
struct Ended {
    id: Simple,
    at: i64,
}

impl Occupancy {
    /// False if the room's last session is in here too, and its end is not: the one has to be ended for the other.
    pub(super) fn started(&mut self, session: SessionId, room: &RoomName, at: Timestamp) -> bool {
        if self.open.contains_key(room) {
            return false;
        }
        self.open.insert(room.clone(), session);
        self.started.push(Started {
            id: session.0.simple(),
            room: room.as_str().to_owned(),
            at: at.0,
        });
        true
    }

    pub(super) fn ended(&mut self, session: SessionId, at: Timestamp) {
        self.open.retain(|_, open| *open != session);
        self.ended.push(Ended {
            id: session.0.simple(),
            at: at.0,
        });
    }

    /// Makes the rows that others refer to. Each counts as ended until [`Occupancy::settle`], as a room has one open
    /// session at most, and the one before may end in this batch.
    pub(super) async fn begin(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let Some(started) = rows(&self.started)? else {
            return Ok(());
        };
        sqlx::query!(
            "insert into session (id, room, started_at, ended_at)
             select unhex(value ->> '$.id'), value ->> '$.room', value ->> '$.at', value ->> '$.at'
             from jsonb_each(?)",
            started
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Ends what has ended and opens what goes on, when the people who were there are written.
    pub(super) async fn settle(self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        end(connection, &self.ended).await?;
        if let Some(started) = rows(&self.started)? {
            end_others(connection, &started).await?;
        }
        open(connection, self.open.into_values()).await
    }
}

/// Whoever a stop of the server sent away left in the past: the one whose leaving is recorded last may not be the one
/// who left last.
async fn end(connection: &mut SqliteConnection, ended: &[Ended]) -> sqlx::Result<()> {
    let Some(ended) = rows(ended)? else { return Ok(()) };
    sqlx::query!(
        "update session
         set ended_at = max(started_at, change.value ->> '$.at', coalesce(
             (select max(left_at) from participant where participant.session_id = session.id), started_at))
         from jsonb_each(?) as change
         where session.id = unhex(change.value ->> '$.id')",
        ended
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends what is still open in rooms where another session began: its own end was lost in a gap.
async fn end_others(connection: &mut SqliteConnection, started: &str) -> sqlx::Result<()> {
    let others = sqlx::query!(
        r#"select other.id as "id: Uuid", change.value ->> '$.at' as "at!: i64"
           from jsonb_each(?) as change
           cross join session as other on other.room = change.value ->> '$.room'
           where other.ended_at is null"#,
        started
    )
    .fetch_all(&mut *connection)
    .await?;
    for other in others {
        snapshot::end_other(connection, SessionId(other.id), Timestamp(other.at)).await?;
    }
    Ok(())
}

async fn open(connection: &mut SqliteConnection, sessions: impl Iterator<Item = SessionId>) -> sqlx::Result<()> {
    let sessions: Vec<_> = sessions.map(|session| session.0.simple()).collect();
    if sessions.is_empty() {
        return Ok(());
    }
    let sessions = json(&sessions)?;
    sqlx::query!(
        "update session set ended_at = null where id in (select unhex(value) from jsonb_each(?))",
        sessions
    )
    .execute(connection)
    .await?;
    Ok(())
}
