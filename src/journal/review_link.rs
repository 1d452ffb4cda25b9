//! The links by which others read a part of the history: made, and revoked.

use sqlx::SqliteConnection;

use crate::model::id::{ReviewLinkId, SessionId};
use crate::model::review_link::{NewReviewLink, Shared};
use crate::model::time::Timestamp;

/// Why a link is not kept.
pub(super) enum NotKept {
    /// Its session is not there.
    NoSuchSession,
    /// As many are good as may be.
    TooMany,
}

/// Keeps a link, and forgets those that have ended.
pub(super) async fn keep(connection: &mut SqliteConnection, link: &NewReviewLink) -> sqlx::Result<Result<(), NotKept>> {
    sqlx::query("begin immediate").execute(&mut *connection).await?;
    let kept = transact(connection, link).await?;
    sqlx::query("commit").execute(connection).await?;
    Ok(kept)
}

async fn transact(connection: &mut SqliteConnection, link: &NewReviewLink) -> sqlx::Result<Result<(), NotKept>> {
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

async fn forget_ended(connection: &mut SqliteConnection, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!("delete from review_link where expires_at <= ?", now.0)
        .execute(connection)
        .await?;
    Ok(())
}

async fn is_there(connection: &mut SqliteConnection, session: SessionId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select 1 from session where id = ?) as "is_there!: bool""#,
        session.0
    )
    .fetch_one(connection)
    .await
}

/// How many there are that are good.
async fn count(connection: &mut SqliteConnection, key_mark: u8) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!: i64" from review_link where key_mark = ?"#,
        key_mark
    )
    .fetch_one(connection)
    .await
}

async fn insert(connection: &mut SqliteConnection, link: &NewReviewLink) -> sqlx::Result<()> {
    let (session, room) = match &link.shared {
        Shared::Session(session) => (Some(session.0), None),
        Shared::Room(room) => (None, Some(room.as_str())),
    };
    let name = link.name.as_str();
    sqlx::query!(
        "insert into review_link (id, session_id, room, name, made_at, expires_at, key_mark) values (?, ?, ?, ?, ?, ?, ?)",
        link.id.0,
        session,
        room,
        name,
        link.made_at.0,
        link.expires_at.0,
        link.key_mark
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a link: what is not kept is good for nothing. Whether there was one.
pub(super) async fn revoke(connection: &mut SqliteConnection, link: ReviewLinkId) -> sqlx::Result<bool> {
    let revoked = sqlx::query!("delete from review_link where id = ?", link.0)
        .execute(connection)
        .await?;
    Ok(revoked.rows_affected() > 0)
}
