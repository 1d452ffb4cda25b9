//! What bars say when they are pointed at.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::clock::Clock;
use super::escape::text;
use super::picture::{Bar, BarKind};
use crate::history::intervals::Interval;
use crate::web::review::sentences::picture as told;
use crate::words::Words;

/// What the bars of a picture say, as it is written into it. It remembers what it has said: a page has two drawings of mostly the
/// same bars, and their titles are most of the work.
pub(super) struct Titles<'a> {
    pub(super) words: &'a Words,
    pub(super) clock: &'a Clock<'a>,
    said: RefCell<HashMap<(usize, Interval, BarKind), Rc<str>>>,
}

impl<'a> Titles<'a> {
    /// Those of one timeline, by a clock.
    pub(super) fn new(words: &'a Words, clock: &'a Clock<'a>) -> Self {
        Self {
            words,
            clock,
            said: RefCell::default(),
        }
    }

    /// That of a bar in a row, of somebody.
    pub(super) fn of(&self, row: usize, name: &str, bar: &Bar) -> Rc<str> {
        let Bar { interval, kind } = *bar;
        let new = || {
            let [from, to] = [interval.from, interval.to].map(|at| self.clock.time(at));
            let is_away = kind == BarKind::Away;
            text(&told::bar(self.words, name, is_away, &from, &to, interval.ms())).into()
        };
        let mut said = self.said.borrow_mut();
        Rc::clone(said.entry((row, interval, kind)).or_insert_with(new))
    }
}
