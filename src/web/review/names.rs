//! The people whose names hold a text: for who does not know how a name was typed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::{Deserialize, Deserializer};

use super::{PageResult, address, html, names};
use crate::history::names::KnownName;
use crate::history::page::{Page, Slice};
use crate::history::person::COUNTED;
use crate::model::id::Username;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::params::{fields, filled, kept_username};
use crate::web::http::query::Query;
use crate::web::state::AppState;
use crate::words::{Words, message as m};

/// The most names on one page.
const LIMIT: usize = 50;

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    words: &'static Words,
    name: String,
    found: NameList,
    is_first: bool,
}

/// A list of names, and where it goes on.
#[derive(Default)]
pub(super) struct NameList {
    pub(super) names: Vec<KnownName>,
    /// The address of the names after these.
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NameSearchQuery {
    /// What the names hold.
    #[serde(default, deserialize_with = "fields::filled_username")]
    name: Option<Username>,
    /// The name that the others come after.
    #[serde(default, deserialize_with = "after")]
    after: Option<String>,
}

fn after<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    filled(deserializer, |raw| {
        kept_username(raw.to_owned()).ok_or("must be the name of a person")
    })
}

/// `GET /review/people`
pub(crate) async fn show(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    query: Result<Query<NameSearchQuery>, Error>,
) -> PageResult {
    let Query(NameSearchQuery { name, after }) = query?;
    let name = name.map(|name| name.to_string()).unwrap_or_default();
    let is_first = after.is_none();
    let page = Page { limit: LIMIT, after };
    html(&PeoplePage {
        words,
        found: NameList::read(&app, &name, &page).await?,
        name,
        is_first,
    })
}

impl NameList {
    pub(super) async fn read(app: &AppState, text: &str, page: &Page<String>) -> Result<Self, Error> {
        let Slice { rows, next } = app.history.names_with(text, page).await?;
        let next = next.map(|last| address::page("/review/people", &[("name", text), ("after", &last)]));
        Ok(Self { names: rows, next })
    }
}

/// In how many sessions somebody was.
pub(super) fn sessions(words: &Words, name: &KnownName) -> String {
    let count = name.sessions;
    if count == COUNTED {
        words.say(m::SessionsOfNameOrMore { count })
    } else {
        words.say(m::SessionsOfName { count })
    }
}
