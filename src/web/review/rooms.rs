//! Who is where at this moment.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::{Deserialize, Deserializer};

use super::sentences::wording;
use super::{PageResult, address, html, moment};
use crate::history::page::Page;
use crate::history::rooms::{CurrentSession, Member, RoomFilter};
use crate::model::time::Timestamp;
use crate::web::http::error::Error;
use crate::web::http::params::{filled, kept_room};
use crate::web::http::query::Query;
use crate::web::state::Web;

/// The most rooms on one page.
const LIMIT: usize = 100;

/// As many people are enough for one page, also if they are in fewer rooms.
const PEOPLE: usize = 1_000;

#[derive(Template)]
#[template(path = "rooms.html")]
struct RoomsPage {
    now: Timestamp,
    rooms: Vec<RoomSection>,
    next: Option<String>,
    is_first: bool,
}

struct RoomSection {
    name: String,
    session: CurrentSession,
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveRoomsQuery {
    /// The room that the others come after.
    #[serde(default, deserialize_with = "room")]
    after: Option<String>,
}

fn room<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    filled(deserializer, |raw| {
        kept_room(raw.to_owned()).ok_or("must be the name of a room")
    })
}

/// `GET /review/rooms`
pub(crate) async fn show(State(web): State<Arc<Web>>, query: Result<Query<LiveRoomsQuery>, Error>) -> PageResult {
    let Query(LiveRoomsQuery { after }) = query?;
    let filter = RoomFilter {
        live_only: true,
        contains: None,
    };
    let is_first = after.is_none();
    let found = web.history.rooms(&filter, &Page { limit: LIMIT, after }).await?;
    let mut rooms: Vec<RoomSection> = Vec::with_capacity(found.rows.len());
    let (mut next, mut people) = (found.next, 0);
    for room in found.rows {
        if people >= PEOPLE {
            next = rooms.last().map(|room| room.name.clone());
            break;
        }
        // Between two reads the last one may have left.
        let Some(session) = room.session else { continue };
        let members = web.history.members(session.id).await?;
        people += members.len();
        rooms.push(RoomSection {
            members,
            name: room.room,
            session,
        });
    }
    html(&RoomsPage {
        now: web.now(),
        rooms,
        next: next.map(|last| address::page("/review/rooms", &[("after", &last)])),
        is_first,
    })
}

impl RoomsPage {
    fn summary(&self) -> String {
        let people: usize = self.rooms.iter().map(|room| room.members.len()).sum();
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let all = format!(
            "{} in {}.",
            wording::count(number(people), "person", "people"),
            wording::count(number(self.rooms.len()), "room", "rooms")
        );
        let members = self.rooms.iter().flat_map(|room| &room.members);
        let away: Vec<&str> = members
            .filter(|member| member.is_away())
            .map(|member| member.username.as_str())
            .collect();
        if away.is_empty() {
            return all;
        }
        format!("{all} {}.", wording::are_away(&away))
    }
}
