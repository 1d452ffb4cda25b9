//! What a look at a database found, and what is wrong with it.

use std::fmt;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;

use crate::journal::OpenError;

/// What there is, and all of it in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No file yet: the first start makes it.
    Nothing,
    /// A history of an earlier version, whose file is whole. What is in it is looked at once it is brought up to date.
    Earlier,
    /// The same in PostgreSQL, whose tables are not looked at.
    EarlierTables,
    /// A history that is whole.
    Whole {
        /// How many sessions.
        sessions: i64,
        /// How many entries of the journal.
        events: i64,
        /// How many entries say that records were lost; where there are, totals are not held against the journal.
        gaps: i64,
    },
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "there is no database yet, the first start makes it."),
            Self::Earlier => write!(
                f,
                "the file is whole. The history is of an earlier version, and the next start brings it up to date."
            ),
            Self::EarlierTables => write!(
                f,
                "the history is of an earlier version, and the next start brings it up to date."
            ),
            Self::Whole { sessions, events, gaps } => {
                write!(f, "whole (sessions: {sessions}, events: {events}, gaps: {gaps}).")
            }
        }
    }
}

/// What is wrong with a database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A start could not make it.
    #[error("the database's folder {} does not exist", .0.display())]
    NoFolder(PathBuf),
    /// The file is another program's, or none of SQLite's.
    #[error("{} is not a database of chatroom-server", .0.display())]
    Foreign(PathBuf),
    /// A newer server made it.
    #[error("the database {} was made by a newer version of chatroom-server", .0.display())]
    Newer(PathBuf),
    /// A start would fail at its migrations.
    #[error("the tables of the database {} cannot be brought up to date: {source}", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: MigrateError,
    },
    /// It cannot be read to its end.
    #[error("the database {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: sqlx::Error,
    },
    /// A server of PostgreSQL cannot be used.
    #[error(transparent)]
    Server(#[from] OpenError),
    /// It can be read, but what is in it cannot be.
    #[error("the database {name} is not whole:{}", listed(faults))]
    Faults {
        /// Which one.
        name: String,
        /// What does not hold, at least one sentence.
        faults: Vec<String>,
    },
}

fn listed(faults: &[String]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// What there is, and what does not hold of it.
pub(super) type Looked = (Found, Vec<String>);

/// That so many rows break a rule, if any do.
pub(super) fn sentence(what: &str, rows: u64) -> Option<String> {
    (rows > 0).then(|| format!("rows: {rows}, against: {what}"))
}
