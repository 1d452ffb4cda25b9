//! Attendants: who was in a room at a moment.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::{Page, Slice};
use super::rooms::Presence;
use super::sessions::last_id_at;
use super::{Error, History};
use crate::room::id::{ParticipantId, RoomName, SessionId};
use crate::room::time::Timestamp;

/// A person who was in a room at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attendant {
    /// The person's id in the session.
    pub id: ParticipantId,
    /// Their name.
    pub username: String,
    /// Whether they were there or away then.
    pub status: Presence,
    /// Since when they had been present or away.
    pub since: Timestamp,
}

impl History {
    /// Who was in a room at a moment, present or away, by name. `None` if the room was never seen.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn attendants(
        &self,
        room: &RoomName,
        at: Timestamp,
        page: &Page<String>,
    ) -> Result<Option<Slice<Attendant, String>>, Error> {
        let name = room.as_str();
        let latest = last_id_at(at);
        // No moment belongs to two sessions of a room: the one that began last by then is the only one to look at.
        let found = sqlx::query!(
            r#"
            select
                exists (select 1 from session where room = ?1) as "is_known!: bool",
                (select id from session where room = ?1 and id <= ?2 order by id desc limit 1) as "session: SessionId"
            "#,
            name,
            latest
        )
        .fetch_one(&self.reader)
        .await?;
        if !found.is_known {
            return Ok(None);
        }
        let people = match found.session {
            Some(session) => self.everyone(session).await?,
            None => Vec::new(),
        };
        let after = page.after.as_deref().unwrap_or_default();
        let attendants = people
            .into_iter()
            .skip_while(|person| person.username.as_str() <= after)
            .filter_map(|person| {
                let (status, since) = person.at(at)?;
                Some(Attendant {
                    id: person.id,
                    username: person.username,
                    status,
                    since,
                })
            })
            .take(page.limit + 1);
        Ok(Some(Slice::cut(attendants.collect(), page.limit, |person| {
            person.username.clone()
        })))
    }
}
