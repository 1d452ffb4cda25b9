//! Who is in a room, for the next start. A member comes, is away and back, and goes for good: an id is never used again.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::Uuid;
use uuid::fmt::Simple;

use super::rows;
use crate::journal::{gone, owed};
use crate::model::id::{ConnectionId, MemberId, SessionId};
use crate::model::time::Timestamp;
use crate::room::record::Joined;

#[derive(Default)]
pub(super) struct Members {
    joined: Vec<Coming>,
    /// Where those are at the end who were away or came back.
    moved: BTreeMap<Uuid, Place>,
    left: Vec<Simple>,
}

#[derive(Serialize)]
struct Coming {
    id: Simple,
    session: Simple,
    participant: Simple,
    connection: Simple,
    key: String,
    position: i64,
    at: i64,
}

#[derive(Serialize)]
struct Place {
    id: Simple,
    /// The newest, if they came back.
    connection: Option<Simple>,
    away_since: Option<i64>,
    away_until: Option<i64>,
}

impl Members {
    pub(super) fn joined(&mut self, session: SessionId, joined: &Joined, at: Timestamp) {
        self.joined.push(Coming {
            id: joined.member.0.simple(),
            session: session.0.simple(),
            participant: joined.participant.0.simple(),
            connection: joined.connection.0.simple(),
            key: hex::encode(joined.key.as_bytes()),
            position: joined.position.cast_signed(),
            at: at.0,
        });
    }

    pub(super) fn away(&mut self, member: MemberId, since: Timestamp, until: Timestamp) {
        let place = self.place(member);
        (place.away_since, place.away_until) = (Some(since.0), Some(until.0));
    }

    pub(super) fn back(&mut self, member: MemberId, connection: ConnectionId) {
        let place = self.place(member);
        (place.away_since, place.away_until) = (None, None);
        place.connection = Some(connection.0.simple());
    }

    pub(super) fn left(&mut self, member: MemberId) {
        self.left.push(member.0.simple());
    }

    fn place(&mut self, member: MemberId) -> &mut Place {
        self.moved.entry(member.0).or_insert_with(|| Place {
            id: member.0.simple(),
            connection: None,
            away_since: None,
            away_until: None,
        })
    }

    pub(super) async fn write(self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let moved: Vec<_> = self.moved.into_values().collect();
        write_joined(connection, &self.joined).await?;
        write_moved(connection, &moved).await?;
        let back: Vec<_> = moved
            .iter()
            .filter(|place| place.connection.is_some())
            .map(|place| place.id)
            .collect();
        if let Some(back) = rows(&back)? {
            owed::settle(connection, &back).await?;
        }
        if let Some(left) = rows(&self.left)? {
            gone::add(connection, &left).await?;
            remove(connection, &left).await?;
        }
        Ok(())
    }
}

async fn write_joined(connection: &mut SqliteConnection, joined: &[Coming]) -> sqlx::Result<()> {
    let Some(joined) = rows(joined)? else { return Ok(()) };
    sqlx::query!(
        "insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at)
         select unhex(value ->> '$.id'), unhex(value ->> '$.session'), unhex(value ->> '$.participant'),
                unhex(value ->> '$.connection'), unhex(value ->> '$.key'), value ->> '$.position', value ->> '$.at'
         from jsonb_each(?)",
        joined
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_moved(connection: &mut SqliteConnection, moved: &[Place]) -> sqlx::Result<()> {
    let Some(moved) = rows(moved)? else { return Ok(()) };
    sqlx::query!(
        "update member
         set connection_id = coalesce(unhex(change.value ->> '$.connection'), connection_id),
             away_since = change.value ->> '$.away_since',
             away_until = change.value ->> '$.away_until',
             stopped_by = iif(change.value ->> '$.connection' is null, stopped_by, null)
         from jsonb_each(?) as change
         where member.id = unhex(change.value ->> '$.id')",
        moved
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn remove(connection: &mut SqliteConnection, left: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from member where id in (select unhex(value) from jsonb_each(?))",
        left
    )
    .execute(connection)
    .await?;
    Ok(())
}
