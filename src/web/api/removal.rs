//! What can be removed: a session, or a person's name from everything.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::journal::{Erased, RemovalError};
use crate::model::id::Username;
use crate::web::MAX_BODY;
use crate::web::http::error::{Error, Problem};
use crate::web::http::path::SessionPath;
use crate::web::http::query::{NoQuery, Query};
use crate::web::state::AppState;

const SESSION_LIVE: &str = "This session goes on. It can be removed once it is over.";
const PERSON_LIVE: &str = "This person took part in a session that goes on. They can be erased once it is over.";

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
    app.removals
        .delete(id)
        .await
        .map_err(|error| refusal(error, SESSION_LIVE))?;
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
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The history cannot be changed for now", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn erase(
    State(app): State<Arc<AppState>>,
    _: Query<NoQuery>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Erasure>, Error> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::BodyTooLarge(MAX_BODY),
        _ => Error::BodyCut,
    })?;
    let (username, dry_run) = request(fields(&headers, &body)?)?;
    let erased = app.removals.erase(username.clone(), dry_run).await;
    Ok(Json(Erasure {
        username: username.as_str().to_owned(),
        dry_run,
        erased: erased.map_err(|error| refusal(error, PERSON_LIVE))?,
    }))
}

fn refusal(error: RemovalError, live: &'static str) -> Error {
    match error {
        RemovalError::NoSuchSession => Error::NoSuchSession,
        RemovalError::Live => Error::Live(live),
        RemovalError::Unavailable => Error::NotChanged,
    }
}

fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Error> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(Error::NotJson);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(bad("", "The body must be a JSON object")),
    }
}

/// Reads strictly: a mistyped `dryRun` must not erase anybody.
fn request(mut fields: Map<String, Value>) -> Result<(Username, bool), Error> {
    let username = match fields.remove("username") {
        Some(Value::String(name)) => Username::parse(&name).map_err(|invalid| bad("username", &invalid.to_string()))?,
        Some(_) => return Err(bad("username", "must be a string")),
        None => return Err(bad("username", "is missing")),
    };
    let dry_run = match fields.remove("dryRun") {
        None => false,
        Some(Value::Bool(dry_run)) => dry_run,
        Some(_) => return Err(bad("dryRun", "must be true or false")),
    };
    match fields.keys().next() {
        None => Ok((username, dry_run)),
        Some(unknown) => {
            let name: String = unknown.chars().take(64).collect();
            Err(bad(&name, "is not known here; known are username, dryRun"))
        }
    }
}

fn bad(field: &str, reason: &str) -> Error {
    Error::BadBody {
        field: field.to_owned(),
        reason: reason.to_owned(),
    }
}
