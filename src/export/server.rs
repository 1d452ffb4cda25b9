//! A file of what a server of PostgreSQL has, read from one snapshot: what is written meanwhile is not in it, and waits for
//! nothing.

use std::fs::File;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};

use super::error::Error;
use crate::journal::{Age, DatabaseServer, OpenError, make_tables, server_age};
use crate::progress::Progress;
use crate::tables::{TABLES, Table, in_batches};

/// A connection that sees the history as it is at this moment, whatever is written from now on.
pub(super) async fn open(server: &DatabaseServer) -> Result<PgConnection, Error> {
    let mut connection = server.connect().await?;
    let begin = "begin isolation level repeatable read, read only";
    sqlx::query(begin).execute(&mut connection).await?;
    match server_age(server, &mut connection).await? {
        None => Err(Error::NoDatabase(server.to_string())),
        Some(Age::Current) => Ok(connection),
        Some(Age::Earlier) => Err(OpenError::Earlier(server.to_string()).into()),
        Some(Age::Newer) => Err(OpenError::Newer(server.to_string()).into()),
    }
}

/// Writes all of it into an empty file.
pub(super) async fn copy(source: &mut PgConnection, file: &Path) -> Result<(), Error> {
    // Nobody reads it before it is whole, and one that is not is removed.
    let mut target = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .foreign_keys(false)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .disable_statement_logging()
        .connect()
        .await?;
    make_tables(&mut target).await.map_err(sqlx::Error::from)?;
    let mut counts = Vec::new();
    for table in &TABLES {
        counts.push(table.count_in_postgres(source).await?);
    }
    let progress = Progress::of("rows", counts.iter().sum());
    sqlx::query("begin").execute(&mut target).await?;
    for (table, read) in TABLES.iter().zip(counts) {
        copy_table(source, &mut target, table, &progress).await?;
        let written = table.count_in_sqlite(&mut target).await?;
        if written != read {
            let name = table.name;
            return Err(Error::Miscounted { name, read, written });
        }
    }
    copy_heartbeat(source, &mut target).await?;
    sqlx::query("commit").execute(&mut target).await?;
    target.close().await?;
    let synced = File::open(file).and_then(|file| file.sync_all());
    synced.map_err(|source| Error::NotWritable {
        path: file.to_owned(),
        source,
    })
}

async fn copy_table(
    source: &mut PgConnection,
    target: &mut SqliteConnection,
    table: &Table,
    progress: &Progress,
) -> sqlx::Result<()> {
    if table.replaces {
        let sql = format!("delete from {}", table.name);
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *target).await?;
    }
    let rows = sqlx::query_scalar(AssertSqlSafe(table.read_from_postgres())).fetch(source);
    in_batches(rows, async |rows, list| {
        let write = sqlx::query(AssertSqlSafe(table.write_to_sqlite())).bind(list);
        write.execute(&mut *target).await?;
        progress.add(rows);
        Ok(())
    })
    .await
}

/// How the server last lived: a start from the file repairs what that left open.
async fn copy_heartbeat(source: &mut PgConnection, target: &mut SqliteConnection) -> sqlx::Result<()> {
    let node = "select alive_at, state = 'stopped', group_no from node where id = 1";
    let node: Option<(i64, bool, i64)> = sqlx::query_as(node).fetch_optional(source).await?;
    let Some((alive_at, clean_stop, group_no)) = node else {
        return Ok(());
    };
    sqlx::query("insert or replace into heartbeat (id, at, clean_stop, group_no) values (1, ?, ?, ?)")
        .bind(alive_at)
        .bind(clean_stop)
        .bind(group_no)
        .execute(target)
        .await
        .map(drop)
}
