//! The first page: the sessions, those that go on before all others.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::{Deserialize, Deserializer};

use super::names::{self, NameList};
use super::range::Range;
use super::sentences::wording;
use super::{PageResult, address, html, moment};
use crate::history::page::{Page, Slice};
use crate::history::rooms::RoomFilter;
use crate::history::sessions::{Session, SessionFilter, SortOrder};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::SessionStatus;
use crate::web::http::error::Error;
use crate::web::http::params::{fields, filled};
use crate::web::http::query::QueryWith;
use crate::web::state::Web;

const LIMIT: usize = 50;

/// The most sessions that go on; more are found among the rooms.
const LIVE: usize = 200;

/// The most rooms, or people, of a similar name that are offered.
const SUGGESTED: usize = 8;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    room: String,
    person: String,
    range: Range,
    rows: Vec<Session>,
    similar_rooms: Vec<String>,
    /// People of a similar name, if nothing was found of the one asked for.
    found: NameList,
    is_filtered: bool,
    is_first: bool,
    /// Whether more sessions go on than are shown.
    has_more_live: bool,
    newer: Option<String>,
    older: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionListQuery {
    #[serde(default, deserialize_with = "room")]
    room: Option<RoomName>,
    #[serde(default, deserialize_with = "fields::filled_username")]
    person: Option<Username>,
    #[serde(default, deserialize_with = "fields::session")]
    older: Option<SessionId>,
    #[serde(default, deserialize_with = "fields::session")]
    newer: Option<SessionId>,
}

fn room<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RoomName>, D::Error> {
    filled(deserializer, RoomName::parse)
}

/// Which piece of the list.
#[derive(Clone, Copy)]
enum ListPlace {
    First,
    OlderThan(SessionId),
    NewerThan(SessionId),
}

/// `GET /review`
pub(crate) async fn show(
    State(web): State<Arc<Web>>,
    query: Result<QueryWith<SessionListQuery, Range>, Error>,
) -> PageResult {
    let QueryWith(query, range) = query?;
    let filter = query.filter(&range);
    let now = web.now();
    let (is_first, found) = piece(&web, &filter, query.place(), now).await?;
    let mut page = SessionsPage {
        is_filtered: query.room.is_some() || query.person.is_some() || !range.is_empty(),
        is_first,
        newer: None,
        older: None,
        rows: Vec::new(),
        similar_rooms: Vec::new(),
        found: NameList::default(),
        has_more_live: false,
        room: query.room.map(|room| room.to_string()).unwrap_or_default(),
        person: query.person.map(|person| person.to_string()).unwrap_or_default(),
        range,
    };
    if !is_first {
        page.newer = found.rows.first().map(|first| page.address("newer", first.id));
    }
    page.older = found.next.map(|last| page.address("older", last));
    if is_first {
        (page.rows, page.has_more_live) = live(&web, &filter, now).await?;
    }
    page.rows.extend(found.rows);
    if page.rows.is_empty() && !page.room.is_empty() {
        page.similar_rooms = similar(&web, &page.room).await?;
    }
    if page.rows.is_empty() && !page.person.is_empty() {
        let first = Page {
            limit: SUGGESTED,
            after: None,
        };
        page.found = NameList::read(&web, &page.person, &first).await?;
    }
    html(&page)
}

impl SessionListQuery {
    fn filter(&self, range: &Range) -> SessionFilter {
        let (started_after, started_before) = range.bounds();
        SessionFilter {
            room: self.room.clone(),
            username: self.person.clone(),
            started_after,
            started_before,
            ..SessionFilter::default()
        }
    }

    fn place(&self) -> ListPlace {
        let older = self.older.map(ListPlace::OlderThan);
        older
            .or(self.newer.map(ListPlace::NewerThan))
            .unwrap_or(ListPlace::First)
    }
}

/// The piece of ended sessions, newest first, and whether it is the first one. Its `next` is what the older piece
/// begins after.
async fn piece(
    web: &Web,
    filter: &SessionFilter,
    place: ListPlace,
    now: Timestamp,
) -> Result<(bool, Slice<Session, SessionId>), Error> {
    let filter = SessionFilter {
        status: Some(SessionStatus::Ended),
        ..filter.clone()
    };
    if let ListPlace::NewerThan(id) = place {
        let upwards = SessionFilter {
            order: SortOrder::Asc,
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
    let from = match place {
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
        contains: Some(room.to_owned()),
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
        let ([from, to], id) = (self.range.params(), id.to_string());
        let names = [("room", self.room.as_str()), ("person", &self.person)];
        address::page("/review", &[&names[..], &[from, to, (direction, &id)]].concat())
    }
}
