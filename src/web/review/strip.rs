//! People over time in a strip: how long a session was, how full, and when somebody dropped or was lost.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::history::glance::Glance;
use crate::history::intervals::Interval;
use crate::history::person::PersonSession;
use crate::model::time::Timestamp;

/// How wide the longest of a page is, and how tall each is, without the ticks below.
const WIDTH: i64 = 150;
const HEIGHT: i64 = 18;

/// A strip as paths of an SVG of 150 by 24 pixels.
pub(super) struct Strip {
    /// People over time.
    pub(super) area: String,
    /// Drops.
    pub(super) drops: String,
    /// Losses.
    pub(super) losses: String,
    /// What is not drawn, if it is of a session that goes on beyond the edge.
    pub(super) beyond: Option<Beyond>,
}

/// What a strip has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beyond {
    /// How much of the session is drawn.
    pub(super) drawn_ms: i64,
    /// How many drops came later.
    pub(super) drops: usize,
    /// How many were lost later.
    pub(super) losses: usize,
}

impl Strip {
    /// Draws one on a page whose strips have room for so much time. What happened before or after that has no mark, as it would
    /// stand where it did not happen.
    pub(super) fn of(glance: &Glance, span: Interval, scale_ms: i64) -> Self {
        let after = |at: Timestamp| at.min(span.to).0 - span.from.0;
        let x = |ms: i64| ms.clamp(0, scale_ms).saturating_mul(WIDTH) / scale_ms.max(1);
        let ticks = |moments: &[Timestamp]| {
            let all = moments.iter().map(|at| after(*at));
            at_each(all.filter(|ms| (0..=scale_ms).contains(ms)).map(x), "19v5")
        };
        let later = |moments: &[Timestamp]| moments.iter().filter(|at| after(**at) > scale_ms).count();
        Self {
            area: area(glance, |at| x(after(at))),
            drops: ticks(&glance.drops),
            losses: ticks(&glance.losses),
            beyond: (span.ms() > scale_ms).then(|| Beyond {
                drawn_ms: scale_ms,
                drops: later(&glance.drops),
                losses: later(&glance.losses),
            }),
        }
    }
}

impl Beyond {
    /// How an arrow looks that stands for all marks of later, if there are any: as the worst of them.
    pub(super) fn arrow(self) -> Option<&'static str> {
        match self {
            Self { losses: 1.., .. } => Some("missed"),
            Self { drops: 1.., .. } => Some("drop"),
            Self { .. } => None,
        }
    }
}

/// One person over a whole session, as paths of an SVG of the same size.
pub(super) struct PersonStrip {
    /// When they were there.
    pub(super) there: String,
    /// Drops that they came back from.
    pub(super) drops: String,
    /// That they did not come back.
    pub(super) lost: String,
    /// With whom they never connected.
    pub(super) unconnected: String,
}

impl PersonStrip {
    pub(super) fn of(visit: &PersonSession) -> Self {
        let PersonSession {
            session,
            attendance,
            unconnected,
        } = visit;
        let span = session.span();
        let x = |at: Timestamp| (at.clamp(span.from, span.to).0 - span.from.0) * WIDTH / span.ms().max(1);
        let mut there = String::new();
        for interval in &attendance.intervals {
            let from = x(interval.from);
            let width = (x(interval.to.unwrap_or(span.to)) - from).max(1);
            // Writing to a string cannot fail.
            let _ = write!(there, "M{from} 6h{width}v10h-{width}z");
        }
        let drops = attendance.losses.iter().filter(|loss| loss.back.is_some());
        let last = attendance.intervals.last().and_then(|last| last.to);
        let lost = last.filter(|_| attendance.needs_attention());
        Self {
            there,
            drops: at_each(drops.map(|loss| x(loss.at)), "19v5"),
            lost: at_each(lost.into_iter().map(x), "3v16"),
            // A cross, within the strip also at its edges.
            unconnected: at_each(
                unconnected.iter().map(|at| x(*at).clamp(2, WIDTH - 2) - 2),
                "0l4 4m-4 0 4-4",
            ),
        }
    }
}

/// The same stroke at each of some places.
fn at_each(places: impl Iterator<Item = i64>, stroke: &str) -> String {
    let places: BTreeSet<i64> = places.collect();
    places.into_iter().map(|place| format!("M{place} {stroke}")).collect()
}

/// Steps up and down, as many pixels as there are people, at most once for each pixel across.
fn area(glance: &Glance, x: impl Fn(Timestamp) -> i64) -> String {
    let mut steps: Vec<(i64, i64)> = Vec::with_capacity(glance.present.len() * 2);
    for interval in &glance.present {
        let from = x(interval.from);
        let to = x(interval.to);
        if to > 0 && from < WIDTH {
            steps.extend([(from, 1), (to.max(from + 1), -1)]);
        }
    }
    steps.sort_unstable_by_key(|(at, step)| (*at, -*step));
    let mut most = 0;
    let mut levels: Vec<(i64, i64)> = Vec::new();
    let mut people = 0;
    for (at, step) in steps {
        people += step;
        most = most.max(people);
        match levels.last_mut() {
            Some((last, level)) if *last == at => *level = people,
            _ => levels.push((at, people)),
        }
    }
    let Some((first, _)) = levels.first() else {
        return String::new();
    };
    let mut path = format!("M{first} {HEIGHT}");
    for (at, level) in levels {
        let _ = write!(path, "H{at}V{}", HEIGHT - level * HEIGHT / most.max(1));
    }
    path.push('Z');
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_and_go_in_steps_on_the_page_s_scale() {
        let interval = |from, to| Interval::new(Timestamp(from), Timestamp(to));
        let glance = Glance {
            present: vec![interval(0, 500), interval(100, 400)],
            drops: vec![Timestamp(400), Timestamp(401)],
            ..Glance::default()
        };
        let strip = Strip::of(&glance, interval(0, 500), 1_500);
        assert_eq!(strip.area, "M0 18H0V9H10V0H40V9H50V18Z");
        assert_eq!((strip.drops.as_str(), strip.losses.as_str()), ("M40 19v5", ""));
        assert_eq!(strip.beyond, None);
        assert_eq!(Strip::of(&Glance::default(), interval(0, 0), 0).area, "");
    }

    #[test]
    fn what_a_strip_has_no_room_for_is_counted_and_has_no_mark_where_it_was_not() {
        let glance = Glance {
            present: vec![Interval::new(Timestamp(1_000), Timestamp(9_000))],
            drops: [500, 1_750, 2_500, 2_501, 8_000].map(Timestamp).to_vec(),
            losses: vec![Timestamp(8_500)],
            ..Glance::default()
        };
        let strip = Strip::of(&glance, Interval::new(Timestamp(1_000), Timestamp(9_000)), 1_500);
        assert_eq!(strip.area, "M0 18H0V0H150V18Z");
        assert_eq!((strip.drops.as_str(), strip.losses.as_str()), ("M75 19v5M150 19v5", ""));
        let beyond = Beyond {
            drawn_ms: 1_500,
            drops: 2,
            losses: 1,
        };
        assert_eq!(strip.beyond, Some(beyond));
        assert_eq!(beyond.arrow(), Some("missed"));
        assert_eq!(Beyond { losses: 0, ..beyond }.arrow(), Some("drop"));
    }
}
