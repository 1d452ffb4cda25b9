//! What machines ask: is the server alive, is it ready, and is a name free (deployed clients ask that before they join).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::model::id::{RoomName, Username};
use crate::web::http::error::{Error, Problem};
use crate::web::http::join_token;
use crate::web::http::params::fields;
use crate::web::http::query::Query;
use crate::web::state::AppState;
use crate::web::state::Readiness;

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NameCheck {
    success: bool,
    is_repeat: bool,
}

/// `GET /livez`: an answer is all there is to it.
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "checkAlive",
    tag = "health",
    summary = "Whether the server lives",
    responses(
        (status = 200, description = "It does", body = Health)
    )
)]
pub(super) async fn livez() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// `GET /readyz`
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "checkReady",
    tag = "health",
    summary = "Whether everything works",
    responses(
        (status = 200, description = "It does", body = Health),
        (status = 503, description = "Something does not", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn readyz(State(app): State<Arc<AppState>>) -> Result<Json<Health>, Error> {
    match (app.readiness)() {
        Readiness::Ready => Ok(Json(Health { status: "ready" })),
        Readiness::Degraded { reason } => Err(Error::NotReady(reason)),
    }
}

/// Parameters beside these are ignored: deployed clients may append some against caches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckUsernameQuery {
    /// The name
    #[serde(deserialize_with = "fields::username")]
    username: Username,
    /// The room
    #[serde(deserialize_with = "fields::room")]
    roomname: RoomName,
}

/// `GET /checkUsername`
#[utoipa::path(
    get,
    path = "/checkUsername",
    operation_id = "checkUsername",
    tag = "clients",
    summary = "Whether a name is taken in a room",
    description = "By the rules of a join. Where that takes a token, this takes it as bearer token, or as Join-Token.",
    params(CheckUsernameQuery, ("Join-Token" = Option<String>, Header, description = "The token to join, if one is needed")),
    responses(
        (status = 200, description = "Whether it is", body = NameCheck),
        (status = 403, description = "Who asks could not join this room under this name", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn check_username(
    State(app): State<Arc<AppState>>,
    headers: HeaderMap,
    extensions: Extensions,
    Query(asked): Query<CheckUsernameQuery>,
) -> Result<Json<NameCheck>, Error> {
    let shown = join_token::alone(&headers);
    app.check_entry(&asked.roomname, Some(&asked.username), &shown, false, &extensions)
        .await?;
    Ok(Json(NameCheck {
        success: true,
        is_repeat: app.live.name_taken(&asked.roomname, &asked.username).await?,
    }))
}
