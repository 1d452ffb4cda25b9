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

use crate::journal::{Erased, OrderError};
use crate::room::id::Username;
use crate::web::error::Error;
use crate::web::params::Params;
use crate::web::path::SessionPath;
use crate::web::{MAX_BODY, Web};

const SESSION_LIVE: &str = "This session goes on. It can be removed once it is over.";
const PERSON_LIVE: &str = "This person took part in a session that goes on. They can be erased once it is over.";

/// What was asked, and what it changes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Erasure {
    /// The name that was given.
    username: String,
    /// Whether nothing was changed.
    dry_run: bool,
    #[serde(flatten)]
    erased: Erased,
}

/// `DELETE /api/v1/sessions/{id}`
pub(crate) async fn delete(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    params: Params,
) -> Result<StatusCode, Error> {
    params.finish()?;
    web.orders
        .delete(id)
        .await
        .map_err(|error| refusal(error, SESSION_LIVE))?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/participants/erase`
pub(crate) async fn erase(
    State(web): State<Arc<Web>>,
    params: Params,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Erasure>, Error> {
    params.finish()?;
    let body = body.map_err(|_| Error::BodyTooLarge(MAX_BODY))?;
    let (username, dry_run) = request(fields(&headers, &body)?)?;
    let erased = web.orders.erase(username.clone(), dry_run).await;
    Ok(Json(Erasure {
        username: username.as_str().to_owned(),
        dry_run,
        erased: erased.map_err(|error| refusal(error, PERSON_LIVE))?,
    }))
}

fn refusal(error: OrderError, live: &'static str) -> Error {
    match error {
        OrderError::NoSuchSession => Error::NoSuchSession,
        OrderError::Live => Error::Live(live),
        OrderError::Unavailable => Error::NotChanged,
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
