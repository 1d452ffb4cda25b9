//! Readers' clocks in 2026, written down by hand: when each is changed, and how far it is ahead of UTC from then on.

use chrono::DateTime;

pub(super) struct WrittenZone {
    pub(super) name: &'static str,
    /// From when (RFC 3339) the clock is so many minutes ahead. The first one holds before, too.
    clock: &'static [(&'static str, i64)],
}

pub(super) const ZONES: [WrittenZone; 8] = [
    zone("UTC", &[("2026-01-01T00:00:00Z", 0)]),
    zone(
        "Europe/Berlin",
        &[
            ("2026-01-01T00:00:00Z", 60),
            ("2026-03-29T01:00:00Z", 120),
            ("2026-10-25T01:00:00Z", 60),
        ],
    ),
    zone(
        "Europe/London",
        &[
            ("2026-01-01T00:00:00Z", 0),
            ("2026-03-29T01:00:00Z", 60),
            ("2026-10-25T01:00:00Z", 0),
        ],
    ),
    zone(
        "America/New_York",
        &[
            ("2026-01-01T00:00:00Z", -300),
            ("2026-03-08T07:00:00Z", -240),
            ("2026-11-01T06:00:00Z", -300),
        ],
    ),
    zone(
        "America/St_Johns",
        &[
            ("2026-01-01T00:00:00Z", -210),
            ("2026-03-08T05:30:00Z", -150),
            ("2026-11-01T04:30:00Z", -210),
        ],
    ),
    zone(
        "Australia/Lord_Howe",
        &[
            ("2026-01-01T00:00:00Z", 660),
            ("2026-04-04T15:00:00Z", 630),
            ("2026-10-03T15:30:00Z", 660),
        ],
    ),
    zone("Asia/Kathmandu", &[("2026-01-01T00:00:00Z", 345)]),
    zone("Pacific/Kiritimati", &[("2026-01-01T00:00:00Z", 840)]),
];

const fn zone(name: &'static str, clock: &'static [(&'static str, i64)]) -> WrittenZone {
    WrittenZone { name, clock }
}

/// Milliseconds since 1970 of a moment as RFC 3339 writes it.
pub(super) fn ms(time: &str) -> i64 {
    DateTime::parse_from_rfc3339(time).unwrap().timestamp_millis()
}

/// A number of milliseconds since 1970, UTC's or a clock's, as a pattern says.
pub(super) fn written(ms: i64, pattern: &str) -> String {
    let written = DateTime::from_timestamp_millis(ms).unwrap().format(pattern).to_string();
    // As it is written in Britain.
    written.replace("Sep", "Sept")
}

impl WrittenZone {
    pub(super) fn named(name: &str) -> &'static Self {
        const KNOWN: &[WrittenZone] = &ZONES;
        KNOWN.iter().find(|zone| zone.name == name).unwrap()
    }

    /// When the clock is changed.
    pub(super) fn changes(&self) -> Vec<i64> {
        self.clock[1..].iter().map(|(from, _)| ms(from)).collect()
    }

    fn minutes(&self, at: i64) -> i64 {
        let begun = self.clock.iter().rev().find(|(from, _)| ms(from) <= at);
        begun.unwrap_or(&self.clock[0]).1
    }

    /// What the clock shows, as milliseconds since it showed the beginning of 1970.
    pub(super) fn clock(&self, at: i64) -> i64 {
        at + self.minutes(at) * 60_000
    }

    /// `UTC+2`.
    pub(super) fn offset(&self, at: i64) -> String {
        let minutes = self.minutes(at);
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        let sign = if minutes < 0 { "-" } else { "+" };
        match (minutes, rest) {
            (0, _) => "UTC".to_owned(),
            (_, 0) => format!("UTC{sign}{hours}"),
            _ => format!("UTC{sign}{hours}:{rest}"),
        }
    }

    /// The time, with its day if that is not the day of `start`, and with the offset if the clock shows it twice.
    pub(super) fn time(&self, at: i64, start: i64) -> String {
        let shown = self.clock(at);
        let other_day = written(shown, "%F") != written(self.clock(start), "%F");
        let mut text = written(shown, if other_day { "%-d %b, %H:%M:%S" } else { "%H:%M:%S" });
        let twice = self.clock.iter().any(|(_, minutes)| {
            let same = shown - minutes * 60_000;
            same != at && self.clock(same) == shown
        });
        if twice {
            text = format!("{text} {}", self.offset(at));
        }
        text
    }

    /// How the zone is named with a session.
    pub(super) fn told(&self, from: i64, to: i64) -> String {
        let (first, last) = (self.offset(from), self.offset(to));
        match self.name {
            "UTC" => first,
            name if first == last => format!("{name} ({first})"),
            name => format!("{name} ({first}, then {last})"),
        }
    }
}
