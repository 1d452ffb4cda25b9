//! HTTP beside the socket: the REST API, the way into the review, and what machines ask.
//!
//! A route is a reviewer's, behind the token and the host rule, unless it is put among the public ones here.

mod access;
mod api;
mod cookies;
mod cors;
mod csv;
mod error;
mod filename;
pub(crate) mod fuzzing;
mod live;
mod ops;
mod pages;
mod params;
mod path;
mod review;
#[cfg(test)]
mod tests;
mod throttle;
mod timeline;
mod turns;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Extensions, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use self::access::{Access, known_hosts_only, reviewers_only};
pub use self::api::feed::Feed;
pub use self::cors::{allowed_pages_only, socket_layer};
use self::error::Error;
pub use self::live::{LiveRooms, Readiness, Recovery};
use self::throttle::{Cost, Throttle, asker};
pub use self::turns::QuestionLimits;
use self::turns::{Turns, in_turn};
use crate::config::{HostNames, IceServers, Origins, TrustedProxies, TurnSecret};
use crate::history::History;
use crate::journal::{Orders, ReviewSecrets};
use crate::limit::KeyedRate;
use crate::model::id::{ClientKey, MemberId, RoomName};
use crate::model::time::Timestamp;

/// The largest request body in bytes. Nothing here needs more than a few lines of JSON.
const MAX_BODY: usize = 64 * 1024;

/// Fewer characters of a client's id can be guessed.
const SAFE_ID_CHARS: usize = 16;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Tells whether everything works.
pub type ReadinessProbe = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// What can be set.
#[derive(Clone)]
pub struct Settings {
    /// The secret that makes a reviewer.
    pub review_token: String,
    /// How often in a minute an address may be wrong about it, or about a client's id; 0 is no limit.
    pub guesses_per_minute: u32,
    /// Whose word is taken on whether a browser speaks TLS.
    pub trusted_proxies: TrustedProxies,
    /// Whether the rooms in use and their members may be read by anybody.
    pub public_rooms: bool,
    /// Host names, without port, by which a reviewer's routes may be reached, beside IP addresses and `localhost`.
    pub allowed_hosts: HostNames,
    /// The origins whose pages may read what is public.
    pub allowed_origins: Origins,
    /// How many questions about the past are answered.
    pub questions: QuestionLimits,
    /// The STUN and TURN servers that pages are told of.
    pub ice_servers: IceServers,
    /// What credentials for the TURN servers are made from; without it these are not told.
    pub turn_secret: Option<TurnSecret>,
    /// How long such credentials are good.
    pub turn_ttl: Duration,
    /// How many such credentials a member gets in a minute; 0 is no limit.
    pub turn_credentials_per_member: u32,
}

/// What the routes are made of.
pub struct Parts {
    /// The past.
    pub history: History,
    /// The rooms as they are now.
    pub live: Arc<dyn LiveRooms>,
    /// Whether everything works.
    pub readiness: ReadinessProbe,
    /// The way to have something removed.
    pub orders: Orders,
    /// What happens, as it happens.
    pub feed: Feed,
    /// What the review's cookies are told by.
    pub review: ReviewSecrets,
    /// The calendar's time.
    pub clock: Clock,
}

/// What the handlers share.
struct Web {
    settings: Settings,
    turn_credentials: KeyedRate<MemberId>,
    access: Access,
    ids: Throttle,
    history: History,
    live: Arc<dyn LiveRooms>,
    readiness: ReadinessProbe,
    orders: Orders,
    feed: Feed,
    clock: Clock,
    turns: Turns,
}

impl Web {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Who is known in a room by an id. Asking often for what is none waits.
    async fn membership(&self, room: &RoomName, id: &str, extensions: &Extensions) -> Option<Recovery> {
        // An id that nobody could have is nobody's.
        let find = || self.live.recovery(room, &ClientKey::parse(id).ok()?);
        let cost = if id.chars().count() < SAFE_ID_CHARS {
            Cost::GUESS
        } else {
            Cost::UNLIKELY
        };
        let wrong = find().is_none().then_some(cost);
        self.ids.settle(asker(extensions), wrong).await;
        // As it is after the wait.
        find()
    }
}

/// All routes but the socket's and the exercise page's. Guessing is slowed down per address where requests carry
/// [`ClientAddress`](crate::net::ClientAddress), and over all of them where they do not.
pub fn router(settings: Settings, parts: Parts) -> Router {
    let web = share(settings, parts);
    let routes = public(&web)
        .merge(for_reviewers(&web))
        .merge(pages(&web))
        .merge(rooms(&web));
    dress(routes, web)
}

/// The same in two parts, neither of which has anything of the other.
pub struct Apart {
    /// What anybody may ask.
    pub public: Router,
    /// What a reviewer may, and whether the server is well.
    pub review: Router,
}

/// [`router`], for two origins: a script in a page of the one has no way to the other.
pub fn routers_apart(settings: Settings, parts: Parts) -> Apart {
    let web = share(settings, parts);
    let mut public = public(&web);
    if web.settings.public_rooms {
        public = public.merge(public_rooms(&web, Router::new().fallback(no_such_path)));
    }
    let (list, one) = room_routes(&web);
    let review = health()
        .merge(for_reviewers(&web))
        .merge(pages(&web))
        .merge(guarded(list.merge(one), &web))
        .route("/", get(|| async { Redirect::to(review::START) }));
    Apart {
        public: dress(public, web.clone()),
        review: dress(review, web),
    }
}

fn share(settings: Settings, parts: Parts) -> Arc<Web> {
    Arc::new(Web {
        access: Access::new(&settings, parts.review),
        ids: Throttle::new("id of a client", settings.guesses_per_minute),
        turns: Turns::new(settings.questions),
        turn_credentials: KeyedRate::per_minute(settings.turn_credentials_per_member),
        settings,
        history: parts.history,
        live: parts.live,
        readiness: parts.readiness,
        orders: parts.orders,
        feed: parts.feed,
        clock: parts.clock,
    })
}

/// What is true of every answer.
fn dress(routes: Routes, web: Arc<Web>) -> Router {
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
        .with_state(web)
}

type Routes = Router<Arc<Web>>;

/// What anybody may ask, from any allowed page.
fn public(web: &Arc<Web>) -> Routes {
    health()
        .route("/checkUsername", get(ops::check_username))
        .route("/api/v1/recovery", get(api::recovery::show))
        .route("/api/v1/ice-servers", get(api::ice_servers::show))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(cors::layer(&web.settings.allowed_origins))
}

fn health() -> Routes {
    Router::new()
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .method_not_allowed_fallback(method_not_allowed)
}

fn for_reviewers(web: &Arc<Web>) -> Routes {
    let in_turn = from_fn_with_state(web.clone(), in_turn);
    let routes = Router::new()
        .route("/api/v1/rooms/{room}/participants", get(api::rooms::participants))
        .route("/api/v1/sessions", get(api::sessions::list))
        .route("/api/v1/sessions/{id}/participants", get(api::sessions::participants))
        .route("/api/v1/sessions/{id}/events", get(api::sessions::events))
        .route("/api/v1/sessions/{id}/links", get(api::sessions::links))
        .route("/api/v1/sessions/{id}/attendance.csv", get(api::downloads::attendance))
        .route("/api/v1/sessions/{id}/events.csv", get(api::downloads::events))
        .route("/api/v1/sessions/{id}/timeline.svg", get(api::downloads::picture))
        .layer(in_turn)
        .route("/api/v1/openapi.json", get(api::document::show))
        .route("/api/v1/participants/erase", post(api::removal::erase))
        .route("/api/v1/events", get(api::feed::show))
        .route(
            "/api/v1/sessions/{id}",
            get(api::sessions::one).delete(api::removal::delete),
        )
        .method_not_allowed_fallback(method_not_allowed);
    guarded(routes, web)
}

/// The rooms in use may be public, by setting; all the rooms there ever were are a reviewer's even then.
fn rooms(web: &Arc<Web>) -> Routes {
    let (list, one) = room_routes(web);
    if !web.settings.public_rooms {
        return guarded(list.merge(one), web);
    }
    public_rooms(web, guarded(list, web))
}

fn room_routes(web: &Arc<Web>) -> (Routes, Routes) {
    let list = Router::new()
        .route("/api/v1/rooms", get(api::rooms::list))
        .layer(from_fn_with_state(web.clone(), in_turn))
        .method_not_allowed_fallback(method_not_allowed);
    let one = Router::new()
        .route("/api/v1/rooms/{room}", get(api::rooms::one))
        .layer(from_fn_with_state(web.clone(), in_turn))
        .method_not_allowed_fallback(method_not_allowed);
    (list, one)
}

/// The rooms in use for any allowed page. What is not in use is for `all` to answer.
fn public_rooms(web: &Arc<Web>, all: Routes) -> Routes {
    let (list, one) = room_routes(web);
    let cors = cors::layer(&web.settings.allowed_origins);
    let live = list.layer(cors.clone()).with_state(web.clone());
    let all = all.with_state(web.clone());
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

fn guarded(routes: Routes, web: &Arc<Web>) -> Routes {
    let guards = ServiceBuilder::new()
        .layer(own_pages_only())
        .layer(from_fn_with_state(web.clone(), known_hosts_only))
        .layer(from_fn_with_state(web.clone(), reviewers_only));
    routes.layer(guards)
}

fn pages(web: &Arc<Web>) -> Routes {
    let locked = Router::new()
        .route("/review", get(pages::sessions::show))
        .route("/review/sessions/{id}", get(pages::session::show))
        .route("/review/sessions/{id}/timeline", get(pages::session::picture))
        .route("/review/rooms", get(pages::rooms::show))
        .route("/review/people/{username}", get(pages::person::show))
        .layer(from_fn_with_state(web.clone(), in_turn))
        .route("/review/api", get(pages::api::show))
        .route("/review/sign-out", post(review::sign_out))
        .route("/review/", get(pages::no_such_page))
        .route("/review/{*path}", get(pages::no_such_page))
        .layer(from_fn_with_state(web.clone(), review::unlock));
    Router::new()
        .merge(locked)
        .route("/review/style.css", get(pages::style))
        .route("/review/script.js", get(pages::script))
        .route("/review/icon.svg", get(pages::icon))
        .layer(from_fn_with_state(web.clone(), known_hosts_only))
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
