//! The one task that writes: takes what waits, commits it as a group, says so, and goes on.
//!
//! A group carries a number that is stored in its own transaction. After any error the connection is thrown away (after
//! `SQLITE_FULL`, sqlx 0.9 keeps a wrong transaction depth for good), and the next one tells by the stored number
//! whether the group was committed after all: so a commit whose answer was lost is not written twice.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions};
use tokio::time::Instant;

use super::Clock;
use super::event::{self, Numbered};
use super::lock::DatabaseLock;
use super::pace::{self, Pace};
use super::queue::Work;
use super::removal::RemovalQueue;
use super::rows;
use super::shared::Shared;
use crate::limit::Seldom;
use crate::metrics;
use crate::room::record::Record;

/// How often the server writes down that it lives, if it writes nothing else. The history promises 5 s.
const HEARTBEAT: Duration = Duration::from_secs(4);
const READERS_LEAVE: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const SLOWEST_RETRY: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) options: SqliteConnectOptions,
    pub(super) connection: Option<SqliteConnection>,
    pub(super) reader: SqlitePool,
    pub(super) clock: Clock,
    pub(super) removals: RemovalQueue,
    /// The next `seq`, and the number of the next group: neither is ever used again.
    pub(super) next_seq: i64,
    pub(super) next_group: i64,
    pub(super) pace: Pace,
    /// The database, for its disk's sake.
    pub(super) file: PathBuf,
    /// Not with each group: it takes two calls of the system, and nobody moves a database that often.
    pub(super) place_is_looked_at: Seldom,
    /// Held for as long as the database is ours.
    pub(super) lock: Option<DatabaseLock>,
}

impl Writer {
    /// Whether there is space for it, and whether it is there at all.
    fn look_at_file(&self) {
        self.shared.look_at_disk(&self.file, (self.clock)());
        self.place_is_looked_at.then(|| {
            let is_in_place = self.lock.as_ref().is_none_or(|lock| lock.is_at(&self.file));
            self.shared.look_at_place(is_in_place, &self.file);
        });
    }

    /// Writes until the journal is closed and nothing waits.
    pub(super) async fn run(mut self) {
        let mut beat_at = Instant::now() + HEARTBEAT;
        self.look_at_file();
        loop {
            if self.gathers().await {
                continue;
            }
            self.shared.wait_for_others();
            let work = {
                let mut queue = self.shared.queue();
                let limit = if queue.is_closing() {
                    pace::GROUP
                } else {
                    self.pace.group()
                };
                queue.take(limit, std::time::Instant::now())
            };
            let records = match work {
                Work::Records(records) => Some(records),
                Work::Stop => break,
                Work::Nothing => (Instant::now() >= beat_at).then(Vec::new),
            };
            if let Some(records) = records {
                self.write_all(records).await;
                self.look_at_file();
                beat_at = Instant::now() + HEARTBEAT;
            } else if !self.removals.is_due() {
                tokio::select! {
                    () = self.shared.work.notified() => {}
                    () = self.removals.wait() => {}
                    () = tokio::time::sleep_until(beat_at) => {}
                }
                continue;
            }
            // One step at a time: what the rooms record goes first, however much there is to remove.
            if self.removals.is_due() {
                self.run_removal().await;
            }
        }
        self.stop().await;
    }

    /// Waits for more, if nobody waits for what there is. True if meanwhile something came up.
    async fn gathers(&self) -> bool {
        let Some(until) = self.shared.queue().gathers_until() else {
            return false;
        };
        let until = Instant::from_std(until);
        tokio::time::timeout_at(until, self.shared.work.notified())
            .await
            .is_ok()
    }

    /// Writes these, however long that takes. Without records it is the heartbeat.
    async fn write_all(&mut self, records: Vec<Record>) {
        let mut group = self.number(records);
        let mut limit = group.len();
        let mut retry = FIRST_RETRY;
        // Until it succeeds: those who wait for it wait for all its attempts.
        let mut began = Instant::now();
        loop {
            let part = limit.min(group.len());
            match self.commit_once(&group[..part]).await {
                Ok(()) => {
                    if part > 0 {
                        metrics::committed(began.elapsed());
                    }
                    began = Instant::now();
                    self.committed(group.drain(..part));
                    if group.is_empty() {
                        return;
                    }
                    limit = part * 2;
                    retry = FIRST_RETRY;
                }
                // One of them can never be written: halves find it, and the others are written around it.
                Err(error) if is_unwritable(&error) && part > 1 => limit = part / 2,
                Err(error) if is_unwritable(&error) && part == 1 => {
                    self.give_up(&group.remove(0).record, &error);
                    if group.is_empty() {
                        return;
                    }
                }
                Err(error) => {
                    self.shared.failed(&error);
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(SLOWEST_RETRY);
                }
            }
        }
    }

    pub(super) fn number(&mut self, records: Vec<Record>) -> Vec<Numbered> {
        records
            .into_iter()
            .map(|record| {
                let seq = event::is_event(&record.change).then_some(self.next_seq);
                self.next_seq += i64::from(seq.is_some());
                Numbered { seq, record }
            })
            .collect()
    }

    /// One attempt. The connection survives it only if it succeeds.
    pub(super) async fn commit_once(&mut self, group: &[Numbered]) -> sqlx::Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut fresh = rows::connect(&self.options).await?;
                if last_group(&mut fresh).await? >= self.next_group {
                    self.connection = Some(fresh);
                    return Ok(());
                }
                fresh
            }
        };
        rows::commit(&mut connection, group, self.next_group, (self.clock)(), &mut self.pace).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// A step that fails is undone with its connection, as what is written is never left half.
    async fn run_removal(&mut self) {
        if let Err(error) = self.try_removal().await {
            tracing::error!(%error, "something that was to be removed from the history could not be");
        }
    }

    async fn try_removal(&mut self) -> sqlx::Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => rows::connect(&self.options).await?,
        };
        self.removals.step(&mut connection, (self.clock)()).await?;
        self.connection = Some(connection);
        Ok(())
    }

    fn committed(&mut self, group: impl ExactSizeIterator<Item = Numbered>) {
        self.next_group += 1;
        let count = group.len();
        let last = group.filter_map(|numbered| numbered.seq).last();
        self.shared.written(count, last);
    }

    fn give_up(&mut self, record: &Record, error: &sqlx::Error) {
        let session = record.session.map(tracing::field::display);
        tracing::error!(session, %error, "a record contradicts the database and is left out of the history");
        self.shared.give_up(record);
    }

    /// Leaves the database as it should be found: marked as stopped on purpose, and in one file.
    async fn stop(mut self) {
        if let Err(error) = self.try_stop().await {
            tracing::warn!(%error, "the database was not closed properly: the next start takes this stop for a crash");
        }
    }

    async fn try_stop(&mut self) -> sqlx::Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => rows::connect(&self.options).await?,
        };
        mark_clean_stop(&mut connection, (self.clock)().0).await?;
        // A reader that is still at it would only keep the log from being cut.
        let readers_left = tokio::time::timeout(READERS_LEAVE, self.reader.close()).await.is_ok();
        sqlx::query("pragma wal_checkpoint(truncate)")
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        if let Some(lock) = self.lock.take().filter(|_| readers_left) {
            lock.release();
        }
        Ok(())
    }
}

/// Whether the database refuses the record itself (rather than failing to write): a broken constraint, a wrong type,
/// a value that is too big.
fn is_unwritable(error: &sqlx::Error) -> bool {
    const TOO_BIG: u32 = 18;
    const CONSTRAINT: u32 = 19;
    const MISMATCH: u32 = 20;
    let code = error.as_database_error().and_then(|error| error.code());
    let primary = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(primary, Some(TOO_BIG | CONSTRAINT | MISMATCH))
}

pub(super) async fn last_group(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select group_no from heartbeat where id = 1")
        .fetch_one(connection)
        .await
}

async fn mark_clean_stop(connection: &mut SqliteConnection, at: i64) -> sqlx::Result<()> {
    sqlx::query!("update heartbeat set at = ?, clean_stop = true where id = 1", at)
        .execute(connection)
        .await?;
    Ok(())
}
