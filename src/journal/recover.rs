//! The repair at start: what the last run left open is closed at the last moment the server is known to have lived.
//!
//! Every statement begins with the sessions that are open, so a start costs what those have, not what is stored.

use std::time::Duration;

use super::gone;
use super::node::{MOST_ENTRIES, begin, begin_as};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{DropReason, EventKind, LeaveReason};
use crate::sql::{Connection, Database, json, query};
use sqlx::{PgConnection, SqliteConnection};

/// Closes what the last run left open, and begins this run's heartbeat, in one transaction. Returns the last moment the
/// last run is known to have lived; the heartbeat does not go back behind that.
pub(super) async fn recover(connection: &mut Connection, now: Timestamp) -> sqlx::Result<Timestamp> {
    begin(connection).await?;
    let stop = Stop::read(connection).await?;
    close_all(connection, &stop).await?;
    query!(
        &mut *connection,
        execute,
        sqlite: "update heartbeat set at = max(at, ?), clean_stop = false where id = 1",
        postgres: "update node set alive_at = greatest(alive_at, $1), state = 'active'
                   where id = current_setting('chatroom.node', true)::smallint",
        now.0
    )?;
    connection.run("commit").await?;
    Ok(Timestamp(stop.at))
}

/// Closes what is open in the rooms that are to be recovered.
pub(super) async fn close_all(connection: &mut Connection, stop: &Stop) -> sqlx::Result<()> {
    close_connections(connection, stop).await?;
    send_members_away(connection, stop).await?;
    close_strays(connection, stop).await?;
    end_empty_sessions(connection, stop).await
}

/// Gives everybody who was there the time to come back. One statement, however many rooms there are.
pub(super) async fn extend_graces(connection: &mut Connection, now: Timestamp, grace: Duration) -> sqlx::Result<()> {
    let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
    let until = now.0.saturating_add(grace);
    begin(connection).await?;
    query!(
        &mut *connection,
        execute,
        sqlite: "update member set away_until = max(away_until, ?)",
        postgres: "update member set away_until = greatest(away_until, $1)
                   where away_until is not null and session_id in (select id from recovering)",
        until
    )?;
    connection.run("commit").await
}

/// How a run ended.
pub(super) struct Stop {
    pub(super) at: i64,
    pub(super) reason: &'static str,
}

struct LastRun {
    at: i64,
    clean_stop: bool,
}

impl Stop {
    async fn read(connection: &mut Connection) -> sqlx::Result<Self> {
        let last = query!(
            connection,
            fetch_one as LastRun,
            sqlite: r#"select at, clean_stop as "clean_stop: bool" from heartbeat where id = 1"#,
            postgres: r#"select alive_at as at, state = 'stopped' as "clean_stop!" from node
                         where id = current_setting('chatroom.node', true)::smallint"#
        )?;
        Ok(Self::of(last.at, last.clean_stop))
    }

    /// How the run ended that was last known to live at that moment.
    pub(super) fn of(at: i64, is_clean: bool) -> Self {
        let reason = if is_clean {
            LeaveReason::ServerShutdown
        } else {
            LeaveReason::ServerCrash
        };
        Self {
            at,
            reason: reason.as_str(),
        }
    }
}

async fn close_connections(connection: &mut Connection, stop: &Stop) -> sqlx::Result<()> {
    let (kind, why) = (EventKind::Disconnected.as_str(), DropReason::Server.as_str());
    let connection = match connection {
        Database::Sqlite(connection) => connection,
        Database::Postgres(connection) => return close_in_steps(connection, stop, kind, why).await,
    };
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

/// The same, a transaction's entries at a time.
async fn close_in_steps(connection: &mut PgConnection, stop: &Stop, kind: &str, why: &str) -> sqlx::Result<()> {
    let detail = json(&serde_json::json!({ "why": why }))?;
    loop {
        let closed = sqlx::query!(
            "/*postgres*/ with broken as (
                 select open.*, greatest(connected_at, $1) as moment,
                     row_number() over (order by open.connected_at, open.id) as place
                 from recovering as own cross join lateral (
                     select session_id, participant_id, id, connected_at from connection
                     where session_id = own.id and away_until is null and disconnected_at is null
                     offset 0
                 ) as open
                 order by open.connected_at, open.id
                 limit $5
             ), closed as (
                 update connection set disconnected_at = broken.moment, closed_by = $2
                 from broken
                 where connection.session_id = broken.session_id
                   and connection.participant_id = broken.participant_id and connection.id = broken.id
             )
             insert into event (seq, at, session_id, participant_id, kind, detail)
             select seq_base + (pg_current_xact_id()::text::bigint << 12) + place, moment, session_id, participant_id, $3,
                 $4
             from broken, cluster",
            stop.at,
            stop.reason,
            kind,
            detail,
            MOST_ENTRIES
        )
        .execute(&mut *connection)
        .await?;
        // The next entries are another transaction's, also those of what follows.
        step(connection).await?;
        if closed.rows_affected() == 0 {
            return Ok(());
        }
    }
}

/// Makes what was done so far a transaction of its own.
async fn step(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("commit").execute(&mut *connection).await?;
    begin_as(connection).await
}

async fn send_members_away(connection: &mut Connection, stop: &Stop) -> sqlx::Result<()> {
    query!(
        connection,
        execute,
        sqlite: "update member
                 set away_since = coalesce(away_since, max(joined_at, ?1)),
                     away_until = coalesce(away_until, max(joined_at, ?1)),
                     stopped_by = coalesce(stopped_by, ?2)",
        postgres: "update member
                   set away_since = coalesce(away_since, greatest(joined_at, $1)),
                       away_until = coalesce(away_until, greatest(joined_at, $1)),
                       stopped_by = coalesce(stopped_by, $2)
                   where session_id in (select id from recovering)",
        stop.at,
        stop.reason
    )?;
    Ok(())
}

/// Rows that stayed open without a member: what ended them was lost.
async fn close_strays(connection: &mut Connection, stop: &Stop) -> sqlx::Result<()> {
    query!(
        &mut *connection,
        execute,
        sqlite: "update connection
                 set away_until = max(disconnected_at, ?)
                 where session_id in (select id from session indexed by session_open where ended_at is null)
                   and away_until is null and id not in (select connection_id from member)",
        postgres: "with stray as materialized (
                       select open.* from recovering as own cross join lateral (
                           select session_id, participant_id, id from connection
                           where session_id = own.id and away_until is null and not exists (
                               select from member where session_id = own.id and connection_id = connection.id
                           )
                           offset 0
                       ) as open
                   )
                   update connection set away_until = greatest(disconnected_at, $1)
                   from stray
                   where connection.session_id = stray.session_id
                     and connection.participant_id = stray.participant_id and connection.id = stray.id",
        stop.at
    )?;
    query!(
        &mut *connection,
        execute,
        sqlite: "update participant
                 set left_at = max(joined_at, ?), leave_reason = ?
                 where session_id in (select id from session indexed by session_open where ended_at is null)
                   and left_at is null and id not in (select participant_id from member)",
        postgres: "with stray as materialized (
                       select open.* from recovering as own cross join lateral (
                           select id from participant
                           where session_id = own.id and left_at is null and not exists (
                               select from member where session_id = own.id and participant_id = participant.id
                           )
                           offset 0
                       ) as open
                   )
                   update participant set left_at = greatest(joined_at, $1), leave_reason = $2
                   from stray where participant.id = stray.id",
        stop.at,
        stop.reason
    )?;
    query!(
        &mut *connection,
        execute,
        sqlite: "delete from live_link
                 where offerer_member not in (select id from member) or answerer_member not in (select id from member)",
        postgres: "delete from live_link
                   where session_id in (select id from recovering)
                     and (offerer_member not in (select id from member) or answerer_member not in (select id from member))"
    )?;
    query!(
        connection,
        execute,
        sqlite: "update link
                 set closed_at = max(offered_at, ?), closed_by = ?
                 where session_id in (select id from session indexed by session_open where ended_at is null)
                   and closed_at is null and (session_id, id) not in (select session_id, link_id from live_link)",
        postgres: "with stray as materialized (
                       select open.* from recovering as own cross join lateral (
                           select session_id, id from link
                           where session_id = own.id and closed_at is null and not exists (
                               select from live_link where session_id = own.id and link_id = link.id
                           )
                           offset 0
                       ) as open
                   )
                   update link set closed_at = greatest(offered_at, $1), closed_by = $2
                   from stray where link.session_id = stray.session_id and link.id = stray.id",
        stop.at,
        stop.reason
    )?;
    Ok(())
}

/// Sessions whose linger the stop cut short: they ended when the last member left, or when somebody was last told
/// something in it.
async fn end_empty_sessions(connection: &mut Connection, stop: &Stop) -> sqlx::Result<()> {
    let kind = EventKind::SessionEnded.as_str();
    match connection {
        Database::Sqlite(connection) => end_all(connection, stop, kind).await?,
        Database::Postgres(connection) => while end_some(connection, stop, kind).await? > 0 {},
    }
    gone::clear(connection).await
}

async fn end_all(connection: &mut SqliteConnection, stop: &Stop, kind: &str) -> sqlx::Result<()> {
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
    .execute(connection)
    .await?;
    Ok(())
}

/// The same, a transaction's entries at a time. Says how many have ended.
async fn end_some(connection: &mut PgConnection, stop: &Stop, kind: &str) -> sqlx::Result<u64> {
    let ended = sqlx::query!(
        "/*postgres*/ with empty as (
             select id, greatest(started_at, $1) as moment, row_number() over (order by id) as place
             from session
             where id in (select id from recovering)
               and not exists (select from member where member.session_id = session.id)
             order by id
             limit $3
         ), ended as (
             update session
             set ended_at = greatest(
                 started_at,
                 (select max(left_at) from participant where participant.session_id = session.id),
                 (
                     select max(at) from (
                         select at, kind from event where event.session_id = session.id order by seq desc limit 1000
                     ) as latest where kind not in ('left', 'session_ended')
                 ))
             from empty
             where session.id = empty.id
         )
         insert into event (seq, at, session_id, kind)
         select seq_base + (pg_current_xact_id()::text::bigint << 12) + place, moment, empty.id, $2
         from empty, cluster",
        stop.at,
        kind,
        MOST_ENTRIES
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    step(connection).await?;
    Ok(ended)
}
