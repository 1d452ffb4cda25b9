//! Sessions: the list, and what there is to know of one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::history::attendance::Attendance;
use crate::history::events::Event;
use crate::history::links::Link;
use crate::history::page::{Page, Slice};
use crate::history::pair::{Pair, PairMember};
use crate::history::sessions::{Order, Session, SessionFilter};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{EventKind, Outcome, SessionStatus};
use crate::web::http::error::Error;
use crate::web::http::params::{self, List, Paging, Params};
use crate::web::http::path::SessionPath;
use crate::web::review::sentences;
use crate::web::state::Web;

/// What comes first.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "says in the document what a parameter may be")]
pub(crate) enum OrderWord {
    /// The oldest first.
    Asc,
    /// The newest first.
    Desc,
}

/// `GET /api/v1/sessions`
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    operation_id = "listSessions",
    tag = "sessions",
    summary = "The sessions, by start",
    params(
        ("room" = Option<RoomName>, Query, description = "Only those of this room"),
        ("username" = Option<Username>, Query, description = "Only those this person took part in"),
        ("status" = Option<SessionStatus>, Query, description = "Only those going on, or only those over"),
        ("startedAfter" = Option<Timestamp>, Query, description = "Only those that started then or later"),
        ("startedBefore" = Option<Timestamp>, Query, description = "Only those that started before"),
        ("order" = Option<OrderWord>, Query, description = "By start: the oldest first, or the newest (desc, if it is not given)"),
        Paging
    ),
    responses(
        (status = 200, description = "A page of sessions", body = List<Session>)
    )
)]
pub(crate) async fn list(State(web): State<Arc<Web>>, mut params: Params) -> Result<Json<List<Session>>, Error> {
    let filter = SessionFilter {
        room: params.optional("room", params::room)?,
        username: params.optional("username", Username::parse)?,
        status: params.optional("status", status)?,
        started_after: params.optional("startedAfter", params::time)?,
        started_before: params.optional("startedBefore", params::time)?,
        order: params.optional("order", order)?.unwrap_or_default(),
    };
    let page = params.page("sessions", |id: Uuid| Some(SessionId(id)))?;
    params.finish()?;
    let sessions = web.history.sessions(&filter, &page, web.now()).await?;
    Ok(Json(List::of("sessions", sessions)))
}

fn status(raw: &str) -> Result<SessionStatus, &'static str> {
    SessionStatus::parse(raw).ok_or("must be active or ended")
}

fn order(raw: &str) -> Result<Order, &'static str> {
    match raw {
        "asc" => Ok(Order::Asc),
        "desc" => Ok(Order::Desc),
        _ => Err("must be asc or desc"),
    }
}

/// `GET /api/v1/sessions/{id}`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}",
    operation_id = "readSession",
    tag = "sessions",
    summary = "One session at a glance",
    params(SessionPath),
    responses(
        (status = 200, description = "The session", body = Session)
    )
)]
pub(crate) async fn one(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    params: Params,
) -> Result<Json<Session>, Error> {
    params.finish()?;
    web.session(id, web.now()).await.map(Json)
}

/// `GET /api/v1/sessions/{id}/participants`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}/participants",
    operation_id = "listParticipants",
    tag = "sessions",
    summary = "Who took part, and when exactly",
    params(
        SessionPath,
        ("minPct" = Option<f64>, Query, minimum = 0, maximum = 100, description = "Only those who were present for so much of it, in percent"),
        Paging
    ),
    responses(
        (status = 200, description = "A page of people, by name", body = List<Attendance>)
    )
)]
pub(crate) async fn participants(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    mut params: Params,
) -> Result<Json<List<Attendance>>, Error> {
    let min_pct = params.optional("minPct", params::percentage)?;
    let page = params.page("participants", params::kept_username)?;
    params.finish()?;
    let now = web.now();
    let session = web.session(id, now).await?;
    let people = web.history.attendance(&session, min_pct, &page, now).await?;
    Ok(Json(List::of("participants", people)))
}

/// `GET /api/v1/sessions/{id}/events`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}/events",
    operation_id = "listEvents",
    tag = "sessions",
    summary = "What happened, entry by entry",
    params(
        SessionPath,
        ("kind" = Option<Vec<EventKind>>, Query, explode = false, min_items = 1, description = "Only these kinds, separated by commas"),
        ("after" = Option<i64>, Query, minimum = 0, description = "Only entries after this number"),
        Paging
    ),
    responses(
        (status = 200, description = "A page of the journal", body = List<Event>)
    )
)]
pub(crate) async fn events(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    mut params: Params,
) -> Result<Json<List<Event>>, Error> {
    let kinds = params.optional("kind", kinds)?.unwrap_or_default();
    let after = params.optional("after", params::seq)?;
    let page = params.page("events", |seq: i64| Some(seq).filter(|seq| *seq >= 0))?;
    params.finish()?;
    let page = Page {
        limit: page.limit,
        after: page.after.max(after),
    };
    web.session(id, web.now()).await?;
    let events: Slice<Event, i64> = web.history.events(id, &kinds, &page).await?;
    Ok(Json(List::of("events", events)))
}

fn kinds(raw: &str) -> Result<Vec<EventKind>, String> {
    let kinds = raw.split(',').map(|word| EventKind::parse(word.trim()));
    kinds.collect::<Option<_>>().ok_or_else(|| {
        let all: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("must be one or more of {}, separated by commas", all.join(", "))
    })
}

/// Two people who were in the room together.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Pair)]
pub(crate) struct ToldPair {
    /// The two, by name.
    between: [PairMember; 2],
    /// How far they got.
    outcome: Outcome,
    /// The same in one plain sentence. Each name in it stands between U+2068 and U+2069, so that names in any script
    /// leave it in order.
    sentence: String,
    /// Their peer connections, by time of offer; of very many the latest 32 from either to the other.
    links: Vec<Link>,
}

impl From<Pair> for ToldPair {
    fn from(pair: Pair) -> Self {
        Self {
            sentence: sentences::pair(&pair),
            outcome: pair.outcome(),
            between: pair.between,
            links: pair.links,
        }
    }
}

/// `GET /api/v1/sessions/{id}/links`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}/links",
    operation_id = "listLinks",
    tag = "sessions",
    summary = "Who connected with whom, and where it stopped",
    description = "All pairs who were there at the same time. Of a session of more than 1,000 people, or of as many \
        connections as cannot be looked at together, only the pairs who have a link.",
    params(SessionPath, Paging),
    responses(
        (status = 200, description = "A page of pairs, by name", body = List<ToldPair>)
    )
)]
pub(crate) async fn links(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    mut params: Params,
) -> Result<Json<List<ToldPair>>, Error> {
    let page = params.page("links", |(one, other)| {
        params::kept_username(one).zip(params::kept_username(other))
    })?;
    params.finish()?;
    let now = web.now();
    let session = web.session(id, now).await?;
    let pairs = web.history.pairs(session.id, &page, now).await?;
    Ok(Json(List::of("links", pairs.map(ToldPair::from))))
}
