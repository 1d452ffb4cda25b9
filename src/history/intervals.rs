//! The arithmetic of presence: sets of intervals of time, in milliseconds.

use std::iter;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::time::Timestamp;

/// A stretch of time from a moment up to, not including, a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it; never before `from`.
    pub to: Timestamp,
}

impl Interval {
    /// The interval between two moments; empty if a clock that was set back made them change places.
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to: to.max(from) }
    }

    /// Its length.
    pub fn ms(self) -> i64 {
        self.to.0.saturating_sub(self.from.0)
    }
}

/// Intervals in order of time that neither overlap nor touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    /// Merges what overlaps or touches.
    pub fn merge(intervals: impl IntoIterator<Item = Interval>) -> Self {
        let mut sorted: Vec<Interval> = intervals.into_iter().collect();
        sorted.sort_by_key(|interval| interval.from);
        let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
        for interval in sorted {
            match merged.last_mut() {
                Some(last) if interval.from <= last.to => last.to = last.to.max(interval.to),
                _ => merged.push(interval),
            }
        }
        Self(merged)
    }

    /// The intervals, in order.
    pub fn iter(&self) -> impl Iterator<Item = Interval> {
        self.0.iter().copied()
    }

    /// Whether a moment is in one of them.
    pub fn contains(&self, at: Timestamp) -> bool {
        let begun = self.0.partition_point(|interval| interval.from <= at);
        self.0[..begun].last().is_some_and(|last| at < last.to)
    }

    /// How long they are together.
    pub fn total_ms(&self) -> i64 {
        self.iter().map(Interval::ms).sum()
    }

    /// What of these is in none of the others.
    pub fn minus(&self, others: &Self) -> Self {
        let rest = self.iter().flat_map(|interval| others.gaps(interval));
        Self(rest.collect())
    }

    /// The parts of `within` that none of these cover, in order, none of them empty.
    pub fn gaps(&self, within: Interval) -> Vec<Interval> {
        let mut gaps = Vec::new();
        let mut from = within.from;
        let first = self.0.partition_point(|interval| interval.to <= within.from);
        for interval in &self.0[first..] {
            if interval.from >= within.to {
                break;
            }
            gaps.push(Interval::new(from, interval.from));
            from = from.max(interval.to);
        }
        gaps.push(Interval::new(from, within.to));
        gaps.retain(|gap| gap.ms() > 0);
        gaps
    }

    /// The length of the longest part of `within` that none of these cover.
    pub fn longest_gap_ms(&self, within: Interval) -> i64 {
        self.gaps(within).into_iter().map(Interval::ms).max().unwrap_or(0)
    }

    /// Whether these and the others share any time.
    pub fn overlap(&self, others: &Self) -> bool {
        self.first_shared(others).is_some()
    }

    /// The first moment that these and the others share; nothing if they share no time.
    pub fn first_shared(&self, others: &Self) -> Option<Timestamp> {
        self.shared(others).next().map(|shared| shared.from)
    }

    /// The stretches that these and the others share, in order.
    pub fn shared(&self, others: &Self) -> impl Iterator<Item = Interval> {
        let (mut own, mut theirs) = (self.0.iter().peekable(), others.0.iter().peekable());
        iter::from_fn(move || {
            while let (Some(one), Some(other)) = (own.peek(), theirs.peek()) {
                let (from, to) = (one.from.max(other.from), one.to.min(other.to));
                if one.to < other.to {
                    own.next();
                } else {
                    theirs.next();
                }
                if from < to {
                    return Some(Interval { from, to });
                }
            }
            None
        })
    }
}

/// An interval as the API shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Span {
    /// Its first moment.
    pub from: Timestamp,
    /// Its end; nothing while it goes on.
    pub to: Option<Timestamp>,
}

/// What share of `whole_ms` a time is, in percent with one decimal, at most 100; 0 of nothing.
pub fn percent(part_ms: i64, whole_ms: i64) -> f64 {
    if whole_ms <= 0 {
        return 0.0;
    }
    let permille = (i128::from(part_ms) * 1000 + i128::from(whole_ms) / 2) / i128::from(whole_ms);
    f64::from(u16::try_from(permille.clamp(0, 1000)).unwrap_or(1000)) / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(from: i64, to: i64) -> Interval {
        Interval::new(Timestamp(from), Timestamp(to))
    }

    fn set(pairs: &[(i64, i64)]) -> Intervals {
        Intervals::merge(pairs.iter().map(|&(from, to)| interval(from, to)))
    }

    fn pairs(intervals: &Intervals) -> Vec<(i64, i64)> {
        intervals
            .iter()
            .map(|interval| (interval.from.0, interval.to.0))
            .collect()
    }

    #[test]
    fn what_overlaps_or_touches_is_one() {
        for (given, merged) in [
            (vec![], vec![]),
            (vec![(0, 10), (20, 30)], vec![(0, 10), (20, 30)]),
            (vec![(20, 30), (0, 10)], vec![(0, 10), (20, 30)]),
            (vec![(0, 10), (10, 20)], vec![(0, 20)]),
            (vec![(0, 50), (10, 20)], vec![(0, 50)]),
            (vec![(0, 10), (5, 20), (19, 25)], vec![(0, 25)]),
            (vec![(5, 5)], vec![(5, 5)]),
            (vec![(9, 3)], vec![(9, 9)]),
        ] {
            assert_eq!(pairs(&set(&given)), merged, "{given:?}");
        }
    }

    #[test]
    fn totals_count_overlaps_once() {
        assert_eq!(set(&[(0, 10), (5, 15), (20, 21)]).total_ms(), 16);
    }

    #[test]
    fn gaps_are_what_is_not_covered() {
        let present = set(&[(10, 20), (30, 40)]);
        for (within, gaps) in [
            ((0, 50), vec![(0, 10), (20, 30), (40, 50)]),
            ((10, 40), vec![(20, 30)]),
            ((12, 18), vec![]),
            ((20, 30), vec![(20, 30)]),
            ((25, 35), vec![(25, 30)]),
            ((41, 45), vec![(41, 45)]),
            ((5, 5), vec![]),
        ] {
            let found: Vec<_> = present
                .gaps(interval(within.0, within.1))
                .iter()
                .map(|gap| (gap.from.0, gap.to.0))
                .collect();
            assert_eq!(found, gaps, "{within:?}");
        }
        assert_eq!(present.longest_gap_ms(interval(0, 55)), 15);
        assert_eq!(present.longest_gap_ms(interval(10, 20)), 0);
    }

    #[test]
    fn an_interval_has_its_first_moment_and_not_its_end() {
        let present = set(&[(10, 20), (30, 40)]);
        let held = [9, 10, 19, 20, 29, 30].map(|at| present.contains(Timestamp(at)));
        assert_eq!(held, [false, true, true, false, false, true]);
    }

    #[test]
    fn the_rest_is_without_the_others() {
        let away = set(&[(0, 10), (20, 40)]);
        assert_eq!(
            pairs(&away.minus(&set(&[(5, 25), (30, 31)]))),
            [(0, 5), (25, 30), (31, 40)]
        );
        assert_eq!(pairs(&away.minus(&set(&[(0, 100)]))), []);
        assert_eq!(pairs(&away.minus(&set(&[]))), [(0, 10), (20, 40)]);
    }

    #[test]
    fn touching_is_not_overlapping() {
        assert!(set(&[(0, 10)]).overlap(&set(&[(9, 20)])));
        assert!(!set(&[(0, 10)]).overlap(&set(&[(10, 20)])));
        assert!(!set(&[]).overlap(&set(&[(10, 20)])));
    }

    #[test]
    fn percentages_are_rounded_to_a_decimal_and_bounded() {
        for (part, whole, share) in [
            (0, 100, 0.0),
            (1, 3, 33.3),
            (2, 3, 66.7),
            (1, 1, 100.0),
            (7, 5, 100.0),
            (5, 0, 0.0),
            (1, 2000, 0.1),
        ] {
            assert!((percent(part, whole) - share).abs() < 1e-9, "{part}/{whole}");
        }
    }
}
