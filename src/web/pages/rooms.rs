//! Who is where at this moment.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::{Page, address, html, moment};
use crate::history::page::Page as Piece;
use crate::history::rooms::{CurrentSession, Member, RoomFilter};
use crate::history::wording;
use crate::room::time::Timestamp;
use crate::web::Web;
use crate::web::error::Error;
use crate::web::params::Params;

/// The most rooms on one page.
const LIMIT: usize = 100;

#[derive(Template)]
#[template(path = "rooms.html")]
struct RoomsPage {
    now: Timestamp,
    rooms: Vec<Room>,
    next: Option<String>,
    is_first: bool,
}

struct Room {
    name: String,
    session: CurrentSession,
    members: Vec<Member>,
}

/// `GET /review/rooms`
pub(crate) async fn show(State(web): State<Arc<Web>>, params: Result<Params, Error>) -> Page {
    let mut params = params?;
    let after = params.text("after").filter(|name| !name.is_empty());
    params.finish()?;
    let filter = RoomFilter {
        live_only: true,
        contains: None,
    };
    let is_first = after.is_none();
    let found = web.history.rooms(&filter, &Piece { limit: LIMIT, after }).await?;
    let mut rooms = Vec::with_capacity(found.rows.len());
    for room in found.rows {
        // Between two reads the last one may have left.
        let Some(session) = room.session else { continue };
        rooms.push(Room {
            members: web.history.members(session.id).await?,
            name: room.room,
            session,
        });
    }
    html(&RoomsPage {
        now: web.now(),
        rooms,
        next: found
            .next
            .map(|last| address::page("/review/rooms", &[("after", &last)])),
        is_first,
    })
}

impl RoomsPage {
    fn told(&self) -> String {
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
