//! Opening a history in PostgreSQL, or saying in one sentence why not.

use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, PgConnection};

use super::age::Age;
use super::bring_back::{BroughtBack, bring_back};
use super::database_server::DatabaseServer;
use super::migrating::Plan;
use super::node::{self, Epoch, NodePlace, Place};
use super::occupant::Occupant;
use super::open_error::OpenError;
use super::server_url::SchemaName;
use super::store::{Connected, ServerStore};
use super::tenure::Tenure;
use super::{Clock, room_claims};
use crate::sql::{Connection, Database};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// As the server says it: 15.0.
const OLDEST: i32 = 150_000;
/// Names may be of any language.
const ENCODING: &str = "UTF8";

/// Connects, brings the tables up to date, and takes the place of a server that writes them.
pub(super) async fn connect(
    server: &DatabaseServer,
    place: &NodePlace,
    grace: Duration,
) -> Result<Connected, OpenError> {
    bring_up_to_date(server).await?;
    let (connection, epoch) = take_place(server, place).await?;
    Ok(Connected {
        reader: Database::Postgres(server.reader()),
        connection: Database::Postgres(connection),
        store: Database::Postgres(ServerStore {
            server: server.clone(),
            place: place.clone(),
            tenure: Arc::new(Tenure::new(epoch)),
            grace,
        }),
        name: server.to_string(),
    })
}

/// Takes the place again that another may have taken, and brings back the rooms that none has taken over meanwhile.
///
/// # Errors
/// Why there is none for now, in one sentence.
pub(super) async fn regain_place(store: &ServerStore, clock: &Clock) -> Result<(Connection, BroughtBack), OpenError> {
    let failed = |source| store.server.failure(source);
    let (connection, epoch) = take_place(&store.server, &store.place).await?;
    let mut connection = Database::Postgres(connection);
    let back = bring_back(&mut connection, clock, store.grace).await.map_err(failed)?;
    if let Database::Postgres(connection) = &mut connection {
        room_claims::end_recovery(connection).await.map_err(failed)?;
    }
    store.tenure.begin(epoch);
    Ok((connection, back))
}

/// A connection that writes in the place's name, whose last run is to be recovered.
async fn take_place(server: &DatabaseServer, place: &NodePlace) -> Result<(PgConnection, Epoch), OpenError> {
    let failed = |source| server.failure(source);
    let mut connection = server.connect_writer().await?;
    refuse_unfinished_import(&mut connection, server).await?;
    let epoch = match node::take_place(&mut connection, place).await.map_err(failed)? {
        Place::Taken(epoch) => epoch,
        Place::Occupied(by) => return Err(in_use(server, by)),
    };
    node::prepare(&mut connection, epoch).await.map_err(failed)?;
    node::rebase(&mut connection, 0).await.map_err(failed)?;
    room_claims::begin_recovery(&mut connection, epoch, place)
        .await
        .map_err(failed)?;
    Ok((connection, epoch))
}

fn in_use(server: &DatabaseServer, by: Occupant) -> OpenError {
    let name = server.to_string();
    OpenError::InUse { name, by }
}

/// Makes the schema and its tables, if they are missing, and changes those of an earlier version.
///
/// # Errors
/// Why the database cannot be used, in one sentence.
pub(super) async fn bring_up_to_date(server: &DatabaseServer) -> Result<(), OpenError> {
    let failed = |source| server.failure(source);
    // Migrations take their time, and plans of their own: the connection that writes is another.
    let mut connection = server.connect().await?;
    let traits = Traits::of(&mut connection).await.map_err(failed)?;
    traits.check(server.to_string())?;
    make_schema(&mut connection, server.schema()).await.map_err(failed)?;
    check_ours(&mut connection, server).await?;
    migrate(&mut connection, server).await?;
    warn_of_loss(&mut connection).await.map_err(failed)?;
    sqlx::Connection::close(connection).await.map_err(failed)
}

/// What is told as written may be lost in ways that the settings of the database say.
async fn warn_of_loss(connection: &mut PgConnection) -> sqlx::Result<()> {
    let (is_synced, has_late_replica): (bool, bool) = sqlx::query_as(
        "select current_setting('fsync')::boolean and current_setting('full_page_writes')::boolean,
                current_setting('synchronous_standby_names') = '' and exists (select from pg_stat_replication)",
    )
    .fetch_one(connection)
    .await?;
    if !is_synced {
        tracing::warn!(
            "the database runs with fsync or full_page_writes off: a failure of its machine can destroy the history"
        );
    }
    if has_late_replica {
        tracing::warn!(
            "the database has a replica that it does not wait for (synchronous_standby_names): who was told that something is written can find it missing after a failover"
        );
    }
    Ok(())
}

/// What a table is called that is there for as long as an import is not done.
pub(crate) const UNFINISHED_IMPORT: &str = "unfinished_import";

/// A connection that fills a schema: for as long as it lasts, no server has a place there.
///
/// # Errors
/// Why it cannot be had, in one sentence.
pub(crate) async fn claim(server: &DatabaseServer) -> Result<PgConnection, OpenError> {
    bring_up_to_date(server).await?;
    let mut connection = server.connect().await?;
    match node::take_place(&mut connection, &NodePlace::default()).await {
        Ok(Place::Taken(_)) => Ok(connection),
        Ok(Place::Occupied(by)) => Err(in_use(server, by)),
        Err(source) => Err(server.failure(source)),
    }
}

/// How old the tables are, if there are any.
///
/// # Errors
/// Why the database cannot be used, in one sentence.
pub(crate) async fn server_age(
    server: &DatabaseServer,
    connection: &mut PgConnection,
) -> Result<Option<Age>, OpenError> {
    let failed = |source| server.failure(source);
    let traits = Traits::of(connection).await.map_err(failed)?;
    traits.check(server.to_string())?;
    let exists = "select to_regnamespace($1) is not null";
    let exists = sqlx::query_scalar(exists).bind(server.schema().as_str());
    if !exists.fetch_one(&mut *connection).await.map_err(failed)? {
        return Ok(None);
    }
    check_ours(connection, server).await?;
    refuse_unfinished_import(connection, server).await?;
    applied(connection).await.map_err(failed).map(|applied| age(&applied))
}

/// Whether the schema has a history, and not only a part of one that is to come.
///
/// # Errors
/// If an import is not done, or the database cannot be used, in one sentence.
pub(super) async fn refuse_half(server: &DatabaseServer) -> Result<(), OpenError> {
    let mut connection = server.connect().await?;
    refuse_unfinished_import(&mut connection, server).await
}

/// Half of a history is none.
async fn refuse_unfinished_import(connection: &mut PgConnection, server: &DatabaseServer) -> Result<(), OpenError> {
    let there = "select to_regclass($1) is not null";
    let there = sqlx::query_scalar(there)
        .bind(UNFINISHED_IMPORT)
        .fetch_one(connection)
        .await;
    if there.map_err(|source| server.failure(source))? {
        return Err(OpenError::HalfImported(server.to_string()));
    }
    Ok(())
}

/// What a database must have from its beginning.
#[derive(sqlx::FromRow)]
struct Traits {
    number: i32,
    version: String,
    encoding: String,
}

impl Traits {
    async fn of(connection: &mut PgConnection) -> sqlx::Result<Self> {
        sqlx::query_as(
            "select current_setting('server_version_num')::integer as number,
                    current_setting('server_version') as version, current_setting('server_encoding') as encoding",
        )
        .fetch_one(connection)
        .await
    }

    fn check(self, name: String) -> Result<(), OpenError> {
        let Self {
            number,
            version,
            encoding,
        } = self;
        if number < OLDEST {
            return Err(OpenError::OldPostgres { name, version });
        }
        if encoding != ENCODING {
            return Err(OpenError::Encoding { name, encoding });
        }
        Ok(())
    }
}

/// Only if it is missing: who may use a schema need not have the right to make one.
async fn make_schema(connection: &mut PgConnection, schema: &SchemaName) -> sqlx::Result<()> {
    let exists: bool = sqlx::query_scalar("select to_regnamespace($1) is not null")
        .bind(schema.as_str())
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        // Quoted, as it may be a word of SQL's.
        sqlx::query(AssertSqlSafe(format!("create schema if not exists \"{schema}\"")))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// A schema with tables of which none is ours is left alone.
async fn check_ours(connection: &mut PgConnection, server: &DatabaseServer) -> Result<(), OpenError> {
    let (may_look, is_foreign): (bool, bool) = sqlx::query_as(
        "select has_schema_privilege($1, 'usage'),
            exists (select from pg_class where relnamespace = to_regnamespace($1) and relkind in ('r', 'v', 'm', 'p'))
            and (to_regclass('_sqlx_migrations') is null
                or to_regclass('node') is null and exists (
                    select from pg_class where relnamespace = to_regnamespace($1) and relkind = 'r'
                        and relname <> '_sqlx_migrations'))",
    )
    .bind(server.schema().as_str())
    .fetch_one(connection)
    .await
    .map_err(|source| server.failure(source))?;
    if !may_look {
        return Err(server.no_right(format!("permission denied for schema {}", server.schema())));
    }
    if is_foreign {
        return Err(OpenError::Foreign(server.to_string()));
    }
    Ok(())
}

/// One server at a time: sqlx takes a lock of the database's for it. What is up to date is left alone, as who only writes rows
/// has not the right to change tables.
async fn migrate(connection: &mut PgConnection, server: &DatabaseServer) -> Result<(), OpenError> {
    let failed = |source| server.failure(source);
    let applied = applied(connection).await.map_err(failed)?;
    match age(&applied) {
        Some(Age::Current) => return Ok(()),
        Some(Age::Newer) => return Err(OpenError::Newer(server.to_string())),
        Some(Age::Earlier) | None => {}
    }
    let done: Vec<_> = applied.iter().map(|(version, ..)| *version).collect();
    let plan = Plan::after(&MIGRATIONS, &done);
    let counts = counts(connection, server, &plan).await.map_err(failed)?;
    let migrated = plan.run(connection, counts).await;
    migrated.map_err(|source| {
        let name = server.to_string();
        if let MigrateError::Execute(source) = source {
            return server.failure(source);
        }
        OpenError::Migration { name, source }
    })
}

/// How many rows there are to go over.
async fn counts(
    connection: &mut PgConnection,
    server: &DatabaseServer,
    plan: &Plan,
) -> sqlx::Result<Vec<(String, i64)>> {
    let tables = "select relname::text from pg_class where relnamespace = to_regnamespace($1) and relkind = 'r'";
    let tables = sqlx::query_scalar(tables).bind(server.schema().as_str());
    let tables: Vec<String> = tables.fetch_all(&mut *connection).await?;
    match plan.count_of(&tables) {
        Some(query) => sqlx::query_as(AssertSqlSafe(query)).fetch_all(connection).await,
        None => Ok(Vec::new()),
    }
}

/// The migrations that were done: their versions, whether they were done to the end, and their checksums.
type Applied = Vec<(i64, bool, Vec<u8>)>;

async fn applied(connection: &mut PgConnection) -> sqlx::Result<Applied> {
    let has_book: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if !has_book {
        return Ok(Vec::new());
    }
    sqlx::query_as("select version, success, checksum from _sqlx_migrations order by version")
        .fetch_all(connection)
        .await
}

/// How old the tables are, if there are any.
fn age(applied: &Applied) -> Option<Age> {
    if applied.is_empty() {
        return None;
    }
    if applied.iter().any(|(version, ..)| !MIGRATIONS.version_exists(*version)) {
        return Some(Age::Newer);
    }
    let ours = MIGRATIONS
        .iter()
        .map(|ours| (ours.version, true, ours.checksum.to_vec()));
    let is_current = ours.eq(applied.iter().cloned());
    Some(if is_current { Age::Current } else { Age::Earlier })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_must_be_from_its_beginning() {
        let check = |number, encoding: &str| {
            let traits = Traits {
                number,
                version: "14.9 (Debian)".to_owned(),
                encoding: encoding.to_owned(),
            };
            traits
                .check("class on db:5432 (schema s)".to_owned())
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(150_000, "UTF8"), Ok(()));
        assert_eq!(
            check(149_999, "UTF8").unwrap_err(),
            "the database class on db:5432 (schema s) is PostgreSQL 14.9 (Debian): chatroom-server needs 15 or later"
        );
        assert_eq!(
            check(180_000, "LATIN1").unwrap_err(),
            "the database class on db:5432 (schema s) keeps text as LATIN1: chatroom-server needs one made with encoding 'UTF8'"
        );
    }
}
