//! What happens, as it happens: what was committed wakes the readers, who read it from the database. So what a reader saw
//! is in the history, and a reader who comes back with the number it saw last misses nothing. One that does not read holds
//! nothing but its place.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::http::error::Error;
use crate::history::events::Event;
use crate::history::{self, History};
use crate::limit::Seldom;
use crate::metrics;
use crate::model::id::RoomName;
use crate::model::limit::LimitName;

/// How many entries are read, and wait for the reader, at once.
const LOOK: i64 = 200;
/// How often a reader looks at the database for what is new, however often something is committed.
const EVERY: Duration = Duration::from_millis(100);
/// The shortest time between two lines in the log that say that streams are refused.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What the journal tells the readers.
pub struct Feed {
    committed: watch::Receiver<i64>,
    stopping: CancellationToken,
    /// Every reader is a connection, and a look after commits.
    places: Arc<Semaphore>,
    told: Seldom,
}

impl Feed {
    /// `committed` is the number of the last entry in the database; at `stopping` all streams end. There are at most
    /// `most` of them at once; 0 is no limit.
    pub fn new(committed: watch::Receiver<i64>, stopping: CancellationToken, most: usize) -> Self {
        let places = if most == 0 { Semaphore::MAX_PERMITS } else { most };
        Self {
            committed,
            stopping,
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            told: Seldom::new(TOLD_EVERY),
        }
    }

    /// Reads what happens after a number, in one room or in all; what happens next if there is no number.
    ///
    /// # Errors
    /// If there are as many readers as there may be, or the database cannot be read.
    pub(super) async fn reader(
        &self,
        history: &History,
        room: Option<RoomName>,
        after: Option<i64>,
    ) -> Result<EventReader, Error> {
        let place = self.place()?;
        // A number that was never given (of another database, say) would wait for ages.
        let written = *self.committed.borrow();
        let seen = match after {
            // Also what a replica of the database has not got yet was read before, and must not come twice.
            Some(after) => after.min(history.newest_of_all(written).await?),
            None => history.newest(written).await?,
        };
        Ok(EventReader {
            history: history.clone(),
            committed: self.committed.clone(),
            seen,
            room,
            next_look: Instant::now(),
            ready: VecDeque::new(),
            _place: place,
        })
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            metrics::limit_reached(LimitName::MaxStreams);
            self.told
                .then(|| tracing::warn!("event streams are refused: MAX_STREAMS are open already"));
            Error::TooManyStreams
        })
    }

    /// Waits until all streams have to end.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        self.stopping.clone().cancelled_owned()
    }
}

/// One reader's place in the journal.
pub(super) struct EventReader {
    history: History,
    committed: watch::Receiver<i64>,
    /// Everything up to here was looked at.
    seen: i64,
    room: Option<RoomName>,
    /// Not before this.
    next_look: Instant,
    /// Read, and not yet taken.
    ready: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

impl EventReader {
    /// The number up to which everything was looked at.
    pub(super) fn seen(&self) -> i64 {
        self.seen
    }

    /// The next entry, however long that takes; `None` if the database cannot be read, so that the reader comes back.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            sleep_until(self.next_look).await;
            // Before the look: what is committed after it wakes the wait below.
            let written = *self.committed.borrow_and_update();
            let looked = Instant::now();
            let newest = self.look(written).await;
            let newest = newest
                .inspect_err(|error| tracing::error!(%error, "a stream of events ends"))
                .ok()?;
            if self.seen == newest {
                // Who is behind goes on at once.
                self.next_look = looked + EVERY;
            }
            if self.ready.is_empty() && self.seen == newest {
                self.wait().await?;
            }
        }
    }

    /// Reads some of what is new; gives the number of the last entry that can be read.
    async fn look(&mut self, written: i64) -> Result<i64, history::Error> {
        // The last entries may have been removed.
        let newest = self.history.newest(written).await?.max(self.seen);
        if newest > self.seen {
            let room = self.room.as_ref();
            let fresh = self.history.fresh(self.seen, newest, room, LOOK).await?;
            self.seen = fresh.up_to;
            self.ready.extend(fresh.events);
        }
        Ok(newest)
    }

    /// Waits for something new, or for as long as nobody may tell of it; `None` at the end of the server.
    async fn wait(&mut self) -> Option<()> {
        let written = self.committed.changed();
        match self.history.looks_every() {
            None => written.await.ok(),
            Some(most) => timeout(most, written).await.unwrap_or(Ok(())).ok(),
        }
    }
}
