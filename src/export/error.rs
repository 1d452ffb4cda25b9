//! Why nothing was exported, each in one sentence.

use std::io;
use std::path::PathBuf;

use crate::journal::OpenError;

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no database.
    #[error("there is no database {0}: set DATABASE_URL to the one that the server uses")]
    NoDatabase(String),
    /// The file is another program's.
    #[error("{} is not a database of chatroom-server", .0.display())]
    Foreign(PathBuf),
    /// The server of PostgreSQL cannot be used.
    #[error(transparent)]
    Server(#[from] OpenError),
    /// The file is there already.
    #[error("{} exists already, and is left as it is: name another file", .0.display())]
    Exists(PathBuf),
    /// The file cannot be made.
    #[error("{} cannot be made: {source}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What was written is not what was read.
    #[error("{name} has {read} rows, and {written} of them were written: the file is of no use, and removed")]
    Miscounted {
        /// The table.
        name: &'static str,
        /// How many there are.
        read: u64,
        /// How many came.
        written: u64,
    },
    /// The database cannot be read, or the file not be written.
    #[error("the history could not be exported: {0}")]
    Database(#[from] sqlx::Error),
}
