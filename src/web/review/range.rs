//! A range of days, as a form with two dates asks for it.

use chrono::{FixedOffset, NaiveDate, NaiveTime, Offset, TimeZone, Utc};
use serde::{Deserialize, Deserializer};

use crate::model::time::Timestamp;
use crate::web::http::params::filled;
use crate::web::http::query::SharedParameters;

/// The days wanted, the last one included. A date may say the offset of its zone, `2026-03-01+01:00`: the page's script
/// adds the reader's. Without one it is UTC's day.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    #[serde(default, deserialize_with = "first_day")]
    from: Option<Day>,
    #[serde(default, deserialize_with = "last_day")]
    to: Option<Day>,
}

impl SharedParameters for Range {
    const NAMES: &'static [&'static str] = &["from", "to"];
}

/// A day as it is given, and the moment that it is a bound by.
#[derive(Debug)]
struct Day {
    raw: String,
    bound: Timestamp,
}

impl Range {
    /// Whether no days are given.
    pub(super) fn is_empty(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// The first moment wanted, and the first that is not any more.
    pub(super) fn bounds(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let bound = |day: &Option<Day>| day.as_ref().map(|day| day.bound);
        (bound(&self.from), bound(&self.to))
    }

    /// The parameters that ask for these days.
    pub(super) fn params(&self) -> [(&'static str, &str); 2] {
        [("from", raw(self.from.as_ref())), ("to", raw(self.to.as_ref()))]
    }

    /// The date alone, for the form.
    pub(super) fn first_date(&self) -> &str {
        date(raw(self.from.as_ref()))
    }

    /// The date alone, for the form.
    pub(super) fn last_date(&self) -> &str {
        date(raw(self.to.as_ref()))
    }
}

fn raw(day: Option<&Day>) -> &str {
    day.map_or("", |day| &day.raw)
}

fn first_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Day>, D::Error> {
    filled(deserializer, |raw| Day::parse(raw, false))
}

fn last_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Day>, D::Error> {
    filled(deserializer, |raw| Day::parse(raw, true))
}

impl Day {
    fn parse(raw: &str, is_end: bool) -> Result<Self, &'static str> {
        Ok(Self {
            bound: bound(raw, is_end)?,
            raw: raw.to_owned(),
        })
    }
}

const DATE_LENGTH: usize = 10;

fn date(raw: &str) -> &str {
    raw.get(..DATE_LENGTH).unwrap_or_default()
}

/// The start of a day, or the end: both at the offset given.
fn bound(raw: &str, is_end: bool) -> Result<Timestamp, &'static str> {
    const WRONG: &str = "must be a day such as 2026-03-01";
    let zone = raw.get(DATE_LENGTH..).ok_or(WRONG)?;
    let mut day: NaiveDate = date(raw).parse().map_err(|_| WRONG)?;
    if is_end {
        day = day.succ_opt().ok_or(WRONG)?;
    }
    let zone: FixedOffset = match zone {
        "" => Utc.fix(),
        // In a query an unescaped `+` stands for a space.
        zone => zone.replace(' ', "+").parse().map_err(|_| WRONG)?,
    };
    let start = zone
        .from_local_datetime(&day.and_time(NaiveTime::MIN))
        .single()
        .ok_or(WRONG)?;
    Ok(Timestamp(start.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_and_end_in_their_zone() {
        const DAY: i64 = 86_400_000;
        const HOUR: i64 = 3_600_000;
        for (raw, start, end) in [
            ("1970-01-02", DAY, 2 * DAY),
            ("1970-01-02+01:00", DAY - HOUR, 2 * DAY - HOUR),
            ("1970-01-02 01:00", DAY - HOUR, 2 * DAY - HOUR),
            ("1970-01-02-03:30", DAY + 7 * HOUR / 2, 2 * DAY + 7 * HOUR / 2),
        ] {
            assert_eq!(bound(raw, false), Ok(Timestamp(start)), "{raw}");
            assert_eq!(bound(raw, true), Ok(Timestamp(end)), "{raw}");
        }
        for raw in [
            "",
            "1970-13-01",
            "yesterday!",
            "1970-01-01x",
            "19700101",
            "1970-01-01T00:00:00Z",
            "日本日本",
        ] {
            assert!(bound(raw, false).is_err(), "{raw}");
        }
    }
}
