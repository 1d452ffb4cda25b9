//! What the rooms, the writer and the releaser share.
//!
//! Releases run in a task of their own: a writer that is stuck inside one slow statement must not keep anybody from
//! being told, and nothing of a room's may run while the queue is locked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::node::REPLACED;
use super::queue::Queue;
use super::space::Space;
use super::{BroughtBack, Release, Source, Submitted};
use crate::metrics;
use crate::model::limit::LimitName;
use crate::model::time::Timestamp;
use crate::room::record::Record;

pub(super) struct Shared {
    /// A std mutex: it is held for a push or a pop, never across an await.
    queue: Mutex<Queue>,
    /// Something waits to be written, or the journal is closing.
    pub(super) work: Notify,
    /// All have come who the writer waits for.
    complete: Condvar,
    /// Something may be due to be released.
    due: Notify,
    pub(super) space: Space,
    /// Somebody has removed the database, or put another one in its place.
    misplaced: AtomicBool,
    /// Another server has taken this one's place.
    pub(super) replaced: CancellationToken,
    /// Waits for the server to have a place again.
    vacated: Mutex<Option<oneshot::Sender<BroughtBack>>>,
    pub(super) committed: watch::Sender<i64>,
    pub(super) dropped: watch::Sender<u64>,
}

/// Whether all that is known is that a connection has ended, as another node ends that of one that was thought to be gone.
fn is_cut(error: &sqlx::Error) -> bool {
    /// `admin_shutdown`: whoever may has ended it, or the database stops.
    const ENDED: &str = "57P01";
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(error, sqlx::Error::Io(_)) || code.as_deref() == Some(ENDED)
}

impl Shared {
    pub(super) fn new(queue: Queue, space: Space, last_seq: i64) -> Self {
        Self {
            queue: Mutex::new(queue),
            work: Notify::new(),
            complete: Condvar::new(),
            due: Notify::new(),
            space,
            misplaced: AtomicBool::new(false),
            replaced: CancellationToken::new(),
            vacated: Mutex::default(),
            committed: watch::Sender::new(last_seq),
            dropped: watch::Sender::new(0),
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn submit(&self, source: Source, mut records: Vec<Record>, release: Option<Release>) -> Submitted {
        let left_out = self.space.thin(&mut records);
        if left_out > 0 {
            metrics::limit_reached(LimitName::MinFreeDisk);
        }
        let mut queue = self.queue();
        queue.leave_out(left_out);
        let was_gathering = queue.gathers_until().is_some();
        let was_waiting = queue.waits_for_others_until().is_some();
        let submitted = queue.submit(source, records, release, Instant::now());
        let is_gathering = queue.gathers_until().is_some();
        let is_complete = was_waiting && queue.waits_for_others_until().is_none();
        let is_due = queue.is_due();
        drop(queue);
        // Whoever gathers need not be woken for each record.
        if !(was_gathering && is_gathering) {
            self.work.notify_one();
        }
        if is_complete {
            self.complete.notify_one();
        }
        if is_due {
            self.due.notify_one();
        }
        if submitted == Submitted::Dropped {
            metrics::limit_reached(LimitName::JournalBacklog);
            self.count_dropped();
        }
        submitted
    }

    /// Waits for those who are about to have something written too. It is less than a timer of the runtime could measure,
    /// and the writer's thread has nothing else to do.
    pub(super) fn wait_for_others(&self) {
        let mut queue = self.queue();
        while let Some(until) = queue.waits_for_others_until() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.complete.wait_timeout(queue, left);
            (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A group is in the database.
    pub(super) fn written(&self, count: usize, last_seq: Option<i64>) {
        self.queue().written(count, Instant::now());
        self.due.notify_one();
        if let Some(seq) = last_seq {
            self.committed.send_replace(seq);
        }
    }

    /// A group could not be written just now.
    pub(super) fn failed(&self, error: &sqlx::Error) {
        let reason = error
            .as_database_error()
            .map_or_else(|| error.to_string(), |error| error.message().to_owned());
        // Nothing ails the database, and whoever waits for this says what follows.
        let is_replaced = reason.contains(REPLACED);
        if is_replaced {
            self.replaced.cancel();
        }
        let is_cut = is_cut(error);
        let is_news = self.queue().failed(reason, is_cut, Instant::now());
        if is_news && !is_replaced {
            tracing::warn!(%error, "the database cannot be written: signaling goes on, and events wait in memory");
        }
        self.due.notify_one();
    }

    pub(super) fn give_up(&self, record: &Record) {
        self.queue().give_up(record, Instant::now());
        self.due.notify_one();
        self.count_dropped();
    }

    /// The database has lost so many groups that it said were written.
    pub(super) fn lost(&self, groups: i64, events: u64, at: Timestamp) {
        tracing::error!(
            groups,
            events,
            "the database has lost what it had said was written, as at a failover to a replica that it did not wait for: the history has a gap, and what the rooms are now is written anew"
        );
        self.queue().lose(events, at, Instant::now());
        self.count_dropped();
    }

    pub(super) fn set_commit_timeout(&self, timeout: Duration) {
        self.queue().set_commit_timeout(timeout);
        self.due.notify_one();
    }

    /// The server has lost its place.
    pub(super) fn vacate(&self, at: Timestamp, why: String) -> oneshot::Receiver<BroughtBack> {
        let (sender, receiver) = oneshot::channel();
        *self.vacated.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        self.queue().vacate(at, why, Instant::now());
        self.work.notify_one();
        self.due.notify_one();
        receiver
    }

    /// The server has a place again.
    pub(super) fn reopen(&self, back: BroughtBack) {
        self.queue().reopen();
        let vacated = self.vacated.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(vacated) = vacated {
            // Who waited is gone if the server stops.
            let _ = vacated.send(back);
        }
    }

    pub(super) fn close(&self) {
        self.queue().close();
        self.work.notify_one();
    }

    /// Gives up what still waits, and says how many records that is.
    pub(super) fn abandon(&self) -> usize {
        let lost = self.queue().abandon();
        self.due.notify_one();
        lost
    }

    /// Sees whether the disk has space, and counts in one gap what was left out while it had none.
    pub(super) fn look_at_disk(&self, file: &Path, at: Timestamp) {
        self.space.look(file);
        if self.space.shortage().is_none() {
            self.queue().count_left_out(at, Instant::now());
        }
    }

    /// Notes whether the database is where it was opened. What changes is logged.
    pub(super) fn look_at_place(&self, is_in_place: bool, file: &Path) {
        let was_misplaced = self.misplaced.swap(!is_in_place, Ordering::Relaxed);
        let file = file.display();
        match (was_misplaced, is_in_place) {
            (false, false) => tracing::error!(
                %file,
                "the database was removed or replaced: what is recorded is lost when the server stops, unless the file that was moved away is moved back; a restart begins with what is there"
            ),
            (true, true) => tracing::info!(%file, "the database is back in its place"),
            (false, true) | (true, false) => {}
        }
    }

    pub(super) fn is_misplaced(&self) -> bool {
        self.misplaced.load(Ordering::Relaxed)
    }

    fn count_dropped(&self) {
        self.dropped.send_replace(self.queue().dropped());
    }
}

/// Runs what is due, in order, for as long as the journal lives.
pub(super) async fn run_releases(shared: Arc<Shared>) {
    loop {
        while let Some(release) = next(&shared) {
            if catch_unwind(AssertUnwindSafe(release)).is_err() {
                tracing::error!("what a room wanted to say after a commit panicked");
            }
        }
        let look_again = shared.queue().look_again(Instant::now());
        match look_again {
            Some(at) => {
                let _ = tokio::time::timeout_at(at.into(), shared.due.notified()).await;
            }
            None => shared.due.notified().await,
        }
    }
}

/// A function of its own, so that the queue is unlocked before the release runs.
fn next(shared: &Shared) -> Option<Release> {
    let mut queue = shared.queue();
    let next = queue.next_release(Instant::now());
    if queue.is_over() {
        // The writer has waited for the last one, to stop.
        shared.work.notify_one();
    }
    next
}
