//! What happens, as it happens: server-sent events.
//!
//! A stream is driven by what was committed, and reads it from the database: what a reader saw is in the history, and a
//! reader who comes back with the number it saw last misses nothing. One that does not read holds nothing but its place.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

use crate::history::events::Event;
use crate::limit::Seldom;
use crate::model::id::RoomName;
use crate::model::vocabulary::EventKind;
use crate::web::http::error::{Error, Problem};
use crate::web::http::params::{self, fields};
use crate::web::http::query::Query;
use crate::web::state::Web;

/// So that proxies and readers know that a quiet stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After what time a reader whose stream broke is to come back.
const RETRY: Duration = Duration::from_secs(2);
/// How many entries are read, and wait for the reader, at once.
const LOOK: i64 = 200;
/// How often a stream looks at the database for what is new, however often something is committed.
const EVERY: Duration = Duration::from_millis(100);
/// The shortest time between two lines in the log that say that streams are refused.
const TOLD_EVERY: Duration = Duration::from_secs(60);

const LAST_EVENT_ID: &str = "last-event-id";

/// What the journal tells the streams.
pub struct Feed {
    committed: watch::Receiver<i64>,
    stopping: CancellationToken,
    /// Every stream is a connection, and a look after commits.
    places: Arc<Semaphore>,
    told: Seldom,
}

impl Feed {
    /// `committed` is the number of the last entry in the database; at `stopping` all streams end. There are at most
    /// `most` of them at once; 0 is no limit.
    pub fn new(committed: watch::Receiver<i64>, stopping: CancellationToken, most: usize) -> Self {
        let places = if most == 0 { Semaphore::MAX_PERMITS } else { most };
        Self {
            committed,
            stopping,
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            told: Seldom::new(TOLD_EVERY),
        }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            self.told
                .then(|| tracing::warn!("event streams are refused: MAX_STREAMS are open already"));
            Error::TooManyStreams
        })
    }
}

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
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    Query(wanted): Query<FeedQuery>,
) -> Result<Response, Error> {
    let after = last_event_id(&headers)?.or(wanted.after);
    let place = web.feed.place()?;
    let mut reader = Reader {
        committed: web.feed.committed.clone(),
        seen: 0,
        room: wanted.room,
        ready: VecDeque::new(),
        next_look: Instant::now(),
        _place: place,
        web: web.clone(),
    };
    // A number that was never given (of another database, say) would wait for ages.
    let newest = *reader.committed.borrow();
    reader.seen = after.map_or(newest, |after| after.min(newest));

    let start = sse::Event::default().id(reader.seen.to_string()).retry(RETRY);
    let events = stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) });
    let stopping = web.feed.stopping.clone().cancelled_owned();
    let whole = stream::once(async { start })
        .chain(events)
        .take_until(stopping)
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

/// One stream's place in the journal.
struct Reader {
    web: Arc<Web>,
    committed: watch::Receiver<i64>,
    /// Everything up to here was looked at.
    seen: i64,
    room: Option<RoomName>,
    /// Not before this.
    next_look: Instant,
    /// Read, and not yet taken.
    ready: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// The next entry, however long that takes; `None` if the database cannot be read, so that the reader comes back.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return write(&event);
            }
            sleep_until(self.next_look).await;
            // Before the look: what is committed after it wakes the wait below.
            let newest = *self.committed.borrow_and_update();
            let (room, looked) = (self.room.as_ref(), Instant::now());
            let fresh = self.web.history.fresh(self.seen, newest, room, LOOK).await;
            let fresh = fresh
                .inspect_err(|error| tracing::error!(%error, "a stream of events ends"))
                .ok()?;
            self.seen = fresh.up_to;
            if self.seen == newest {
                // Who is behind goes on at once.
                self.next_look = looked + EVERY;
            }
            if fresh.events.is_empty() && self.seen == newest {
                self.committed.changed().await.ok()?;
            }
            self.ready.extend(fresh.events);
        }
    }
}

fn write(event: &Event) -> Option<sse::Event> {
    sse::Event::default()
        .id(event.seq.to_string())
        .event(event.kind.as_str())
        .json_data(event)
        .ok()
}
