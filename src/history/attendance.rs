//! Attendance: who took part in a session, when, and how much of it.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::intervals::{Interval, Intervals, Span, percent};
use super::page::{Page, Slice};
use super::sessions::Session;
use super::{Error, History};
use crate::room::id::{ParticipantId, SessionId, Username};
use crate::room::time::Timestamp;

/// One person's attendance of a session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attendance {
    /// The person's id in this session.
    pub id: ParticipantId,
    /// Their name.
    pub username: String,
    /// When they first joined.
    pub joined_at: Timestamp,
    /// When they last left; nothing while they are a member.
    pub left_at: Option<Timestamp>,
    /// How long they had a live socket.
    pub present_ms: i64,
    /// How long they were a member without one.
    pub away_ms: i64,
    /// The longest time without one between joining and leaving (or now).
    pub longest_gap_ms: i64,
    /// How often they came back.
    pub reconnect_count: i64,
    /// Why they last left.
    pub leave_reason: Option<String>,
    /// What share of the session's duration they were present for, in percent with one decimal.
    pub present_pct: f64,
    /// When they were present.
    pub intervals: Vec<Span>,
}

/// A participant with all their connections, by time.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) id: ParticipantId,
    pub(super) username: String,
    pub(super) joined_at: Timestamp,
    left_at: Option<Timestamp>,
    leave_reason: Option<String>,
    reconnect_count: i64,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    connected_at: Timestamp,
    disconnected_at: Option<Timestamp>,
    closed_by: Option<String>,
    away_until: Option<Timestamp>,
}

impl Connection {
    fn present(&self, now: Timestamp) -> Interval {
        Interval::new(self.connected_at, self.disconnected_at.unwrap_or(now))
    }

    /// The time after the connection for which its owner stayed a member; while it lasts, up to `until`.
    fn away(&self, until: Timestamp) -> Option<Interval> {
        let from = self.disconnected_at?;
        match (self.away_until, self.closed_by.as_deref()) {
            (Some(to), _) => Some(Interval::new(from, to)),
            (None, Some("disconnected" | "server_shutdown" | "server_crash")) => Some(Interval::new(from, until)),
            _ => None,
        }
    }
}

impl Person {
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

    pub(super) fn attendance(self, session: &Session, now: Timestamp) -> Attendance {
        let present = self.present(now);
        let is_present = self
            .connections
            .iter()
            .any(|connection| connection.disconnected_at.is_none());
        let mut intervals: Vec<Span> = present
            .iter()
            .map(|interval| Span {
                from: interval.from,
                to: Some(interval.to),
            })
            .collect();
        if let Some(last) = intervals.last_mut().filter(|_| is_present) {
            last.to = None;
        }
        Attendance {
            present_ms: present.total_ms(),
            away_ms: self.away(now).minus(&present).total_ms(),
            longest_gap_ms: present.longest_gap_ms(Interval::new(self.joined_at, self.left_at.unwrap_or(now))),
            present_pct: percent(present.total_ms(), session.span().ms()),
            id: self.id,
            username: self.username,
            joined_at: self.joined_at,
            left_at: self.left_at,
            reconnect_count: self.reconnect_count,
            leave_reason: self.leave_reason,
            intervals,
        }
    }
}

impl History {
    /// Who took part in a session, by name, without those who were present for less than `min_pct` percent of it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn attendance(
        &self,
        session: &Session,
        min_pct: Option<f64>,
        page: &Page<String>,
        now: Timestamp,
    ) -> Result<Slice<Attendance, String>, Error> {
        let mut found = Vec::new();
        let mut after = page.after.clone();
        while found.len() <= page.limit {
            let people = self.people(session.id, after.as_deref(), page.probe()).await?;
            let Some(last) = people.last() else { break };
            after = Some(last.username.clone());
            let attendances = people.into_iter().map(|person| person.attendance(session, now));
            found.extend(attendances.filter(|person| min_pct.is_none_or(|least| person.present_pct >= least)));
        }
        Ok(Slice::cut(found, page.limit, |person| person.username.clone()))
    }

    /// Participants by name, with their connections. A negative `limit` is none.
    pub(super) async fn people(
        &self,
        session: SessionId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Person>, Error> {
        let after = after.unwrap_or_default();
        let rows = sqlx::query_as!(
            Row,
            r#"
            select person.id as "id: ParticipantId", person.session_id as "session_id: SessionId", person.username, person.joined_at as "joined_at: Timestamp",
                person.left_at as "left_at: Timestamp", person.leave_reason, person.reconnect_count,
                connection.connected_at as "connected_at?: Timestamp",
                connection.disconnected_at as "disconnected_at?: Timestamp",
                connection.closed_by as "closed_by?", connection.away_until as "away_until?: Timestamp"
            from (
                select * from participant where session_id = ?1 and username > ?2 order by username limit ?3
            ) as person
            left join connection on connection.participant_id = person.id
            order by person.username, connection.connected_at
            "#,
            session.0,
            after,
            limit
        )
        .fetch_all(&self.reader)
        .await?;
        Ok(fold(rows).into_iter().map(|(_, person)| person).collect())
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
            select visitor.id as "id: ParticipantId", visitor.session_id as "session_id: SessionId", visitor.username,
                visitor.joined_at as "joined_at: Timestamp", visitor.left_at as "left_at: Timestamp",
                visitor.leave_reason, visitor.reconnect_count,
                connection.connected_at as "connected_at?: Timestamp",
                connection.disconnected_at as "disconnected_at?: Timestamp",
                connection.closed_by as "closed_by?", connection.away_until as "away_until?: Timestamp"
            from participant as visitor
            left join connection on connection.participant_id = visitor.id
            where visitor.username = ?1 and visitor.session_id >= ?2 and visitor.session_id <= ?3
            order by visitor.session_id, connection.connected_at
            "#,
            name,
            first.0,
            last.0
        )
        .fetch_all(&self.reader)
        .await?;
        Ok(fold(rows).into_iter().collect())
    }
}

/// A participant with one of their connections, or none.
struct Row {
    id: ParticipantId,
    session_id: SessionId,
    username: String,
    joined_at: Timestamp,
    left_at: Option<Timestamp>,
    leave_reason: Option<String>,
    reconnect_count: i64,
    connected_at: Option<Timestamp>,
    disconnected_at: Option<Timestamp>,
    closed_by: Option<String>,
    away_until: Option<Timestamp>,
}

/// Brings together the rows of each participant, which follow each other.
fn fold(rows: Vec<Row>) -> Vec<(SessionId, Person)> {
    let mut people: Vec<(SessionId, Person)> = Vec::new();
    for row in rows {
        if people.last().is_none_or(|(_, last)| last.id != row.id) {
            let person = Person {
                id: row.id,
                username: row.username,
                joined_at: row.joined_at,
                left_at: row.left_at,
                leave_reason: row.leave_reason,
                reconnect_count: row.reconnect_count,
                connections: Vec::new(),
            };
            people.push((row.session_id, person));
        }
        let Some(((_, person), connected_at)) = people.last_mut().zip(row.connected_at) else {
            continue;
        };
        person.connections.push(Connection {
            connected_at,
            disconnected_at: row.disconnected_at,
            closed_by: row.closed_by,
            away_until: row.away_until,
        });
    }
    people
}
