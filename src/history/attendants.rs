//! Attendants: who was in a room at a moment.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::{Page, Slice};
use super::{Error, History};
use crate::model::id::{ParticipantId, RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::Presence;
use crate::sql::query;

/// The most people that one page looks at. The next page goes on from there, however few were there at the moment.
const EXAMINED: usize = 1_000;

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

/// A room at a moment.
struct RoomThen {
    /// Whether it was ever seen.
    is_known: bool,
    /// The session that had begun last.
    session: Option<SessionId>,
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
        let latest = SessionId::last_at(at);
        // No moment belongs to two sessions of a room: the one that began last by then is the only one to look at.
        let found = query!(
            &self.reader,
            fetch_one as RoomThen,
            r#"
            select
                exists (select 1 from session where room = $1) as "is_known!: bool",
                (select id from session where room = $1 and id <= $2 order by id desc limit 1) as "session: SessionId"
            "#,
            name,
            latest.0
        )?;
        if !found.is_known {
            return Ok(None);
        }
        let Some(session) = found.session else {
            return Ok(Some(Slice {
                rows: Vec::new(),
                next: None,
            }));
        };
        let examined = Page {
            limit: EXAMINED,
            after: page.after.clone(),
        };
        let people = self.people(session, &examined).await?;
        let there = people.rows.into_iter().filter_map(|person| {
            let (status, since) = person.at(at)?;
            Some(Attendant {
                id: person.id,
                username: person.username,
                status,
                since,
            })
        });
        let there = there.take(page.limit + 1).collect();
        let found = Slice::cut(there, page.limit, |person: &Attendant| person.username.clone());
        Ok(Some(Slice {
            next: found.next.or(people.next),
            rows: found.rows,
        }))
    }
}
