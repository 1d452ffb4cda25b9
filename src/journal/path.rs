//! Where the database is, as people write it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The database file, parsed from `DATABASE_URL`: `sqlite://path`, `sqlite:path` or a plain path.
///
/// The path is taken as it stands (no percent-decoding); a relative one starts at the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFile(PathBuf);

/// Why a `DATABASE_URL` was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabase {
    /// Nothing is named.
    #[error("the database needs a file name, for example sqlite://chatroom.db")]
    Empty,
    /// A database without a file forgets everything.
    #[error("an in-memory database keeps nothing: name a file, for example sqlite://chatroom.db")]
    InMemory,
    /// Another database system.
    #[error("`{scheme}:` is not supported: the database is an SQLite file, for example sqlite://chatroom.db")]
    Scheme {
        /// What was written before the colon.
        scheme: String,
    },
    /// Options, as other programs allow them.
    #[error("options after `?` are not supported in the database's address: write sqlite://path and nothing else")]
    Query,
}

impl DatabaseFile {
    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for DatabaseFile {
    type Err = InvalidDatabase;

    fn from_str(raw: &str) -> Result<Self, InvalidDatabase> {
        let raw = raw.trim();
        // What sqlx's own examples end with: the file is made if it is missing, which is what happens anyway.
        let path = match scheme(raw.strip_suffix("?mode=rwc").unwrap_or(raw)) {
            Some(("sqlite", rest)) if rest.contains('?') => return Err(InvalidDatabase::Query),
            Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some((other, _)) => {
                return Err(InvalidDatabase::Scheme {
                    scheme: other.to_owned(),
                });
            }
            None => raw,
        };
        match path {
            "" => Err(InvalidDatabase::Empty),
            ":memory:" => Err(InvalidDatabase::InMemory),
            path => Ok(Self(path.into())),
        }
    }
}

impl fmt::Display for DatabaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

impl From<PathBuf> for DatabaseFile {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

/// The scheme and what follows its colon. One letter is a drive, not a scheme.
fn scheme(raw: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = raw.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (raw, path) in [
            ("sqlite://chatroom.db", "chatroom.db"),
            ("sqlite:///var/lib/chatroom.db", "/var/lib/chatroom.db"),
            ("sqlite://chatroom.db?mode=rwc", "chatroom.db"),
            ("sqlite:data/chatroom.db", "data/chatroom.db"),
            ("chatroom.db", "chatroom.db"),
            (" ./a room.db ", "./a room.db"),
            ("what?.db", "what?.db"),
            ("C:\\chatroom.db", "C:\\chatroom.db"),
        ] {
            assert_eq!(raw.parse::<DatabaseFile>().map(|file| file.0), Ok(path.into()), "{raw}");
        }
    }

    #[test]
    fn refusals() {
        for (raw, error) in [
            ("", InvalidDatabase::Empty),
            ("sqlite://", InvalidDatabase::Empty),
            (":memory:", InvalidDatabase::InMemory),
            ("sqlite::memory:", InvalidDatabase::InMemory),
            ("sqlite://:memory:", InvalidDatabase::InMemory),
            ("sqlite://a.db?mode=ro", InvalidDatabase::Query),
            (
                "postgres://localhost/chat",
                InvalidDatabase::Scheme {
                    scheme: "postgres".into(),
                },
            ),
        ] {
            assert_eq!(raw.parse::<DatabaseFile>(), Err(error), "{raw}");
        }
    }
}
