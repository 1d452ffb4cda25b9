//! The repair after a gap: a room's rows are brought to what the room says it is.
//!
//! What the room does not know any more ended at some unknown moment of the gap, and its rows say so
//! ([`LeaveReason::Gap`]).

use sqlx::SqliteConnection;

use super::owed;
use super::unchanged::{LinkRow, MemberRow, Unchanged};
use crate::model::id::{RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionCloseReason, ConnectionOpenReason, LeaveReason};
use crate::room::record::{LiveLink, LiveMember, Snapshot};
use crate::sql::ids;

/// Makes the rows of this session say what the snapshot says. Only those are written that do not.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    session: SessionId,
    live: &Snapshot,
    at: Timestamp,
) -> sqlx::Result<()> {
    end_others(connection, Some(session), &live.room, at).await?;
    put_session(connection, session, live).await?;
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
    connection: &mut SqliteConnection,
    session: Option<SessionId>,
    room: &RoomName,
    at: Timestamp,
) -> sqlx::Result<()> {
    let room = room.as_str();
    let session = session.map(|session| session.0);
    let lost = LeaveReason::Gap.as_str();
    // A view of this connection's own, which no check at compile time knows.
    sqlx::query(
        "insert into lost_session select id, ?, ? from session where room = ? and ended_at is null and id is not ?",
    )
    .bind(at.0)
    .bind(lost)
    .bind(room)
    .bind(session)
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_session(connection: &mut SqliteConnection, session: SessionId, live: &Snapshot) -> sqlx::Result<()> {
    let room = live.room.as_str();
    sqlx::query!(
        "insert into session (id, room, started_at, peak_participants) values (?, ?, ?, ?)
         on conflict (id) do update
         set ended_at = null, peak_participants = max(peak_participants, excluded.peak_participants)",
        session.0,
        room,
        live.started_at.0,
        live.peak
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_member(connection: &mut SqliteConnection, session: SessionId, member: &LiveMember) -> sqlx::Result<()> {
    let username = member.username.as_str();
    sqlx::query!(
        "insert into participant (id, session_id, username, joined_at) values (?, ?, ?, ?)
         on conflict (id) do update set left_at = null, leave_reason = null",
        member.participant.0,
        session.0,
        username,
        member.joined_at.0
    )
    .execute(&mut *connection)
    .await?;
    put_connection(connection, session, member).await?;
    let (key, position) = (member.key.as_bytes().as_slice(), member.position.cast_signed());
    let row = MemberRow::of(member);
    sqlx::query!(
        "insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at,
                             away_since, away_until, overflowed, stopped_by)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
    )
    .execute(&mut *connection)
    .await?;
    owed::settle(connection, &ids([member.member.0].into_iter())?).await?;
    for leave in &member.owed {
        owed::add(connection, member.member, leave).await?;
    }
    Ok(())
}

async fn put_connection(
    connection: &mut SqliteConnection,
    session: SessionId,
    member: &LiveMember,
) -> sqlx::Result<()> {
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
    sqlx::query!(
        "insert into connection (session_id, id, participant_id, connected_at, disconnected_at, opened_by, closed_by)
         values (?, ?, ?, ?, ?, ?, ?)
         on conflict (session_id, participant_id, id) do update
         set disconnected_at = excluded.disconnected_at, away_until = null,
             closed_by = iif(excluded.closed_by is null, null, coalesce(closed_by, excluded.closed_by))",
        session.0,
        member.connection.0,
        member.participant.0,
        member.connected_at.0,
        disconnected_at,
        opened_by,
        closed_by
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// People who came and went within the gap: nobody knows when, only that they were there.
async fn put_gone_participants(
    connection: &mut SqliteConnection,
    session: SessionId,
    live: &Snapshot,
    at: Timestamp,
) -> sqlx::Result<()> {
    let lost = LeaveReason::Gap.as_str();
    for (username, participant) in &live.participants {
        let username = username.as_str();
        sqlx::query!(
            "insert into participant (id, session_id, username, joined_at, left_at, leave_reason)
             values (?1, ?2, ?3, ?4, ?4, ?5)
             on conflict (id) do nothing",
            participant.0,
            session.0,
            username,
            at.0,
            lost
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn put_link(connection: &mut SqliteConnection, session: SessionId, link: &LiveLink) -> sqlx::Result<()> {
    let row = LinkRow::of(link);
    let (stream, offerer_connector) = (link.stream.as_str(), link.offerer_connector.as_str());
    sqlx::query!(
        "insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, answered_at,
                           offerer_candidates, answerer_candidates, renegotiations)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (session_id, id) do update
         set answered_at = coalesce(answered_at, excluded.answered_at), closed_at = null, closed_by = null,
             offerer_candidates = excluded.offerer_candidates, answerer_candidates = excluded.answerer_candidates,
             renegotiations = excluded.renegotiations",
        link.link.0,
        session.0,
        link.offerer.participant.0,
        link.answerer.participant.0,
        stream,
        link.offered_at.0,
        row.answered_at,
        row.offerer_candidates,
        row.answerer_candidates,
        row.renegotiations
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into live_link (link_id, session_id, offerer_member, offerer_connector, answerer_member,
                                answerer_connector)
         values (?, ?, ?, ?, ?, ?)
         on conflict (session_id, link_id) do update set answerer_connector = excluded.answerer_connector",
        link.link.0,
        session.0,
        link.offerer.member.0,
        offerer_connector,
        link.answerer.member.0,
        row.answerer_connector
    )
    .execute(connection)
    .await?;
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
async fn end_rows(
    connection: &mut SqliteConnection,
    session: SessionId,
    keep: &Keep,
    at: Timestamp,
) -> sqlx::Result<()> {
    let lost = LeaveReason::Gap.as_str();
    sqlx::query!(
        "update connection
         set away_until = max(coalesce(disconnected_at, connected_at), ?1),
             disconnected_at = coalesce(disconnected_at, max(connected_at, ?1)),
             closed_by = coalesce(closed_by, ?4)
         where session_id = ?2 and away_until is null
           and id not in (select unhex(value) from json_each(?3))",
        at.0,
        session.0,
        keep.connections,
        lost
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from member where session_id = ? and id not in (select unhex(value) from json_each(?))",
        session.0,
        keep.members
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update participant
         set left_at = max(joined_at, ?1), leave_reason = ?3
         where session_id = ?2 and left_at is null
           and id not in (select participant_id from member where session_id = ?2)",
        at.0,
        session.0,
        lost
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update link set closed_at = max(offered_at, ?), closed_by = ?
         where session_id = ? and closed_at is null and id not in (select unhex(value) from json_each(?))",
        at.0,
        lost,
        session.0,
        keep.links
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from live_link where session_id = ? and link_id not in (select unhex(value) from json_each(?))",
        session.0,
        keep.links
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn count_participants(connection: &mut SqliteConnection, session: SessionId) -> sqlx::Result<()> {
    sqlx::query!(
        "update session set participant_count = (select count(*) from participant where session_id = ?1) where id = ?1",
        session.0
    )
    .execute(connection)
    .await?;
    Ok(())
}
