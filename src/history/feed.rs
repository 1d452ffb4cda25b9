//! The journal as it grows, over all rooms.

use super::events::{Event, EventRow};
use super::{Error, History};
use crate::model::id::{ParticipantId, RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::EventKind;
use crate::sql::query;

/// The most entries that one look goes through to find those of a room.
const EXAMINED: i64 = 5_000;

/// With more sessions in a room it costs less to look through everybody's entries.
const SESSIONS: i64 = 200;

/// What one look found.
#[derive(Debug)]
pub struct FreshEvents {
    /// The entries, by number.
    pub events: Vec<Event>,
    /// There are no others up to this number.
    pub up_to: i64,
}

impl History {
    /// The entries after a number and up to the `newest`, of one room or of all, by number; at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn fresh(
        &self,
        after: i64,
        newest: i64,
        room: Option<&RoomName>,
        limit: i64,
    ) -> Result<FreshEvents, Error> {
        let room = room.map(RoomName::as_str);
        let mut end = newest;
        let rows = match room {
            // Whoever is far behind must not look at everybody else's entries to find a room's own.
            Some(room) if newest.saturating_sub(after) > limit && self.has_few_sessions(room).await? => {
                let rows = self.of_room(after, newest, room, limit).await?;
                end = rows.last().map_or(newest, |last| last.seq);
                rows
            }
            _ => {
                if room.is_some() {
                    end = newest.min(after.saturating_add(EXAMINED));
                }
                let rows = self.of_any(after, end, room, limit).await?;
                let is_full = i64::try_from(rows.len()) == Ok(limit);
                end = rows.last().filter(|_| is_full).map_or(end, |last| last.seq);
                rows
            }
        };
        let events = rows.into_iter().map(Event::try_from).collect::<Result<_, _>>()?;
        Ok(FreshEvents { events, up_to: end })
    }

    async fn has_few_sessions(&self, room: &str) -> Result<bool, Error> {
        let most = SESSIONS + 1;
        let sessions = query!(
            &self.reader,
            fetch_one scalar,
            r#"select count(*) as "sessions!: i64" from (select 1 from session where room = $1 limit $2) as own"#,
            room,
            most
        )?;
        Ok(sessions <= SESSIONS)
    }

    /// Looks at every entry of the range until it has enough.
    async fn of_any(&self, after: i64, newest: i64, room: Option<&str>, limit: i64) -> Result<Vec<EventRow>, Error> {
        let rows = query!(
            &self.reader,
            fetch_all as EventRow,
            r#"
            select event.seq as "seq!", event.at as "at: Timestamp", event.kind as "kind: EventKind",
                event.session_id as "session_id: SessionId", event.participant_id as "participant_id: ParticipantId",
                participant.username as "username?", event.detail
            from event
            left join session on session.id = event.session_id
            left join participant on participant.id = event.participant_id
            where event.seq > $1 and event.seq <= $2 and (cast($3 as text) is null or session.room = $3)
            order by event.seq
            limit $4
            "#,
            after,
            newest,
            room,
            limit
        )?;
        Ok(rows)
    }

    /// The session whose turn it is, up to where another one's turn begins. The sessions of a room follow each other,
    /// but for what a crash or a gap made of them. Costs a moment for each session that the room ever had.
    async fn of_room(&self, after: i64, newest: i64, room: &str, limit: i64) -> Result<Vec<EventRow>, Error> {
        let rows = query!(
            &self.reader,
            fetch_all as EventRow,
            sqlite: r#"
            with ahead (session_id, next_seq) as materialized (
                select session.id,
                    (select min(event.seq) from event where event.session_id = session.id and event.seq > ?1) as next_seq
                from session
                where session.room = ?2 and next_seq is not null
                order by next_seq
                limit 2
            )
            select event.seq as "seq!", event.at as "at!: Timestamp", event.kind as "kind!: EventKind",
                event.session_id as "session_id: SessionId", event.participant_id as "participant_id: ParticipantId",
                participant.username as "username?", event.detail
            from event
            left join participant on participant.id = event.participant_id
            where event.session_id = (select session_id from ahead order by next_seq limit 1)
                and event.seq > ?1
                and event.seq < coalesce((select next_seq from ahead order by next_seq limit 1 offset 1), ?4 + 1)
            order by event.seq
            limit ?3
            "#,
            postgres: r#"
            with ahead as materialized (
                select session_id, next_seq
                from (
                    select session.id as session_id,
                        (
                            select event.seq from event
                            where event.session_id = session.id and event.seq > $1 order by event.seq limit 1
                        ) as next_seq
                    from session
                    where session.room = $2
                ) as own
                where next_seq is not null
                order by next_seq
                limit 2
            )
            select event.seq as "seq!", event.at as "at!: Timestamp", event.kind as "kind!: EventKind",
                event.session_id as "session_id: SessionId", event.participant_id as "participant_id: ParticipantId",
                participant.username as "username?", event.detail
            from event
            left join participant on participant.id = event.participant_id
            where event.session_id = (select session_id from ahead order by next_seq limit 1)
                and event.seq > $1
                and event.seq < coalesce((select next_seq from ahead order by next_seq limit 1 offset 1), $4::bigint + 1)
            order by event.seq
            limit $3
            "#,
            after,
            room,
            limit,
            newest
        )?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::{EXAMINED, SESSIONS};
    use crate::history::fixture::Fixture;
    use crate::model::id::RoomName;
    use crate::model::vocabulary::EventKind;

    #[tokio::test]
    async fn one_look_finds_a_room_behind_all_the_others() {
        let fixture = Fixture::new().await;
        let (one, other) = (
            fixture.session("one", 0, Some(9)).await,
            fixture.session("other", 0, None).await,
        );
        let first = fixture.event(one, None, 1, EventKind::Joined, None).await;
        for _ in 0..1_000 {
            fixture.event(other, None, 2, EventKind::Error, None).await;
        }
        let again = fixture.session("one", 10, None).await;
        let later = fixture.event(again, None, 11, EventKind::Joined, None).await;
        assert_eq!(looks(&fixture, 0).await, [[first], [later]]);
        assert_eq!(looks(&fixture, later).await, Vec::<Vec<i64>>::new());
    }

    #[tokio::test]
    async fn a_room_of_many_sessions_is_found_in_looks_of_bounded_length() {
        let fixture = Fixture::new().await;
        let other = fixture.session("other", 0, None).await;
        let mut seqs = Vec::new();
        for session in 0..=SESSIONS {
            let one = fixture.session("one", session, Some(session)).await;
            seqs.push(fixture.event(one, None, session, EventKind::Joined, None).await);
        }
        let person = uuid::Uuid::nil();
        fixture.errors(other, person, 2 * EXAMINED).await;
        let last = fixture.session("one", 1000, None).await;
        seqs.push(fixture.event(last, None, 1000, EventKind::Joined, None).await);
        let newest = *seqs.last().unwrap();
        let (history, room) = (fixture.history().await, RoomName::parse("one").unwrap());
        let (mut found, mut seen, mut looks) = (Vec::new(), 0, 0);
        while seen < newest {
            let fresh = history.fresh(seen, newest, Some(&room), 100).await.unwrap();
            assert!(seen < fresh.up_to && fresh.up_to <= seen + EXAMINED);
            (seen, looks) = (fresh.up_to, looks + 1);
            found.extend(fresh.events.iter().map(|event| event.seq));
        }
        assert_eq!((found, looks), (seqs, 5));
    }

    #[tokio::test]
    async fn sessions_that_overlap_are_told_in_order() {
        let fixture = Fixture::new().await;
        let sessions = [
            fixture.session("one", 0, Some(9)).await,
            fixture.session("one", 1, None).await,
        ];
        let mut seqs = Vec::new();
        for session in [1, 0, 0, 1, 0, 1, 1, 1] {
            seqs.push(fixture.event(sessions[session], None, 1, EventKind::Error, None).await);
        }
        assert_eq!(looks(&fixture, 0).await.concat(), seqs);
    }

    /// The numbers that each look finds, until one finds nothing.
    async fn looks(fixture: &Fixture, after: i64) -> Vec<Vec<i64>> {
        let (history, room) = (fixture.history().await, RoomName::parse("one").unwrap());
        let (mut all, mut seen) = (Vec::new(), after);
        loop {
            let fresh = history.fresh(seen, 1_002, Some(&room), 2).await.unwrap();
            if fresh.events.is_empty() && fresh.up_to == 1_002 {
                return all;
            }
            seen = fresh.up_to;
            all.push(fresh.events.iter().map(|event| event.seq).collect());
        }
    }
}
