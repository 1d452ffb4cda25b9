//! Why a database cannot be used, each in one sentence.

use std::io;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;

use super::occupant::Occupant;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Where the file should be, there is no folder.
    #[error("the database's folder {} does not exist", .0.display())]
    NoFolder(PathBuf),
    /// The name is a folder's.
    #[error("the database {} is a folder, not a file", .0.display())]
    IsFolder(PathBuf),
    /// The file or its folder cannot be written.
    #[error("the database {} cannot be written: {source}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("the database {name} is in use by {by}")]
    InUse {
        /// Which one.
        name: String,
        /// Who that is.
        by: Occupant,
    },
    /// What should be a copy of the history is another one.
    #[error("the database {0}, which DATABASE_READ_URL names, is no copy of the one that DATABASE_URL names")]
    OtherHistory(String),
    /// It is no database, or another program's.
    #[error("{0} is not a database of chatroom-server: it was left untouched")]
    Foreign(String),
    /// A newer server made it.
    #[error("the database {0} was made by a newer version of chatroom-server")]
    Newer(String),
    /// An earlier server made it, and only a start or `migrate` changes that.
    #[error(
        "the tables of the database {0} are an earlier version's: `chatroom-server migrate` brings them up to date"
    )]
    Earlier(String),
    /// Not all has come yet.
    #[error("the database {0} has half of an import: start that again, and it goes on, or drop the schema")]
    HalfImported(String),
    /// Its tables are not what the migrations make.
    #[error("the tables of the database {name} could not be brought up to date: {source}")]
    Migration {
        /// Which one.
        name: String,
        /// What failed.
        source: MigrateError,
    },
    /// The library is one that loses commits.
    #[error("SQLite {0} can lose what was committed: chatroom-server needs 3.51.3 or later")]
    OldSqlite(String),
    /// The server is one that lacks what is asked of it.
    #[error("the database {name} is PostgreSQL {version}: chatroom-server needs 15 or later")]
    OldPostgres {
        /// Which one.
        name: String,
        /// What it says that it is.
        version: String,
    },
    /// Its text is not Unicode.
    #[error("the database {name} keeps text as {encoding}: chatroom-server needs one made with encoding 'UTF8'")]
    Encoding {
        /// Which one.
        name: String,
        /// What PostgreSQL calls it.
        encoding: String,
    },
    /// Nothing answers there, or not as it should.
    #[error("the database {name} cannot be reached: {source}")]
    Unreachable {
        /// Which one.
        name: String,
        /// What the system or TLS says.
        source: io::Error,
    },
    /// The server knows nobody of that name, or the password is another.
    #[error("the database {name} refused the login: {reason}")]
    NotLetIn {
        /// Which one.
        name: String,
        /// What PostgreSQL says.
        reason: String,
    },
    /// The server has no such database.
    #[error("there is no database {0}: make it by `createdb`, or name another in DATABASE_URL")]
    NoDatabase(String),
    /// The role may not do what is needed.
    #[error("the role {role} may not do in the database {name} what chatroom-server needs: {reason}")]
    NoRight {
        /// Which one.
        name: String,
        /// Who was let in.
        role: String,
        /// What PostgreSQL says.
        reason: String,
    },
    /// The system gives no thread to write from.
    #[error("the system gives no thread for writing the database: {0}")]
    NoThread(io::Error),
    /// Anything else that the database says.
    #[error("the database {name} could not be opened: {source}")]
    Database {
        /// Which one.
        name: String,
        /// What it says.
        source: sqlx::Error,
    },
}
