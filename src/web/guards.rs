//! What a request passes before its handler: who may ask, by which host name, and when it is their turn.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::Response;

use super::http::access::{CrossSiteAccess, is_known_host};
use super::http::error::Error;
use super::http::query::shortened;
use super::http::throttle::asker;
use super::state::AppState;
use super::viewer::admit;

/// Middleware: only a reviewer passes, and who has a link to what is asked for.
pub(super) async fn reviewers_only(
    State(app): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let admitted = admit(&app, &mut request, CrossSiteAccess::None).await;
    admitted.map_err(|refused| refused.error)?;
    Ok(next.run(request).await)
}

/// Middleware: a page of another site whose name was made to point here (DNS rebinding) does not pass.
pub(super) async fn known_hosts_only(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    if !is_known_host(request.uri(), request.headers(), &app.settings.allowed_hosts) {
        return Err(Error::HostNotAllowed(shortened(request.headers(), &HOST)));
    }
    Ok(next.run(request).await)
}

/// Middleware of what asks the history for much.
pub(super) async fn in_turn(State(app): State<Arc<AppState>>, request: Request, next: Next) -> Result<Response, Error> {
    let asker = asker(request.extensions());
    app.turns.answer(asker, next.run(request)).await
}
