//! The rooms that a start finds, or whoever has a place again.

use std::time::Duration;

use super::{Clock, recover, restore};
use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::room::record::Snapshot;
use crate::sql::Connection;

/// Rooms that live on, and the last moment at which their server is known to have lived.
pub struct BroughtBack {
    /// The rooms, and who was in them.
    pub rooms: Vec<(SessionId, Snapshot)>,
    /// The history must not go back behind it.
    pub last_alive: Timestamp,
}

/// Closes what was left open, and gives who was there the time to come back.
///
/// # Errors
/// If the database does not answer, or another server has the place.
pub(super) async fn bring_back(
    connection: &mut Connection,
    clock: &Clock,
    grace: Duration,
) -> sqlx::Result<BroughtBack> {
    let last_alive = recover::recover(connection, clock()).await?;
    let rooms = restore::live_rooms(connection).await?;
    recover::extend_graces(connection, clock(), grace).await?;
    Ok(BroughtBack { rooms, last_alive })
}
