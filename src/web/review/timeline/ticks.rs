//! Where the clock of a zone shows a round time.

use crate::history::intervals::Interval;
use crate::model::time::Timestamp;
use crate::web::http::zone::Zone;

/// Round moments of the zone's clock within the session, `at_most` of them, and how far they are apart on that
/// clock in milliseconds.
pub(super) fn ticks(span: Interval, zone: Zone, at_most: usize) -> (Vec<Timestamp>, i64) {
    let days = (1..).map(|days| days * DAY);
    for step in STEPS.into_iter().chain(days) {
        let ticks: Vec<Timestamp> = round_moments(span, zone, step).take(at_most + 1).collect();
        if ticks.len() <= at_most {
            return (ticks, step);
        }
    }
    (Vec::new(), DAY)
}

/// The moments within the session at which the zone's clock shows a multiple of `step`.
fn round_moments(span: Interval, zone: Zone, step: i64) -> impl Iterator<Item = Timestamp> {
    let last = span.to.0;
    let moments = std::iter::successors(round_from(zone, span.from.0, step), move |at| {
        round_from(zone, at + 1, step)
    });
    moments.take_while(move |at| *at <= last).map(Timestamp)
}

/// The first such moment from a moment on. Where the clock is changed on the way, the rest of the way is measured on
/// the changed clock; a round time that it leaps over is none.
fn round_from(zone: Zone, mut from: i64, step: i64) -> Option<i64> {
    let offset = |at| zone.offset_ms(Timestamp(at));
    loop {
        let before = offset(from);
        let at = next_multiple(from, step, before)?;
        let after = offset(at);
        if after == before {
            return Some(at);
        }
        let changed = next_multiple(from, step, after)?;
        if offset(changed) == after {
            return Some(changed);
        }
        from = at;
    }
}

/// The first moment from `from` on that is a multiple of `step` on a clock that is `offset` ahead.
fn next_multiple(from: i64, step: i64, offset: i64) -> Option<i64> {
    let steps = from.checked_add(offset)?.checked_add(step - 1)?.div_euclid(step);
    steps.checked_mul(step)?.checked_sub(offset)
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The distances between ticks that a clock's reader takes for round.
const STEPS: [i64; 17] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::START_MS;

    fn span(from: i64, length: i64) -> Interval {
        Interval::new(Timestamp(from), Timestamp(from + length))
    }

    #[test]
    fn ticks_are_round_and_few_for_any_length() {
        // One second, one minute, a lesson, eight hours, a day, a term.
        for length in [SECOND, MINUTE, 52 * MINUTE, 8 * HOUR, DAY, 120 * DAY] {
            let (found, step) = ticks(span(START_MS + 12_345, length), Zone::UTC, 10);
            assert!(
                found.len() <= 10 && found.len() >= usize::from(length > SECOND) * 3,
                "{length}: {found:?}"
            );
            assert!(
                found.iter().all(|tick| tick.0 % step == 0),
                "{length}: {step} {found:?}"
            );
            assert!(found.windows(2).all(|pair| pair[1].0 - pair[0].0 == step));
        }
        let (found, step) = ticks(span(START_MS, 52 * MINUTE), Zone::UTC, 10);
        assert_eq!(step, 10 * MINUTE);
        assert_eq!(found.first(), Some(&Timestamp(START_MS)), "an edge counts");
        assert_eq!(ticks(span(START_MS, 0), Zone::UTC, 10).0, [Timestamp(START_MS)]);
    }

    #[test]
    fn ticks_follow_the_clock_of_the_zone() {
        let half_past = Zone::parse("Asia/Kolkata").unwrap();
        let (found, step) = ticks(span(START_MS, 8 * HOUR), half_past, 10);
        assert_eq!((step, found[0].0), (HOUR, START_MS + HOUR / 2));
    }

    #[test]
    fn ticks_are_round_on_either_side_of_a_change_of_the_clock() {
        for (zone, from, hours, expected) in [
            // At 2 it is 3.
            ("Europe/Berlin", "2026-03-28T17:00:00Z", 24, "18 21 0 3 6 9 12 15 18"),
            ("Europe/Berlin", "2026-03-29T00:00:00Z", 4, "1 1.5 3 3.5 4 4.5 5 5.5 6"),
            // At 3 it is 2 again.
            ("Europe/Berlin", "2026-10-24T16:00:00Z", 26, "18 21 0 3 6 9 12 15 18"),
            ("Europe/Berlin", "2026-10-24T23:00:00Z", 4, "1 1.5 2 2.5 2 2.5 3 3.5 4"),
            // Half an hour only: at 2 it is 2:30.
            ("Australia/Lord_Howe", "2026-10-03T12:30:00Z", 12, "0 4 6 8 10"),
            // There is no midnight: at 0 it is 1.
            ("Africa/Cairo", "2026-04-22T22:00:00Z", 40, "0 6 12 18 6 12"),
        ] {
            let from = chrono::DateTime::parse_from_rfc3339(from).unwrap().timestamp_millis();
            let zone = Zone::parse(zone).unwrap();
            let (found, _) = ticks(span(from, hours * HOUR), zone, 9);
            let hour = |at: &Timestamp| {
                let minutes = (at.0 + zone.offset_ms(*at)).rem_euclid(DAY) / MINUTE;
                format!("{}", f64::from(u16::try_from(minutes).unwrap()) / 60.0)
            };
            let hours: Vec<String> = found.iter().map(hour).collect();
            assert_eq!(hours.join(" "), expected, "{zone:?}");
        }
    }
}
