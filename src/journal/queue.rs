//! What waits for the disk, in memory: records to be written, and what their rooms want to say afterwards.
//!
//! Pure: time comes in as an argument, and nothing in here waits. Invariants: records are taken in the order they were
//! submitted; a release comes out once, after every release submitted before it; every record that was dropped is
//! counted in a `gap` record that stands where it would have stood.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Release, Source, Submitted};
use crate::room::record::{Change, Record};
use crate::room::time::Timestamp;

/// How long what nobody waits for may wait for more of its kind: a group costs the same for one record as for some. What
/// is lost with a crash is as much more.
const GATHERS: Duration = Duration::from_millis(20);

/// As many are written without waiting for more.
const ENOUGH: usize = 1_000;

pub(super) struct Queue {
    /// The most records that wait; a `gap` may stand on top.
    capacity: usize,
    /// How long what was told waits for the disk.
    patience: Duration,
    waiting: VecDeque<Waiting>,
    taken: Option<Taken>,
    /// Records ever put into `waiting`, and those of them that are done with (written, or given up).
    accepted: u64,
    done: u64,
    releases: VecDeque<Pending>,
    /// One of them is running, and may submit more.
    releasing: bool,
    /// The number (count of accepted records before it) of the youngest `gap` of our own in `waiting`.
    gap: Option<u64>,
    dropped: u64,
    trouble: Option<Trouble>,
    state: State,
}

struct Waiting {
    record: Record,
    since: Instant,
    /// The last of those that were submitted with it.
    is_last: bool,
}

/// What the writer holds.
struct Taken {
    count: usize,
    since: Instant,
}

struct Pending {
    /// Due once so many records are done.
    after: u64,
    run: Release,
}

struct Trouble {
    reason: String,
    since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// No more is expected; what waits is still written.
    Closing,
    /// Nothing is written any more.
    Closed,
}

/// What the writer has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Write these.
    Records(Vec<Record>),
    /// Nothing waits.
    Nothing,
    /// Nothing waits, and nothing will come.
    Stop,
}

/// Why the database is not to be waited for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Degraded {
    pub(super) reason: String,
    pub(super) waiting: usize,
    pub(super) lasting: Duration,
}

impl Queue {
    pub(super) fn new(capacity: usize, patience: Duration) -> Self {
        Self {
            capacity,
            patience,
            waiting: VecDeque::new(),
            taken: None,
            accepted: 0,
            done: 0,
            releases: VecDeque::new(),
            releasing: false,
            gap: None,
            dropped: 0,
            trouble: None,
            state: State::Open,
        }
    }

    /// Takes records and what is to run after them, or drops the records (all of them) if they are too many.
    pub(super) fn submit(
        &mut self,
        _source: Source,
        records: Vec<Record>,
        release: Option<Release>,
        now: Instant,
    ) -> Submitted {
        let fits = self.state != State::Closed && self.unwritten() + records.len() <= self.capacity;
        let submitted = if fits || records.is_empty() {
            let last = records.len().saturating_sub(1);
            for (index, record) in records.into_iter().enumerate() {
                self.push(record, index == last, now);
            }
            Submitted::Accepted
        } else {
            self.drop_records(&records, now);
            Submitted::Dropped
        };
        if let Some(run) = release {
            self.releases.push_back(Pending {
                after: self.accepted,
                run,
            });
        }
        submitted
    }

    /// Until when nothing needs to be written, though something waits: nobody is to be told anything after it.
    pub(super) fn gathers_until(&self) -> Option<Instant> {
        let oldest = self.waiting.front()?;
        let is_gathering = self.state == State::Open && self.releases.is_empty() && self.waiting.len() < ENOUGH;
        is_gathering.then(|| oldest.since + GATHERS)
    }

    /// Hands out the oldest records: `limit` of them, and the rest of the submission that the limit would cut in two, as
    /// what one input changed must be written in one transaction. They count as waiting until [`Queue::written`].
    pub(super) fn take(&mut self, limit: usize) -> Work {
        debug_assert!(self.taken.is_none(), "the writer takes again before it is done");
        let Some(oldest) = self.waiting.front() else {
            if !self.is_over() {
                return Work::Nothing;
            }
            self.state = State::Closed;
            return Work::Stop;
        };
        let since = oldest.since;
        let whole = self
            .waiting
            .iter()
            .skip(limit.saturating_sub(1))
            .position(|waiting| waiting.is_last);
        let count = whole.map_or(self.waiting.len(), |rest| limit.max(1) + rest);
        self.taken = Some(Taken { count, since });
        let first_left = self.accepted - (self.waiting.len() - count) as u64;
        self.gap = self.gap.filter(|&gap| gap >= first_left);
        Work::Records(self.waiting.drain(..count).map(|waiting| waiting.record).collect())
    }

    /// So many of the records that were taken are in the database: it works.
    pub(super) fn written(&mut self, count: usize) {
        self.trouble = None;
        self.settle(count);
    }

    /// One of the records that were taken can never be written.
    pub(super) fn give_up(&mut self, record: &Record, now: Instant) {
        self.settle(1);
        self.drop_records(std::slice::from_ref(record), now);
    }

    /// The database could not be written just now. True if it could before.
    pub(super) fn failed(&mut self, reason: String, now: Instant) -> bool {
        let since = self.trouble.as_ref().map(|trouble| trouble.since);
        self.trouble = Some(Trouble {
            reason,
            since: since.unwrap_or(now),
        });
        since.is_none()
    }

    /// The next thing to run, if it need not wait (any more). Whoever asks is done with the one before.
    pub(super) fn next_release(&mut self, now: Instant) -> Option<Release> {
        self.releasing = false;
        let next = self.releases.front()?;
        let due = next.after <= self.done || self.state == State::Closed || self.degraded(now).is_some();
        let next = due.then(|| self.releases.pop_front())?;
        self.releasing = true;
        next.map(|pending| pending.run)
    }

    /// Whether nothing waits and nothing will come: what is still to be released may submit more.
    pub(super) fn is_over(&self) -> bool {
        self.state != State::Open && self.waiting.is_empty() && self.releases.is_empty() && !self.releasing
    }

    /// When patience ends for what waits to be released, if nothing else happens.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        self.releases.front()?;
        self.suffering_since().map(|since| since + self.patience)
    }

    pub(super) fn degraded(&self, now: Instant) -> Option<Degraded> {
        let since = self.suffering_since()?;
        let lasting = now.saturating_duration_since(since);
        if lasting < self.patience {
            return None;
        }
        let reason = self.trouble.as_ref().map_or_else(
            || format!("the database has not answered for {} ms", lasting.as_millis()),
            |trouble| trouble.reason.clone(),
        );
        Some(Degraded {
            reason,
            waiting: self.unwritten(),
            lasting,
        })
    }

    pub(super) fn close(&mut self) {
        if self.state == State::Open {
            self.state = State::Closing;
        }
    }

    /// Nothing more will be written; what still waits is lost.
    pub(super) fn abandon(&mut self) -> usize {
        self.state = State::Closed;
        self.unwritten()
    }

    /// Records ever dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn push(&mut self, record: Record, is_last: bool, now: Instant) {
        let since = now;
        self.waiting.push_back(Waiting { record, since, is_last });
        self.accepted += 1;
    }

    /// Counts what is lost, in one `gap` for as long as that one waits itself.
    fn drop_records(&mut self, records: &[Record], now: Instant) {
        let (events, at) = lost(records);
        self.dropped += events;
        let Some(at) = at.filter(|_| self.state != State::Closed) else {
            return;
        };
        if let Some(gap) = self.gap {
            let first = self.accepted - self.waiting.len() as u64;
            let place = usize::try_from(gap - first).unwrap_or(usize::MAX);
            if let Some(Change::Gap { dropped }) = self.waiting.get_mut(place).map(|waiting| &mut waiting.record.change)
            {
                *dropped += events;
                return;
            }
        }
        self.gap = Some(self.accepted);
        let change = Change::Gap { dropped: events };
        self.push(
            Record {
                at,
                session: None,
                change,
            },
            true,
            now,
        );
    }

    fn settle(&mut self, count: usize) {
        self.done += count as u64;
        if let Some(taken) = &mut self.taken {
            taken.count -= count;
            if taken.count == 0 {
                self.taken = None;
            }
        }
    }

    fn unwritten(&self) -> usize {
        self.waiting.len() + self.taken.as_ref().map_or(0, |taken| taken.count)
    }

    /// Since when something waits that should not wait long.
    fn suffering_since(&self) -> Option<Instant> {
        let taken = self.taken.as_ref().map(|taken| taken.since);
        let oldest = taken.or_else(|| self.waiting.front().map(|waiting| waiting.since));
        let trouble = self.trouble.as_ref().map(|trouble| trouble.since);
        oldest.into_iter().chain(trouble).min()
    }
}

/// How many records are lost with these, and when the first of them happened. A gap stands for what it counted.
fn lost(records: &[Record]) -> (u64, Option<Timestamp>) {
    let count = records
        .iter()
        .map(|record| {
            if let Change::Gap { dropped } = &record.change {
                return *dropped;
            }
            // A snapshot is no event: its room submits another one.
            u64::from(!matches!(record.change, Change::Snapshot(_)))
        })
        .sum();
    let at = records.first().map(|record| record.at);
    (count, at.filter(|_| count > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_submitted_together_is_taken_together() {
        let mut queue = Queue::new(100, Duration::from_secs(1));
        let record = |number| Record {
            at: Timestamp(number),
            session: None,
            change: Change::Gap { dropped: 1 },
        };
        for submission in [vec![0], vec![1, 2, 3], vec![4], vec![5, 6]] {
            let records = submission.into_iter().map(record).collect();
            assert_eq!(
                queue.submit(Source::default(), records, None, Instant::now()),
                Submitted::Accepted
            );
        }
        let mut taken = Vec::new();
        while let Work::Records(records) = queue.take(2) {
            taken.push(records.iter().map(|record| record.at.0).collect::<Vec<_>>());
            queue.written(records.len());
        }
        assert_eq!(taken, [vec![0, 1, 2, 3], vec![4, 5, 6]]);
    }

    #[test]
    fn what_nobody_waits_for_gathers_for_a_while() {
        let record = || Record {
            at: Timestamp(1),
            session: None,
            change: Change::Gap { dropped: 1 },
        };
        let now = Instant::now();
        let gathering = || {
            let mut queue = Queue::new(5_000, Duration::from_secs(1));
            assert_eq!(queue.gathers_until(), None, "nothing waits");
            let _ = queue.submit(Source::default(), vec![record()], None, now);
            let _ = queue.submit(Source::default(), vec![record()], None, now + GATHERS / 2);
            assert_eq!(queue.gathers_until(), Some(now + GATHERS), "the oldest counts");
            queue
        };

        let mut waited_for = gathering();
        let _ = waited_for.submit(Source::default(), vec![record()], Some(Box::new(|| {})), now);
        assert_eq!(waited_for.gathers_until(), None);

        let mut many = gathering();
        let _ = many.submit(Source::default(), (2..ENOUGH).map(|_| record()).collect(), None, now);
        assert_eq!(many.gathers_until(), None);

        let mut stopping = gathering();
        stopping.close();
        assert_eq!(stopping.gathers_until(), None);
    }
}
