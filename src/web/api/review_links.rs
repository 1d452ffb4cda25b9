//! Links by which others read one session or one room.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::history::review_links::ReviewLink;
use crate::model::id::{ReviewLinkId, RoomName, SessionId, Username};
use crate::model::review_link::Shared;
use crate::web::http::body::{self, JsonFields};
use crate::web::http::error::{Error, Problem};
use crate::web::http::params::{List, Paging};
use crate::web::http::path::ReviewLinkPath;
use crate::web::http::query::{NoQuery, Query, QueryWith};
use crate::web::sharing::{MadeLink, hours};
use crate::web::state::AppState;

/// What is to be shared, for whom, and for how long.
// Read field by field, so that a refusal can name one. Serializable only to say that there are no other fields.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "says in the document what a body holds")]
pub(crate) enum ShareRequest {
    /// One session.
    Session(ShareSessionRequest),
    /// A room.
    Room(ShareRoomRequest),
}

/// One session to be shared.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ShareSessionRequest {
    /// The session.
    session: SessionId,
    /// For whom the link is; only its maker reads that.
    name: Username,
    /// For how many hours it is good.
    #[schema(minimum = 1, maximum = 4392)]
    hours: u32,
}

/// A room to be shared: all its sessions, also those to come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ShareRoomRequest {
    /// The room.
    room: RoomName,
    /// For whom the link is; only its maker reads that.
    name: Username,
    /// For how many hours it is good.
    #[schema(minimum = 1, maximum = 4392)]
    hours: u32,
}

/// A link that was made, with what is told this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MadeReviewLink {
    #[serde(flatten)]
    link: ReviewLink,
    /// The address that opens it in a browser. It is kept nowhere.
    address: String,
    /// What programs send as Authorization: Bearer. It is kept nowhere.
    token: String,
}

impl From<MadeLink> for MadeReviewLink {
    fn from(made: MadeLink) -> Self {
        Self {
            link: made.link,
            address: made.address,
            token: made.token,
        }
    }
}

/// `POST /api/v1/review-links`
#[utoipa::path(
    post,
    path = "/api/v1/review-links",
    operation_id = "makeReviewLink",
    tag = "sharing",
    summary = "Make a link by which somebody reads one session or one room",
    description = "Its token opens the GET routes of that session (of each of that room), and for a room also \
        /api/v1/sessions with room: nothing else.",
    request_body = ShareRequest,
    responses(
        (status = 201, description = "The link", body = MadeReviewLink),
        (status = 404, description = "There is no such session or room", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There are 200 links already", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The history cannot be changed for now", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn make(
    State(app): State<Arc<AppState>>,
    _: Query<NoQuery>,
    request: Request,
) -> Result<(StatusCode, Json<MadeReviewLink>), Error> {
    let (parts, body) = request.into_parts();
    let asked = Request::from_parts(parts.clone(), ());
    let fields = JsonFields::from_request(Request::from_parts(parts, body), &()).await?;
    let (shared, name, good_for) = read(fields)?;
    let made = app.share(shared, name, good_for, (&asked).into()).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

fn read(mut fields: JsonFields) -> Result<(Shared, Username, Duration), Error> {
    let session = fields.take("session", |value| body::text(value, session))?;
    let room = fields.take("room", |value| body::text(value, RoomName::parse))?;
    let name = fields.need("name", |value| body::text(value, Username::parse))?;
    let good_for = fields.need("hours", |value: Value| hours(&body::whole(&value)))?;
    fields.finish()?;
    let shared = match (session, room) {
        (Some(session), None) => Shared::Session(session),
        (None, Some(room)) => Shared::Room(room),
        (None, None) => {
            return Err(body::bad(
                "room",
                "is missing, and so is session: one of them is needed",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(body::bad(
                "room",
                "cannot be given together with session: make two links",
            ));
        }
    };
    Ok((shared, name, good_for))
}

fn session(raw: &str) -> Result<SessionId, &'static str> {
    let id = Uuid::try_parse(raw).map_err(|_| "must be a session's id, a UUID")?;
    Ok(SessionId(id))
}

/// `GET /api/v1/review-links`
#[utoipa::path(
    get,
    path = "/api/v1/review-links",
    operation_id = "listReviewLinks",
    tag = "sharing",
    summary = "The links that are good, the newest first",
    params(Paging),
    responses(
        (status = 200, description = "A page of links", body = List<ReviewLink>)
    )
)]
pub(super) async fn list(
    State(app): State<Arc<AppState>>,
    QueryWith(NoQuery {}, paging): QueryWith<NoQuery, Paging>,
) -> Result<Json<List<ReviewLink>>, Error> {
    let page = paging.page("review-links", |id: Uuid| Some(ReviewLinkId(id)))?;
    Ok(Json(List::of("review-links", app.review_links(&page).await?)))
}

/// `DELETE /api/v1/review-links/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/review-links/{id}",
    operation_id = "revokeReviewLink",
    tag = "sharing",
    summary = "Revoke a link",
    params(ReviewLinkPath),
    responses(
        (status = 204, description = "It opens nothing any more"),
        (status = 404, description = "There is no review link of this id", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The history cannot be changed for now", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn revoke(
    State(app): State<Arc<AppState>>,
    ReviewLinkPath(id): ReviewLinkPath,
    _: Query<NoQuery>,
) -> Result<StatusCode, Error> {
    app.revoke_link(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
