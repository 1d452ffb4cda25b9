//! A record as a row of what is written ([`rows.sql`](rows.sql)).

use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

use super::event::{self, Numbered};
use crate::model::id::{ClientKey, LinkId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionState, EventKind, LeaveReason};
use crate::room::record::{Change, Joined, LinkOffered, LinkSide, Record, Report, Traffic};

/// Kinds of rows that are no entries of the journal, as far as more than one place names them.
const LINK_OFFERED: &str = "link_offered";
const LINK_ANSWERED: &str = "link_answered";
const LEAVE_OWED: &str = "leave_owed";
const CALENDAR_MOVED: &str = "calendar_moved";

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
                kind: CALENDAR_MOVED,
                until: Some(*by_ms),
                ..self
            },
            Change::LinkOffered(offered) => self.offered(offered),
            Change::LinkAnswered { link, connector } => Self {
                name: Some(connector.as_str()),
                ..self.of_link(LINK_ANSWERED, *link)
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
                kind: LEAVE_OWED,
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
            ..self.of_link(LINK_OFFERED, offered.link)
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

/// What a row touches: of two rows that touch the same, the first is written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Touched<'a> {
    Participant(Uuid),
    Member(Uuid),
    Link(Uuid),
    Room(&'a str),
}

impl<'a> Row<'a> {
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) fn session(&self) -> Option<Uuid> {
        self.session
    }

    /// Whether it is an entry of the journal.
    pub(super) fn is_entry(&self) -> bool {
        self.seq.is_some()
    }

    /// Whether more follows from it than an entry.
    pub(super) fn has_effect(&self) -> bool {
        !self.is(EventKind::Gap) && !self.is(EventKind::Action)
    }

    pub(super) fn starts_session(&self) -> bool {
        self.is(EventKind::SessionStarted)
    }

    pub(super) fn ends_session(&self) -> bool {
        self.is(EventKind::SessionEnded)
    }

    /// Whether all that is known of its session changes, entries of the journal as well.
    pub(super) fn moves_calendar(&self) -> bool {
        self.kind == CALENDAR_MOVED
    }

    /// Whether somebody is to be told that somebody has left.
    pub(super) fn is_leave_owed(&self) -> bool {
        self.kind == LEAVE_OWED
    }

    fn is(&self, kind: EventKind) -> bool {
        self.kind == kind.as_str()
    }

    /// What it touches besides its session.
    pub(super) fn touches(&self) -> impl Iterator<Item = Touched<'a>> + use<'a> {
        let link = self.link.map(Touched::Link);
        let member = self.member.filter(|_| link.is_none());
        let participant = self.participant.filter(|_| member.is_some());
        let room = self.name.filter(|_| self.starts_session());
        let own = [
            link,
            member.map(Touched::Member),
            participant.map(Touched::Participant),
            room.map(Touched::Room),
        ];
        own.into_iter().flatten()
    }
}

/// Rows as PostgreSQL takes them ([`rows.postgres.sql`](rows.postgres.sql)): a list for each column.
#[derive(Default)]
pub(super) struct Columns<'r> {
    pub(super) ats: Vec<i64>,
    pub(super) sessions: Vec<Option<Uuid>>,
    pub(super) participants: Vec<Option<Uuid>>,
    pub(super) members: Vec<Option<Uuid>>,
    pub(super) connections: Vec<Option<Uuid>>,
    pub(super) previous_ones: Vec<Option<Uuid>>,
    pub(super) links: Vec<Option<Uuid>>,
    pub(super) peers: Vec<Option<Uuid>>,
    pub(super) peer_members: Vec<Option<Uuid>>,
    pub(super) client_keys: Vec<Option<&'r [u8]>>,
    pub(super) names: Vec<Option<&'r str>>,
    pub(super) connectors: Vec<Option<&'r [u8]>>,
    pub(super) streams: Vec<Option<&'r [u8]>>,
    pub(super) reasons: Vec<Option<&'static str>>,
    pub(super) untils: Vec<Option<i64>>,
    pub(super) positions: Vec<Option<i64>>,
    pub(super) counts: Vec<Option<i64>>,
    pub(super) details: Vec<Option<&'r str>>,
}

impl<'r> Columns<'r> {
    pub(super) fn len(&self) -> usize {
        self.ats.len()
    }

    pub(super) fn push(&mut self, row: &'r Row<'_>) {
        // What clients word themselves is bytes there.
        let is_connector = matches!(row.kind, LINK_OFFERED | LINK_ANSWERED | LEAVE_OWED);
        self.ats.push(row.at);
        self.sessions.push(row.session);
        self.participants.push(row.participant);
        self.members.push(row.member);
        self.connections.push(row.connection);
        self.previous_ones.push(row.previous);
        self.links.push(row.link);
        self.peers.push(row.peer);
        self.peer_members.push(row.peer_member);
        self.client_keys
            .push(row.client_key.map(|key| key.as_bytes().as_slice()));
        self.names.push(row.name.filter(|_| !is_connector));
        self.connectors
            .push(row.name.filter(|_| is_connector).map(str::as_bytes));
        self.streams.push(row.stream.map(str::as_bytes));
        self.reasons.push(row.reason);
        self.untils.push(row.until);
        self.positions.push(row.position);
        self.counts.push(row.members.map(i64::from));
        self.details.push(row.detail.as_deref());
    }
}

/// Entries of the journal in the same way.
#[derive(Default)]
pub(super) struct Entries<'r> {
    pub(super) ats: Vec<i64>,
    pub(super) sessions: Vec<Option<Uuid>>,
    pub(super) participants: Vec<Option<Uuid>>,
    pub(super) kinds: Vec<&'static str>,
    pub(super) details: Vec<Option<&'r str>>,
}

impl<'r> Entries<'r> {
    pub(super) fn len(&self) -> usize {
        self.ats.len()
    }

    /// Those that rows are.
    pub(super) fn of(rows: &'r [Row<'_>]) -> Self {
        let mut entries = Self::default();
        for row in rows.iter().filter(|row| row.is_entry()) {
            entries.ats.push(row.at);
            entries.sessions.push(row.session);
            entries.participants.push(row.participant);
            entries.kinds.push(row.kind);
            entries.details.push(row.detail.as_deref());
        }
        entries
    }
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
