//! Keeps what the list says of each session that is over: a list that looks at everybody in 25 sessions every time takes many
//! times as long.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::debug;

use crate::history::History;
use crate::history::kept_glance::PendingGlances;
use crate::journal::RemovalHandle;
use crate::model::id::SessionId;
use crate::model::time::Timestamp;

/// How often sessions are looked for that have ended.
const EVERY: Duration = Duration::from_secs(10);

/// Between two pieces of what an earlier version, or a crash, has left: nobody waits for them.
const PAUSE: Duration = Duration::from_millis(250);

/// The calendar's time.
pub(crate) type Calendar = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Keeps the glances of all sessions that have none, then of those that end, until it is dropped.
pub(crate) async fn keep_up(
    history: History,
    removals: RemovalHandle,
    mut committed: watch::Receiver<i64>,
    calendar: Calendar,
) {
    let keep_next = async |before: Option<SessionId>| -> Option<SessionId> {
        match try_next(&history, &removals, &calendar, before).await {
            Ok(next) => next,
            // The next search finds them again; without them lists are only slower.
            Err(error) => {
                debug!(%error, "glances of sessions could not be kept");
                None
            }
        }
    };
    let mut before = None;
    loop {
        before = keep_next(before).await;
        if before.is_none() {
            break;
        }
        sleep(PAUSE).await;
    }
    loop {
        sleep(EVERY).await;
        if committed.changed().await.is_err() {
            return;
        }
        // Those that ended lately are most often among those that began lately; the next start finds the others.
        keep_next(None).await;
    }
}

/// Keeps the next ones. Gives where to go on; nothing at the end.
async fn try_next(
    history: &History,
    removals: &RemovalHandle,
    calendar: &Calendar,
    before: Option<SessionId>,
) -> anyhow::Result<Option<SessionId>> {
    let PendingGlances { sessions, next } = history.sessions_without_glance(before).await?;
    if !sessions.is_empty() {
        let glances = history.glances_to_keep(&sessions, calendar()).await?;
        removals.keep_glances(glances).await?;
    }
    Ok(next)
}
