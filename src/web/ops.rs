//! What machines ask: is the server alive, is it ready, and is a name free (deployed clients ask that before they join).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Web;
use super::error::Error;
use super::live::Readiness;
use super::params::{self, Params};
use crate::room::id::Username;

#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NameCheck {
    success: bool,
    is_repeat: bool,
}

/// `GET /livez`: an answer is all there is to it.
pub(crate) async fn livez() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// `GET /readyz`
pub(crate) async fn readyz(State(web): State<Arc<Web>>) -> Result<Json<Health>, Error> {
    match (web.readiness)() {
        Readiness::Ready => Ok(Json(Health { status: "ready" })),
        Readiness::Degraded { reason } => Err(Error::NotReady(reason)),
    }
}

/// `GET /checkUsername`. Parameters it does not know are ignored: deployed clients may append some against caches.
pub(crate) async fn check_username(State(web): State<Arc<Web>>, mut params: Params) -> Result<Json<NameCheck>, Error> {
    let username = params.required("username", Username::parse)?;
    let room = params.required("roomname", params::room)?;
    Ok(Json(NameCheck {
        success: true,
        is_repeat: web.live.name_taken(&room, &username),
    }))
}
