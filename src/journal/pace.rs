//! How many records are written at once, by how fast the database is.

use std::time::Duration;

/// The most records of one transaction, and the fewest that are taken if more wait: what one statement writes.
pub(super) const GROUP: usize = 2_000;
pub(super) const SMALL_GROUP: usize = 255;
/// How long a group may take to write, or as long as its commit takes: what is submitted meanwhile waits for it.
const GROUP_TIME: Duration = Duration::from_millis(5);

/// How fast the database is: what one record takes, and what a commit takes.
#[derive(Default)]
pub(super) struct Pace {
    record: Duration,
    commit: Duration,
}

impl Pace {
    /// How many records the next group should have if more wait.
    pub(super) fn group(&self) -> usize {
        let time = GROUP_TIME.max(self.commit).as_nanos();
        let count = time.checked_div(self.record.as_nanos()).unwrap_or(u128::MAX);
        usize::try_from(count).unwrap_or(usize::MAX).clamp(SMALL_GROUP, GROUP)
    }

    /// Follows what groups take, with some inertia.
    pub(super) fn measure(&mut self, records: usize, write: Duration, commit: Duration) {
        let Some(count) = u32::try_from(records).ok().filter(|_| records > SMALL_GROUP) else {
            return;
        };
        self.record = (self.record * 3 + write / count) / 4;
        self.commit = (self.commit * 3 + commit) / 4;
    }
}
