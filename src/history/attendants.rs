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
        let attendants = match found.session {
            Some(session) => self.attendants_of(session, at, page).await?,
            None => Vec::new(),
        };
        Ok(Some(Slice::cut(attendants, page.limit, |person| {
            person.username.clone()
        })))
    }

    /// Connections of a person follow each other: the last one that began by then tells whether they were there.
    async fn attendants_of(
        &self,
        session: SessionId,
        at: Timestamp,
        page: &Page<String>,
    ) -> Result<Vec<Attendant>, Error> {
        let after = page.after.as_deref().unwrap_or_default();
        let limit = page.probe();
        let rows = sqlx::query!(
            r#"
            select participant.id as "id: ParticipantId", participant.username,
                connection.disconnected_at as "disconnected_at: Timestamp", (
                    -- The last connection by then that did not take over from the one before it.
                    select connected_at from connection as begun
                    where begun.participant_id = participant.id
                        and (begun.connected_at, begun.id) <= (connection.connected_at, connection.id)
                        and coalesce((
                            select before.disconnected_at from connection as before
                            where before.participant_id = participant.id
                                and (before.connected_at, before.id) < (begun.connected_at, begun.id)
                            order by before.connected_at desc, before.id desc limit 1
                        ) < begun.connected_at, true)
                    order by begun.connected_at desc, begun.id desc limit 1
                ) as "present_since!: Timestamp"
            from participant
            cross join connection on connection.id = (
                select id from connection as earlier
                where earlier.participant_id = participant.id and earlier.connected_at <= ?3
                order by earlier.connected_at desc, earlier.id desc limit 1
            )
            where participant.session_id = ?1 and participant.username > ?2
                and case
                    when connection.disconnected_at is null or connection.disconnected_at > ?3 then true
                    when connection.away_until is not null then connection.away_until > ?3
                    else connection.closed_by in ('disconnected', 'server_shutdown', 'server_crash')
                        and (participant.left_at is null or participant.left_at > ?3)
                end
            order by participant.username
            limit ?4
            "#,
            session.0,
            after,
            at.0,
            limit
        )
        .fetch_all(&self.reader)
        .await?;
        let attendants = rows.into_iter().map(|row| {
            let away_since = row.disconnected_at.filter(|gone| *gone <= at);
            Attendant {
                id: row.id,
                username: row.username,
                status: if away_since.is_some() {
                    Presence::Away
                } else {
                    Presence::Present
                },
                since: away_since.unwrap_or(row.present_since),
            }
        });
        Ok(attendants.collect())
    }
}
