//! The people of one session, as many as a page can show: of a crowd a part at a time.

use std::collections::HashSet;

use super::address;
use super::sorting::{self, Sorting};
use crate::history::attendance::Attendance;
use crate::history::people::Person;
use crate::history::sessions::Session;
use crate::room::time::Timestamp;
use crate::web::Web;
use crate::web::error::Error;
use crate::web::params::Params;

/// The most people that are shown at once: more make no picture that tells anything, and no quick page.
const TOGETHER: usize = 60;
/// Of more than that, as many are shown at a time: their links lie far apart among all those of a crowd, and the disk
/// may have to be read for each.
const PART: usize = 20;

/// Which people are wanted, and in which order.
pub(super) struct Wish {
    pub(super) sorting: Option<Sorting>,
    /// How many come before them.
    skipped: usize,
}

/// A part of a crowd, to go to.
pub(super) struct Part {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) address: String,
    pub(super) is_shown: bool,
}

/// The people of a session.
pub(super) struct People {
    /// All of them, by name.
    pub(super) everyone: Vec<Attendance>,
    /// Those that are shown, by name.
    pub(super) shown: Vec<Person>,
    /// The same in the wished order.
    pub(super) table: Vec<Attendance>,
    /// How many come before them in that order.
    skipped: usize,
}

impl Wish {
    /// Takes the parameters `sort` and `people`, the number of the first that is shown.
    pub(super) fn take(params: &mut Params) -> Result<Self, Error> {
        let sorting = params.optional("sort", Sorting::parse)?.flatten();
        let first = params.optional("people", number)?.unwrap_or(1);
        Ok(Self {
            sorting,
            skipped: first - 1,
        })
    }

    /// The page at `path` with this wish, as [`Self::take`] reads it, and with other parameters.
    pub(super) fn address(&self, path: &str, others: &[(&str, &str)]) -> String {
        let sort = self.sorting.map(Sorting::value).unwrap_or_default();
        let people = if self.skipped == 0 {
            String::new()
        } else {
            (self.skipped + 1).to_string()
        };
        address::page(
            path,
            &[&[("sort", sort.as_str()), ("people", &people)], others].concat(),
        )
    }
}

fn number(raw: &str) -> Result<usize, &'static str> {
    let number = raw.parse().ok().filter(|number| *number >= 1);
    number.ok_or("must be a whole number from 1 on")
}

impl People {
    pub(super) async fn read(web: &Web, session: &Session, wish: &Wish, now: Timestamp) -> Result<Self, Error> {
        let mut shown = web.history.everyone(session.id).await?;
        let everyone: Vec<_> = shown.iter().map(|person| person.attendance(session, now)).collect();
        let mut table = everyone.clone();
        sorting::sort(&mut table, wish.sorting);
        let most = if everyone.len() > TOGETHER { PART } else { TOGETHER };
        let skipped = wish.skipped.min(table.len());
        table.drain(..skipped);
        table.truncate(most);
        let ids: HashSet<_> = table.iter().map(|person| person.id).collect();
        shown.retain(|person| ids.contains(&person.id));
        Ok(Self {
            everyone,
            shown,
            table,
            skipped,
        })
    }

    /// Whether they are too many for one page.
    pub(super) fn is_crowd(&self) -> bool {
        self.table.len() < self.everyone.len()
    }

    /// The parts, if there is more than one, on the page at `path`.
    pub(super) fn parts(&self, path: &str, wish: &Wish) -> Vec<Part> {
        if !self.is_crowd() {
            return Vec::new();
        }
        let part = |skipped: usize| Part {
            first: skipped + 1,
            last: self.everyone.len().min(skipped + PART),
            address: Wish { skipped, ..*wish }.address(path, &[]),
            is_shown: skipped == self.skipped,
        };
        (0..self.everyone.len()).step_by(PART).map(part).collect()
    }
}
