//! One person over time: their sessions across all rooms.

use uuid::Uuid;

use super::attendance::Attendance;
use super::glance::Glance;
use super::page::{Page, Slice};
use super::sessions::{Session, SessionFilter};
use super::{Error, History};
use crate::model::id::{SessionId, Username};
use crate::model::time::Timestamp;
use crate::sql::{ids, query};

/// The most sessions that totals are made of: the newest ones.
pub const COUNTED: i64 = 500;

/// The most connections that they are made of.
const CONNECTIONS: i64 = 50_000;

/// What one person did in one session.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonSession {
    /// The session.
    pub session: Session,
    /// Their part in it.
    pub attendance: Attendance,
    /// When it came about that they never connected with others whom they met, a moment for each of those; nothing where people
    /// are too many to look at all of them.
    pub unconnected: Vec<Timestamp>,
}

/// What a person's sessions in a range of time come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonTotals {
    /// How many sessions, at most [`COUNTED`].
    pub sessions: i64,
    /// How long they had a live socket, in milliseconds.
    pub present_ms: i64,
    /// How often they came back.
    pub reconnect_count: i64,
    /// In how many sessions they did not come back.
    pub lost_count: i64,
}

impl History {
    /// A person's sessions that started in a range of time, the newest first, with what they did in each.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn person_sessions(
        &self,
        username: &Username,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        page: &Page<SessionId>,
        now: Timestamp,
    ) -> Result<Slice<PersonSession, SessionId>, Error> {
        let filter = SessionFilter {
            username: Some(username.clone()),
            started_after: from,
            started_before: to,
            ..SessionFilter::default()
        };
        let sessions = self.sessions(&filter, page, now).await?;
        let Some((newest, oldest)) = sessions.rows.first().zip(sessions.rows.last()) else {
            return Ok(Slice {
                rows: Vec::new(),
                next: None,
            });
        };
        let mut people = self.person_between(username, oldest.id, newest.id).await?;
        // What is not kept of a session is worked out.
        let kept = self.kept_glances(&ids(people.keys().map(|id| id.0))?).await?;
        let without_pairs: Vec<_> = people
            .iter()
            .filter(|(id, _)| kept.get(id).is_none_or(|glance| glance.unconnected.is_none()))
            .map(|(session, person)| (*session, person.id))
            .collect();
        let without_outages = sessions.rows.iter().filter_map(|session| {
            let is_known = kept
                .get(&session.id)
                .is_some_and(|glance| glance.known_outages().is_some());
            people
                .get(&session.id)
                .filter(|_| !is_known)
                .map(|person| (session, person))
        });
        let (mut unconnected, outages) = tokio::try_join!(
            self.unconnected_of(&without_pairs, now),
            self.outages_for_each(without_outages, now),
        )?;
        let mut rows = Vec::with_capacity(sessions.rows.len());
        for session in sessions.rows {
            let Some(person) = people.remove(&session.id) else {
                continue;
            };
            let kept = kept.get(&session.id);
            let kept_outages = kept.and_then(Glance::known_outages);
            let outages = kept_outages.or_else(|| outages.get(&session.id).map(Vec::as_slice));
            let mut unconnected = kept
                .and_then(|glance| glance.unconnected_of(person.id))
                .or_else(|| unconnected.remove(&session.id))
                .unwrap_or_default();
            unconnected.sort_unstable();
            rows.push(PersonSession {
                attendance: person.attendance(&session, outages.unwrap_or_default(), now),
                unconnected,
                session,
            });
        }
        Ok(Slice {
            rows,
            next: sessions.next,
        })
    }

    /// What a person's sessions that started in a range of time come to. Of very many connections the first in the newest
    /// sessions count.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn totals(
        &self,
        username: &Username,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<PersonTotals, Error> {
        let name = username.as_str();
        let first = SessionId::first_at(from.unwrap_or_default());
        let last = to.map_or(SessionId(Uuid::max()), |to| SessionId::last_at(Timestamp(to.0 - 1)));
        // A person's connections in a session never overlap: a takeover ends one at the moment the next begins.
        let totals = query!(
            &self.reader,
            fetch_one as PersonTotals,
            sqlite: r#"
            with visit as (
                select id, session_id, reconnect_count, leave_reason from participant indexed by participant_by_username
                where username = ?1 and session_id >= ?2 and session_id <= ?3
                order by session_id desc
                limit ?4
            )
            select count(*) as "sessions!: i64", coalesce(sum(visit.reconnect_count), 0) as "reconnect_count!: i64",
                coalesce(sum(leave_reason in ('timeout', 'server_shutdown', 'server_crash')), 0) as "lost_count!: i64",
                coalesce((
                    select sum(max(coalesce(disconnected_at, ?5) - connected_at, 0))
                    from (
                        select disconnected_at, connected_at
                        from visit
                        cross join connection on connection.session_id = visit.session_id
                            and connection.participant_id = visit.id
                        limit ?6
                    ) as own
                ), 0) as "present_ms!: i64"
            from visit
            "#,
            postgres: r#"
            with visit as materialized (
                select id, session_id, reconnect_count, leave_reason from participant
                where username = $1 and session_id >= $2 and session_id <= $3
                order by session_id desc
                limit $4
            )
            select count(*) as "sessions!: i64", coalesce(sum(visit.reconnect_count), 0)::bigint as "reconnect_count!: i64",
                count(*) filter (where leave_reason in ('timeout', 'server_shutdown', 'server_crash')) as "lost_count!: i64",
                coalesce((
                    select sum(greatest(coalesce(disconnected_at, $5) - connected_at, 0))
                    from (
                        select some_of_them.*
                        from visit
                        cross join lateral (
                            select disconnected_at, connected_at from connection
                            where connection.session_id = visit.session_id and connection.participant_id = visit.id
                            offset 0
                        ) as some_of_them
                        limit $6
                    ) as own
                ), 0)::bigint as "present_ms!: i64"
            from visit
            "#,
            name,
            first.0,
            last.0,
            COUNTED,
            now.0,
            CONNECTIONS
        )?;
        Ok(totals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::{Connection, Fixture, OfferedLink, START_MS};
    use crate::model::vocabulary::LeaveReason;

    #[tokio::test]
    async fn of_each_session_it_is_known_when_they_connected_with_somebody_in_vain() {
        for fixture in Fixture::both().await {
            let session = fixture.session("r", 0, Some(1000)).await;
            let left = Some((1000, LeaveReason::Left));
            let mut ids = Vec::new();
            for (name, from) in [("Ann", 0), ("Bo", 10), ("Cy", 20), ("Di", 40)] {
                let there = [Connection::ended(from, 1000, LeaveReason::Left)];
                ids.push(fixture.person(session, name, left, &there).await.0);
            }
            // Ann's offer to Cy is not answered, Di is made none, and what is between Cy and Di is not Ann's.
            for (between, answered) in [
                ((ids[0], ids[1]), Some(31)),
                ((ids[0], ids[2]), None),
                ((ids[2], ids[3]), None),
            ] {
                let link = OfferedLink {
                    between,
                    stream: "user",
                    offered: 30,
                    answered,
                    candidates: (1, 1),
                    connected: None,
                    closed: None,
                };
                fixture.link(session, link).await;
            }
            let alone = fixture.session("s", 2000, Some(2100)).await;
            let there = [Connection::ended(2000, 2100, LeaveReason::Left)];
            fixture
                .person(alone, "Ann", Some((2100, LeaveReason::Left)), &there)
                .await;

            let (history, now) = (fixture.history().await, Timestamp(START_MS + 10_000_000));
            let ann = Username::parse("Ann").unwrap();
            let visits = history
                .person_sessions(&ann, (None, None), &Page { limit: 9, after: None }, now)
                .await
                .unwrap();
            let mut found: Vec<Vec<i64>> = Vec::new();
            for visit in visits.rows {
                let moments = visit.unconnected.iter();
                found.push(moments.map(|at| (at.0 - START_MS) / 1000).collect());
            }
            assert_eq!(found, [Vec::new(), vec![30, 40]]);
        }
    }

    #[tokio::test]
    async fn sessions_of_all_rooms_add_up() {
        for fixture in Fixture::both().await {
            let (now, ann) = (Timestamp(START_MS + 10_000_000), Username::parse("Ann").unwrap());
            let page = |after| Page { limit: 2, after };
            let at = |seconds: i64| Some(Timestamp(START_MS + seconds * 1000));
            for (room, start) in [("a", 0), ("b", 1000), ("c", 2000)] {
                let session = fixture.session(room, start, Some(start + 500)).await;
                let end = start + 500;
                let back = [
                    Connection::lost(start, start + 100, Some(start + 110)),
                    Connection::ended(start + 110, end, LeaveReason::Left),
                ];
                fixture
                    .person(session, "Ann", Some((end, LeaveReason::Left)), &back)
                    .await;
                let all = [Connection::ended(start, end, LeaveReason::Left)];
                fixture
                    .person(session, "Bo", Some((end, LeaveReason::Left)), &all)
                    .await;
            }
            let history = fixture.history().await;

            let first = history
                .person_sessions(&ann, (None, None), &page(None), now)
                .await
                .unwrap();
            let told: Vec<_> = first
                .rows
                .iter()
                .map(|visit| {
                    (
                        visit.session.room.as_str(),
                        visit.attendance.present_ms,
                        visit.attendance.away_ms,
                    )
                })
                .collect();
            assert_eq!(told, [("c", 490_000, 10_000), ("b", 490_000, 10_000)]);
            let second = history
                .person_sessions(&ann, (None, None), &page(first.next), now)
                .await
                .unwrap();
            assert_eq!((second.rows.len(), second.rows[0].session.room.as_str()), (1, "a"));
            assert_eq!(second.next, None);

            for (range, sessions) in [
                ((None, None), 3),
                ((at(1000), None), 2),
                ((at(1001), None), 1),
                ((None, at(1000)), 1),
                ((at(1000), at(2000)), 1),
                ((at(3000), None), 0),
            ] {
                let totals = history.totals(&ann, range, now).await.unwrap();
                let expected = PersonTotals {
                    sessions,
                    present_ms: sessions * 490_000,
                    reconnect_count: sessions,
                    lost_count: 0,
                };
                assert_eq!(totals, expected, "{range:?}");
                let visits = history
                    .person_sessions(&ann, range, &Page { limit: 9, after: None }, now)
                    .await
                    .unwrap();
                assert_eq!(visits.rows.len(), usize::try_from(sessions).unwrap());
            }
        }
    }
}
