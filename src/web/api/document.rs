//! The whole API as OpenAPI 3.1 says it, made from the handlers.

use axum::Json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi as Document, Ref, ResponseBuilder};
use utoipa::{OpenApi, openapi};

use super::rooms::RoomStatus;
use super::sessions::OrderWord;
use super::{downloads, feed, health, ice_servers, recovery, removal, rooms, sessions};
use crate::history::events::Event;
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::SessionStatus;
use crate::web::http::error::{Error, Problem};
use crate::web::http::params::Params;

const REVIEWER: &str = "reviewer";
const CLIENT: &str = "client";

/// The one path that answers with credentials and without them.
const ICE_SERVERS: &str = "/api/v1/ice-servers";

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
        (name = "removal", description = "Removing"),
        (name = "clients", description = "For clients"),
        (name = "health", description = "Health"),
        (name = "document", description = "For programs")
    ),
    paths(
        rooms::list,
        rooms::one,
        rooms::participants,
        sessions::list,
        sessions::one,
        sessions::participants,
        sessions::events,
        sessions::links,
        downloads::attendance,
        downloads::events,
        downloads::picture,
        feed::show,
        removal::delete,
        removal::erase,
        recovery::show,
        ice_servers::show,
        show,
        health::livez,
        health::readyz,
        health::check_username
    ),
    // What only parameters and streams hold is not found through the handlers.
    components(schemas(
        Problem,
        Event,
        OrderWord,
        RoomName,
        RoomStatus,
        SessionId,
        SessionStatus,
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
pub(crate) async fn show(params: Params) -> Result<Json<Document>, Error> {
    params.finish()?;
    Ok(Json(document()))
}

/// The handlers' own words, and what is true of all of them.
pub(crate) fn document() -> Document {
    let mut document = Api::openapi();
    // It is made of the package's, which has none.
    document.info.license = None;
    let components = document.components.get_or_insert_with(Components::new);
    for (name, description) in [
        (REVIEWER, "The review token"),
        (CLIENT, "The id that the client itself chose"),
    ] {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some(description.to_owned());
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            complete(path, operation);
        }
    }
    document
}

fn complete(path: &str, operation: &mut Operation) {
    let is_public = ["/livez", "/readyz", "/checkUsername"].contains(&path);
    let scheme = match path {
        "/api/v1/recovery" | ICE_SERVERS => Some(CLIENT),
        _ if is_public => None,
        _ => Some(REVIEWER),
    };
    let mut problems = vec![("500", "Something broke in the server")];
    if !["/livez", "/readyz"].contains(&path) {
        problems.push((
            "400",
            "A parameter is missing, unknown, or has a bad value; the problem names it",
        ));
    }
    if path.contains("/sessions/{id}") {
        problems.push(("404", "There is no session of this id"));
    }
    if path.contains("/rooms/{room}") {
        problems.push(("404", "No room of this name has ever been used"));
    }
    if scheme == Some(REVIEWER) {
        problems.push(("401", "The review token is missing or wrong"));
        problems.push((
            "403",
            "The host name is not one the server answers to, or a page of another origin asks",
        ));
        problems.push((
            "429",
            "tooManyQuestions: too many questions of this address are waiting for an answer",
        ));
        problems.push(("503", "busy: too many questions are waiting for an answer"));
    }
    for (status, description) in problems {
        let problem = ResponseBuilder::new()
            .description(description)
            .content(
                "application/problem+json",
                Content::new(Some(Ref::from_schema_name("Problem"))),
            )
            .build();
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.to_owned())
            .or_insert_with(|| openapi::RefOr::T(problem));
    }
    if let Some(scheme) = scheme {
        let mut ways = vec![SecurityRequirement::new(scheme, Vec::<String>::new())];
        if path == ICE_SERVERS {
            ways.push(SecurityRequirement::default());
        }
        operation.security = Some(ways);
    }
}
