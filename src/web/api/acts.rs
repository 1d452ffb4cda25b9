//! What a teacher does to a room: takes somebody or everybody out, or locks it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::model::act::Act;
use crate::model::id::Username;
use crate::web::http::body::{self, JsonFields};
use crate::web::http::error::{Error, Problem};
use crate::web::http::params::bar;
use crate::web::http::path::RoomPath;
use crate::web::http::query::{NoQuery, Query};
use crate::web::state::AppState;

/// Who is to go, and for how long.
// Read field by field, so that a refusal can name one. Serializable only to say that there are no other fields.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RemoveRequest {
    /// Their name, as it is in the room.
    username: Username,
    /// For how many minutes they may not come back; 0 if they may at once.
    #[schema(maximum = 1440)]
    minutes: u32,
}

/// For how long a room is to be closed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CloseRequest {
    /// For how many minutes nobody comes in; 0 if people may at once.
    #[schema(maximum = 1440)]
    minutes: u32,
}

/// Whether a room is to be locked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LockRequest {
    /// Whether nobody new comes in.
    locked: bool,
}

/// `POST /api/v1/rooms/{room}/remove`
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/remove",
    operation_id = "removeMember",
    tag = "rooms",
    summary = "Take somebody out of a room",
    params(RoomPath),
    request_body = RemoveRequest,
    responses(
        (status = 204, description = "They are out"),
        (status = 409, description = "Nobody is in the room, or nobody of this name", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn remove(
    State(app): State<Arc<AppState>>,
    RoomPath(room): RoomPath,
    _: Query<NoQuery>,
    mut fields: JsonFields,
) -> Result<StatusCode, Error> {
    let username = fields.need("username", |value| body::text(value, Username::parse))?;
    let bar = fields.need("minutes", minutes)?;
    fields.finish()?;
    app.act(&room, Act::Remove { username, bar }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/rooms/{room}/close`
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/close",
    operation_id = "closeRoom",
    tag = "rooms",
    summary = "Take everybody out of a room, and let nobody in for a while",
    params(RoomPath),
    request_body = CloseRequest,
    responses(
        (status = 204, description = "It is closed"),
        (status = 409, description = "Nobody is in the room", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn close(
    State(app): State<Arc<AppState>>,
    RoomPath(room): RoomPath,
    _: Query<NoQuery>,
    mut fields: JsonFields,
) -> Result<StatusCode, Error> {
    let bar = fields.need("minutes", minutes)?;
    fields.finish()?;
    app.act(&room, Act::Close { bar }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/rooms/{room}/lock`
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/lock",
    operation_id = "lockRoom",
    tag = "rooms",
    summary = "Let nobody new into a room, or let people in again",
    params(RoomPath),
    request_body = LockRequest,
    responses(
        (status = 204, description = "It is as asked for"),
        (status = 409, description = "Nobody is in the room", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn lock(
    State(app): State<Arc<AppState>>,
    RoomPath(room): RoomPath,
    _: Query<NoQuery>,
    mut fields: JsonFields,
) -> Result<StatusCode, Error> {
    let locked = fields.need("locked", body::boolean)?;
    fields.finish()?;
    app.act(&room, Act::Lock(locked)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn minutes(value: Value) -> Result<Duration, String> {
    bar(&body::whole(&value))
}
