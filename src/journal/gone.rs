//! Who has left an open session lately, so that a late message to them is no error after a restart.

use std::collections::HashMap;

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::model::id::{MemberId, SessionId};

/// How many leaves of all rooms together are remembered.
const REMEMBERED: i64 = 65_536;

/// Remembers the members of a JSON list of hexadecimal ids, which are about to be deleted, and forgets the oldest.
pub(super) async fn add(connection: &mut SqliteConnection, members: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into gone_member (session_id, member_id)
         select member.session_id, member.id
         from jsonb_each(?) as leaving cross join member on member.id = unhex(leaving.value)",
        members
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from gone_member where id <= (select max(id) from gone_member) - ?",
        REMEMBERED
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets those of sessions that are over: nobody is left to send them anything.
pub(super) async fn clear(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from gone_member
         where session_id not in (select id from session indexed by session_open where ended_at is null)"
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// All of them by session, in the order they left.
pub(super) async fn by_session(connection: &mut SqliteConnection) -> sqlx::Result<HashMap<SessionId, Vec<MemberId>>> {
    let rows = sqlx::query!(
        r#"select session_id as "session: Uuid", member_id as "member: Uuid" from gone_member order by id"#
    )
    .fetch_all(connection)
    .await?;
    let mut gone: HashMap<SessionId, Vec<MemberId>> = HashMap::new();
    for row in rows {
        gone.entry(SessionId(row.session))
            .or_default()
            .push(MemberId(row.member));
    }
    Ok(gone)
}
