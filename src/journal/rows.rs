//! The rows that follow from a record: who was in, from when until when, and what a restart needs.
//!
//! The events themselves are written by [`event`]; what is derived from them, by [`Batch`] for many records at once,
//! and here for those that are rare.

use sqlx::SqliteConnection;

use super::batch::Batch;
use super::event;
use super::owed;
use super::snapshot;
use super::writer::Numbered;
use crate::model::id::{MemberId, RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::room::record::{Change, Record};

/// Writes a group of records within the open transaction.
pub(super) async fn write(connection: &mut SqliteConnection, group: &[Numbered]) -> sqlx::Result<()> {
    let mut batch = Batch::default();
    for Numbered { record, .. } in group {
        if !batch.take(record) {
            batch.write(connection).await?;
            write_alone(connection, record).await?;
        }
    }
    batch.write(connection).await?;
    // Last, as the rows that events refer to may be of the same group.
    event::insert(connection, group).await
}

/// What [`Batch`] does not take.
async fn write_alone(connection: &mut SqliteConnection, record: &Record) -> sqlx::Result<()> {
    let at = record.at;
    let Some(session) = record.session else {
        if let Change::Snapshot(live) = &record.change {
            snapshot::end_others(connection, None, &live.room, at).await?;
        }
        return Ok(());
    };
    match &record.change {
        Change::SessionStarted { room } => session_started(connection, session, room, at).await,
        Change::LeaveOwed { member, leave } => owed::add(connection, *member, leave).await,
        Change::Overflowed { member } => overflowed(connection, *member).await,
        Change::Snapshot(live) => snapshot::write(connection, session, live, at).await,
        Change::SessionEnded { .. }
        | Change::Joined(_)
        | Change::Left { .. }
        | Change::Disconnected { .. }
        | Change::Reconnected { .. }
        | Change::LinkOffered(_)
        | Change::LinkAnswered { .. }
        | Change::LinkProgress { .. }
        | Change::LinkClosed { .. }
        | Change::Error { .. }
        | Change::MoreErrors { .. }
        | Change::Gap { .. } => unreachable!("a batch takes it"),
    }
}

async fn session_started(
    connection: &mut SqliteConnection,
    session: SessionId,
    room: &RoomName,
    at: Timestamp,
) -> sqlx::Result<()> {
    snapshot::end_others(connection, Some(session), room, at).await?;
    let room = room.as_str();
    sqlx::query!(
        "insert into session (id, room, started_at) values (?, ?, ?)",
        session.0,
        room,
        at.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn overflowed(connection: &mut SqliteConnection, member: MemberId) -> sqlx::Result<()> {
    sqlx::query!("update member set overflowed = true where id = ?", member.0)
        .execute(connection)
        .await?;
    Ok(())
}
