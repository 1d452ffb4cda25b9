//! The way to disk: what a room records goes into the database, and what it says waits for that.
//!
//! [`Journal::submit`] is called under a room's lock and never waits. One task owns the one connection that writes; it
//! commits what waits in groups, then what waited for a group is released, in the order of submission. If more waits than
//! a group takes, the clients take turns ([`backlog`]), and only a room's own records keep their order.
//! If the database cannot be written within [`Options::commit_timeout`], releases stop waiting for it, records pile up to
//! [`Options::capacity`], and the writer tries until it succeeds. What must be dropped is counted in a `gap` event.

mod age;
mod backlog;
mod bring_back;
mod damaged;
mod database_server;
mod erase;
mod event;
mod glance;
mod gone;
mod list_nodes;
mod lock;
mod loss;
mod migrating;
mod node;
mod nodes;
mod occupant;
mod open;
mod open_error;
mod open_server;
mod owed;
mod pace;
mod path;
mod queue;
mod recover;
mod removal;
mod replica;
mod restore;
mod review;
mod review_link;
mod review_salt;
mod room_claims;
mod row;
mod rows;
mod server_url;
mod shared;
mod snapshot;
mod space;
mod steps;
mod store;
mod tenure;
mod thread;
mod unchanged;
mod within;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::age::Age;
pub use self::bring_back::BroughtBack;
pub use self::damaged::Damaged;
pub use self::database_server::{DatabaseServer, ServerLimits};
pub use self::erase::Erased;
pub use self::list_nodes::{ListedNode, NodeStatus, list_nodes};
pub use self::node::{NodeId, NodePlace, Peer};
pub use self::nodes::{NodeState, Nodes, Owner as RoomOwner, TakenOver};
pub use self::open::bring_up_to_date;
pub(crate) use self::open::{Owner, StoppedFile, age, broken_migration, make_tables, owner};
pub use self::open_error::OpenError;
pub(crate) use self::open_server::{UNFINISHED_IMPORT, claim, server_age};
pub use self::path::{DatabaseFile, InvalidDatabase};
use self::queue::Queue;
pub use self::removal::{RemovalError, RemovalHandle};
pub use self::replica::replica;
pub use self::review::{ReviewSecrets, SignedOut};
pub use self::review_salt::review_salt;
pub use self::room_claims::Abandoned;
pub use self::server_url::{InvalidSchema, InvalidServerUrl, SchemaName, ServerUrl};
use self::shared::{Shared, run_releases};
use self::thread::WriterThread;
use self::writer::Writer;
use crate::model::address::AddressKey;
use crate::model::id::{RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::room::record::{Record, Snapshot};
pub use crate::sql::Database;
use crate::sql::Reader;

/// What runs after a commit: a room's outputs. It must not wait.
pub type Release = Box<dyn FnOnce() + Send>;

/// The calendar's time, for the heartbeat.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a journal is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database.
    pub database: Database<DatabaseFile, DatabaseServer>,
    /// The most records that wait in memory.
    pub capacity: usize,
    /// How long what was told waits for the disk.
    pub commit_timeout: Duration,
    /// How long those who were there before this start may come back.
    pub grace: Duration,
    /// The free space of the disk, in bytes, below which less is recorded; 0 is no limit.
    pub min_free_disk: u64,
    /// How long after its end a session is kept; `None` is for ever.
    pub retention: Option<Duration>,
    /// Which server this is of those that write the history. An embedded file has one.
    pub place: NodePlace,
}

impl Options {
    /// The usual limits: 50,000 records, one second, nothing is ever removed.
    pub fn new(database: DatabaseFile) -> Self {
        Self::of(Database::Sqlite(database))
    }

    /// The same for a history in PostgreSQL.
    pub fn on_server(database: DatabaseServer) -> Self {
        Self::of(Database::Postgres(database))
    }

    /// The same for a history in either.
    pub fn of(database: Database<DatabaseFile, DatabaseServer>) -> Self {
        Self {
            database,
            capacity: 50_000,
            commit_timeout: Duration::from_secs(1),
            grace: Duration::from_secs(60),
            min_free_disk: 0,
            retention: None,
            place: NodePlace::default(),
        }
    }
}

/// What an open database has to offer.
pub struct Opened {
    /// The way in.
    pub journal: Journal,
    /// The way to have something removed.
    pub removals: RemovalHandle,
    /// The rooms that were live when the server stopped. Every member is away; those the stop itself sent away have a
    /// deadline that has passed, so whoever resumes the room sets fresh ones: [`Options::grace`] from now, as the database
    /// says already.
    pub rooms: Vec<(SessionId, Snapshot)>,
    /// Read-only connections for the history, at most four.
    pub reader: Reader,
    /// What the review's cookies are told by.
    pub review: ReviewSecrets,
    /// The last moment the run before this one is known to have lived. The history must not go back behind it.
    pub last_alive: Timestamp,
    /// The way to the other servers of this history, if there may be any.
    pub nodes: Option<Nodes>,
}

/// Whose doing records are, and of which room: what the backlog is shared by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The client's; `None` if nobody's message was the cause, but the passing of time, or the server.
    pub address: Option<AddressKey>,
    /// The room's; `None` for what was refused before a join.
    pub room: Option<RoomName>,
}

/// What became of the records that were submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a room whose records were dropped owes the journal a snapshot"]
pub enum Submitted {
    /// They will be written.
    Accepted,
    /// Too many of the source wait already: none of them will be written, and the history will show a gap. A
    /// [`Change::Snapshot`](crate::room::record::Change::Snapshot), submitted later, repairs the room's rows.
    Dropped,
}

/// Whether the database keeps up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// What is told is written.
    Ready,
    /// The disk has less space left than [`Options::min_free_disk`]: refusals are not recorded.
    LowDisk {
        /// How many bytes there are.
        free: u64,
        /// Whether links are not recorded either.
        only_membership: bool,
    },
    /// The database's file was removed, moved away or replaced: what is recorded goes where nobody will find it.
    Misplaced,
    /// The server has lost its place among those that share the history, and waits for another.
    Vacant {
        /// Why it has none.
        reason: String,
    },
    /// Signaling goes on without waiting for the disk.
    Degraded {
        /// What the database said last, or that it says nothing.
        reason: String,
        /// How many records wait in memory.
        waiting: usize,
        /// How long the oldest of them has waited, or the database has failed.
        lasting: Duration,
    },
}

/// How much waits for the disk, and what there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// How many records wait in memory.
    pub waiting: usize,
    /// How many were dropped since the start.
    pub dropped: u64,
    /// What is free of the disk that the database's file is on, in bytes, if it has one and the system tells.
    pub disk_free: Option<u64>,
}

/// The deadline passed before everything was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database did not take everything in time: {waiting} records are lost")]
pub struct CloseError {
    /// How many records were not written.
    pub waiting: usize,
}

/// The way to disk. Clones share it; when the last one is dropped without [`Journal::close`], what waits is lost and the
/// database looks like after a crash.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    /// The database, if it is one.
    file: Option<PathBuf>,
    writer: Mutex<Option<AbortOnDropHandle<()>>>,
    /// Where the writer runs.
    thread: Handle,
    _releases: AbortOnDropHandle<()>,
}

impl Journal {
    /// Opens the database, creates it if there is none, brings its tables up to date, and repairs what a stop left open.
    /// `clock` says the calendar's time for as long as the journal lives.
    ///
    /// # Errors
    /// [`OpenError`] says in one sentence what is wrong with the file.
    pub async fn open(
        options: Options,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Opened, OpenError> {
        open::open(options, Arc::new(clock)).await
    }

    /// Takes records to be written, and what is to run once they are. Never waits.
    ///
    /// `release` runs exactly once, in the order of the room's submissions, in another task: after the commit of
    /// everything of the room that was submitted up to here, or as soon as the database is known not to answer. It runs
    /// also if the records are dropped.
    pub fn submit(&self, source: Source, records: Vec<Record>, release: Option<Release>) -> Submitted {
        self.inner.shared.submit(source, records, release)
    }

    /// Returns once everything of these rooms is written that was submitted before. False if the database is known not to answer.
    pub async fn written(&self, rooms: &[RoomName]) -> bool {
        let waits = rooms.iter().map(|room| {
            let (written, is_written) = oneshot::channel();
            let source = Source {
                address: None,
                room: Some(room.clone()),
            };
            // Without records nothing can be dropped, and whoever waits may have gone.
            let _ = self.submit(
                source,
                Vec::new(),
                Some(Box::new(move || written.send(()).unwrap_or(()))),
            );
            is_written
        });
        let waits: Vec<_> = waits.collect();
        for wait in waits {
            if wait.await.is_err() {
                return false;
            }
        }
        !matches!(self.status(), Status::Degraded { .. })
    }

    /// Whether records of this source would be accepted now, if they are not many.
    pub fn admits(&self, source: &Source) -> bool {
        self.inner.shared.queue().admits(source)
    }

    /// Whether so much waits that what a room does by itself should wait too. Not while the database does not answer.
    pub fn is_crowded(&self) -> bool {
        let queue = self.inner.shared.queue();
        queue.is_crowded() && queue.degraded(Instant::now()).is_none()
    }

    /// The rooms of which a record contradicted the database since this was asked the last time, or all, if the database has
    /// lost what was written. Each should submit a snapshot.
    pub fn take_damaged(&self) -> Damaged {
        self.inner.shared.queue().take_damaged()
    }

    /// Whether the database keeps up.
    pub fn status(&self) -> Status {
        let queue = self.inner.shared.queue();
        let (is_vacant, degraded) = (queue.is_vacant(), queue.degraded(Instant::now()));
        drop(queue);
        match degraded {
            Some(queue::Degraded { reason, .. }) if is_vacant => Status::Vacant { reason },
            None if self.inner.shared.is_misplaced() => Status::Misplaced,
            None => match self.inner.shared.space.shortage() {
                None => Status::Ready,
                Some((free, only_membership)) => Status::LowDisk { free, only_membership },
            },
            Some(degraded) => Status::Degraded {
                reason: degraded.reason,
                waiting: degraded.waiting,
                lasting: degraded.lasting,
            },
        }
    }

    /// How much waits, and for how much there is space. It asks the disk, and so may wait for it.
    pub fn depth(&self) -> Depth {
        let queue = self.inner.shared.queue();
        let (waiting, dropped) = (queue.unwritten(), queue.dropped());
        drop(queue);
        Depth {
            waiting,
            dropped,
            disk_free: self.inner.file.as_deref().and_then(space::free),
        }
    }

    /// From now on what was told waits for the disk this long.
    pub fn set_commit_timeout(&self, timeout: Duration) {
        self.inner.shared.set_commit_timeout(timeout);
    }

    /// Gives up this server's place in a history that it shares with others: what waits is lost, and what was to follow it does
    /// not wait any more, so whoever would be told something must be gone before. Until it has a place again, what is
    /// submitted is dropped. It gets one as soon as the database gives it one; then this is told which rooms are left to it.
    /// `why` is what its status says until it is known why there is none.
    pub fn vacate(&self, at: Timestamp, why: String) -> oneshot::Receiver<BroughtBack> {
        self.inner.shared.vacate(at, why)
    }

    /// Waits until the thread that writes has a moment for this: whether it has. It takes for ever if that thread hangs, and
    /// is false if it has ended. A database that does not answer keeps nothing waiting, as the thread does not.
    pub async fn answers(&self) -> bool {
        self.inner.thread.spawn(async {}).await.is_ok()
    }

    /// Another server of the same history has written: whoever follows [`Journal::committed`] is woken, and looks.
    pub fn others_wrote(&self) {
        self.inner.shared.committed.send_modify(|_| {});
    }

    /// The `seq` of the last event that is in the database, as it grows. Of several servers' each has its own, and the others'
    /// entries wake whoever follows it without changing it.
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.inner.shared.committed.subscribe()
    }

    /// How many records were dropped since the start, as it grows: for too many waiting, or because they contradict the
    /// database.
    pub fn dropped(&self) -> watch::Receiver<u64> {
        self.inner.shared.dropped.subscribe()
    }

    /// Waits until another server has taken this one's place: nothing is written any more then. A node of several has another way
    /// to notice, and takes a place anew.
    pub async fn replaced(&self) {
        self.inner.shared.replaced.cancelled().await;
    }

    /// Writes everything that waits, marks the stop as one on purpose, and closes the database. What is submitted
    /// afterwards is dropped; what was to be released still is. A second call does nothing.
    ///
    /// # Errors
    /// [`CloseError`] if records were lost because `deadline` passed; the database then looks like after a crash.
    pub async fn close(&self, deadline: Duration) -> Result<(), CloseError> {
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else {
            return Ok(());
        };
        self.inner.shared.close();
        if tokio::time::timeout(deadline, writer).await.is_err() {
            tracing::warn!("the database did not close in time: the next start takes this stop for a crash");
        }
        match self.inner.shared.abandon() {
            0 => Ok(()),
            waiting => Err(CloseError { waiting }),
        }
    }

    fn start(writer: Writer, thread: WriterThread) -> Self {
        let shared = Arc::clone(&writer.shared);
        let file = writer.store.file();
        let releases: JoinHandle<()> = tokio::spawn(run_releases(Arc::clone(&shared)));
        let (writer, thread) = thread.run(writer.run());
        Self {
            inner: Arc::new(Inner {
                shared,
                file,
                thread,
                writer: Mutex::new(Some(AbortOnDropHandle::new(writer))),
                _releases: AbortOnDropHandle::new(releases),
            }),
        }
    }
}
