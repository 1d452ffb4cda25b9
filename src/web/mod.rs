//! HTTP beside the socket: the REST API, the way into the review, and what machines ask.
//!
//! A route is a reviewer's, behind the token and the host rule, unless it is put among the public ones here. Who has only a
//! review link gets what `viewer` lists.

mod api;
mod feed;
pub(crate) mod fuzzing;
mod guards;
mod http;
mod review;
mod settings;
mod sharing;
mod state;
#[cfg(test)]
mod tests;
mod viewer;
mod welcome;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

pub use self::feed::Feed;
use self::guards::{in_turn, known_hosts_only, reviewers_only};
pub use self::http::base_path::below;
use self::http::base_path::with_links_below;
use self::http::body::MAX_BODY;
use self::http::cors;
pub use self::http::cors::{PageGuard, allowed_pages_only, socket_layer};
use self::http::error::Error;
pub use self::http::turns::QuestionLimits;
use self::review::sign_in;
pub use self::settings::{Scheme, Settings};
use self::state::AppState;
pub use self::state::{
    AddressBook, LiveRooms, Readiness, ReadinessProbe, Recovery, RoomOutOfReach, Services, WallClock,
};
pub use self::welcome::{Welcome, welcome_page};
use crate::model::language::Language;
use crate::words::Words;

/// All routes but the socket's and the exercise page's. Guessing is slowed down per address where requests carry
/// [`ClientAddress`](crate::net::ClientAddress), and over all of them where they do not.
pub fn router(settings: Settings, services: Services) -> Router {
    let document = api::document(&settings.base_path, Words::of(Language::default()));
    let app = Arc::new(AppState::new(settings, services, document));
    let routes = public(&app)
        .merge(for_reviewers(&app))
        .merge(pages(&app))
        .merge(rooms(&app));
    with_common_layers(routes, app)
}

/// The same in two parts, neither of which has anything of the other.
pub struct SplitRouters {
    /// What anybody may ask.
    pub public: Router,
    /// What a reviewer may, and whether the server is well.
    pub review: Router,
}

/// [`router`], for two origins: a script in a page of the one has no way to the other.
pub fn split_routers(settings: Settings, services: Services) -> SplitRouters {
    let document = api::document(&settings.base_path, Words::of(Language::default()));
    let app = Arc::new(AppState::new(settings, services, document));
    let mut public = public(&app);
    if app.settings.public_rooms {
        public = public.merge(public_rooms(&app, Router::new().fallback(no_such_path)));
    }
    let (list, one) = room_routes(&app);
    let review = health()
        .merge(for_reviewers(&app))
        .merge(pages(&app))
        .merge(guarded(list.merge(one), &app))
        .route("/", get(|| async { Redirect::to(sign_in::START) }));
    SplitRouters {
        public: with_common_layers(public, app.clone()),
        review: with_common_layers(review, app),
    }
}

/// What is true of every answer.
fn with_common_layers(routes: Routes, app: Arc<AppState>) -> Router {
    let header = SetResponseHeaderLayer::if_not_present;
    let layers = ServiceBuilder::new()
        .layer(header(CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(header(REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(small_bodies_only))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    routes
        .route("/api", any(no_such_path))
        .route("/api/{*path}", any(no_such_path))
        .fallback(no_such_path)
        .layer(layers)
        .with_state(app)
}

type Routes = Router<Arc<AppState>>;

/// What anybody may ask, from any allowed page.
fn public(app: &Arc<AppState>) -> Routes {
    health()
        .merge(Router::from(api::clients()).method_not_allowed_fallback(method_not_allowed))
        .layer(cors::layer(&app.settings.allowed_origins))
}

fn health() -> Routes {
    Router::from(api::health()).method_not_allowed_fallback(method_not_allowed)
}

fn for_reviewers(app: &Arc<AppState>) -> Routes {
    let in_turn = from_fn_with_state(app.clone(), in_turn);
    let routes = Router::from(api::questions())
        .layer(in_turn)
        .merge(api::reviewers())
        .method_not_allowed_fallback(method_not_allowed);
    guarded(routes, app)
}

/// The rooms in use may be public, by setting; all the rooms there ever were are a reviewer's even then.
fn rooms(app: &Arc<AppState>) -> Routes {
    let (list, one) = room_routes(app);
    if !app.settings.public_rooms {
        return guarded(list.merge(one), app);
    }
    public_rooms(app, guarded(list, app))
}

fn room_routes(app: &Arc<AppState>) -> (Routes, Routes) {
    let list = Router::from(api::rooms())
        .layer(from_fn_with_state(app.clone(), in_turn))
        .method_not_allowed_fallback(method_not_allowed);
    let one = Router::from(api::room())
        .layer(from_fn_with_state(app.clone(), in_turn))
        .method_not_allowed_fallback(method_not_allowed);
    (list, one)
}

/// The rooms in use for any allowed page. What is not in use is for `all` to answer.
fn public_rooms(app: &Arc<AppState>, all: Routes) -> Routes {
    let (list, one) = room_routes(app);
    let cors = cors::layer(&app.settings.allowed_origins);
    let live = list.layer(cors.clone()).with_state(app.clone());
    let all = all.with_state(app.clone());
    let by_status = any(move |request: Request| {
        let routes = if api::rooms::asks_for_live(request.uri()) {
            live.clone()
        } else {
            all.clone()
        };
        routes.oneshot(request)
    });
    one.layer(cors).route("/api/v1/rooms", by_status)
}

fn guarded(routes: Routes, app: &Arc<AppState>) -> Routes {
    let guards = ServiceBuilder::new()
        .layer(own_pages_only())
        .layer(from_fn_with_state(app.clone(), known_hosts_only))
        .layer(from_fn_with_state(app.clone(), reviewers_only));
    routes.layer(guards)
}

fn pages(app: &Arc<AppState>) -> Routes {
    let locked = Router::new()
        .route("/review", get(review::sessions::show))
        .route("/review/sessions/{id}", get(review::session::show))
        .route("/review/sessions/{id}/timeline", get(review::session::picture))
        .route("/review/rooms", get(review::rooms::show))
        .route(
            "/review/sessions/{id}/remove",
            get(review::removal::show_session).post(review::removal::remove_session),
        )
        .route(
            "/review/erase",
            get(review::removal::show_person).post(review::removal::erase_person),
        )
        .route("/review/room", get(review::acts::show))
        .route("/review/people", get(review::names::show))
        .route("/review/people/{username}", get(review::person::show))
        .route(
            "/review/invite",
            get(review::invitations::show).post(review::invitations::make),
        )
        .layer(from_fn_with_state(app.clone(), in_turn))
        .route("/review/share", get(review::share::show).post(review::share::make))
        .route("/review/share/revoke", post(review::share::revoke))
        .route("/review/room/remove", post(review::acts::remove))
        .route("/review/room/close", post(review::acts::close))
        .route("/review/room/lock", post(review::acts::lock))
        .route("/review/api", get(review::api::show))
        .route("/review/project", get(review::project::show))
        .route("/review/sign-out", post(sign_in::sign_out))
        .route("/review/", get(review::no_such_page))
        .route("/review/{*path}", get(review::no_such_page))
        .layer(from_fn_with_state(app.clone(), sign_in::unlock));
    Router::new()
        .merge(locked)
        .route("/review/language", post(review::language::choose))
        .route("/review/style.css", get(review::style))
        .route("/review/script.js", get(review::script))
        .route("/review/stream.js", get(review::stream))
        .route("/review/icon.svg", get(review::icon))
        .layer(from_fn(review::in_the_readers_language))
        .layer(from_fn_with_state(app.clone(), known_hosts_only))
        .layer(from_fn_with_state(app.clone(), with_links_below))
        .layer(own_pages_only())
}

/// Browsers hand what has this header to no page of another origin, not even as a picture or a script.
fn own_pages_only() -> SetResponseHeaderLayer<HeaderValue> {
    const NAME: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    SetResponseHeaderLayer::overriding(NAME, HeaderValue::from_static("same-origin"))
}

async fn no_such_path() -> Error {
    Error::NoSuchPath
}

async fn method_not_allowed() -> Error {
    Error::MethodNotAllowed
}

/// Refuses a body that says it is too large; one that does not say is cut off where it is read.
async fn small_bodies_only(request: Request, next: Next) -> Result<Response, Error> {
    if request.body().size_hint().lower() > MAX_BODY as u64 {
        return Err(Error::BodyTooLarge(MAX_BODY));
    }
    Ok(next.run(request).await)
}

/// The panic itself has been logged, with its place, by the panic hook; its text may hold anything and goes nowhere.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::Internal.into_response()
}
