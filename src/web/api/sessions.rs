//! Sessions: the list, and what there is to know of one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::history::attendance::Attendance;
use crate::history::events::Event;
use crate::history::links::Link;
use crate::history::page::{Page, Slice};
use crate::history::pair::{Pair, PairMember};
use crate::history::sessions::{Session, SessionFilter, SortOrder};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::language::Language;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{EventKind, Outcome, SessionStatus};
use crate::web::http::error::Error;
use crate::web::http::params::{self, List, Paging, fields};
use crate::web::http::path::SessionPath;
use crate::web::http::query::{NoQuery, Query, QueryWith};
use crate::web::review::sentences;
use crate::web::state::AppState;
use crate::words::Words;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionsQuery {
    /// Only those of this room
    #[serde(default, deserialize_with = "fields::room")]
    room: Option<RoomName>,
    /// Only those this person took part in
    #[serde(default, deserialize_with = "fields::username")]
    username: Option<Username>,
    /// Only those going on, or only those over
    status: Option<SessionStatus>,
    /// Only those that started then or later
    #[serde(default, deserialize_with = "fields::time")]
    started_after: Option<Timestamp>,
    /// Only those that started before
    #[serde(default, deserialize_with = "fields::time")]
    started_before: Option<Timestamp>,
    /// By start: the oldest first, or the newest (desc, if it is not given)
    order: Option<SortOrder>,
}

/// `GET /api/v1/sessions`
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    operation_id = "listSessions",
    tag = "sessions",
    summary = "The sessions, by start",
    params(SessionsQuery, Paging),
    responses(
        (status = 200, description = "A page of sessions", body = List<Session>)
    )
)]
pub(super) async fn list(
    State(app): State<Arc<AppState>>,
    QueryWith(wanted, paging): QueryWith<SessionsQuery, Paging>,
) -> Result<Json<List<Session>>, Error> {
    let filter = SessionFilter {
        room: wanted.room,
        username: wanted.username,
        status: wanted.status,
        started_after: wanted.started_after,
        started_before: wanted.started_before,
        order: wanted.order.unwrap_or_default(),
    };
    let page = paging.page("sessions", |id: Uuid| Some(SessionId(id)))?;
    let sessions = app.history.sessions(&filter, &page, app.now()).await?;
    Ok(Json(List::of("sessions", sessions)))
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
pub(super) async fn one(
    State(app): State<Arc<AppState>>,
    SessionPath(id): SessionPath,
    _: Query<NoQuery>,
) -> Result<Json<Session>, Error> {
    app.session(id, app.now()).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttendanceQuery {
    /// Only those who were present for so much of it, in percent
    #[serde(default, deserialize_with = "fields::percentage")]
    #[param(minimum = 0, maximum = 100)]
    min_pct: Option<f64>,
}

/// `GET /api/v1/sessions/{id}/participants`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}/participants",
    operation_id = "listParticipants",
    tag = "sessions",
    summary = "Who took part, and when exactly",
    params(SessionPath, AttendanceQuery, Paging),
    responses(
        (status = 200, description = "A page of people, by name", body = List<Attendance>)
    )
)]
pub(super) async fn participants(
    State(app): State<Arc<AppState>>,
    SessionPath(id): SessionPath,
    QueryWith(wanted, paging): QueryWith<AttendanceQuery, Paging>,
) -> Result<Json<List<Attendance>>, Error> {
    let page = paging.page("participants", params::kept_username)?;
    let now = app.now();
    let session = app.session(id, now).await?;
    let people = app.history.attendance(&session, wanted.min_pct, &page, now).await?;
    Ok(Json(List::of("participants", people)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Only these kinds, separated by commas
    #[serde(default, deserialize_with = "fields::kinds")]
    #[param(explode = false, min_items = 1)]
    kind: Option<Vec<EventKind>>,
    /// Only entries after this number
    #[serde(default, deserialize_with = "fields::seq")]
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// `GET /api/v1/sessions/{id}/events`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}/events",
    operation_id = "listEvents",
    tag = "sessions",
    summary = "What happened, entry by entry",
    params(SessionPath, EventsQuery, Paging),
    responses(
        (status = 200, description = "A page of the journal", body = List<Event>)
    )
)]
pub(super) async fn events(
    State(app): State<Arc<AppState>>,
    SessionPath(id): SessionPath,
    QueryWith(wanted, paging): QueryWith<EventsQuery, Paging>,
) -> Result<Json<List<Event>>, Error> {
    let page = paging.page("events", |seq: i64| Some(seq).filter(|seq| *seq >= 0))?;
    let page = Page {
        limit: page.limit,
        after: page.after.max(wanted.after),
    };
    app.session(id, app.now()).await?;
    let kinds = wanted.kind.unwrap_or_default();
    let events: Slice<Event, i64> = app.history.events(id, &kinds, &page).await?;
    Ok(Json(List::of("events", events)))
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
            sentence: sentences::pair(Words::of(Language::EnGb), &pair),
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
pub(super) async fn links(
    State(app): State<Arc<AppState>>,
    SessionPath(id): SessionPath,
    QueryWith(NoQuery {}, paging): QueryWith<NoQuery, Paging>,
) -> Result<Json<List<ToldPair>>, Error> {
    let page = paging.page("links", |(one, other)| {
        params::kept_username(one).zip(params::kept_username(other))
    })?;
    let now = app.now();
    let session = app.session(id, now).await?;
    let pairs = app.history.pairs(session.id, &page, now).await?;
    Ok(Json(List::of("links", pairs.map(ToldPair::from))))
}
