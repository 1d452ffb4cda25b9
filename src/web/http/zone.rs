//! A reader's zone: what its clock shows at a moment, also where it is changed for summer and back.

use chrono::{DateTime, LocalResult, Offset, TimeZone};
use chrono_tz::Tz;

use crate::model::time::Timestamp;

/// A zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zone(Tz);

impl Zone {
    /// The zone in which times are stored and exported.
    pub(crate) const UTC: Self = Self(Tz::UTC);

    /// Reads a zone's name, as browsers say it.
    ///
    /// # Errors
    /// If there is no zone of this name.
    pub(crate) fn parse(name: &str) -> Result<Self, &'static str> {
        let zone = name.parse().map(Self);
        zone.map_err(|_| "must be a time zone such as Europe/Berlin")
    }

    /// The zone's name in the IANA database.
    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the zone's clock shows at a moment.
    pub(crate) fn local(self, at: Timestamp) -> DateTime<Tz> {
        let at = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
        at.with_timezone(&self.0)
    }

    /// How far the zone's clock is ahead of UTC at a moment, in milliseconds.
    pub(crate) fn offset_ms(self, at: Timestamp) -> i64 {
        i64::from(self.local(at).offset().fix().local_minus_utc()) * 1000
    }

    /// The same in words, which are alike in every language: `UTC`, `UTC+2`, `UTC-3:30`.
    pub(crate) fn offset_name(self, at: Timestamp) -> String {
        let minutes = self.offset_ms(at) / 60_000;
        let sign = if minutes < 0 { '-' } else { '+' };
        match (minutes.abs() / 60, minutes.abs() % 60) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
        }
    }

    /// Whether the clock shows the same twice, once at this moment: it is put back.
    pub(crate) fn shows_twice(self, at: Timestamp) -> bool {
        let shown = self.local(at).naive_local();
        matches!(self.0.from_local_datetime(&shown), LocalResult::Ambiguous(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        Timestamp(time.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis())
    }

    #[test]
    fn a_zone_has_the_offset_of_the_moment() {
        for (zone, time, shown, offset, twice) in [
            ("UTC", "2026-07-01T12:00:00Z", "12:00", "UTC", false),
            ("Europe/Berlin", "2026-10-24T23:59:00Z", "01:59", "UTC+2", false),
            ("Europe/Berlin", "2026-10-25T00:30:00Z", "02:30", "UTC+2", true),
            ("Europe/Berlin", "2026-10-25T01:30:00Z", "02:30", "UTC+1", true),
            ("Europe/Berlin", "2026-10-25T02:00:00Z", "03:00", "UTC+1", false),
            ("America/St_Johns", "2026-01-01T12:00:00Z", "08:30", "UTC-3:30", false),
            ("Europe/London", "2026-01-01T12:00:00Z", "12:00", "UTC", false),
            ("Asia/Calcutta", "2026-01-01T12:00:00Z", "17:30", "UTC+5:30", false),
        ] {
            let (zone, time) = (Zone::parse(zone).unwrap(), at(time));
            let found = (zone.local(time).format("%H:%M").to_string(), zone.offset_name(time));
            assert_eq!(found, (shown.to_owned(), offset.to_owned()), "{zone:?} {time:?}");
            assert_eq!(zone.shows_twice(time), twice, "{zone:?} {time:?}");
        }
        for name in ["", "Europe", "europe/berlin ", "+01:00", "60"] {
            assert!(Zone::parse(name).is_err(), "{name}");
        }
    }
}
