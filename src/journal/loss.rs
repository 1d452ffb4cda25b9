//! How it is noticed that the database has less than it said it had, as at a failover to a replica that it did not wait for: the
//! number of the last group went back.

use std::collections::VecDeque;

use super::event::Numbered;

/// Of so many groups it is known how much is lost with them. They are those of the last seconds.
const REMEMBERED: usize = 4_096;

/// The latest groups that the database has said are written.
#[derive(Default)]
pub(super) struct Acknowledged {
    latest: VecDeque<Group>,
}

struct Group {
    number: i64,
    events: u64,
}

impl Acknowledged {
    pub(super) fn add(&mut self, number: i64, written: &[Numbered]) {
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        let events = written.iter().filter(|numbered| numbered.seq.is_some()).count() as u64;
        self.latest.push_back(Group { number, events });
    }

    /// The database has none after this one any more. Gives how many events it had.
    pub(super) fn lose_after(&mut self, last: i64) -> u64 {
        let mut events = 0;
        while let Some(group) = self.latest.pop_back_if(|group| group.number > last) {
            events += group.events;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;
    use crate::room::record::{Change, Record};

    fn events(count: i64) -> Vec<Numbered> {
        let numbered = |seq| Numbered {
            seq,
            record: Record {
                at: Timestamp(1),
                session: None,
                change: Change::Gap { dropped: 1 },
            },
        };
        // One more, which is no event.
        (0..count).map(Some).chain([None]).map(numbered).collect()
    }

    #[test]
    fn what_is_lost_is_counted_once() {
        let mut acknowledged = Acknowledged::default();
        for (number, count) in [(5, 1), (6, 2), (7, 4)] {
            acknowledged.add(number, &events(count));
        }
        assert_eq!(acknowledged.lose_after(7), 0);
        assert_eq!(acknowledged.lose_after(5), 6);
        assert_eq!(acknowledged.lose_after(5), 0);
        acknowledged.add(6, &events(8));
        assert_eq!(acknowledged.lose_after(0), 9);
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let mut acknowledged = Acknowledged::default();
        for number in 0..=REMEMBERED as i64 {
            acknowledged.add(number, &events(1));
        }
        assert_eq!(acknowledged.lose_after(-1), REMEMBERED as u64);
    }
}
