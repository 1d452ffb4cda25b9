//! The first page: the sessions, those that go on before all others.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::{Deserialize, Deserializer};

use super::guest::Guest;
use super::names::{self, NameList};
use super::range::Range;
use super::strip::Strip;
use super::{PageResult, address, html, moment, sentences};
use crate::history::page::{Page, Slice};
use crate::history::rooms::RoomFilter;
use crate::history::sessions::{Session, SessionFilter, SortOrder};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::SessionStatus;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::params::{fields, filled};
use crate::web::http::query::QueryWith;
use crate::web::state::AppState;
use crate::web::viewer::Viewer;
use crate::words::{Html, SECOND_SLOT, SLOT, Words, message as m};

const LIMIT: usize = 25;

/// What builds the example.
const BUILD: &str = "npm ci --prefix examples/video-room";

/// The most sessions that go on; more are found among the rooms.
const LIVE: usize = 200;

/// The most rooms, or people, of a similar name that are offered.
const SUGGESTED: usize = 8;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    words: &'static Words,
    /// Who sees the sessions of one room only, by a link.
    guest: Option<Guest>,
    /// What is looked for: the name of a room or of a person.
    name: String,
    room: String,
    person: String,
    range: Range,
    summary: String,
    rows: Vec<SessionLine>,
    /// Whether the name is that of a room and of a person, and the room's are shown.
    is_person_too: bool,
    /// Rooms of a similar name, if nothing was found of the one asked for.
    similar_rooms: SimilarRooms,
    /// People of such a name.
    found: NameList,
    is_filtered: bool,
    is_first: bool,
    /// Whether the server serves a page at `/`.
    has_page: bool,
    /// Whether more sessions go on than are shown.
    has_more_live: bool,
    newer: Option<String>,
    older: Option<String>,
}

/// Rooms whose names hold a text, and where they go on.
#[derive(Default)]
struct SimilarRooms {
    names: Vec<String>,
    /// The address of the rooms after these.
    next: Option<String>,
}

/// A session of the list.
struct SessionLine {
    session: Session,
    strip: Strip,
    told: String,
    wrong: String,
    has_trouble: bool,
    /// The day that it is the first of, in words.
    day: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionListQuery {
    /// The name of a room or of a person.
    #[serde(default, deserialize_with = "name")]
    name: Option<String>,
    #[serde(default, deserialize_with = "fields::filled_room")]
    room: Option<RoomName>,
    #[serde(default, deserialize_with = "fields::filled_username")]
    person: Option<Username>,
    #[serde(default, deserialize_with = "fields::session")]
    older: Option<SessionId>,
    #[serde(default, deserialize_with = "fields::session")]
    newer: Option<SessionId>,
    /// The room of a similar name that the others come after.
    #[serde(default, deserialize_with = "fields::after_room")]
    after: Option<String>,
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    filled(deserializer, |raw| {
        RoomName::parse(raw).map(|name| name.as_str().to_owned())
    })
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
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    viewer: Viewer,
    query: Result<QueryWith<SessionListQuery, Range>, Error>,
) -> PageResult {
    let QueryWith(mut query, range) = query?;
    let now = app.now();
    let found_as = query.resolve(&app, now).await?;
    let filter = query.filter(&range);
    let (is_first, found) = match found_as {
        // Without the name it would be everybody's.
        FoundAs::Nothing => (true, Slice::cut(Vec::new(), LIMIT, |session: &Session| session.id)),
        FoundAs::NotAsked | FoundAs::Room | FoundAs::Person | FoundAs::Both => {
            piece(&app, &filter, query.place(), now).await?
        }
    };
    let name = query
        .name
        .clone()
        .or(query.room.as_ref().map(|room| room.as_str().to_owned()));
    let mut page = SessionsPage {
        words,
        guest: Guest::of(&viewer),
        name: name
            .or(query.person.as_ref().map(Username::to_string))
            .unwrap_or_default(),
        is_filtered: query.name.is_some() || query.room.is_some() || query.person.is_some() || !range.is_empty(),
        is_first,
        has_page: app.settings.has_page,
        is_person_too: found_as == FoundAs::Both,
        newer: None,
        older: None,
        summary: String::new(),
        rows: Vec::new(),
        similar_rooms: SimilarRooms::default(),
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
    let mut live_rows = Vec::new();
    if found_as != FoundAs::Nothing {
        if is_first {
            (live_rows, page.has_more_live) = live(&app, &filter, now).await?;
        }
        page.fill(&app, live_rows, found.rows, now).await?;
    }
    // Names like it are none of a guest's business.
    if page.rows.is_empty() && !page.name.is_empty() && page.guest.is_none() {
        page.suggest(&app, query.after).await?;
    }
    html(&page)
}

/// What a name is that was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FoundAs {
    /// None was.
    NotAsked,
    Room,
    Person,
    Both,
    Nothing,
}

impl SessionsPage {
    /// What is of a similar name: a few rooms and people, or the rooms after one.
    async fn suggest(&mut self, app: &AppState, after: Option<String>) -> Result<(), Error> {
        let name = self.name.as_str();
        if after.is_some() {
            self.similar_rooms = SimilarRooms::read(app, name, &Page { limit: LIMIT, after }).await?;
            return Ok(());
        }
        let first = Page {
            limit: SUGGESTED,
            after: None,
        };
        let (rooms, people) =
            tokio::try_join!(SimilarRooms::read(app, name, &first), NameList::read(app, name, &first))?;
        (self.similar_rooms, self.found) = (rooms, people);
        Ok(())
    }

    /// The lines of sessions that go on, and of those that are over.
    async fn fill(
        &mut self,
        app: &AppState,
        live: Vec<Session>,
        over: Vec<Session>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut glances = app
            .history
            .glances(live.iter().chain(&over).map(|session| session.id), now)
            .await?;
        let scale = scale(live.iter().chain(&over).map(|session| session.duration_ms));
        let (live_count, over_count) = (live.len(), over.len());
        let mut last_day = String::new();
        for session in live.into_iter().chain(over) {
            let glance = glances.remove(&session.id).unwrap_or_default();
            let day = moment::weekday(self.words, session.started_at);
            let is_new = day != last_day;
            last_day.clone_from(&day);
            let strip = Strip::of(&glance, session.span(), scale);
            self.rows.push(SessionLine {
                told: sentences::strip(self.words, &session, &glance, strip.beyond),
                strip,
                wrong: sentences::wrong(self.words, &session, &glance),
                has_trouble: glance.has_trouble(),
                day: is_new.then_some(day),
                session,
            });
        }
        let troubled = self
            .rows
            .iter()
            .skip(live_count)
            .filter(|line| line.has_trouble)
            .count();
        if self.is_first {
            self.summary = sentences::sessions(self.words, live_count, self.has_more_live, over_count, troubled);
        }
        Ok(())
    }
}

/// What time the strips of a page have room for: the longest session, but for those far longer than is usual, such as one that
/// was forgotten over night, which would leave nothing to see of all others.
fn scale(durations: impl Iterator<Item = i64>) -> i64 {
    const TIMES_USUAL: i64 = 6;
    /// Never too long: among many short tries there is a class.
    const ORDINARY_MS: i64 = 2 * 60 * 60_000;
    let mut durations: Vec<i64> = durations.collect();
    durations.sort_unstable();
    let usual = durations.get(durations.len() / 2).copied().unwrap_or_default();
    let most = usual.saturating_mul(TIMES_USUAL).max(ORDINARY_MS);
    let fitting = durations.into_iter().rev().find(|duration| *duration <= most);
    fitting.unwrap_or_default().max(1)
}

impl SessionListQuery {
    /// Takes the name for that of a room or of a person, as it is one.
    async fn resolve(&mut self, app: &AppState, now: Timestamp) -> Result<FoundAs, Error> {
        let Some(name) = &self.name else {
            return Ok(FoundAs::NotAsked);
        };
        let room = RoomName::parse(name).ok();
        let person = Username::parse(name).ok();
        let has_any = async |filter: SessionFilter| -> Result<bool, Error> {
            let one = Page { limit: 1, after: None };
            Ok(!app.history.sessions(&filter, &one, now).await?.rows.is_empty())
        };
        let of_room = SessionFilter {
            room: room.clone(),
            ..SessionFilter::default()
        };
        let of_person = SessionFilter {
            username: person.clone(),
            ..SessionFilter::default()
        };
        let is_room = room.is_some() && has_any(of_room).await?;
        let is_person = person.is_some() && has_any(of_person).await?;
        (self.room, self.person) = match (is_room, is_person) {
            (true, _) => (room, None),
            (false, true) => (None, person),
            (false, false) => (None, None),
        };
        Ok(match (is_room, is_person) {
            (true, true) => FoundAs::Both,
            (true, false) => FoundAs::Room,
            (false, true) => FoundAs::Person,
            (false, false) => FoundAs::Nothing,
        })
    }

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
    app: &AppState,
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
        let mut found = app.history.sessions(&upwards, &after(Some(id)), now).await?;
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
    let found = app.history.sessions(&filter, &after(from), now).await?;
    Ok((from.is_none(), found))
}

fn after(id: Option<SessionId>) -> Page<SessionId> {
    Page {
        limit: LIMIT,
        after: id,
    }
}

/// The newest of those that go on, and whether there are more.
async fn live(app: &AppState, filter: &SessionFilter, now: Timestamp) -> Result<(Vec<Session>, bool), Error> {
    let filter = SessionFilter {
        status: Some(SessionStatus::Active),
        ..filter.clone()
    };
    let newest = Page {
        limit: LIVE,
        after: None,
    };
    let found = app.history.sessions(&filter, &newest, now).await?;
    Ok((found.rows, found.next.is_some()))
}

impl SimilarRooms {
    async fn read(app: &AppState, name: &str, page: &Page<String>) -> Result<Self, Error> {
        let filter = RoomFilter {
            live_only: false,
            contains: Some(name.to_owned()),
        };
        let Slice { rows, next } = app.history.rooms(&filter, page).await?;
        Ok(Self {
            names: rows.into_iter().map(|found| found.room).collect(),
            next: next.map(|last| address::page("/review", &[("name", name), ("after", &last)])),
        })
    }
}

impl SessionsPage {
    /// How the example comes to be served.
    fn build_example(&self) -> Html {
        let build = m::FirstBuild {
            build: SLOT,
            setting: SECOND_SLOT,
        };
        let setting = "STATIC_DIR=examples/video-room/dist";
        self.words.around_two(build, [BUILD, setting].map(Html::code))
    }

    /// Where it is then.
    fn open_example(&self) -> Html {
        const HERE: &str = r#"<a href="/"><span data-origin>http://localhost:3000</span></a>"#;
        self.words.around(m::FirstOpen { address: SLOT }, &Html::markup(HERE))
    }

    /// What to do instead of these.
    fn own_page(&self) -> Html {
        const JOIN: &str = r#"socket.emit("join", {id: crypto.randomUUID(), username: "Ann", roomname: "first"})"#;
        let own_page = m::FirstOwnPage {
            client: SLOT,
            join: SECOND_SLOT,
        };
        self.words
            .around_two(own_page, ["socket.io-client", JOIN].map(Html::code))
    }

    /// Where those sessions are that go on and are not shown.
    fn more_live(&self) -> Html {
        let link = Html::link("/review/rooms", &self.words.say(m::AmongRoomsNow));
        self.words.around(m::MoreSessionsLive { link: SLOT }, &link)
    }

    /// Who was looked for, over all rooms.
    fn person_over_time(&self) -> String {
        self.words.say(m::PersonOverTime {
            person: &self.words.isolated(&self.person),
        })
    }

    /// This page at another place.
    fn address(&self, direction: &str, id: SessionId) -> String {
        let ([from, to], id) = (self.range.params(), id.to_string());
        let names = [("room", self.room.as_str()), ("person", &self.person)];
        address::page("/review", &[&names[..], &[from, to, (direction, &id)]].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::scale;

    #[test]
    fn strips_have_room_for_all_but_what_is_far_too_long() {
        const NIGHT: i64 = 1_440;
        let minutes = |all: &[i64]| scale(all.iter().map(|minutes| minutes * 60_000)) / 60_000;
        for (sessions, expected) in [
            (&[53, 50, 47, 90, 2][..], 90),
            // A class among tries, and a workshop among classes.
            (&[2, 2, 2, 2, 2, 53], 53),
            (&[50, 45, 55, 50, 240], 240),
            (&[50, 45, 55, 50, NIGHT], 55),
            (&[2, 2, 2, 53, NIGHT], 53),
            (&[NIGHT, NIGHT, 50], NIGHT),
            (&[NIGHT], NIGHT),
        ] {
            assert_eq!(minutes(sessions), expected, "{sessions:?}");
        }
        assert_eq!(scale([].into_iter()), 1);
    }
}
