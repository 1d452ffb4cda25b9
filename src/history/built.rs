//! A query of which it is known only when it is asked what it is made of.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Encode, FromRow, Pool, Postgres, QueryBuilder, Sqlite, Type};

use crate::sql::{Database, Reader};

/// Its words and values so far, and whom to ask.
type Asked<'r, D> = (QueryBuilder<D>, &'r Pool<D>);

pub(super) struct BuiltQuery<'r>(Database<Asked<'r, Sqlite>, Asked<'r, Postgres>>);

impl<'r> BuiltQuery<'r> {
    pub(super) fn new(reader: &'r Reader, begin: &str) -> Self {
        Self(match reader {
            Database::Sqlite(pool) => Database::Sqlite((QueryBuilder::new(begin), pool)),
            Database::Postgres(pool) => Database::Postgres((QueryBuilder::new(begin), pool)),
        })
    }

    /// Words that both know.
    pub(super) fn push(&mut self, words: impl AsRef<str>) -> &mut Self {
        self.push_for_sqlite(words.as_ref()).push_for_postgres(words.as_ref())
    }

    pub(super) fn push_for_sqlite(&mut self, words: &str) -> &mut Self {
        if let Database::Sqlite((query, _)) = &mut self.0 {
            query.push(words);
        }
        self
    }

    pub(super) fn push_for_postgres(&mut self, words: &str) -> &mut Self {
        if let Database::Postgres((query, _)) = &mut self.0 {
            query.push(words);
        }
        self
    }

    /// A value.
    pub(super) fn bind<T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'static, Sqlite> + Type<Sqlite> + Encode<'static, Postgres> + Type<Postgres>,
    {
        match &mut self.0 {
            Database::Sqlite((query, _)) => {
                query.push_bind(value);
            }
            Database::Postgres((query, _)) => {
                query.push_bind(value);
            }
        }
        self
    }

    /// All its words.
    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        match &self.0 {
            Database::Sqlite((query, _)) => query.sql().as_str().to_owned(),
            Database::Postgres((query, _)) => query.sql().as_str().to_owned(),
        }
    }

    pub(super) async fn fetch_all<R>(self) -> sqlx::Result<Vec<R>>
    where
        R: for<'w> FromRow<'w, SqliteRow> + for<'w> FromRow<'w, PgRow> + Send + Unpin,
    {
        match self.0 {
            Database::Sqlite((mut query, pool)) => query.build_query_as().fetch_all(pool).await,
            Database::Postgres((mut query, pool)) => query.build_query_as().fetch_all(pool).await,
        }
    }

    pub(super) async fn fetch_optional<R>(self) -> sqlx::Result<Option<R>>
    where
        R: for<'w> FromRow<'w, SqliteRow> + for<'w> FromRow<'w, PgRow> + Send + Unpin,
    {
        match self.0 {
            Database::Sqlite((mut query, pool)) => query.build_query_as().fetch_optional(pool).await,
            Database::Postgres((mut query, pool)) => query.build_query_as().fetch_optional(pool).await,
        }
    }
}
