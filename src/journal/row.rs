//! A record as a row of what is written ([`rows.sql`](rows.sql)).

use serde::ser::{Serialize, SerializeMap, Serializer};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

use super::event::{self, Numbered};
use crate::model::id::{ClientKey, LinkId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionState, LeaveReason};
use crate::room::record::{Change, Joined, LinkOffered, LinkSide, Record, Report, Traffic};

/// In the order in which [`Row::bind`] gives their values.
pub(super) const COLUMNS: [&str; 19] = [
    "kind",
    "seq",
    "at",
    "session",
    "participant",
    "member",
    "connection",
    "previous",
    "link",
    "peer",
    "peer_member",
    "client_key",
    "name",
    "stream",
    "reason",
    "until",
    "position",
    "members",
    "detail",
];

/// What a record says, as far as something follows from it. Each kind has some of it.
#[derive(Default)]
pub(super) struct Row<'a> {
    kind: &'static str,
    seq: Option<i64>,
    at: i64,
    session: Option<Uuid>,
    participant: Option<Uuid>,
    member: Option<Uuid>,
    connection: Option<Uuid>,
    /// The connection before.
    previous: Option<Uuid>,
    link: Option<Uuid>,
    /// The participant at the link's other end.
    peer: Option<Uuid>,
    peer_member: Option<Uuid>,
    client_key: Option<&'a ClientKey>,
    /// The room's, the person's, or a peer connection's.
    name: Option<&'a str>,
    stream: Option<&'a str>,
    reason: Option<&'static str>,
    /// Until when somebody who is away may come back, or was there last; by how much the calendar moved.
    until: Option<i64>,
    position: Option<i64>,
    members: Option<u32>,
    detail: Option<String>,
}

impl<'a> Row<'a> {
    pub(super) fn of(Numbered { seq, record }: &'a Numbered) -> Self {
        let row = Self {
            seq: *seq,
            at: record.at.0,
            session: record.session.map(|session| session.0),
            ..Self::default()
        };
        match event::entry(&record.change) {
            Some(entry) => Self {
                kind: entry.kind.as_str(),
                participant: entry.participant.map(|participant| participant.0),
                detail: entry.detail.map(|detail| detail.to_string()),
                ..row
            },
            None => row,
        }
        .with(record)
    }

    /// The end of the group of that number.
    pub(super) fn end(number: i64, at: Timestamp) -> Self {
        Self {
            kind: "group",
            seq: Some(number),
            at: at.0,
            ..Self::default()
        }
    }

    /// With what the record's own kind adds.
    fn with(self, record: &'a Record) -> Self {
        match &record.change {
            Change::SessionStarted { room } => Self {
                name: Some(room.as_str()),
                // Of a session of this room whose end was lost.
                reason: Some(LeaveReason::Gap.as_str()),
                ..self
            },
            Change::SessionEnded { ended_at } => Self {
                until: Some(ended_at.0),
                ..self
            },
            Change::Joined(joined) => self.joined(joined),
            Change::Left {
                member,
                last_connection,
                reason,
                left_at,
                ..
            } => Self {
                member: Some(member.0),
                connection: Some(last_connection.0),
                reason: Some(reason.as_str()),
                until: Some(left_at.0),
                ..self
            },
            Change::Disconnected {
                member,
                connection,
                until,
                leaves_as,
                ..
            } => Self {
                member: Some(member.0),
                connection: Some(connection.0),
                until: Some(until.0),
                reason: leaves_as.map(LeaveReason::as_str),
                ..self
            },
            Change::Reconnected {
                member,
                connection,
                previous,
                ..
            } => Self {
                member: Some(member.0),
                connection: Some(connection.0),
                previous: Some(previous.0),
                ..self
            },
            Change::CalendarMoved { by_ms } => Self {
                kind: "calendar_moved",
                until: Some(*by_ms),
                ..self
            },
            Change::LinkOffered(offered) => self.offered(offered),
            Change::LinkAnswered { link, connector } => Self {
                name: Some(connector.as_str()),
                ..self.of_link("link_answered", *link)
            },
            Change::LinkProgress { link, traffic } => Self {
                detail: Some(counts(*traffic)),
                ..self.of_link("link_progress", *link)
            },
            Change::LinkClosed { link, traffic, why } => Self {
                detail: Some(counts(*traffic)),
                reason: Some(why.as_str()),
                ..self.of_link("link_closed", *link)
            },
            Change::LinkReported { link, by, report } => self.reported(*link, *by, *report),
            Change::LeaveOwed { member, leave } => Self {
                kind: "leave_owed",
                member: Some(member.0),
                name: Some(leave.connector.as_str()),
                peer_member: Some(leave.leaver.0),
                ..self
            },
            Change::Overflowed { member } => Self {
                kind: "overflowed",
                member: Some(member.0),
                ..self
            },
            Change::Acted { .. } | Change::Error { .. } | Change::MoreErrors { .. } | Change::Gap { .. } => self,
            Change::Snapshot(_) => unreachable!("it is no row"),
        }
    }

    fn joined(self, joined: &'a Joined) -> Self {
        Self {
            member: Some(joined.member.0),
            connection: Some(joined.connection.0),
            client_key: Some(&joined.key),
            name: Some(joined.username.as_str()),
            position: Some(joined.position.cast_signed()),
            members: Some(joined.members),
            ..self
        }
    }

    fn offered(self, offered: &'a LinkOffered) -> Self {
        Self {
            participant: Some(offered.offerer.participant.0),
            member: Some(offered.offerer.member.0),
            peer: Some(offered.answerer.participant.0),
            peer_member: Some(offered.answerer.member.0),
            name: Some(offered.connector.as_str()),
            stream: Some(offered.stream.as_str()),
            ..self.of_link("link_offered", offered.link)
        }
    }

    fn reported(self, link: LinkId, by: LinkSide, report: Report) -> Self {
        let kind = match by {
            LinkSide::Offerer => "offerer_reported",
            LinkSide::Answerer => "answerer_reported",
        };
        Self {
            at: report.at.0,
            reason: Some(report.state.as_str()),
            detail: report.path.map(|path| path.as_str().to_owned()),
            until: (report.state == ConnectionState::Connected).then_some(report.at.0),
            ..self.of_link(kind, link)
        }
    }

    fn of_link(self, kind: &'static str, link: LinkId) -> Self {
        Self {
            kind,
            link: Some(link.0),
            ..self
        }
    }

    pub(super) fn bind<'q>(&self, query: Query<'q, Sqlite, SqliteArguments>) -> Query<'q, Sqlite, SqliteArguments> {
        query
            .bind(self.kind)
            .bind(self.seq)
            .bind(self.at)
            .bind(self.session)
            .bind(self.participant)
            .bind(self.member)
            .bind(self.connection)
            .bind(self.previous)
            .bind(self.link)
            .bind(self.peer)
            .bind(self.peer_member)
            .bind(self.client_key.map(|key| key.as_bytes().as_slice()))
            .bind(self.name)
            .bind(self.stream)
            .bind(self.reason)
            .bind(self.until)
            .bind(self.position)
            .bind(self.members)
            .bind(self.detail.as_deref())
    }
}

/// As `write_rows` of [`rows.postgres.sql`](rows.postgres.sql) reads it. What is bytes there is written as its tables' type
/// takes it.
impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_map(None)?;
        let bytes = |bytes: &[u8]| format!("\\x{}", hex::encode(bytes));
        let is_connector = matches!(self.kind, "link_offered" | "link_answered" | "leave_owed");
        row.serialize_entry("kind", self.kind)?;
        row.serialize_entry("at", &self.at)?;
        row.serialize_entry("is_entry", &self.seq.is_some())?;
        put(&mut row, "session", self.session)?;
        put(&mut row, "participant", self.participant)?;
        put(&mut row, "member", self.member)?;
        put(&mut row, "connection", self.connection)?;
        put(&mut row, "previous", self.previous)?;
        put(&mut row, "link", self.link)?;
        put(&mut row, "peer", self.peer)?;
        put(&mut row, "peer_member", self.peer_member)?;
        put(&mut row, "client_key", self.client_key.map(|key| bytes(key.as_bytes())))?;
        put(&mut row, "name", self.name.filter(|_| !is_connector))?;
        put(
            &mut row,
            "connector",
            self.name.filter(|_| is_connector).map(|id| bytes(id.as_bytes())),
        )?;
        put(&mut row, "stream", self.stream.map(|stream| bytes(stream.as_bytes())))?;
        put(&mut row, "reason", self.reason)?;
        put(&mut row, "until", self.until)?;
        put(&mut row, "position", self.position)?;
        put(&mut row, "members", self.members)?;
        put(&mut row, "detail", self.detail.as_deref())?;
        row.end()
    }
}

/// What is not there is null.
fn put<M: SerializeMap>(row: &mut M, column: &'static str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| row.serialize_entry(column, &value))
}

/// Candidates of the offerer and of the answerer, and renegotiations.
fn counts(traffic: Traffic) -> String {
    let Traffic {
        offerer_candidates,
        answerer_candidates,
        renegotiations,
    } = traffic;
    format!("[{offerer_candidates},{answerer_candidates},{renegotiations}]")
}
