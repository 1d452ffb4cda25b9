//! Who reads: a reviewer, or somebody to whom a link opens a part. Every route that is not public passes here, and what is
//! not listed here no link opens.

use std::sync::Arc;

use axum::RequestExt;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request};
use axum::http::Method;
use axum::http::request::Parts;
use uuid::Uuid;

use super::http::access::{Credential, CrossSiteAccess};
use super::http::error::Error;
use super::http::query;
use super::http::review_link::LinkRefusal;
use super::state::AppState;
use crate::history::review_links::ReviewLink;
use crate::model::id::{ReviewLinkId, RoomName, SessionId};

/// Who reads.
#[derive(Clone)]
pub(crate) enum Viewer {
    /// Whoever has the review token: everything.
    Reviewer,
    /// Whoever has a link: what that opens.
    Guest(Arc<ReviewLink>),
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        // Nobody is taken for a reviewer whom nothing has let in.
        parts.extensions.get().cloned().ok_or(Error::Internal)
    }
}

/// What a route shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// A part of the session that its path names.
    Session,
    /// Sessions, those of the room that its query names.
    SessionsOfRoom,
}

/// The routes that a link may open. A new one stays closed to links until it is put here.
const OPEN: [(&str, Shows); 11] = [
    ("/review", Shows::SessionsOfRoom),
    ("/review/sessions/{id}", Shows::Session),
    ("/review/sessions/{id}/timeline", Shows::Session),
    ("/api/v1/sessions", Shows::SessionsOfRoom),
    ("/api/v1/sessions/{id}", Shows::Session),
    ("/api/v1/sessions/{id}/participants", Shows::Session),
    ("/api/v1/sessions/{id}/events", Shows::Session),
    ("/api/v1/sessions/{id}/links", Shows::Session),
    ("/api/v1/sessions/{id}/attendance.csv", Shows::Session),
    ("/api/v1/sessions/{id}/events.csv", Shows::Session),
    ("/api/v1/sessions/{id}/timeline.svg", Shows::Session),
];

/// What may be asked of a list of sessions besides its room: other days, another order, the next piece. Not who else is
/// somewhere by a name.
const NARROWS: [&str; 10] = [
    "from",
    "to",
    "older",
    "newer",
    "status",
    "startedAfter",
    "startedBefore",
    "order",
    "limit",
    "cursor",
];

/// Why a request does not pass.
pub(crate) struct NotAdmitted {
    pub(crate) error: Error,
    /// The link that was shown, if it opens anything.
    pub(crate) link: Option<Arc<ReviewLink>>,
}

impl From<Error> for NotAdmitted {
    fn from(error: Error) -> Self {
        Self { error, link: None }
    }
}

/// Lets a request through that is a reviewer's, or that asks for what its link opens: its handler is told who reads.
///
/// # Errors
/// Why it does not pass.
pub(crate) async fn admit(
    app: &AppState,
    request: &mut Request,
    from_elsewhere: CrossSiteAccess,
) -> Result<(), NotAdmitted> {
    let asked = (&*request).into();
    let credential = app.access.check(asked, from_elsewhere, app.wall_now()).await?;
    let viewer = match credential {
        Credential::ReviewToken => Viewer::Reviewer,
        Credential::Link(id) => {
            let link = Arc::new(app.review_link(id).await?);
            let opened = match Wanted::of(request).await {
                Ok(wanted) => open(app, &link, &wanted).await,
                Err(error) => Err(error),
            };
            if let Err(error) = opened {
                let link = Some(link);
                return Err(NotAdmitted { error, link });
            }
            Viewer::Guest(link)
        }
    };
    request.extensions_mut().insert(viewer);
    Ok(())
}

/// What a request asks for.
struct Wanted {
    /// Whether it only reads.
    reads: bool,
    /// The route, as it is written where it is put together.
    route: String,
    /// What its path names as `id`.
    id: Option<Uuid>,
    query: String,
}

impl Wanted {
    async fn of(request: &mut Request) -> Result<Self, Error> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let route = request.extensions().get::<MatchedPath>();
        let route = route.map(|route| route.as_str().to_owned()).unwrap_or_default();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let params = request.extract_parts::<RawPathParams>().await;
        let params = params.map_err(|_| Error::NoSuchPath)?;
        let id = params.iter().find(|(name, _)| *name == "id");
        let id = id.and_then(|(_, value)| Uuid::try_parse(value).ok());
        Ok(Self {
            reads,
            route,
            id,
            query,
        })
    }
}

/// Whether a link opens what is asked for.
///
/// # Errors
/// If it does not, or that cannot be told.
async fn open(app: &AppState, link: &ReviewLink, wanted: &Wanted) -> Result<(), Error> {
    let shows = OPEN.iter().find(|(route, _)| wanted.reads && *route == wanted.route);
    let is_open = match shows {
        Some((_, Shows::Session)) => opens_session(app, link, wanted.id.map(SessionId)).await?,
        Some((_, Shows::SessionsOfRoom)) => opens_list(link, &wanted.query)?,
        None => false,
    };
    is_open.then_some(()).ok_or(Error::Link(LinkRefusal::OpensOther))
}

async fn opens_session(app: &AppState, link: &ReviewLink, wanted: Option<SessionId>) -> Result<bool, Error> {
    let Some(wanted) = wanted else { return Ok(false) };
    if let Some(session) = link.session {
        return Ok(session.id == wanted);
    }
    let found = app.history.session(wanted, app.now()).await?;
    Ok(found.is_some_and(|found| found.room == link.room))
}

fn opens_list(link: &ReviewLink, query: &str) -> Result<bool, Error> {
    if link.session.is_some() {
        return Ok(false);
    }
    let (rooms, others): (Vec<_>, Vec<_>) = query::pairs(query)?.into_iter().partition(|(name, _)| name == "room");
    let is_room = |(_, room): &(String, String)| RoomName::parse(room).is_ok_and(|room| room.as_str() == link.room);
    let only_narrows = others.iter().all(|(name, _)| NARROWS.contains(&name.as_str()));
    Ok(rooms.iter().any(is_room) && only_narrows)
}

impl AppState {
    /// A link that was not revoked.
    ///
    /// # Errors
    /// If it was, or went with what it showed.
    pub(crate) async fn review_link(&self, id: ReviewLinkId) -> Result<ReviewLink, Error> {
        let found = self.history.review_link(id).await?;
        found.ok_or(Error::Link(LinkRefusal::Revoked))
    }
}
