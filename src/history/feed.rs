//! The journal as it grows, over all rooms.

use std::time::Duration;

use super::events::{Event, EventRow};
use super::{Error, History};
use crate::model::id::{ParticipantId, RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::EventKind;
use crate::sql::{Database, Reader, query};

/// The most entries that one look goes through to find those of a room.
const EXAMINED: i64 = 5_000;

/// How often to look for what other servers have written, of which nobody tells.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

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
    /// The number of the last entry up to which everything that will ever be there can be read; `written` is that of the last
    /// that this server has.
    ///
    /// In PostgreSQL a transaction's entries have its number, and a transaction that is still open may commit after one that
    /// began later. So whatever is as young as the oldest that is open, in any of that server's databases, waits for it: else
    /// its entries would appear below what was read.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn newest(&self, written: i64) -> Result<i64, Error> {
        newest(&self.reader, written).await
    }

    /// The same in the database itself, where pages read a replica of it: nobody can have read more.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn newest_of_all(&self, written: i64) -> Result<i64, Error> {
        newest(&self.current, written).await
    }

    /// After which time at most to ask for the newest entry again, also if this server has written nothing; `None` if nobody
    /// else writes.
    pub fn looks_every(&self) -> Option<Duration> {
        match self.reader {
            Database::Sqlite(_) => None,
            Database::Postgres(_) => Some(LOOKS_EVERY),
        }
    }

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
            Some(room) if self.is_far(after, newest, limit).await? && self.has_few_sessions(room).await? => {
                let rows = self.of_room(after, newest, room, limit).await?;
                end = rows.last().map_or(newest, |last| last.seq);
                rows
            }
            _ => {
                if room.is_some() && newest.saturating_sub(after) > EXAMINED {
                    let last_examined = self.nth_after(after, EXAMINED).await?;
                    end = last_examined.map_or(newest, |last| last.min(newest));
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

    /// Whether more than `limit` entries are between two numbers.
    async fn is_far(&self, after: i64, newest: i64, limit: i64) -> Result<bool, Error> {
        if newest.saturating_sub(after) <= limit {
            return Ok(false);
        }
        // Not every number is an entry's.
        let beyond = self.nth_after(after, limit.saturating_add(1)).await?;
        Ok(beyond.is_some_and(|seq| seq <= newest))
    }

    /// The number of the `n`th entry after a number; `None` if there are fewer.
    async fn nth_after(&self, after: i64, n: i64) -> Result<Option<i64>, Error> {
        let skipped = n - 1;
        let seq = query!(
            &self.reader,
            fetch_optional scalar,
            r#"select seq as "seq!" from event where seq > $1 order by seq limit 1 offset $2"#,
            after,
            skipped
        )?;
        Ok(seq)
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

/// The number of the last entry up to which everything can be read, by way of these connections.
async fn newest(reader: &Reader, written: i64) -> Result<i64, Error> {
    let Database::Postgres(reader) = reader else {
        return Ok(written);
    };
    let newest = sqlx::query_scalar!(
        r#"/*postgres*/
        select seq as "seq!" from event
        where seq <= (
            select seq_base + (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 12) - 1
            from cluster where id = 1
        )
        order by seq desc limit 1
        "#
    );
    Ok(newest.fetch_optional(reader).await?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions, Connection, PgConnection};

    use super::{EXAMINED, SESSIONS};
    use crate::history::fixture::{Fixture, on_either};
    use crate::model::id::RoomName;
    use crate::model::vocabulary::EventKind;

    #[tokio::test]
    async fn one_look_finds_a_room_behind_all_the_others() {
        for fixture in Fixture::both().await {
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
    }

    #[tokio::test]
    async fn a_room_of_many_sessions_is_found_in_looks_of_bounded_length() {
        for fixture in Fixture::both().await {
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
    }

    #[tokio::test]
    async fn sessions_that_overlap_are_told_in_order() {
        for fixture in Fixture::both().await {
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
    }

    /// Begins what writes an entry with the transaction's own number, as the journal does.
    async fn begin_entry(fixture: &Fixture) -> (PgConnection, i64) {
        let mut other = fixture.server().unwrap().connect().await.unwrap();
        sqlx::query("begin").execute(&mut other).await.unwrap();
        let entry = "insert into event (seq, at, kind) values (pg_current_xact_id()::text::bigint << 12, 0, 'gap') returning seq";
        let seq = sqlx::query_scalar(entry).fetch_one(&mut other).await.unwrap();
        (other, seq)
    }

    async fn end(mut connection: PgConnection, how: &'static str) {
        sqlx::query(how).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    #[tokio::test]
    async fn what_began_later_waits_for_what_is_not_committed_yet() {
        let fixture = Fixture::on_postgres().await;
        let history = fixture.history().await;
        for how in ["commit", "rollback"] {
            let before = history.newest(i64::MAX).await.unwrap();
            let (first, one) = begin_entry(&fixture).await;
            let (second, other) = begin_entry(&fixture).await;
            assert!(before < one && one < other);
            end(second, "commit").await;
            let is_there: bool = on_either!(
                fixture.writer(),
                fetch_one scalar,
                "select exists (select 1 from event where seq = $1)",
                other,
            );
            assert!(is_there);
            assert_eq!(
                history.newest(i64::MAX).await.unwrap(),
                before,
                "the first may still commit"
            );
            end(first, how).await;
            // Other tests' transactions on the same server hold it up, too.
            let told = async {
                while history.newest(i64::MAX).await.unwrap() != other {
                    tokio::task::yield_now().await;
                }
            };
            let told = tokio::time::timeout(std::time::Duration::from_secs(60), told).await;
            assert!(told.is_ok(), "after {how}");
            let fresh = history.fresh(before, other, None, 9).await.unwrap();
            let seqs: Vec<_> = fresh.events.iter().map(|event| event.seq).collect();
            assert_eq!(seqs, if how == "commit" { vec![one, other] } else { vec![other] });
        }
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
