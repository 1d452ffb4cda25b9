//! The whole API as OpenAPI 3.1 says it, made from the handlers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi as Document, Ref, ResponseBuilder, Server};
use utoipa::{OpenApi, openapi};

use super::downloads::TableFormat;
use super::rooms::RoomStatus;
use crate::config::BasePath;
use crate::history::events::Event;
use crate::history::sessions::SortOrder;
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::SessionStatus;
use crate::web::http::error::Problem;
use crate::web::http::query::{NoQuery, Query};
use crate::web::state::AppState;

const REVIEWER: &str = "reviewer";
const CLIENT: &str = "client";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "chatroom-server",
        description = "Who was in which room, when, and who connected with whom. Times are RFC 3339 in UTC, durations \
            whole milliseconds; lists come in pages, and nextCursor asks for the next one: a page may hold fewer rows than \
            limit, even none, and only a nextCursor of null is the end. What is refused is a problem (RFC 9457) with a \
            code that does not change. Answers of 429 and 503 to too many questions bring Retry-After."
    ),
    tags(
        (name = "rooms", description = "Rooms"),
        (name = "sessions", description = "Sessions"),
        (name = "downloads", description = "What can be taken along"),
        (name = "live", description = "As it happens"),
        (name = "sharing", description = "Letting others read"),
        (name = "removal", description = "Removing"),
        (name = "clients", description = "For clients"),
        (name = "health", description = "Health"),
        (name = "document", description = "For programs")
    ),
    // What only parameters and streams hold is not found through the handlers.
    components(schemas(
        Problem,
        Event,
        SortOrder,
        RoomName,
        RoomStatus,
        SessionId,
        SessionStatus,
        TableFormat,
        Timestamp,
        Username
    ))
)]
struct Api;

/// `GET /api/v1/openapi.json`
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "readDocument",
    tag = "document",
    summary = "This document",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub(super) async fn show(State(app): State<Arc<AppState>>, _: Query<NoQuery>) -> Response {
    Json(&app.document).into_response()
}

/// What is said of the API as a whole, without any path.
pub(super) fn introduction(base: &BasePath) -> Document {
    let mut document = Api::openapi();
    document.servers = (!base.is_root()).then(|| vec![Server::new(base.as_str())]);
    // It is made of the package's, which has none.
    document.info.license = None;
    let components = document.components.get_or_insert_with(Components::new);
    for (name, description) in [
        (
            REVIEWER,
            "The review token; for what a review link shows, the token of that link does",
        ),
        (CLIENT, "The id that the client itself chose"),
    ] {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some(description.to_owned());
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    document
}

/// What routes say of themselves that anybody may ask, whatever they are asked with.
pub(super) fn without_parameters(routes: Document) -> Document {
    completed(routes, None, &[BROKEN])
}

/// The same of routes that may be asked with parameters.
pub(super) fn for_anybody(routes: Document) -> Document {
    completed(routes, None, &[BROKEN, BAD_PARAMETER])
}

/// The same of routes that are a reviewer's.
pub(super) fn for_reviewers(routes: Document) -> Document {
    let problems = [&[BROKEN, BAD_PARAMETER][..], &OF_REVIEWERS].concat();
    completed(routes, Some(REVIEWER), &problems)
}

type ProblemWord = (&'static str, &'static str);

const BROKEN: ProblemWord = ("500", "Something broke in the server");

const BAD_PARAMETER: ProblemWord = (
    "400",
    "A parameter is missing, unknown, or has a bad value; the problem names it",
);

const OF_REVIEWERS: [ProblemWord; 5] = [
    ("401", "The review token is missing or wrong"),
    (
        "403",
        "The host name is not one the server answers to, a page of another origin asks, or a review link does not open this",
    ),
    (
        "410",
        "linkOver: the review link has ended or was revoked, or what it showed was removed",
    ),
    (
        "429",
        "tooManyQuestions: too many questions of this address are waiting for an answer",
    ),
    ("503", "busy: too many questions are waiting for an answer"),
];

/// What every route answers that reads a body.
const OF_BODIES: [ProblemWord; 3] = [
    ("408", "The body did not arrive in time"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
];

/// What the routes say of themselves, with the scheme that opens them and the problems that all of them may answer.
fn completed(mut document: Document, scheme: Option<&str>, problems: &[ProblemWord]) -> Document {
    for (path, item) in &mut document.paths.paths {
        for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
            let of_body = operation.request_body.iter().flat_map(|_| OF_BODIES);
            for (status, description) in problems.iter().copied().chain(missing(path)).chain(of_body) {
                let responses = &mut operation.responses.responses;
                let response = responses.entry(status.to_owned());
                response.or_insert_with(|| openapi::RefOr::T(problem(description)));
            }
            if let Some(scheme) = scheme {
                operation.security = Some(vec![SecurityRequirement::new(scheme, Vec::<String>::new())]);
            }
        }
    }
    document
}

/// What a path names and may not be there.
fn missing(path: &str) -> Option<ProblemWord> {
    if path.contains("/sessions/{id}") {
        return Some(("404", "There is no session of this id"));
    }
    // What is done to a room is refused if it is not in use, whether it ever was or not.
    let is_of_room = path == "/api/v1/rooms/{room}" || path == "/api/v1/rooms/{room}/participants";
    is_of_room.then_some(("404", "No room of this name has ever been used"))
}

fn problem(description: &str) -> openapi::Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description(description);
    response.content("application/problem+json", content).build()
}
