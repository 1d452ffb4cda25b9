//! Rooms: names that can be used again, and who is behind them now.

use std::collections::HashMap;
use std::iter;

use serde::Serialize;
use utoipa::ToSchema;

use super::json::from_json;
use super::names::names_page;
use super::page::{Page, Slice};
use super::sessions::Session;
use super::{Error, History};
use crate::model::id::{ParticipantId, RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::Presence;
use crate::sql::{ids, query};

/// The most names that one page of a search looks at. The next page goes on from there, however few were found.
const EXAMINED: i64 = 5_000;

/// Which rooms are wanted.
#[derive(Debug, Clone, Default)]
pub struct RoomFilter {
    /// Only those with a member, present or away.
    pub live_only: bool,
    /// Only those whose name holds this; case and accents do not matter.
    pub contains: Option<String>,
}

/// A room at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Its name.
    pub room: String,
    /// How many members are present.
    pub present: i64,
    /// How many members are away and may come back.
    pub away: i64,
    /// The session that goes on; nothing if nobody is in the room.
    pub session: Option<CurrentSession>,
    /// When something last happened: the latest event, or the end of the latest session.
    pub last_activity_at: Timestamp,
}

/// The session of a room that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentSession {
    /// Its id.
    pub id: SessionId,
    /// When the first member joined.
    pub started_at: Timestamp,
}

/// One room now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomNow {
    /// Its name.
    pub room: String,
    /// The session that goes on; nothing if nobody is in the room.
    pub session: Option<Session>,
    /// The members, in the order they joined.
    pub members: Vec<Member>,
}

/// A member of a room now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Their name.
    pub username: String,
    /// Whether they are there.
    pub status: Presence,
    /// Since when they are present or away.
    pub since: Timestamp,
    /// Until when they may come back; nothing if they are present.
    pub away_until: Option<Timestamp>,
}

/// A member as the query gives it.
struct MemberRow {
    session: SessionId,
    id: ParticipantId,
    username: String,
    away_since: Option<Timestamp>,
    away_until: Option<Timestamp>,
    joined_at: Timestamp,
}

/// The latest session of a room, as the query gives it.
struct RoomRow {
    id: SessionId,
    room: String,
    started_at: Timestamp,
    present: i64,
    away: i64,
    last_activity_at: Timestamp,
}

impl Member {
    /// Whether they lost their socket and may come back.
    pub fn is_away(&self) -> bool {
        self.status == Presence::Away
    }
}

impl History {
    /// The rooms that pass the filter, by name.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn rooms(&self, filter: &RoomFilter, page: &Page<String>) -> Result<Slice<Room, String>, Error> {
        let after = page.after.as_deref().unwrap_or_default();
        let examined = if filter.contains.is_some() {
            EXAMINED
        } else {
            page.probe()
        };
        let known = if filter.live_only {
            self.live_names(after, examined).await?
        } else {
            self.names(after, examined).await?
        };
        let mut names = names_page(known, examined, filter.contains.as_deref(), page.limit);
        if filter.live_only && names.next.is_none() {
            names.next = self.last_open(after).await?;
        }
        Ok(Slice {
            rows: self.describe(&names.rows).await?,
            next: names.next,
        })
    }

    /// One room now; `None` if it was never seen.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn room(&self, room: &RoomName, now: Timestamp) -> Result<Option<RoomNow>, Error> {
        let Some(found) = self.describe(&[room.as_str().to_owned()]).await?.pop() else {
            return Ok(None);
        };
        let mut answer = RoomNow {
            room: found.room,
            session: None,
            members: Vec::new(),
        };
        if let Some(current) = found.session {
            answer.members = self.members(current.id).await?;
            answer.session = self.session(current.id, now).await?;
        }
        Ok(Some(answer))
    }

    /// The members of a session now, in the order they joined.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn members(&self, session: SessionId) -> Result<Vec<Member>, Error> {
        let mut members = self.members_of_each(iter::once(session)).await?;
        Ok(members.remove(&session).unwrap_or_default())
    }

    /// The same of some sessions; nothing of those that have no member.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn members_of_each(
        &self,
        sessions: impl Iterator<Item = SessionId>,
    ) -> Result<HashMap<SessionId, Vec<Member>>, Error> {
        let sessions = ids(sessions.map(|id| id.0))?;
        let rows = query!(
            &self.reader,
            fetch_all as MemberRow,
            sqlite: r#"
            select member.session_id as "session: SessionId", participant.id as "id: ParticipantId", username,
                away_since as "away_since: Timestamp", away_until as "away_until: Timestamp",
                member.joined_at as "joined_at: Timestamp"
            from json_each(?1) as wanted
            cross join member on member.session_id = unhex(wanted.value)
            cross join participant on participant.id = member.participant_id
            order by wanted.key, position
            "#,
            postgres: r#"
            select member.session_id as "session: SessionId", participant.id as "id: ParticipantId", username,
                away_since as "away_since: Timestamp", away_until as "away_until: Timestamp",
                member.joined_at as "joined_at: Timestamp"
            from json_array_elements_text($1::text::json) as wanted (id)
            join member on member.session_id = wanted.id::uuid
            join participant on participant.id = member.participant_id
            order by position
            "#,
            sessions
        )?;
        let people = self.people_of(rows.iter().map(|row| row.id)).await?;
        let mut members: HashMap<SessionId, Vec<Member>> = HashMap::new();
        for row in rows {
            let present_since = || people.get(&row.id)?.present_since();
            let member = Member {
                since: row.away_since.or_else(present_since).unwrap_or(row.joined_at),
                username: row.username,
                status: row.away_since.map_or(Presence::Present, |_| Presence::Away),
                away_until: row.away_until,
            };
            members.entry(row.session).or_default().push(member);
        }
        Ok(members)
    }

    /// Names of rooms with a member, in order.
    async fn live_names(&self, after: &str, limit: i64) -> Result<Vec<String>, Error> {
        let names = query!(
            &self.reader,
            fetch_all scalar,
            sqlite: r#"
            select room as "room!: String"
            from (
                select id, room from session indexed by session_open
                where ended_at is null and room > ?1
                order by room
                limit ?3
            ) as wanted
            where exists (select 1 from member where member.session_id = wanted.id)
            order by room
            limit ?2
            "#,
            postgres: r#"
            select room as "room!: String"
            from (
                select id, room from session where ended_at is null and room > $1 order by room limit $3
            ) as wanted
            where exists (select 1 from member where member.session_id = wanted.id offset 0)
            order by room
            limit $2
            "#,
            after,
            limit,
            EXAMINED
        )?;
        Ok(names)
    }

    /// Where a page has to stop looking for rooms with a member among those that were left lately; `None` if there are no
    /// more.
    async fn last_open(&self, after: &str) -> Result<Option<String>, Error> {
        let before = EXAMINED - 1;
        let name = query!(
            &self.reader,
            fetch_optional scalar,
            sqlite: r#"
            select room from session indexed by session_open
            where ended_at is null and room > ?1
            order by room
            limit 1 offset ?2
            "#,
            postgres: "select room from session where ended_at is null and room > $1 order by room limit 1 offset $2",
            after,
            before
        )?;
        Ok(name)
    }

    /// Names of all rooms, in order: the index is asked for the next name each time, and not for the sessions between.
    /// They are read as one value, as a row for each would cost a search most of its time. PostgreSQL is asked for a stretch
    /// of the index each time, the longer the more names the last one had: a look costs it as much as a dozen rows, and most
    /// rooms have few sessions.
    async fn names(&self, after: &str, limit: i64) -> Result<Vec<String>, Error> {
        let names = query!(
            &self.reader,
            fetch_one scalar,
            sqlite: r#"
            with recursive known (room) as (
                select min(room) from session where room > ?1
                union all
                select (select min(session.room) from session where session.room > known.room)
                from known where known.room is not null
                limit ?2
            )
            select json_group_array(room) as "rooms!: String" from known where room is not null
            "#,
            postgres: r#"
            with recursive known (rooms) as (
                select array(
                    select distinct stretch.room
                    from (select room from session where room > $1 order by room limit 64) as stretch
                    order by stretch.room
                )
                union all
                select array(
                    select distinct stretch.room
                    from (
                        select session.room from session
                        where session.room > known.rooms[cardinality(known.rooms)]
                        order by session.room limit least(16 * cardinality(known.rooms), 1024)
                    ) as stretch
                    order by stretch.room
                )
                from known where cardinality(known.rooms) > 0
            )
            select coalesce(json_agg(room), '[]')::text as "rooms!: String"
            from (select unnest(rooms) as room from known limit $2) as own
            "#,
            after,
            limit
        )?;
        from_json(&names)
    }

    /// What is to say of each named room that exists, in the order given.
    async fn describe(&self, names: &[String]) -> Result<Vec<Room>, Error> {
        let names = serde_json::Value::from(names).to_string();
        let rows = query!(
            &self.reader,
            fetch_all as RoomRow,
            sqlite: r#"
            select session.id as "id: SessionId", session.room, session.started_at as "started_at: Timestamp",
                (select count(*) from member where member.session_id = session.id and away_since is null)
                    as "present!: i64",
                (select count(*) from member where member.session_id = session.id and away_since is not null)
                    as "away!: i64",
                coalesce(
                    session.ended_at,
                    (select at from event where event.session_id = session.id order by seq desc limit 1),
                    session.started_at
                ) as "last_activity_at!: Timestamp"
            from json_each(?1) as wanted
            cross join session on session.id = coalesce(
                (select id from session as open where open.room = wanted.value and open.ended_at is null),
                (select id from session as latest where latest.room = wanted.value order by id desc limit 1)
            )
            order by wanted.key
            "#,
            postgres: r#"
            select session.id as "id: SessionId", session.room, session.started_at as "started_at: Timestamp",
                (select count(*) from member where member.session_id = session.id and away_since is null)
                    as "present!: i64",
                (select count(*) from member where member.session_id = session.id and away_since is not null)
                    as "away!: i64",
                coalesce(
                    session.ended_at,
                    (select at from event where event.session_id = session.id order by seq desc limit 1),
                    session.started_at
                ) as "last_activity_at!: Timestamp"
            from json_array_elements_text($1::text::json) with ordinality as wanted (room, place)
            join session on session.id = coalesce(
                (select id from session as open where open.room = wanted.room and open.ended_at is null),
                (select id from session as latest where latest.room = wanted.room order by id desc limit 1)
            )
            order by wanted.place
            "#,
            names
        )?;
        let rooms = rows.into_iter().map(|row| Room {
            session: (row.present + row.away > 0).then_some(CurrentSession {
                id: row.id,
                started_at: row.started_at,
            }),
            room: row.room,
            present: row.present,
            away: row.away,
            last_activity_at: row.last_activity_at,
        });
        Ok(rooms.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::Fixture;

    #[tokio::test]
    async fn every_room_is_found_once_in_order_however_many_sessions_it_had() {
        let mut rooms = vec![("a".to_owned(), 1), ("b".to_owned(), 100)];
        rooms.extend((0..100).map(|number| (format!("c{number:02}"), 1)));
        rooms.extend([("d".to_owned(), 40), ("e".to_owned(), 1)]);
        let names: Vec<&str> = rooms.iter().map(|(name, _)| name.as_str()).collect();
        for fixture in Fixture::both().await {
            let mut start = 0;
            for (name, sessions) in &rooms {
                for _ in 0..*sessions {
                    fixture.session(name, start, Some(start + 500)).await;
                    start += 1_000;
                }
            }
            let history = fixture.history().await;
            for (after, limit) in [
                ("", 500),
                ("", 3),
                ("a", 150),
                ("b", 101),
                ("c63", 50),
                ("d", 2),
                ("e", 1),
            ] {
                let page = Page {
                    limit,
                    after: Some(after.to_owned()),
                };
                let found = history.rooms(&RoomFilter::default(), &page).await.unwrap();
                let beyond = names.iter().filter(|name| **name > after);
                let expected: Vec<&str> = beyond.copied().take(limit).collect();
                let found: Vec<&str> = found.rows.iter().map(|room| room.room.as_str()).collect();
                assert_eq!(found, expected, "{limit} after {after:?}");
            }
        }
    }
}
