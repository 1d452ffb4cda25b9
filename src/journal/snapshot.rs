//! The repair after a gap: a room's rows are brought to what the room says it is.
//!
//! What the room does not know any more ended at some unknown moment of the gap, and its rows say so
//! ([`LeaveReason::Gap`]).

use super::unchanged::{LinkRow, MemberRow, Unchanged};
use super::{owed, room_claims};
use crate::model::id::{RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionCloseReason, ConnectionOpenReason, LeaveReason};
use crate::room::record::{LiveLink, LiveMember, Snapshot};
use crate::sql::{ClientText, Connection, Database, ids, query};

/// Makes the rows of this session say what the snapshot says. Only those are written that do not.
pub(super) async fn write(
    connection: &mut Connection,
    session: SessionId,
    live: &Snapshot,
    at: Timestamp,
) -> sqlx::Result<()> {
    end_others(connection, Some(session), &live.room, at).await?;
    put_session(connection, session, live).await?;
    if let Database::Postgres(connection) = connection {
        room_claims::restore(connection, &live.room).await?;
    }
    let unchanged = Unchanged::read(connection, session).await?;
    for member in live.members.iter().filter(|member| !unchanged.has_member(member)) {
        put_member(connection, session, member).await?;
    }
    put_gone_participants(connection, session, live, at).await?;
    for link in live.links.iter().filter(|link| !unchanged.has_link(link)) {
        put_link(connection, session, link).await?;
    }
    end_rows(connection, session, &Keep::of(live)?, at).await?;
    count_participants(connection, session).await
}

/// Ends every open session of a room but this one: its end was lost in a gap.
pub(super) async fn end_others(
    connection: &mut Connection,
    session: Option<SessionId>,
    room: &RoomName,
    at: Timestamp,
) -> sqlx::Result<()> {
    let room = room.as_str();
    let session = session.map(|session| session.0);
    let lost = LeaveReason::Gap.as_str();
    // Of this connection's own, so that no check at compile time knows it.
    match connection {
        Database::Sqlite(connection) => sqlx::query(
            "insert into lost_session select id, ?, ? from session where room = ? and ended_at is null and id is not ?",
        )
        .bind(at.0)
        .bind(lost)
        .bind(room)
        .bind(session)
        .execute(connection)
        .await
        .map(drop),
        Database::Postgres(connection) => sqlx::query(
            "select pg_temp.end_lost_session(id, $1, $2) from session
             where room = $3 and ended_at is null and id is distinct from $4",
        )
        .bind(at.0)
        .bind(lost)
        .bind(room)
        .bind(session)
        .execute(connection)
        .await
        .map(drop),
    }
}

async fn put_session(connection: &mut Connection, session: SessionId, live: &Snapshot) -> sqlx::Result<()> {
    let (room, peak) = (live.room.as_str(), i64::from(live.peak));
    query!(
        connection,
        execute,
        sqlite: "insert into session (id, room, started_at, peak_participants) values (?, ?, ?, ?)
                 on conflict (id) do update
                 set ended_at = null, peak_participants = max(peak_participants, excluded.peak_participants)",
        postgres: "insert into session (id, room, started_at, peak_participants) values ($1, $2, $3, $4)
                   on conflict (id) do update
                   set ended_at = null,
                       peak_participants = greatest(session.peak_participants, excluded.peak_participants)",
        session.0,
        room,
        live.started_at.0,
        peak
    )?;
    Ok(())
}

async fn put_member(connection: &mut Connection, session: SessionId, member: &LiveMember) -> sqlx::Result<()> {
    let username = member.username.as_str();
    query!(
        &mut *connection,
        execute,
        "insert into participant (id, session_id, username, joined_at) values ($1, $2, $3, $4)
         on conflict (id) do update set left_at = null, leave_reason = null",
        member.participant.0,
        session.0,
        username,
        member.joined_at.0
    )?;
    put_connection(connection, session, member).await?;
    let (key, position) = (member.key.as_bytes().as_slice(), member.position.cast_signed());
    let row = MemberRow::of(member);
    query!(
        &mut *connection,
        execute,
        "insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at,
                             away_since, away_until, overflowed, stopped_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (id) do update
         set connection_id = excluded.connection_id, away_since = excluded.away_since,
             away_until = excluded.away_until, overflowed = excluded.overflowed, stopped_by = excluded.stopped_by",
        row.id,
        session.0,
        member.participant.0,
        row.connection,
        key,
        position,
        member.joined_at.0,
        row.away_since,
        row.away_until,
        row.overflowed,
        row.stopped_by
    )?;
    owed::settle(connection, &ids([member.member.0].into_iter())?).await?;
    for leave in &member.owed {
        owed::add(connection, member.member, leave).await?;
    }
    Ok(())
}

async fn put_connection(connection: &mut Connection, session: SessionId, member: &LiveMember) -> sqlx::Result<()> {
    let disconnected_at = member.away.map(|(since, _)| since.0.max(member.connected_at.0));
    let closed_by = member
        .away
        .map(|_| {
            member
                .leaves_as
                .map_or(ConnectionCloseReason::Disconnected, ConnectionCloseReason::Member)
        })
        .map(ConnectionCloseReason::as_str);
    let opened_by = if member.connected_at == member.joined_at {
        ConnectionOpenReason::Join
    } else {
        ConnectionOpenReason::Reconnect
    }
    .as_str();
    query!(
        connection,
        execute,
        "insert into connection (session_id, id, participant_id, connected_at, disconnected_at, opened_by, closed_by)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (session_id, participant_id, id) do update
         set disconnected_at = excluded.disconnected_at, away_until = null,
             closed_by = case when excluded.closed_by is not null
                 then coalesce(connection.closed_by, excluded.closed_by) end",
        session.0,
        member.connection.0,
        member.participant.0,
        member.connected_at.0,
        disconnected_at,
        opened_by,
        closed_by
    )?;
    Ok(())
}

/// People who came and went within the gap: nobody knows when, only that they were there.
async fn put_gone_participants(
    connection: &mut Connection,
    session: SessionId,
    live: &Snapshot,
    at: Timestamp,
) -> sqlx::Result<()> {
    let lost = LeaveReason::Gap.as_str();
    for (username, participant) in &live.participants {
        let username = username.as_str();
        query!(
            &mut *connection,
            execute,
            "insert into participant (id, session_id, username, joined_at, left_at, leave_reason)
             values ($1, $2, $3, $4, $4, $5)
             on conflict (id) do nothing",
            participant.0,
            session.0,
            username,
            at.0,
            lost
        )?;
    }
    Ok(())
}

async fn put_link(connection: &mut Connection, session: SessionId, link: &LiveLink) -> sqlx::Result<()> {
    let row = LinkRow::of(link);
    let (stream, offerer_connector) = (
        ClientText(link.stream.as_str()),
        ClientText(link.offerer_connector.as_str()),
    );
    let answerer_connector = row.answerer_connector.as_ref().map(|id| ClientText(id.0.as_str()));
    query!(
        &mut *connection,
        execute,
        "insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, answered_at,
                           offerer_candidates, answerer_candidates, renegotiations)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (session_id, id) do update
         set answered_at = coalesce(link.answered_at, excluded.answered_at), closed_at = null, closed_by = null,
             offerer_candidates = excluded.offerer_candidates, answerer_candidates = excluded.answerer_candidates,
             renegotiations = excluded.renegotiations",
        link.link.0,
        session.0,
        link.offerer.participant.0,
        link.answerer.participant.0,
        stream as _,
        link.offered_at.0,
        row.answered_at,
        row.offerer_candidates,
        row.answerer_candidates,
        row.renegotiations
    )?;
    query!(
        connection,
        execute,
        "insert into live_link (link_id, session_id, offerer_member, offerer_connector, answerer_member,
                                answerer_connector)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (session_id, link_id) do update set answerer_connector = excluded.answerer_connector",
        link.link.0,
        session.0,
        link.offerer.member.0,
        offerer_connector as _,
        link.answerer.member.0,
        answerer_connector as _
    )?;
    Ok(())
}

/// What stays open, each as a JSON list of hexadecimal ids.
struct Keep {
    members: String,
    connections: String,
    links: String,
}

impl Keep {
    fn of(live: &Snapshot) -> sqlx::Result<Self> {
        Ok(Self {
            members: ids(live.members.iter().map(|member| member.member.0))?,
            connections: ids(live.members.iter().map(|member| member.connection.0))?,
            links: ids(live.links.iter().map(|link| link.link.0))?,
        })
    }
}

/// Ends what is open in the session and not to be kept.
async fn end_rows(connection: &mut Connection, session: SessionId, keep: &Keep, at: Timestamp) -> sqlx::Result<()> {
    let lost = LeaveReason::Gap.as_str();
    query!(
        &mut *connection,
        execute,
        sqlite: "update connection
                 set away_until = max(coalesce(disconnected_at, connected_at), ?1),
                     disconnected_at = coalesce(disconnected_at, max(connected_at, ?1)),
                     closed_by = coalesce(closed_by, ?4)
                 where session_id = ?2 and away_until is null
                   and id not in (select unhex(value) from json_each(?3))",
        postgres: "update connection
                   set away_until = greatest(coalesce(disconnected_at, connected_at), $1),
                       disconnected_at = coalesce(disconnected_at, greatest(connected_at, $1)),
                       closed_by = coalesce(closed_by, $4)
                   where session_id = $2 and away_until is null
                     and id not in (select value::uuid from json_array_elements_text($3::text::json))",
        at.0,
        session.0,
        keep.connections,
        lost
    )?;
    forget_members(connection, session, keep).await?;
    query!(
        &mut *connection,
        execute,
        sqlite: "update participant
                 set left_at = max(joined_at, ?1), leave_reason = ?3
                 where session_id = ?2 and left_at is null
                   and id not in (select participant_id from member where session_id = ?2)",
        postgres: "update participant
                   set left_at = greatest(joined_at, $1), leave_reason = $3
                   where session_id = $2 and left_at is null
                     and id not in (select participant_id from member where session_id = $2)",
        at.0,
        session.0,
        lost
    )?;
    query!(
        &mut *connection,
        execute,
        sqlite: "update link set closed_at = max(offered_at, ?1), closed_by = ?2
                 where session_id = ?3 and closed_at is null and id not in (select unhex(value) from json_each(?4))",
        postgres: "update link set closed_at = greatest(offered_at, $1), closed_by = $2
                   where session_id = $3 and closed_at is null
                     and id not in (select value::uuid from json_array_elements_text($4::text::json))",
        at.0,
        lost,
        session.0,
        keep.links
    )?;
    query!(
        connection,
        execute,
        sqlite: "delete from live_link where session_id = ? and link_id not in (select unhex(value) from json_each(?))",
        postgres: "delete from live_link where session_id = $1
                     and link_id not in (select value::uuid from json_array_elements_text($2::text::json))",
        session.0,
        keep.links
    )?;
    Ok(())
}

/// What they are owed goes with them: in the file by itself.
async fn forget_members(connection: &mut Connection, session: SessionId, keep: &Keep) -> sqlx::Result<()> {
    query!(
        connection,
        execute,
        sqlite: "delete from member where session_id = ? and id not in (select unhex(value) from json_each(?))",
        postgres: "with gone as (
                       delete from member where session_id = $1
                         and id not in (select value::uuid from json_array_elements_text($2::text::json))
                       returning id
                   )
                   delete from owed_leave where member_id in (select id from gone)",
        session.0,
        keep.members
    )?;
    Ok(())
}

async fn count_participants(connection: &mut Connection, session: SessionId) -> sqlx::Result<()> {
    query!(
        connection,
        execute,
        "update session set participant_count = (select count(*) from participant where session_id = $1) where id = $1",
        session.0
    )?;
    Ok(())
}
