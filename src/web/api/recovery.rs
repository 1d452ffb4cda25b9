//! What a returning client may know before it resumes: its own membership, who is there, and what it missed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::{self, Schema};
use utoipa::{IntoParams, ToSchema};

use crate::history::events::Event;
use crate::history::page::Page;
use crate::model::id::{MemberId, RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{EventKind, Presence};
use crate::web::http::access::bearer;
use crate::web::http::error::{Error, Problem};
use crate::web::http::join_token;
use crate::web::http::params::fields;
use crate::web::http::query::Query;
use crate::web::state::AppState;
use crate::web::state::Recovery;

const OWN_ID_NEEDED: &str = "Send the client's own id as Authorization: Bearer ….";

/// What members of a room are told of each other.
const SHOWN: [EventKind; 4] = [
    EventKind::Joined,
    EventKind::Left,
    EventKind::Disconnected,
    EventKind::Reconnected,
];

/// The most events of one answer.
const LIMIT: usize = 200;

/// Of someone who is no member nothing but that is told.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Recovery)]
pub(crate) enum RecoveryAnswer {
    Resumable(Resumable),
    NotResumable(NotResumable),
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resumable {
    #[schema(schema_with = only::<true>)]
    resumable: bool,
    /// `null` while the member counts as present.
    resumable_for_ms: Option<u64>,
    member_id: MemberId,
    session_id: SessionId,
    members: Vec<RoomMember>,
    events: Vec<MissedEvent>,
    /// What to ask `after` next time.
    last_seq: i64,
    has_more: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct NotResumable {
    #[schema(schema_with = only::<false>)]
    resumable: bool,
}

fn only<const ONLY: bool>() -> Schema {
    let only = ObjectBuilder::new().schema_type(schema::Type::Boolean);
    only.enum_values(Some([ONLY])).into()
}

#[derive(Serialize, ToSchema)]
struct RoomMember {
    username: String,
    status: Presence,
}

#[derive(Serialize, ToSchema)]
struct MissedEvent {
    seq: i64,
    at: Timestamp,
    kind: EventKind,
    username: Option<String>,
}

impl From<Event> for MissedEvent {
    fn from(event: Event) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            kind: event.kind,
            username: event.username,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecoveryQuery {
    /// The room it was in
    #[serde(deserialize_with = "fields::room")]
    roomname: RoomName,
    /// Only entries after this number
    #[serde(default, deserialize_with = "fields::seq")]
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// `GET /api/v1/recovery`
#[utoipa::path(
    get,
    path = "/api/v1/recovery",
    operation_id = "readRecovery",
    tag = "clients",
    summary = "What a returning client can resume",
    params(RecoveryQuery, ("Join-Token" = Option<String>, Header, description = "The token to join, if one is needed; of a member it may have expired")),
    security(("client" = [])),
    responses(
        (status = 200, description = "Of somebody who is no member nothing but that is told", body = RecoveryAnswer),
        (status = 401, description = "The client's own id is missing", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Who asks could not join this room", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn show(
    State(app): State<Arc<AppState>>,
    headers: HeaderMap,
    extensions: Extensions,
    Query(wanted): Query<RecoveryQuery>,
) -> Result<Json<RecoveryAnswer>, Error> {
    let id = bearer(&headers).ok_or(Error::Unauthorized(OWN_ID_NEEDED))?;
    let membership = app.membership(&wanted.roomname, id, &extensions).await?;
    let shown = join_token::beside_id(&headers);
    app.check_entry(&wanted.roomname, None, &shown, membership.is_some(), &extensions)
        .await?;
    Ok(Json(match membership.filter(|membership| !membership.overflowed) {
        Some(membership) => RecoveryAnswer::Resumable(own(&app, membership, wanted.after.unwrap_or(0)).await?),
        None => RecoveryAnswer::NotResumable(NotResumable { resumable: false }),
    }))
}

async fn own(app: &AppState, membership: Recovery, after: i64) -> Result<Resumable, Error> {
    let Recovery {
        member,
        session,
        resumable_for,
        ..
    } = membership;
    let members = app.history.members(session).await?;
    // Read before the events: what is committed in between is told now or next time, never skipped.
    let last_seq = app.history.last_seq(session).await?;
    let events = app
        .history
        .events(
            session,
            &SHOWN,
            &Page {
                limit: LIMIT,
                after: Some(after),
            },
        )
        .await?;
    let last_shown = events.rows.last().map_or(0, |event| event.seq);
    Ok(Resumable {
        resumable: true,
        resumable_for_ms: resumable_for.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        member_id: member,
        session_id: session,
        members: members
            .into_iter()
            .map(|member| RoomMember {
                username: member.username,
                status: member.status,
            })
            .collect(),
        has_more: events.next.is_some(),
        last_seq: events.next.unwrap_or(last_seq.max(last_shown)),
        events: events.rows.into_iter().map(MissedEvent::from).collect(),
    })
}
