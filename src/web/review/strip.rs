//! People over time in a strip: how long a session was, how full, and when somebody dropped or was lost.

use std::fmt::Write;

use crate::history::glance::Glance;
use crate::history::intervals::Interval;
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
}

impl Strip {
    /// Draws one on a page whose strips have room for so much time: what is longer ends at the edge.
    pub(super) fn of(glance: &Glance, span: Interval, scale_ms: i64) -> Self {
        let x = |at: Timestamp| {
            let within = at.clamp(span.from, span.to).0 - span.from.0;
            (within.saturating_mul(WIDTH) / scale_ms.max(1)).min(WIDTH)
        };
        let ticks = |moments: &[Timestamp]| {
            let mut places: Vec<i64> = moments.iter().map(|at| x(*at)).collect();
            places.sort_unstable();
            places.dedup();
            let mut path = String::new();
            for place in places {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{place} 19v5");
            }
            path
        };
        Self {
            area: area(glance, x),
            drops: ticks(&glance.drops),
            losses: ticks(&glance.losses),
        }
    }
}

/// When one person was there in a session, over the width of the strip.
pub(super) fn presence(intervals: &[Interval], span: Interval) -> String {
    let x = |at: Timestamp| (at.clamp(span.from, span.to).0 - span.from.0) * WIDTH / span.ms().max(1);
    let mut path = String::new();
    for interval in intervals {
        let from = x(interval.from);
        let width = (x(interval.to) - from).max(1);
        // Writing to a string cannot fail.
        let _ = write!(path, "M{from} 6h{width}v10h-{width}z");
    }
    path
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
        assert_eq!(Strip::of(&Glance::default(), interval(0, 0), 0).area, "");
    }
}
