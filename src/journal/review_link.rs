//! The links by which others read a part of the history: made, and revoked.

use super::node::begin;
use crate::model::id::{ReviewLinkId, SessionId};
use crate::model::review_link::{NewReviewLink, Shared};
use crate::model::time::Timestamp;
use crate::sql::{Connection, query};

/// Why a link is not kept.
pub(super) enum NotKept {
    /// Its session is not there.
    NoSuchSession,
    /// As many are good as may be.
    TooMany,
}

/// Keeps a link, and forgets those that have ended.
pub(super) async fn keep(connection: &mut Connection, link: &NewReviewLink) -> sqlx::Result<Result<(), NotKept>> {
    begin(connection).await?;
    let kept = transact(connection, link).await?;
    connection.run("commit").await?;
    Ok(kept)
}

async fn transact(connection: &mut Connection, link: &NewReviewLink) -> sqlx::Result<Result<(), NotKept>> {
    forget_ended(connection, link.made_at).await?;
    if let Shared::Session(session) = link.shared
        && !is_there(connection, session).await?
    {
        return Ok(Err(NotKept::NoSuchSession));
    }
    if count(connection, link.key_mark).await? >= i64::from(NewReviewLink::MOST) {
        return Ok(Err(NotKept::TooMany));
    }
    insert(connection, link).await?;
    Ok(Ok(()))
}

async fn forget_ended(connection: &mut Connection, now: Timestamp) -> sqlx::Result<()> {
    query!(
        connection,
        execute,
        "delete from review_link where expires_at <= $1",
        now.0
    )
    .map(drop)
}

async fn is_there(connection: &mut Connection, session: SessionId) -> sqlx::Result<bool> {
    query!(
        connection,
        fetch_one scalar,
        r#"select exists (select 1 from session where id = $1) as "is_there!: bool""#,
        session.0
    )
}

/// How many there are that are good.
async fn count(connection: &mut Connection, key_mark: u8) -> sqlx::Result<i64> {
    query!(
        connection,
        fetch_one scalar,
        r#"select count(*) as "count!: i64" from review_link where key_mark = $1"#,
        i16::from(key_mark)
    )
}

async fn insert(connection: &mut Connection, link: &NewReviewLink) -> sqlx::Result<()> {
    let (session, room) = match &link.shared {
        Shared::Session(session) => (Some(session.0), None),
        Shared::Room(room) => (None, Some(room.as_str())),
    };
    let name = link.name.as_str();
    query!(
        connection,
        execute,
        "insert into review_link (id, session_id, room, name, made_at, expires_at, key_mark)
         values ($1, $2, $3, $4, $5, $6, $7)",
        link.id.0,
        session,
        room,
        name,
        link.made_at.0,
        link.expires_at.0,
        i16::from(link.key_mark)
    )
    .map(drop)
}

/// Forgets a link: what is not kept is good for nothing. Whether there was one.
pub(super) async fn revoke(connection: &mut Connection, link: ReviewLinkId) -> sqlx::Result<bool> {
    begin(connection).await?;
    let revoked = query!(
        &mut *connection,
        execute,
        "delete from review_link where id = $1",
        link.0
    )?;
    connection.run("commit").await?;
    Ok(revoked > 0)
}
