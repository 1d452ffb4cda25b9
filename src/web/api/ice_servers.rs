//! Which STUN and TURN servers a page may use, as its `RTCPeerConnection` takes them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use utoipa::{IntoParams, ToSchema};

use crate::config::TurnSecret;
use crate::metrics;
use crate::model::id::{MemberId, RoomName};
use crate::model::limit::LimitName;
use crate::web::http::access::bearer;
use crate::web::http::error::{Error, Problem};
use crate::web::http::join_token;
use crate::web::http::params::fields;
use crate::web::http::query::Query;
use crate::web::state::AppState;

const OWN_ID_NEEDED: &str =
    "With roomname, send the client's own id as Authorization: Bearer …; without both, the open servers are listed.";

/// What `new RTCPeerConnection` takes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IceServers)]
pub(crate) struct IceServersAnswer {
    ice_servers: Vec<IceServer>,
}

/// Servers with the same credentials: those that TURN servers with coturn's `use-auth-secret` ask for, and others after
/// the same draft. STUN servers ask for none.
#[derive(Serialize, ToSchema)]
struct IceServer {
    urls: Vec<String>,
    /// When the credential expires, in seconds since 1970, and the member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    username: Option<String>,
    /// The secret's HMAC-SHA1 of the username, in Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credential: Option<String>,
}

impl IceServer {
    fn stun(urls: &[String]) -> Self {
        Self {
            urls: urls.to_vec(),
            username: None,
            credential: None,
        }
    }

    fn turn(urls: &[String], secret: &TurnSecret, expires_at: i64, member: MemberId) -> Self {
        let username = format!("{expires_at}:{}", member.0);
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_str().as_bytes()).expect("HMAC takes keys of any length");
        mac.update(username.as_bytes());
        Self {
            urls: urls.to_vec(),
            username: Some(username),
            credential: Some(STANDARD.encode(mac.finalize().into_bytes())),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct IceServersQuery {
    /// The room that the client is in; needed with its id
    #[serde(default, deserialize_with = "fields::room")]
    roomname: Option<RoomName>,
}

/// `GET /api/v1/ice-servers`
#[utoipa::path(
    get,
    path = "/api/v1/ice-servers",
    operation_id = "listIceServers",
    tag = "clients",
    summary = "The STUN and TURN servers a page may use",
    description = "Anybody is told the STUN servers. A member of a room, present or away, that shows its own id as \
        bearer token together with roomname is told the TURN servers too, with credentials that expire. The answer \
        is what RTCPeerConnection takes.",
    params(IceServersQuery, ("Join-Token" = Option<String>, Header, description = "With roomname: the token to join, if one is needed; of a member it may have expired")),
    security(("client" = []), ()),
    responses(
        (status = 200, description = "Without TURN servers for somebody who is no member", body = IceServersAnswer),
        (status = 401, description = "A room is given, but the client's own id is missing", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A room is given, and who asks could not join it", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The member has asked for credentials too often; Retry-After says when to ask again", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn show(
    State(app): State<Arc<AppState>>,
    headers: HeaderMap,
    extensions: Extensions,
    Query(wanted): Query<IceServersQuery>,
) -> Result<Json<IceServersAnswer>, Error> {
    let member = match (wanted.roomname, bearer(&headers)) {
        (None, None) => None,
        (None, Some(_)) => return Err(Error::MissingParameter("roomname")),
        (Some(_), None) => return Err(Error::Unauthorized(OWN_ID_NEEDED)),
        (Some(room), Some(id)) => {
            let member = app.membership(&room, id, &extensions).await?;
            let shown = join_token::beside_id(&headers);
            app.check_entry(&room, None, &shown, member.is_some(), &extensions)
                .await?;
            member
        }
    };
    let stun = IceServer::stun(app.settings.ice_servers.stun());
    let turn = match member {
        Some(member) => turn(&app, member.member)?,
        None => None,
    };
    let servers = [Some(stun), turn].into_iter().flatten();
    Ok(Json(IceServersAnswer {
        ice_servers: servers.filter(|server| !server.urls.is_empty()).collect(),
    }))
}

/// What the member needs for the TURN servers, if there are any. Each credential is good for hours: a few will do.
fn turn(app: &AppState, member: MemberId) -> Result<Option<IceServer>, Error> {
    let urls = app.settings.ice_servers.turn();
    let Some(secret) = app.settings.turn_secret.as_ref().filter(|_| !urls.is_empty()) else {
        return Ok(None);
    };
    app.turn_credentials.check(&member).map_err(|wait| {
        metrics::limit_reached(LimitName::TurnCredentialsPerMember);
        Error::TooManyCredentials(wait)
    })?;
    let ttl = i64::try_from(app.settings.turn_ttl.as_secs()).unwrap_or(i64::MAX);
    let expires_at = (app.wall_now().0 / 1000).saturating_add(ttl);
    Ok(Some(IceServer::turn(urls, secret, expires_at, member)))
}
