//! Opening a history in PostgreSQL, or saying in one sentence why not.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, PgConnection};

use super::database_server::DatabaseServer;
use super::node::{self, Place};
use super::open_error::OpenError;
use super::server_url::SchemaName;
use super::store::{Connected, ServerStore};
use crate::sql::Database;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// As the server says it: 15.0.
const OLDEST: i32 = 150_000;
/// Names may be of any language.
const ENCODING: &str = "UTF8";

/// Connects, brings the tables up to date, and takes the place of a server that writes them.
pub(super) async fn connect(server: &DatabaseServer) -> Result<Connected, OpenError> {
    let failed = |source| server.failure(source);
    let mut migrating = server.connect().await?;
    let traits = Traits::of(&mut migrating).await.map_err(failed)?;
    traits.check(server.to_string())?;
    make_schema(&mut migrating, server.schema()).await.map_err(failed)?;
    check_ours(&mut migrating, server).await?;
    migrate(&mut migrating, server).await?;
    // Migrations take their time, and plans of their own.
    sqlx::Connection::close(migrating).await.map_err(failed)?;

    let options = server.writer();
    let mut connection = server.connect_with(&options).await?;
    let epoch = match node::take_place(&mut connection).await.map_err(failed)? {
        Place::Taken(epoch) => epoch,
        Place::Occupied => return Err(OpenError::InUse(server.to_string())),
    };
    node::prepare(&mut connection, epoch).await.map_err(failed)?;
    node::rebase(&mut connection).await.map_err(failed)?;
    Ok(Connected {
        reader: Database::Postgres(server.reader()),
        connection: Database::Postgres(connection),
        store: Database::Postgres(ServerStore { options, epoch }),
        name: server.to_string(),
    })
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
        sqlx::query(AssertSqlSafe(format!("create schema if not exists {schema}")))
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
    if is_current(connection).await.map_err(|source| server.failure(source))? {
        return Ok(());
    }
    // What `run` awaits is not general enough for another task.
    MIGRATIONS.run_direct(None, connection, false).await.map_err(|source| {
        let name = server.to_string();
        if matches!(source, MigrateError::VersionMissing(_)) {
            return OpenError::Newer(name);
        }
        if let MigrateError::Execute(source) = source {
            return server.failure(source);
        }
        OpenError::Migration { name, source }
    })
}

/// Whether all migrations are there as they are, and no others.
async fn is_current(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let has_book: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if !has_book {
        return Ok(false);
    }
    let applied: Vec<(i64, bool, Vec<u8>)> =
        sqlx::query_as("select version, success, checksum from _sqlx_migrations order by version")
            .fetch_all(connection)
            .await?;
    let ours = MIGRATIONS
        .iter()
        .map(|ours| (ours.version, true, ours.checksum.to_vec()));
    Ok(applied.into_iter().eq(ours))
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
