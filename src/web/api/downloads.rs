//! What is taken along of a session: tables for a spreadsheet, and the picture.

use std::sync::Arc;

use axum::BoxError;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::history;
use crate::history::attendance::Attendance;
use crate::history::events::Event;
use crate::history::page::{Page, Slice};
use crate::history::sessions::Session;
use crate::model::vocabulary::LeaveReason;
use crate::web::http::csv::{self, CsvTable};
use crate::web::http::error::Error;
use crate::web::http::filename;
use crate::web::http::language::Reader;
use crate::web::http::params::fields;
use crate::web::http::path::SessionPath;
use crate::web::http::query::{NoQuery, Query};
use crate::web::http::zone::Zone;
use crate::web::review::timeline;
use crate::web::state::AppState;
use crate::words::{Words, message as m};

/// How many rows are in memory at once, however long the table is.
const PAGE: usize = 500;

/// Styles are a part of the picture; a script that got into it in spite of everything would still not run.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";

/// The columns of attendance for programs.
const ATTENDANCE: [&str; 9] = [
    "username",
    "joinedAtUtc",
    "leftAtUtc",
    "presentMs",
    "awayMs",
    "longestGapMs",
    "presentPct",
    "reconnectCount",
    "leaveReason",
];

const EVENTS: [&str; 6] = ["seq", "atUtc", "kind", "username", "participantId", "detail"];

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TableQuery {
    /// Whom the table is for; people if it is not given
    format: Option<TableFormat>,
    /// The time zone whose clock the table for people follows, such as Europe/Berlin; UTC if it is not given, and
    /// always in the one for programs
    #[serde(default, deserialize_with = "fields::zone")]
    #[param(value_type = Option<String>)]
    tz: Option<Zone>,
}

/// Whom a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TableFormat {
    /// Titles in the reader's language, whole minutes, the reader's clock.
    #[default]
    People,
    /// The API's names, milliseconds, UTC.
    Data,
}

/// `GET /api/v1/sessions/{id}/attendance.csv`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}/attendance.csv",
    operation_id = "downloadAttendance",
    tag = "downloads",
    summary = "Attendance for a spreadsheet",
    params(SessionPath, TableQuery),
    responses(
        (status = 200, description = "The table: UTF-8 with a byte order mark; for people in the language that Accept-Language likes best", body = String, content_type = "text/csv")
    )
)]
pub(super) async fn attendance(
    State(app): State<Arc<AppState>>,
    reader: Reader,
    SessionPath(id): SessionPath,
    Query(wanted): Query<TableQuery>,
) -> Result<Response, Error> {
    let now = app.now();
    let session = app.session(id, now).await?;
    let name = filename::of_session("attendance", &session, "csv");
    let (asked, of) = (app.clone(), session.clone());
    let pages = move |page: Page<String>| {
        let (app, session) = (asked.clone(), of.clone());
        async move { app.history.attendance(&session, None, &page, now).await }
    };
    match wanted.format.unwrap_or_default() {
        TableFormat::Data => download(app, &name, &ATTENDANCE, pages, attendance_row).await,
        TableFormat::People => {
            let zone = wanted.tz.unwrap_or(Zone::UTC);
            let columns = readable_columns(reader.0, zone);
            let columns = columns.each_ref().map(String::as_str);
            let row = move |table: &mut CsvTable, person: &Attendance| readable_row(table, person, &session, zone);
            let mut table = download(app, &name, &columns, pages, row).await?;
            reader.mark(&mut table);
            Ok(table)
        }
    }
}

/// `GET /api/v1/sessions/{id}/events.csv`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}/events.csv",
    operation_id = "downloadEvents",
    tag = "downloads",
    summary = "The journal for a spreadsheet",
    params(SessionPath),
    responses(
        (status = 200, description = "The table: UTF-8 with a byte order mark", body = String, content_type = "text/csv")
    )
)]
pub(super) async fn events(
    State(app): State<Arc<AppState>>,
    SessionPath(id): SessionPath,
    _: Query<NoQuery>,
) -> Result<Response, Error> {
    let session = app.session(id, app.now()).await?;
    let name = filename::of_session("events", &session, "csv");
    // What happens while it is read is not in it: otherwise it might never end.
    let last = app.history.last_seq(id).await?;
    let asked = app.clone();
    let pages = move |page: Page<i64>| {
        let app = asked.clone();
        async move {
            let mut found = app.history.events(id, &[], &page).await?;
            found.next = found.next.filter(|next| *next < last);
            found.rows.retain(|event| event.seq <= last);
            Ok(found)
        }
    };
    download(app, &name, &EVENTS, pages, event_row).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PictureQuery {
    /// The time zone whose clock the picture follows, such as Europe/Berlin; UTC if it is not given
    #[serde(default, deserialize_with = "fields::zone")]
    #[param(value_type = Option<String>)]
    tz: Option<Zone>,
}

/// `GET /api/v1/sessions/{id}/timeline.svg`
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}/timeline.svg",
    operation_id = "downloadTimeline",
    tag = "downloads",
    summary = "The picture: a row per person",
    params(SessionPath, PictureQuery),
    responses(
        (status = 200, description = "The picture, in the language that Accept-Language likes best", body = String, content_type = "image/svg+xml")
    )
)]
pub(super) async fn picture(
    State(app): State<Arc<AppState>>,
    reader: Reader,
    SessionPath(id): SessionPath,
    Query(wanted): Query<PictureQuery>,
) -> Result<Response, Error> {
    let zone = wanted.tz.unwrap_or(Zone::UTC);
    let now = app.now();
    let session = app.session(id, now).await?;
    let model = app.history.timeline(&session, now).await?;
    let headers = [
        (CONTENT_TYPE, "image/svg+xml"),
        (CONTENT_SECURITY_POLICY, PICTURE_POLICY),
    ];
    let mut response = (headers, timeline::svg(reader.0, &model, zone, now)).into_response();
    filename::of_session("timeline", &session, "svg").put(&mut response, "inline");
    reader.mark(&mut response);
    Ok(response)
}

/// The columns of attendance for people.
fn readable_columns(words: &Words, zone: Zone) -> [String; 7] {
    let zone = zone.name();
    [
        words.say(m::ColumnRoom),
        words.say(m::TableDate),
        words.say(m::ColumnName),
        words.say(m::TableCame { zone }),
        words.say(m::TableLeft { zone }),
        words.say(m::TableMinutes),
        words.say(m::TablePerCent),
    ]
}

fn attendance_row(table: &mut CsvTable, person: &Attendance) {
    table.text(&person.username);
    table.time(Some(person.joined_at));
    table.time(person.left_at);
    table.number(person.present_ms);
    table.number(person.away_ms);
    table.number(person.longest_gap_ms);
    table.number(person.present_pct);
    table.number(person.reconnect_count);
    table.text(person.leave_reason.map_or("", LeaveReason::as_str));
    table.end_row();
}

/// The day is the session's also for those who came after midnight.
fn readable_row(table: &mut CsvTable, person: &Attendance, session: &Session, zone: Zone) {
    const MINUTE_MS: i64 = 60_000;
    table.name(&session.room);
    table.day(session.started_at, zone);
    table.name(&person.username);
    table.local_time(Some(person.joined_at), zone);
    table.local_time(person.left_at, zone);
    table.number(person.present_ms.saturating_add(MINUTE_MS / 2) / MINUTE_MS);
    table.number(person.whole_share().per_cent);
    table.end_row();
}

fn event_row(table: &mut CsvTable, event: &Event) {
    table.number(event.seq);
    table.time(Some(event.at));
    table.text(event.kind.as_str());
    table.text(event.username.as_deref().unwrap_or_default());
    table.text(&event.participant_id.map(|id| id.0.to_string()).unwrap_or_default());
    table.json(event.detail.as_ref().map(|detail| detail.get()).unwrap_or_default());
    table.end_row();
}

/// Reads page after page as the client takes them. The first is read before anything is answered, so that a database
/// that fails is a problem and not half a file.
async fn download<T, K, F>(
    app: Arc<AppState>,
    name: &filename::FileName,
    columns: &[&str],
    mut pages: impl FnMut(Page<K>) -> F + Send + 'static,
    row: impl Fn(&mut CsvTable, &T) + Send + 'static,
) -> Result<Response, Error>
where
    F: Future<Output = Result<Slice<T, K>, history::Error>> + Send + 'static,
    T: Send + 'static,
    K: Send + 'static,
{
    let page = |after| Page { limit: PAGE, after };
    let first = pages(page(None)).await?;
    let mut table = CsvTable::with_columns(columns);
    first.rows.iter().for_each(|item| row(&mut table, item));
    let start = (Some(table.into_bytes()), first.next, pages, row, app);
    let chunks = stream::try_unfold(start, move |(ready, next, mut pages, row, app)| async move {
        if let Some(bytes) = ready {
            return Ok(Some((bytes, (None, next, pages, row, app))));
        }
        let Some(next) = next else {
            return Ok::<_, BoxError>(None);
        };
        let slice = pages(page(Some(next)));
        let part = app.turns.take(async move {
            let slice = slice.await?;
            let mut table = CsvTable::default();
            slice.rows.iter().for_each(|item| row(&mut table, item));
            Ok::<_, history::Error>((table.into_bytes(), slice.next, row))
        });
        let (bytes, next, row) = part.await.ok_or("the server ends")??;
        Ok(Some((bytes, (None, next, pages, row, app))))
    });
    let mut response = ([(CONTENT_TYPE, csv::CONTENT_TYPE)], Body::from_stream(chunks)).into_response();
    name.put(&mut response, "attachment");
    Ok(response)
}
