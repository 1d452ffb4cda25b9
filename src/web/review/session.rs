//! One session: a sentence, the picture, the numbers, the pairs, the log.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use serde::{Deserialize, Deserializer};

use super::log::{LogChoice, LogEntry, LogLink};
use super::outage_sentences::{OutageSentence, outage_sentences};
use super::pairs::PairsSection;
use super::people::{PageLink, People, PeopleQuery};
use super::sorting::{self, COLUMNS, Sorting};
use super::summary::summary;
use super::{PageResult, address, html, moment, sentences, timeline, wording};
use crate::history::page::Page;
use crate::history::sessions::Session;
use crate::web::http::error::Error;
use crate::web::http::params::{field, fields};
use crate::web::http::path::SessionPath;
use crate::web::http::query::QueryWith;
use crate::web::http::zone::Zone;
use crate::web::state::Web;

/// Entries of the log on one page.
const ENTRIES: usize = 200;

#[derive(Template)]
#[template(path = "session.html")]
struct SessionPage {
    summary: String,
    outages: Vec<OutageSentence>,
    picture: String,
    picture_address: String,
    heads: Vec<ColumnHead>,
    people: People,
    page_links: Vec<PageLink>,
    connections: PairsSection,
    entries: Vec<LogEntry>,
    choices: Vec<LogLink>,
    next_entries: Option<String>,
    session: Session,
}

/// The head of a column.
struct ColumnHead {
    title: &'static str,
    is_number: bool,
    address: String,
    direction: Option<&'static str>,
}

/// Which piece of the log is shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    #[serde(default, deserialize_with = "log")]
    log: LogChoice,
    /// The number of the entry that the others come after.
    #[serde(default, deserialize_with = "fields::seq")]
    after: Option<i64>,
}

/// By which clock the picture is drawn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelineQuery {
    #[serde(deserialize_with = "fields::zone")]
    tz: Zone,
}

fn log<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogChoice, D::Error> {
    field(deserializer, LogChoice::parse)
}

/// `GET /review/sessions/{id}`
pub(crate) async fn show(
    State(web): State<Arc<Web>>,
    path: Result<SessionPath, Error>,
    query: Result<QueryWith<LogQuery, PeopleQuery>, Error>,
) -> PageResult {
    let (SessionPath(id), QueryWith(LogQuery { log, after }, query)) = (path?, query?);
    let now = web.now();
    let session = web.session(id, now).await?;
    let people = People::read(&web, &session, &query, now).await?;
    let is_paged = people.is_paged();
    let log_piece = Page { limit: ENTRIES, after };
    // Where the disk has to be read, it is read for all of them at once.
    let (pairs, entries, model) = tokio::try_join!(
        web.history.pairs_among(id, &people.shown, !is_paged, now),
        web.history.events(id, log.kinds(), &log_piece),
        web.history.timeline_of(&session, &people.shown, now),
    )?;

    let path = format!("/review/sessions/{id}");
    html(&SessionPage {
        summary: summary(
            &session,
            people.everyone.as_deref(),
            &people.outages,
            (!is_paged).then_some(&pairs),
        ),
        outages: outage_sentences(&session, &people.outages),
        picture: timeline::inline(&model, Zone::UTC, now),
        picture_address: query.address(&format!("{path}/timeline"), &[]),
        heads: heads(&path, query.sorting, log),
        connections: PairsSection::of(&people.table, &pairs),
        page_links: people.page_links(&path, &query),
        people,
        choices: log.links(|choice| query.address(&path, &[("log", choice.word())])),
        next_entries: entries.next.map(|last| {
            let last = last.to_string();
            let others = [("log", log.word()), ("after", &last)];
            format!("{}#log", query.address(&path, &others))
        }),
        entries: entries.rows.into_iter().map(LogEntry::of).collect(),
        session,
    })
}

/// `GET /review/sessions/{id}/timeline`: the picture by the clock of another zone, for the page's script.
pub(crate) async fn picture(
    State(web): State<Arc<Web>>,
    path: Result<SessionPath, Error>,
    query: Result<QueryWith<TimelineQuery, PeopleQuery>, Error>,
) -> PageResult {
    let (SessionPath(id), QueryWith(TimelineQuery { tz }, query)) = (path?, query?);
    let now = web.now();
    let session = web.session(id, now).await?;
    let people = People::read(&web, &session, &query, now).await?;
    let model = web.history.timeline_of(&session, &people.shown, now).await?;
    Ok(Html(timeline::inline(&model, tz, now)))
}

fn heads(path: &str, sorting: Option<Sorting>, log: LogChoice) -> Vec<ColumnHead> {
    let head = |column: sorting::Column| {
        let sort = sorting::next(&column, sorting);
        let address = address::page(path, &[("sort", &sort), ("log", log.word())]);
        ColumnHead {
            title: column.title,
            is_number: column.is_number,
            address: format!("{address}#attendance"),
            direction: sorting::direction(&column, sorting),
        }
    };
    COLUMNS.into_iter().map(head).collect()
}
