//! What a teacher does to a room, by forms that need no script.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};

use super::{PageError, PageResult, address, html};
use crate::history::rooms::Member;
use crate::model::act::{Act, CannotAct};
use crate::model::id::{RoomName, Username};
use crate::web::http::body::form;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::params::{MOST_MINUTES, field, fields};
use crate::web::http::query::Query;
use crate::web::state::AppState;
use crate::words::{Words, message as m};

/// For how long somebody is kept out, if the reader does not say otherwise.
const USUAL_MINUTES: u32 = 10;

#[derive(Template)]
#[template(path = "acts.html")]
struct ActsPage {
    words: &'static Words,
    room: String,
    members: Vec<Member>,
    is_locked: bool,
    /// Whether people join by tokens.
    has_tokens: bool,
    usual_minutes: u32,
    most_minutes: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomQuery {
    #[serde(deserialize_with = "fields::room")]
    room: RoomName,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoveForm {
    #[serde(deserialize_with = "fields::room")]
    room: RoomName,
    #[serde(deserialize_with = "fields::username")]
    username: Username,
    #[serde(deserialize_with = "fields::bar")]
    minutes: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseForm {
    #[serde(deserialize_with = "fields::room")]
    room: RoomName,
    #[serde(deserialize_with = "fields::bar")]
    minutes: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockForm {
    #[serde(deserialize_with = "fields::room")]
    room: RoomName,
    #[serde(deserialize_with = "locked")]
    locked: bool,
}

fn locked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    field(deserializer, |raw| {
        raw.parse::<bool>().map_err(|_| "must be true or false")
    })
}

/// `GET /review/room`
pub(crate) async fn show(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    query: Result<Query<RoomQuery>, Error>,
) -> PageResult {
    let Query(RoomQuery { room }) = query?;
    let found = app.history.room(&room, app.now()).await?;
    let found = found.filter(|found| found.session.is_some());
    let found = found.ok_or(Error::CannotAct(CannotAct::NoSession))?;
    html(&ActsPage {
        words,
        is_locked: app.live.held(&room).await.locked,
        has_tokens: app.settings.join_secret.is_some(),
        room: found.room,
        members: found.members,
        usual_minutes: USUAL_MINUTES,
        most_minutes: MOST_MINUTES,
    })
}

/// `POST /review/room/remove`
pub(crate) async fn remove(State(app): State<Arc<AppState>>, request: Request) -> Result<Response, PageError> {
    let form: RemoveForm = form(request.into_body()).await?;
    let (username, bar) = (form.username, form.minutes);
    let lifts = bar.is_zero();
    app.act(&form.room, Act::Remove { username, bar }).await?;
    // Whoever lets somebody back in did so there, and the room may be empty.
    Ok(see(if lifts {
        "/review/rooms".to_owned()
    } else {
        page_of(&form.room)
    }))
}

/// `POST /review/room/close`
pub(crate) async fn close(State(app): State<Arc<AppState>>, request: Request) -> Result<Response, PageError> {
    let form: CloseForm = form(request.into_body()).await?;
    app.act(&form.room, Act::Close { bar: form.minutes }).await?;
    Ok(see("/review/rooms".to_owned()))
}

/// `POST /review/room/lock`
pub(crate) async fn lock(State(app): State<Arc<AppState>>, request: Request) -> Result<Response, PageError> {
    let form: LockForm = form(request.into_body()).await?;
    app.act(&form.room, Act::Lock(form.locked)).await?;
    Ok(see(page_of(&form.room)))
}

fn page_of(room: &RoomName) -> String {
    address::page("/review/room", &[("room", room.as_str())])
}

fn see(location: String) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

impl ActsPage {
    fn title(&self) -> String {
        let room = &self.words.isolated(&self.room);
        self.words.say(m::ActOnRoom { room })
    }
}
