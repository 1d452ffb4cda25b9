//! Who is where at this moment.

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::Deserialize;

use super::sentences::wording::counted;
use super::strip::Strip;
use super::{PageResult, address, html, moment, sentences};
use crate::history::glance::Glance;
use crate::history::intervals::Interval;
use crate::history::page::Page;
use crate::history::rooms::{CurrentSession, Member, Room, RoomFilter};
use crate::model::act::{KeptOut, StillHeld};
use crate::model::id::RoomName;
use crate::model::time::Timestamp;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::params::fields;
use crate::web::http::query::Query;
use crate::web::state::AppState;
use crate::words::{Html, SLOT, Words, message as m};

/// The most rooms on one page.
const LIMIT: usize = 100;

/// As many people are enough for one page, also if they are in fewer rooms.
const PEOPLE: i64 = 1_000;

#[derive(Template)]
#[template(path = "rooms.html")]
struct RoomsPage {
    words: &'static Words,
    now: Timestamp,
    rooms: Vec<RoomSection>,
    next: Option<String>,
    is_first: bool,
    /// What is closed, and who is kept out of where.
    held: Vec<(RoomName, StillHeld)>,
}

struct RoomSection {
    name: String,
    session: CurrentSession,
    /// Those who are away before the others.
    members: Vec<Member>,
    /// The last quarter of an hour.
    strip: Strip,
    told: String,
    /// What went wrong besides who is away, in a few words; empty if nothing did.
    wrong: String,
    /// How many did not come back, and how many pairs never connected.
    trouble: (usize, usize),
    /// Whether nobody new comes in.
    is_locked: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveRoomsQuery {
    /// The room that the others come after.
    #[serde(default, deserialize_with = "fields::after_room")]
    after: Option<String>,
}

/// `GET /review/rooms`
pub(crate) async fn show(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    query: Result<Query<LiveRoomsQuery>, Error>,
) -> PageResult {
    let Query(LiveRoomsQuery { after }) = query?;
    let filter = RoomFilter {
        live_only: true,
        contains: None,
    };
    let is_first = after.is_none();
    let found = app.history.rooms(&filter, &Page { limit: LIMIT, after }).await?;
    let (mut next, mut rooms) = (found.next, found.rows);
    let shown = on_one_page(&rooms);
    if shown < rooms.len() {
        rooms.truncate(shown);
        next = rooms.last().map(|room| room.room.clone());
    }
    // Between two reads the last one may have left.
    let live: Vec<(String, CurrentSession)> = rooms
        .into_iter()
        .filter_map(|room| Some((room.room, room.session?)))
        .collect();
    let sessions = || live.iter().map(|(_, session)| session.id);
    let now = app.now();
    let (mut members, mut glances) = tokio::try_join!(
        app.history.members_of_each(sessions()),
        app.history.glances_of_live(sessions(), now),
    )?;
    let section = |(name, session): (String, CurrentSession)| {
        let glance = glances.remove(&session.id).unwrap_or_default();
        let members = members.remove(&session.id).unwrap_or_default();
        RoomSection::of(words, name, session, members, &glance, now)
    };
    let mut rooms: Vec<RoomSection> = live.into_iter().map(section).collect();
    for room in &mut rooms {
        room.is_locked = match RoomName::parse(&room.name) {
            Ok(name) => app.live.held(&name).await.locked,
            Err(_) => false,
        };
    }
    // Where everybody is away it is hardly their own doing; then where somebody is, and what else is troubled, the most
    // before the others; otherwise by name.
    rooms.sort_by_key(|room| Reverse((room.is_deserted(), room.has_somebody_away(), room.trouble)));
    html(&RoomsPage {
        words,
        rooms,
        held: app.live.rooms_held().await,
        next: next.map(|last| address::page("/review/rooms", &[("after", &last)])),
        is_first,
        now,
    })
}

impl RoomSection {
    fn of(
        words: &Words,
        name: String,
        session: CurrentSession,
        mut members: Vec<Member>,
        glance: &Glance,
        now: Timestamp,
    ) -> Self {
        const QUARTER_MS: i64 = 15 * 60_000;
        members.sort_by_key(|member| !member.is_away());
        let span = Interval::new(Timestamp(now.0 - QUARTER_MS), now);
        let here = here(&members);
        Self {
            strip: Strip::of(glance, span, QUARTER_MS),
            told: sentences::quarter(words, here, glance),
            wrong: sentences::wrong_now(words, glance),
            trouble: (glance.lost.len(), glance.unconnected_pairs()),
            name,
            session,
            members,
            is_locked: false,
        }
    }

    /// The page on which a teacher acts.
    fn acts(&self) -> String {
        address::page("/review/room", &[("room", &self.name)])
    }

    fn has_somebody_away(&self) -> bool {
        self.members.iter().any(Member::is_away)
    }

    /// Whether everybody is away.
    fn is_deserted(&self) -> bool {
        self.members.iter().all(Member::is_away)
    }

    /// How many are there, since when.
    fn here_since(&self, words: &Words, now: Timestamp) -> Html {
        let here = counted(here(&self.members));
        let since = Html::element(&moment::minute(words, self.session.started_at, now));
        words.around(m::HereSince { here, moment: SLOT }, &since)
    }
}

/// How many of these rooms, as many people as they have.
fn on_one_page(rooms: &[Room]) -> usize {
    let mut people = 0;
    let has_place = |room: &&Room| {
        let has_place = people < PEOPLE;
        people += room.present + room.away;
        has_place
    };
    rooms.iter().take_while(has_place).count()
}

fn here(members: &[Member]) -> usize {
    members.iter().filter(|member| !member.is_away()).count()
}

impl RoomsPage {
    /// For how long somebody who is away can still come back, if that is known.
    fn away(&self, member: &Member) -> Html {
        let Some(until) = member.away_until else {
            return Html::text(&self.words.say(m::Away));
        };
        let countdown = Html::element(&moment::countdown(self.words, until));
        self.words.around(m::AwayUntil { countdown: SLOT }, &countdown)
    }

    fn closed_until(&self, until: Timestamp) -> Html {
        let until = Html::element(&moment::minute(self.words, until, self.now));
        self.words.around(m::ClosedUntil { moment: SLOT }, &until)
    }

    fn kept_out_until(&self, one: &KeptOut) -> Html {
        let who = &self.words.isolated(one.username.as_str());
        let until = Html::element(&moment::minute(self.words, one.until, self.now));
        self.words.around(m::KeptOutUntil { who, moment: SLOT }, &until)
    }

    fn summary(&self) -> String {
        let people = self.rooms.iter().map(|room| room.members.len()).sum();
        let members = self.rooms.iter().flat_map(|room| &room.members);
        let away: Vec<&str> = members
            .filter(|member| member.is_away())
            .map(|member| member.username.as_str())
            .collect();
        sentences::rooms(self.words, people, self.rooms.len(), &away)
    }
}
