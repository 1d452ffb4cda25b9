//! Where the history is that is asked about.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use anyhow::Result;
use sqlx::{Connection, PgConnection};

/// A file, and the database that is asked: the file itself, or one of PostgreSQL that holds the same.
#[derive(Debug, Clone, Copy)]
pub struct Database<'a> {
    /// What is asked about is picked from it.
    pub file: &'a Path,
    /// The other one's address, if that is asked.
    pub postgres: Option<&'a str>,
}

impl Database<'_> {
    /// What a server is told.
    pub(super) fn address(&self) -> &OsStr {
        self.postgres.map_or(self.file.as_os_str(), OsStr::new)
    }

    /// How large all tables and their indices are, if it is not the file.
    ///
    /// # Errors
    /// If it does not answer.
    pub(super) async fn bytes_on_server(&self) -> Result<Option<i64>> {
        let Some(address) = self.postgres else {
            return Ok(None);
        };
        let schema = env::var("DATABASE_SCHEMA").unwrap_or_else(|_| "chatroom".to_owned());
        let mut connection = PgConnection::connect(address).await?;
        let bytes = sqlx::query_scalar(
            "select coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint
             from pg_class join pg_namespace on pg_namespace.oid = relnamespace
             where relkind = 'r' and nspname = $1",
        );
        let bytes = bytes.bind(schema).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(Some(bytes))
    }
}
