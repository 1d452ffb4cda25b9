//! Keeps what the list says of each session that is over: a list that looks at everybody in 25 sessions every time takes many
//! times as long.

use std::fmt::Display;
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
        let pending = history.sessions_without_glance(before).await;
        let PendingGlances { sessions, next } = pending.inspect_err(told).ok()?;
        // The next start finds those that were not kept; without them lists are only slower.
        let kept = keep(&history, &removals, &sessions, calendar()).await;
        kept.unwrap_or_else(|error| told(&error));
        next
    };
    let mut before = keep_next(None).await;
    while before.is_some() {
        sleep(PAUSE).await;
        before = keep_next(before).await;
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

async fn keep(
    history: &History,
    removals: &RemovalHandle,
    sessions: &[SessionId],
    now: Timestamp,
) -> anyhow::Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    let glances = history.glances_to_keep(sessions, now).await?;
    Ok(removals.keep_glances(glances).await?)
}

fn told(error: &impl Display) {
    debug!(%error, "glances of sessions could not be kept");
}
