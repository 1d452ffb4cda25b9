//! How a group of records is written: one statement, whose triggers ([`rows.sql`](rows.sql)) write what follows from each.
//!
//! A statement costs its way to the thread that owns the connection and back, many times what a row costs. So a group
//! is one: it begins, writes and commits by itself. Only groups of more rows, or with a [`Snapshot`], take some.

use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::Instant;

use super::event::Numbered;
use super::pace::{Pace, SMALL_GROUP};
use super::row::{COLUMNS, Row};
use super::snapshot;

use crate::model::time::Timestamp;
use crate::room::record::{Change, Record, Snapshot};

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

/// A connection that writes groups.
pub(super) async fn connect(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut connection = options.connect().await?;
    prepare(&mut connection).await?;
    Ok(connection)
}

/// Commits a group of that number, and that the server lived at that moment.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    group: &[Numbered],
    number: i64,
    at: Timestamp,
    pace: &mut Pace,
) -> sqlx::Result<()> {
    let is_plain = |numbered: &Numbered| !matches!(numbered.record.change, Change::Snapshot(_));
    if group.len() < MOST_ROWS && group.iter().all(is_plain) {
        let rows: Vec<_> = group.iter().map(Row::of).chain([Row::end(number, at)]).collect();
        return insert(connection, &rows).await;
    }
    let begun = Instant::now();
    sqlx::query("begin immediate").execute(&mut *connection).await?;
    for part in group.chunk_by(|one, other| is_plain(one) && is_plain(other)) {
        write(connection, part).await?;
    }
    insert(connection, &[Row::end(number, at)]).await?;
    let written = Instant::now();
    sqlx::query("commit").execute(connection).await?;
    pace.measure(group.len(), written - begun, written.elapsed());
    Ok(())
}

/// Writes records of which one is a snapshot only if it is alone.
async fn write(connection: &mut SqliteConnection, part: &[Numbered]) -> sqlx::Result<()> {
    if let [Numbered { record, .. }] = part
        && let Change::Snapshot(live) = &record.change
    {
        return repair(connection, record, live).await;
    }
    for some in part.chunks(MOST_ROWS) {
        insert(connection, &some.iter().map(Row::of).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

async fn repair(connection: &mut SqliteConnection, record: &Record, live: &Snapshot) -> sqlx::Result<()> {
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
