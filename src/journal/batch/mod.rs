//! Rows that are written together: what follows from many records takes one statement for each kind of row.
//!
//! A statement costs its way to the thread that owns the connection and back, many times what a row in it costs. So
//! the rows that follow from a run of records are gathered here, each in the state that it has at the end of the run.
//! That gives what one record after another would: within a run a row's own changes are taken in their order, and
//! what refers to another row is written after it.

mod connections;
mod links;
mod members;
mod occupancy;
mod participants;
mod sessions;

use serde::Serialize;
use sqlx::SqliteConnection;

use self::connections::Connections;
use self::links::Links;
use self::members::Members;
use self::occupancy::Occupancy;
use self::participants::Participants;
use self::sessions::Sessions;
use crate::model::id::SessionId;
use crate::model::vocabulary::{ConnectionCloseReason, ConnectionOpenReason};
use crate::room::record::{Change, Record};
use crate::sql::json;

/// What follows from a run of records, and is not written yet.
#[derive(Default)]
pub(super) struct Batch {
    occupancy: Occupancy,
    sessions: Sessions,
    participants: Participants,
    connections: Connections,
    members: Members,
    links: Links,
}

impl Batch {
    /// Takes what follows from a record. False if that cannot be written together with anything else, and has to wait
    /// for what is in here.
    pub(super) fn take(&mut self, record: &Record) -> bool {
        match record.session {
            Some(session) => self.take_of(session, record),
            // Nothing but its entry in the journal follows from what was refused before a join.
            None => !matches!(record.change, Change::Snapshot(_)),
        }
    }

    fn take_of(&mut self, session: SessionId, record: &Record) -> bool {
        let at = record.at;
        match &record.change {
            Change::SessionStarted { room } => return self.occupancy.started(session, room, at),
            Change::SessionEnded { ended_at } => self.occupancy.ended(session, *ended_at),
            Change::Joined(joined) => {
                self.sessions.joined(session, joined.members);
                self.participants.joined(session, joined, at);
                let by = ConnectionOpenReason::Join;
                self.connections
                    .opened(session, joined.connection, joined.participant, by, at);
                self.members.joined(session, joined, at);
            }
            Change::Left {
                participant,
                member,
                last_connection,
                reason,
                ..
            } => {
                self.connections
                    .over(session, *participant, *last_connection, (*reason).into(), at);
                self.participants.left(*participant, reason.as_str(), at);
                self.members.left(*member);
            }
            Change::Disconnected {
                participant,
                member,
                connection,
                until,
                ..
            } => {
                self.connections.disconnected(session, *participant, *connection, at);
                self.members.away(*member, at, *until);
            }
            Change::Reconnected {
                participant,
                member,
                connection,
                previous,
                ..
            } => {
                self.sessions.reconnected(session);
                self.participants.reconnected(*participant);
                let by = ConnectionCloseReason::Replaced;
                self.connections.over(session, *participant, *previous, by, at);
                let by = ConnectionOpenReason::Reconnect;
                self.connections.opened(session, *connection, *participant, by, at);
                self.members.back(*member, *connection);
            }
            Change::LinkOffered(offered) => self.links.offered(session, offered, at),
            Change::LinkAnswered { link, connector } => self.links.answered(session, *link, connector, at),
            Change::LinkProgress { link, traffic } => self.links.carried(session, *link, *traffic),
            Change::LinkClosed { link, traffic, why } => {
                self.links.carried(session, *link, *traffic);
                self.links.closed(session, *link, why.as_str(), at);
            }
            Change::Error { .. } | Change::MoreErrors { .. } => self.sessions.failed(session),
            Change::Gap { .. } => {}
            Change::LeaveOwed { .. } | Change::Overflowed { .. } | Change::Snapshot(_) => return false,
        }
        true
    }

    /// Writes it within the open transaction, and is empty then.
    pub(super) async fn write(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let Self {
            occupancy,
            sessions,
            participants,
            connections,
            members,
            links,
        } = std::mem::take(self);
        occupancy.begin(connection).await?;
        let first_times = participants.write(connection).await?;
        sessions.write(connection, &first_times).await?;
        connections.write(connection).await?;
        members.write(connection).await?;
        links.write(connection).await?;
        occupancy.settle(connection).await
    }
}

/// What a statement reads them from, if there is anything.
fn rows<T: Serialize>(rows: &[T]) -> sqlx::Result<Option<String>> {
    (!rows.is_empty()).then(|| json(rows)).transpose()
}
