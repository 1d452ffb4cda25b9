//! The rows that follow from a record: who was in, from when until when, and what a restart needs.
//!
//! The events themselves are written by [`event`]; what is derived from them, here.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use super::event;
use super::gone;
use super::links;
use super::owed;
use super::snapshot;
use super::writer::Numbered;
use crate::room::id::{ConnectionId, MemberId, ParticipantId, RoomName, SessionId};
use crate::room::record::{Change, Joined, LeaveReason, Record};
use crate::room::time::Timestamp;

/// Writes a group of records within the open transaction.
pub(super) async fn write(connection: &mut SqliteConnection, group: &[Numbered]) -> sqlx::Result<()> {
    let mut errors = BTreeMap::<SessionId, i64>::new();
    for numbered in group {
        derive(connection, &numbered.record).await?;
        if let (Change::Error { .. }, Some(session)) = (&numbered.record.change, numbered.record.session) {
            *errors.entry(session).or_default() += 1;
        }
    }
    // A client in a loop makes errors by the thousand: they are counted once for the group.
    for (session, errors) in errors {
        errors_counted(connection, session, errors).await?;
    }
    // Last, as the rows that events refer to may be of the same group.
    event::insert(connection, group).await
}

async fn derive(connection: &mut SqliteConnection, record: &Record) -> sqlx::Result<()> {
    let at = record.at;
    let Some(session) = record.session else {
        if let Change::Snapshot(live) = &record.change {
            snapshot::end_others(connection, None, &live.room, at).await?;
        }
        return Ok(());
    };
    match &record.change {
        Change::SessionStarted { room } => session_started(connection, session, room, at).await,
        Change::SessionEnded { ended_at } => session_ended(connection, session, *ended_at).await,
        Change::Joined(member) => joined(connection, session, member, at).await,
        Change::Left {
            participant,
            member,
            last_connection,
            reason,
            ..
        } => left(connection, *participant, *member, *last_connection, *reason, at).await,
        Change::Disconnected {
            member,
            connection: lost,
            until,
            ..
        } => disconnected(connection, *member, *lost, *until, at).await,
        Change::Reconnected {
            participant,
            member,
            connection: fresh,
            previous,
            ..
        } => {
            reopened(connection, *participant, *member, *fresh, *previous, at).await?;
            owed::settle(connection, *member).await?;
            reconnect_counted(connection, session, *participant).await
        }
        Change::LinkOffered(offered) => links::offered(connection, session, offered, at).await,
        Change::LinkAnswered { link, connector } => links::answered(connection, *link, connector, at).await,
        Change::LinkProgress { link, traffic } => links::progress(connection, *link, *traffic).await,
        Change::LinkClosed { link, traffic, why } => links::closed(connection, *link, *traffic, why, at).await,
        Change::LeaveOwed { member, leave } => owed::add(connection, *member, leave).await,
        Change::Overflowed { member } => overflowed(connection, *member).await,
        Change::Snapshot(live) => snapshot::write(connection, session, live, at).await,
        Change::Error { .. } | Change::Gap { .. } => Ok(()),
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

/// Whoever a stop of the server sent away left in the past: the one whose leaving is recorded last may not be the one
/// who left last.
async fn session_ended(connection: &mut SqliteConnection, session: SessionId, ended_at: Timestamp) -> sqlx::Result<()> {
    sqlx::query!(
        "update session
         set ended_at = max(started_at, ?1, coalesce(
             (select max(left_at) from participant where participant.session_id = session.id), started_at))
         where id = ?2",
        ended_at.0,
        session.0
    )
    .execute(&mut *connection)
    .await?;
    gone::forget(connection, session).await
}

async fn joined(
    connection: &mut SqliteConnection,
    session: SessionId,
    joined: &Joined,
    at: Timestamp,
) -> sqlx::Result<()> {
    let back = sqlx::query!(
        "update participant set left_at = null, leave_reason = null where id = ?",
        joined.participant.0
    )
    .execute(&mut *connection)
    .await?;
    let first_time = back.rows_affected() == 0;
    if first_time {
        let username = joined.username.as_str();
        sqlx::query!(
            "insert into participant (id, session_id, username, joined_at) values (?, ?, ?, ?)",
            joined.participant.0,
            session.0,
            username,
            at.0
        )
        .execute(&mut *connection)
        .await?;
    }
    connected(connection, joined.participant, joined.connection, "join", at).await?;
    let (key, position) = (joined.key.as_bytes().as_slice(), joined.position.cast_signed());
    sqlx::query!(
        "insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at)
         values (?, ?, ?, ?, ?, ?, ?)",
        joined.member.0,
        session.0,
        joined.participant.0,
        joined.connection.0,
        key,
        position,
        at.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update session
         set peak_participants = max(peak_participants, ?), participant_count = participant_count + ?
         where id = ?",
        joined.members,
        first_time,
        session.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn connected(
    connection: &mut SqliteConnection,
    participant: ParticipantId,
    id: ConnectionId,
    opened_by: &'static str,
    at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into connection (id, participant_id, connected_at, opened_by) values (?, ?, ?, ?)",
        id.0,
        participant.0,
        at.0,
        opened_by
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a connection if it is open, and the away time after it. Never before it began, however the clock was set.
async fn away_time_over(
    connection: &mut SqliteConnection,
    id: ConnectionId,
    closed_by: &'static str,
    at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update connection
         set away_until = max(coalesce(disconnected_at, connected_at), ?1),
             disconnected_at = coalesce(disconnected_at, max(connected_at, ?1)),
             closed_by = coalesce(closed_by, ?2)
         where id = ?3",
        at.0,
        closed_by,
        id.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn left(
    connection: &mut SqliteConnection,
    participant: ParticipantId,
    member: MemberId,
    last_connection: ConnectionId,
    reason: LeaveReason,
    at: Timestamp,
) -> sqlx::Result<()> {
    let reason = reason.as_str();
    away_time_over(connection, last_connection, reason, at).await?;
    sqlx::query!(
        "update participant set left_at = max(joined_at, ?), leave_reason = ? where id = ?",
        at.0,
        reason,
        participant.0
    )
    .execute(&mut *connection)
    .await?;
    gone::add(connection, member).await?;
    sqlx::query!("delete from member where id = ?", member.0)
        .execute(connection)
        .await?;
    Ok(())
}

async fn disconnected(
    connection: &mut SqliteConnection,
    member: MemberId,
    lost: ConnectionId,
    until: Timestamp,
    at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update connection set disconnected_at = max(connected_at, ?), closed_by = 'disconnected' where id = ?",
        at.0,
        lost.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update member set away_since = ?, away_until = ? where id = ?",
        at.0,
        until.0,
        member.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The member has a socket again; if the previous connection was still open, the fresh one replaced it.
async fn reopened(
    connection: &mut SqliteConnection,
    participant: ParticipantId,
    member: MemberId,
    fresh: ConnectionId,
    previous: ConnectionId,
    at: Timestamp,
) -> sqlx::Result<()> {
    away_time_over(connection, previous, "replaced", at).await?;
    connected(connection, participant, fresh, "reconnect", at).await?;
    sqlx::query!(
        "update member set connection_id = ?, away_since = null, away_until = null, stopped_by = null where id = ?",
        fresh.0,
        member.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn reconnect_counted(
    connection: &mut SqliteConnection,
    session: SessionId,
    participant: ParticipantId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update participant set reconnect_count = reconnect_count + 1 where id = ?",
        participant.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update session set reconnect_count = reconnect_count + 1 where id = ?",
        session.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn errors_counted(connection: &mut SqliteConnection, session: SessionId, errors: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "update session set error_count = error_count + ? where id = ?",
        errors,
        session.0
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
