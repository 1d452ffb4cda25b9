//! Everything that is kept, in one file, while the server goes on.
//!
//! The copy is made in one read transaction of a connection that cannot write: it is the database as it was at one
//! moment, and can take its place. The server's own writer is not held up; its log cannot be cut until the copy is made.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::journal::{Owner, owner};
use crate::private_file;

/// Longer than a checkpoint takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// How many sessions.
    pub sessions: i64,
    /// How many entries of the journal.
    pub events: i64,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions: {}, events: {}", self.sessions, self.events)
    }
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no database.
    #[error("there is no database {}: set DATABASE_URL to the one that the server uses", .0.display())]
    NoDatabase(PathBuf),
    /// The file is another program's.
    #[error("{} is not a database of chatroom-server", .0.display())]
    Foreign(PathBuf),
    /// The file is there already.
    #[error("{} exists already, and is left as it is: name another file", .0.display())]
    Exists(PathBuf),
    /// The file cannot be made.
    #[error("{} cannot be made: {source}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database cannot be read, or the file not be written.
    #[error("the history could not be exported: {0}")]
    Database(#[from] sqlx::Error),
}

/// Writes all of `database` into `file`, which must not exist.
///
/// # Errors
/// [`Error`] says in one sentence why not; there is no file then.
pub async fn export(database: &Path, file: &Path) -> Result<Exported, Error> {
    if !database.is_file() {
        return Err(Error::NoDatabase(database.to_owned()));
    }
    let mut connection = SqliteConnectOptions::new()
        .filename(database)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|error| foreign_or(error, database))?;
    let owner = owner(&mut connection)
        .await
        .map_err(|error| foreign_or(error, database))?;
    if owner != Owner::Us {
        return Err(Error::Foreign(database.to_owned()));
    }
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    reserve(&file)?;
    let copied = copy(&mut connection, &file).await;
    if copied.is_err() {
        // Half a copy would be taken for a whole one.
        let _ = fs::remove_file(&file);
    }
    copied
}

/// Makes the file, so that no other can take its place between the look and the copy; it may hold who was where, so it
/// is its owner's alone.
fn reserve(file: &Path) -> Result<(), Error> {
    match private_file::options().write(true).create_new(true).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists(file.to_owned())),
        Err(source) => Err(Error::NotWritable {
            path: file.to_owned(),
            source,
        }),
    }
}

async fn copy(connection: &mut SqliteConnection, file: &Path) -> Result<Exported, Error> {
    let name = file.to_str().ok_or_else(|| Error::NotWritable {
        path: file.to_owned(),
        source: io::Error::other("its name is not UTF-8"),
    })?;
    sqlx::query("vacuum into ?").bind(name).execute(connection).await?;
    let mut copy = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .disable_statement_logging()
        .connect()
        .await?;
    let (sessions, events): (i64, i64) =
        sqlx::query_as("select (select count(*) from session), (select count(*) from event)")
            .fetch_one(&mut copy)
            .await?;
    copy.close().await?;
    Ok(Exported { sessions, events })
}

fn foreign_or(error: sqlx::Error, database: &Path) -> Error {
    const NOT_A_DATABASE: &str = "26";
    let code = error.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(NOT_A_DATABASE) {
        return Error::Foreign(database.to_owned());
    }
    Error::Database(error)
}
