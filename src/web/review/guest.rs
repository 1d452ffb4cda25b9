//! What pages know of somebody who sees them by a link, and where such a link begins.

use super::address;
use super::moment::moment;
use crate::history::review_links::ReviewLink;
use crate::model::time::Timestamp;
use crate::web::viewer::Viewer;
use crate::words::{Html, SLOT, Words, message as m};

/// Somebody who sees no more than their link opens.
pub(super) struct Guest {
    /// Where their link begins.
    pub(super) home: String,
    /// Whether it opens all sessions of a room.
    pub(super) sees_room: bool,
    expires_at: Timestamp,
}

impl Guest {
    /// Nobody, if a reviewer reads.
    pub(super) fn of(viewer: &Viewer) -> Option<Self> {
        match viewer {
            Viewer::Reviewer => None,
            Viewer::Guest(link) => Some(Self {
                home: home(link),
                sees_room: link.session.is_none(),
                expires_at: link.expires_at,
            }),
        }
    }

    /// How it comes that they see it, and until when.
    pub(super) fn told(&self, words: &Words) -> Html {
        let moment = Html::element(&moment(words, self.expires_at));
        words.around(m::SeenByLink { moment: SLOT }, &moment)
    }
}

/// Where a link begins.
pub(super) fn home(link: &ReviewLink) -> String {
    match link.session {
        Some(session) => format!("/review/sessions/{}", session.id),
        None => address::page("/review", &[("room", &link.room)]),
    }
}
