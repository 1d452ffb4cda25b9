//! What a restart finds: the rooms that were live, read from the rows that say so.

use std::collections::HashMap;

use uuid::Uuid;

use super::{gone, owed};
use crate::model::id::{
    ClientKey, ConnectionId, ConnectorId, LinkId, MemberId, ParticipantId, RoomName, SessionId, StreamType, Username,
};
use crate::model::time::Timestamp;
use crate::model::vocabulary::LeaveReason;
use crate::room::record::{End, LiveLink, LiveMember, Snapshot, Traffic};
use crate::sql::{ClientText, Connection, damaged, query};

struct SessionRow {
    id: Uuid,
    room: String,
    started_at: i64,
    peak: i64,
}

/// Every open session with its members, in the order the sessions began.
pub(super) async fn live_rooms(connection: &mut Connection) -> sqlx::Result<Vec<(SessionId, Snapshot)>> {
    let sessions = query!(
        &mut *connection,
        fetch_all as SessionRow,
        sqlite: r#"select id as "id: Uuid", room, started_at, peak_participants as peak
                   from session indexed by session_open where ended_at is null order by id"#,
        postgres: r#"select id as "id: Uuid", room, started_at, peak_participants as peak
                     from session where id in (select id from recovering) order by id"#
    )?;
    let mut gone = gone::by_session(connection).await?;
    let mut participants = participants(connection).await?;
    let mut members = members(connection).await?;
    let mut links = links(connection).await?;
    let rooms = sessions.into_iter().map(|session| {
        let id = SessionId(session.id);
        let snapshot = Snapshot {
            room: RoomName::parse(&session.room).map_err(damaged)?,
            started_at: Timestamp(session.started_at),
            peak: count(session.peak)?,
            participants: participants.remove(&id).unwrap_or_default(),
            members: members.remove(&id).unwrap_or_default(),
            links: links.remove(&id).unwrap_or_default(),
            gone: gone.remove(&id).unwrap_or_default(),
        };
        Ok((id, snapshot))
    });
    rooms.collect()
}

/// What there is of each session.
type Of<T> = HashMap<SessionId, Vec<T>>;

fn by_session<T>(rows: impl Iterator<Item = sqlx::Result<(Uuid, T)>>) -> sqlx::Result<Of<T>> {
    let mut sessions = Of::new();
    for row in rows {
        let (session, row) = row?;
        sessions.entry(SessionId(session)).or_default().push(row);
    }
    Ok(sessions)
}

struct ParticipantRow {
    session: Uuid,
    id: Uuid,
    username: String,
}

async fn participants(connection: &mut Connection) -> sqlx::Result<Of<(Username, ParticipantId)>> {
    let rows = query!(
        connection,
        fetch_all as ParticipantRow,
        sqlite: r#"select session_id as "session: Uuid", participant.id as "id: Uuid", username
                   from session indexed by session_open
                   cross join participant on session_id = session.id
                   where ended_at is null"#,
        postgres: r#"select session_id as "session: Uuid", participant.id as "id: Uuid", username
                     from recovering join participant on session_id = recovering.id"#
    )?;
    by_session(rows.into_iter().map(|row| {
        let username = Username::parse(&row.username).map_err(damaged)?;
        Ok((row.session, (username, ParticipantId(row.id))))
    }))
}

struct MemberRow {
    session: Uuid,
    id: Uuid,
    participant: Uuid,
    connection: Uuid,
    client_key: Vec<u8>,
    position: i64,
    joined_at: i64,
    away_since: Option<i64>,
    away_until: Option<i64>,
    overflowed: bool,
    stopped_by: Option<String>,
    username: String,
    connected_at: i64,
}

async fn members(connection: &mut Connection) -> sqlx::Result<Of<LiveMember>> {
    let rows = query!(
        &mut *connection,
        fetch_all as MemberRow,
        sqlite: r#"select member.session_id as "session: Uuid", member.id as "id: Uuid",
                       member.participant_id as "participant: Uuid", member.connection_id as "connection: Uuid",
                       client_key, position, member.joined_at, away_since, member.away_until,
                       overflowed as "overflowed: bool", stopped_by, username, connected_at
                   from member
                   cross join participant on participant.id = member.participant_id
                   cross join connection on connection.session_id = member.session_id
                       and connection.participant_id = member.participant_id and connection.id = member.connection_id
                   order by member.session_id, position"#,
        postgres: r#"select member.session_id as "session: Uuid", member.id as "id: Uuid",
                         member.participant_id as "participant: Uuid", member.connection_id as "connection: Uuid",
                         client_key, position, member.joined_at, away_since, member.away_until,
                         overflowed as "overflowed: bool", stopped_by, username, connected_at
                     from member
                     join participant on participant.id = member.participant_id
                     join connection on connection.session_id = member.session_id
                         and connection.participant_id = member.participant_id and connection.id = member.connection_id
                     where member.session_id in (select id from recovering)
                     order by member.session_id, position"#
    )?;
    let mut owed = owed::by_member(connection).await?;
    by_session(rows.into_iter().map(|row| {
        let key = row
            .client_key
            .try_into()
            .map_err(|_| damaged("a key is not 32 bytes"))?;
        let member = LiveMember {
            member: MemberId(row.id),
            participant: ParticipantId(row.participant),
            username: Username::parse(&row.username).map_err(damaged)?,
            key: ClientKey::from_bytes(key),
            position: row.position.cast_unsigned(),
            joined_at: Timestamp(row.joined_at),
            connection: ConnectionId(row.connection),
            connected_at: Timestamp(row.connected_at),
            away: row.away_since.map(Timestamp).zip(row.away_until.map(Timestamp)),
            overflowed: row.overflowed,
            owed: owed.remove(&MemberId(row.id)).unwrap_or_default(),
            leaves_as: row.stopped_by.as_deref().map(reason).transpose()?,
        };
        Ok((row.session, member))
    }))
}

struct LinkRow {
    session: Uuid,
    id: Uuid,
    offerer_member: Uuid,
    offerer: Uuid,
    offerer_connector: ClientText<String>,
    answerer_member: Uuid,
    answerer: Uuid,
    answerer_connector: Option<ClientText<String>>,
    stream_type: ClientText<String>,
    offered_at: i64,
    answered_at: Option<i64>,
    offerer_candidates: i64,
    answerer_candidates: i64,
    renegotiations: i64,
}

async fn links(connection: &mut Connection) -> sqlx::Result<Of<LiveLink>> {
    let rows = query!(
        connection,
        fetch_all as LinkRow,
        sqlite: r#"select live_link.session_id as "session: Uuid", link.id as "id: Uuid",
                       offerer_member as "offerer_member: Uuid", offerer_id as "offerer: Uuid",
                       offerer_connector as "offerer_connector: _", answerer_member as "answerer_member: Uuid",
                       answerer_id as "answerer: Uuid", answerer_connector as "answerer_connector: _",
                       stream_type as "stream_type: _", offered_at, answered_at, offerer_candidates, answerer_candidates,
                       renegotiations
                   from live_link cross join link on link.session_id = live_link.session_id and link.id = live_link.link_id
                   order by offered_at, link.id"#,
        postgres: r#"select live_link.session_id as "session: Uuid", link.id as "id: Uuid",
                         offerer_member as "offerer_member: Uuid", offerer_id as "offerer: Uuid",
                         offerer_connector as "offerer_connector: _", answerer_member as "answerer_member: Uuid",
                         answerer_id as "answerer: Uuid", answerer_connector as "answerer_connector: _",
                         stream_type as "stream_type: _", offered_at, answered_at, offerer_candidates, answerer_candidates,
                         renegotiations
                     from live_link cross join lateral (
                         select * from link where session_id = live_link.session_id and id = live_link.link_id offset 0
                     ) as link
                     where live_link.session_id in (select id from recovering)
                     order by offered_at, link.id"#
    )?;
    by_session(rows.into_iter().map(|row| {
        let answerer_connector = row.answerer_connector.map(|id| ConnectorId::parse(&id.0)).transpose();
        let link = LiveLink {
            link: LinkId(row.id),
            offered_at: Timestamp(row.offered_at),
            offerer: end(row.offerer_member, row.offerer),
            offerer_connector: ConnectorId::parse(&row.offerer_connector.0).map_err(damaged)?,
            answerer: end(row.answerer_member, row.answerer),
            answered: answerer_connector.map_err(damaged)?.zip(row.answered_at.map(Timestamp)),
            stream: StreamType::parse(&row.stream_type.0).map_err(damaged)?,
            traffic: Traffic {
                offerer_candidates: count(row.offerer_candidates)?,
                answerer_candidates: count(row.answerer_candidates)?,
                renegotiations: count(row.renegotiations)?,
            },
        };
        Ok((row.session, link))
    }))
}

fn count(stored: i64) -> sqlx::Result<u32> {
    u32::try_from(stored).map_err(damaged)
}

fn end(member: Uuid, participant: Uuid) -> End {
    End {
        member: MemberId(member),
        participant: ParticipantId(participant),
    }
}

fn reason(word: &str) -> sqlx::Result<LeaveReason> {
    LeaveReason::parse(word).ok_or_else(|| damaged(format_args!("{word:?} is no reason to leave")))
}
