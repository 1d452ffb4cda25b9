//! The whole API as OpenAPI 3.1 says it, made from the handlers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
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
use crate::words::{Words, message as m};

const REVIEWER: &str = "reviewer";
const CLIENT: &str = "client";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "chatroom-server"
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

/// What is said in the language of some words.
type Said = fn(&Words) -> String;

/// The chapters: the tag of their operations, and their title.
const CHAPTERS: [(&str, Said); 9] = [
    ("rooms", |words| words.say(m::ApiRooms)),
    ("sessions", |words| words.say(m::ApiSessions)),
    ("downloads", |words| words.say(m::ApiDownloads)),
    ("live", |words| words.say(m::ApiLive)),
    ("sharing", |words| words.say(m::ApiSharing)),
    ("removal", |words| words.say(m::ApiRemoval)),
    ("clients", |words| words.say(m::ApiClients)),
    ("health", |words| words.say(m::ApiHealth)),
    ("document", |words| words.say(m::ApiDocument)),
];

/// The field of an answer by which it says that its description is in another language than the rest.
pub(in crate::web) const LANGUAGE: &str = "x-language";

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
pub(super) fn introduction(base: &BasePath, words: &Words) -> Document {
    let mut document = Api::openapi();
    document.info.description = Some(words.say(m::ApiIntroduction));
    let chapter = |(name, title): (&str, Said)| TagBuilder::new().name(name).description(Some(title(words))).build();
    document.tags = Some(CHAPTERS.map(chapter).to_vec());
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
pub(super) fn without_parameters(routes: Document, words: &Words) -> Document {
    completed(routes, words, None, &[BROKEN])
}

/// The same of routes that may be asked with parameters.
pub(super) fn for_anybody(routes: Document, words: &Words) -> Document {
    completed(routes, words, None, &[BROKEN, BAD_PARAMETER])
}

/// The same of routes that are a reviewer's.
pub(super) fn for_reviewers(routes: Document, words: &Words) -> Document {
    let problems = [&[BROKEN, BAD_PARAMETER][..], &OF_REVIEWERS].concat();
    completed(routes, words, Some(REVIEWER), &problems)
}

/// A status, and what it means.
type ProblemWord = (&'static str, Said);

const BROKEN: ProblemWord = ("500", |words| words.say(m::ApiBroken));

const BAD_PARAMETER: ProblemWord = ("400", |words| words.say(m::ApiBadParameter));

const OF_REVIEWERS: [ProblemWord; 5] = [
    ("401", |words| words.say(m::ApiNoToken)),
    ("403", |words| words.say(m::ApiForbidden)),
    ("410", |words| words.say(m::ApiLinkOver)),
    ("429", |words| words.say(m::ApiTooManyQuestions)),
    ("503", |words| words.say(m::ApiBusy)),
];

/// What every route answers that reads a body.
const OF_BODIES: [ProblemWord; 3] = [
    ("408", |words| words.say(m::ApiBodyLate)),
    ("413", |words| words.say(m::ApiBodyTooLarge)),
    ("415", |words| words.say(m::ApiBodyNotJson)),
];

/// What the routes say of themselves, with the scheme that opens them and the problems that all of them may answer.
fn completed(mut document: Document, words: &Words, scheme: Option<&str>, problems: &[ProblemWord]) -> Document {
    for (path, item) in &mut document.paths.paths {
        for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
            let of_body = operation.request_body.iter().flat_map(|_| OF_BODIES);
            for (status, meaning) in problems.iter().copied().chain(missing(path)).chain(of_body) {
                let responses = &mut operation.responses.responses;
                let response = responses.entry(status.to_owned());
                response.or_insert_with(|| openapi::RefOr::T(problem(words, meaning)));
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
        return Some(("404", |words| words.say(m::ApiNoSession)));
    }
    // What is done to a room is refused if it is not in use, whether it ever was or not.
    let is_of_room = path == "/api/v1/rooms/{room}" || path == "/api/v1/rooms/{room}/participants";
    is_of_room.then_some(("404", |words| words.say(m::ApiNoRoom)))
}

fn problem(words: &Words, meaning: Said) -> openapi::Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let language = (!words.is_first()).then(|| Extensions::builder().add(LANGUAGE, words.tag()).build());
    let response = ResponseBuilder::new().description(meaning(words)).extensions(language);
    response.content("application/problem+json", content).build()
}
