//! What can be removed: a session, or a person's name from everything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::journal::Erased;
use crate::model::id::Username;
use crate::web::http::body::{self, JsonFields};
use crate::web::http::error::{Error, Problem};
use crate::web::http::path::SessionPath;
use crate::web::http::query::{NoQuery, Query};
use crate::web::state::AppState;

/// What was asked, and what it changes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Erasure {
    /// The name that was given.
    username: String,
    /// Whether nothing was changed.
    dry_run: bool,
    #[serde(flatten)]
    erased: Erased,
}

/// Whose name is to go.
// Read field by field, so that a refusal can name one. Serializable only to say that there are no other fields.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EraseRequest {
    /// The name as it is written in the history.
    username: Username,
    /// Only say what would change; nothing is changed.
    #[schema(default = false, nullable = false)]
    dry_run: Option<bool>,
}

/// `DELETE /api/v1/sessions/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{id}",
    operation_id = "deleteSession",
    tag = "removal",
    summary = "Remove a session and all that hangs on it",
    params(SessionPath),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "It goes on", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The history cannot be changed for now", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn delete(
    State(app): State<Arc<AppState>>,
    SessionPath(id): SessionPath,
    _: Query<NoQuery>,
) -> Result<StatusCode, Error> {
    app.remove_session(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/participants/erase`
#[utoipa::path(
    post,
    path = "/api/v1/participants/erase",
    operation_id = "erasePerson",
    tag = "removal",
    summary = "Take a person's name out of everything",
    request_body = EraseRequest,
    responses(
        (status = 200, description = "What was changed, or would be", body = Erasure),
        (status = 409, description = "They took part in a session that goes on", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The history cannot be changed for now", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn erase(
    State(app): State<Arc<AppState>>,
    _: Query<NoQuery>,
    fields: JsonFields,
) -> Result<Json<Erasure>, Error> {
    let (username, dry_run) = request(fields)?;
    let erased = app.erase(username.clone(), dry_run).await?;
    Ok(Json(Erasure {
        username: username.as_str().to_owned(),
        dry_run,
        erased,
    }))
}

/// Reads strictly: a mistyped `dryRun` must not erase anybody.
fn request(mut fields: JsonFields) -> Result<(Username, bool), Error> {
    let username = fields.need("username", |value| body::text(value, Username::parse))?;
    let dry_run = fields.take("dryRun", body::boolean)?;
    fields.finish()?;
    Ok((username, dry_run.unwrap_or(false)))
}
