//! A replica of the history, for pages to read.

use sqlx::PgConnection;

use super::database_server::DatabaseServer;
use super::open_error::OpenError;
use super::within::within;
use crate::sql::{Database, Reader};

/// Connections that read the replica, if there is one. While it cannot be reached, pages cannot be read, and a line in the log says so.
///
/// # Errors
/// If it is one of something else.
pub async fn replica(server: &DatabaseServer) -> Result<Option<Reader>, OpenError> {
    let Some(replica) = server.replica() else {
        return Ok(None);
    };
    let of_database = birth(server).await?;
    match birth(&replica).await {
        Ok(of_replica) if of_replica != of_database => return Err(OpenError::OtherHistory(replica.to_string())),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "DATABASE_READ_URL: what is read from there is unavailable"),
    }
    Ok(Some(Database::Postgres(replica.reader())))
}

/// When the tables were made, to the microsecond: what a history and its replicas have in common, and no others have.
async fn birth(server: &DatabaseServer) -> Result<String, OpenError> {
    let mut connection = server.connect().await?;
    let asked = within(server.answered_within(), first_migration(&mut connection)).await;
    asked.map_err(|source| server.failure(source))
}

async fn first_migration(connection: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar("select min(installed_on)::text from _sqlx_migrations")
        .fetch_one(connection)
        .await
}
