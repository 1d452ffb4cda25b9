//! Who has left an open session lately, so that a late message to them is no error after a restart.

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::room::id::{MemberId, SessionId};

/// Remembers the members of a JSON list of hexadecimal ids, which are about to be deleted.
pub(super) async fn add(connection: &mut SqliteConnection, members: &str) -> sqlx::Result<()> {
    // As many as a room remembers.
    sqlx::query!(
        "insert into gone_member (session_id, place, member_id)
         select session_id, position % 1024, id from member where id in (select unhex(value) from jsonb_each(?))
         on conflict (session_id, place) do update set member_id = excluded.member_id",
        members
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The session is over, and nobody is left to send anything.
pub(super) async fn forget(connection: &mut SqliteConnection, session: SessionId) -> sqlx::Result<()> {
    sqlx::query!("delete from gone_member where session_id = ?", session.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Those of a session, in no particular order.
pub(super) async fn of_session(connection: &mut SqliteConnection, session: Uuid) -> sqlx::Result<Vec<MemberId>> {
    let ids = sqlx::query_scalar!(
        r#"select member_id as "id: Uuid" from gone_member where session_id = ?"#,
        session
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(MemberId).collect())
}
