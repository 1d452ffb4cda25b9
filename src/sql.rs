//! Helpers of queries that the journal and the history share. Many values for one parameter of a query: SQLite reads them
//! from a JSON list.

use std::fmt::Display;

use serde::Serialize;
use uuid::Uuid;

/// Rows or ids, as `json_each` and `jsonb_each` read them.
///
/// # Errors
/// If they cannot be written as JSON.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Ids in hexadecimal, which `unhex` turns into the blobs that the tables keep.
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
