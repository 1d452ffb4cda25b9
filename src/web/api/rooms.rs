//! Rooms and who is, or was, in them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use crate::history::attendants::Attendant;
use crate::history::page::{Page, Slice};
use crate::history::rooms::{Room, RoomFilter, RoomNow};
use crate::model::time::Timestamp;
use crate::web::http::error::Error;
use crate::web::http::params::{self, List, Paging, Params};
use crate::web::http::path::RoomPath;
use crate::web::state::Web;

/// Which rooms are wanted.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "says in the document what a parameter may be")]
pub(crate) enum RoomStatus {
    /// Those in use.
    Live,
    /// All there ever were.
    All,
}

/// `GET /api/v1/rooms`
#[utoipa::path(
    get,
    path = "/api/v1/rooms",
    operation_id = "listRooms",
    tag = "rooms",
    summary = "The rooms, by name",
    params(
        ("status" = Option<RoomStatus>, Query, description = "Rooms in use (live, if it is not given), or all there ever were"),
        ("q" = Option<String>, Query, description = "Only those whose name holds this"),
        Paging
    ),
    responses(
        (status = 200, description = "A page of rooms", body = List<Room>)
    )
)]
pub(crate) async fn list(State(web): State<Arc<Web>>, mut params: Params) -> Result<Json<List<Room>>, Error> {
    let live_only = params.optional("status", live_only)?.unwrap_or(true);
    let contains = params.text("q").filter(|text| !text.is_empty());
    let page = params.page("rooms", params::kept_room)?;
    params.finish()?;
    let rooms = web.history.rooms(&RoomFilter { live_only, contains }, &page).await?;
    Ok(Json(List::of("rooms", rooms)))
}

fn live_only(raw: &str) -> Result<bool, &'static str> {
    match raw {
        "live" => Ok(true),
        "all" => Ok(false),
        _ => Err("must be live or all"),
    }
}

/// Whether a request for the list asks for live rooms only, which is all that is ever public.
pub(crate) fn asks_for_live(uri: &Uri) -> bool {
    let Ok(mut params) = Params::parse(uri.query().unwrap_or_default()) else {
        return false;
    };
    params.text("status").is_none_or(|status| status == "live")
}

/// `GET /api/v1/rooms/{room}`
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}",
    operation_id = "readRoom",
    tag = "rooms",
    summary = "One room now",
    params(RoomPath),
    responses(
        (status = 200, description = "The room", body = RoomNow)
    )
)]
pub(crate) async fn one(
    State(web): State<Arc<Web>>,
    RoomPath(room): RoomPath,
    params: Params,
) -> Result<Json<RoomNow>, Error> {
    params.finish()?;
    let found = web.history.room(&room, web.now()).await?;
    found.map(Json).ok_or(Error::NoSuchRoom)
}

/// Who was in a room, and when exactly.
#[derive(Serialize, ToSchema)]
pub(crate) struct Attendants {
    at: Timestamp,
    #[serde(flatten)]
    list: List<Attendant>,
}

/// `GET /api/v1/rooms/{room}/participants`
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/participants",
    operation_id = "listRoomParticipants",
    tag = "rooms",
    summary = "Who was in a room at a moment",
    params(
        RoomPath,
        ("at" = Option<Timestamp>, Query, description = "The moment; now if it is not given"),
        Paging
    ),
    responses(
        (status = 200, description = "A page of people, by name", body = Attendants)
    )
)]
pub(crate) async fn participants(
    State(web): State<Arc<Web>>,
    RoomPath(room): RoomPath,
    mut params: Params,
) -> Result<Json<Attendants>, Error> {
    let now = web.now();
    let at = params.optional("at", |raw| {
        params::time(raw).and_then(|at| {
            if at <= now {
                Ok(at)
            } else {
                Err("must not be in the future")
            }
        })
    })?;
    // The cursor remembers the moment, so that all pages are about the same one.
    let page = params.page("attendants", |(at, username)| {
        let at = params::past(at, now)?;
        Some((at, params::kept_username(username)?))
    })?;
    params.finish()?;
    let at = page.after.as_ref().map(|(at, _)| *at).or(at).unwrap_or(now);
    let page = Page {
        limit: page.limit,
        after: page.after.map(|(_, username)| username),
    };

    let found = web
        .history
        .attendants(&room, at, &page)
        .await?
        .ok_or(Error::NoSuchRoom)?;
    let found = Slice {
        rows: found.rows,
        next: found.next.map(|username| (at.0, username)),
    };
    Ok(Json(Attendants {
        at,
        list: List::of("attendants", found),
    }))
}
