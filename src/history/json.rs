//! Many small rows as one value: SQLite puts them into a JSON list, and its threads hand over one row instead of thousands.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use crate::model::time::Timestamp;

/// A moment as the tables keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Millis(pub(super) i64);

impl From<Millis> for Timestamp {
    fn from(Millis(ms): Millis) -> Self {
        Self(ms)
    }
}

/// Reads a list of lists, each with the fields of a `T` in their order.
///
/// # Errors
/// If the query does not give that.
pub(super) fn from_json<T: DeserializeOwned>(list: &str) -> Result<Vec<T>, Error> {
    serde_json::from_str(list).map_err(|error| sqlx::Error::Decode(error.into()).into())
}
