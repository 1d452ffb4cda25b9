//! How the engine says why it refuses a request. It writes the code as text; by the protocol, and for clients that compare
//! it, it is a number.

use axum::Json;
use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// The most of such an answer that is read, in bytes.
const MOST_ANSWER: usize = 1024;

#[derive(Serialize)]
struct EngineError<'a> {
    code: u8,
    message: &'a str,
}

/// The refusal of a session that is none.
pub(super) fn unknown_session() -> Response {
    refusal(1, "Session ID unknown")
}

/// The refusal of what the session is in no state for.
pub(super) fn bad_request() -> Response {
    refusal(3, "Bad request")
}

/// Writes the engine's own refusals anew; any other answer passes as it is.
pub(super) async fn with_number(response: Response) -> Response {
    #[derive(Deserialize)]
    struct AsWritten<'a> {
        code: &'a str,
        message: &'a str,
    }
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    if response.status() != StatusCode::BAD_REQUEST || !is_json {
        return response;
    }
    let (head, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MOST_ANSWER).await else {
        return head.status.into_response();
    };
    let written: Option<AsWritten<'_>> = serde_json::from_slice(&body).ok();
    match written.and_then(|AsWritten { code, message }| Some((code.parse().ok()?, message))) {
        Some((code, message)) => refusal(code, message),
        None => (head, body).into_response(),
    }
}

fn refusal(code: u8, message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(EngineError { code, message })).into_response()
}
