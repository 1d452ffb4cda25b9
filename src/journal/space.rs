//! What is still recorded as the disk runs out of space: refusals go first, and who was there when goes last.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::event;
use crate::room::record::{Change, Record};

/// The free space below which less is recorded, and what there is.
pub(super) struct Space {
    /// `MIN_FREE_DISK`; 0 is off.
    min: u64,
    free: AtomicU64,
}

/// What there is space for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    All,
    NoRefusals,
    Membership,
}

impl Space {
    pub(super) fn new(min: u64) -> Self {
        Self {
            min,
            free: AtomicU64::new(u64::MAX),
        }
    }

    /// Looks how much there is. Whether there is less than the limit is logged when it changes.
    pub(super) fn look(&self, file: &Path) {
        let Some(free) = (self.min > 0).then(|| free(file)).flatten() else {
            return;
        };
        let before = self.level();
        self.free.store(free, Ordering::Relaxed);
        match self.level() {
            now if now == before => {}
            Level::All => tracing::info!("the disk has space again: everything is recorded"),
            Level::NoRefusals => {
                tracing::warn!(
                    free,
                    "the disk has less space left than MIN_FREE_DISK: refusals are not recorded"
                );
            }
            Level::Membership => tracing::warn!(
                free,
                "the disk has less than half of MIN_FREE_DISK left: only who is there is recorded, no links and no refusals"
            ),
        }
    }

    /// How much there is, if it is too little, and whether only membership is recorded.
    pub(super) fn shortage(&self) -> Option<(u64, bool)> {
        let level = self.level();
        (level > Level::All).then(|| (self.free.load(Ordering::Relaxed), level == Level::Membership))
    }

    /// Leaves out what there is no space for; gives how many events those were.
    pub(super) fn thin(&self, records: &mut Vec<Record>) -> u64 {
        let level = self.level();
        if level == Level::All {
            return 0;
        }
        let left_out = records.extract_if(.., |record| needs(&record.change) < level);
        left_out.filter(|record| event::is_event(&record.change)).count() as u64
    }

    fn level(&self) -> Level {
        let free = self.free.load(Ordering::Relaxed);
        if free >= self.min {
            Level::All
        } else if free >= self.min / 2 {
            Level::NoRefusals
        } else {
            Level::Membership
        }
    }
}

/// The last level at which it is recorded.
fn needs(change: &Change) -> Level {
    match change {
        Change::Error { .. } | Change::MoreErrors { .. } => Level::All,
        Change::LinkOffered(_)
        | Change::LinkAnswered { .. }
        | Change::LinkProgress { .. }
        | Change::LinkReported { .. }
        | Change::LinkClosed { .. } => Level::NoRefusals,
        Change::SessionStarted { .. }
        | Change::SessionEnded { .. }
        | Change::Joined(_)
        | Change::Left { .. }
        | Change::Disconnected { .. }
        | Change::Reconnected { .. }
        | Change::Acted { .. }
        | Change::Gap { .. }
        | Change::CalendarMoved { .. }
        | Change::LeaveOwed { .. }
        | Change::Overflowed { .. }
        | Change::Snapshot(_) => Level::Membership,
    }
}

/// What an ordinary user may still write to the disk that the file is on.
#[cfg(unix)]
pub(super) fn free(file: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(file).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(super) fn free(_: &Path) -> Option<u64> {
    None
}
