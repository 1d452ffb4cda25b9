//! The token that opens the review: the operator's own, or one that is made once and kept beside the database, so that a
//! link with it outlives a restart.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tracing::warn;

use crate::config::{Config, ReviewToken};
use crate::private_file;

/// What the file's name has after the database's.
const SUFFIX: &str = ".review-token";

/// The token, and the file that it is kept in if the server has made it: then the operator has to be told of it.
pub(crate) struct Review {
    pub(crate) token: ReviewToken,
    pub(crate) kept_in: Option<PathBuf>,
}

/// The token of `config`, or else the one beside its database, made if there is none.
///
/// # Errors
/// If the kept one cannot be read or is none, or if none can be made. The message is for the operator and does not tell it.
pub(crate) fn review_token(config: &Config) -> anyhow::Result<Review> {
    let Some(token) = &config.review_token else {
        let file = private_file::beside(&config.kept_beside(), SUFFIX);
        let token =
            kept(&file).with_context(|| format!("the review token kept in {} cannot be used", file.display()))?;
        return Ok(Review {
            token,
            kept_in: Some(file),
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
        kept_in: None,
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
