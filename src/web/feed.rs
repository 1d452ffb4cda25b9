//! What happens, as it happens: what was committed wakes the readers, who read it from the database. So what a reader saw
//! is in the history, and a reader who comes back with the number it saw last misses nothing. One that does not read holds
//! nothing but its place.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::http::error::Error;
use crate::history::History;
use crate::history::events::Event;
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
    /// If there are as many readers as there may be.
    pub(super) fn reader(
        &self,
        history: &History,
        room: Option<RoomName>,
        after: Option<i64>,
    ) -> Result<EventReader, Error> {
        let place = self.place()?;
        // A number that was never given (of another database, say) would wait for ages.
        let newest = *self.committed.borrow();
        Ok(EventReader {
            history: history.clone(),
            committed: self.committed.clone(),
            seen: after.map_or(newest, |after| after.min(newest)),
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
            let newest = *self.committed.borrow_and_update();
            let (room, looked) = (self.room.as_ref(), Instant::now());
            let fresh = self.history.fresh(self.seen, newest, room, LOOK).await;
            let fresh = fresh
                .inspect_err(|error| tracing::error!(%error, "a stream of events ends"))
                .ok()?;
            self.seen = fresh.up_to;
            if self.seen == newest {
                // Who is behind goes on at once.
                self.next_look = looked + EVERY;
            }
            if fresh.events.is_empty() && self.seen == newest {
                self.committed.changed().await.ok()?;
            }
            self.ready.extend(fresh.events);
        }
    }
}
