//! People: who took part in a session, each with all their connections, from which presence is told.

use std::collections::HashMap;

use serde::Deserialize;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Sqlite, query};
use uuid::Uuid;

use super::intervals::{Interval, Intervals};
use super::json::{Millis, from_json};
use super::rooms::Presence;
use super::{Error, History};
use crate::room::id::{ParticipantId, SessionId, Username};
use crate::room::time::Timestamp;

/// One person of a session.
#[derive(Debug)]
pub struct Person {
    /// Their id in the session.
    pub id: ParticipantId,
    pub(super) username: String,
    pub(super) joined_at: Timestamp,
    pub(super) left_at: Option<Timestamp>,
    pub(super) leave_reason: Option<String>,
    pub(super) reconnect_count: i64,
    /// By time.
    connections: Vec<Connection>,
}

/// An interval with a live socket, as the queries give it.
#[derive(Debug, Deserialize)]
struct Connection {
    participant: Uuid,
    connected_at: Millis,
    disconnected_at: Option<Millis>,
    closed_by: Option<String>,
    away_until: Option<Millis>,
}

impl Connection {
    fn present(&self, now: Timestamp) -> Interval {
        Interval::new(
            self.connected_at.into(),
            self.disconnected_at.map_or(now, Timestamp::from),
        )
    }

    /// The time after the connection for which its owner stayed a member; while it lasts, up to `until`.
    fn away(&self, until: Timestamp) -> Option<Interval> {
        let from = self.disconnected_at?.into();
        match (self.away_until, self.closed_by.as_deref()) {
            (Some(to), _) => Some(Interval::new(from, to.into())),
            (None, Some("disconnected" | "server_shutdown" | "server_crash")) => Some(Interval::new(from, until)),
            _ => None,
        }
    }

    /// Whether the next one began at the moment this one ended.
    fn is_taken_over_by(&self, next: &Self) -> bool {
        self.disconnected_at.is_some_and(|end| end >= next.connected_at)
    }
}

impl Person {
    /// Whether they have a live socket.
    pub(super) fn is_present(&self) -> bool {
        self.connections
            .iter()
            .any(|connection| connection.disconnected_at.is_none())
    }

    pub(super) fn present(&self, now: Timestamp) -> Intervals {
        Intervals::merge(self.connections.iter().map(|connection| connection.present(now)))
    }

    pub(super) fn away(&self, now: Timestamp) -> Intervals {
        let until = self.left_at.unwrap_or(now);
        Intervals::merge(self.connections.iter().filter_map(|connection| connection.away(until)))
    }

    /// When they were a member, present or away.
    pub(super) fn membership(&self, now: Timestamp) -> Intervals {
        Intervals::merge(self.present(now).iter().chain(self.away(now).iter()))
    }

    /// Whether they were present or away at a moment, and since when; `None` if they were no member.
    pub(super) fn at(&self, at: Timestamp) -> Option<(Presence, Timestamp)> {
        const FOREVER: Timestamp = Timestamp(i64::MAX);
        let begun = self
            .connections
            .partition_point(|connection| Timestamp::from(connection.connected_at) <= at);
        let last = self.connections[..begun].last()?;
        match last.disconnected_at.map(Timestamp::from).filter(|end| *end <= at) {
            None => Some((Presence::Present, present_since(&self.connections[..begun])?)),
            Some(end) => {
                let away = last.away(self.left_at.unwrap_or(FOREVER))?;
                (away.to > at).then_some((Presence::Away, end))
            }
        }
    }
}

/// When the last of these connections began, or the one that it took over from.
fn present_since(connections: &[Connection]) -> Option<Timestamp> {
    let takeovers = connections
        .windows(2)
        .rev()
        .take_while(|pair| pair[0].is_taken_over_by(&pair[1]));
    let first = connections.len().checked_sub(1 + takeovers.count())?;
    Some(connections[first].connected_at.into())
}

impl History {
    /// Everyone who took part in a session, by name.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn everyone(&self, session: SessionId) -> Result<Vec<Person>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"
            select id as "id: ParticipantId", session_id as "session_id: SessionId", username,
                joined_at as "joined_at: Timestamp", left_at as "left_at: Timestamp", leave_reason, reconnect_count
            from participant where session_id = ? order by username
            "#,
            session.0
        );
        let connections = sqlx::query_scalar!(
            r#"
            select json_group_array(
                json_array(hex(participant_id), connected_at, disconnected_at, closed_by, away_until)
            ) as "connections!: String"
            from connection where session_id = ?
            "#,
            session.0
        );
        let people = self.of_one_moment(rows, connections).await?;
        Ok(people.into_iter().map(|(_, person)| person).collect())
    }

    /// Since when the members of a session have been present, or were before they went away.
    pub(super) async fn present_since(&self, session: SessionId) -> Result<HashMap<ParticipantId, Timestamp>, Error> {
        let connections = sqlx::query_scalar!(
            r#"
            select json_group_array(
                json_array(hex(participant_id), connected_at, disconnected_at, closed_by, away_until)
            ) as "connections!: String"
            from connection
            where session_id = ?1 and participant_id in (select participant_id from member where session_id = ?1)
            "#,
            session.0
        )
        .fetch_one(&self.reader)
        .await?;
        let since =
            |(id, connections): (Uuid, Vec<Connection>)| Some((ParticipantId(id), present_since(&connections)?));
        Ok(by_person(&connections)?.into_iter().filter_map(since).collect())
    }

    /// One person by session, in those whose ids are between two, both included.
    pub(super) async fn person_between(
        &self,
        username: &Username,
        first: SessionId,
        last: SessionId,
    ) -> Result<HashMap<SessionId, Person>, Error> {
        let name = username.as_str();
        let rows = sqlx::query_as!(
            Row,
            r#"
            select id as "id: ParticipantId", session_id as "session_id: SessionId", username,
                joined_at as "joined_at: Timestamp", left_at as "left_at: Timestamp", leave_reason, reconnect_count
            from participant where username = ? and session_id >= ? and session_id <= ?
            "#,
            name,
            first.0,
            last.0
        );
        let connections = sqlx::query_scalar!(
            r#"
            select json_group_array(
                json_array(hex(participant_id), connected_at, disconnected_at, closed_by, away_until)
            ) as "connections!: String"
            from participant
            cross join connection on connection.session_id = participant.session_id
                and connection.participant_id = participant.id
            where username = ? and participant.session_id >= ? and participant.session_id <= ?
            "#,
            name,
            first.0,
            last.0
        );
        let people = self.of_one_moment(rows, connections).await?;
        Ok(people.into_iter().collect())
    }

    /// People with their connections, each by its session. Whoever has left has no connection that goes on.
    async fn of_one_moment(
        &self,
        rows: query::Map<'_, Sqlite, impl FnMut(SqliteRow) -> sqlx::Result<Row> + Send, SqliteArguments>,
        connections: query::QueryScalar<'_, Sqlite, String, SqliteArguments>,
    ) -> Result<Vec<(SessionId, Person)>, Error> {
        let mut snapshot = self.reader.begin().await?;
        let rows = rows.fetch_all(&mut *snapshot).await?;
        let connections = connections.fetch_one(&mut *snapshot).await?;
        snapshot.commit().await?;
        let mut connections = by_person(&connections)?;
        let people = rows
            .into_iter()
            .map(|row| (row.session_id, row.person(&mut connections)));
        Ok(people.collect())
    }
}

type Connections = HashMap<Uuid, Vec<Connection>>;

fn by_person(connections: &str) -> Result<Connections, Error> {
    let mut found = Connections::new();
    for connection in from_json::<Connection>(connections)? {
        found.entry(connection.participant).or_default().push(connection);
    }
    for connections in found.values_mut() {
        connections.sort_by_key(|connection| connection.connected_at);
    }
    Ok(found)
}

/// A participant. Connections are read as one value: a row for each would cost a page most of its time.
struct Row {
    id: ParticipantId,
    session_id: SessionId,
    username: String,
    joined_at: Timestamp,
    left_at: Option<Timestamp>,
    leave_reason: Option<String>,
    reconnect_count: i64,
}

impl Row {
    fn person(self, connections: &mut Connections) -> Person {
        Person {
            connections: connections.remove(&self.id.0).unwrap_or_default(),
            id: self.id,
            username: self.username,
            joined_at: self.joined_at,
            left_at: self.left_at,
            leave_reason: self.leave_reason,
            reconnect_count: self.reconnect_count,
        }
    }
}
