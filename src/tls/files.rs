//! A certificate of the operator's own, in files that may change at any moment.

use anyhow::Context;
use time::{Duration, OffsetDateTime};
use tracing::{info, warn};

use super::identity::Identity;
use super::pair::{Contents, Fingerprint, Pair};
use crate::config::TlsFiles;

/// How long before its end a certificate of the operator's own is complained of.
const TOLD_BEFORE: Duration = Duration::days(14);

/// The files as they were last looked at.
pub(super) struct OwnFiles {
    files: TlsFiles,
    shown: Fingerprint,
    /// Until when what is shown is good, in seconds since 1970.
    good_until: i64,
    is_end_told: bool,
    doubt: Option<Doubt>,
}

/// What was wrong with the files when they were last looked at.
#[derive(PartialEq, Eq)]
struct Doubt {
    found: Option<Fingerprint>,
    sentence: String,
    is_told: bool,
}

impl OwnFiles {
    /// Reads them for the first time.
    ///
    /// # Errors
    /// If they cannot be used. The message is for the operator.
    pub(super) fn read(files: TlsFiles) -> anyhow::Result<(Self, Pair)> {
        let contents = Contents::read(&files)?;
        let pair = contents.pair(&files)?;
        let own = Self {
            files,
            shown: contents.fingerprint(),
            good_until: pair.good_until,
            is_end_told: false,
            doubt: None,
        };
        Ok((own, pair))
    }

    /// What is shown of a pair.
    ///
    /// # Errors
    /// If the library does not take it.
    pub(super) fn identities(&self, pair: Pair) -> anyhow::Result<Vec<Identity>> {
        let identity = Identity::new(pair.key, None).context("the certificate of TLS_CERT cannot be shown")?;
        Ok(vec![identity])
    }

    /// What is to be shown from now on, if the files hold something else.
    pub(super) fn renewed(&mut self, now: OffsetDateTime) -> Option<Vec<Identity>> {
        let contents = Contents::read(&self.files);
        let found = contents.as_ref().ok().map(Contents::fingerprint);
        if found == Some(self.shown) {
            self.doubt = None;
            self.tell_of_end(now);
            return None;
        }
        let pair = contents.and_then(|contents| contents.pair(&self.files));
        let renewed = pair.map_err(anyhow::Error::from).and_then(|pair| {
            let good_until = pair.good_until;
            Ok((self.identities(pair)?, good_until))
        });
        match (renewed, found) {
            (Ok((identities, good_until)), Some(found)) => {
                info!("the certificate of TLS_CERT has changed: new connections are shown the new one");
                (self.shown, self.good_until, self.is_end_told, self.doubt) = (found, good_until, false, None);
                self.tell_of_end(now);
                Some(identities)
            }
            (Ok(_), None) => None,
            (Err(error), found) => {
                self.doubt(found, error.to_string());
                None
            }
        }
    }

    /// The files are written one after the other: only what stays wrong is told, and once.
    fn doubt(&mut self, found: Option<Fingerprint>, sentence: String) {
        let is_same = |doubt: &&mut Doubt| doubt.found == found && doubt.sentence == sentence;
        match self.doubt.as_mut().filter(is_same) {
            Some(doubt) if doubt.is_told => {}
            Some(doubt) => {
                warn!("{sentence}. The certificate from before goes on");
                doubt.is_told = true;
            }
            None => {
                self.doubt = Some(Doubt {
                    found,
                    sentence,
                    is_told: false,
                });
            }
        }
    }

    /// Warns, once, when what is shown is near its end.
    pub(super) fn tell_of_end(&mut self, now: OffsetDateTime) {
        if self.is_end_told || self.good_until > (now + TOLD_BEFORE).unix_timestamp() {
            return;
        }
        self.is_end_told = true;
        let end = OffsetDateTime::from_unix_timestamp(self.good_until).map_or(now.date(), OffsetDateTime::date);
        if self.good_until > now.unix_timestamp() {
            warn!("the certificate of TLS_CERT ends on {end}: put its successor into the same file");
        } else {
            warn!("the certificate of TLS_CERT has ended on {end}: browsers refuse it");
        }
    }

    /// Whether what is wrong with the files was told, if anything is.
    #[cfg(test)]
    pub(super) fn is_doubt_told(&self) -> Option<bool> {
        self.doubt.as_ref().map(|doubt| doubt.is_told)
    }
}
