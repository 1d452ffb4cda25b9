//! Whose a database is, where that is a server: each chatroom-server holds its place in it by a lease. Usually there is one
//! place; several servers that know of each other have one each.
//!
//! The lock of the file's side is the database's own here: PostgreSQL gives it back when the connection that holds it ends,
//! so a server that was killed is followed at once. One whose machine is gone holds it until its lease is over; then whoever
//! starts takes the place, and from that moment nothing of the other is written any more, whatever it still tries.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::{Instant, sleep};

use super::occupant::Occupant;
use crate::sql::{Connection, Database, query};

/// How long nobody else takes the place of one that wrote, if its connection still stands.
pub(super) const LEASE: Duration = Duration::from_secs(8);
/// The lock on the first place, with the table that the place is a row of: one database may have several histories. Those of
/// the other places follow.
const LOCK: i32 = 0x4368_5253;
/// The lock by which one start at a time looks at who else is there.
const STARTS_LOCK: i32 = LOCK - 1;
const ASKED_EVERY: Duration = Duration::from_millis(100);
/// How much longer than a lease a start waits for the place.
const SLACK: Duration = Duration::from_secs(2);

/// The most entries of the journal that one transaction writes: their numbers are made of its own.
pub(super) const MOST_ENTRIES: i64 = 4_095;

/// A node's number: 1 to 4095. A server that is alone is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) i16);

impl NodeId {
    /// The first.
    pub const FIRST: Self = Self(1);

    /// The node of this number, if there can be one.
    pub fn new(number: u16) -> Option<Self> {
        let number = i16::try_from(number).ok().filter(|number| (1..=4_095).contains(number));
        number.map(Self)
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0.unsigned_abs()
    }

    fn lock(self) -> i32 {
        LOCK + i32::from(self.0 - 1)
    }
}

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Which place a server takes in a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlace {
    /// Which node it is.
    pub node: NodeId,
    /// How the others reach it; `None` if there are to be none.
    pub address: Option<String>,
    /// By what it sees that the others have the same `CLUSTER_SECRET`.
    pub secret_fingerprint: Option<Vec<u8>>,
}

impl NodePlace {
    fn is_alone(&self) -> bool {
        self.address.is_none()
    }
}

impl Default for NodePlace {
    fn default() -> Self {
        Self {
            node: NodeId::FIRST,
            address: None,
            secret_fingerprint: None,
        }
    }
}

/// A node as the others find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Which.
    pub node: NodeId,
    /// In which epoch.
    pub epoch: i64,
    /// How it is reached.
    pub address: String,
}

/// What a connection writes as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    pub(super) node: NodeId,
    pub(super) number: i64,
}

/// Whether somebody else has the place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is ours now.
    Taken(Epoch),
    /// Another server lives there, or cannot be beside this one.
    Occupied(Occupant),
}

struct Tenant {
    is_over: bool,
    group_no: i64,
    address: Option<String>,
}

/// Begins a transaction that writes: with PostgreSQL its first statement says that no other has taken our place.
///
/// # Errors
/// If one has, or the database does not answer.
pub(super) async fn begin(connection: &mut Connection) -> sqlx::Result<()> {
    match connection {
        Database::Sqlite(connection) => sqlx::query("begin immediate").execute(connection).await.map(drop),
        Database::Postgres(connection) => begin_as(connection).await,
    }
}

/// The same for a connection that [`prepare`] has made one of ours.
///
/// # Errors
/// If another server has taken our place, or the database does not answer.
pub(super) async fn begin_as(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("begin").execute(&mut *connection).await?;
    sqlx::query("select pg_temp.fence()")
        .execute(connection)
        .await
        .map(drop)
}

/// Takes the place, once whoever has it is known to be gone.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn take_place(connection: &mut PgConnection, place: &NodePlace) -> sqlx::Result<Place> {
    let node = place.node;
    let give_up_at = Instant::now() + LEASE + SLACK;
    let mut groups = tenant(connection, node).await?.map(|tenant| tenant.group_no);
    let mut written = 0;
    while !lock(connection, node).await? {
        let now = tenant(connection, node).await?;
        if now.as_ref().is_some_and(|now| now.is_over) {
            // Its machine is gone, or it hangs: what it may still send is refused from now on, as the place has a new epoch.
            end_holder(connection, node).await?;
        }
        let group_no = now.as_ref().map(|now| now.group_no);
        written += u32::from(group_no != groups);
        groups = group_no;
        // What was under way when it was killed may still be done, once.
        if written > 1 || Instant::now() > give_up_at {
            let address = now.and_then(|now| now.address);
            return Ok(Place::Occupied(Occupant::of_same_number(
                place.is_alone(),
                node.number(),
                address,
            )));
        }
        sleep(ASKED_EVERY).await;
    }
    loop {
        match register(connection, place).await? {
            Ok(number) => return Ok(Place::Taken(Epoch { node, number })),
            Err(occupant) if Instant::now() > give_up_at => return Ok(Place::Occupied(occupant)),
            Err(_) => sleep(ASKED_EVERY).await,
        }
    }
}

/// The first of those that live and cannot be beside this one.
async fn opponent(connection: &mut PgConnection, place: &NodePlace) -> sqlx::Result<Option<Occupant>> {
    let node = sqlx::query!(
        "/*postgres*/ select id, address from node
         where id <> $1 and expires_at > clock_timestamp()
           and (address is null or $2::text is null or secret_fingerprint is distinct from $3)
         order by id limit 1",
        place.node.0,
        place.address,
        place.secret_fingerprint
    )
    .fetch_optional(connection)
    .await?;
    Ok(node.map(|node| Occupant::beside(place.is_alone(), NodeId(node.id).number(), node.address)))
}

/// What is said to a server whose place another has taken; `rows.postgres.sql` says it, too.
pub(super) const REPLACED: &str = "another chatroom-server has taken this database";

/// Takes the lock again for a connection that follows one that broke: the database may not have noticed that yet.
///
/// # Errors
/// If another server has taken the place, or the database does not answer.
pub(super) async fn follow(connection: &mut PgConnection, epoch: Epoch) -> sqlx::Result<()> {
    loop {
        let is_ours = sqlx::query_scalar!(
            r#"/*postgres*/ select exists (select from node where id = $1 and epoch = $2) as "is_ours!""#,
            epoch.node.0,
            epoch.number
        );
        if !is_ours.fetch_one(&mut *connection).await? {
            return Err(sqlx::Error::Protocol(REPLACED.to_owned()));
        }
        if lock(connection, epoch.node).await? {
            return Ok(());
        }
        end_holder(connection, epoch.node).await?;
        sleep(ASKED_EVERY).await;
    }
}

async fn lock(connection: &mut PgConnection, node: NodeId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"/*postgres*/ select pg_try_advisory_lock($1, 'node'::regclass::oid::integer) as "is_ours!""#,
        node.lock()
    )
    .fetch_one(connection)
    .await
}

/// Whether the connection that a node writes with has ended.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn is_unlocked(connection: &mut PgConnection, node: NodeId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"/*postgres*/ select not exists (
             select from pg_locks
             where locktype = 'advisory' and classid = $1::integer::oid and objid = 'node'::regclass and granted
               and database = (select oid from pg_database where datname = current_database())) as "is_unlocked!""#,
        node.lock()
    )
    .fetch_one(connection)
    .await
}

/// Ends the connection that has the lock.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn end_holder(connection: &mut PgConnection, node: NodeId) -> sqlx::Result<()> {
    sqlx::query_scalar!(
        "/*postgres*/ select pg_terminate_backend(pid) from pg_locks
         where locktype = 'advisory' and classid = $1::integer::oid and objid = 'node'::regclass and granted
           and database = (select oid from pg_database where datname = current_database())",
        node.lock()
    )
    .fetch_all(connection)
    .await
    .map(drop)
}

async fn tenant(connection: &mut PgConnection, node: NodeId) -> sqlx::Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        r#"/*postgres*/ select expires_at < clock_timestamp() as "is_over!", group_no, address from node where id = $1"#,
        node.0
    )
    .fetch_optional(connection)
    .await
}

/// Takes the row, and gives its new epoch, unless another node lives that cannot be beside this one: one of the two is to be
/// alone, or they have different secrets. How the last run ended stays as it is: recovery reads it.
async fn register(connection: &mut PgConnection, place: &NodePlace) -> sqlx::Result<Result<i64, Occupant>> {
    sqlx::query("begin").execute(&mut *connection).await?;
    sqlx::query!(
        "/*postgres*/ select pg_advisory_xact_lock($1, 'node'::regclass::oid::integer)",
        STARTS_LOCK
    )
    .fetch_all(&mut *connection)
    .await?;
    let registered = match opponent(connection, place).await? {
        Some(occupant) => Err(occupant),
        None => Ok(take_row(connection, place).await?),
    };
    sqlx::query("commit").execute(connection).await?;
    Ok(registered)
}

async fn take_row(connection: &mut PgConnection, place: &NodePlace) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "/*postgres*/ insert into node (id, epoch, state, group_no, alive_at, expires_at, address, secret_fingerprint)
         values ($1, 1, 'active', 0, 0, clock_timestamp() + $2::float8 * interval '1 ms', $3, $4)
         on conflict (id) do update
         set epoch = node.epoch + 1, expires_at = excluded.expires_at, address = excluded.address,
             secret_fingerprint = excluded.secret_fingerprint
         returning epoch",
        place.node.0,
        LEASE.as_secs_f64() * 1_000.0,
        place.address,
        place.secret_fingerprint
    )
    .fetch_one(connection)
    .await
}

/// Lets a connection write as this epoch ([`rows.postgres.sql`](rows.postgres.sql)).
///
/// # Errors
/// If the database does not answer.
pub(super) async fn prepare(connection: &mut PgConnection, epoch: Epoch) -> sqlx::Result<()> {
    let script = include_str!("rows.postgres.sql")
        .replace("{node}", &epoch.node.to_string())
        .replace("{epoch}", &epoch.number.to_string())
        .replace("{lease}", &LEASE.as_millis().to_string());
    sqlx::raw_sql(AssertSqlSafe(script)).execute(connection).await?;
    Ok(())
}

/// Moves what numbers begin after, where the tables have larger ones than the next transaction would give, or readers have
/// `seen` larger ones: they came from another server.
///
/// # Errors
/// If another server has taken our place, or the database does not answer.
pub(super) async fn rebase(connection: &mut PgConnection, seen: i64) -> sqlx::Result<()> {
    begin_as(connection).await?;
    sqlx::query!(
        "/*postgres*/ update cluster set seq_base = missing.newest - (pg_current_xact_id()::text::bigint << 12)
         from (select greatest(max(seq), $1::bigint) as newest from event) as missing
         where seq_base + (pg_current_xact_id()::text::bigint << 12) < missing.newest",
        seen
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await.map(drop)
}

/// Whether no node of a smaller number lives: what one of them is to do, it does. A server that is alone is the first.
///
/// # Errors
/// If it cannot be read.
pub(super) async fn is_first(connection: &mut Connection) -> sqlx::Result<bool> {
    query!(
        connection,
        fetch_one scalar,
        sqlite: r#"select true as "is_first!: bool""#,
        postgres: r#"select not exists (
                         select from node
                         where id < current_setting('chatroom.node', true)::smallint and address is not null
                           and expires_at > clock_timestamp()) as "is_first!""#
    )
}

/// The number of the group that was committed last.
///
/// # Errors
/// If it cannot be read.
pub(super) async fn last_group(connection: &mut Connection) -> sqlx::Result<i64> {
    query!(
        connection,
        fetch_one scalar,
        sqlite: "select group_no from heartbeat where id = 1",
        postgres: "select group_no from node where id = current_setting('chatroom.node', true)::smallint"
    )
}
