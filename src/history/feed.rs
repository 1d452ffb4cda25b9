//! The journal as it grows, over all rooms.

use serde_json::value::RawValue;

use super::events::Event;
use super::{Error, History};
use crate::room::id::{ParticipantId, RoomName, SessionId};
use crate::room::time::Timestamp;

/// The next entries, as far as one look goes.
#[derive(Debug)]
pub struct Fresh {
    /// Those that are wanted, by number.
    pub events: Vec<Event>,
    /// Where the next look begins; `None` if there was nothing more to look at.
    pub seen: Option<i64>,
}

impl History {
    /// The entries after a number, of one room or of all; looks at no more than `limit`, wanted or not.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn fresh(&self, after: i64, room: Option<&RoomName>, limit: i64) -> Result<Fresh, Error> {
        let room = room.map(RoomName::as_str);
        let rows = sqlx::query!(
            r#"
            select event.seq as "seq!", event.at as "at: Timestamp", event.kind,
                event.session_id as "session_id: SessionId", event.participant_id as "participant_id: ParticipantId",
                participant.username as "username?", event.detail,
                (?2 is null or coalesce(session.room = ?2, false)) as "is_wanted!: bool"
            from event
            left join session on session.id = event.session_id
            left join participant on participant.id = event.participant_id
            where event.seq > ?1
            order by event.seq
            limit ?3
            "#,
            after,
            room,
            limit
        )
        .fetch_all(&self.reader)
        .await?;
        let seen = rows.last().map(|row| row.seq);
        let mut events = Vec::new();
        for row in rows.into_iter().filter(|row| row.is_wanted) {
            let seq = row.seq;
            let detail = row.detail.map(RawValue::from_string).transpose();
            events.push(Event {
                seq,
                at: row.at,
                kind: row.kind,
                session_id: row.session_id,
                participant_id: row.participant_id,
                username: row.username,
                detail: detail.map_err(|source| Error::Detail { seq, source })?,
            });
        }
        Ok(Fresh { events, seen })
    }
}
