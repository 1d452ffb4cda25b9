//! Review links, made and revoked by whoever has the review token: by a page, and by REST.

use std::time::Duration;

use axum::http::uri::Authority;
use uuid::{NoContext, Timestamp as UuidTime, Uuid};

use super::http::access::{Requester, is_known_name, is_loopback};
use super::http::error::{Doomed, Error};
use super::state::{AppState, not_removed};
use crate::history::page::{Page, Slice};
use crate::history::review_links::ReviewLink;
use crate::model::id::{ReviewLinkId, Username};
use crate::model::review_link::{NewReviewLink, Shared};
use crate::model::time::Timestamp;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The longest time for which a link is good, in hours.
pub(crate) const MOST_HOURS: u32 = (NewReviewLink::LONGEST.as_secs() / HOUR.as_secs()) as u32;

/// Reads for how many hours a link is to be good.
///
/// # Errors
/// If it is not a whole number, or too large.
pub(crate) fn hours(raw: &str) -> Result<Duration, String> {
    let hours: Option<u32> = raw.trim().parse().ok().filter(|hours| (1..=MOST_HOURS).contains(hours));
    let hours = hours.ok_or_else(|| format!("must be a whole number from 1 to {MOST_HOURS}"))?;
    Ok(HOUR * hours)
}

/// A link that was just made, with what is kept nowhere.
pub(crate) struct MadeLink {
    pub(crate) link: ReviewLink,
    /// The address that opens it in a browser.
    pub(crate) address: String,
    /// What programs send as `Authorization: Bearer`.
    pub(crate) token: String,
}

impl AppState {
    /// Makes a link.
    ///
    /// # Errors
    /// If there is nothing of the kind to share, there are too many links, or the database does not take it for now.
    pub(crate) async fn share(
        &self,
        shared: Shared,
        name: Username,
        good_for: Duration,
        asked: Requester<'_>,
    ) -> Result<MadeLink, Error> {
        if let Shared::Room(room) = &shared {
            self.history.room(room, self.now()).await?.ok_or(Error::NoSuchRoom)?;
        }
        let origin = self.origin_for_others(asked).unwrap_or_default();
        let made_at = self.wall_now();
        let id = new_id(made_at);
        // As the token says it.
        let expires_at = Timestamp((made_at.0 + good_for.as_millis() as i64) / 1000 * 1000);
        let token = self.access.links.make(id, expires_at).map_err(|error| {
            tracing::error!(%error, "a review link could not be made");
            Error::Internal
        })?;
        let link = NewReviewLink {
            id,
            shared,
            name,
            made_at,
            expires_at,
            key_mark: self.access.links.mark(),
        };
        self.removals.keep_link(link).await.map_err(not_shared)?;
        Ok(MadeLink {
            link: self.review_link(id).await?,
            address: format!("{origin}{}/review?link={token}", self.settings.base_path.as_str()),
            token,
        })
    }

    /// Makes a link good for nothing.
    ///
    /// # Errors
    /// If there is none, or the database does not take it for now.
    pub(crate) async fn revoke_link(&self, id: ReviewLinkId) -> Result<(), Error> {
        self.removals.revoke_link(id).await.map_err(not_shared)
    }

    /// The links that are good, the newest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub(crate) async fn review_links(
        &self,
        page: &Page<ReviewLinkId>,
    ) -> Result<Slice<ReviewLink, ReviewLinkId>, Error> {
        let mark = self.access.links.mark();
        Ok(self.history.review_links(mark, page, self.wall_now()).await?)
    }

    /// Where others find the review: as the reviewer does, unless that is a name for their own machine only.
    fn origin_for_others(&self, asked: Requester<'_>) -> Option<String> {
        let own = self.access.origin(asked)?;
        let host = own
            .split_once("://")
            .and_then(|(_, host)| host.parse::<Authority>().ok());
        if self.settings.is_review_elsewhere || !host.is_some_and(|host| is_loopback(&host)) {
            return Some(own);
        }
        let is_open = |origin: &String| {
            let host = origin.split_once("://").and_then(|(_, host)| host.parse().ok());
            host.is_some_and(|host| is_known_name(&host, &self.settings.allowed_hosts))
        };
        (self.for_others)().into_iter().find(is_open).or(Some(own))
    }
}

fn not_shared(error: crate::journal::RemovalError) -> Error {
    not_removed(error, Doomed::Session)
}

/// An id whose time is when the link is made.
fn new_id(at: Timestamp) -> ReviewLinkId {
    let ms = u64::try_from(at.0).unwrap_or_default();
    let nanos = (ms % 1000) as u32 * 1_000_000;
    ReviewLinkId(Uuid::new_v7(UuidTime::from_unix(NoContext, ms / 1000, nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_whole_and_bounded() {
        assert_eq!(hours(" 168 "), Ok(HOUR * 168));
        assert_eq!(hours("4392"), Ok(NewReviewLink::LONGEST));
        for raw in ["", "0", "-1", "1.5", "4393", "a week", "99999999999999999999"] {
            assert_eq!(
                hours(raw).unwrap_err(),
                "must be a whole number from 1 to 4392",
                "{raw}"
            );
        }
    }
}
