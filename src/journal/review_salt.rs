//! What a history in PostgreSQL keeps for the review, for whoever looks after it.

use std::io;

use super::age::Age;
use super::database_server::DatabaseServer;
use super::open_error::OpenError;
use super::open_server::server_age;
use super::within::within;

/// What the review's cookies, its links and its made token are made of; another one first, if it is to be renewed.
///
/// # Errors
/// If the database does not give it, or a newer server made its tables, in one sentence.
pub async fn review_salt(server: &DatabaseServer, renew: bool) -> Result<Vec<u8>, OpenError> {
    let mut connection = server.connect().await?;
    if server_age(server, &mut connection).await? == Some(Age::Newer) {
        return Err(OpenError::Newer(server.to_string()));
    }
    if renew {
        let mut salt = [0; 32];
        let filled = getrandom::fill(&mut salt).map_err(|error| sqlx::Error::Io(io::Error::other(error)));
        filled.map_err(|source| server.failure(source))?;
        let renewed = async {
            sqlx::query("update review_secret set salt = $1 where id = 1")
                .bind(&salt[..])
                .execute(&mut connection)
                .await
        };
        let renewed = within(server.answered_within(), renewed).await;
        renewed.map_err(|source| server.failure(source))?;
    }
    let salt = sqlx::query_scalar("select salt from review_secret where id = 1").fetch_one(&mut connection);
    let salt = within(server.answered_within(), salt).await;
    salt.map_err(|source| server.failure(source))
}
