//! One person: their sessions in all rooms.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::Deserialize;

use super::range::Range;
use super::sentences::wording;
use super::{PageResult, address, html, moment, sentences};
use crate::history::page::Page;
use crate::history::person::{COUNTED, PersonSession, PersonTotals};
use crate::model::id::SessionId;
use crate::web::http::error::Error;
use crate::web::http::params::fields;
use crate::web::http::path::PersonPath;
use crate::web::http::query::QueryWith;
use crate::web::state::Web;

const LIMIT: usize = 50;

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    username: String,
    path: String,
    range: Range,
    totals: PersonTotals,
    sessions: Vec<PersonSession>,
    is_first: bool,
    older: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonQuery {
    /// The session that the others are older than.
    #[serde(default, deserialize_with = "fields::session")]
    older: Option<SessionId>,
}

/// `GET /review/people/{username}`
pub(crate) async fn show(
    State(web): State<Arc<Web>>,
    path: Result<PersonPath, Error>,
    query: Result<QueryWith<PersonQuery, Range>, Error>,
) -> PageResult {
    let (PersonPath(username), QueryWith(PersonQuery { older }, range)) = (path?, query?);
    let piece = Page {
        limit: LIMIT,
        after: older,
    };
    let now = web.now();
    // Where the disk has to be read, it is read for both at once.
    let (found, totals) = tokio::try_join!(
        web.history.person_sessions(&username, range.bounds(), &piece, now),
        web.history.totals(&username, range.bounds(), now),
    )?;
    let path = address::person(username.as_str());
    let next = found.next.map(|last| {
        let [from, to] = range.params();
        address::page(&path, &[from, to, ("older", &last.to_string())])
    });
    html(&PersonPage {
        totals,
        username: username.as_str().to_owned(),
        path,
        range,
        sessions: found.rows,
        is_first: older.is_none(),
        older: next,
    })
}

impl PersonPage {
    /// The address of the first page of these days.
    fn newest(&self) -> String {
        address::page(&self.path, &self.range.params())
    }

    fn summary(&self) -> String {
        let PersonTotals {
            sessions,
            present_ms,
            reconnect_count,
        } = self.totals;
        if sessions == 0 {
            return "No session.".to_owned();
        }
        let all = if sessions == COUNTED { "The newest " } else { "" };
        let back = match reconnect_count {
            0 => "never dropped and came back".to_owned(),
            1 => "dropped and came back once".to_owned(),
            often => format!("dropped and came back {often} times"),
        };
        format!(
            "{all}{}, {} present in all; {back}.",
            wording::count(sessions, "session", "sessions"),
            wording::length(present_ms)
        )
    }
}
