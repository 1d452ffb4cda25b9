//! Peer connections: what passed between two people, and whose connector is whose while it is open. Each is offered,
//! answered and closed, in this order.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::Uuid;
use uuid::fmt::Simple;

use super::rows;
use crate::model::id::{ConnectorId, LinkId, SessionId};
use crate::model::time::Timestamp;
use crate::room::record::{LinkOffered, Traffic};

#[derive(Default)]
pub(super) struct Links {
    offered: Vec<Offered>,
    /// By their first answers, with the last one's connector.
    answered: BTreeMap<Uuid, Answered>,
    /// The newest counts.
    carried: BTreeMap<Uuid, Carried>,
    closed: Vec<Closed>,
}

/// Clients' own words go as bytes: whatever is in them, they must be the same after a restart.
#[derive(Serialize)]
struct Offered {
    id: Simple,
    session: Simple,
    offerer: Simple,
    answerer: Simple,
    stream: String,
    at: i64,
    offerer_member: Simple,
    offerer_connector: String,
    answerer_member: Simple,
}

#[derive(Serialize)]
struct Answered {
    session: Simple,
    id: Simple,
    at: i64,
    connector: String,
}

#[derive(Serialize)]
struct Carried {
    session: Simple,
    id: Simple,
    offerer_candidates: u32,
    answerer_candidates: u32,
    renegotiations: u32,
}

#[derive(Serialize)]
struct Closed {
    session: Simple,
    id: Simple,
    at: i64,
    by: &'static str,
}

impl Links {
    pub(super) fn offered(&mut self, session: SessionId, offered: &LinkOffered, at: Timestamp) {
        self.offered.push(Offered {
            id: offered.link.0.simple(),
            session: session.0.simple(),
            offerer: offered.offerer.participant.0.simple(),
            answerer: offered.answerer.participant.0.simple(),
            stream: hex::encode(offered.stream.as_str().as_bytes()),
            at: at.0,
            offerer_member: offered.offerer.member.0.simple(),
            offerer_connector: hex::encode(offered.connector.as_str().as_bytes()),
            answerer_member: offered.answerer.member.0.simple(),
        });
    }

    pub(super) fn answered(&mut self, session: SessionId, link: LinkId, connector: &ConnectorId, at: Timestamp) {
        let first = self.answered.entry(link.0).or_insert_with(|| Answered {
            session: session.0.simple(),
            id: link.0.simple(),
            at: at.0,
            connector: String::new(),
        });
        first.connector = hex::encode(connector.as_str().as_bytes());
    }

    pub(super) fn carried(&mut self, session: SessionId, link: LinkId, traffic: Traffic) {
        let carried = Carried {
            session: session.0.simple(),
            id: link.0.simple(),
            offerer_candidates: traffic.offerer_candidates,
            answerer_candidates: traffic.answerer_candidates,
            renegotiations: traffic.renegotiations,
        };
        self.carried.insert(link.0, carried);
    }

    pub(super) fn closed(&mut self, session: SessionId, link: LinkId, by: &'static str, at: Timestamp) {
        let [session, id] = [session.0.simple(), link.0.simple()];
        let at = at.0;
        self.closed.push(Closed { session, id, at, by });
    }

    pub(super) async fn write(self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        write_offered(connection, &self.offered).await?;
        write_answered(connection, self.answered.into_values().collect()).await?;
        write_carried(connection, self.carried.into_values().collect()).await?;
        write_closed(connection, &self.closed).await
    }
}

async fn write_offered(connection: &mut SqliteConnection, offered: &[Offered]) -> sqlx::Result<()> {
    let Some(offered) = rows(offered)? else { return Ok(()) };
    sqlx::query!(
        "insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at)
         select unhex(value ->> '$.id'), unhex(value ->> '$.session'), unhex(value ->> '$.offerer'),
                unhex(value ->> '$.answerer'), cast(unhex(value ->> '$.stream') as text), value ->> '$.at'
         from jsonb_each(?)",
        offered
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into live_link (link_id, session_id, offerer_member, offerer_connector, answerer_member)
         select unhex(value ->> '$.id'), unhex(value ->> '$.session'), unhex(value ->> '$.offerer_member'),
                cast(unhex(value ->> '$.offerer_connector') as text), unhex(value ->> '$.answerer_member')
         from jsonb_each(?)",
        offered
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_answered(connection: &mut SqliteConnection, answered: Vec<Answered>) -> sqlx::Result<()> {
    let Some(answered) = rows(&answered)? else {
        return Ok(());
    };
    sqlx::query!(
        "update link
         set answered_at = coalesce(answered_at, max(offered_at, change.value ->> '$.at'))
         from jsonb_each(?) as change
         where link.session_id = unhex(change.value ->> '$.session') and link.id = unhex(change.value ->> '$.id')",
        answered
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update live_link
         set answerer_connector = cast(unhex(change.value ->> '$.connector') as text)
         from jsonb_each(?) as change
         where live_link.session_id = unhex(change.value ->> '$.session')
           and live_link.link_id = unhex(change.value ->> '$.id')",
        answered
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_carried(connection: &mut SqliteConnection, carried: Vec<Carried>) -> sqlx::Result<()> {
    let Some(carried) = rows(&carried)? else { return Ok(()) };
    sqlx::query!(
        "update link
         set offerer_candidates = change.value ->> '$.offerer_candidates',
             answerer_candidates = change.value ->> '$.answerer_candidates',
             renegotiations = change.value ->> '$.renegotiations'
         from jsonb_each(?) as change
         where link.session_id = unhex(change.value ->> '$.session') and link.id = unhex(change.value ->> '$.id')",
        carried
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_closed(connection: &mut SqliteConnection, closed: &[Closed]) -> sqlx::Result<()> {
    let Some(closed) = rows(closed)? else { return Ok(()) };
    sqlx::query!(
        "update link
         set closed_at = max(offered_at, change.value ->> '$.at'), closed_by = change.value ->> '$.by'
         from jsonb_each(?) as change
         where link.session_id = unhex(change.value ->> '$.session') and link.id = unhex(change.value ->> '$.id')",
        closed
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from live_link
         where (session_id, link_id) in (
             select unhex(value ->> '$.session'), unhex(value ->> '$.id') from jsonb_each(?))",
        closed
    )
    .execute(connection)
    .await?;
    Ok(())
}
