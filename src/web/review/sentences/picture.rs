//! The picture: what its bars and marks say when they are pointed at.

use super::wording::counted;
use crate::history::timeline::MarkKind;
use crate::model::time::Timestamp;
use crate::web::http::zone::Zone;
use crate::words::{Words, message as m};

/// A stretch of somebody's time.
pub(crate) fn bar(words: &Words, name: &str, is_away: bool, from: &str, to: &str, ms: i64) -> String {
    let (name, duration) = (&words.isolated(name), &words.duration(ms));
    if is_away {
        words.say(m::BarAway {
            name,
            from,
            to,
            duration,
        })
    } else {
        words.say(m::BarPresent {
            name,
            from,
            to,
            duration,
        })
    }
}

/// What happened to somebody.
pub(crate) fn mark(words: &Words, name: &str, kind: MarkKind, time: &str, count: usize) -> String {
    let (name, count) = (&words.isolated(name), counted(count));
    match (kind, count) {
        (MarkKind::Reconnect, 1) => words.say(m::MarkCameBack { name, time }),
        (MarkKind::Reconnect, _) => words.say(m::MarkCameBackOften { name, time, count }),
        (MarkKind::Error, 1) => words.say(m::MarkRefused { name, time }),
        (MarkKind::Error, _) => words.say(m::MarkRefusedOften { name, time, count }),
    }
}

/// Somebody's contact was lost for good.
pub(crate) fn lost_at(words: &Words, name: &str, time: &str) -> String {
    words.say(m::MarkLost {
        name: &words.isolated(name),
        time,
    })
}

/// A zone by its name and its offset, both of them if that changes: `Europe/Berlin (UTC+2, then UTC+1)`.
pub(crate) fn zone(words: &Words, zone: Zone, from: Timestamp, to: Timestamp) -> String {
    let (name, first, last) = (zone.name(), &zone.offset_name(from), &zone.offset_name(to));
    match (name == first, first == last) {
        (true, _) => first.clone(),
        (_, true) => format!("{name} ({first})"),
        (_, false) => words.say(m::ZoneThatChanges {
            zone: name,
            first,
            last,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::Language;

    #[test]
    fn a_zone_is_described_with_what_it_changes() {
        let at = |time: &str| {
            Timestamp(
                time.parse::<chrono::DateTime<chrono::Utc>>()
                    .unwrap()
                    .timestamp_millis(),
            )
        };
        let (summer, winter) = (at("2026-10-24T12:00:00Z"), at("2026-10-25T12:00:00Z"));
        for (name, described) in [
            ("UTC", "UTC"),
            ("Europe/Berlin", "Europe/Berlin (UTC+2, then UTC+1)"),
            ("Asia/Kolkata", "Asia/Kolkata (UTC+5:30)"),
        ] {
            let words = Words::of(Language::EnGb);
            assert_eq!(zone(words, Zone::parse(name).unwrap(), summer, winter), described);
        }
    }
}
