//! Attendance: who took part in a session, when, and how much of it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::intervals::{Interval, Intervals, Span, percent};
use super::json::{Millis, from_json};
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

#[derive(Debug, Deserialize)]
struct Connection {
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
            select id as "id: ParticipantId", session_id as "session_id: SessionId", username,
                joined_at as "joined_at: Timestamp", left_at as "left_at: Timestamp", leave_reason, reconnect_count, (
                    select json_group_array(
                        json_array(connected_at, disconnected_at, closed_by, away_until) order by connected_at
                    )
                    from connection where participant_id = participant.id
                ) as "connections!: String"
            from participant where session_id = ?1 and username > ?2
            order by username limit ?3
            "#,
            session.0,
            after,
            limit
        )
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(Row::person).collect()
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
                joined_at as "joined_at: Timestamp", left_at as "left_at: Timestamp", leave_reason, reconnect_count, (
                    select json_group_array(
                        json_array(connected_at, disconnected_at, closed_by, away_until) order by connected_at
                    )
                    from connection where participant_id = participant.id
                ) as "connections!: String"
            from participant where username = ?1 and session_id >= ?2 and session_id <= ?3
            "#,
            name,
            first.0,
            last.0
        )
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|row| Ok((row.session_id, row.person()?)))
            .collect()
    }
}

/// A participant. Their connections are one value: a row of its own for each would cost a page most of its time.
struct Row {
    id: ParticipantId,
    session_id: SessionId,
    username: String,
    joined_at: Timestamp,
    left_at: Option<Timestamp>,
    leave_reason: Option<String>,
    reconnect_count: i64,
    connections: String,
}

impl Row {
    fn person(self) -> Result<Person, Error> {
        Ok(Person {
            id: self.id,
            username: self.username,
            joined_at: self.joined_at,
            left_at: self.left_at,
            leave_reason: self.leave_reason,
            reconnect_count: self.reconnect_count,
            connections: from_json(&self.connections)?,
        })
    }
}
