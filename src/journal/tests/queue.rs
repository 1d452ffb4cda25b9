//! What waits, and in which order it comes out.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::journal::queue::Work;

const PATIENCE: Duration = Duration::from_secs(1);

struct Bench {
    queue: Queue,
    start: Instant,
    told: Receiver<u32>,
    tell: Sender<u32>,
}

impl Bench {
    fn new(capacity: usize) -> Self {
        let (tell, told) = channel();
        Self {
            queue: Queue::new(capacity, PATIENCE),
            start: Instant::now(),
            told,
            tell,
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// Submits records that happen at `ms`, and a release that tells `number`.
    fn submit(&mut self, count: usize, number: u32, ms: u64) -> Submitted {
        let tell = self.tell.clone();
        let release: Release = Box::new(move || tell.send(number).unwrap());
        self.queue
            .submit(Source::default(), vec![fact(ms); count], Some(release), self.at(ms))
    }

    fn take(&mut self, limit: usize) -> Vec<Record> {
        match self.queue.take(limit, Instant::now()) {
            Work::Records(records) => records,
            none @ (Work::Nothing | Work::Stop | Work::Vacant) => panic!("{none:?}"),
        }
    }

    /// What is released at that moment.
    fn told(&mut self, ms: u64) -> Vec<u32> {
        while let Some(release) = self.queue.next_release(self.at(ms)) {
            release();
        }
        self.told.try_iter().collect()
    }
}

fn fact(ms: u64) -> Record {
    Record {
        at: Timestamp(ms.cast_signed()),
        session: None,
        change: Change::Overflowed { member: member(1) },
    }
}

fn gap(ms: i64, dropped: u64) -> Record {
    Record {
        at: Timestamp(ms),
        session: None,
        change: Change::Gap { dropped },
    }
}

#[test]
fn releases_follow_their_commit_in_order() {
    let mut bench = Bench::new(10);
    let _ = bench.submit(0, 1, 0);
    let _ = bench.submit(2, 2, 0);
    let _ = bench.submit(0, 3, 0);
    let _ = bench.submit(1, 4, 0);
    assert_eq!(bench.told(0), [1], "nothing was written before the first");
    assert_eq!(bench.take(2).len(), 2);
    assert_eq!(bench.told(0), [0_u32; 0]);
    bench.queue.written(1, bench.at(0));
    assert_eq!(bench.told(0), [0_u32; 0], "half of its records are not enough");
    bench.queue.written(1, bench.at(0));
    assert_eq!(bench.told(0), [2, 3]);
    assert_eq!(bench.take(2).len(), 1);
    bench.queue.written(1, bench.at(0));
    assert_eq!(bench.told(0), [4]);
}

#[test]
fn patience_ends_for_everything_that_waits_and_comes_back() {
    let mut bench = Bench::new(10);
    let _ = bench.submit(1, 1, 0);
    let _ = bench.submit(1, 2, 900);
    assert_eq!(bench.take(1).len(), 1);
    assert_eq!(bench.told(999), [0_u32; 0]);
    assert_eq!(bench.queue.commit_timeout_ends(), Some(bench.at(1_000)));
    assert_eq!(bench.told(1_000), [1, 2]);
    let _ = bench.submit(1, 3, 1_100);
    assert_eq!(bench.told(1_100), [3], "at once while degraded");
    bench.queue.written(1, bench.at(1_150));
    assert_eq!(
        bench.queue.degraded(bench.at(2_149)),
        None,
        "the database has answered at 1,150 ms"
    );
    assert_eq!(bench.take(5).len(), 2);
    bench.queue.written(2, bench.at(2_150));
    let _ = bench.submit(1, 4, 5_000);
    assert_eq!(bench.told(5_000), [0_u32; 0], "told means written again");
}

#[test]
fn a_database_that_fails_without_anything_waiting_is_degraded_too() {
    let mut bench = Bench::new(10);
    assert!(bench.queue.failed("disk full".into(), false, bench.at(0)));
    assert!(!bench.queue.failed("disk still full".into(), false, bench.at(800)));
    assert_eq!(bench.queue.degraded(bench.at(999)), None);
    let degraded = bench.queue.degraded(bench.at(1_000)).unwrap();
    assert_eq!((degraded.reason.as_str(), degraded.waiting), ("disk still full", 0));
    bench.queue.written(0, bench.at(0));
    assert_eq!(bench.queue.degraded(bench.at(2_000)), None);

    // A connection that was cut is followed by another.
    assert!(!bench.queue.failed("cut".into(), true, bench.at(2_000)));
    bench.queue.written(0, bench.at(2_000));
    assert!(!bench.queue.failed("cut".into(), true, bench.at(3_000)));
    assert!(bench.queue.failed("nobody there".into(), true, bench.at(3_050)));
    assert!(!bench.queue.failed("nobody there".into(), true, bench.at(3_100)));
}

#[test]
fn over_capacity_is_dropped_counted_and_still_released() {
    let mut bench = Bench::new(2);
    assert_eq!(bench.submit(2, 1, 0), Submitted::Accepted);
    assert_eq!(bench.submit(3, 2, 10), Submitted::Dropped);
    assert_eq!(bench.submit(1, 3, 20), Submitted::Dropped);
    assert_eq!(bench.queue.dropped(), 4);
    assert_eq!(bench.take(2).len(), 2);
    bench.queue.written(2, bench.at(0));
    assert_eq!(bench.submit(1, 4, 30), Submitted::Accepted);
    assert_eq!(
        bench.take(9),
        [gap(10, 4), fact(30)],
        "one gap, where they would have stood"
    );
    bench.queue.written(2, bench.at(0));
    assert_eq!(bench.told(30), [1, 2, 3, 4]);
}

#[test]
fn a_gap_that_is_taken_counts_no_more() {
    let mut bench = Bench::new(1);
    let _ = bench.submit(1, 1, 0);
    let _ = bench.submit(1, 2, 1);
    assert_eq!(bench.take(1), [fact(0)]);
    bench.queue.written(1, bench.at(0));
    assert_eq!(bench.take(1), [gap(1, 1)]);
    let _ = bench.submit(1, 3, 2);
    bench.queue.written(1, bench.at(0));
    assert_eq!(bench.take(9), [gap(2, 1)]);
}

#[test]
fn what_can_never_be_written_is_a_gap() {
    let mut bench = Bench::new(5);
    let _ = bench.submit(2, 1, 0);
    let taken = bench.take(2);
    let now = bench.at(5);
    bench.queue.give_up(&taken[0], now);
    bench.queue.written(1, bench.at(0));
    assert_eq!(bench.told(5), [1]);
    assert_eq!(bench.take(2), [gap(0, 1)]);
}

#[test]
fn closing_writes_what_waits_and_then_takes_nothing() {
    let mut bench = Bench::new(5);
    let _ = bench.submit(1, 1, 0);
    bench.queue.close();
    assert_eq!(bench.submit(1, 2, 0), Submitted::Accepted);
    assert_eq!(bench.take(5).len(), 2);
    bench.queue.written(2, bench.at(0));
    assert_eq!(
        bench.queue.take(5, Instant::now()),
        Work::Nothing,
        "what is to be released may record more"
    );
    assert_eq!(bench.told(0), [1, 2]);
    assert_eq!(bench.queue.take(5, Instant::now()), Work::Stop);
    assert_eq!(bench.submit(1, 3, 0), Submitted::Dropped);
    assert_eq!(bench.told(0), [3]);
}
