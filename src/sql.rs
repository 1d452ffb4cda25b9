//! Which database the history is in, and helpers of queries that the journal and the history share.
//!
//! A query has its words for each of the two beside each other ([`query`]), where one text does not do for both. Many values
//! for one parameter: either database reads them from a JSON list.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use sqlx::error::BoxDynError;
use sqlx::{
    Database as Driver, Decode, Encode, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Type,
};
use uuid::Uuid;

/// Something of one of the two databases that a history can be in.
#[derive(Debug, Clone)]
pub enum Database<S, P> {
    /// The embedded file.
    Sqlite(S),
    /// A server of PostgreSQL.
    Postgres(P),
}

/// A connection that may write.
pub(crate) type Connection = Database<SqliteConnection, PgConnection>;

/// Connections that only read.
pub(crate) type Reader = Database<SqlitePool, PgPool>;

impl<S: Display, P: Display> Display for Database<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => file.fmt(f),
            Self::Postgres(server) => server.fmt(f),
        }
    }
}

/// How PostgreSQL plans what connections ask: each statement once, whatever its values, and by an index. Every question here
/// finds its few rows along one, and says by its own words what to begin with, so a plan is as good in an empty database as
/// in one that nothing has counted since it grew. What the planner would weigh by its counts (to read a table as a whole, to
/// build a hash of it, to gather and sort what an index gives in order, to have several processes at it) is never better and
/// can be very much worse.
pub(crate) const PLANNER_SETTINGS: [(&str, &str); 7] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("max_parallel_workers_per_gather", "0"),
    // A plan that has to do without scans seems so dear that it would be compiled, which takes a hundred times as long as
    // what it does.
    ("jit", "off"),
];

impl From<SqlitePool> for Reader {
    fn from(pool: SqlitePool) -> Self {
        Self::Sqlite(pool)
    }
}

impl Reader {
    /// Waits until nobody reads any more, and lets nobody begin.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Connection {
    /// Runs a statement that every database knows by the same words, and that gives no rows.
    ///
    /// # Errors
    /// If the database does not do it.
    pub(crate) async fn run(&mut self, statement: &'static str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(connection) => sqlx::query(statement).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::query(statement).execute(connection).await.map(drop),
        }
    }
}

/// Asks whichever database it is, by a query that is checked against both when it is compiled.
///
/// `query!(connection, fetch_all as Row, "text", arguments…)` gives rows, with `fetch_one` and `fetch_optional` in its place
/// as with sqlx; `fetch_one scalar` gives a single column, and `execute` says how many rows have changed. The text is for
/// both, with `$1` for the first argument; where they differ it is `sqlite: "text", postgres: "text"`.
///
/// sqlx keeps what it knows of a query by its text, and so of which database it is: PostgreSQL's begin with a mark, by which
/// `.ci/prepare-queries` tells whose they are.
macro_rules! query_of_either {
    ($on:expr, execute, sqlite: $sqlite:literal $(+ $sqlite_more:literal)*, postgres: $postgres:literal $(+ $postgres_more:literal)* $(, $argument:expr)* $(,)?) => {
        match $on {
            $crate::sql::Database::Sqlite(on) => {
                let done = sqlx::query!($sqlite $(+ $sqlite_more)*, $($argument),*).execute(on).await;
                done.map(|done| done.rows_affected())
            }
            $crate::sql::Database::Postgres(on) => {
                let done = sqlx::query!("/*postgres*/ " + $postgres $(+ $postgres_more)*, $($argument),*).execute(on).await;
                done.map(|done| done.rows_affected())
            }
        }
    };
    ($on:expr, $fetch:ident scalar, sqlite: $sqlite:literal $(+ $sqlite_more:literal)*, postgres: $postgres:literal $(+ $postgres_more:literal)* $(, $argument:expr)* $(,)?) => {
        match $on {
            $crate::sql::Database::Sqlite(on) => sqlx::query_scalar!($sqlite $(+ $sqlite_more)*, $($argument),*).$fetch(on).await,
            $crate::sql::Database::Postgres(on) => {
                sqlx::query_scalar!("/*postgres*/ " + $postgres $(+ $postgres_more)*, $($argument),*).$fetch(on).await
            }
        }
    };
    (
        $on:expr, $fetch:ident as $row:ident, sqlite: $sqlite:literal $(+ $sqlite_more:literal)*, postgres: $postgres:literal $(+ $postgres_more:literal)*
        $(, $argument:expr)* $(,)?
    ) => {
        match $on {
            $crate::sql::Database::Sqlite(on) => sqlx::query_as!($row, $sqlite $(+ $sqlite_more)*, $($argument),*).$fetch(on).await,
            $crate::sql::Database::Postgres(on) => {
                sqlx::query_as!($row, "/*postgres*/ " + $postgres $(+ $postgres_more)*, $($argument),*).$fetch(on).await
            }
        }
    };
    ($on:expr, execute, $text:literal $(+ $text_more:literal)* $(, $argument:expr)* $(,)?) => {
        $crate::sql::query!($on, execute, sqlite: $text $(+ $text_more)*, postgres: $text $(+ $text_more)* $(, $argument)*)
    };
    ($on:expr, $fetch:ident scalar, $text:literal $(+ $text_more:literal)* $(, $argument:expr)* $(,)?) => {
        $crate::sql::query!($on, $fetch scalar, sqlite: $text $(+ $text_more)*, postgres: $text $(+ $text_more)* $(, $argument)*)
    };
    ($on:expr, $fetch:ident as $row:ident, $text:literal $(+ $text_more:literal)* $(, $argument:expr)* $(,)?) => {
        $crate::sql::query!($on, $fetch as $row, sqlite: $text $(+ $text_more)*, postgres: $text $(+ $text_more)* $(, $argument)*)
    };
}
pub(crate) use query_of_either as query;

/// What a client has worded itself and nobody compares. It may hold NUL, which PostgreSQL's text does not: there it is bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub(crate) struct ClientText<T>(pub(crate) T);

impl<T> Type<Sqlite> for ClientText<T> {
    fn type_info() -> <Sqlite as Driver>::TypeInfo {
        <str as Type<Sqlite>>::type_info()
    }

    fn compatible(info: &<Sqlite as Driver>::TypeInfo) -> bool {
        <str as Type<Sqlite>>::compatible(info)
    }
}

impl<T> Type<Postgres> for ClientText<T> {
    fn type_info() -> <Postgres as Driver>::TypeInfo {
        <[u8] as Type<Postgres>>::type_info()
    }

    fn compatible(info: &<Postgres as Driver>::TypeInfo) -> bool {
        <[u8] as Type<Postgres>>::compatible(info)
    }
}

impl<'r> Decode<'r, Sqlite> for ClientText<String> {
    fn decode(value: <Sqlite as Driver>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        <String as Decode<'r, Sqlite>>::decode(value).map(Self)
    }
}

impl<'r> Decode<'r, Postgres> for ClientText<String> {
    fn decode(value: <Postgres as Driver>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let bytes = <Vec<u8> as Decode<'r, Postgres>>::decode(value)?;
        Ok(Self(String::from_utf8(bytes)?))
    }
}

impl<'q> Encode<'q, Sqlite> for ClientText<&'q str> {
    fn encode_by_ref(
        &self,
        buffer: &mut <Sqlite as Driver>::ArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, BoxDynError> {
        <&str as Encode<'q, Sqlite>>::encode_by_ref(&self.0, buffer)
    }
}

impl<'q> Encode<'q, Postgres> for ClientText<&'q str> {
    fn encode_by_ref(
        &self,
        buffer: &mut <Postgres as Driver>::ArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, BoxDynError> {
        <&[u8] as Encode<'q, Postgres>>::encode_by_ref(&self.0.as_bytes(), buffer)
    }
}

/// Rows or ids, as either database reads a list.
///
/// # Errors
/// If they cannot be written as JSON.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Ids in hexadecimal, which SQLite's `unhex` turns into the blobs that its tables keep, and PostgreSQL reads as they are.
///
/// # Errors
/// If they cannot be written as JSON.
pub(crate) fn ids(ids: impl Iterator<Item = Uuid>) -> sqlx::Result<String> {
    json(&ids.map(Uuid::simple).collect::<Vec<_>>())
}

/// A row that this server would not have written.
pub(crate) fn damaged(why: impl Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored row is damaged: {why}").into())
}
