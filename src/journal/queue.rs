//! What waits for the disk, in memory: records to be written, and what their rooms want to say afterwards.
//!
//! Pure: time comes in as an argument, and nothing in here waits. Invariants: a room's records are taken in the order
//! they were submitted; a release comes out once, after every release of its room submitted before it; every record
//! that was dropped is counted in a `gap` record that stands where the first of them would have stood.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::backlog::{Backlog, Hold, Submission};
use super::damaged::Damaged;
use super::{Release, Source, Submitted};
use crate::model::time::Timestamp;
use crate::room::record::{Change, Record};

/// How long what nobody waits for may wait for more of its kind: a group costs the same for one record as for some. What
/// is lost with a crash is as much more.
const GATHERS: Duration = Duration::from_millis(20);

/// As many are written without waiting for more.
const ENOUGH: usize = 1_000;

pub(super) struct Queue {
    /// How long what was told waits for the disk.
    commit_timeout: Duration,
    backlog: Backlog,
    /// What the writer holds, in the order it writes it.
    taken: VecDeque<Taken>,
    taken_since: Option<Instant>,
    /// When the writer took it.
    taken_at: Option<Instant>,
    /// How long the last group took, and how many releases were due with it.
    took: Duration,
    told: usize,
    /// When the releaser looks by itself whether something is due.
    looks_at: Option<Instant>,
    /// When something was last written: what waits has waited for the database at most since then.
    progressed: Option<Instant>,
    /// The number of the next submission.
    next: u64,
    /// What need not wait any more.
    due: VecDeque<Release>,
    /// How many releases there are in all.
    pending: usize,
    /// Whether commit_timeout has ended and nothing that is to be released waits any more.
    let_go: bool,
    /// A release is running, and may submit more.
    releasing: bool,
    /// The number of the `gap` of our own that still waits.
    gap: Option<u64>,
    dropped: u64,
    /// Events that were left out for want of space, until a gap says so.
    left_out: u64,
    /// The rooms of which something was given up, or lost.
    damaged: Damaged,
    trouble: Option<Trouble>,
    state: State,
    /// If the server has no place in the history.
    vacant: Option<Vacancy>,
}

struct Vacancy {
    since: Instant,
    why: String,
}

/// A submission that the writer holds.
struct Taken {
    source: Source,
    hold: Hold,
    /// How many of its records are not done.
    left: usize,
    release: Option<Release>,
}

struct Trouble {
    reason: String,
    since: Instant,
    is_told: bool,
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
    /// Get a place in the history again.
    Vacant,
}

/// Why the database is not to be waited for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Degraded {
    pub(super) reason: String,
    pub(super) waiting: usize,
    pub(super) lasting: Duration,
}

impl Queue {
    pub(super) fn new(capacity: usize, commit_timeout: Duration) -> Self {
        Self {
            commit_timeout,
            backlog: Backlog::new(capacity),
            taken: VecDeque::new(),
            taken_since: None,
            taken_at: None,
            took: Duration::ZERO,
            told: 0,
            looks_at: None,
            progressed: None,
            next: 0,
            due: VecDeque::new(),
            pending: 0,
            let_go: false,
            releasing: false,
            gap: None,
            dropped: 0,
            left_out: 0,
            damaged: Damaged::default(),
            trouble: None,
            state: State::Open,
            vacant: None,
        }
    }

    pub(super) fn set_commit_timeout(&mut self, timeout: Duration) {
        self.commit_timeout = timeout;
    }

    /// Loses what waits, and lets nothing wait any more, until the queue is reopened. What somebody was told of it all the same
    /// is missing: a gap says so.
    pub(super) fn vacate(&mut self, at: Timestamp, why: String, now: Instant) {
        let was_told = self.let_go;
        self.let_go();
        let held: usize = self.taken.drain(..).map(|taken| taken.left).sum();
        let waiting = self.backlog.take(usize::MAX);
        let (events, first) = waiting
            .iter()
            .fold((held as u64, None), |(events, first), (submission, _)| {
                let (more, at) = lost(&submission.records);
                (events + more, first.or(at))
            });
        self.backlog = self.backlog.emptied();
        (self.taken_since, self.progressed, self.trouble, self.gap) = (None, None, None, None);
        self.told = 0;
        self.vacant = Some(Vacancy { since: now, why });
        if was_told && events > 0 {
            let at = first.unwrap_or(at);
            let session = None;
            self.drop_records(
                &[Record {
                    at,
                    session,
                    change: Change::Gap { dropped: events },
                }],
                now,
            );
        }
    }

    /// There is no place for the server yet.
    pub(super) fn stays_vacant(&mut self, reason: String) {
        if let Some(vacancy) = &mut self.vacant {
            vacancy.why = reason;
        }
    }

    /// The server has a place again.
    pub(super) fn reopen(&mut self) {
        self.vacant = None;
    }

    pub(super) fn is_vacant(&self) -> bool {
        self.vacant.is_some()
    }

    /// Takes records and what is to run after them, or drops the records (all of them) if their source has its share of
    /// what waits already.
    pub(super) fn submit(
        &mut self,
        source: Source,
        records: Vec<Record>,
        release: Option<Release>,
        now: Instant,
    ) -> Submitted {
        self.pending += usize::from(release.is_some());
        if records.is_empty() {
            self.follow(&source, release, now);
            return Submitted::Accepted;
        }
        if self.vacant.is_some() {
            self.follow(&source, release, now);
            return Submitted::Dropped;
        }
        if self.state == State::Closed || !self.backlog.admits(&source, &records) {
            self.drop_records(&records, now);
            self.follow(&source, release, now);
            return Submitted::Dropped;
        }
        let release = release.and_then(|release| self.unless_let_go(release, now));
        self.push(source, records, release, now);
        Submitted::Accepted
    }

    /// Whether a submission of this source would be taken, if it is not large.
    pub(super) fn admits(&self, source: &Source) -> bool {
        self.state != State::Closed && self.vacant.is_none() && self.backlog.admits_some(source)
    }

    /// Whether so much waits that what can wait should.
    pub(super) fn is_crowded(&self) -> bool {
        self.backlog.is_crowded()
    }

    /// Until when nothing needs to be written, though something waits: nobody is to be told anything after it.
    pub(super) fn gathers_until(&self) -> Option<Instant> {
        let oldest = self.backlog.since().filter(|_| self.vacant.is_none())?;
        let is_gathering = self.state == State::Open && self.pending == 0 && self.backlog.waiting() < ENOUGH;
        is_gathering.then(|| oldest + GATHERS)
    }

    /// Until when the writer waits for others, to be written with what there is: those who were told by the last commit often
    /// act again at once, and one commit for all of them takes less than two, each for half of them. It waits for as many,
    /// and no longer than that commit took. Whoever is alone waits for nobody.
    pub(super) fn waits_for_others_until(&self) -> Option<Instant> {
        let waiting = self.pending - self.due.len();
        let is_early = self.state == State::Open && waiting > 0 && waiting < self.told;
        is_early.then_some(self.progressed? + self.took)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.state != State::Open
    }

    /// Hands out what is to be written next: about `limit` records, and the rest of the submission that the limit would
    /// cut in two, as what one input changed must be written in one transaction. They count as waiting until
    /// [`Queue::written`].
    pub(super) fn take(&mut self, limit: usize, now: Instant) -> Work {
        debug_assert!(self.taken.is_empty(), "the writer takes again before it is done");
        if self.vacant.is_some() {
            if self.state == State::Open {
                return Work::Vacant;
            }
            self.state = State::Closed;
            return Work::Stop;
        }
        let Some(since) = self.backlog.since() else {
            if !self.is_over() {
                return Work::Nothing;
            }
            self.state = State::Closed;
            return Work::Stop;
        };
        self.taken_since = Some(
            self.progressed
                .map_or(since, |progressed| progressed.max(since))
                .min(now),
        );
        self.taken_at = Some(now);
        let mut group = Vec::new();
        for (submission, hold) in self.backlog.take(limit) {
            if self.gap == Some(submission.number) {
                self.gap = None;
            }
            self.taken.push_back(Taken {
                source: submission.source,
                hold,
                left: submission.records.len(),
                release: submission.release,
            });
            group.extend(submission.records);
        }
        Work::Records(group)
    }

    /// So many of the records that were taken are in the database: it works.
    pub(super) fn written(&mut self, count: usize, now: Instant) {
        self.trouble = None;
        self.progressed = Some(now);
        let before = self.due.len();
        self.settle(count);
        self.told = self.due.len() - before;
        self.took = self
            .taken_at
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.taken_since = (!self.taken.is_empty()).then_some(now);
    }

    /// One of the records that were taken can never be written.
    pub(super) fn give_up(&mut self, record: &Record, now: Instant) {
        let room = self.taken.front().and_then(|taken| taken.source.room.clone());
        self.damaged.add(room);
        self.settle(1);
        self.drop_records(std::slice::from_ref(record), now);
    }

    /// So many events that were written are not any more: a gap says so, and every room is to say what it is.
    pub(super) fn lose(&mut self, events: u64, at: Timestamp, now: Instant) {
        self.damaged.add_all();
        let change = Change::Gap { dropped: events };
        let session = None;
        self.drop_records(&[Record { at, session, change }], now);
    }

    /// The rooms of which something was given up since the last time, or lost.
    pub(super) fn take_damaged(&mut self) -> Damaged {
        std::mem::take(&mut self.damaged)
    }

    /// The database could not be written just now. True if that is to be told: it is the first time, or the second if all that
    /// had happened is that its connection `is_cut`, as there is another at once.
    pub(super) fn failed(&mut self, reason: String, is_cut: bool, now: Instant) -> bool {
        let before = self.trouble.take();
        let was_told = before.as_ref().is_some_and(|trouble| trouble.is_told);
        let is_told = before.is_some() || !is_cut;
        self.trouble = Some(Trouble {
            reason,
            since: before.map_or(now, |trouble| trouble.since),
            is_told,
        });
        is_told && !was_told
    }

    /// The next thing to run, if it need not wait (any more). Whoever asks is done with the one before.
    pub(super) fn next_release(&mut self, now: Instant) -> Option<Release> {
        self.releasing = false;
        if self.pending > self.due.len() && self.is_late(now) {
            self.let_go();
        }
        let next = self.due.pop_front()?;
        self.pending -= 1;
        self.releasing = true;
        Some(next)
    }

    /// Whether nothing waits and nothing will come: what is still to be released may submit more.
    pub(super) fn is_over(&self) -> bool {
        self.state != State::Open && self.backlog.waiting() == 0 && self.pending == 0 && !self.releasing
    }

    /// When commit_timeout ends for what waits to be released, if nothing else happens.
    pub(super) fn commit_timeout_ends(&self) -> Option<Instant> {
        if self.pending == 0 {
            return None;
        }
        self.suffering_since().map(|since| since + self.commit_timeout)
    }

    /// When the releaser has to look next by itself, if it has to.
    pub(super) fn look_again(&mut self, now: Instant) -> Option<Instant> {
        let soonest = self.progressed.map(|progressed| progressed + self.commit_timeout);
        self.looks_at = self.commit_timeout_ends().or(soonest.filter(|soonest| *soonest > now));
        self.looks_at
    }

    /// Whether the releaser has to look before that.
    pub(super) fn is_due(&self) -> bool {
        let is_late = |ends| self.looks_at.is_none_or(|at| ends < at);
        !self.due.is_empty() || self.commit_timeout_ends().is_some_and(is_late)
    }

    pub(super) fn degraded(&self, now: Instant) -> Option<Degraded> {
        if let Some(vacancy) = &self.vacant {
            return Some(Degraded {
                reason: vacancy.why.clone(),
                waiting: self.unwritten(),
                lasting: now.saturating_duration_since(vacancy.since),
            });
        }
        let since = self.suffering_since()?;
        let lasting = now.saturating_duration_since(since);
        if lasting < self.commit_timeout {
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

    /// So many events are not recorded: the disk has no space for them.
    pub(super) fn leave_out(&mut self, events: u64) {
        self.left_out += events;
    }

    /// The disk has space: what was left out before is one gap.
    pub(super) fn count_left_out(&mut self, at: Timestamp, now: Instant) {
        let dropped = std::mem::take(&mut self.left_out);
        if dropped > 0 {
            let change = Change::Gap { dropped };
            let session = None;
            self.drop_records(&[Record { at, session, change }], now);
        }
    }

    fn push(&mut self, source: Source, records: Vec<Record>, release: Option<Release>, now: Instant) {
        let submission = Submission {
            number: self.next,
            source,
            weight: self.backlog.weigh(&records),
            records,
            release,
        };
        self.next += 1;
        self.backlog.push(submission, now);
    }

    /// Lets a release that waits for no record of its own run after what its room has waiting.
    fn follow(&mut self, source: &Source, release: Option<Release>, now: Instant) {
        let number = self.next;
        self.next += 1;
        let release = release.and_then(|release| self.unless_let_go(release, now));
        let Some(release) = release.and_then(|release| self.backlog.follow(number, source, release)) else {
            return;
        };
        match self.taken.iter_mut().rfind(|taken| taken.hold.precedes(source)) {
            Some(last) if last.release.is_none() => last.release = Some(release),
            Some(_) => self.follow_taken(source, release),
            None => self.due.push_back(release),
        }
    }

    /// Lets it run after all that the writer holds: a room's records may have been cut from others of it.
    fn follow_taken(&mut self, source: &Source, release: Release) {
        self.taken.push_back(Taken {
            source: source.clone(),
            hold: Hold::none(source),
            left: 0,
            release: Some(release),
        });
    }

    /// Gives the release back if it has to wait.
    fn unless_let_go(&mut self, release: Release, now: Instant) -> Option<Release> {
        self.let_go = self.let_go && self.is_late(now);
        if !self.let_go {
            return Some(release);
        }
        self.due.push_back(release);
        None
    }

    fn is_late(&self, now: Instant) -> bool {
        self.state == State::Closed || self.degraded(now).is_some()
    }

    /// From now on nothing that is to be released waits.
    fn let_go(&mut self) {
        self.let_go = true;
        let taken = self.taken.iter_mut().filter_map(|taken| taken.release.take());
        let waiting = self.backlog.take_releases().into_iter().map(|(_, release)| release);
        self.due.extend(taken.chain(waiting));
    }

    /// Counts what is lost, in one `gap` for as long as that one waits itself.
    fn drop_records(&mut self, records: &[Record], now: Instant) {
        let (events, at) = lost(records);
        self.dropped += events;
        let Some(at) = at.filter(|_| self.state != State::Closed) else {
            return;
        };
        let nobody = Source::default();
        let waiting = self.gap.and_then(|number| self.backlog.find(&nobody, number));
        if let Some(Change::Gap { dropped }) = waiting
            .and_then(|gap| gap.records.first_mut())
            .map(|gap| &mut gap.change)
        {
            *dropped += events;
            return;
        }
        self.gap = Some(self.next);
        let record = Record {
            at,
            session: None,
            change: Change::Gap { dropped: events },
        };
        self.push(nobody, vec![record], None, now);
    }

    fn settle(&mut self, count: usize) {
        let mut count = count;
        while let Some(first) = self.taken.front_mut() {
            let done = count.min(first.left);
            first.left -= done;
            count -= done;
            if first.left > 0 {
                return;
            }
            if let Some(Taken { hold, release, .. }) = self.taken.pop_front() {
                self.backlog.done(&hold);
                self.due.extend(release);
            }
        }
    }

    /// How many records wait, those that the writer holds included.
    pub(super) fn unwritten(&self) -> usize {
        self.backlog.waiting() + self.taken.iter().map(|taken| taken.left).sum::<usize>()
    }

    /// Since when the database has kept somebody waiting: not for how long what one client floods it with has waited.
    fn suffering_since(&self) -> Option<Instant> {
        let waiting = || {
            let since = self.backlog.since()?;
            Some(self.progressed.map_or(since, |progressed| progressed.max(since)))
        };
        let oldest = self.taken_since.or_else(waiting);
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
        while let Work::Records(records) = queue.take(2, Instant::now()) {
            taken.push(records.iter().map(|record| record.at.0).collect::<Vec<_>>());
            queue.written(records.len(), Instant::now());
        }
        assert_eq!(taken, [vec![0, 1, 2, 3], vec![4, 5, 6]]);
    }

    #[test]
    fn without_a_place_nothing_is_written_nor_waits_and_what_was_told_is_a_gap() {
        let now = Instant::now();
        let record = |at| Record {
            at: Timestamp(at),
            session: None,
            change: Change::Gap { dropped: 1 },
        };
        for is_told in [false, true] {
            let mut queue = Queue::new(100, Duration::from_secs(60));
            let release = || -> Option<Release> { Some(Box::new(|| {})) };
            for at in [5, 6] {
                let _ = queue.submit(Source::default(), vec![record(at)], release(), now);
            }
            assert!(queue.next_release(now).is_none());
            if is_told {
                queue.set_commit_timeout(Duration::ZERO);
                assert!(queue.next_release(now).is_some());
            }
            queue.vacate(Timestamp(9), "it stood still".to_owned(), now);
            assert_eq!(
                queue.submit(Source::default(), vec![record(7)], release(), now),
                Submitted::Dropped
            );
            let released = std::iter::from_fn(|| queue.next_release(now)).count();
            assert_eq!(released, if is_told { 2 } else { 3 });
            assert_eq!(queue.take(10, now), Work::Vacant);
            assert!(!queue.admits(&Source::default()));
            queue.stays_vacant("another is there".to_owned());
            assert_eq!(queue.degraded(now).unwrap().reason, "another is there");
            queue.reopen();
            let gap = record(5);
            let gap = Record {
                change: Change::Gap { dropped: 2 },
                ..gap
            };
            let expected = if is_told {
                Work::Records(vec![gap])
            } else {
                Work::Nothing
            };
            assert_eq!(queue.take(10, now), expected);
        }
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
