//! A range of days, as a form with two dates asks for it.

use chrono::{FixedOffset, NaiveDate, NaiveTime, Offset, TimeZone, Utc};

use crate::model::time::Timestamp;
use crate::web::http::error::Error;
use crate::web::http::params::Params;

/// The days wanted, the last one included. A date may say the offset of its zone, `2026-03-01+01:00`: the page's script
/// adds the reader's. Without one it is UTC's day.
#[derive(Debug, Default)]
pub(super) struct Range {
    /// As given.
    pub(super) from: String,
    /// As given.
    pub(super) to: String,
    bounds: (Option<Timestamp>, Option<Timestamp>),
}

impl Range {
    /// Takes `from` and `to`.
    pub(super) fn take(params: &mut Params) -> Result<Self, Error> {
        let mut given = [String::new(), String::new()];
        let mut bounds = [None, None];
        for (index, name) in ["from", "to"].into_iter().enumerate() {
            let read = |raw: &str| day(raw, index == 1).map(|bound| (raw.to_owned(), bound));
            if let Some((raw, bound)) = params.optional(name, read)? {
                given[index] = raw;
                bounds[index] = bound;
            }
        }
        let [from, to] = given;
        let bounds = (bounds[0], bounds[1]);
        Ok(Self { from, to, bounds })
    }

    /// The first moment wanted, and the first that is not any more.
    pub(super) fn bounds(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        self.bounds
    }

    /// The date alone, for the form.
    pub(super) fn first_date(&self) -> &str {
        date(&self.from)
    }

    /// The date alone, for the form.
    pub(super) fn last_date(&self) -> &str {
        date(&self.to)
    }
}

const DATE_LENGTH: usize = 10;

fn date(raw: &str) -> &str {
    raw.get(..DATE_LENGTH).unwrap_or_default()
}

/// The start of a day, or the end: both at the offset given. Nothing is wanted of an empty field.
fn day(raw: &str, is_end: bool) -> Result<Option<Timestamp>, &'static str> {
    const WRONG: &str = "must be a day such as 2026-03-01";
    if raw.is_empty() {
        return Ok(None);
    }
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
    Ok(Some(Timestamp(start.timestamp_millis())))
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
            assert_eq!(day(raw, false), Ok(Some(Timestamp(start))), "{raw}");
            assert_eq!(day(raw, true), Ok(Some(Timestamp(end))), "{raw}");
        }
        assert_eq!(day("", true), Ok(None));
        for raw in [
            "1970-13-01",
            "yesterday!",
            "1970-01-01x",
            "19700101",
            "1970-01-01T00:00:00Z",
            "日本日本",
        ] {
            assert!(day(raw, false).is_err(), "{raw}");
        }
    }
}
