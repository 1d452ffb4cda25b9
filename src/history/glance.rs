//! Sessions at a glance: who was there when, and what went wrong, of a whole list of sessions in one look.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use uuid::Uuid;

use super::intervals::{Interval, Intervals};
use super::json::{Millis, from_json};
use super::pair::{STEP_WITHIN_MS, Together};
use super::{Error, History};
use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionCloseReason, LeaveReason};
use crate::sql::ids;

/// The most people, connections and links of one session that are looked at: the list costs what it shows.
const PEOPLE: i64 = 200;
const CONNECTIONS: i64 = 400;
const LINKS: i64 = 600;

/// With more people not every two of them are looked at.
const MET_AMONG: usize = 60;

/// What there is to say of a session at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Glance {
    /// Who was there when: an interval of presence each, of the first connections.
    pub present: Vec<Interval>,
    /// When somebody dropped and came back.
    pub drops: Vec<Timestamp>,
    /// When somebody was lost.
    pub losses: Vec<Timestamp>,
    /// Who did not come back, by name.
    pub lost: Vec<String>,
    /// Who is away at this moment, by name.
    pub away: Vec<String>,
    /// How many pairs never connected.
    pub unconnected: usize,
}

impl Glance {
    /// Whether there is something that somebody should look at.
    pub fn has_trouble(&self) -> bool {
        !self.lost.is_empty() || !self.away.is_empty() || self.unconnected > 0
    }
}

#[derive(Deserialize)]
struct PersonFields {
    id: Uuid,
    username: String,
    leave_reason: Option<LeaveReason>,
    left_at: Option<Millis>,
}

#[derive(Deserialize)]
struct ConnectionFields {
    participant: Uuid,
    connected_at: Millis,
    disconnected_at: Option<Millis>,
    away_until: Option<Millis>,
    closed_by: Option<ConnectionCloseReason>,
}

/// Two people who have a link, by their ids.
#[derive(Deserialize)]
struct LinkedFields {
    one: Uuid,
    other: Uuid,
    has_failed: u8,
}

impl History {
    /// Sessions at a glance, at this moment.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn glances(
        &self,
        sessions: impl Iterator<Item = SessionId>,
        now: Timestamp,
    ) -> Result<HashMap<SessionId, Glance>, Error> {
        let ids = ids(sessions.map(|id| id.0))?;
        let long_ago = now.0.saturating_sub(STEP_WITHIN_MS);
        // Of each session the first few of each kind: a list of them is one value.
        let rows = sqlx::query!(
            r#"
            select unhex(wanted.value) as "id!: Uuid",
                (
                    select json_group_array(json_array(hex(id), username, leave_reason, left_at))
                    from (
                        select id, username, leave_reason, left_at from participant
                        where session_id = unhex(wanted.value) limit ?2
                    ) as own
                ) as "people!: String",
                (
                    select json_group_array(
                        json_array(hex(participant_id), connected_at, disconnected_at, away_until, closed_by)
                    )
                    from (
                        select participant_id, connected_at, disconnected_at, away_until, closed_by from connection
                        where session_id = unhex(wanted.value) limit ?3
                    ) as own
                ) as "connections!: String",
                (
                    select json_group_array(json_array(hex(one), hex(other), has_failed))
                    from (
                        select min(offerer_id, answerer_id) as one, max(offerer_id, answerer_id) as other,
                            max(connected_at is not null) = 0 and max(offered_at) < ?5
                                and (max(coalesce(offerer_state, '') = 'failed' or coalesce(answerer_state, '') = 'failed')
                                    or max(answered_at is not null) = 0) as has_failed
                        from (
                            select offerer_id, answerer_id, stream_type, offered_at, connected_at, answered_at,
                                offerer_state, answerer_state
                            from link where session_id = unhex(wanted.value) limit ?4
                        ) as own
                        where stream_type = 'user'
                        group by 1, 2
                    ) as own
                ) as "linked!: String"
            from json_each(?1) as wanted
            "#,
            ids,
            PEOPLE,
            CONNECTIONS,
            LINKS,
            long_ago
        )
        .fetch_all(&self.reader)
        .await?;
        let mut glances = HashMap::with_capacity(rows.len());
        for row in rows {
            let people = from_json(&row.people)?;
            let connections = from_json(&row.connections)?;
            let glance = glance(people, connections, &from_json::<LinkedFields>(&row.linked)?, now);
            glances.insert(SessionId(row.id), glance);
        }
        Ok(glances)
    }
}

fn glance(
    people: Vec<PersonFields>,
    connections: Vec<ConnectionFields>,
    linked: &[LinkedFields],
    now: Timestamp,
) -> Glance {
    let mut found = Glance::default();
    let mut memberships: HashMap<Uuid, Vec<Interval>> = HashMap::new();
    let mut is_away: HashMap<Uuid, bool> = HashMap::new();
    let is_whole = i64::try_from(connections.len()).is_ok_and(|all| all < CONNECTIONS);
    for connection in &connections {
        let from = connection.connected_at.into();
        let to = connection.disconnected_at.map_or(now, Timestamp::from);
        let until = connection.away_until.map_or(now, Timestamp::from);
        found.present.push(Interval::new(from, to));
        let membership = Interval::new(from, until.max(to));
        memberships.entry(connection.participant).or_default().push(membership);
        let goes_on = connection.disconnected_at.is_none();
        let has_ended = connection.disconnected_at.is_some() && connection.away_until.is_some();
        if goes_on || connection.away_until.is_none() {
            is_away.insert(connection.participant, !goes_on);
        }
        if has_ended && connection.closed_by == Some(ConnectionCloseReason::Disconnected) {
            found.drops.push(to);
        }
    }
    if is_whole && people.len() <= MET_AMONG {
        found.unconnected = unmet(&memberships, linked, now);
    }
    found.unconnected += linked.iter().filter(|pair| pair.has_failed != 0).count();
    for person in people {
        if person.left_at.is_some() && person.leave_reason.is_some_and(LeaveReason::is_lost) {
            found.losses.extend(person.left_at.map(Timestamp::from));
            found.lost.push(person.username);
        } else if person.left_at.is_none() && is_away.get(&person.id) == Some(&true) {
            found.away.push(person.username);
        }
    }
    found
}

/// How many pairs were there at the same time for long enough, and have no link.
fn unmet(memberships: &HashMap<Uuid, Vec<Interval>>, linked: &[LinkedFields], now: Timestamp) -> usize {
    let linked: HashSet<[Uuid; 2]> = linked.iter().map(|pair| [pair.one, pair.other]).collect();
    let merged: Vec<(Uuid, Intervals)> = memberships
        .iter()
        .map(|(id, all)| (*id, Intervals::merge(all.iter().copied())))
        .collect();
    let mut count = 0;
    for (place, (one, first)) in merged.iter().enumerate() {
        for (other, second) in &merged[place + 1..] {
            let ends = [*one.min(other), *one.max(other)];
            let are_new = || Together::of([first, second], now).is_some_and(Together::is_new);
            let have_met = || first.overlap(second) && !are_new();
            count += usize::from(!linked.contains(&ends) && have_met());
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::{Connection, Fixture, OfferedLink, START_MS};

    #[tokio::test]
    async fn a_glance_says_who_was_lost_and_how_many_never_connected() {
        let fixture = Fixture::new().await;
        let session = fixture.session("r", 0, Some(1000)).await;
        let there = |from| [Connection::ended(from, 1000, LeaveReason::Left)];
        let left = Some((1000, LeaveReason::Left));
        let dropped = [
            Connection::lost(0, 100, Some(110)),
            Connection::ended(110, 1000, LeaveReason::Left),
        ];
        let (ann, _) = fixture.person(session, "Ann", left, &dropped).await;
        let (bo, _) = fixture.person(session, "Bo", left, &there(0)).await;
        let lost = [Connection::lost(0, 500, Some(515))];
        let (cy, _) = fixture
            .person(session, "Cy", Some((515, LeaveReason::Timeout)), &lost)
            .await;
        // Who came when Cy had gone never met him.
        let (di, _) = fixture.person(session, "Di", left, &there(600)).await;
        for (between, answered) in [((ann, bo), Some(2)), ((ann, cy), None), ((di, ann), Some(2))] {
            let link = OfferedLink {
                between,
                stream: "user",
                offered: 1,
                answered,
                candidates: (1, 1),
                connected: None,
                closed: None,
            };
            fixture.link(session, link).await;
        }
        let (history, now) = (fixture.history().await, Timestamp(START_MS + 2_000_000));
        let glances = history.glances([SessionId(session)].into_iter(), now).await.unwrap();
        let glance = &glances[&SessionId(session)];
        assert_eq!((glance.lost.as_slice(), glance.away.len()), (&["Cy".to_owned()][..], 0));
        // Ann's offer to Cy was not answered; Bo made none to Cy, nor to Di.
        assert_eq!(glance.unconnected, 3);
        assert_eq!(glance.drops.len(), 2, "Ann's and Cy's");
        assert_eq!((glance.present.len(), glance.losses.len()), (5, 1));
        assert!(glance.has_trouble());
    }
}
