//! What the writer knows of where it writes.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _, SqliteConnection};

use super::database_server::DatabaseServer;
use super::event::Numbered;
use super::lock::DatabaseLock;
use super::node::{self, MOST_ENTRIES, NodePlace};
use super::rows;
use super::shared::Shared;
use super::tenure::Tenure;
use super::within::within;
use crate::limit::Seldom;
use crate::model::time::Timestamp;
use crate::sql::{Connection, Database, Reader, query};

pub(super) type Store = Database<FileStore, ServerStore>;

/// An embedded file.
pub(super) struct FileStore {
    pub(super) options: SqliteConnectOptions,
    /// For its disk's sake.
    pub(super) path: PathBuf,
    /// Not with each group: it takes two calls of the system, and nobody moves a database that often.
    pub(super) place_is_looked_at: Seldom,
    /// Held for as long as the database is ours.
    pub(super) lock: Option<DatabaseLock>,
}

/// A server of PostgreSQL.
pub(super) struct ServerStore {
    pub(super) server: DatabaseServer,
    pub(super) place: NodePlace,
    pub(super) tenure: Arc<Tenure>,
    /// How long who was there has to come back.
    pub(super) grace: Duration,
}

/// A connection to a database whose tables are up to date, before anything is repaired in it.
pub(super) struct Connected {
    pub(super) store: Store,
    pub(super) connection: Connection,
    pub(super) reader: Reader,
    /// What errors call it.
    pub(super) name: String,
}

impl Store {
    /// The file, if it is one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Sqlite(file) => Some(file.path.clone()),
            Self::Postgres(_) => None,
        }
    }

    /// A connection that writes groups, after one that is not to be used again.
    pub(super) async fn connect(&self) -> sqlx::Result<Connection> {
        match self {
            Self::Sqlite(file) => {
                let mut connection = file.options.connect().await?;
                rows::prepare(&mut connection).await?;
                Ok(Database::Sqlite(connection))
            }
            Self::Postgres(store) => store.connect().await.map(Database::Postgres),
        }
    }

    /// Waits no longer than is useful: a file always answers, a server whose machine is gone does not.
    pub(super) async fn answer<T>(&self, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(_) => answer.await,
            Self::Postgres(store) => within(store.server.answered_within(), answer).await,
        }
    }

    /// How many of these one transaction can write.
    pub(super) fn fits(&self, group: &[Numbered]) -> usize {
        match self {
            Self::Sqlite(_) => group.len(),
            Self::Postgres(_) => {
                let entries = group.iter().enumerate().filter(|(_, numbered)| numbered.seq.is_some());
                let beyond = entries
                    .map(|(place, _)| place)
                    .nth(usize::try_from(MOST_ENTRIES).unwrap_or(usize::MAX));
                beyond.unwrap_or(group.len())
            }
        }
    }

    /// Whether there is space for it, and whether it is there at all.
    pub(super) fn look(&self, shared: &Shared, now: Timestamp) {
        let Self::Sqlite(file) = self else { return };
        shared.look_at_disk(&file.path, now);
        file.place_is_looked_at.then(|| {
            let is_in_place = file.lock.as_ref().is_none_or(|lock| lock.is_at(&file.path));
            shared.look_at_place(is_in_place, &file.path);
        });
    }

    /// Leaves the database as it should be found. Others can have it as soon as no reader of ours is at it.
    pub(super) async fn leave(&mut self, connection: Connection, readers_left: bool) -> sqlx::Result<()> {
        match connection {
            Database::Sqlite(connection) => self.leave_file(connection, readers_left).await,
            Database::Postgres(connection) => connection.close().await,
        }
    }

    /// In one file: the log is cut, unless a reader is still at it.
    async fn leave_file(&mut self, mut connection: SqliteConnection, readers_left: bool) -> sqlx::Result<()> {
        sqlx::query("pragma wal_checkpoint(truncate)")
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        if let Self::Sqlite(file) = self
            && let Some(lock) = file.lock.take().filter(|_| readers_left)
        {
            lock.release();
        }
        Ok(())
    }
}

impl ServerStore {
    async fn connect(&self) -> sqlx::Result<sqlx::PgConnection> {
        let epoch = self.tenure.epoch()?;
        within(self.server.connected_within(), async {
            let mut connection = self.server.writer().connect().await?;
            node::follow(&mut connection, epoch).await?;
            node::prepare(&mut connection, epoch).await?;
            Ok(connection)
        })
        .await
    }
}

/// Marks the stop as one on purpose.
///
/// # Errors
/// If the database does not take it.
pub(super) async fn mark_clean_stop(connection: &mut Connection, at: i64) -> sqlx::Result<()> {
    node::begin(connection).await?;
    query!(
        &mut *connection,
        execute,
        sqlite: "update heartbeat set at = ?, clean_stop = true where id = 1",
        postgres: "update node set alive_at = $1, state = 'stopped', expires_at = clock_timestamp()
                   where id = current_setting('chatroom.node', true)::smallint",
        at
    )?;
    connection.run("commit").await
}
