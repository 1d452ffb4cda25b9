//! How many messages of a socket may be refused before they are refused without being read.

use crate::model::time::Tick;

/// What a socket has used up: it refills.
#[derive(Debug, Default)]
pub(super) struct RefusalBudget {
    /// Used up, in thousandths.
    used: u64,
    at: Tick,
}

impl RefusalBudget {
    /// As many at once.
    const BURST: u64 = 1_000;
    /// As many more each second.
    const PER_SECOND: u64 = 50;

    /// Whether there is no room for another one.
    pub(super) fn is_exhausted(&mut self, now: Tick) -> bool {
        let refilled = now.0.saturating_sub(self.at.0).saturating_mul(Self::PER_SECOND);
        self.used = self.used.saturating_sub(refilled);
        self.at = now;
        self.used + 1_000 > Self::BURST * 1_000
    }

    /// Counts one.
    pub(super) fn count(&mut self) {
        self.used += 1_000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_run_out_and_come_back() {
        let mut budget = RefusalBudget::default();
        for _ in 0..RefusalBudget::BURST {
            assert!(!budget.is_exhausted(Tick(5)));
            budget.count();
        }
        assert!(budget.is_exhausted(Tick(5)));
        assert!(budget.is_exhausted(Tick(24)));
        assert!(!budget.is_exhausted(Tick(25)), "50 a second are one in 20 ms");
    }
}
