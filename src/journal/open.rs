//! Opening the database, or saying in one sentence why not.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, SqlitePool};

use super::age::Age;
use super::bring_back::{BroughtBack, bring_back};
use super::lock::DatabaseLock;
use super::loss::Acknowledged;
use super::migrating::Plan;
use super::node::last_group;
use super::nodes::Nodes;
use super::open_error::OpenError;
use super::pace::Pace;
use super::removal::{RemovalHandle, RemovalQueue};
use super::space::Space;
use super::store::{Connected, FileStore, Store};
use super::thread::WriterThread;
use super::{Clock, DatabaseFile, DatabaseServer, Journal, Opened, Options, Queue, ReviewSecrets, Shared, Writer};
use super::{open_server, review, room_claims, rows};
use crate::limit::Seldom;
use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::room::record::Snapshot;
use crate::sql::{Connection, Database};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// "ChRS": the mark of our files, set by the first migration.
const APPLICATION_ID: i64 = 1_130_910_291;
/// Before this, a race between a checkpoint and a commit in WAL mode loses the commit.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];
/// Readers never hold the database for long, and no other writer is expected.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
const READERS: u32 = 4;
/// How soon it is noticed that somebody has moved the database away.
const PLACE_IS_LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// After that time without a question a reader is closed: each keeps up to 2 MiB of pages.
const READER_IDLES: Duration = Duration::from_secs(20);
/// After so many steps of SQLite's machine, some ten microseconds, a reader's thread offers its core to others: the
/// system's scheduler would let it go on for milliseconds, while a message waits.
const STEPS_IN_TURN: i32 = 1_000;
/// How many rows a reader's thread may be ahead of who asked. With sqlx's 50, the two threads of a page of thousands of
/// rows spent half of their time handing over to each other.
const ROWS_AHEAD: usize = 4_096;

pub(super) async fn open(options: Options, clock: Clock) -> Result<Opened, OpenError> {
    let is_server = matches!(options.database, Database::Postgres(_));
    let thread = WriterThread::start(is_server).map_err(OpenError::NoThread)?;
    let Ready {
        writer,
        removals,
        rooms,
        review,
        last_alive,
        nodes,
    } = prepare(options, clock, &thread).await?;
    let reader = writer.reader.clone();
    let journal = Journal::start(writer, thread);
    Ok(Opened {
        journal,
        removals,
        rooms,
        reader,
        review,
        last_alive,
        nodes,
    })
}

/// A database in order, before anything is written to it.
pub(super) struct Ready {
    pub(super) writer: Writer,
    pub(super) removals: RemovalHandle,
    pub(super) rooms: Vec<(SessionId, Snapshot)>,
    pub(super) review: ReviewSecrets,
    pub(super) last_alive: Timestamp,
    pub(super) nodes: Option<Nodes>,
}

pub(super) async fn prepare(options: Options, clock: Clock, thread: &WriterThread) -> Result<Ready, OpenError> {
    match options.database.clone() {
        Database::Sqlite(file) => {
            let connected = connect(file.path()).await?;
            in_order(connected, options, clock).await
        }
        // What waits on the network belongs to the runtime that it was made on.
        Database::Postgres(server) => {
            let prepared = thread.handle().spawn(async move {
                let connected = open_server::connect(&server, &options.place, options.grace).await?;
                in_order(connected, options, clock).await
            });
            prepared.await.map_err(|error| OpenError::NoThread(error.into()))?
        }
    }
}

async fn connect(path: &Path) -> Result<Connected, OpenError> {
    let path = resolve(path)?;
    // Before anything is put beside it. What cannot be read is told of by what follows.
    if matches!(is_other(&path), Ok(true)) {
        return Err(OpenError::Foreign(path.display().to_string()));
    }
    let lock = DatabaseLock::take(&path)?;
    let options = connect_options(&path);
    let mut connection = options
        .connect()
        .await
        .map_err(|source| database_error(&path, source))?;
    check_version(&mut connection, &path).await?;
    let is_ours = check_ours(&mut connection, &path).await?;
    migrate(&mut connection, &path, is_ours).await?;
    set(&mut connection, "pragma journal_mode = wal", &path).await?;
    Ok(Connected {
        reader: Database::Sqlite(reader(&path)),
        connection: Database::Sqlite(connection),
        name: path.display().to_string(),
        store: Database::Sqlite(FileStore {
            options,
            path,
            place_is_looked_at: Seldom::new(PLACE_IS_LOOKED_AT_EVERY),
            lock: Some(lock),
        }),
    })
}

/// Makes the tables, if they are missing, and changes those of an earlier version; nothing else, and nobody serves meanwhile.
///
/// # Errors
/// Why the database cannot be used, in one sentence.
pub async fn bring_up_to_date(database: &Database<DatabaseFile, DatabaseServer>) -> Result<(), OpenError> {
    match database {
        Database::Sqlite(file) => {
            let Connected {
                mut store, connection, ..
            } = connect(file.path()).await?;
            let left = store.leave(connection, true).await;
            left.map_err(|source| database_error(file.path(), source))
        }
        Database::Postgres(server) => {
            open_server::bring_up_to_date(server).await?;
            open_server::refuse_half(server).await
        }
    }
}

/// An embedded file that no server writes, nor will until this is dropped. Its tables are this version's.
pub(crate) struct StoppedFile {
    /// The way to read it.
    pub(crate) connection: SqliteConnection,
    _store: Store,
}

impl StoppedFile {
    /// Takes the file, which exists.
    ///
    /// # Errors
    /// Why it cannot be used, in one sentence.
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        // A start makes a database of an empty file; this one was to have something in it.
        if fs::metadata(path).is_ok_and(|file| file.len() == 0) {
            return Err(OpenError::Foreign(path.display().to_string()));
        }
        let connected = connect(path).await?;
        match connected.connection {
            Database::Sqlite(connection) => Ok(Self {
                connection,
                _store: connected.store,
            }),
            Database::Postgres(_) => Err(OpenError::Foreign(connected.name)),
        }
    }
}

/// Whether something else than a database of SQLite's is in a file (<https://sqlite.org/fileformat.html>, 1.3.1).
fn is_other(path: &Path) -> io::Result<bool> {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let mut begin = Vec::new();
    fs::File::open(path)?.take(16).read_to_end(&mut begin)?;
    Ok(!begin.is_empty() && begin != MAGIC)
}

/// Makes this version's tables in an empty file.
///
/// # Errors
/// If the file cannot be written.
pub(crate) async fn make_tables(connection: &mut SqliteConnection) -> Result<(), MigrateError> {
    MIGRATIONS.run(connection).await
}

/// Repairs what a stop left open.
async fn in_order(connected: Connected, options: Options, clock: Clock) -> Result<Ready, OpenError> {
    let Connected {
        store,
        mut connection,
        reader,
        name,
    } = connected;
    let failed = |source| OpenError::Database {
        name: name.clone(),
        source,
    };
    let BroughtBack { rooms, last_alive } = bring_back(&mut connection, &clock, options.grace)
        .await
        .map_err(failed)?;
    let review = review::load(&mut connection).await.map_err(failed)?;
    match &mut connection {
        Database::Sqlite(connection) => rows::prepare(connection).await.map_err(failed)?,
        Database::Postgres(connection) => room_claims::end_recovery(connection).await.map_err(failed)?,
    }
    let nodes = match (&store, &options.place.address) {
        (Database::Postgres(store), Some(_)) => Some(Nodes::new(store, clock.clone())),
        _ => None,
    };
    let last_seq = last_seq(&mut connection).await.map_err(failed)?;
    let next_group = 1 + last_group(&mut connection).await.map_err(failed)?;

    let (removals, given) = RemovalHandle::new();
    let writer = Writer {
        shared: Arc::new(Shared::new(
            Queue::new(options.capacity, options.commit_timeout),
            Space::new(options.min_free_disk),
            last_seq,
        )),
        store,
        connection: Some(connection),
        reader,
        clock,
        removals: RemovalQueue::new(given, options.retention),
        next_seq: last_seq + 1,
        next_group,
        acknowledged: Acknowledged::default(),
        pace: Pace::default(),
    };
    Ok(Ready {
        writer,
        removals,
        rooms,
        review,
        last_alive,
        nodes,
    })
}

/// The file itself behind links, so that two names of one database have one lock.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    if path.is_dir() {
        return Err(OpenError::IsFolder(path.to_owned()));
    }
    if let Ok(existing) = fs::canonicalize(path) {
        return Ok(existing);
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| OpenError::IsFolder(path.to_owned()))?;
    if !folder.is_dir() {
        return Err(OpenError::NoFolder(folder.to_owned()));
    }
    let folder = fs::canonicalize(folder).map_err(|_| OpenError::NoFolder(folder.to_owned()))?;
    Ok(folder.join(name))
}

async fn check_version(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let version: String = sqlx::query_scalar("select sqlite_version()")
        .fetch_one(connection)
        .await
        .map_err(|source| database_error(path, source))?;
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if numbers.as_slice() < OLDEST_SQLITE.as_slice() {
        return Err(OpenError::OldSqlite(version));
    }
    Ok(())
}

/// Whose database a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Ours: it has our mark.
    Us,
    /// Nobody's yet: it is empty.
    Nobody,
    /// Another program's.
    Others,
}

/// Reads whose database a file is.
///
/// # Errors
/// If it cannot be read as a database.
pub(crate) async fn owner(connection: &mut SqliteConnection) -> sqlx::Result<Owner> {
    let application: i64 = sqlx::query_scalar("pragma application_id")
        .fetch_one(&mut *connection)
        .await?;
    // A first migration that was interrupted leaves its own book of migrations, and nothing else.
    let tables: i64 = sqlx::query_scalar(
        "select count(*) from sqlite_schema where tbl_name <> '_sqlx_migrations' and name not like 'sqlite_%'",
    )
    .fetch_one(connection)
    .await?;
    Ok(match (application, tables) {
        (APPLICATION_ID, _) => Owner::Us,
        (0, 0) => Owner::Nobody,
        _ => Owner::Others,
    })
}

/// Reads how old a history of ours is.
///
/// # Errors
/// If it cannot be read.
pub(crate) async fn age(connection: &mut SqliteConnection) -> sqlx::Result<Age> {
    let applied = applied(connection).await?;
    if applied.iter().any(|version| !MIGRATIONS.version_exists(*version)) {
        return Ok(Age::Newer);
    }
    let is_missing = |migration: &Migration| !applied.contains(&migration.version);
    Ok(if MIGRATIONS.iter().any(is_missing) {
        Age::Earlier
    } else {
        Age::Current
    })
}

/// The migrations that were done.
async fn applied(connection: &mut SqliteConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("select version from _sqlx_migrations where success")
        .fetch_all(connection)
        .await
}

/// Why a start cannot bring the tables up to date, as far as the book of migrations tells.
///
/// # Errors
/// If it cannot be read.
pub(crate) async fn broken_migration(connection: &mut SqliteConnection) -> sqlx::Result<Option<MigrateError>> {
    let books: i64 = sqlx::query_scalar("select count(*) from sqlite_schema where name = '_sqlx_migrations'")
        .fetch_one(&mut *connection)
        .await?;
    if books == 0 {
        return Ok(None);
    }
    let applied: Vec<(i64, bool, Vec<u8>)> =
        sqlx::query_as("select version, success, checksum from _sqlx_migrations order by version")
            .fetch_all(connection)
            .await?;
    let half = applied.iter().find(|(_, is_whole, _)| !is_whole);
    let is_other = |(version, _, checksum): &&(i64, bool, Vec<u8>)| {
        let known = MIGRATIONS.iter().find(|migration| migration.version == *version);
        known.is_some_and(|known| known.checksum != checksum.as_slice())
    };
    let half = half.map(|(version, ..)| MigrateError::Dirty(*version));
    let other = || {
        applied
            .iter()
            .find(is_other)
            .map(|(version, ..)| MigrateError::VersionMismatch(*version))
    };
    Ok(half.or_else(other))
}

/// Accepts our own files, for which it is true, and empty ones.
async fn check_ours(connection: &mut SqliteConnection, path: &Path) -> Result<bool, OpenError> {
    let owner = owner(connection).await.map_err(|source| database_error(path, source))?;
    match owner {
        Owner::Us => Ok(true),
        Owner::Nobody => Ok(false),
        Owner::Others => Err(OpenError::Foreign(path.display().to_string())),
    }
}

async fn migrate(connection: &mut SqliteConnection, path: &Path, is_ours: bool) -> Result<(), OpenError> {
    let failed = |source| database_error(path, source);
    // What a migration sorts may be larger than the machine's memory.
    set(connection, "pragma temp_store = file", path).await?;
    let done = if is_ours {
        applied(connection).await.map_err(failed)?
    } else {
        Vec::new()
    };
    let plan = Plan::after(&MIGRATIONS, &done);
    let counts = counts(connection, &plan).await.map_err(failed)?;
    plan.run(connection, counts).await.map_err(|source| {
        let name = path.display().to_string();
        if matches!(source, MigrateError::VersionMissing(_)) {
            return OpenError::Newer(name);
        }
        OpenError::Migration { name, source }
    })?;
    set(connection, "pragma temp_store = memory", path).await
}

/// How many rows there are to go over.
async fn counts(connection: &mut SqliteConnection, plan: &Plan) -> sqlx::Result<Vec<(String, i64)>> {
    let tables: Vec<String> = sqlx::query_scalar("select name from sqlite_schema where type = 'table'")
        .fetch_all(&mut *connection)
        .await?;
    match plan.count_of(&tables) {
        Some(query) => sqlx::query_as(AssertSqlSafe(query)).fetch_all(connection).await,
        None => Ok(Vec::new()),
    }
}

async fn set(connection: &mut SqliteConnection, pragma: &'static str, path: &Path) -> Result<(), OpenError> {
    let set = sqlx::query(pragma).execute(connection).await;
    set.map(drop).map_err(|source| database_error(path, source))
}

async fn last_seq(connection: &mut Connection) -> sqlx::Result<i64> {
    let last: Option<i64> = match connection {
        Database::Sqlite(connection) => {
            sqlx::query_scalar("select seq from sqlite_sequence where name = 'event'")
                .fetch_optional(connection)
                .await?
        }
        Database::Postgres(_) => rows::newest_seq(connection).await?,
    };
    Ok(last.unwrap_or(0))
}

fn database_error(path: &Path, source: sqlx::Error) -> OpenError {
    const NOT_A_DATABASE: &str = "26";
    let code = source.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(NOT_A_DATABASE) {
        return OpenError::Foreign(path.display().to_string());
    }
    OpenError::Database {
        name: path.display().to_string(),
        source,
    }
}

/// The one connection that writes. The journal mode is a property of the file, set once it is known to be ours.
fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("journal_size_limit", "67108864")
        // In pages, 12 MiB: what changes often is copied into the database once for many commits.
        .pragma("wal_autocheckpoint", "3000")
        // In KiB: the pages of a busy day's tables that new rows go into.
        .pragma("cache_size", "-8000")
        // Each statement of many rows has to be undone if one of them is refused: what that takes needs no file.
        .pragma("temp_store", "memory")
        // What was erased is overwritten, and not only unlinked.
        .pragma("secure_delete", "on")
        .disable_statement_logging()
}

fn reader(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD)
        .pragma("query_only", "on")
        .disable_statement_logging();
    SqlitePoolOptions::new()
        .max_connections(READERS)
        // A file does not hang up.
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(5))
        // With the pages that it has read.
        .idle_timeout(READER_IDLES)
        .after_connect(|connection, _| {
            Box::pin(async move {
                let mut handle = connection.lock_handle().await?;
                handle.set_progress_handler(STEPS_IN_TURN, || {
                    std::thread::yield_now();
                    true
                });
                Ok(())
            })
        })
        .connect_lazy_with(options)
}
