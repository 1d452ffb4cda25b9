//! Moments as elements: written in UTC, for the page's script to write in the reader's zone.

use std::fmt;

use askama::filters::HtmlSafe;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::time::Timestamp;
use crate::words::{Html, Words, message as m};

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
    shown: String,
    /// With its seconds, where they are not shown.
    exact: Option<String>,
}

impl Moment {
    fn new(at: DateTime<Utc>, form: &'static str, shown: String) -> Self {
        Self {
            at,
            form,
            shown,
            exact: None,
        }
    }

    fn with_seconds_in_title(self, words: &Words) -> Self {
        Self {
            exact: Some(words.second(self.at.naive_utc(), false)),
            ..self
        }
    }
}

/// The time of day, to the second; with its day if that is not the day of `start`.
pub(super) fn clock(words: &Words, at: impl At, start: impl At) -> Moment {
    let (at, is_other_day) = since(at, start);
    Moment::new(at, "clock", words.second(at.naive_utc(), is_other_day))
}

/// The time of day, to the minute; with its day if that is not the day of `start`.
pub(crate) fn minute(words: &Words, at: impl At, start: impl At) -> Moment {
    let (at, is_other_day) = since(at, start);
    Moment::new(at, "minute", words.minute(at.naive_utc(), is_other_day)).with_seconds_in_title(words)
}

/// A moment, and whether its day is another than that of `start`.
fn since(at: impl At, start: impl At) -> (DateTime<Utc>, bool) {
    let (at, start) = (utc(at.at()), utc(start.at()));
    (at, at.date_naive() != start.date_naive())
}

fn utc(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or_default()
}

/// The day and the time of day, to the minute.
pub(super) fn moment(words: &Words, at: impl At) -> Moment {
    let at = utc(at.at());
    Moment::new(at, "moment", words.day_minute(at.naive_utc()))
}

/// How long it is until then, counted down by the script; without one, until when.
pub(super) fn countdown(words: &Words, at: impl At) -> Moment {
    let at = utc(at.at());
    let time = &words.second(at.naive_utc(), false);
    Moment::new(at, "countdown", words.say(m::Until { time }))
}

/// The day with its weekday, for the head of what happened on it.
pub(super) fn weekday(words: &Words, at: impl At) -> String {
    words.weekday(utc(at.at()).naive_utc())
}

/// The time of day alone, to the minute, of what stands under its day.
pub(super) fn time(words: &Words, at: impl At) -> Moment {
    let at = utc(at.at());
    Moment::new(at, "time", words.minute(at.naive_utc(), false)).with_seconds_in_title(words)
}

/// The day alone, for where no element can be.
pub(super) fn plain_day(words: &Words, at: impl At) -> String {
    words.day(utc(at.at()).naive_utc())
}

/// The moment as scripts read it.
pub(super) fn iso(at: impl At) -> String {
    utc(at.at()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<time datetime=\"{}\" data-form=\"{}\"",
            iso(Timestamp(self.at.timestamp_millis())),
            self.form
        )?;
        if let Some(exact) = &self.exact {
            write!(f, " title=\"{}\"", Html::text(exact))?;
        }
        write!(f, ">{}</time>", Html::text(&self.shown))
    }
}

/// What it shows is escaped.
impl HtmlSafe for Moment {}
