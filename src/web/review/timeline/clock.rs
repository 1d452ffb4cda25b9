//! Moments of a picture as words.

use std::cell::RefCell;
use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};

use crate::model::time::Timestamp;
use crate::web::http::zone::Zone;
use crate::words::Words;

/// The clock of a zone, in a language. It remembers what it has said: the end of a bar is the beginning of the next one, and
/// a page has two drawings of the same moments.
pub(super) struct Clock<'a> {
    words: &'a Words,
    pub(super) zone: Zone,
    /// The day on which all began.
    first_day: NaiveDate,
    times: RefCell<HashMap<Timestamp, String>>,
}

impl<'a> Clock<'a> {
    /// One for what began then.
    pub(super) fn new(words: &'a Words, zone: Zone, start: Timestamp) -> Self {
        Self {
            words,
            zone,
            first_day: zone.local(start).date_naive(),
            times: RefCell::default(),
        }
    }

    /// A moment to the second; with its day where that is not the day on which all began.
    pub(super) fn time(&self, at: Timestamp) -> String {
        let mut times = self.times.borrow_mut();
        let new = || {
            let local = self.local(at);
            let shown = self.words.second(local, local.date() != self.first_day);
            self.unmistakable(at, shown)
        };
        times.entry(at).or_insert_with(new).clone()
    }

    /// A moment to the minute.
    pub(super) fn minute(&self, at: Timestamp) -> String {
        self.words.minute(self.local(at), false)
    }

    /// With the offset where the clock shows the same time twice.
    pub(super) fn unmistakable(&self, at: Timestamp, shown: String) -> String {
        let zone = self.zone;
        if zone.shows_twice(at) {
            return format!("{shown} {}", zone.offset_name(at));
        }
        shown
    }

    pub(super) fn local(&self, at: Timestamp) -> NaiveDateTime {
        self.zone.local(at).naive_local()
    }
}
