//! The parts put together, and the order in which they start and stop.

use std::future::Future;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::RequestBodyDeadlineLayer;
use tracing::{info, warn};

use crate::banner::Banner;
use crate::config::{Config, ReviewToken};
use crate::net::{self, Listeners};
use crate::signals::Stop;
use crate::static_files::with_static_files;

/// How long a client may take to send a request's body. Together with the head's limit in [`net::Limits`] no request is
/// open for longer before it is handled.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// Runs the server until `shutdown`, then stops it in order: nothing more is accepted, the clients' transports close in
/// a way after which they reconnect by themselves, requests end, the journal is flushed.
///
/// # Errors
/// If a part cannot start, or the server cannot go on. The message is for the user.
pub async fn run(config: Config, listeners: Listeners, shutdown: impl Future<Output = Stop>) -> anyhow::Result<()> {
    let (token, is_made) = review_token(&config)?;
    // Merge: Journal::open(&config.database_url, ...), then the Hub over it, here; both go to `router`.
    let router = router(&config, &token);

    tell(&Banner {
        addresses: &listeners.addresses(),
        made_token: is_made.then_some(&token),
        database: config.database_url.file(),
        static_dir: config.static_dir.as_deref(),
    });
    let stopping = CancellationToken::new();
    // From here on a client may be told things: whatever ends this function has to pass the orderly stop below.
    let mut serving = tokio::spawn(net::serve(listeners, router, stopping.clone()));
    let ended = tokio::select! {
        stop = shutdown => {
            info!(?stop, "stopping");
            None
        }
        ended = &mut serving => Some(ended),
    };
    stopping.cancel();
    // Merge: close the Socket.IO transports here (`io.close()`): that ends the long polls that `serving` waits for.
    let served = match ended {
        Some(ended) => ended,
        None => serving.await,
    };
    // Merge: flush and close the journal here, bounded by 2 s (`net::Limits::drain` takes 2 s of the 5 s there are).
    served.context("The server's network loop broke")?;
    info!("stopped");
    Ok(())
}

/// The reviewer's token, and whether it was made for this start.
fn review_token(config: &Config) -> anyhow::Result<(ReviewToken, bool)> {
    if let Some(token) = &config.review_token {
        return Ok((token.clone(), false));
    }
    let token = ReviewToken::random().context("The system gives no random numbers for a review token")?;
    Ok((token, true))
}

fn router(config: &Config, _token: &ReviewToken) -> Router {
    // Merge: web::router(...) with the Socket.IO layer instead of the empty router.
    let router = Router::new();
    let router = match &config.static_dir {
        Some(directory) => with_static_files(router, directory),
        None => router,
    };
    router.layer(RequestBodyDeadlineLayer::new(BODY_WITHIN))
}

fn tell(banner: &Banner<'_>) {
    let mut out = io::stdout().lock();
    // A closed standard output (a service manager's) is no reason not to serve.
    if out
        .write_all(banner.text().as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        warn!("standard output is closed: where the review is could not be told");
    }
}
