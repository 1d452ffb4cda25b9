//! The way back: what the journal wrote, as numbers and facts. Nothing else reads with SQL, and nothing here writes. What
//! people read of it is the review's to say.
//!
//! Every query runs along an index and reads a bounded page, whole, before anything is answered: a slow reader never
//! holds a snapshot of the database.

pub mod attendance;
pub mod attendants;
mod built;
mod column;
pub mod events;
pub mod feed;
#[cfg(test)]
pub(crate) mod fixture;
pub mod glance;
pub mod intervals;
mod json;
pub mod kept_glance;
mod linked_pairs;
pub mod links;
pub mod loss;
pub mod names;
pub mod outages;
pub mod page;
pub mod pair;
mod pairs;
pub mod people;
mod people_rows;
pub mod person;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod plans_of_postgres;
pub mod refusals;
pub mod review_links;
pub mod rooms;
pub mod sessions;
pub mod timeline;
mod unconnected;

use crate::sql::Reader;

/// The past and the present as the tables hold them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct History {
    /// The database, or a replica that may be behind it by a moment.
    reader: Reader,
    /// The database itself.
    current: Reader,
}

/// Why the history could not be read. For the log, not for clients.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer.
    #[error("the history cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// An event's detail is not JSON.
    #[error("event {seq} has a damaged detail: {source}")]
    Detail {
        /// Which event.
        seq: i64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Error {
    /// Whether the database did not answer, or not in time, whatever it was asked.
    pub fn is_of_the_connection(&self) -> bool {
        let Self::Database(error) = self else { return false };
        let code = error.as_database_error().and_then(|error| error.code());
        let is_broken = matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed
        );
        // Classes 08 and 57 of SQLSTATE: a connection that broke, a statement that took too long, a server that stops.
        // 40001 of who only reads: a replica had to remove what was being read.
        is_broken
            || code.is_some_and(|code| {
                code.len() == 5 && (code.starts_with("08") || code.starts_with("57") || code == "40001")
            })
    }
}

impl History {
    /// Reads through `reader`, a pool of read-only connections.
    pub fn new(reader: Reader) -> Self {
        let current = reader.clone();
        Self { reader, current }
    }

    /// The same, read from a replica that may be behind by a moment, but for what must be true at once.
    #[must_use]
    pub fn read_from(self, replica: Reader) -> Self {
        let reader = replica;
        Self { reader, ..self }
    }
}
