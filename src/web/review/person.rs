//! One person: their sessions in all rooms.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use uuid::Uuid;

use super::range::Range;
use super::{PageResult, address, html, moment, sentences, wording};
use crate::history::page::Page;
use crate::history::person::{COUNTED, PersonTotals, Visit};
use crate::model::id::SessionId;
use crate::web::http::error::Error;
use crate::web::http::params::Params;
use crate::web::http::path::PersonPath;
use crate::web::state::Web;

const LIMIT: usize = 50;

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    username: String,
    path: String,
    range: Range,
    totals: PersonTotals,
    visits: Vec<Visit>,
    is_first: bool,
    older: Option<String>,
}

/// `GET /review/people/{username}`
pub(crate) async fn show(
    State(web): State<Arc<Web>>,
    path: Result<PersonPath, Error>,
    params: Result<Params, Error>,
) -> PageResult {
    let (PersonPath(username), mut params) = (path?, params?);
    let range = Range::take(&mut params)?;
    let after = params.optional("older", |raw| {
        Uuid::try_parse(raw)
            .map(SessionId)
            .map_err(|_| "must be a session's id")
    })?;
    params.finish()?;
    let now = web.now();
    let piece = Page { limit: LIMIT, after };
    // Where the disk has to be read, it is read for both at once.
    let (found, totals) = tokio::try_join!(
        web.history.visits(&username, range.bounds(), &piece, now),
        web.history.totals(&username, range.bounds(), now),
    )?;
    let path = address::person(username.as_str());
    let older = found.next.map(|last| {
        let last = last.to_string();
        address::page(&path, &[("from", &range.from), ("to", &range.to), ("older", &last)])
    });
    html(&PersonPage {
        totals,
        username: username.as_str().to_owned(),
        path,
        range,
        visits: found.rows,
        is_first: after.is_none(),
        older,
    })
}

impl PersonPage {
    fn told(&self) -> String {
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
