//! Links by which others read one session or one room: made, listed, revoked.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{PageError, PageResult, guest, html, moment};
use crate::history::page::Page;
use crate::history::review_links::ReviewLink;
use crate::history::sessions::Session;
use crate::model::id::{ReviewLinkId, RoomName, SessionId, Username};
use crate::model::review_link::{NewReviewLink, Shared};
use crate::qr::QrCode;
use crate::web::http::body;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::params::{field, fields, filled};
use crate::web::http::query::Query;
use crate::web::sharing::{MadeLink, hours};
use crate::web::state::AppState;
use crate::words::{Html, SECOND_SLOT, SLOT, Words, message as m};

/// The width of a QR code in pixels.
const QR_SIZE: u32 = 240;

/// For how many hours links are offered: an hour, a day, a week, a term.
const CHOICES: [i64; 4] = [1, 24, 7 * 24, 183 * 24];

/// Which of them is meant if the reader does not say otherwise.
const USUAL: i64 = 7 * 24;

#[derive(Template)]
#[template(path = "share.html")]
struct SharePage {
    words: &'static Words,
    /// What a link can be made to; nothing if only the links are looked at.
    subject: Option<Subject>,
    links: Vec<ReviewLink>,
}

/// What is to be shared.
enum Subject {
    Session(Session),
    Room(RoomName),
}

#[derive(Template)]
#[template(path = "shared.html")]
struct SharedPage {
    words: &'static Words,
    made: MadeLink,
    /// The address as a picture.
    code: Option<QrCode>,
}

/// What is to be shared, as a query and as a form name it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareQuery {
    #[serde(default, deserialize_with = "session")]
    session: Option<SessionId>,
    #[serde(default, deserialize_with = "fields::filled_room")]
    room: Option<RoomName>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShareForm {
    #[serde(default, deserialize_with = "session")]
    session: Option<SessionId>,
    #[serde(default, deserialize_with = "fields::filled_room")]
    room: Option<RoomName>,
    #[serde(deserialize_with = "fields::username")]
    name: Username,
    #[serde(deserialize_with = "good_for")]
    hours: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeForm {
    #[serde(deserialize_with = "link")]
    link: ReviewLinkId,
}

fn session<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SessionId>, D::Error> {
    filled(deserializer, |raw| {
        Uuid::try_parse(raw)
            .map(SessionId)
            .map_err(|_| "must be a session's id")
    })
}

fn good_for<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    field(deserializer, hours)
}

fn link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ReviewLinkId, D::Error> {
    field(deserializer, |raw| {
        Uuid::try_parse(raw)
            .map(ReviewLinkId)
            .map_err(|_| "must be a link's id")
    })
}

/// `GET /review/share`
pub(crate) async fn show(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    query: Result<Query<ShareQuery>, Error>,
) -> PageResult {
    let Query(ShareQuery { session, room }) = query?;
    let subject = match (session, room) {
        (Some(id), None) => Some(Subject::Session(app.session(id, app.now()).await?)),
        (None, Some(room)) => Some(Subject::Room(room)),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(both().into()),
    };
    let all = Page {
        limit: NewReviewLink::MOST as usize,
        after: None,
    };
    html(&SharePage {
        words,
        subject,
        links: app.review_links(&all).await?.rows,
    })
}

/// `POST /review/share`
pub(crate) async fn make(State(app): State<Arc<AppState>>, Reader(words): Reader, request: Request) -> PageResult {
    let (parts, body) = request.into_parts();
    let form: ShareForm = body::form(body).await?;
    let shared = match (form.session, form.room) {
        (Some(session), None) => Shared::Session(session),
        (None, Some(room)) => Shared::Room(room),
        (None, None) => return Err(Error::MissingParameter("room").into()),
        (Some(_), Some(_)) => return Err(both().into()),
    };
    let asked = Request::from_parts(parts, ());
    let made = app.share(shared, form.name, form.hours, (&asked).into()).await?;
    html(&SharedPage {
        words,
        code: QrCode::of(&made.address),
        made,
    })
}

/// `POST /review/share/revoke`
pub(crate) async fn revoke(State(app): State<Arc<AppState>>, request: Request) -> Result<Response, PageError> {
    let RevokeForm { link } = body::form(request.into_body()).await?;
    app.revoke_link(link).await?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, "/review/share")]).into_response())
}

fn both() -> Error {
    Error::BadParameter {
        name: "session",
        reason: "cannot be shared together with a room: make two links".to_owned(),
    }
}

impl SharePage {
    fn title(&self) -> String {
        match &self.subject {
            None => self.words.say(m::ReviewLinks),
            Some(Subject::Session(_)) => self.words.say(m::ShareSession),
            Some(Subject::Room(_)) => self.words.say(m::ShareRoom),
        }
    }

    /// What a link will show.
    fn what(&self, subject: &Subject) -> Html {
        match subject {
            Subject::Session(session) => {
                let at = Html::element(&moment::moment(self.words, session.started_at));
                let room = &self.words.isolated(&session.room);
                self.words.around(m::LinkToSession { room, moment: SLOT }, &at)
            }
            Subject::Room(room) => {
                let room = &self.words.isolated(room.as_str());
                Html::text(&self.words.say(m::LinkToRoom { room }))
            }
        }
    }

    /// The choices of how long it is good.
    fn choices(&self) -> [(i64, String); 4] {
        CHOICES.map(|hours| (hours, self.length(hours)))
    }

    /// Which sessions a link shows, as the list has it.
    fn shown_by(&self, link: &ReviewLink) -> Html {
        let Some(session) = link.session else {
            return Html::text(&self.words.say(m::AllSessions));
        };
        Html::element(&moment::moment(self.words, session.started_at))
    }

    fn length(&self, hours: i64) -> String {
        match hours {
            1 => self.words.say(m::ForAnHour),
            24 => self.words.say(m::ForADay),
            USUAL => self.words.say(m::ForAWeek),
            _ => self.words.say(m::ForATerm),
        }
    }
}

impl SharedPage {
    /// Until when it is good, and that it is seen only now.
    fn good_until(&self) -> Html {
        let moment = Html::element(&moment::moment(self.words, self.made.link.expires_at));
        let list = Html::link("/review/share", &self.words.say(m::ReviewLinks));
        let until = m::ReviewLinkUntil {
            moment: SLOT,
            list: SECOND_SLOT,
        };
        self.words.around_two(until, [moment, list])
    }

    fn title(&self) -> String {
        let name = &self.words.isolated(&self.made.link.name);
        self.words.say(m::ReviewLinkFor { name })
    }
}
