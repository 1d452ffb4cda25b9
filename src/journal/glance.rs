//! What is kept of sessions that are over: it follows from the other tables, and may be missing.

use super::node::begin;
use crate::model::glance::NewGlance;
use crate::sql::{Connection, query};

/// Keeps these in one transaction, in place of those that were kept before. Of a session that was removed meanwhile nothing
/// is kept.
pub(super) async fn keep(connection: &mut Connection, glances: &[NewGlance]) -> sqlx::Result<()> {
    begin(connection).await?;
    for new in glances {
        query!(
            &mut *connection,
            execute,
            "insert into session_glance (session_id, form, glance)
             select id, $2, $3 from session where id = $1 and ended_at is not null
             on conflict (session_id) do update set form = excluded.form, glance = excluded.glance",
            new.session.0,
            NewGlance::FORM,
            new.glance
        )?;
    }
    connection.run("commit").await
}
