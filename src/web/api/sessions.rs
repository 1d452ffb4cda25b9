//! Sessions: the list, and what there is to know of one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use crate::history::attendance::Attendance;
use crate::history::events::{Event, KINDS};
use crate::history::links::Pair;
use crate::history::page::{Page, Slice};
use crate::history::sessions::{Order, Session, SessionFilter, SessionStatus};
use crate::room::id::{SessionId, Username};
use crate::room::time::Timestamp;
use crate::web::Web;
use crate::web::error::Error;
use crate::web::params::{self, List, Params};
use crate::web::path::SessionPath;

/// `GET /api/v1/sessions`
pub(crate) async fn list(State(web): State<Arc<Web>>, mut params: Params) -> Result<Json<List<Session>>, Error> {
    let filter = SessionFilter {
        room: params.optional("room", params::room)?,
        username: params.optional("username", Username::parse)?,
        status: params.optional("status", status)?,
        started_after: params.optional("startedAfter", params::time)?,
        started_before: params.optional("startedBefore", params::time)?,
        order: params.optional("order", order)?.unwrap_or_default(),
    };
    let page: Page<Uuid> = params.page("sessions")?;
    params.finish()?;
    let page = Page {
        limit: page.limit,
        after: page.after.map(SessionId),
    };
    let sessions = web.history.sessions(&filter, &page, web.now()).await?;
    Ok(Json(List::of("sessions", sessions)))
}

fn status(raw: &str) -> Result<SessionStatus, &'static str> {
    match raw {
        "active" => Ok(SessionStatus::Active),
        "ended" => Ok(SessionStatus::Ended),
        _ => Err("must be active or ended"),
    }
}

fn order(raw: &str) -> Result<Order, &'static str> {
    match raw {
        "asc" => Ok(Order::Asc),
        "desc" => Ok(Order::Desc),
        _ => Err("must be asc or desc"),
    }
}

/// `GET /api/v1/sessions/{id}`
pub(crate) async fn one(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    params: Params,
) -> Result<Json<Session>, Error> {
    params.finish()?;
    session(&web, id, web.now()).await.map(Json)
}

/// `GET /api/v1/sessions/{id}/participants`
pub(crate) async fn participants(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    mut params: Params,
) -> Result<Json<List<Attendance>>, Error> {
    let min_pct = params.optional("minPct", params::percentage)?;
    let page = params.page("participants")?;
    params.finish()?;
    let now = web.now();
    let session = session(&web, id, now).await?;
    let people = web.history.attendance(&session, min_pct, &page, now).await?;
    Ok(Json(List::of("participants", people)))
}

/// `GET /api/v1/sessions/{id}/events`
pub(crate) async fn events(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    mut params: Params,
) -> Result<Json<List<Event>>, Error> {
    let kinds = params.optional("kind", kinds)?.unwrap_or_default();
    let after = params.optional("after", params::seq)?;
    let page: Page<i64> = params.page("events")?;
    params.finish()?;
    let page = Page {
        limit: page.limit,
        after: page.after.max(after),
    };
    session(&web, id, web.now()).await?;
    let events: Slice<Event, i64> = web.history.events(id, &kinds, &page).await?;
    Ok(Json(List::of("events", events)))
}

fn kinds(raw: &str) -> Result<Vec<&'static str>, String> {
    let kind = |word: &str| KINDS.into_iter().find(|kind| *kind == word.trim());
    raw.split(',')
        .map(kind)
        .collect::<Option<_>>()
        .ok_or_else(|| format!("must be one or more of {}, separated by commas", KINDS.join(", ")))
}

/// `GET /api/v1/sessions/{id}/links`
pub(crate) async fn links(
    State(web): State<Arc<Web>>,
    SessionPath(id): SessionPath,
    mut params: Params,
) -> Result<Json<List<Pair>>, Error> {
    let page = params.page("links")?;
    params.finish()?;
    let now = web.now();
    let session = session(&web, id, now).await?;
    let pairs = web.history.pairs(&session, &page, now).await?;
    Ok(Json(List::of("links", pairs)))
}

pub(super) async fn session(web: &Web, id: SessionId, now: Timestamp) -> Result<Session, Error> {
    web.history.session(id, now).await?.ok_or(Error::NoSuchSession)
}
