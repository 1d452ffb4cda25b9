//! What happens, as it happens: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::history::events::Event;
use crate::model::id::RoomName;
use crate::model::vocabulary::EventKind;
use crate::web::http::error::{Error, Problem};
use crate::web::http::params::{self, fields};
use crate::web::http::query::Query;
use crate::web::state::AppState;

/// So that proxies and readers know that a quiet stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After what time a reader whose stream broke is to come back.
const RETRY: Duration = Duration::from_secs(2);
const LAST_EVENT_ID: &str = "last-event-id";

/// One entry of the stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "says in the document what a stream holds")]
pub(crate) struct StreamedEvent {
    /// The entry's number.
    id: String,
    /// Its kind.
    event: EventKind,
    /// The entry, an Event as JSON.
    #[schema(content_media_type = "application/json")]
    data: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedQuery {
    /// Only what happens in this room
    #[serde(default, deserialize_with = "fields::room")]
    room: Option<RoomName>,
    /// Begin after this number; with what happens next if it is not given
    #[serde(default, deserialize_with = "fields::seq")]
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// `GET /api/v1/events`
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "followEvents",
    tag = "live",
    summary = "What happens, as it happens (server-sent events)",
    params(
        FeedQuery,
        ("Last-Event-ID" = Option<i64>, Header, nullable = false, minimum = 0, description = "The number seen last; wins over after")
    ),
    responses(
        (status = 200, description = "A stream of these, and of comments while nothing happens", body = StreamedEvent, content_type = "text/event-stream"),
        (status = 503, description = "Too many streams are open", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn show(
    State(app): State<Arc<AppState>>,
    headers: HeaderMap,
    Query(wanted): Query<FeedQuery>,
) -> Result<Response, Error> {
    let after = last_event_id(&headers)?.or(wanted.after);
    let reader = app.feed.reader(&app.history, wanted.room, after).await?;
    let start = sse::Event::default().id(reader.seen().to_string()).retry(RETRY);
    let events = stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((write(&event)?, reader))
    });
    let whole = stream::once(async { start })
        .chain(events)
        .take_until(app.feed.stopped())
        .map(Ok::<_, Infallible>);
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    // Proxies that gather answers before they pass them on (nginx) are asked not to.
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(whole).keep_alive(heartbeat)).into_response())
}

/// What a reader that comes back says by itself; more recent than what its address says.
fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Error> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let seq = value.to_str().map_err(|_| "must be a number").and_then(params::seq);
    seq.map(Some).map_err(|reason| Error::BadParameter {
        name: "Last-Event-ID",
        reason: reason.to_owned(),
    })
}

fn write(event: &Event) -> Option<sse::Event> {
    sse::Event::default()
        .id(event.seq.to_string())
        .event(event.kind.as_str())
        .json_data(event)
        .ok()
}
