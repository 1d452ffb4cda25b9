//! The first page: the sessions, those that go on before all others.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use uuid::Uuid;

use super::range::Range;
use super::{PageResult, address, html, moment, wording};
use crate::history::page::{Page, Slice};
use crate::history::rooms::RoomFilter;
use crate::history::sessions::{Order, Session, SessionFilter};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::SessionStatus;
use crate::web::http::error::Error;
use crate::web::http::params::Params;
use crate::web::state::Web;

const LIMIT: usize = 50;

/// The most sessions that go on; more are found among the rooms.
const LIVE: usize = 200;

/// The most rooms of a similar name that are offered.
const SUGGESTED: usize = 8;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    room: String,
    person: String,
    range: Range,
    rows: Vec<Session>,
    similar_rooms: Vec<String>,
    is_filtered: bool,
    is_first: bool,
    /// Whether more sessions go on than are shown.
    has_more_live: bool,
    newer: Option<String>,
    older: Option<String>,
}

/// What is asked for.
struct SessionsQuery {
    room: String,
    person: String,
    range: Range,
    filter: SessionFilter,
    place: ListPlace,
}

/// Which piece of the list.
#[derive(Clone, Copy)]
enum ListPlace {
    First,
    OlderThan(SessionId),
    NewerThan(SessionId),
}

/// `GET /review`
pub(crate) async fn show(State(web): State<Arc<Web>>, params: Result<Params, Error>) -> PageResult {
    let asked = read(params?)?;
    let now = web.now();
    let (is_first, found) = piece(&web, &asked, now).await?;
    let mut page = SessionsPage {
        is_filtered: !(asked.room.is_empty()
            && asked.person.is_empty()
            && asked.range.from.is_empty()
            && asked.range.to.is_empty()),
        is_first,
        newer: None,
        older: None,
        rows: Vec::new(),
        similar_rooms: Vec::new(),
        has_more_live: false,
        room: asked.room,
        person: asked.person,
        range: asked.range,
    };
    if !is_first {
        page.newer = found.rows.first().map(|first| page.address("newer", first.id));
    }
    page.older = found.next.map(|last| page.address("older", last));
    if is_first {
        (page.rows, page.has_more_live) = live(&web, &asked.filter, now).await?;
    }
    page.rows.extend(found.rows);
    if page.rows.is_empty() && !page.room.is_empty() {
        page.similar_rooms = similar(&web, &page.room).await?;
    }
    html(&page)
}

fn read(mut params: Params) -> Result<SessionsQuery, Error> {
    let room = params.text("room").unwrap_or_default();
    let person = params.text("person").unwrap_or_default();
    let range = Range::take(&mut params)?;
    let id = |raw: &str| {
        Uuid::try_parse(raw)
            .map(SessionId)
            .map_err(|_| "must be a session's id")
    };
    let older = params.optional("older", id)?.map(ListPlace::OlderThan);
    let newer = params.optional("newer", id)?.map(ListPlace::NewerThan);
    params.finish()?;
    let (started_after, started_before) = range.bounds();
    let filter = SessionFilter {
        room: typed("room", &room, RoomName::parse)?,
        username: typed("person", &person, Username::parse)?,
        started_after,
        started_before,
        ..SessionFilter::default()
    };
    Ok(SessionsQuery {
        room,
        person,
        range,
        filter,
        place: older.or(newer).unwrap_or(ListPlace::First),
    })
}

/// Reads a field of the form; an empty one asks for nothing.
fn typed<T, E: ToString>(name: &'static str, raw: &str, parse: fn(&str) -> Result<T, E>) -> Result<Option<T>, Error> {
    if raw.trim().is_empty() {
        return Ok(None);
    }
    parse(raw).map(Some).map_err(|reason| Error::BadParameter {
        name,
        reason: reason.to_string(),
    })
}

/// The piece of ended sessions, newest first, and whether it is the first one. Its `next` is what the older piece
/// begins after.
async fn piece(web: &Web, asked: &SessionsQuery, now: Timestamp) -> Result<(bool, Slice<Session, SessionId>), Error> {
    let filter = SessionFilter {
        status: Some(SessionStatus::Ended),
        ..asked.filter.clone()
    };
    if let ListPlace::NewerThan(id) = asked.place {
        let upwards = SessionFilter {
            order: Order::Asc,
            ..filter.clone()
        };
        let mut found = web.history.sessions(&upwards, &after(Some(id)), now).await?;
        if found.next.is_some() {
            found.rows.reverse();
            found.next = found.rows.last().map(|last| last.id).or(Some(id));
            return Ok((false, found));
        }
        // There is nothing newer than these: they are the first page, which may hold more.
    }
    let from = match asked.place {
        ListPlace::OlderThan(id) => Some(id),
        ListPlace::First | ListPlace::NewerThan(_) => None,
    };
    let found = web.history.sessions(&filter, &after(from), now).await?;
    Ok((from.is_none(), found))
}

fn after(id: Option<SessionId>) -> Page<SessionId> {
    Page {
        limit: LIMIT,
        after: id,
    }
}

/// The newest of those that go on, and whether there are more.
async fn live(web: &Web, filter: &SessionFilter, now: Timestamp) -> Result<(Vec<Session>, bool), Error> {
    let filter = SessionFilter {
        status: Some(SessionStatus::Active),
        ..filter.clone()
    };
    let newest = Page {
        limit: LIVE,
        after: None,
    };
    let found = web.history.sessions(&filter, &newest, now).await?;
    Ok((found.rows, found.next.is_some()))
}

async fn similar(web: &Web, room: &str) -> Result<Vec<String>, Error> {
    let filter = RoomFilter {
        live_only: false,
        contains: Some(room.trim().to_owned()),
    };
    let first = Page {
        limit: SUGGESTED,
        after: None,
    };
    let found = web.history.rooms(&filter, &first).await?;
    Ok(found.rows.into_iter().map(|found| found.room).collect())
}

impl SessionsPage {
    /// This page at another place.
    fn address(&self, direction: &str, id: SessionId) -> String {
        let params = [
            ("room", self.room.as_str()),
            ("person", &self.person),
            ("from", &self.range.from),
            ("to", &self.range.to),
            (direction, &id.to_string()),
        ];
        address::page("/review", &params)
    }
}
