//! Who has left an open session lately, so that a late message to them is no error after a restart.

use std::collections::HashMap;

use uuid::Uuid;

use crate::model::id::{MemberId, SessionId};
use crate::sql::{Connection, query};

/// Forgets those of sessions that are over: nobody is left to send them anything.
pub(super) async fn clear(connection: &mut Connection) -> sqlx::Result<()> {
    query!(
        connection,
        execute,
        sqlite: "delete from gone_member
                 where session_id not in (select id from session indexed by session_open where ended_at is null)",
        postgres: "delete from gone_member where session_id not in (select id from session where ended_at is null)"
    )?;
    Ok(())
}

struct GoneMember {
    session: Uuid,
    member: Uuid,
}

/// All of them by session, in the order they left.
pub(super) async fn by_session(connection: &mut Connection) -> sqlx::Result<HashMap<SessionId, Vec<MemberId>>> {
    let rows = query!(
        connection,
        fetch_all as GoneMember,
        sqlite: r#"select session_id as "session: Uuid", member_id as "member: Uuid" from gone_member order by id"#,
        postgres: r#"select session_id as "session: Uuid", member_id as "member: Uuid" from gone_member
                     where session_id in (select id from recovering) order by id"#
    )?;
    let mut gone: HashMap<SessionId, Vec<MemberId>> = HashMap::new();
    for row in rows {
        gone.entry(SessionId(row.session))
            .or_default()
            .push(MemberId(row.member));
    }
    Ok(gone)
}
