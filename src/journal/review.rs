//! What outlasts a restart of the review's cookies: what they are signed with, and which of them were signed out.

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::model::time::Timestamp;

/// What the review's cookies are told by.
#[derive(Clone, Default)]
pub struct ReviewSecrets {
    /// What they are signed with, beside the token.
    pub salt: Vec<u8>,
    /// Those that were signed out, each until it would have ended.
    pub signed_out: Vec<(Uuid, Timestamp)>,
}

pub(super) async fn load(connection: &mut SqliteConnection) -> sqlx::Result<ReviewSecrets> {
    let salt = sqlx::query_scalar!("select salt from review_secret where id = 1")
        .fetch_one(&mut *connection)
        .await?;
    let rows = sqlx::query!(r#"select id as "id: Uuid", expires_at from review_sign_out"#)
        .fetch_all(connection)
        .await?;
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
    connection: &mut SqliteConnection,
    cookie: Uuid,
    expires_at: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query("begin immediate").execute(&mut *connection).await?;
    sqlx::query!("delete from review_sign_out where expires_at <= ?", now.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "insert into review_sign_out (id, expires_at) values (?, ?) on conflict (id) do nothing",
        cookie,
        expires_at.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await?;
    Ok(())
}
