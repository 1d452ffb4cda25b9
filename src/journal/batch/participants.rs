//! People: one row for each name of a session, however often they come.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::Uuid;
use uuid::fmt::Simple;

use super::rows;
use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::room::record::Joined;
use crate::sql::json;

#[derive(Default)]
pub(super) struct Participants {
    joined: BTreeMap<Uuid, Coming>,
    /// Those who are gone at the end.
    left: BTreeMap<Uuid, Going>,
    reconnects: BTreeMap<Uuid, u32>,
}

/// Somebody's first coming. They may have been there before.
#[derive(Serialize)]
struct Coming {
    id: Simple,
    session: Simple,
    username: String,
    at: i64,
}

#[derive(Serialize)]
struct Going {
    id: Simple,
    at: i64,
    reason: &'static str,
}

#[derive(Serialize)]
struct Reconnects {
    id: Simple,
    count: u32,
}

impl Participants {
    pub(super) fn joined(&mut self, session: SessionId, joined: &Joined, at: Timestamp) {
        let id = joined.participant.0;
        self.left.remove(&id);
        self.joined.entry(id).or_insert_with(|| Coming {
            id: id.simple(),
            session: session.0.simple(),
            username: joined.username.as_str().to_owned(),
            at: at.0,
        });
    }

    pub(super) fn left(&mut self, participant: ParticipantId, reason: &'static str, at: Timestamp) {
        let id = participant.0.simple();
        self.left.insert(participant.0, Going { id, at: at.0, reason });
    }

    pub(super) fn reconnected(&mut self, participant: ParticipantId) {
        *self.reconnects.entry(participant.0).or_default() += 1;
    }

    /// Gives for how many of them each session is new.
    pub(super) async fn write(self, connection: &mut SqliteConnection) -> sqlx::Result<HashMap<Uuid, u32>> {
        let coming: Vec<_> = self.joined.into_values().collect();
        let first_times = write_coming(connection, &coming).await?;
        let count: u32 = first_times.values().sum();
        if coming.len() > count as usize {
            write_back(connection, &coming).await?;
        }
        write_going(connection, self.left.into_values().collect()).await?;
        write_reconnects(connection, self.reconnects).await?;
        Ok(first_times)
    }
}

async fn write_coming(connection: &mut SqliteConnection, coming: &[Coming]) -> sqlx::Result<HashMap<Uuid, u32>> {
    let mut first_times = HashMap::new();
    let Some(coming) = rows(coming)? else {
        return Ok(first_times);
    };
    let sessions = sqlx::query_scalar!(
        r#"insert into participant (id, session_id, username, joined_at)
           select unhex(value ->> '$.id'), unhex(value ->> '$.session'), value ->> '$.username', value ->> '$.at'
           from jsonb_each(?)
           where true
           on conflict (id) do nothing
           returning session_id as "session: Uuid""#,
        coming
    )
    .fetch_all(connection)
    .await?;
    for session in sessions {
        *first_times.entry(session).or_default() += 1;
    }
    Ok(first_times)
}

/// Those who had left are there again.
async fn write_back(connection: &mut SqliteConnection, coming: &[Coming]) -> sqlx::Result<()> {
    let ids: Vec<_> = coming.iter().map(|coming| coming.id).collect();
    let ids = json(&ids)?;
    sqlx::query!(
        "update participant set left_at = null, leave_reason = null
         where left_at is not null and id in (select unhex(value) from jsonb_each(?))",
        ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_going(connection: &mut SqliteConnection, going: Vec<Going>) -> sqlx::Result<()> {
    let Some(going) = rows(&going)? else { return Ok(()) };
    sqlx::query!(
        "update participant
         set left_at = max(joined_at, change.value ->> '$.at'), leave_reason = change.value ->> '$.reason'
         from jsonb_each(?) as change
         where participant.id = unhex(change.value ->> '$.id')",
        going
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_reconnects(connection: &mut SqliteConnection, reconnects: BTreeMap<Uuid, u32>) -> sqlx::Result<()> {
    let row = |(id, count): (Uuid, u32)| Reconnects { id: id.simple(), count };
    let changed: Vec<_> = reconnects.into_iter().map(row).collect();
    let Some(changed) = rows(&changed)? else { return Ok(()) };
    sqlx::query!(
        "update participant
         set reconnect_count = reconnect_count + (change.value ->> '$.count')
         from jsonb_each(?) as change
         where participant.id = unhex(change.value ->> '$.id')",
        changed
    )
    .execute(connection)
    .await?;
    Ok(())
}
