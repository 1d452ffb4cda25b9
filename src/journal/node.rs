//! Whose a database is, where that is a server: one chatroom-server holds its place in it by a lease.
//!
//! The lock of the file's side is the database's own here: PostgreSQL gives it back when the connection that holds it ends,
//! so a server that was killed is followed at once. One whose machine is gone holds it until its lease is over; then whoever
//! starts takes the place, and from that moment nothing of the other is written any more, whatever it still tries.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::{Instant, sleep};

use crate::sql::{Connection, Database, query};

/// The only place there is.
const NODE: i16 = 1;
/// How long nobody else takes the place of one that wrote, if its connection still stands.
const LEASE: Duration = Duration::from_secs(8);
/// The lock on the place, with the table that the place is a row of: one database may have several histories.
const LOCK: i32 = 0x4368_5253;
const ASKED_EVERY: Duration = Duration::from_millis(100);
/// How much longer than a lease a start waits for the place.
const SLACK: Duration = Duration::from_secs(2);

/// The most entries of the journal that one transaction writes: their numbers are made of its own.
pub(super) const MOST_ENTRIES: i64 = 4_095;

/// What a connection writes as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(i64);

/// Whether somebody else has the place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is ours now.
    Taken(Epoch),
    /// Another server lives there.
    Occupied,
}

struct Tenant {
    is_over: bool,
    group_no: i64,
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
pub(super) async fn take_place(connection: &mut PgConnection) -> sqlx::Result<Place> {
    let give_up_at = Instant::now() + LEASE + SLACK;
    let mut groups = tenant(connection).await?.map(|tenant| tenant.group_no);
    let mut written = 0;
    while !lock(connection).await? {
        let now = tenant(connection).await?;
        if now.as_ref().is_some_and(|now| now.is_over) {
            // Its machine is gone, or it hangs: what it may still send is refused from now on, as the place has a new epoch.
            end_holder(connection).await?;
        }
        let now = now.map(|now| now.group_no);
        written += u32::from(now != groups);
        groups = now;
        // What was under way when it was killed may still be done, once.
        if written > 1 || Instant::now() > give_up_at {
            return Ok(Place::Occupied);
        }
        sleep(ASKED_EVERY).await;
    }
    register(connection).await.map(Place::Taken)
}

/// Takes the lock again for a connection that follows one that broke: the database may not have noticed that yet.
///
/// # Errors
/// If another server has taken the place, or the database does not answer.
pub(super) async fn follow(connection: &mut PgConnection, epoch: Epoch) -> sqlx::Result<()> {
    loop {
        let is_ours = sqlx::query_scalar!(
            r#"/*postgres*/ select exists (select from node where id = $1 and epoch = $2) as "is_ours!""#,
            NODE,
            epoch.0
        );
        if !is_ours.fetch_one(&mut *connection).await? {
            return Err(sqlx::Error::Protocol(
                "another chatroom-server has taken this database".to_owned(),
            ));
        }
        if lock(connection).await? {
            return Ok(());
        }
        end_holder(connection).await?;
        sleep(ASKED_EVERY).await;
    }
}

async fn lock(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"/*postgres*/ select pg_try_advisory_lock($1, 'node'::regclass::oid::integer) as "is_ours!""#,
        LOCK
    )
    .fetch_one(connection)
    .await
}

/// Ends the connection that has the lock.
async fn end_holder(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!(
        "/*postgres*/ select pg_terminate_backend(pid) from pg_locks
         where locktype = 'advisory' and classid = $1::integer::oid and objid = 'node'::regclass and granted
           and database = (select oid from pg_database where datname = current_database())",
        LOCK
    )
    .fetch_all(connection)
    .await
    .map(drop)
}

async fn tenant(connection: &mut PgConnection) -> sqlx::Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        r#"/*postgres*/ select expires_at < clock_timestamp() as "is_over!", group_no from node where id = $1"#,
        NODE
    )
    .fetch_optional(connection)
    .await
}

/// How the last run ended stays as it is: recovery reads it.
async fn register(connection: &mut PgConnection) -> sqlx::Result<Epoch> {
    sqlx::query_scalar!(
        "/*postgres*/ insert into node (id, epoch, state, group_no, alive_at, expires_at)
         values ($1, 1, 'active', 0, 0, clock_timestamp() + $2::float8 * interval '1 ms')
         on conflict (id) do update set epoch = node.epoch + 1, expires_at = excluded.expires_at
         returning epoch",
        NODE,
        LEASE.as_secs_f64() * 1_000.0
    )
    .fetch_one(connection)
    .await
    .map(Epoch)
}

/// Lets a connection write as this epoch ([`rows.postgres.sql`](rows.postgres.sql)).
///
/// # Errors
/// If the database does not answer.
pub(super) async fn prepare(connection: &mut PgConnection, epoch: Epoch) -> sqlx::Result<()> {
    let script = include_str!("rows.postgres.sql")
        .replace("{node}", &NODE.to_string())
        .replace("{epoch}", &epoch.0.to_string())
        .replace("{lease}", &LEASE.as_millis().to_string());
    sqlx::raw_sql(AssertSqlSafe(script)).execute(connection).await?;
    Ok(())
}

/// Moves what numbers begin after, where the tables have larger ones than the next transaction would give: they came from
/// another server.
///
/// # Errors
/// If another server has taken our place, or the database does not answer.
pub(super) async fn rebase(connection: &mut PgConnection) -> sqlx::Result<()> {
    begin_as(connection).await?;
    sqlx::query!(
        "/*postgres*/ update cluster set seq_base = missing.newest - (pg_current_xact_id()::text::bigint << 12)
         from (select coalesce(max(seq), 0) as newest from event) as missing
         where seq_base + (pg_current_xact_id()::text::bigint << 12) < missing.newest"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("commit").execute(connection).await.map(drop)
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
        postgres: "select group_no from node where id = 1"
    )
}
