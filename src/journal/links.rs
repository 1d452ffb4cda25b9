//! The rows of peer connections: what passed between two people, and whose connector is whose while it is open.

use sqlx::SqliteConnection;

use crate::room::id::{ConnectorId, LinkId, SessionId};
use crate::room::record::{LinkOffered, Traffic};
use crate::room::time::Timestamp;

pub(super) async fn offered(
    connection: &mut SqliteConnection,
    session: SessionId,
    offered: &LinkOffered,
    at: Timestamp,
) -> sqlx::Result<()> {
    let (stream, connector) = (offered.stream.as_str(), offered.connector.as_str());
    sqlx::query!(
        "insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at) values (?, ?, ?, ?, ?, ?)",
        offered.link.0,
        session.0,
        offered.offerer.participant.0,
        offered.answerer.participant.0,
        stream,
        at.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into live_link (link_id, session_id, offerer_member, offerer_connector, answerer_member)
         values (?, ?, ?, ?, ?)",
        offered.link.0,
        session.0,
        offered.offerer.member.0,
        connector,
        offered.answerer.member.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn answered(
    connection: &mut SqliteConnection,
    link: LinkId,
    connector: &ConnectorId,
    at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update link set answered_at = coalesce(answered_at, max(offered_at, ?)) where id = ?",
        at.0,
        link.0
    )
    .execute(&mut *connection)
    .await?;
    let connector = connector.as_str();
    sqlx::query!(
        "update live_link set answerer_connector = ? where link_id = ?",
        connector,
        link.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn progress(connection: &mut SqliteConnection, link: LinkId, traffic: Traffic) -> sqlx::Result<()> {
    sqlx::query!(
        "update link set offerer_candidates = ?, answerer_candidates = ?, renegotiations = ? where id = ?",
        traffic.offerer_candidates,
        traffic.answerer_candidates,
        traffic.renegotiations,
        link.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn closed(
    connection: &mut SqliteConnection,
    link: LinkId,
    traffic: Traffic,
    why: &'static str,
    at: Timestamp,
) -> sqlx::Result<()> {
    progress(connection, link, traffic).await?;
    sqlx::query!(
        "update link set closed_at = max(offered_at, ?), closed_by = ? where id = ?",
        at.0,
        why,
        link.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("delete from live_link where link_id = ?", link.0)
        .execute(connection)
        .await?;
    Ok(())
}
