//! Rooms and who is, or was, in them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::history::attendants::Attendant;
use crate::history::page::{Page, Slice};
use crate::history::rooms::{Room, RoomFilter, RoomNow};
use crate::model::act::StillHeld;
use crate::model::time::Timestamp;
use crate::web::http::error::Error;
use crate::web::http::params::{self, List, Paging, fields};
use crate::web::http::path::RoomPath;
use crate::web::http::query::{self, NoQuery, Query, QueryWith};
use crate::web::state::AppState;

/// Which rooms are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RoomStatus {
    /// Those in use.
    Live,
    /// All there ever were.
    All,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RoomsQuery {
    /// Rooms in use (live, if it is not given), or all there ever were
    status: Option<RoomStatus>,
    /// Only those whose name holds this
    q: Option<String>,
}

/// `GET /api/v1/rooms`
#[utoipa::path(
    get,
    path = "/api/v1/rooms",
    operation_id = "listRooms",
    tag = "rooms",
    summary = "The rooms, by name",
    params(RoomsQuery, Paging),
    responses(
        (status = 200, description = "A page of rooms", body = List<Room>)
    )
)]
pub(super) async fn list(
    State(app): State<Arc<AppState>>,
    QueryWith(wanted, paging): QueryWith<RoomsQuery, Paging>,
) -> Result<Json<List<Room>>, Error> {
    let filter = RoomFilter {
        live_only: wanted.status != Some(RoomStatus::All),
        contains: wanted.q.filter(|text| !text.is_empty()),
    };
    let page = paging.page("rooms", params::kept_room)?;
    let rooms = app.history.rooms(&filter, &page).await?;
    Ok(Json(List::of("rooms", rooms)))
}

/// Whether a request for the list asks for live rooms only, which is all that is ever public.
pub(crate) fn asks_for_live(uri: &Uri) -> bool {
    let pairs = query::pairs(uri.query().unwrap_or_default());
    pairs.is_ok_and(|pairs| pairs.iter().all(|(name, value)| name != "status" || value == "live"))
}

/// One room now, and what teachers' acts still keep from it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RoomAndHeld {
    #[serde(flatten)]
    room: RoomNow,
    #[serde(flatten)]
    held: StillHeld,
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
        (status = 200, description = "The room", body = RoomAndHeld)
    )
)]
pub(super) async fn one(
    State(app): State<Arc<AppState>>,
    RoomPath(name): RoomPath,
    _: Query<NoQuery>,
) -> Result<Json<RoomAndHeld>, Error> {
    let found = app.history.room(&name, app.now()).await?;
    let room = found.ok_or(Error::NoSuchRoom)?;
    let mut held = app.live.held(&name).await;
    // Anybody may ask then, and who was removed is nobody's business but a teacher's.
    if app.settings.public_rooms {
        held.kept_out.clear();
    }
    Ok(Json(RoomAndHeld { room, held }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttendantsQuery {
    /// The moment; now if it is not given
    #[serde(default, deserialize_with = "fields::time")]
    at: Option<Timestamp>,
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
    params(RoomPath, AttendantsQuery, Paging),
    responses(
        (status = 200, description = "A page of people, by name", body = Attendants)
    )
)]
pub(super) async fn participants(
    State(app): State<Arc<AppState>>,
    RoomPath(room): RoomPath,
    QueryWith(wanted, paging): QueryWith<AttendantsQuery, Paging>,
) -> Result<Json<Attendants>, Error> {
    let now = app.now();
    if wanted.at.is_some_and(|at| at > now) {
        return Err(Error::BadParameter {
            name: "at",
            reason: "must not be in the future".to_owned(),
        });
    }
    // The cursor remembers the moment, so that all pages are about the same one.
    let page = paging.page("attendants", |(at, username)| {
        let at = params::past(at, now)?;
        Some((at, params::kept_username(username)?))
    })?;
    let at = page.after.as_ref().map(|(at, _)| *at).or(wanted.at).unwrap_or(now);
    let page = Page {
        limit: page.limit,
        after: page.after.map(|(_, username)| username),
    };

    let found = app
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
