//! The tables that both databases have, so that rows go from one into the other: by JSON, which either makes and reads by
//! itself, many rows at a time.

use std::fmt::Write;

use futures_util::{Stream, TryStreamExt};
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};

/// How a column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 16 bytes, or a `uuid`.
    Id,
    /// Bytes in both.
    Bytes,
    /// What clients word themselves, which may hold NUL: text, or `bytea`.
    ClientText,
    /// Text in both.
    Text,
    /// A whole number in both.
    Number,
    /// 0 or 1, or a `boolean`.
    Flag,
}

use Kind::{Bytes, ClientText, Flag, Id, Number, Text};

/// A table of the history.
#[derive(Debug)]
pub(crate) struct Table {
    /// What both call it.
    pub(crate) name: &'static str,
    columns: &'static [(&'static str, Kind)],
    /// In which order its rows are copied: the same each time.
    order: &'static str,
    /// Its first column, where that is a number which the database gives by itself.
    pub(crate) is_numbered: bool,
    /// Whether a fresh database has rows of its own, in whose place these come.
    pub(crate) replaces: bool,
}

const fn table(name: &'static str, order: &'static str, columns: &'static [(&'static str, Kind)]) -> Table {
    Table {
        name,
        columns,
        order,
        is_numbered: false,
        replaces: false,
    }
}

/// All of them, but for who writes (`heartbeat`, and `node` with `cluster` and `room`), which is not alike. Those that others refer to
/// come first.
pub(crate) const TABLES: [Table; 13] = [
    table(
        "session",
        "id",
        &[
            ("id", Id),
            ("room", Text),
            ("started_at", Number),
            ("ended_at", Number),
            ("peak_participants", Number),
            ("participant_count", Number),
            ("reconnect_count", Number),
            ("error_count", Number),
        ],
    ),
    table(
        "session_glance",
        "session_id",
        &[("session_id", Id), ("form", Number), ("glance", Text)],
    ),
    table(
        "participant",
        "id",
        &[
            ("id", Id),
            ("session_id", Id),
            ("username", Text),
            ("joined_at", Number),
            ("left_at", Number),
            ("leave_reason", Text),
            ("reconnect_count", Number),
        ],
    ),
    table(
        "connection",
        "session_id, participant_id, id",
        &[
            ("session_id", Id),
            ("participant_id", Id),
            ("id", Id),
            ("connected_at", Number),
            ("disconnected_at", Number),
            ("opened_by", Text),
            ("closed_by", Text),
            ("away_until", Number),
        ],
    ),
    table(
        "event",
        "seq",
        &[
            ("seq", Number),
            ("at", Number),
            ("session_id", Id),
            ("participant_id", Id),
            ("kind", Text),
            ("detail", Text),
        ],
    ),
    table(
        "link",
        "session_id, id",
        &[
            ("session_id", Id),
            ("id", Id),
            ("offerer_id", Id),
            ("answerer_id", Id),
            ("stream_type", ClientText),
            ("offered_at", Number),
            ("answered_at", Number),
            ("offerer_candidates", Number),
            ("answerer_candidates", Number),
            ("renegotiations", Number),
            ("closed_at", Number),
            ("closed_by", Text),
            ("offerer_state", Text),
            ("offerer_state_at", Number),
            ("offerer_path", Text),
            ("answerer_state", Text),
            ("answerer_state_at", Number),
            ("answerer_path", Text),
            ("connected_at", Number),
        ],
    ),
    table(
        "member",
        "id",
        &[
            ("id", Id),
            ("session_id", Id),
            ("participant_id", Id),
            ("connection_id", Id),
            ("client_key", Bytes),
            ("position", Number),
            ("joined_at", Number),
            ("away_since", Number),
            ("away_until", Number),
            ("overflowed", Flag),
            ("stopped_by", Text),
        ],
    ),
    table(
        "live_link",
        "session_id, link_id",
        &[
            ("session_id", Id),
            ("link_id", Id),
            ("offerer_member", Id),
            ("offerer_connector", ClientText),
            ("answerer_member", Id),
            ("answerer_connector", ClientText),
        ],
    ),
    Table {
        is_numbered: true,
        ..table(
            "owed_leave",
            "id",
            &[
                ("id", Number),
                ("member_id", Id),
                ("connector", ClientText),
                ("leaver", Id),
            ],
        )
    },
    Table {
        is_numbered: true,
        ..table(
            "gone_member",
            "id",
            &[("id", Number), ("session_id", Id), ("member_id", Id)],
        )
    },
    Table {
        replaces: true,
        ..table("review_secret", "id", &[("id", Number), ("salt", Bytes)])
    },
    table("review_sign_out", "id", &[("id", Id), ("expires_at", Number)]),
    table(
        "review_link",
        "id",
        &[
            ("id", Id),
            ("session_id", Id),
            ("room", Text),
            ("name", Text),
            ("made_at", Number),
            ("expires_at", Number),
            ("key_mark", Number),
        ],
    ),
];

impl Table {
    fn names(&self) -> String {
        list(self.columns.iter().map(|(name, _)| (*name).to_owned()))
    }

    fn count(&self) -> String {
        format!("select count(*) from {}", self.name)
    }

    /// How many rows a file has.
    pub(crate) async fn count_in_sqlite(&self, file: &mut SqliteConnection) -> sqlx::Result<u64> {
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(self.count())).fetch_one(file).await?;
        Ok(u64::try_from(rows).unwrap_or_default())
    }

    /// How many rows a server has.
    pub(crate) async fn count_in_postgres(&self, server: &mut PgConnection) -> sqlx::Result<u64> {
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(self.count()))
            .fetch_one(server)
            .await?;
        Ok(u64::try_from(rows).unwrap_or_default())
    }

    /// SQLite's statement that reads each row as an object of JSON, as PostgreSQL takes it, after so many rows.
    pub(crate) fn read_from_sqlite(&self) -> String {
        let values = self.columns.iter().map(|(name, kind)| match kind {
            Id => format!("'{name}', iif({name} is null, null, hex({name}))"),
            Bytes | ClientText => format!(r"'{name}', '\x' || iif({name} is null, null, hex({name}))"),
            Text | Number | Flag => format!("'{name}', {name}"),
        });
        let (name, order, values) = (self.name, self.order, list(values));
        format!("select json_object({values}) from {name} order by {order} limit -1 offset ?")
    }

    /// PostgreSQL's statement that writes a list of such objects.
    pub(crate) fn write_to_postgres(&self) -> String {
        let types = self.columns.iter().map(|(name, kind)| {
            let kind = match kind {
                Id => "uuid",
                Bytes | ClientText => "bytea",
                Text => "text",
                Number => "bigint",
                Flag => "boolean",
            };
            format!("{name} {kind}")
        });
        let (name, names, types) = (self.name, self.names(), list(types));
        let system = if self.is_numbered {
            "overriding system value "
        } else {
            ""
        };
        format!("insert into {name} ({names}) {system}select {names} from json_to_recordset($1::json) as r ({types})")
    }

    /// PostgreSQL's query that gives each row as a list of JSON, as SQLite takes it.
    pub(crate) fn read_from_postgres(&self) -> String {
        let values = self.columns.iter().map(|(name, kind)| match kind {
            Id => format!("encode(uuid_send({name}), 'hex')"),
            Bytes | ClientText => format!("encode({name}, 'hex')"),
            Flag => format!("{name}::integer"),
            Text | Number => (*name).to_owned(),
        });
        let (name, order, values) = (self.name, self.order, list(values));
        format!("select json_build_array({values})::text from {name} order by {order}")
    }

    /// SQLite's statement that writes a list of such lists.
    pub(crate) fn write_to_sqlite(&self) -> String {
        let values = self.columns.iter().enumerate().map(|(place, (_, kind))| match kind {
            Id | Bytes => format!("unhex(value ->> {place})"),
            ClientText => format!("cast(unhex(value ->> {place}) as text)"),
            Text | Number | Flag => format!("value ->> {place}"),
        });
        let (name, names, values) = (self.name, self.names(), list(values));
        format!("insert into {name} ({names}) select {values} from json_each(?)")
    }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Gives rows to `write` as lists of JSON, each with how many are in it, as many at a time as are worth a statement.
///
/// # Errors
/// Of the rows, and of `write`.
pub(crate) async fn in_batches(
    mut rows: impl Stream<Item = sqlx::Result<String>> + Unpin,
    mut write: impl AsyncFnMut(u64, String) -> sqlx::Result<()>,
) -> sqlx::Result<()> {
    let mut batch = Batch::default();
    while let Some(row) = rows.try_next().await? {
        batch.push(&row);
        if batch.is_full() {
            let (rows, list) = batch.take();
            write(rows, list).await?;
        }
    }
    let (rows, list) = batch.take();
    write(rows, list).await
}

/// Rows as JSON, gathered until they are worth a statement.
#[derive(Debug, Default)]
struct Batch {
    list: String,
    rows: u64,
}

/// A statement's way to a server and back is less than what it does then.
const WORTHWHILE: usize = 1 << 20;
/// So that who interrupts it loses little, and who waits for it sees it move.
const MOST_ROWS: u64 = 5_000;

impl Batch {
    /// Adds a row.
    fn push(&mut self, row: &str) {
        let separator = if self.rows == 0 { '[' } else { ',' };
        // Writing to a text does not fail.
        let _ = write!(self.list, "{separator}{row}");
        self.rows += 1;
    }

    /// Whether it is to be written.
    fn is_full(&self) -> bool {
        self.rows >= MOST_ROWS || self.list.len() >= WORTHWHILE
    }

    /// How many rows there are, and their list; it is empty then.
    fn take(&mut self) -> (u64, String) {
        let Self { mut list, rows } = std::mem::take(self);
        list.push_str(if rows == 0 { "[]" } else { "]" });
        (rows, list)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sqlx::{ConnectOptions, Connection, SqliteConnection};

    use super::*;

    /// A column that a migration adds and that is missing here would be lost on the way.
    #[tokio::test]
    async fn every_column_is_known() {
        let mut file = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::migrate!("./migrations").run(&mut file).await.unwrap();
        let sql = "select tables.name || '.' || columns.name from sqlite_schema as tables, pragma_table_info(tables.name) as columns
            where tables.type = 'table' and tables.name not like 'sqlite_%' and tables.name not in ('_sqlx_migrations', 'heartbeat')";
        let there: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut file).await.unwrap();
        let postgres = chatroom_testkit::Postgres::shared().empty_database().await;
        let mut server = postgres.connect().await.unwrap();
        sqlx::migrate!("./migrations/postgres").run(&mut server).await.unwrap();
        let sql = "select table_name || '.' || column_name from information_schema.columns
            where table_schema = 'public' and table_name not in ('_sqlx_migrations', 'node', 'cluster', 'room', 'recovering')";
        let in_postgres: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut server).await.unwrap();
        let of = |table: &Table| {
            let names = table.columns.iter().map(|(name, _)| format!("{}.{name}", table.name));
            names.collect::<Vec<_>>()
        };
        let known: BTreeSet<String> = TABLES.iter().flat_map(of).collect();
        assert_eq!(known, there.into_iter().collect());
        assert_eq!(known, in_postgres.into_iter().collect());
    }

    #[test]
    fn rows_are_gathered_into_a_list() {
        let mut batch = Batch::default();
        assert_eq!(batch.take(), (0, "[]".to_owned()));
        for row in ["[1]", "[2]"] {
            batch.push(row);
        }
        assert!(!batch.is_full());
        assert_eq!(batch.take(), (2, "[[1],[2]]".to_owned()));
        assert_eq!(batch.take().0, 0);
    }
}
