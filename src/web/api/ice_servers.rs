//! Which STUN and TURN servers a page may use, as its `RTCPeerConnection` takes them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha1::Sha1;
use utoipa::ToSchema;

use crate::config::TurnSecret;
use crate::room::id::{ClientKey, MemberId};
use crate::web::Web;
use crate::web::access::bearer;
use crate::web::error::{Error, Problem};
use crate::web::params::{self, Params};

const OWN_ID_NEEDED: &str =
    "With roomname, send the client's own id as Authorization: Bearer …; without both, the open servers are listed.";

/// What `new RTCPeerConnection` takes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IceServers)]
pub(crate) struct Answer {
    ice_servers: Vec<Server>,
}

/// Servers with the same credentials.
#[derive(Serialize, ToSchema)]
#[schema(as = IceServer)]
struct Server {
    urls: Vec<String>,
    #[serde(flatten)]
    credentials: Option<Credentials>,
}

/// What TURN servers ask for: those with coturn's `use-auth-secret`, and others after the same draft.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TurnCredentials)]
struct Credentials {
    /// When it expires, in seconds since 1970, and the member.
    username: String,
    /// The secret's HMAC-SHA1 of the username, in Base64.
    credential: String,
}

impl Credentials {
    fn new(secret: &TurnSecret, expires_at: i64, member: MemberId) -> Self {
        let username = format!("{expires_at}:{}", member.0);
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_str().as_bytes()).expect("HMAC takes keys of any length");
        mac.update(username.as_bytes());
        let credential = STANDARD.encode(mac.finalize().into_bytes());
        Self { username, credential }
    }
}

/// `GET /api/v1/ice-servers`
#[utoipa::path(
    get,
    path = "/api/v1/ice-servers",
    tag = "clients",
    summary = "The STUN and TURN servers a page may use",
    description = "Anybody is told the STUN servers. A member of a room, present or away, that shows its own id as \
        bearer token together with roomname is told the TURN servers too, with credentials that expire. The answer \
        is what RTCPeerConnection takes.",
    params(
        ("roomname" = Option<String>, Query, min_length = 1, max_length = 128, description = "The room that the client is in; needed with its id")
    ),
    responses(
        (status = 200, description = "Without TURN servers for somebody who is no member", body = Answer),
        (status = 401, description = "A room is given, but the client's own id is missing", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn show(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Json<Answer>, Error> {
    let room = params.optional("roomname", params::room)?;
    params.finish()?;
    let member = match (room, bearer(&headers)) {
        (None, None) => None,
        (None, Some(_)) => return Err(Error::MissingParameter("roomname")),
        (Some(_), None) => return Err(Error::Unauthorized(OWN_ID_NEEDED)),
        // An id that nobody could have is nobody's.
        (Some(room), Some(id)) => ClientKey::parse(id).ok().and_then(|key| web.live.recovery(&room, &key)),
    };
    let stun = Server {
        urls: web.settings.ice_servers.stun().to_vec(),
        credentials: None,
    };
    let turn = member.and_then(|member| turn(&web, member.member));
    let servers = [Some(stun), turn].into_iter().flatten();
    Ok(Json(Answer {
        ice_servers: servers.filter(|server| !server.urls.is_empty()).collect(),
    }))
}

fn turn(web: &Web, member: MemberId) -> Option<Server> {
    let secret = web.settings.turn_secret.as_ref()?;
    let ttl = i64::try_from(web.settings.turn_ttl.as_secs()).unwrap_or(i64::MAX);
    let expires_at = (web.now().0 / 1000).saturating_add(ttl);
    Some(Server {
        urls: web.settings.ice_servers.turn().to_vec(),
        credentials: Some(Credentials::new(secret, expires_at, member)),
    })
}
