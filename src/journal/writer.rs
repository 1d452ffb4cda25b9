//! The one task that writes: takes what waits, commits it as a group, says so, and goes on.
//!
//! A group carries a number that is stored in its own transaction. After any error the connection is thrown away (after
//! `SQLITE_FULL`, sqlx 0.9 keeps a wrong transaction depth for good), and the next one tells by the stored number
//! whether the group was committed after all: so a commit whose answer was lost is not written twice.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgDatabaseError;
use tokio::time::Instant;

use super::Clock;
use super::bring_back::BroughtBack;
use super::event::{self, Numbered};
use super::loss::Acknowledged;
use super::node::{self, last_group};
use super::open_server::regain_place;
use super::pace::{self, Pace};
use super::queue::Work;
use super::removal::RemovalQueue;
use super::rows;
use super::shared::Shared;
use super::store::{Store, mark_clean_stop};
use crate::metrics;
use crate::room::record::Record;
use crate::sql::{Connection, Database, Reader};

/// How often the server writes down that it lives, if it writes nothing else. The history promises 5 s.
const HEARTBEAT: Duration = Duration::from_secs(4);
const READERS_LEAVE: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const SLOWEST_RETRY: Duration = Duration::from_secs(1);
/// How often a server that has lost its place tries to have one.
const REGAIN_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Store,
    pub(super) connection: Option<Connection>,
    pub(super) reader: Reader,
    pub(super) clock: Clock,
    pub(super) removals: RemovalQueue,
    /// The next `seq`, and the number of the next group: neither is ever used again.
    pub(super) next_seq: i64,
    pub(super) next_group: i64,
    pub(super) acknowledged: Acknowledged,
    pub(super) pace: Pace,
}

impl Writer {
    fn look_at_store(&self) {
        self.store.look(&self.shared, (self.clock)());
    }

    /// Writes until the journal is closed and nothing waits.
    pub(super) async fn run(mut self) {
        let mut beat_at = Instant::now() + HEARTBEAT;
        self.look_at_store();
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
                Work::Vacant => {
                    self.regain_place().await;
                    continue;
                }
                Work::Nothing => (Instant::now() >= beat_at).then(Vec::new),
            };
            if let Some(records) = records {
                self.write_all(records).await;
                self.look_at_store();
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
            let part = self.store.fits(&group[..limit.min(group.len())]);
            match self.commit_once(&group[..part]).await {
                Ok(last_seq) => {
                    if part > 0 {
                        metrics::committed(began.elapsed());
                    }
                    began = Instant::now();
                    self.committed(&group[..part], last_seq);
                    group.drain(..part);
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
                // They are lost with the place that they were to be written from.
                Err(_) if self.shared.queue().is_vacant() => return,
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

    /// One attempt. The connection survives it only if it succeeds. Gives the `seq` of the last event among them.
    pub(super) async fn commit_once(&mut self, group: &[Numbered]) -> sqlx::Result<Option<i64>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut fresh = self.store.connect().await?;
                let last = last_group(&mut fresh).await?;
                if last >= self.next_group {
                    let last_seq = rows::newest_seq(&mut fresh).await?;
                    self.connection = Some(fresh);
                    return Ok(last_seq);
                }
                self.go_on_after(last, &mut fresh).await?;
                fresh
            }
        };
        let now = (self.clock)();
        let commit = rows::commit(&mut connection, group, self.next_group, now, &mut self.pace);
        let last_seq = self.store.answer(commit).await?;
        self.connection = Some(connection);
        Ok(last_seq)
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
            None => self.store.connect().await?,
        };
        let step = self.removals.step(&mut connection, (self.clock)());
        self.store.answer(step).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// One attempt to have a place in the history again.
    async fn regain_place(&mut self) {
        self.connection = None;
        match self.try_to_regain_place().await {
            Ok(back) => back.into_iter().for_each(|back| self.shared.reopen(back)),
            Err(error) => {
                tracing::debug!(error, "there is no place in the history for this node yet");
                self.shared.queue().stays_vacant(error);
                let _ = tokio::time::timeout(REGAIN_EVERY, self.shared.work.notified()).await;
            }
        }
    }

    /// Nothing where there is only one server.
    async fn try_to_regain_place(&mut self) -> Result<Option<BroughtBack>, String> {
        let Database::Postgres(store) = &self.store else {
            return Ok(None);
        };
        let (mut connection, back) = regain_place(store, &self.clock)
            .await
            .map_err(|error| error.to_string())?;
        let last = last_group(&mut connection).await.map_err(|error| error.to_string())?;
        let gone_on = self.go_on_after(last, &mut connection).await;
        gone_on.map_err(|error| error.to_string())?;
        self.connection = Some(connection);
        self.next_group = last + 1;
        Ok(Some(back))
    }

    fn committed(&mut self, group: &[Numbered], last_seq: Option<i64>) {
        self.acknowledged.add(self.next_group, group);
        self.next_group += 1;
        self.shared.written(group.len(), last_seq);
    }

    /// Goes on after the group that the database has last, and says if that is not the last that it said it had. Numbers that
    /// readers have seen are not used again.
    async fn go_on_after(&mut self, last: i64, connection: &mut Connection) -> sqlx::Result<()> {
        let lost = self.next_group - 1 - last;
        let Database::Postgres(connection) = connection else {
            return Ok(());
        };
        if lost > 0 {
            let seen = *self.shared.committed.borrow();
            node::rebase(connection, seen).await?;
            let events = self.acknowledged.lose_after(last);
            self.shared.lost(lost, events, (self.clock)());
            self.next_group = last + 1;
        }
        Ok(())
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
            None => self.store.connect().await?,
        };
        mark_clean_stop(&mut connection, (self.clock)().0).await?;
        // A reader that is still at it would only keep the file's log from being cut.
        let readers_left = tokio::time::timeout(READERS_LEAVE, self.reader.close()).await.is_ok();
        self.store.leave(connection, readers_left).await
    }
}

/// Whether the database refuses the record itself (rather than failing to write): a broken constraint, a wrong type,
/// a value that is too big.
fn is_unwritable(error: &sqlx::Error) -> bool {
    const TOO_BIG: u32 = 18;
    const CONSTRAINT: u32 = 19;
    const MISMATCH: u32 = 20;
    let Some(error) = error.as_database_error() else {
        return false;
    };
    let Some(code) = error.code() else { return false };
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        // A kind or a value that is none, a broken constraint, or more than fits.
        return ["20", "22", "23", "54"].iter().any(|class| code.starts_with(class));
    }
    let primary = code.parse::<u32>().ok().map(|code| code & 0xff);
    matches!(primary, Some(TOO_BIG | CONSTRAINT | MISMATCH))
}
