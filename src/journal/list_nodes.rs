//! The servers that share a history, for whoever looks after them.

use std::fmt;

use super::database_server::DatabaseServer;
use super::open_error::OpenError;
use super::within::within;

/// Whether a node lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeStatus {
    /// Its lease goes on.
    Live,
    /// It was stopped on purpose.
    Stopped,
    /// It has not said for too long that it lives.
    Gone,
}

/// One of the servers that share a history, as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedNode {
    /// Its number.
    pub node: i16,
    /// How often it has taken its place.
    pub epoch: i64,
    /// How the others reach it; `None` of a server that is alone.
    pub address: Option<String>,
    /// Whether it lives.
    pub status: NodeStatus,
    /// How much of its lease is left, in milliseconds.
    pub lease_left: i64,
    /// How many rooms it has.
    pub rooms: i64,
}

/// All servers that ever had a place in a history, by their numbers.
///
/// # Errors
/// If the database cannot be read, in one sentence.
pub async fn list_nodes(server: &DatabaseServer) -> Result<Vec<ListedNode>, OpenError> {
    let mut connection = server.connect().await?;
    let rows = sqlx::query!(
        r#"/*postgres*/ select id, epoch, address, state = 'stopped' as "is_stopped!",
               (extract(epoch from expires_at - clock_timestamp()) * 1000)::bigint as "lease_left!",
               (select count(*) from room where room.node = node.id and room.epoch = node.epoch) as "rooms!"
           from node order by id"#
    )
    .fetch_all(&mut connection);
    let rows = within(server.answered_within(), rows).await;
    let rows = rows.map_err(|source| server.failure(source))?;
    let nodes = rows.into_iter().map(|row| ListedNode {
        node: row.id,
        epoch: row.epoch,
        address: row.address,
        status: match (row.lease_left > 0, row.is_stopped) {
            (true, _) => NodeStatus::Live,
            (false, true) => NodeStatus::Stopped,
            (false, false) => NodeStatus::Gone,
        },
        lease_left: row.lease_left.max(0),
        rooms: row.rooms,
    });
    Ok(nodes.collect())
}

/// One line: `node 2  live     epoch 3  lease 7 s  12 rooms  10.0.0.2:4000`.
impl fmt::Display for ListedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            node,
            epoch,
            address,
            status,
            lease_left,
            rooms,
        } = self;
        let (seconds, address) = (lease_left / 1_000, address.as_deref().unwrap_or("alone"));
        write!(
            f,
            "node {node:<4} {:<7}  epoch {epoch:<6} lease {seconds} s  rooms {rooms:<7} {address}",
            match status {
                NodeStatus::Live => "live",
                NodeStatus::Stopped => "stopped",
                NodeStatus::Gone => "gone",
            }
        )
    }
}
