//! The token that opens the review: the operator's own, or one that is made once, so that a link with it outlives a restart. With
//! an embedded file it is kept beside that; with PostgreSQL it is made of what the database keeps for the review, so that it is
//! the same at all servers of a history.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tracing::warn;

use crate::config::{Config, ReviewToken};
use crate::journal::Database;
use crate::private_file;

/// What the file's name has after the database's.
const SUFFIX: &str = ".review-token";

/// The token, and where it comes from.
pub(crate) struct Review {
    pub(crate) token: ReviewToken,
    pub(crate) source: TokenSource,
}

/// Where a token comes from: of one that was made the operator has to be told.
pub(crate) enum TokenSource {
    /// The operator.
    Set,
    /// It is kept in this file.
    File(PathBuf),
    /// The database.
    Database,
}

/// What the key of the database is used for here.
const MADE_FOR: &[u8] = b"chatroom-server review token\0";

/// The token of a history in PostgreSQL, made of what it keeps for the review.
///
/// # Panics
/// Never: HMAC takes keys of any length, and hexadecimal digits are a token.
pub fn made_of(salt: &[u8]) -> ReviewToken {
    let mut key = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes keys of any length");
    key.update(MADE_FOR);
    ReviewToken::parse(&hex::encode(key.finalize().into_bytes())).expect("these are letters and digits")
}

/// The token of `config`, or else the one beside its database, made if there is none; or of the database, whose `salt` this is.
///
/// # Errors
/// If the kept one cannot be read or is none, or if none can be made. The message is for the operator and does not tell it.
pub(crate) fn review_token(config: &Config, salt: &[u8]) -> anyhow::Result<Review> {
    let Some(token) = &config.review_token else {
        if let Database::Postgres(_) = config.database() {
            return Ok(Review {
                token: made_of(salt),
                source: TokenSource::Database,
            });
        }
        let file = private_file::beside(&config.kept_beside(), SUFFIX);
        let token =
            kept(&file).with_context(|| format!("the review token kept in {} cannot be used", file.display()))?;
        return Ok(Review {
            token,
            source: TokenSource::File(file),
        });
    };
    if token.is_short() {
        warn!(
            "REVIEW_TOKEN is short enough to be guessed: set one of {} characters or more before other machines reach the server",
            ReviewToken::SAFE_CHARS
        );
    }
    Ok(Review {
        token: token.clone(),
        source: TokenSource::Set,
    })
}

fn kept(file: &Path) -> anyhow::Result<ReviewToken> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return make(file),
        Err(error) => return Err(error.into()),
    };
    let token = ReviewToken::parse(text.trim()).map_err(|rule| anyhow::anyhow!("it {rule}"))?;
    anyhow::ensure!(
        !token.is_short(),
        "it must have {} characters or more",
        ReviewToken::SAFE_CHARS
    );
    if private_file::is_open_to_others(file) {
        warn!(file = %file.display(), "other users of this machine may read the review token: chmod 600 keeps them out");
    }
    Ok(token)
}

/// Only its owner may read it: whoever can, reads the whole history.
fn make(file: &Path) -> anyhow::Result<ReviewToken> {
    let token = ReviewToken::random().context("the system gives no random numbers")?;
    let mut made = private_file::options().write(true).create_new(true).open(file)?;
    writeln!(made, "{}", token.as_str())?;
    made.sync_all()?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_token_is_the_same_after_a_restart_and_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = private_file::beside(&folder.path().join("chatroom.db"), SUFFIX);
        let first = kept(&file).unwrap();
        assert_eq!(kept(&file).unwrap(), first);
        assert!(!first.is_short());
        assert!(file.ends_with("chatroom.db.review-token"));
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&file).unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_databases_token_is_its_own() {
        let token = made_of(&[1; 32]);
        assert_eq!(token, made_of(&[1; 32]));
        assert!(token != made_of(&[2; 32]) && !token.is_short());
        assert!(!token.as_str().contains(&hex::encode([1; 32])));
    }

    #[test]
    fn a_kept_token_that_is_none_is_refused_without_telling_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for text in ["", "short", "with spaces in a token", "ümläuts-are-not-for-headers"] {
            fs::write(&file, text).unwrap();
            let error = format!("{:#}", kept(&file).unwrap_err());
            assert!(error.starts_with("it "), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }
}
