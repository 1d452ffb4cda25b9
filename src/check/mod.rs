//! Whether settings can be followed on this machine, and whether a database is whole, by SQLite's own looks at a file and by
//! what holds of every history. It is only read, also while a server writes it: each query sees it as it was at one moment.

mod invariants;
mod outcome;
mod server;
mod settings;
mod words;

use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection, query, query_scalar};

pub use self::invariants::{INVARIANTS, Invariant};
pub use self::outcome::{Error, Found};
use self::outcome::{Looked, sentence};
pub use self::settings::{WrongSettings, settings};
use crate::journal::{Age, DatabaseFile, DatabaseServer, Owner, age, broken_migration, owner};
use crate::progress::Progress;
use crate::sql::Database;

/// Longer than a checkpoint takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many faults SQLite names before it stops looking.
const FAULTS: &str = "pragma integrity_check(10)";

/// Looks through a database.
///
/// # Errors
/// [`Error`] says what is wrong with it.
pub async fn database(database: &Database<DatabaseFile, DatabaseServer>) -> Result<Found, Error> {
    let (found, faults) = match database {
        Database::Sqlite(file) => look_at_file(file.path()).await?,
        Database::Postgres(server) => server::look(server).await?,
    };
    if faults.is_empty() {
        return Ok(found);
    }
    let name = database.to_string();
    Err(Error::Faults { name, faults })
}

async fn look_at_file(path: &Path) -> Result<Looked, Error> {
    if path.exists() {
        return look(path).await.map_err(|source| unreadable(path, source))?;
    }
    match path.parent() {
        Some(folder) if !folder.is_dir() => Err(Error::NoFolder(folder.to_owned())),
        _ => Ok((Found::Nothing, Vec::new())),
    }
}

async fn look(path: &Path) -> sqlx::Result<Result<Looked, Error>> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
        .connect()
        .await?;
    let owner = owner(&mut connection).await?;
    if owner == Owner::Others {
        return Ok(Err(Error::Foreign(path.to_owned())));
    }
    if let Some(source) = broken_migration(&mut connection).await? {
        let path = path.to_owned();
        return Ok(Err(Error::Migration { path, source }));
    }
    if owner == Owner::Nobody {
        return Ok(Ok((Found::Nothing, Vec::new())));
    }
    let age = age(&mut connection).await?;
    if age == Age::Newer {
        return Ok(Err(Error::Newer(path.to_owned())));
    }
    // The file itself is one more.
    let progress = Progress::of("rules", INVARIANTS.len() as u64 + 1);
    let mut faults = faults_of_the_file(&mut connection).await?;
    let is_readable = faults.is_empty();
    let references = "pragma foreign_key_check";
    faults.extend(fault(&mut connection, "every reference leads somewhere", references).await?);
    progress.add(1);
    if !is_readable || age == Age::Earlier {
        return Ok(Ok((Found::Earlier, faults)));
    }
    let (sessions, events, gaps) = counts(&mut connection).await?;
    for invariant in INVARIANTS
        .iter()
        .filter(|invariant| gaps == 0 || invariant.survives_gaps)
    {
        faults.extend(fault(&mut connection, invariant.what, invariant.broken_by).await?);
        progress.add(1);
    }
    faults.extend(words::faults(&mut connection).await?);
    let whole = Found::Whole { sessions, events, gaps };
    Ok(Ok((whole, faults)))
}

async fn counts(connection: &mut SqliteConnection) -> sqlx::Result<(i64, i64, i64)> {
    sqlx::query_as(
        "select (select count(*) from session), (select count(*) from event),
                (select count(*) from event where kind = 'gap')",
    )
    .fetch_one(connection)
    .await
}

/// What SQLite itself finds of the file's pages and indices.
async fn faults_of_the_file(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let told: Vec<String> = query_scalar(FAULTS).fetch_all(connection).await?;
    Ok(told.into_iter().filter(|line| line != "ok").collect())
}

/// What breaks a rule, if anything does. The rows are counted as they come, however many there are.
async fn fault(connection: &mut SqliteConnection, what: &str, broken_by: &'static str) -> sqlx::Result<Option<String>> {
    let rows = query(broken_by).fetch(connection);
    let rows = rows.try_fold(0, async |rows: u64, _| Ok(rows + 1)).await?;
    Ok(sentence(what, rows))
}

fn unreadable(path: &Path, source: sqlx::Error) -> Error {
    const NOT_A_DATABASE: &str = "26";
    let path = path.to_owned();
    let code = source.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(NOT_A_DATABASE) {
        return Error::Foreign(path);
    }
    Error::Unreadable { path, source }
}
