//! What is told while tables are brought up to date, which takes minutes where there are many rows.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, interval_at};

/// Why a start takes its time: a large history may be written anew.
pub(super) const EARLIER: &str =
    "the history is an earlier version's and is brought up to date: a large one takes minutes";
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Waits for the work, and says now and then that it goes on.
pub(super) async fn told_of<T>(work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let mut ticks = interval_at(began + TOLD_EVERY, TOLD_EVERY);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                let seconds = began.elapsed().as_secs();
                tracing::info!(seconds, "the history is still being brought up to date");
            }
        }
    }
}
