//! Opening a history in PostgreSQL, or saying in one sentence why not.

use std::fmt;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, PgPool};

use super::node::{self, Place};
use super::open_error::OpenError;
use super::store::{CONNECTED_WITHIN, Connected, ServerStore, within};
use crate::sql::Database;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// As the server says it: 15.0.
const OLDEST: i32 = 150_000;
/// The connections that only read. Those of a page ask one after another.
const READERS: u32 = 4;
const READER_IDLES: Duration = Duration::from_secs(600);
/// How long a statement may take: longer than the longest that we have, and shorter than we wait for its answer.
const STATEMENT_ENDS: &str = "10s";
/// A transaction that its owner forgot, as its machine is gone, ends by itself.
const FORGOTTEN_AFTER: &str = "10s";

/// A history in PostgreSQL: where it is, and in which schema.
#[derive(Clone)]
pub struct DatabaseServer {
    options: PgConnectOptions,
    schema: String,
}

impl DatabaseServer {
    /// The history in this schema, which the first start makes if it is missing.
    ///
    /// # Errors
    /// If the schema's name is not made of lower-case letters, digits and `_`, at most 63 of them.
    pub fn new(options: PgConnectOptions, schema: &str) -> Result<Self, InvalidSchema> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts_plain = schema.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !starts_plain || schema.len() > 63 || !schema.chars().all(is_plain) || schema.starts_with("pg_") {
            return Err(InvalidSchema);
        }
        let schema = schema.to_owned();
        Ok(Self { options, schema })
    }

    /// How people call it; nothing that is secret.
    fn name(&self) -> String {
        let host = self.options.get_socket().map_or_else(
            || format!("{}:{}", self.options.get_host(), self.options.get_port()),
            |socket| socket.display().to_string(),
        );
        let database = self.options.get_database().unwrap_or(self.options.get_username());
        format!("{database} on {host} (schema {})", self.schema)
    }

    fn options(&self) -> PgConnectOptions {
        self.options
            .clone()
            .application_name("chatroom-server")
            // Compiling a plan takes longer than all of our queries, and a plan that has to do without scans is always dear
            // enough for it.
            .options([("search_path", self.schema.as_str()), ("jit", "off")])
            .disable_statement_logging()
    }

    /// The one connection that writes. Its statements find their few rows along an index, however many there are: plans are
    /// made once, and not by how many there were then.
    fn writer(&self) -> PgConnectOptions {
        self.options().options([
            ("statement_timeout", STATEMENT_ENDS),
            ("idle_in_transaction_session_timeout", FORGOTTEN_AFTER),
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
        ])
    }

    fn reader(&self) -> PgPool {
        let options = self.options().options([
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

/// Without the password.
impl fmt::Debug for DatabaseServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseServer").field(&self.name()).finish()
    }
}

/// Why the name of a schema was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a schema's name must be made of lower-case letters, digits and _, and not begin with pg_")]
pub struct InvalidSchema;

/// Connects, brings the tables up to date, and takes the place of a server that writes them.
pub(super) async fn connect(server: &DatabaseServer) -> Result<Connected, OpenError> {
    let name = server.name();
    let failed = |source| OpenError::Database {
        name: name.clone(),
        source,
    };
    let options = server.writer();
    let connected = within(CONNECTED_WITHIN, server.options().connect()).await;
    let mut migrating = connected.map_err(failed)?;
    check_version(&mut migrating, &name).await?;
    make_schema(&mut migrating, &server.schema).await.map_err(failed)?;
    check_ours(&mut migrating, server).await?;
    migrate(&mut migrating, &name).await?;
    // Migrations take their time, and plans of their own.
    sqlx::Connection::close(migrating).await.map_err(failed)?;

    let mut connection = within(CONNECTED_WITHIN, options.connect()).await.map_err(failed)?;
    let epoch = match node::take_place(&mut connection).await.map_err(failed)? {
        Place::Taken(epoch) => epoch,
        Place::Occupied => return Err(OpenError::InUse(name)),
    };
    node::prepare(&mut connection, epoch).await.map_err(failed)?;
    node::rebase(&mut connection).await.map_err(failed)?;
    Ok(Connected {
        reader: Database::Postgres(server.reader()),
        connection: Database::Postgres(connection),
        store: Database::Postgres(ServerStore { options, epoch }),
        name,
    })
}

async fn check_version(connection: &mut PgConnection, name: &str) -> Result<(), OpenError> {
    let (number, version): (i32, String) =
        sqlx::query_as("select current_setting('server_version_num')::integer, current_setting('server_version')")
            .fetch_one(connection)
            .await
            .map_err(|source| OpenError::Database {
                name: name.to_owned(),
                source,
            })?;
    if number < OLDEST {
        let name = name.to_owned();
        return Err(OpenError::OldPostgres { name, version });
    }
    Ok(())
}

/// Only if it is missing: who may use a schema need not have the right to make one.
async fn make_schema(connection: &mut PgConnection, schema: &str) -> sqlx::Result<()> {
    let exists: bool = sqlx::query_scalar("select to_regnamespace($1) is not null")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        sqlx::query(AssertSqlSafe(format!("create schema if not exists {schema}")))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// A schema with tables of which none is ours is left alone.
async fn check_ours(connection: &mut PgConnection, server: &DatabaseServer) -> Result<(), OpenError> {
    let is_foreign: bool = sqlx::query_scalar(
        "select exists (select from pg_class where relnamespace = to_regnamespace($1) and relkind in ('r', 'v', 'm', 'p'))
            and (to_regclass('_sqlx_migrations') is null
                or to_regclass('node') is null and exists (
                    select from pg_class where relnamespace = to_regnamespace($1) and relkind = 'r'
                        and relname <> '_sqlx_migrations'))",
    )
    .bind(&server.schema)
    .fetch_one(connection)
    .await
    .map_err(|source| OpenError::Database {
        name: server.name(),
        source,
    })?;
    if is_foreign {
        return Err(OpenError::Foreign(server.name()));
    }
    Ok(())
}

/// One server at a time: sqlx takes a lock of the database's for it.
async fn migrate(connection: &mut PgConnection, name: &str) -> Result<(), OpenError> {
    // What `run` awaits is not general enough for another task.
    MIGRATIONS.run_direct(None, connection, false).await.map_err(|source| {
        let name = name.to_owned();
        if matches!(source, MigrateError::VersionMissing(_)) {
            return OpenError::Newer(name);
        }
        OpenError::Migration { name, source }
    })
}
