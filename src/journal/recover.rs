//! The repair at start: what the last run left open is closed at the last moment the server is known to have lived.
//!
//! Every statement begins with the sessions that are open, so a start costs what those have, not what is stored.

use std::time::Duration;

use sqlx::SqliteConnection;

use super::gone;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{DropReason, EventKind, LeaveReason};

/// Closes what the last run left open, and begins this run's heartbeat, in one transaction. Returns the last moment the
/// last run is known to have lived; the heartbeat does not go back behind that.
pub(super) async fn recover(connection: &mut SqliteConnection, now: Timestamp) -> sqlx::Result<Timestamp> {
    sqlx::query("begin immediate").execute(&mut *connection).await?;
    let stop = Stop::read(connection).await?;
    close_connections(connection, &stop).await?;
    send_members_away(connection, &stop).await?;
    close_strays(connection, &stop).await?;
    end_empty_sessions(connection, &stop).await?;
    sqlx::query!(
        "update heartbeat set at = max(at, ?), clean_stop = false where id = 1",
        now.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await?;
    Ok(Timestamp(stop.at))
}

/// Gives everybody who was there the time to come back. One statement, however many rooms there are.
pub(super) async fn extend_graces(
    connection: &mut SqliteConnection,
    now: Timestamp,
    grace: Duration,
) -> sqlx::Result<()> {
    let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
    let until = now.0.saturating_add(grace);
    sqlx::query!("update member set away_until = max(away_until, ?)", until)
        .execute(connection)
        .await?;
    Ok(())
}

/// How the last run ended.
struct Stop {
    at: i64,
    reason: &'static str,
}

impl Stop {
    async fn read(connection: &mut SqliteConnection) -> sqlx::Result<Self> {
        let last = sqlx::query!(r#"select at, clean_stop as "clean_stop: bool" from heartbeat where id = 1"#)
            .fetch_one(connection)
            .await?;
        let reason = if last.clean_stop {
            LeaveReason::ServerShutdown
        } else {
            LeaveReason::ServerCrash
        };
        Ok(Self {
            at: last.at,
            reason: reason.as_str(),
        })
    }
}

async fn close_connections(connection: &mut SqliteConnection, stop: &Stop) -> sqlx::Result<()> {
    let (kind, why) = (EventKind::Disconnected.as_str(), DropReason::Server.as_str());
    sqlx::query!(
        "insert into event (at, session_id, participant_id, kind, detail)
         select max(connected_at, ?), session_id, participant_id, ?, json_object('why', ?)
         from connection
         where session_id in (select id from session indexed by session_open where ended_at is null)
           and away_until is null and disconnected_at is null
         order by connected_at, id",
        stop.at,
        kind,
        why
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update connection
         set disconnected_at = max(connected_at, ?), closed_by = ?
         where session_id in (select id from session indexed by session_open where ended_at is null)
           and away_until is null and disconnected_at is null",
        stop.at,
        stop.reason
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn send_members_away(connection: &mut SqliteConnection, stop: &Stop) -> sqlx::Result<()> {
    sqlx::query!(
        "update member
         set away_since = coalesce(away_since, max(joined_at, ?1)),
             away_until = coalesce(away_until, max(joined_at, ?1)),
             stopped_by = coalesce(stopped_by, ?2)",
        stop.at,
        stop.reason
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Rows that stayed open without a member: what ended them was lost.
async fn close_strays(connection: &mut SqliteConnection, stop: &Stop) -> sqlx::Result<()> {
    sqlx::query!(
        "update connection
         set away_until = max(disconnected_at, ?)
         where session_id in (select id from session indexed by session_open where ended_at is null)
           and away_until is null and id not in (select connection_id from member)",
        stop.at
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update participant
         set left_at = max(joined_at, ?), leave_reason = ?
         where session_id in (select id from session indexed by session_open where ended_at is null)
           and left_at is null and id not in (select participant_id from member)",
        stop.at,
        stop.reason
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from live_link
         where offerer_member not in (select id from member) or answerer_member not in (select id from member)"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update link
         set closed_at = max(offered_at, ?), closed_by = ?
         where session_id in (select id from session indexed by session_open where ended_at is null)
           and closed_at is null and (session_id, id) not in (select session_id, link_id from live_link)",
        stop.at,
        stop.reason
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Sessions whose linger the stop cut short: they ended when the last member left, or when somebody was last told
/// something in it.
async fn end_empty_sessions(connection: &mut SqliteConnection, stop: &Stop) -> sqlx::Result<()> {
    let kind = EventKind::SessionEnded.as_str();
    sqlx::query!(
        "insert into event (at, session_id, kind)
         select max(started_at, ?), id, ? from session indexed by session_open
         where ended_at is null and not exists (select 1 from member where member.session_id = session.id)",
        stop.at,
        kind
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update session indexed by session_open
         set ended_at = max(
             coalesce((select max(left_at) from participant where participant.session_id = session.id), started_at),
             coalesce((
                 select max(at) from (
                     select at, kind from event where event.session_id = session.id order by seq desc limit 1000
                 ) as latest where kind not in ('left', 'session_ended')
             ), started_at))
         where ended_at is null and not exists (select 1 from member where member.session_id = session.id)"
    )
    .execute(&mut *connection)
    .await?;
    gone::clear(connection).await
}
