//! People: who took part in a session, each with all their connections, from which presence is told.

use std::collections::HashMap;

use uuid::Uuid;

use super::intervals::{Interval, Intervals};
use super::loss::{Contact, Loss};
use super::page::{Page, Slice};
use super::people_rows::{
    ConnectionRow, Lists, ParticipantRow, PersonOrConnection, Rows, query_people, query_people_of_postgres,
};
use super::{Error, History};
use crate::model::id::{ParticipantId, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionCloseReason, ConnectionOpenReason, LeaveReason, Presence};
use crate::sql::{Database, ids};

/// One person of a session.
#[derive(Debug)]
pub struct Person {
    /// Their id in the session.
    pub id: ParticipantId,
    pub(super) username: String,
    pub(super) joined_at: Timestamp,
    pub(super) left_at: Option<Timestamp>,
    pub(super) leave_reason: Option<LeaveReason>,
    pub(super) reconnect_count: i64,
    /// By time.
    connections: Vec<ConnectionRow>,
}

impl ConnectionRow {
    fn present(&self, now: Timestamp) -> Interval {
        Interval::new(
            self.connected_at.into(),
            self.disconnected_at.map_or(now, Timestamp::from),
        )
    }

    /// The time after the connection for which its owner stayed a member; while it lasts, up to `until`.
    fn away(&self, until: Timestamp) -> Option<Interval> {
        let from = self.disconnected_at?.into();
        Some(Interval::new(from, self.away_until.map_or(until, Timestamp::from)))
    }

    /// How contact was lost at its end, if it was; `next` is the one after it.
    fn loss(&self, next: Option<&Self>) -> Option<Loss> {
        let by_server = match self.closed_by? {
            ConnectionCloseReason::Disconnected => false,
            ConnectionCloseReason::Member(reason) if reason.is_servers() => true,
            ConnectionCloseReason::Member(_) => return None,
        };
        let back = next.filter(|next| self.away_until >= Some(next.connected_at));
        Some(Loss {
            at: self.disconnected_at?.into(),
            back: back.map(|next| next.connected_at.into()),
            until: self.away_until.map(Timestamp::from),
            is_resumed: back.is_some_and(|next| next.opened_by == ConnectionOpenReason::Reconnect),
            by_server,
        })
    }

    /// Whether the next one began at the moment this one ended.
    fn is_taken_over_by(&self, next: &Self) -> bool {
        self.disconnected_at.is_some_and(|end| end >= next.connected_at)
    }
}

impl Person {
    /// Whether they have a live socket.
    pub(super) fn is_present(&self) -> bool {
        self.connections
            .iter()
            .any(|connection| connection.disconnected_at.is_none())
    }

    /// Since when they are present, or were before they went away; nothing if they never had a socket.
    pub(super) fn present_since(&self) -> Option<Timestamp> {
        present_since(&self.connections)
    }

    pub(super) fn present(&self, now: Timestamp) -> Intervals {
        Intervals::merge(self.connections.iter().map(|connection| connection.present(now)))
    }

    /// Their contact over the session, up to now.
    pub(super) fn contact(&self, now: Timestamp) -> Contact {
        Contact {
            username: self.username.clone(),
            present: self.present(now),
            losses: self.losses(),
        }
    }

    /// How they lost contact, by time. Who is away at this moment may be back yet.
    pub(super) fn losses(&self) -> Vec<Loss> {
        let next = self.connections.iter().skip(1).map(Some).chain([None]);
        let losses = self.connections.iter().zip(next);
        losses.filter_map(|(connection, next)| connection.loss(next)).collect()
    }

    /// When they dropped: lost contact, or closed a page and came back.
    pub(super) fn drops(&self) -> Vec<Timestamp> {
        let next = self.connections.iter().skip(1).map(Some).chain([None]);
        let is_drop = |connection: &ConnectionRow, next: Option<&ConnectionRow>| {
            let came_back = next.is_some_and(|next| next.opened_by == ConnectionOpenReason::Reconnect);
            came_back || connection.loss(next).is_some()
        };
        let drops = self
            .connections
            .iter()
            .zip(next)
            .filter(|(one, next)| is_drop(one, *next));
        drops
            .filter_map(|(one, _)| one.disconnected_at.map(Timestamp::from))
            .collect()
    }

    pub(super) fn away(&self, now: Timestamp) -> Intervals {
        let until = self.left_at.unwrap_or(now);
        Intervals::merge(self.connections.iter().filter_map(|connection| connection.away(until)))
    }

    /// When they were a member, present or away.
    pub(super) fn membership(&self, now: Timestamp) -> Intervals {
        Intervals::merge(self.present(now).iter().chain(self.away(now).iter()))
    }

    /// Whether they were present or away at a moment, and since when; `None` if they were no member.
    pub(super) fn at(&self, at: Timestamp) -> Option<(Presence, Timestamp)> {
        const FOREVER: Timestamp = Timestamp(i64::MAX);
        let begun = self
            .connections
            .partition_point(|connection| Timestamp::from(connection.connected_at) <= at);
        let last = self.connections[..begun].last()?;
        match last.disconnected_at.map(Timestamp::from).filter(|end| *end <= at) {
            None => Some((Presence::Present, present_since(&self.connections[..begun])?)),
            Some(end) => {
                let away = last.away(self.left_at.unwrap_or(FOREVER))?;
                (away.to > at).then_some((Presence::Away, end))
            }
        }
    }
}

/// When the last of these connections began, or the one that it took over from.
fn present_since(connections: &[ConnectionRow]) -> Option<Timestamp> {
    let takeovers = connections
        .windows(2)
        .rev()
        .take_while(|pair| pair[0].is_taken_over_by(&pair[1]));
    let first = connections.len().checked_sub(1 + takeovers.count())?;
    Some(connections[first].connected_at.into())
}

/// How many connections are read, however many there are: that bounds what is asked for a page, and what it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Of one person, the latest.
    pub(super) each: i64,
    /// Of all together, and more than of one.
    pub(super) all: i64,
}

impl Bounds {
    /// For lists. Whoever had a thousand connections in a session was there for most of what these span.
    pub(super) const LIST: Self = Self {
        each: 1_000,
        all: 20_000,
    };
    /// For a person's sessions, as many as a page has.
    const VISITS: Self = Self { each: 400, all: 25_000 };
    /// For who is there, and since when.
    const ENDS: Self = Self { each: 50, all: 25_000 };
}

/// The most people and connections of one session that are read where there is a whole list of sessions.
const AT_A_GLANCE: (i64, i64) = (200, 400);

/// Those who took part in a session, as far as they and their connections are few enough.
pub(super) struct Everyone {
    /// They are.
    pub(super) people: Vec<Person>,
    /// Whether that is everyone, with all their connections.
    pub(super) is_whole: bool,
}

/// The most people of whom all are looked at, to sort them or to put every two together. With more, they are shown by
/// name.
pub const PEOPLE: usize = 1_000;

impl History {
    /// Everyone who took part in a session, by name; `None` if they, or their connections, are too many to look at all of
    /// them.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn everyone(&self, session: SessionId) -> Result<Option<Vec<Person>>, Error> {
        let most_people = count(PEOPLE) + 1;
        let most_connections = Bounds::LIST.all + 1;
        let Rows {
            people: rows,
            connections,
        } = query_people!(
            &self.reader,
            sqlite: (
                "select * from participant where session_id = $1 order by username limit $2",
                "select * from connection where session_id = $1 limit $3"
            ),
            postgres: (
                "select * from participant where session_id = $1 order by username limit $2",
                "select * from connection where session_id = $1 order by participant_id, id limit $3"
            ),
            session.0,
            most_people,
            most_connections
        )?;
        if rows.len() > PEOPLE || count(connections.len()) > Bounds::LIST.all {
            return Ok(None);
        }
        let mut connections = by_person(connections);
        Ok(Some(rows.into_iter().map(|row| row.person(&mut connections)).collect()))
    }

    /// Who took part in each of some sessions.
    pub(super) async fn everyone_of_each(
        &self,
        sessions: impl Iterator<Item = SessionId>,
    ) -> Result<HashMap<SessionId, Everyone>, Error> {
        let mut of_each: HashMap<Uuid, Rows> = sessions.map(|id| (id.0, Rows::default())).collect();
        let rows = self.rows_of_each(&ids(of_each.keys().copied())?).await?;
        let session_of: HashMap<Uuid, Uuid> = rows.people.iter().map(|row| (row.id, row.session)).collect();
        for person in rows.people {
            of_each.entry(person.session).or_default().people.push(person);
        }
        for connection in rows.connections {
            // Whose owner was not read is of a session with more people than are.
            if let Some(session) = session_of.get(&connection.participant) {
                of_each.entry(*session).or_default().connections.push(connection);
            }
        }
        let (most_people, most_connections) = AT_A_GLANCE;
        let everyone = |(id, rows): (Uuid, Rows)| {
            let is_whole = count(rows.people.len()) < most_people && count(rows.connections.len()) < most_connections;
            let mut connections = by_person(rows.connections);
            let people = rows.people.into_iter().map(|row| row.person(&mut connections));
            let people = people.collect();
            (SessionId(id), Everyone { people, is_whole })
        };
        Ok(of_each.into_iter().map(everyone).collect())
    }

    /// The people of some sessions, by their ids as [`ids`] writes them, as far as they are looked at.
    async fn rows_of_each(&self, sessions: &str) -> Result<Rows, Error> {
        let (most_people, most_connections) = AT_A_GLANCE;
        match &self.reader {
            Database::Sqlite(file) => {
                let lists = sqlx::query_as!(
                    Lists,
                    r#"
                    select
                        (
                            select json_group_array(
                                json_array(hex(session_id), hex(id), username, joined_at, left_at, leave_reason,
                                           reconnect_count)
                            )
                            from (select * from participant where session_id = unhex(wanted.value) limit ?2) as own
                        ) as "people!: String",
                        (
                            select json_group_array(json_array(
                                hex(participant_id), connected_at, disconnected_at, away_until, closed_by, opened_by
                            ))
                            from (select * from connection where session_id = unhex(wanted.value) limit ?3) as own
                        ) as "connections!: String"
                    from json_each(?1) as wanted
                    "#,
                    sessions,
                    most_people,
                    most_connections
                );
                let mut all = Rows::default();
                for lists in lists.fetch_all(file).await? {
                    let rows = Rows::try_from(lists)?;
                    all.people.extend(rows.people);
                    all.connections.extend(rows.connections);
                }
                Ok(all)
            }
            Database::Postgres(pool) => {
                let rows = query_people_of_postgres!(
                    pool,
                    "
                    select participant.*
                    from json_array_elements_text($1::text::json) as wanted (id)
                    cross join lateral (
                        select * from participant as own where own.session_id = wanted.id::uuid order by username limit $2
                    ) as participant
                    ",
                    "
                    select connection.*
                    from json_array_elements_text($1::text::json) as wanted (id)
                    cross join lateral (
                        select * from connection as own where own.session_id = wanted.id::uuid
                        order by participant_id, id limit $3
                    ) as connection
                    ",
                    sessions,
                    most_people,
                    most_connections
                );
                Rows::try_from(rows?)
            }
        }
    }

    /// Those who took part in a session whose names come after one, by name. May be fewer than the page's limit although
    /// there are more: where each of them has very many connections.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn people(&self, session: SessionId, page: &Page<String>) -> Result<Slice<Person, String>, Error> {
        let Bounds { each, all } = Bounds::LIST;
        let after = page.after.as_deref().unwrap_or_default();
        let limit = page.probe();
        let Rows {
            people: rows,
            connections,
        } = query_people!(
            &self.reader,
            sqlite: (
                "select * from participant where session_id = $1 and username > $2 order by username limit $3",
                "
                select connection.*
                from (
                    select id from participant where session_id = $1 and username > $2 order by username limit $3
                ) as wanted
                cross join connection on connection.session_id = $1 and connection.participant_id = wanted.id
                    and connection.id >= coalesce((
                        select latest.id from connection as latest
                        where latest.session_id = $1 and latest.participant_id = wanted.id
                        order by latest.id desc limit 1 offset $4
                    ), x'')
                limit $5
                "
            ),
            postgres: (
                "select * from participant where session_id = $1 and username > $2 order by username limit $3",
                "
                select some_of_them.*
                from (
                    select id, username from participant where session_id = $1 and username > $2
                    order by username limit $3
                ) as wanted
                cross join lateral (
                    select * from (
                        select * from connection where session_id = $1 and participant_id = wanted.id
                        order by id desc limit $4::bigint + 1
                    ) as latest order by id
                ) as some_of_them
                order by wanted.username
                limit $5
                "
            ),
            session.0,
            after,
            limit,
            each,
            all
        )?;
        // Where the reading ended, it may have ended within one person's connections.
        let unfinished = connections.last().filter(|_| count(connections.len()) == all);
        let unfinished = unfinished.and_then(|last| rows.iter().position(|row| row.id == last.participant));
        let mut connections = by_person(connections);
        let mut people: Vec<Person> = rows.into_iter().map(|row| row.person(&mut connections)).collect();
        people.truncate(unfinished.unwrap_or(usize::MAX).max(1));
        let limit = page
            .limit
            .min(unfinished.map_or(usize::MAX, |unfinished| unfinished.max(1)));
        let is_cut = unfinished.is_some();
        let last = people.last().map(|person| person.username.clone());
        let mut slice = Slice::cut(people, limit, |person| person.username.clone());
        if is_cut && slice.next.is_none() {
            slice.next = last;
        }
        Ok(slice)
    }

    /// Some people, by their ids, with what is needed to know whether they are there.
    pub(super) async fn people_of(
        &self,
        people: impl Iterator<Item = ParticipantId>,
    ) -> Result<HashMap<ParticipantId, Person>, Error> {
        let Bounds { each, all } = Bounds::ENDS;
        let people = ids(people.map(|id| id.0))?;
        let Rows {
            people: rows,
            connections,
        } = query_people!(
            &self.reader,
            sqlite: (
                "
                select participant.*
                from json_each($1) as wanted cross join participant on participant.id = unhex(wanted.value)
                ",
                "
                select connection.*
                from json_each($1) as known cross join participant as wanted on wanted.id = unhex(known.value)
                cross join connection on connection.session_id = wanted.session_id
                    and connection.participant_id = wanted.id
                    and connection.id >= coalesce((
                        select latest.id from connection as latest
                        where latest.session_id = wanted.session_id and latest.participant_id = wanted.id
                        order by latest.id desc limit 1 offset $2
                    ), x'')
                limit $3
                "
            ),
            postgres: (
                "
                select participant.*
                from json_array_elements_text($1::text::json) as wanted (id)
                join participant on participant.id = wanted.id::uuid
                ",
                "
                select some_of_them.*
                from json_array_elements_text($1::text::json) as known (id)
                join participant as wanted on wanted.id = known.id::uuid
                cross join lateral (
                    select * from (
                        select * from connection
                        where session_id = wanted.session_id and participant_id = wanted.id
                        order by id desc limit $2::bigint + 1
                    ) as latest order by id
                ) as some_of_them
                limit $3
                "
            ),
            people,
            each,
            all
        )?;
        let mut connections = by_person(connections);
        let people = rows
            .into_iter()
            .map(|row| (ParticipantId(row.id), row.person(&mut connections)));
        Ok(people.collect())
    }

    /// One person by session, in those whose ids are between two, both included.
    pub(super) async fn person_between(
        &self,
        username: &Username,
        first: SessionId,
        last: SessionId,
    ) -> Result<HashMap<SessionId, Person>, Error> {
        let (name, Bounds { each, all }) = (username.as_str(), Bounds::VISITS);
        let Rows {
            people: rows,
            connections,
        } = query_people!(
            &self.reader,
            sqlite: (
                "select * from participant where username = $1 and session_id >= $2 and session_id <= $3",
                "
                select connection.*
                from participant as wanted
                cross join connection on connection.session_id = wanted.session_id
                    and connection.participant_id = wanted.id
                    and connection.id >= coalesce((
                        select latest.id from connection as latest
                        where latest.session_id = wanted.session_id and latest.participant_id = wanted.id
                        order by latest.id desc limit 1 offset $4
                    ), x'')
                where wanted.username = $1 and wanted.session_id >= $2 and wanted.session_id <= $3
                limit $5
                "
            ),
            postgres: (
                "select * from participant where username = $1 and session_id >= $2 and session_id <= $3",
                "
                select some_of_them.*
                from participant as wanted
                cross join lateral (
                    select * from (
                        select * from connection
                        where session_id = wanted.session_id and participant_id = wanted.id
                        order by id desc limit $4::bigint + 1
                    ) as latest order by id
                ) as some_of_them
                where wanted.username = $1 and wanted.session_id >= $2 and wanted.session_id <= $3
                order by wanted.session_id
                limit $5
                "
            ),
            name,
            first.0,
            last.0,
            each,
            all
        )?;
        let mut connections = by_person(connections);
        let people = rows
            .into_iter()
            .map(|row| (SessionId(row.session), row.person(&mut connections)));
        Ok(people.collect())
    }
}

type ConnectionsByPerson = HashMap<Uuid, Vec<ConnectionRow>>;

fn by_person(connections: Vec<ConnectionRow>) -> ConnectionsByPerson {
    let mut found = ConnectionsByPerson::new();
    for connection in connections {
        found.entry(connection.participant).or_default().push(connection);
    }
    for connections in found.values_mut() {
        connections.sort_by_key(|connection| connection.connected_at);
    }
    found
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

impl ParticipantRow {
    fn person(self, connections: &mut ConnectionsByPerson) -> Person {
        Person {
            connections: connections.remove(&self.id).unwrap_or_default(),
            id: ParticipantId(self.id),
            username: self.username,
            joined_at: self.joined_at.into(),
            left_at: self.left_at.map(Timestamp::from),
            leave_reason: self.leave_reason,
            reconnect_count: self.reconnect_count,
        }
    }
}
