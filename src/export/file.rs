//! A copy of an embedded file, made in one read transaction of a connection that cannot write. The server's own writer is
//! not held up; its log cannot be cut until the copy is made.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::time::interval;

use super::error::Error;
use crate::journal::{Owner, owner};
use crate::progress::Progress;

/// Longer than a checkpoint takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is seen how far the copy is.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(200);

/// A connection to a database of ours.
pub(super) async fn open(database: &Path) -> Result<SqliteConnection, Error> {
    if !database.is_file() {
        return Err(Error::NoDatabase(database.display().to_string()));
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
    Ok(connection)
}

/// Writes all of it into an empty file. Nothing is written any more once this is dropped.
pub(super) async fn copy(connection: SqliteConnection, file: &Path) -> Result<(), Error> {
    let name = file.to_str().ok_or_else(|| Error::NotWritable {
        path: file.to_owned(),
        source: std::io::Error::other("its name is not UTF-8"),
    })?;
    let bytes = "select page_count * page_size from pragma_page_count(), pragma_page_size()";
    let stopper = Stopper::default();
    // Dropped before the stopper, which waits for its end.
    let mut connection = connection;
    let bytes: i64 = sqlx::query_scalar(bytes).fetch_one(&mut connection).await?;
    let progress = Progress::of("bytes", u64::try_from(bytes).unwrap_or_default());
    stopper.watch(&mut connection).await?;
    let copy = sqlx::query("vacuum into ?").bind(name).execute(&mut connection);
    tokio::pin!(copy);
    let mut looks = interval(LOOKED_AT_EVERY);
    loop {
        tokio::select! {
            copied = &mut copy => return Ok(copied.map(drop)?),
            _ = looks.tick() => progress.set(file.metadata().map(|file| file.len()).unwrap_or_default()),
        }
    }
}

/// Ends a statement when it is dropped: what SQLite has begun, it would do to its end on its own thread, and make the file
/// again that was removed.
#[derive(Default)]
struct Stopper(Arc<AtomicBool>);

/// In steps of SQLite's machine: some milliseconds.
const ASKED_EVERY: i32 = 10_000;
/// A write to a slow disk may be under way.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

impl Stopper {
    async fn watch(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let is_stopped = Arc::clone(&self.0);
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(ASKED_EVERY, move || !is_stopped.load(Ordering::Relaxed));
        Ok(())
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let until = Instant::now() + ENDS_WITHIN;
        // The connection has the other, until its thread has let go of it.
        while Arc::strong_count(&self.0) > 1 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn foreign_or(error: sqlx::Error, database: &Path) -> Error {
    const NOT_A_DATABASE: &str = "26";
    let code = error.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(NOT_A_DATABASE) {
        return Error::Foreign(database.to_owned());
    }
    Error::Database(error)
}
