//! A history in PostgreSQL: where it is, and how it is spoken to.

use std::fmt;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool};

use super::open_error::OpenError;
use super::server_url::{SchemaName, ServerUrl};
use super::within::within;
use crate::sql::PLANNER_SETTINGS;

const READER_IDLES: Duration = Duration::from_secs(600);
/// A transaction that its owner forgot, as its machine is gone, ends by itself.
const FORGOTTEN_AFTER: &str = "10s";
/// How much longer than a statement may take we wait for its answer, which may be that it took too long.
const ANSWER_TRAVELS: Duration = Duration::from_secs(2);

/// How much of a server of PostgreSQL is used, and how long it is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimits {
    /// How many connections read, at most. One more writes.
    pub readers: u32,
    /// How long it may take to let us in.
    pub connect_timeout: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
}

/// Four connections, 5 s, 10 s.
impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            readers: 4,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
        }
    }
}

/// A history in PostgreSQL: where it is, and in which schema, which the first start makes if it is missing; and where there is a
/// replica of it, if pages are to read that.
#[derive(Clone)]
pub struct DatabaseServer {
    url: ServerUrl,
    schema: SchemaName,
    limits: ServerLimits,
    replica: Option<ServerUrl>,
}

impl DatabaseServer {
    /// The history in this schema, with the usual limits.
    pub fn new(url: ServerUrl, schema: SchemaName) -> Self {
        Self {
            url,
            schema,
            limits: ServerLimits::default(),
            replica: None,
        }
    }

    /// The same with limits of one's own.
    #[must_use]
    pub fn with_limits(self, limits: ServerLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same whose pages read a replica, if there is one.
    #[must_use]
    pub fn with_replica(self, replica: Option<ServerUrl>) -> Self {
        Self { replica, ..self }
    }

    /// The replica that pages read.
    pub(super) fn replica(&self) -> Option<Self> {
        let url = self.replica.clone()?;
        let (replica, server) = (None, self.clone());
        Some(Self { url, replica, ..server })
    }

    /// How long it may take to let us in.
    pub(super) fn connected_within(&self) -> Duration {
        self.limits.connect_timeout
    }

    /// How long we wait for the answer to a statement.
    pub(super) fn answered_within(&self) -> Duration {
        self.limits.statement_timeout + ANSWER_TRAVELS
    }

    /// Which schema it is.
    pub(crate) fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// A connection without anything of a reader's or a writer's.
    ///
    /// # Errors
    /// Why there is none, in one sentence.
    pub(crate) async fn connect(&self) -> Result<PgConnection, OpenError> {
        let connected = within(self.connected_within(), async { self.options().connect().await }).await;
        connected.map_err(|source| self.failure(source))
    }

    /// The connection that writes.
    ///
    /// # Errors
    /// As [`DatabaseServer::connect`].
    pub(super) async fn connect_writer(&self) -> Result<PgConnection, OpenError> {
        let connected = within(self.connected_within(), async { self.writer().connect().await }).await;
        connected.map_err(|source| self.failure(source))
    }

    /// What failed, in one sentence.
    pub(crate) fn failure(&self, source: sqlx::Error) -> OpenError {
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

    /// Options of a connection whose statements may not take long.
    fn timed(&self) -> PgConnectOptions {
        let milliseconds = self.limits.statement_timeout.as_millis();
        let options = self.options().options(PLANNER_SETTINGS);
        options.options([("statement_timeout", milliseconds)])
    }

    /// The one connection that writes.
    pub(super) fn writer(&self) -> PgConnectOptions {
        self.timed()
            .options([("idle_in_transaction_session_timeout", FORGOTTEN_AFTER)])
    }

    /// Connections that only read, made when they are needed.
    pub(super) fn reader(&self) -> PgPool {
        let options = self.timed().options([("default_transaction_read_only", "on")]);
        PgPoolOptions::new()
            .max_connections(self.limits.readers)
            .acquire_timeout(self.connected_within())
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
