//! How a group of records is written: one statement, whose triggers ([`rows.sql`](rows.sql)) or function
//! ([`rows.postgres.sql`](rows.postgres.sql)) write what follows from each.
//!
//! A statement costs its way to the thread that owns the connection and back, many times what a row costs. So a group
//! is one: it begins, writes and commits by itself. Only groups of more rows, or with a [`Snapshot`], take some.

use std::sync::OnceLock;

use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};
use tokio::time::Instant;

use super::event::Numbered;
use super::pace::{Pace, SMALL_GROUP};
use super::row::{COLUMNS, Row};
use super::snapshot;
use super::steps::Steps;

use crate::model::time::Timestamp;
use crate::room::record::{Change, Record, Snapshot};
use crate::sql::{Connection, Database, query};

/// The most rows of one statement: a small group's, and its end.
const MOST_ROWS: usize = SMALL_GROUP + 1;

/// Up to so many rows each number has a statement of its own; above it, powers of two. What is not bound is null, and a
/// row without a kind means nothing, but SQLite asks each trigger about it.
const EXACT: usize = 64;

/// By their rows.
static STATEMENTS: [OnceLock<String>; MOST_ROWS + 1] = [const { OnceLock::new() }; MOST_ROWS + 1];

/// Into which rows are inserted, and which of the rows of the first go on to the others.
const VIEWS: [(&str, Option<&str>); 3] = [
    ("record", None),
    ("link_record", Some("new.link is not null")),
    (
        "other_record",
        Some("new.link is null and new.kind <> 'joined' and new.kind <> 'left' and new.kind <> 'group'"),
    ),
];

/// Lets a connection write groups.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let script: String = VIEWS.iter().map(|(view, rows)| view_of(view, *rows)).collect();
    sqlx::raw_sql(AssertSqlSafe(script + include_str!("rows.sql")))
        .execute(connection)
        .await?;
    Ok(())
}

/// A view of all columns, and what passes its rows on to it.
fn view_of(view: &str, rows: Option<&str>) -> String {
    let columns = |before: &str| COLUMNS.map(|column| format!("{before}{column}")).join(", ");
    let passes_on = rows.map_or_else(String::new, |rows| {
        format!(
            "create temp trigger to_{view} instead of insert on record when {rows} begin
                 insert into {view} values ({});
             end;",
            columns("new.")
        )
    });
    format!("create temp view {view} as select {};{passes_on}", columns("null as "))
}

/// Commits a group of that number, and that the server lived at that moment. Gives the number of the last entry of the journal
/// among them, if there is one.
pub(super) async fn commit(
    connection: &mut Connection,
    group: &[Numbered],
    number: i64,
    at: Timestamp,
    pace: &mut Pace,
) -> sqlx::Result<Option<i64>> {
    match connection {
        Database::Sqlite(on) if group.len() < MOST_ROWS && group.iter().all(is_plain) => {
            let rows: Vec<_> = group.iter().map(Row::of).chain([Row::end(number, at)]).collect();
            insert(on, &rows).await?;
            Ok(last_seq(group))
        }
        Database::Postgres(on) if group.iter().all(is_plain) => commit_rows(on, group, number, at).await,
        Database::Sqlite(_) | Database::Postgres(_) => commit_in_parts(connection, group, number, at, pace).await,
    }
}

async fn commit_in_parts(
    connection: &mut Connection,
    group: &[Numbered],
    number: i64,
    at: Timestamp,
    pace: &mut Pace,
) -> sqlx::Result<Option<i64>> {
    let begun = Instant::now();
    let Some(mut entries) = begin(connection, number, at).await? else {
        connection.run("rollback").await?;
        return newest_seq(connection).await;
    };
    for part in group.chunk_by(|one, other| is_plain(one) && is_plain(other)) {
        write(connection, part, &mut entries).await?;
    }
    if let Database::Sqlite(on) = connection {
        insert(on, &[Row::end(number, at)]).await?;
    }
    let written = Instant::now();
    connection.run("commit").await?;
    pace.measure(group.len(), written - begun, written.elapsed());
    Ok(match connection {
        Database::Sqlite(_) => last_seq(group),
        Database::Postgres(_) => (entries.written > 0).then_some(entries.base + entries.written),
    })
}

/// One call of the database, as with the file.
async fn commit_rows(
    connection: &mut PgConnection,
    group: &[Numbered],
    number: i64,
    at: Timestamp,
) -> sqlx::Result<Option<i64>> {
    let rows: Vec<_> = group.iter().map(Row::of).collect();
    let steps = if rows.iter().any(Row::moves_calendar) {
        Steps::in_order(&rows)
    } else {
        Steps::of(&rows)
    };
    let last = match write_steps(connection, GROUP, (number, at.0), &steps).await {
        Err(error) if must_be_in_order(&error) => {
            write_steps(connection, GROUP, (number, at.0), &Steps::in_order(&rows)).await?
        }
        last => last?,
    };
    Ok(last.filter(|_| last_seq(group).is_some()))
}

fn must_be_in_order(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).as_deref() == Some("CR001")
}

fn is_plain(numbered: &Numbered) -> bool {
    !matches!(numbered.record.change, Change::Snapshot(_))
}

fn last_seq(group: &[Numbered]) -> Option<i64> {
    group.iter().rev().find_map(|numbered| numbered.seq)
}

/// Begins the transaction of a group. Gives what the numbers of its entries begin after, if they have none yet; nothing if the
/// group is written already.
async fn begin(connection: &mut Connection, number: i64, at: Timestamp) -> sqlx::Result<Option<Entries>> {
    match connection {
        Database::Sqlite(connection) => {
            sqlx::query("begin immediate").execute(connection).await?;
            Ok(Some(Entries::default()))
        }
        Database::Postgres(connection) => {
            sqlx::query("begin").execute(&mut *connection).await?;
            let base: Option<i64> = sqlx::query_scalar("select pg_temp.begin_group($1, $2)")
                .bind(number)
                .bind(at.0)
                .fetch_one(connection)
                .await?;
            Ok(base.map(|base| Entries { base, written: 0 }))
        }
    }
}

/// Writes records of which one is a snapshot only if it is alone.
async fn write(connection: &mut Connection, part: &[Numbered], entries: &mut Entries) -> sqlx::Result<()> {
    if let [Numbered { record, .. }] = part
        && let Change::Snapshot(live) = &record.change
    {
        return repair(connection, record, live).await;
    }
    for some in part.chunks(MOST_ROWS) {
        let rows: Vec<_> = some.iter().map(Row::of).collect();
        match connection {
            Database::Sqlite(on) => insert(on, &rows).await?,
            Database::Postgres(on) => entries.insert(on, &rows).await?,
        }
    }
    Ok(())
}

/// The entries of the journal that a transaction of PostgreSQL has written: their numbers are made of its own.
#[derive(Default)]
struct Entries {
    base: i64,
    written: i64,
}

impl Entries {
    /// Beside snapshots, rows stay in their order: what those repair is told by rows before and after.
    async fn insert(&mut self, connection: &mut PgConnection, rows: &[Row<'_>]) -> sqlx::Result<()> {
        let steps = Steps::in_order(rows);
        let last = write_steps(connection, PART, (self.base, self.written), &steps).await?;
        self.written = last.map_or(self.written, |last| last - self.base);
        Ok(())
    }
}

macro_rules! write_rows_after {
    ($base:literal $(, $from:literal)?) => {
        concat!(
            "select pg_temp.write_rows(",
            $base,
            ", $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)",
            $($from)?
        )
    };
}

/// A group of that number, at that moment. No row if it is written already.
const GROUP: &str = write_rows_after!(
    "base",
    " from (select pg_temp.begin_group($1, $2) as base offset 0) as begun where base is not null"
);

/// A part of a group that has begun, after as many entries as are written.
const PART: &str = write_rows_after!("$1 + $2");

/// Gives the number of the last entry.
async fn write_steps(
    connection: &mut PgConnection,
    sql: &'static str,
    (first, second): (i64, i64),
    steps: &Steps<'_>,
) -> sqlx::Result<Option<i64>> {
    let Steps { rows, entries, .. } = steps;
    sqlx::query_scalar(sql)
        .bind(first)
        .bind(second)
        .bind(steps.is_in_order)
        .bind(&steps.kinds)
        .bind(&steps.last_rows)
        .bind(&steps.last_entries)
        .bind(&entries.ats)
        .bind(&entries.sessions)
        .bind(&entries.participants)
        .bind(&entries.kinds)
        .bind(&entries.details)
        .bind(&rows.ats)
        .bind(&rows.sessions)
        .bind(&rows.participants)
        .bind(&rows.members)
        .bind(&rows.connections)
        .bind(&rows.previous_ones)
        .bind(&rows.links)
        .bind(&rows.peers)
        .bind(&rows.peer_members)
        .bind(&rows.client_keys)
        .bind(&rows.names)
        .bind(&rows.connectors)
        .bind(&rows.streams)
        .bind(&rows.reasons)
        .bind(&rows.untils)
        .bind(&rows.positions)
        .bind(&rows.counts)
        .bind(&rows.details)
        .fetch_optional(connection)
        .await
}

/// The number of the journal's last entry, if there is one.
pub(super) async fn newest_seq(connection: &mut Connection) -> sqlx::Result<Option<i64>> {
    query!(
        connection,
        fetch_one scalar,
        sqlite: r#"select max(seq) as "seq: i64" from event"#,
        postgres: r#"select max(seq) as seq from event"#
    )
}

async fn repair(connection: &mut Connection, record: &Record, live: &Snapshot) -> sqlx::Result<()> {
    match record.session {
        Some(session) => snapshot::write(connection, session, live, record.at).await,
        None => snapshot::end_others(connection, None, &live.room, record.at).await,
    }
}

async fn insert(connection: &mut SqliteConnection, rows: &[Row<'_>]) -> sqlx::Result<()> {
    let size = if rows.len() <= EXACT {
        rows.len()
    } else {
        rows.len().next_power_of_two()
    };
    let query = sqlx::query(STATEMENTS[size].get_or_init(|| statement(size)).as_str());
    let query = rows.iter().fold(query, |query, row| row.bind(query));
    query.execute(connection).await?;
    Ok(())
}

fn statement(rows: usize) -> String {
    let columns = COLUMNS.join(", ");
    let row = format!("({})", ["?"; COLUMNS.len()].join(", "));
    format!("insert into record ({columns}) values {}", vec![row; rows].join(", "))
}
