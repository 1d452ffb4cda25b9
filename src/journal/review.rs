//! What outlasts a restart of the review's cookies: what they are signed with, and which of them were signed out.

use uuid::Uuid;

use super::node::begin;
use crate::model::time::Timestamp;
use crate::sql::{Connection, query};

/// What the review's cookies are told by.
#[derive(Clone, Default)]
pub struct ReviewSecrets {
    /// What they are signed with, beside the token.
    pub salt: Vec<u8>,
    /// Those that were signed out, each until it would have ended.
    pub signed_out: Vec<(Uuid, Timestamp)>,
}

struct SignOut {
    id: Uuid,
    expires_at: i64,
}

pub(super) async fn load(connection: &mut Connection) -> sqlx::Result<ReviewSecrets> {
    let salt = query!(&mut *connection, fetch_one scalar, "select salt from review_secret where id = 1")?;
    let rows = query!(
        connection,
        fetch_all as SignOut,
        r#"select id as "id: Uuid", expires_at from review_sign_out"#
    )?;
    Ok(ReviewSecrets {
        salt,
        signed_out: rows
            .into_iter()
            .map(|row| (row.id, Timestamp(row.expires_at)))
            .collect(),
    })
}

/// Remembers a cookie until it would have ended, and forgets those that have.
pub(super) async fn sign_out(
    connection: &mut Connection,
    cookie: Uuid,
    expires_at: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    begin(connection).await?;
    query!(
        &mut *connection,
        execute,
        "delete from review_sign_out where expires_at <= $1",
        now.0
    )?;
    query!(
        &mut *connection,
        execute,
        "insert into review_sign_out (id, expires_at) values ($1, $2) on conflict (id) do nothing",
        cookie,
        expires_at.0
    )?;
    connection.run("commit").await
}
