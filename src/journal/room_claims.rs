//! Which node drives which room of a history in PostgreSQL, and what changes that: every statement here is fenced, so that a
//! node whose place was taken changes nothing.

use sqlx::PgConnection;

use super::node::{Epoch, NodeId, NodePlace, Peer, begin_as, end_holder, is_unlocked};
use crate::model::id::RoomName;
use crate::sql::{damaged, json};

/// The most rooms that are taken over at once: whoever wants one of the others need not wait for all.
const MOST_TAKEN: i64 = 200;

/// A room's row, and what its node says of itself.
pub(super) struct ClaimRow {
    pub(super) node: i16,
    pub(super) epoch: i64,
    pub(super) address: Option<String>,
    /// The node has a later epoch, or was stopped: it has left the room.
    pub(super) is_left: bool,
    /// The node's lease is over.
    pub(super) is_over: bool,
    /// It is not recovered yet.
    pub(super) is_recovering: bool,
}

/// Marks the rooms that the last run of this node has left open; of a server that is alone that is all.
///
/// # Errors
/// If another server has taken our place, or the database does not answer.
pub(super) async fn begin_recovery(connection: &mut PgConnection, epoch: Epoch, place: &NodePlace) -> sqlx::Result<()> {
    let (node, number) = (epoch.node.0, epoch.number);
    begin_as(connection).await?;
    if place.address.is_none() {
        sqlx::query!("/*postgres*/ delete from room")
            .execute(&mut *connection)
            .await?;
        sqlx::query!(
            "/*postgres*/ insert into room (name, node, epoch, is_recovering)
             select room, $1, $2, true from session where ended_at is null",
            node,
            number
        )
        .execute(&mut *connection)
        .await?;
    } else {
        // What a server left that was alone, and so the first.
        sqlx::query!(
            "/*postgres*/ insert into room (name, node, epoch)
             select room, 1, 0 from session where ended_at is null
             on conflict (name) do nothing"
        )
        .execute(&mut *connection)
        .await?;
        sqlx::query!(
            "/*postgres*/ update room set epoch = $2, is_recovering = true where node = $1 and epoch <> $2",
            node,
            number
        )
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query("commit").execute(connection).await.map(drop)
}

/// What was to be recovered is. A server that is alone keeps no list of its rooms, nor any node those without a session.
///
/// # Errors
/// As [`begin_recovery`].
pub(super) async fn end_recovery(connection: &mut PgConnection) -> sqlx::Result<()> {
    begin_as(connection).await?;
    sqlx::query!(
        "/*postgres*/ delete from room
         where is_recovering and node = current_setting('chatroom.node', true)::smallint
           and (exists (select from node where node.id = room.node and address is null)
                or not exists (select from session where session.room = room.name and ended_at is null))"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "/*postgres*/ update room set is_recovering = false
         where is_recovering and node = current_setting('chatroom.node', true)::smallint"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await.map(drop)
}

/// Takes a room that nobody has. Gives whose it is then.
///
/// # Errors
/// As [`begin_recovery`].
pub(super) async fn claim(connection: &mut PgConnection, epoch: Epoch, room: &RoomName) -> sqlx::Result<ClaimRow> {
    begin_as(connection).await?;
    sqlx::query!(
        "/*postgres*/ insert into room (name, node, epoch) values ($1, $2, $3) on conflict (name) do nothing",
        room.as_str(),
        epoch.node.0,
        epoch.number
    )
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query_as!(
        ClaimRow,
        r#"/*postgres*/ select room.node, room.epoch, address, node.epoch is distinct from room.epoch or state = 'stopped' as "is_left!",
               coalesce(expires_at < clock_timestamp(), true) as "is_over!", is_recovering
           from room left join node on node.id = room.node
           where name = $1"#,
        room.as_str()
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await?;
    Ok(row)
}

/// Writes again, in the transaction of whoever asks, that a room is this node's, where the database has lost it. A server that is
/// alone keeps no list.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn restore(connection: &mut PgConnection, room: &RoomName) -> sqlx::Result<()> {
    sqlx::query!(
        "/*postgres*/ insert into room (name, node, epoch)
         select $1, id, epoch from node
         where id = current_setting('chatroom.node', true)::smallint and address is not null
         on conflict (name) do nothing",
        room.as_str()
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Whose a room is, if it is somebody's.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn owner(connection: &mut PgConnection, room: &RoomName) -> sqlx::Result<Option<ClaimRow>> {
    sqlx::query_as!(
        ClaimRow,
        r#"/*postgres*/ select room.node, room.epoch, address, node.epoch is distinct from room.epoch or state = 'stopped' as "is_left!",
               coalesce(expires_at < clock_timestamp(), true) as "is_over!", is_recovering
           from room left join node on node.id = room.node
           where name = $1 and not is_recovering"#,
        room.as_str()
    )
    .fetch_optional(connection)
    .await
}

/// The other nodes that live.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn peers(connection: &mut PgConnection, but: NodeId) -> sqlx::Result<Vec<Peer>> {
    let rows = sqlx::query!(
        r#"/*postgres*/ select id, epoch, address as "address!" from node
           where id <> $1 and address is not null and expires_at > clock_timestamp()"#,
        but.0
    )
    .fetch_all(connection)
    .await?;
    let peers = rows.into_iter().map(|row| Peer {
        node: NodeId(row.id),
        epoch: row.epoch,
        address: row.address,
    });
    Ok(peers.collect())
}

/// Gives back those of these rooms in which no session is open. Gives the names of the rest.
///
/// # Errors
/// As [`begin_recovery`].
pub(super) async fn release(connection: &mut PgConnection, rooms: &[RoomName]) -> sqlx::Result<Vec<RoomName>> {
    let names = json(&rooms.iter().map(RoomName::as_str).collect::<Vec<_>>())?;
    begin_as(connection).await?;
    sqlx::query!(
        "/*postgres*/ delete from room
         where name in (select value from json_array_elements_text($1::text::json))
           and node = current_setting('chatroom.node', true)::smallint
           and not exists (select from session where session.room = room.name and ended_at is null)",
        names
    )
    .execute(&mut *connection)
    .await?;
    let rest = sqlx::query_scalar!(
        "/*postgres*/ select name from room
         where name in (select value from json_array_elements_text($1::text::json))
           and node = current_setting('chatroom.node', true)::smallint",
        names
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await?;
    read_names(rest)
}

/// Begins a transaction in which sessions that go on in these rooms are recovered as after a stop.
///
/// # Errors
/// As [`begin_recovery`].
pub(super) async fn begin_hand_over(connection: &mut PgConnection, rooms: &[RoomName]) -> sqlx::Result<()> {
    let names = json(&rooms.iter().map(RoomName::as_str).collect::<Vec<_>>())?;
    begin_as(connection).await?;
    sqlx::query!(
        "/*postgres*/ update room set is_recovering = true
         where name in (select value from json_array_elements_text($1::text::json))
           and node = current_setting('chatroom.node', true)::smallint",
        names
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Leaves them to whoever asks: no node has had that epoch.
///
/// # Errors
/// As [`begin_recovery`].
pub(super) async fn end_hand_over(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "/*postgres*/ update room set epoch = 0, is_recovering = false
         where is_recovering and node = current_setting('chatroom.node', true)::smallint"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await.map(drop)
}

/// A node that has left rooms, or whose lease is over.
pub struct Abandoned {
    /// Which.
    pub node: NodeId,
    /// In which epoch it had the rooms.
    pub epoch: i64,
    /// How it was reached, if its lease alone is over: it may still live.
    pub asked_at: Option<String>,
}

/// The nodes that have left rooms, or have let their leases run out with rooms.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn abandoned(connection: &mut PgConnection, ours: Epoch) -> sqlx::Result<Vec<Abandoned>> {
    let nodes = sqlx::query!(
        r#"/*postgres*/ select distinct room.node, room.epoch,
               case when node.epoch = room.epoch and state <> 'stopped' and room.node <> $1 then address end as asked_at
           from room left join node on node.id = room.node
           where node.epoch is distinct from room.epoch or expires_at < clock_timestamp()
              or is_recovering and room.node = $1"#,
        ours.node.0
    )
    .fetch_all(connection)
    .await?;
    let nodes = nodes.into_iter().map(|row| Abandoned {
        node: NodeId(row.node),
        epoch: row.epoch,
        asked_at: row.asked_at,
    });
    Ok(nodes.collect())
}

/// Takes a node's place away for good, if its lease is over, or if it `is_gone` as far as can be told from outside and the
/// connection that it writes with has ended. Whether it has a later epoch now.
///
/// # Errors
/// As [`begin_recovery`].
pub(super) async fn depose(
    connection: &mut PgConnection,
    node: NodeId,
    epoch: i64,
    is_gone: bool,
) -> sqlx::Result<bool> {
    let tenant = sqlx::query!(
        r#"/*postgres*/ select epoch, expires_at < clock_timestamp() as "is_over!" from node where id = $1"#,
        node.0
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.epoch == epoch) else {
        return Ok(true);
    };
    let is_gone = is_gone && is_unlocked(connection, node).await?;
    if !tenant.is_over && !is_gone {
        return Ok(false);
    }
    // One that hangs in the middle of a transaction would keep its row.
    end_holder(connection, node).await?;
    begin_as(connection).await?;
    let deposed = sqlx::query!(
        "/*postgres*/ update node set epoch = epoch + 1
         where id = $1 and epoch = $2 and (expires_at < clock_timestamp() or $3)",
        node.0,
        epoch,
        is_gone
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await?;
    Ok(deposed.rows_affected() > 0)
}

/// How a node's last run ended, as far as the database knows.
pub(super) struct LastRun {
    pub(super) alive_at: i64,
    pub(super) is_clean: bool,
}

/// Begins a transaction that takes rooms which a node has left, the one that is wanted first, and marks them as to be
/// recovered. `None` if there are none.
///
/// # Errors
/// As [`begin_recovery`].
pub(super) async fn begin_takeover(
    connection: &mut PgConnection,
    epoch: Epoch,
    left_by: NodeId,
    wanted: Option<&RoomName>,
) -> sqlx::Result<Option<(Vec<RoomName>, LastRun)>> {
    begin_as(connection).await?;
    sqlx::query!(
        "/*postgres*/ update room set node = $1, epoch = $2, is_recovering = true
         where name in (
             select room.name
             from room left join node on node.id = room.node
             where room.node = $3 and node.epoch is distinct from room.epoch
             order by room.name is distinct from $4, room.name
             limit $5
             for update of room skip locked)",
        epoch.node.0,
        epoch.number,
        left_by.0,
        wanted.map(RoomName::as_str),
        MOST_TAKEN
    )
    .execute(&mut *connection)
    .await?;
    let names = sqlx::query_scalar!(
        "/*postgres*/ select name from room
         where is_recovering and node = current_setting('chatroom.node', true)::smallint"
    )
    .fetch_all(&mut *connection)
    .await?;
    let last_run = sqlx::query_as!(
        LastRun,
        r#"/*postgres*/ select alive_at, state = 'stopped' as "is_clean!" from node where id = $1"#,
        left_by.0
    )
    .fetch_optional(&mut *connection)
    .await?;
    if names.is_empty() {
        sqlx::query("commit").execute(connection).await?;
        return Ok(None);
    }
    let unknown = LastRun {
        alive_at: 0,
        is_clean: false,
    };
    Ok(Some((read_names(names)?, last_run.unwrap_or(unknown))))
}

fn read_names(names: Vec<String>) -> sqlx::Result<Vec<RoomName>> {
    let names = names.into_iter().map(|name| RoomName::parse(&name).map_err(damaged));
    names.collect()
}
