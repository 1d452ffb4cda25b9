//! The REST API, `/api/v1`: each handler reads what is asked, asks the history once or twice, and answers.
//!
//! Path, method, parameters and answers stand at the handler; here is only who may ask what. Handlers are not to be had
//! but by these routes, and these carry their part of the document with them: no route can be without.

mod acts;
mod document;
mod downloads;
mod feed;
mod health;
mod ice_servers;
mod recovery;
mod removal;
mod review_links;
pub(crate) mod rooms;
pub(crate) mod sessions;

use std::sync::Arc;

pub(super) use self::document::LANGUAGE;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AppState;
use crate::config::BasePath;
use crate::words::Words;

type ApiRoutes = OpenApiRouter<Arc<AppState>>;

/// The whole API as OpenAPI 3.1 says it: the handlers' own words, which are English, and in the language of these words what
/// is true of all that the same people may ask.
pub(super) fn document(base: &BasePath, words: &Words) -> OpenApi {
    let mut document = document::introduction(base, words);
    document.merge(document::without_parameters(health().into_openapi(), words));
    document.merge(document::for_anybody(clients().into_openapi(), words));
    for routes in [rooms(), room(), questions(), reviewers()] {
        document.merge(document::for_reviewers(routes.into_openapi(), words));
    }
    document
}

/// Whether the server is well.
pub(super) fn health() -> ApiRoutes {
    OpenApiRouter::new()
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
}

/// What a client asks of itself.
pub(super) fn clients() -> ApiRoutes {
    OpenApiRouter::new()
        .routes(routes!(health::check_username))
        .routes(routes!(recovery::show))
        .routes(routes!(ice_servers::show))
}

/// The list of rooms.
pub(super) fn rooms() -> ApiRoutes {
    OpenApiRouter::new().routes(routes!(rooms::list))
}

/// One room as it is at this moment.
pub(super) fn room() -> ApiRoutes {
    OpenApiRouter::new().routes(routes!(rooms::one))
}

/// A reviewer's questions about the past, which wait for each other.
pub(super) fn questions() -> ApiRoutes {
    OpenApiRouter::new()
        .routes(routes!(rooms::participants))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::participants))
        .routes(routes!(sessions::events))
        .routes(routes!(sessions::links))
        .routes(routes!(downloads::attendance))
        .routes(routes!(downloads::events))
        .routes(routes!(downloads::picture))
}

/// What else a reviewer may ask, which waits for nobody.
pub(super) fn reviewers() -> ApiRoutes {
    OpenApiRouter::new()
        .routes(routes!(document::show))
        .routes(routes!(removal::erase))
        .routes(routes!(acts::remove))
        .routes(routes!(acts::close))
        .routes(routes!(acts::lock))
        .routes(routes!(review_links::list, review_links::make))
        .routes(routes!(review_links::revoke))
        .routes(routes!(feed::show))
        .routes(routes!(sessions::one, removal::delete))
}
