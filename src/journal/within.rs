//! Waiting for what may never come.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::time::timeout;

/// Waits for a server's answer no longer than this.
///
/// # Errors
/// What the server says, or that it says nothing.
pub(super) async fn within<T>(most: Duration, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(most, answer).await.unwrap_or_else(|_| {
        let message = format!("the database has not answered within {} s", most.as_secs());
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message)))
    })
}
