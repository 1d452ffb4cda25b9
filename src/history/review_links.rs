//! The links by which others read a part of the history.

use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;

use super::page::{Page, Slice};
use super::{Error, History};
use crate::model::id::{ReviewLinkId, SessionId};
use crate::model::time::Timestamp;
use crate::sql::query;

/// A link that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewLink {
    /// Its id, by which it is revoked. It opens nothing.
    pub id: ReviewLinkId,
    /// For whom it is, in the maker's words.
    pub name: String,
    /// The room, of which it opens all sessions or one.
    pub room: String,
    /// The one session that it opens; nothing if it opens all of the room.
    pub session: Option<SharedSession>,
    /// When it was made.
    pub made_at: Timestamp,
    /// From when it is good for nothing.
    pub expires_at: Timestamp,
}

/// The session that a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SharedSession {
    /// Its id.
    pub id: SessionId,
    /// When the first member joined.
    pub started_at: Timestamp,
}

#[derive(FromRow)]
struct LinkRow {
    id: ReviewLinkId,
    name: String,
    room: String,
    session_id: Option<SessionId>,
    started_at: Option<Timestamp>,
    made_at: Timestamp,
    expires_at: Timestamp,
}

impl From<LinkRow> for ReviewLink {
    fn from(row: LinkRow) -> Self {
        let session = row.session_id.zip(row.started_at);
        Self {
            id: row.id,
            name: row.name,
            room: row.room,
            session: session.map(|(id, started_at)| SharedSession { id, started_at }),
            made_at: row.made_at,
            expires_at: row.expires_at,
        }
    }
}

/// Asks for links, with the room and the start of the session that they show: those of a condition.
macro_rules! query_review_links {
    ($on:expr, $fetch:ident, $which:literal, $($bound:expr),+ $(,)?) => {
        query!(
            $on,
            $fetch as LinkRow,
            r#"
            select review_link.id as "id: ReviewLinkId", name, coalesce(session.room, review_link.room) as "room!: String",
                session_id as "session_id: SessionId", started_at as "started_at?: Timestamp",
                made_at as "made_at: Timestamp", expires_at as "expires_at: Timestamp"
            from review_link left join session on session.id = session_id
            "# + $which,
            $($bound),+
        )
    };
}

impl History {
    /// A link that is neither revoked nor gone with its session; `None` if there is none. Whether it has ended is not
    /// looked at.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn review_link(&self, id: ReviewLinkId) -> Result<Option<ReviewLink>, Error> {
        let row = query_review_links!(&self.current, fetch_optional, "where review_link.id = $1", id.0)?;
        Ok(row.map(ReviewLink::from))
    }

    /// The links that are good, the newest first: those of the key with this mark that have not ended.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn review_links(
        &self,
        key_mark: u8,
        page: &Page<ReviewLinkId>,
        now: Timestamp,
    ) -> Result<Slice<ReviewLink, ReviewLinkId>, Error> {
        let before = page.after.map_or(uuid::Uuid::max(), |id| id.0);
        let limit = page.probe();
        let rows = query_review_links!(
            &self.current,
            fetch_all,
            "where review_link.id < $1 and key_mark = $2 and expires_at > $3
            order by review_link.id desc limit $4
            ",
            before,
            i16::from(key_mark),
            now.0,
            limit
        )?;
        let links = rows.into_iter().map(ReviewLink::from).collect();
        Ok(Slice::cut(links, page.limit, |link: &ReviewLink| link.id))
    }
}
