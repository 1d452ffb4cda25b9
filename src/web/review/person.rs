//! One person: their sessions in all rooms.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::Deserialize;

use super::range::Range;
use super::sentences::PersonSummary;
use super::sentences::wording::counted;
use super::strip::PersonStrip;
use super::summary::LEAD;
use super::{PageResult, address, html, moment, sentences};
use crate::history::page::Page;
use crate::history::person::{PersonSession, PersonTotals};
use crate::model::id::SessionId;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::params::fields;
use crate::web::http::path::PersonPath;
use crate::web::http::query::QueryWith;
use crate::web::state::AppState;
use crate::words::{Html, Words, message as m};

const LIMIT: usize = 20;

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    words: &'static Words,
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
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    path: Result<PersonPath, Error>,
    query: Result<QueryWith<PersonQuery, Range>, Error>,
) -> PageResult {
    let (PersonPath(username), QueryWith(PersonQuery { older }, range)) = (path?, query?);
    let piece = Page {
        limit: LIMIT,
        after: older,
    };
    let now = app.now();
    // Where the disk has to be read, it is read for both at once.
    let (found, totals) = tokio::try_join!(
        app.history.person_sessions(&username, range.bounds(), &piece, now),
        app.history.totals(&username, range.bounds(), now),
    )?;
    let path = address::person(username.as_str());
    let next = found.next.map(|last| {
        let [from, to] = range.params();
        address::page(&path, &[from, to, ("older", &last.to_string())])
    });
    html(&PersonPage {
        words,
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
    /// Whether there is something to erase, and none of it in a session that goes on, as far as is shown.
    fn can_be_erased(&self) -> bool {
        !self.sessions.is_empty() && !self.sessions.iter().any(|found| found.session.is_live())
    }

    /// Where what erasing would change is shown.
    fn erase(&self) -> String {
        address::page("/review/erase", &[("username", self.username.as_str())])
    }

    /// The address of the first page of these days.
    fn newest(&self) -> String {
        address::page(&self.path, &self.range.params())
    }

    /// That there is nobody of the name.
    fn nobody(&self) -> String {
        if self.range.is_empty() {
            self.words.say(m::NobodyOfThisName)
        } else {
            self.words.say(m::NobodyOfThisNameThen)
        }
    }

    /// Where people of similar names are.
    fn similar(&self) -> String {
        address::page("/review/people", &[("name", &self.username)])
    }

    /// How the person's time in a session ended, how often it had not, and with how many others they never connected.
    fn ending(&self, found: &PersonSession) -> Html {
        let ending = sentences::ending(self.words, &found.attendance);
        let mut told = vec![if found.attendance.needs_attention() {
            Html::bad(&ending)
        } else {
            Html::text(&ending)
        }];
        if !found.unconnected.is_empty() {
            told.push(Html::bad(&self.words.say(m::NeverConnectedWith {
                others: counted(found.unconnected.len()),
            })));
        }
        if found.attendance.reconnect_count > 0 {
            told.push(Html::text(&self.words.say(m::CameBackOften {
                often: &self.words.times(found.attendance.reconnect_count),
            })));
        }
        self.words.clauses_of_elements(told)
    }

    fn summary(&self) -> PersonSummary {
        let unconnected = self.sessions.iter().filter(|found| !found.unconnected.is_empty());
        let is_away = |found: &&PersonSession| found.attendance.left_at.is_none() && found.attendance.needs_attention();
        let away: Vec<String> = self
            .sessions
            .iter()
            .filter(is_away)
            .map(|found| self.words.isolated(&found.session.room))
            .collect();
        sentences::person(self.words, &self.totals, counted(unconnected.count()), &away, LEAD)
    }
}
