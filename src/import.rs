//! The way up from an embedded file: all of it into an empty schema of PostgreSQL.
//!
//! Rows go in batches, each a transaction that also writes down how far it is: so an import that was interrupted goes on where
//! it was, and no row is there twice. Until it is done, no server starts on what is there.

use std::fmt;
use std::path::{Path, PathBuf};

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteError;
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};

use crate::journal::{DatabaseServer, OpenError, StoppedFile, UNFINISHED_IMPORT, claim};
use crate::progress::Progress;
use crate::tables::{TABLES, Table, in_batches};

/// What has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// How many sessions.
    pub sessions: u64,
    /// How many entries of the journal.
    pub events: u64,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions: {}, events: {}", self.sessions, self.events)
    }
}

/// Why nothing, or not all, was imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no file.
    #[error("there is no database {}", .0.display())]
    NoFile(PathBuf),
    /// One of the two cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The schema is not empty.
    #[error("{0} has a history of its own: name another DATABASE_SCHEMA, which is made if it is missing")]
    HasHistory(String),
    /// It was begun with another file, or with what this one was then.
    #[error(
        "{0} has half of an import of another file, or of this one before a server wrote it: drop that schema, and begin anew"
    )]
    OtherFile(String),
    /// Fewer or more rows have come than there are.
    #[error("{name} has {read} rows in the file, and {written} have come: drop that schema, and begin anew")]
    Miscounted {
        /// The table.
        name: &'static str,
        /// How many there are.
        read: u64,
        /// How many came.
        written: u64,
    },
    /// The file has something that nobody wrote.
    #[error("the file is damaged, and cannot be imported: {0}. Import a backup of it, into an empty schema")]
    Damaged(sqlx::Error),
    /// One of the two failed on the way.
    #[error("the import was interrupted, and goes on if the same is started again: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_of_damage(&error) {
            Self::Damaged(error)
        } else {
            Self::Database(error)
        }
    }
}

/// Whether SQLite has found its file damaged (<https://sqlite.org/rescode.html#corrupt>).
fn is_of_damage(error: &sqlx::Error) -> bool {
    const CORRUPT: i32 = 11;
    let error = error.as_database_error();
    let error = error.and_then(|error| error.try_downcast_ref::<SqliteError>());
    let code = error.and_then(|error| error.code()?.parse::<i32>().ok());
    // The lowest byte is the code, what is above it says more of it.
    code.is_some_and(|code| code & 0xff == CORRUPT)
}

/// Imports all of `file`, which no server may write meanwhile.
///
/// # Errors
/// [`Error`] says why not. What has come is kept: the same call goes on with it.
pub async fn import(file: &Path, server: &DatabaseServer) -> Result<Imported, Error> {
    if !file.is_file() {
        return Err(Error::NoFile(file.to_owned()));
    }
    let mut file = StoppedFile::open(file).await?;
    let mut target = claim(server).await?;
    begin(&mut file.connection, &mut target, server).await?;
    let mut work = Vec::new();
    for table in &TABLES {
        let (read, done) = (
            table.count_in_sqlite(&mut file.connection).await?,
            done(&mut target, table).await?,
        );
        work.push((table, read, done));
    }
    let progress = Progress::of("rows", work.iter().map(|(_, read, _)| read).sum());
    progress.resume_at(work.iter().map(|(.., done)| done).sum());
    for (table, _, done) in &work {
        copy_table(&mut file.connection, &mut target, table, *done, &progress).await?;
    }
    for (table, read, _) in &work {
        let written = table.count_in_postgres(&mut target).await?;
        if written != *read {
            let (name, read) = (table.name, *read);
            return Err(Error::Miscounted { name, read, written });
        }
    }
    finish(&mut file.connection, &mut target).await?;
    let rows_of = |name: &str| {
        work.iter()
            .find(|(table, ..)| table.name == name)
            .map_or(0, |(_, read, _)| *read)
    };
    Ok(Imported {
        sessions: rows_of("session"),
        events: rows_of("event"),
    })
}

/// Begins, or sees that what was begun is the same.
async fn begin(file: &mut SqliteConnection, target: &mut PgConnection, server: &DatabaseServer) -> Result<(), Error> {
    let mark = mark(file).await?;
    let is_begun = "select to_regclass($1) is not null";
    let is_begun: bool = sqlx::query_scalar(is_begun)
        .bind(UNFINISHED_IMPORT)
        .fetch_one(&mut *target)
        .await?;
    if is_begun {
        let same = format!("select coalesce(bool_and(source = $1), false) from {UNFINISHED_IMPORT}");
        let is_same: bool = sqlx::query_scalar(AssertSqlSafe(same))
            .bind(mark)
            .fetch_one(target)
            .await?;
        return if is_same {
            Ok(())
        } else {
            Err(Error::OtherFile(server.to_string()))
        };
    }
    let has_history =
        "select exists (select from session) or exists (select from event) or exists (select from review_link)";
    if sqlx::query_scalar(has_history).fetch_one(&mut *target).await? {
        return Err(Error::HasHistory(server.to_string()));
    }
    let mut begun = format!(
        "begin; create table {UNFINISHED_IMPORT} (source text not null, name text primary key, done bigint not null);"
    );
    for table in &TABLES {
        begun += &format!(
            "insert into {UNFINISHED_IMPORT} values ('{mark}', '{}', 0);",
            table.name
        );
        if table.replaces {
            begun += &format!("delete from {};", table.name);
        }
    }
    begun += "commit";
    sqlx::raw_sql(AssertSqlSafe(begun)).execute(target).await?;
    Ok(())
}

/// What tells a file from others, and from itself once a server has written it.
async fn mark(file: &mut SqliteConnection) -> sqlx::Result<String> {
    sqlx::query_scalar(
        "select hex(salt) || ' ' || coalesce(at, 0) || ' ' || coalesce(group_no, 0)
         from review_secret left join heartbeat on heartbeat.id = 1",
    )
    .fetch_one(file)
    .await
}

async fn done(target: &mut PgConnection, table: &Table) -> sqlx::Result<u64> {
    let sql = format!("select done from {UNFINISHED_IMPORT} where name = $1");
    let done = sqlx::query_scalar(AssertSqlSafe(sql)).bind(table.name);
    let done: i64 = done.fetch_one(target).await?;
    Ok(u64::try_from(done).unwrap_or_default())
}

async fn copy_table(
    file: &mut SqliteConnection,
    target: &mut PgConnection,
    table: &Table,
    done: u64,
    progress: &Progress,
) -> sqlx::Result<()> {
    let rows = sqlx::query_scalar(AssertSqlSafe(table.read_from_sqlite()));
    let rows = rows.bind(i64::try_from(done).unwrap_or(i64::MAX)).fetch(file);
    in_batches(rows, async |rows, list| {
        write(target, table, rows, list).await?;
        progress.add(rows);
        Ok(())
    })
    .await
}

/// One transaction: rows, and how far that is.
async fn write(target: &mut PgConnection, table: &Table, rows: u64, list: String) -> sqlx::Result<()> {
    let mut transaction = sqlx::Connection::begin(target).await?;
    sqlx::query(AssertSqlSafe(table.write_to_postgres()))
        .bind(list)
        .execute(&mut *transaction)
        .await?;
    let sql = format!("update {UNFINISHED_IMPORT} set done = done + $1 where name = $2");
    sqlx::query(AssertSqlSafe(sql))
        .bind(i64::try_from(rows).unwrap_or(i64::MAX))
        .bind(table.name)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// Lets a server have it: how the last one on the file lived is what its recovery needs.
async fn finish(file: &mut SqliteConnection, target: &mut PgConnection) -> sqlx::Result<()> {
    let heartbeat = "select at, clean_stop from heartbeat where id = 1";
    let heartbeat: Option<(i64, bool)> = sqlx::query_as(heartbeat).fetch_optional(file).await?;
    let mut transaction = sqlx::Connection::begin(&mut *target).await?;
    if let Some((at, is_clean)) = heartbeat {
        let sql = "update node set alive_at = $1, state = case when $2 then 'stopped' else 'active' end where id = 1";
        let node = sqlx::query(sql).bind(at).bind(is_clean);
        node.execute(&mut *transaction).await?;
    }
    for table in TABLES.iter().filter(|table| table.is_numbered) {
        let name = table.name;
        let sql = format!(
            "select setval(pg_get_serial_sequence('{name}', 'id'), max(id)) from {name} having max(id) is not null"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    }
    let sql = format!("drop table {UNFINISHED_IMPORT}");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    transaction.commit().await?;
    // What the planner knows of the tables is what it knew of empty ones.
    for table in &TABLES {
        let sql = format!("analyze {}", table.name);
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *target).await?;
    }
    Ok(())
}
