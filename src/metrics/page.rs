//! `GET /metrics`, on a port of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::exporter::Exporter;
use super::figures::Figures;

/// Reads how much there is.
type Look = dyn Fn() -> Figures + Send + Sync;

/// Prometheus' text format.
const HEADERS: [(HeaderName, &str); 2] = [
    (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
    (CACHE_CONTROL, "no-store"),
];

struct Page {
    exporter: Exporter,
    look: Arc<Look>,
    /// Whoever asks again and again has the rooms looked at by one question at a time.
    turn: Mutex<()>,
}

/// The page, and nothing else. `look` may wait for a disk.
pub fn router(exporter: Exporter, look: impl Fn() -> Figures + Send + Sync + 'static) -> Router {
    let page = Page {
        exporter,
        look: Arc::new(look),
        turn: Mutex::default(),
    };
    Router::new()
        .route("/metrics", get(show))
        .fallback(async || (StatusCode::NOT_FOUND, "Metrics are at /metrics.\n"))
        .with_state(Arc::new(page))
}

async fn show(State(page): State<Arc<Page>>) -> Response {
    let _turn = page.turn.lock().await;
    let (look, exporter) = (page.look.clone(), page.exporter.clone());
    let written = spawn_blocking(move || {
        look().set();
        exporter.text()
    });
    match written.await {
        Ok(text) => (HEADERS, text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
