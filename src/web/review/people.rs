//! The people of one session, as many as a page can show: of many, some at a time in any order; of so many that they
//! cannot all be looked at, some at a time by name.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Deserializer};

use super::address;
use super::pairs::ConnectedCount;
use super::sorting::{self, Sorting};
use crate::history::attendance::Attendance;
use crate::history::outages::{Outage, outages_among};
use crate::history::page::Page;
use crate::history::people::Person;
use crate::history::sessions::Session;
use crate::model::time::Timestamp;
use crate::web::http::error::Error;
use crate::web::http::params::{field, filled, kept_username};
use crate::web::http::query::SharedParameters;
use crate::web::state::AppState;
use crate::words::{Words, message as m};

/// The most people that are shown on one page: more make no picture that tells anything, and no quick page.
const MOST_ON_ONE_PAGE: usize = 60;
/// Of more than that, as many are shown on each page: their links lie far apart among all those of the session, and the
/// disk may have to be read for each.
const PAGE_SIZE: usize = 20;

/// Which people are wanted, and in which order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeopleQuery {
    #[serde(rename = "sort", default, deserialize_with = "sorting")]
    pub(super) sorting: Option<Sorting>,
    /// How many come before them; the address has the number of the first.
    #[serde(rename = "people", default, deserialize_with = "skipped")]
    skipped: usize,
    /// Where they are listed by name: the one that they come after.
    #[serde(rename = "name", default, deserialize_with = "name")]
    after: Option<String>,
}

impl SharedParameters for PeopleQuery {
    const NAMES: &'static [&'static str] = &["sort", "people", "name"];
}

/// A link to another page of people.
pub(super) struct PageLink {
    pub(super) title: String,
    pub(super) address: String,
    pub(super) is_shown: bool,
}

/// The people of a session.
pub(super) struct People {
    /// All of them, by name; `None` of too many.
    pub(super) everyone: Option<Vec<Attendance>>,
    /// When all of them lost contact, as far as they could be looked at.
    pub(super) outages: Vec<Outage>,
    /// How many they are.
    pub(super) count: usize,
    /// Those that are shown, by name.
    pub(super) shown: Vec<Person>,
    /// The same in the order asked for.
    pub(super) table: Vec<Attendance>,
    /// How many come before them in that order.
    skipped: usize,
    /// Where they are listed by name: the one that the next page comes after.
    next: Option<String>,
}

impl PeopleQuery {
    /// The page at `path` with this query and with other parameters.
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

fn sorting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Sorting>, D::Error> {
    filled(deserializer, Sorting::parse)
}

fn skipped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    field(deserializer, |raw| {
        let skipped = raw.parse().ok().and_then(|first: usize| first.checked_sub(1));
        skipped.ok_or("must be a whole number from 1 on")
    })
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    field(deserializer, |raw| {
        kept_username(raw.to_owned()).ok_or("must be the name of a person")
    })
}

impl People {
    pub(super) async fn read(
        app: &AppState,
        words: &Words,
        session: &Session,
        query: &PeopleQuery,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let Some(mut shown) = app.history.everyone(session.id).await? else {
            return Self::by_name(app, session, query, now).await;
        };
        let outages = outages_among(&shown, now);
        let everyone: Vec<_> = shown
            .iter()
            .map(|person| person.attendance(session, &outages, now))
            .collect();
        let mut table = everyone.clone();
        sorting::sort(words, &mut table, query.sorting, &HashMap::new());
        let most = if everyone.len() > MOST_ON_ONE_PAGE {
            PAGE_SIZE
        } else {
            MOST_ON_ONE_PAGE
        };
        let skipped = query.skipped.min(table.len());
        table.drain(..skipped);
        table.truncate(most);
        let ids: HashSet<_> = table.iter().map(|person| person.id).collect();
        shown.retain(|person| ids.contains(&person.id));
        Ok(Self {
            count: everyone.len(),
            everyone: Some(everyone),
            outages,
            shown,
            table,
            skipped,
            next: None,
        })
    }

    /// By the names' characters, whatever the language: that is the order of the index, which a page of so many has to follow.
    async fn by_name(app: &AppState, session: &Session, query: &PeopleQuery, now: Timestamp) -> Result<Self, Error> {
        let page = Page {
            limit: PAGE_SIZE,
            after: query.after.clone(),
        };
        let found = app.history.people(session.id, &page).await?;
        Ok(Self {
            everyone: None,
            outages: Vec::new(),
            count: usize::try_from(session.unique_participants).unwrap_or_default(),
            table: found
                .rows
                .iter()
                .map(|person| person.attendance(session, &[], now))
                .collect(),
            shown: found.rows,
            skipped: 0,
            next: found.next,
        })
    }

    /// Puts them in order again, now that it is known with whom they connected.
    pub(super) fn sort(&mut self, words: &Words, sorting: Option<Sorting>, counts: &HashMap<&str, ConnectedCount>) {
        sorting::sort(words, &mut self.table, sorting, counts);
    }

    /// Whether they are too many for one page.
    pub(super) fn is_paged(&self) -> bool {
        self.table.len() < self.count
    }

    /// The links to all pages, if there is more than one; the session's page is at `path`.
    pub(super) fn page_links(&self, words: &Words, path: &str, query: &PeopleQuery) -> Vec<PageLink> {
        if !self.is_paged() {
            return Vec::new();
        }
        if self.everyone.is_none() {
            return self.page_links_by_name(words, path, query);
        }
        let link = |skipped: usize| PageLink {
            title: format!("{}–{}", skipped + 1, self.count.min(skipped + PAGE_SIZE)),
            address: PeopleQuery {
                skipped,
                sorting: query.sorting,
                after: None,
            }
            .address(path, &[]),
            is_shown: skipped == self.skipped,
        };
        (0..self.count).step_by(PAGE_SIZE).map(link).collect()
    }

    fn page_links_by_name(&self, words: &Words, path: &str, query: &PeopleQuery) -> Vec<PageLink> {
        let link = |title: String, after: Option<String>| PageLink {
            title,
            is_shown: after == query.after,
            address: PeopleQuery {
                sorting: None,
                skipped: 0,
                after,
            }
            .address(path, &[]),
        };
        let first = link(words.say(m::FirstPeople), None);
        let next = self.next.as_ref();
        let next = next.map(|name| {
            link(
                words.say(m::PeopleAfter {
                    name: &words.isolated(name),
                }),
                Some(name.clone()),
            )
        });
        [first].into_iter().chain(next).collect()
    }
}
