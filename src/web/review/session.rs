//! One session: a sentence, the picture, the numbers, the pairs, the log.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Html;

use super::log::{self, Entry, Filter};
use super::pairs::Connections;
use super::people::{Part, People, Wish};
use super::sorting::{self, COLUMNS, Sorting};
use super::{Page, Refused, address, html, moment, timeline};
use crate::history::attendance::Attendance;
use crate::history::page::Page as Piece;
use crate::history::sessions::Session;
use crate::history::summary::summary;
use crate::history::wording;
use crate::history::zone::Zone;
use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::model::vocabulary::LeaveReason;
use crate::web::http::error::Error;
use crate::web::http::params::{self, Params};
use crate::web::http::path::SessionPath;
use crate::web::state::Web;

/// Entries of the log on one page.
const ENTRIES: usize = 200;

#[derive(Template)]
#[template(path = "session.html")]
struct SessionPage {
    summary: String,
    picture: String,
    picture_address: String,
    heads: Vec<Head>,
    people: People,
    parts: Vec<Part>,
    connections: Connections,
    entries: Vec<Entry>,
    filters: Vec<Filter>,
    next_entries: Option<String>,
    events_address: String,
    session: Session,
}

/// The head of a column.
struct Head {
    title: &'static str,
    is_number: bool,
    address: String,
    direction: Option<&'static str>,
}

/// `GET /review/sessions/{id}`
pub(crate) async fn show(
    State(web): State<Arc<Web>>,
    path: Result<SessionPath, Error>,
    params: Result<Params, Error>,
) -> Page {
    let (SessionPath(id), mut params) = (path?, params?);
    let wish = Wish::take(&mut params)?;
    let choice = params.text("log").unwrap_or_default();
    let kinds = log::kinds(&choice).map_err(|reason| Error::BadParameter {
        name: "log",
        reason: reason.to_owned(),
    })?;
    let after = params.optional("after", params::seq)?;
    params.finish()?;

    let now = web.now();
    let session = found(&web, id, now).await?;
    let people = People::read(&web, &session, &wish, now).await?;
    let is_crowd = people.is_crowd();
    let log_piece = Piece { limit: ENTRIES, after };
    // Where the disk has to be read, it is read for all of them at once.
    let (pairs, entries, model) = tokio::try_join!(
        web.history.pairs_among(id, &people.shown, !is_crowd, now),
        web.history.events(id, kinds, &log_piece),
        web.history.timeline_of(&session, &people.shown, now),
    )?;

    let path = format!("/review/sessions/{id}");
    html(&SessionPage {
        summary: summary(&session, people.everyone.as_deref(), (!is_crowd).then_some(&pairs)),
        picture: timeline::inline(&model, now),
        picture_address: wish.address(&format!("{path}/timeline"), &[]),
        heads: heads(&path, wish.sorting, &choice),
        connections: Connections::of(&people.table, &pairs),
        parts: people.parts(&path, &wish),
        people,
        filters: log::filters(&choice, |word| wish.address(&path, &[("log", word)])),
        next_entries: entries.next.map(|last| {
            let last = last.to_string();
            let others = [("log", choice.as_str()), ("after", &last)];
            format!("{}#log", wish.address(&path, &others))
        }),
        entries: entries.rows.into_iter().map(Entry::of).collect(),
        events_address: address::page("/api/v1/events", &[("room", &session.room)]),
        session,
    })
}

/// `GET /review/sessions/{id}/timeline`: the picture by the clock of another zone, for the page's script.
pub(crate) async fn picture(
    State(web): State<Arc<Web>>,
    path: Result<SessionPath, Error>,
    params: Result<Params, Error>,
) -> Result<Html<String>, Refused> {
    let (SessionPath(id), mut params) = (path?, params?);
    let zone = params.required("tz", Zone::parse)?;
    let wish = Wish::take(&mut params)?;
    params.finish()?;
    let now = web.now();
    let session = found(&web, id, now).await?;
    let people = People::read(&web, &session, &wish, now).await?;
    let model = web.history.timeline_of(&session, &people.shown, now).await?;
    Ok(Html(timeline::inline(&model.in_zone(zone), now)))
}

async fn found(web: &Web, id: SessionId, now: Timestamp) -> Result<Session, Error> {
    web.history.session(id, now).await?.ok_or(Error::NoSuchSession)
}

fn heads(path: &str, sorting: Option<Sorting>, choice: &str) -> Vec<Head> {
    let head = |column: sorting::Column| {
        let sort = sorting::next(&column, sorting);
        let address = address::page(path, &[("sort", &sort), ("log", choice)]);
        Head {
            title: column.title,
            is_number: column.is_number,
            address: format!("{address}#attendance"),
            direction: sorting::direction(&column, sorting),
        }
    };
    COLUMNS.into_iter().map(head).collect()
}

/// How somebody's attendance ended, in a teacher's words.
pub(super) trait Ending {
    fn ending(&self) -> &'static str;
}

impl Ending for Attendance {
    fn ending(&self) -> &'static str {
        let is_here = self.intervals.last().is_some_and(|last| last.to.is_none());
        if self.left_at.is_none() {
            return if is_here { "here now" } else { "away now" };
        }
        match self.leave_reason {
            Some(LeaveReason::Left) | None => "left",
            Some(LeaveReason::Timeout) => "dropped, did not come back",
            Some(LeaveReason::Replaced) => "joined again elsewhere",
            Some(LeaveReason::Moved) => "went to another room",
            Some(LeaveReason::ServerShutdown | LeaveReason::ServerCrash) => {
                "did not come back after the server stopped"
            }
            Some(LeaveReason::Gap) => "gone, how and when was not recorded",
        }
    }
}
