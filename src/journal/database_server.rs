//! A history in PostgreSQL: where it is, and how it is spoken to.

use std::fmt;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool};

use super::open_error::OpenError;
use super::server_url::{SchemaName, ServerUrl};
use super::store::{CONNECTED_WITHIN, within};
use crate::sql::PLANNER_SETTINGS;

/// The connections that only read. Those of a page ask one after another.
const READERS: u32 = 4;
const READER_IDLES: Duration = Duration::from_secs(600);
/// How long a statement may take: longer than the longest that we have, and shorter than we wait for its answer.
const STATEMENT_ENDS: &str = "10s";
/// A transaction that its owner forgot, as its machine is gone, ends by itself.
const FORGOTTEN_AFTER: &str = "10s";

/// A history in PostgreSQL: where it is, and in which schema, which the first start makes if it is missing.
#[derive(Clone)]
pub struct DatabaseServer {
    url: ServerUrl,
    schema: SchemaName,
}

impl DatabaseServer {
    /// The history in this schema.
    pub fn new(url: ServerUrl, schema: SchemaName) -> Self {
        Self { url, schema }
    }

    /// Which schema it is.
    pub(super) fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// A connection without anything of a reader's or a writer's.
    ///
    /// # Errors
    /// Why there is none, in one sentence.
    pub(super) async fn connect(&self) -> Result<PgConnection, OpenError> {
        self.connect_with(&self.options()).await
    }

    /// The same with these options, which are made of this server's.
    ///
    /// # Errors
    /// As [`DatabaseServer::connect`].
    pub(super) async fn connect_with(&self, options: &PgConnectOptions) -> Result<PgConnection, OpenError> {
        let connected = within(CONNECTED_WITHIN, options.connect()).await;
        connected.map_err(|source| self.failure(source))
    }

    /// What failed, in one sentence.
    pub(super) fn failure(&self, source: sqlx::Error) -> OpenError {
        let name = self.to_string();
        if let sqlx::Error::Io(source) = source {
            return OpenError::Unreachable { name, source };
        }
        let said = source.as_database_error();
        let reason = said.map(|error| error.message().to_owned()).unwrap_or_default();
        match said.and_then(DatabaseError::code).as_deref() {
            Some("28000" | "28P01") => OpenError::NotLetIn { name, reason },
            Some("3D000") => OpenError::NoDatabase(name),
            Some("42501") => self.no_right(reason),
            _ => OpenError::Database { name, source },
        }
    }

    /// That the role lacks a right.
    pub(super) fn no_right(&self, reason: String) -> OpenError {
        OpenError::NoRight {
            name: self.to_string(),
            role: self.url.0.get_username().to_owned(),
            reason,
        }
    }

    fn options(&self) -> PgConnectOptions {
        let ServerUrl(options) = self.url.clone();
        options
            .application_name("chatroom-server")
            .options([("search_path", self.schema.as_str())])
            .disable_statement_logging()
    }

    /// The one connection that writes.
    pub(super) fn writer(&self) -> PgConnectOptions {
        self.options().options(PLANNER_SETTINGS).options([
            ("statement_timeout", STATEMENT_ENDS),
            ("idle_in_transaction_session_timeout", FORGOTTEN_AFTER),
        ])
    }

    /// Connections that only read, made when they are needed.
    pub(super) fn reader(&self) -> PgPool {
        let options = self.options().options(PLANNER_SETTINGS).options([
            ("statement_timeout", STATEMENT_ENDS),
            ("default_transaction_read_only", "on"),
        ]);
        PgPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(CONNECTED_WITHIN)
            .idle_timeout(READER_IDLES)
            .connect_lazy_with(options)
    }
}

/// How people call it; nothing that is secret.
impl fmt::Display for DatabaseServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (schema {})", self.url, self.schema)
    }
}

/// The same.
impl fmt::Debug for DatabaseServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseServer({self})")
    }
}
