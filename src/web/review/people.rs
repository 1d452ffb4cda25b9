//! The people of one session, as many as a page can show: of a crowd a part at a time, in any order; of a multitude, of
//! whom not all are looked at, a part at a time by name.

use std::collections::HashSet;

use super::address;
use super::sorting::{self, Sorting};
use super::wording::isolated;
use crate::history::attendance::Attendance;
use crate::history::page::Page;
use crate::history::people::Person;
use crate::history::sessions::Session;
use crate::model::time::Timestamp;
use crate::web::http::error::Error;
use crate::web::http::params::{Params, kept_username};
use crate::web::state::Web;

/// The most people that are shown at once: more make no picture that tells anything, and no quick page.
const TOGETHER: usize = 60;
/// Of more than that, as many are shown at a time: their links lie far apart among all those of a crowd, and the disk
/// may have to be read for each.
const PART: usize = 20;

/// Which people are wanted, and in which order.
pub(super) struct PeopleQuery {
    pub(super) sorting: Option<Sorting>,
    /// How many come before them.
    skipped: usize,
    /// Of a multitude: the name that they come after.
    after: Option<String>,
}

/// A part of a crowd, to go to.
pub(super) struct PageLink {
    pub(super) title: String,
    pub(super) address: String,
    pub(super) is_shown: bool,
}

/// The people of a session.
pub(super) struct People {
    /// All of them, by name; `None` of a multitude.
    pub(super) everyone: Option<Vec<Attendance>>,
    /// How many they are.
    pub(super) count: usize,
    /// Those that are shown, by name.
    pub(super) shown: Vec<Person>,
    /// The same in the order asked for.
    pub(super) table: Vec<Attendance>,
    /// How many come before them in that order.
    skipped: usize,
    /// Of a multitude: the name that the next part comes after.
    next: Option<String>,
}

impl PeopleQuery {
    /// Takes the parameters `sort` and `people`, the number of the first that is shown, or of a multitude `name`, which
    /// they come after.
    pub(super) fn take(params: &mut Params) -> Result<Self, Error> {
        let sorting = params.optional("sort", Sorting::parse)?.flatten();
        let first = params.optional("people", number)?.unwrap_or(1);
        let after = params.optional("name", |raw| {
            kept_username(raw.to_owned()).ok_or("must be the name of a person")
        })?;
        Ok(Self {
            sorting,
            skipped: first - 1,
            after,
        })
    }

    /// The page at `path` with this query, as [`Self::take`] reads it, and with other parameters.
    pub(super) fn address(&self, path: &str, others: &[(&str, &str)]) -> String {
        let sort = self.sorting.map(Sorting::value).unwrap_or_default();
        let people = if self.skipped == 0 {
            String::new()
        } else {
            (self.skipped + 1).to_string()
        };
        address::page(
            path,
            &[
                &[
                    ("sort", sort.as_str()),
                    ("people", &people),
                    ("name", self.after.as_deref().unwrap_or_default()),
                ],
                others,
            ]
            .concat(),
        )
    }
}

fn number(raw: &str) -> Result<usize, &'static str> {
    let number = raw.parse().ok().filter(|number| *number >= 1);
    number.ok_or("must be a whole number from 1 on")
}

impl People {
    pub(super) async fn read(web: &Web, session: &Session, query: &PeopleQuery, now: Timestamp) -> Result<Self, Error> {
        let Some(mut shown) = web.history.everyone(session.id).await? else {
            return Self::of_multitude(web, session, query, now).await;
        };
        let everyone: Vec<_> = shown.iter().map(|person| person.attendance(session, now)).collect();
        let mut table = everyone.clone();
        sorting::sort(&mut table, query.sorting);
        let most = if everyone.len() > TOGETHER { PART } else { TOGETHER };
        let skipped = query.skipped.min(table.len());
        table.drain(..skipped);
        table.truncate(most);
        let ids: HashSet<_> = table.iter().map(|person| person.id).collect();
        shown.retain(|person| ids.contains(&person.id));
        Ok(Self {
            count: everyone.len(),
            everyone: Some(everyone),
            shown,
            table,
            skipped,
            next: None,
        })
    }

    async fn of_multitude(web: &Web, session: &Session, query: &PeopleQuery, now: Timestamp) -> Result<Self, Error> {
        let part = Page {
            limit: PART,
            after: query.after.clone(),
        };
        let found = web.history.people(session.id, &part).await?;
        Ok(Self {
            everyone: None,
            count: usize::try_from(session.unique_participants).unwrap_or_default(),
            table: found
                .rows
                .iter()
                .map(|person| person.attendance(session, now))
                .collect(),
            shown: found.rows,
            skipped: 0,
            next: found.next,
        })
    }

    /// Whether they are too many for one page.
    pub(super) fn is_crowd(&self) -> bool {
        self.table.len() < self.count
    }

    /// The parts, if there is more than one, on the page at `path`.
    pub(super) fn parts(&self, path: &str, query: &PeopleQuery) -> Vec<PageLink> {
        if !self.is_crowd() {
            return Vec::new();
        }
        if self.everyone.is_none() {
            return self.parts_of_multitude(path, query);
        }
        let part = |skipped: usize| PageLink {
            title: format!("{}–{}", skipped + 1, self.count.min(skipped + PART)),
            address: PeopleQuery {
                skipped,
                sorting: query.sorting,
                after: None,
            }
            .address(path, &[]),
            is_shown: skipped == self.skipped,
        };
        (0..self.count).step_by(PART).map(part).collect()
    }

    fn parts_of_multitude(&self, path: &str, query: &PeopleQuery) -> Vec<PageLink> {
        let part = |title: String, after: Option<String>| PageLink {
            title,
            is_shown: after == query.after,
            address: PeopleQuery {
                sorting: None,
                skipped: 0,
                after,
            }
            .address(path, &[]),
        };
        let first = part("The first by name".to_owned(), None);
        let next = self.next.as_ref();
        let next = next.map(|name| part(format!("Those after {}", isolated(name)), Some(name.clone())));
        [first].into_iter().chain(next).collect()
    }
}
