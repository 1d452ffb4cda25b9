//! What of a session's timeline can be told apart in a picture.

use crate::history::intervals::{Interval, Intervals};
use crate::history::timeline::{Mark, MarkKind, Timeline, TimelineRow};
use crate::model::time::Timestamp;

/// Marks of one kind and person that are closer than so many pixels are one: they could not be told apart.
const APART: i64 = 6;

/// How often several happened is written beside them, as wide as so many of these distances: what falls there is one with them.
const LABEL: i64 = 4;

/// The most stretches of one person that are drawn apart.
const BARS: usize = 400;

/// One person's row, or that of all who were not in the room.
pub(super) struct PictureRow {
    /// In order; they never overlap.
    pub(super) bars: Vec<Bar>,
    /// In order.
    pub(super) marks: Vec<DrawnMark>,
}

/// A stretch of one person's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    /// From when until when, or until now.
    pub(super) interval: Interval,
    /// Whether they were there.
    pub(super) kind: BarKind,
}

/// What a [`Bar`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum BarKind {
    /// They had a live connection.
    Present,
    /// Their connection was gone, and they could still come back.
    Away,
}

/// A mark, or a few that are too close to be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DrawnMark {
    /// The first of them.
    pub(super) at: Timestamp,
    /// The last of them.
    pub(super) last: Timestamp,
    /// What happened.
    pub(super) kind: MarkKind,
    /// How often.
    pub(super) count: usize,
    /// The number of the first one's entry in the journal.
    pub(super) seq: i64,
}

impl PictureRow {
    /// A person's, of a picture whose time is so many pixels wide.
    pub(super) fn of(row: &TimelineRow, span: Interval, pixels: i64) -> Self {
        let step = step(span, pixels);
        Self {
            bars: bars(&row.present, &row.away, step),
            marks: marks(&row.marks, step),
        }
    }

    /// That of those who were not in the room, if there were any.
    pub(super) fn outside(timeline: &Timeline, pixels: i64) -> Option<Self> {
        (!timeline.outside.is_empty()).then(|| Self {
            bars: Vec::new(),
            marks: marks(&timeline.outside, step(timeline.span, pixels)),
        })
    }
}

impl DrawnMark {
    /// Whether what happened then cannot be told from these, or would be drawn over how often they happened.
    fn takes_in(&self, at: Timestamp, step: i64) -> bool {
        let since = |earlier: Timestamp| at.0.saturating_sub(earlier.0);
        since(self.last) < step || self.count > 1 && since(self.at) < step.saturating_mul(LABEL)
    }
}

/// How long what is drawn has to be, to be told from what is beside it.
fn step(span: Interval, pixels: i64) -> i64 {
    (span.ms() * APART / pixels).max(1)
}

fn marks(marks: &[Mark], step: i64) -> Vec<DrawnMark> {
    let mut drawn: Vec<DrawnMark> = Vec::new();
    for Mark { at, kind, seq } in marks.iter().copied() {
        let same = drawn.iter_mut().rev().find(|mark| mark.kind == kind);
        match same.filter(|mark| mark.takes_in(at, step)) {
            Some(mark) => {
                mark.count += 1;
                mark.last = at;
            }
            None => drawn.push(DrawnMark {
                at,
                last: at,
                kind,
                seq,
                count: 1,
            }),
        }
    }
    drawn
}

fn bars(present: &Intervals, away: &Intervals, step: i64) -> Vec<Bar> {
    let bar = |kind| move |interval| Bar { interval, kind };
    let mut bars: Vec<Bar> = present.iter().map(bar(BarKind::Present)).collect();
    bars.extend(away.iter().map(bar(BarKind::Away)));
    bars.sort_by_key(|bar| bar.interval.from);
    told_apart(bars, step)
}

/// What of many bars can be told apart: those that are shorter than a mark's place are one with what follows, by what they
/// mostly were. How often somebody came back there is said by the marks.
fn told_apart(bars: Vec<Bar>, step: i64) -> Vec<Bar> {
    if bars.len() <= BARS {
        return bars;
    }
    let mut told: Vec<Bar> = Vec::new();
    for bar in bars {
        match told.last_mut() {
            Some(last) if last.interval.ms() < step => {
                if bar.interval.ms() > last.interval.ms() {
                    last.kind = bar.kind;
                }
                last.interval.to = last.interval.to.max(bar.interval.to);
            }
            _ => told.push(bar),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64) -> Interval {
        Interval::new(Timestamp(from), Timestamp(to))
    }

    #[test]
    fn marks_that_cannot_be_told_apart_are_one() {
        let mark = |at, kind| Mark {
            at: Timestamp(at),
            kind,
            seq: at,
        };
        assert_eq!(step(span(0, 400_000), 2_400), 1_000);
        let all = [
            mark(0, MarkKind::Error),
            mark(10, MarkKind::Reconnect),
            mark(999, MarkKind::Error),
            // Near the one before, and below how often they happened.
            mark(1_500, MarkKind::Error),
            mark(3_999, MarkKind::Error),
            mark(4_999, MarkKind::Error),
        ];
        let drawn: Vec<_> = marks(&all, 1_000)
            .iter()
            .map(|mark| (mark.at.0, mark.kind, mark.count))
            .collect();
        assert_eq!(
            drawn,
            [
                (0, MarkKind::Error, 4),
                (10, MarkKind::Reconnect, 1),
                (4_999, MarkKind::Error, 1)
            ]
        );
    }

    #[test]
    fn few_bars_are_drawn_as_they_are_and_many_as_far_as_they_can_be_told_apart() {
        let intervals = |all: &[(i64, i64)]| Intervals::merge(all.iter().map(|(from, to)| span(*from, *to)));
        let (present, away) = (intervals(&[(0, 9), (10, 20)]), intervals(&[(9, 10)]));
        let drawn = bars(&present, &away, 1_000);
        let kinds: Vec<_> = drawn.iter().map(|bar| bar.kind).collect();
        assert_eq!(kinds, [BarKind::Present, BarKind::Away, BarKind::Present]);

        // Half a step each, mostly present.
        let all: Vec<_> = (0..800).map(|index| (index * 500, index * 500 + 400)).collect();
        let gaps: Vec<_> = all.iter().map(|(_, to)| (*to, *to + 100)).collect();
        let drawn = bars(&intervals(&all), &intervals(&gaps), 1_000);
        assert!(drawn.len() <= BARS, "{}", drawn.len());
        assert!(drawn.iter().all(|bar| bar.kind == BarKind::Present));
        assert!(
            drawn
                .windows(2)
                .all(|pair| pair[0].interval.to <= pair[1].interval.from)
        );
    }
}
