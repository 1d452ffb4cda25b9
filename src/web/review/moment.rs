//! Moments as elements: written in UTC, for the page's script to write in the reader's zone.

use std::fmt;

use askama::filters::HtmlSafe;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::time::Timestamp;

/// A moment however a template gets at it.
pub(crate) trait At {
    fn at(self) -> Timestamp;
}

impl At for Timestamp {
    fn at(self) -> Timestamp {
        self
    }
}

impl<T: At + Copy> At for &T {
    fn at(self) -> Timestamp {
        (*self).at()
    }
}

/// A `time` element. Its form is the one that the script uses.
pub(crate) struct Moment {
    at: DateTime<Utc>,
    form: &'static str,
    pattern: &'static str,
    /// The title with its seconds, where they are not shown.
    exact: String,
}

impl Moment {
    fn new(at: Timestamp, form: &'static str, pattern: &'static str) -> Self {
        Self {
            at: utc(at),
            form,
            pattern,
            exact: String::new(),
        }
    }

    fn with_seconds_in_title(self) -> Self {
        Self {
            exact: format!(" title=\"{}\"", self.at.format("%H:%M:%S")),
            ..self
        }
    }
}

/// The time of day, to the second; with its day if that is not the day of `start`.
pub(super) fn clock(at: impl At, start: impl At) -> Moment {
    let (at, start) = (at.at(), start.at());
    let pattern = if is_same_day(at, start) {
        "%H:%M:%S"
    } else {
        "%-d %b, %H:%M:%S"
    };
    Moment::new(at, "clock", pattern)
}

/// The time of day, to the minute; with its day if that is not the day of `start`.
pub(crate) fn minute(at: impl At, start: impl At) -> Moment {
    let (at, start) = (at.at(), start.at());
    let pattern = if is_same_day(at, start) {
        "%H:%M"
    } else {
        "%-d %b, %H:%M"
    };
    Moment::new(at, "minute", pattern).with_seconds_in_title()
}

fn is_same_day(at: Timestamp, start: Timestamp) -> bool {
    utc(at).date_naive() == utc(start).date_naive()
}

fn utc(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or_default()
}

/// The day and the time of day, to the minute.
pub(super) fn moment(at: impl At) -> Moment {
    Moment::new(at.at(), "moment", "%-d %b %Y, %H:%M")
}

/// How long it is until then, counted down by the script; without one, until when.
pub(super) fn countdown(at: impl At) -> Moment {
    Moment::new(at.at(), "countdown", "until %H:%M:%S UTC")
}

/// The day with its weekday, for the head of what happened on it.
pub(super) fn weekday(at: impl At) -> String {
    utc(at.at()).format("%A, %-d %b %Y").to_string()
}

/// The time of day alone, to the minute, of what stands under its day.
pub(super) fn time(at: impl At) -> Moment {
    Moment::new(at.at(), "time", "%H:%M").with_seconds_in_title()
}

/// The day alone, for where no element can be.
pub(super) fn plain_day(at: impl At) -> String {
    utc(at.at()).format("%-d %b %Y").to_string()
}

/// The moment as scripts read it.
pub(super) fn iso(at: impl At) -> String {
    utc(at.at()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<time datetime=\"{}\" data-form=\"{}\"{}>{}</time>",
            self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            self.form,
            self.exact,
            self.at.format(self.pattern)
        )
    }
}

/// Nothing of it comes from outside.
impl HtmlSafe for Moment {}
