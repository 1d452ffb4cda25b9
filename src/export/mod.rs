//! Everything that is kept, in one file, while the server goes on: the history as it was at one moment, which can take the
//! place of the server's own.

mod error;
mod file;
mod server;

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

pub use self::error::Error;
use crate::journal::{DatabaseFile, DatabaseServer};
use crate::private_file;
use crate::sql::Database;

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

/// Writes all of `database` into `file`, which must not exist.
///
/// # Errors
/// [`Error`] says in one sentence why not; there is no file then. Nor is there one if this is dropped before it is done.
pub async fn export(database: &Database<DatabaseFile, DatabaseServer>, file: &Path) -> Result<Exported, Error> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match database {
        Database::Sqlite(source) => {
            let source = file::open(source.path()).await?;
            let half = Half::reserve(&file)?;
            file::copy(source, &file).await?;
            half.keep();
        }
        Database::Postgres(server) => {
            let mut source = server::open(server).await?;
            let half = Half::reserve(&file)?;
            server::copy(&mut source, &file).await?;
            half.keep();
        }
    }
    counted(&file).await.map_err(Error::Database)
}

/// A file that is not whole yet. Unless it is kept, it goes: half a copy would be taken for a whole one.
struct Half<'a> {
    file: Option<&'a Path>,
}

impl<'a> Half<'a> {
    /// Makes the file, so that no other can take its place between the look and the copy; it may hold who was where, so it
    /// is its owner's alone.
    fn reserve(file: &'a Path) -> Result<Self, Error> {
        match private_file::options().write(true).create_new(true).open(file) {
            Ok(_) => Ok(Self { file: Some(file) }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists(file.to_owned())),
            Err(source) => Err(Error::NotWritable {
                path: file.to_owned(),
                source,
            }),
        }
    }

    fn keep(mut self) {
        self.file = None;
    }
}

impl Drop for Half<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.file {
            let _ = fs::remove_file(file);
            let _ = fs::remove_file(private_file::beside(file, "-journal"));
        }
    }
}

async fn counted(file: &Path) -> sqlx::Result<Exported> {
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
