//! Sessions at a glance: who was there when, and what went wrong, of a whole list of sessions in one look.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::intervals::Interval;
use super::links::{LinksByEnds, Names, ends};
use super::outages::{Outage, outages_among};
use super::pairs::Meeting;
use super::people::{Everyone, Person};
use super::{Error, History};
use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionState, LeaveReason};
use crate::sql::{damaged, ids};

/// The most links of one session that are looked at, which are more than those of the people who are: the list costs what
/// it shows.
const LINKS: i64 = 2_000;

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
    /// What the server or its network did to everybody, where people are few enough to look at all of them,
    pub outages: Vec<Outage>,
    /// and how often somebody came back from a drop of their own; nothing where they are not.
    pub returns: Option<i64>,
    /// How many pairs never connected, where people and links are few enough to look at all of them.
    pub unconnected: usize,
}

impl Glance {
    /// Whether there is something that somebody should look at.
    pub fn has_trouble(&self) -> bool {
        !self.lost.is_empty() || !self.away.is_empty() || self.unconnected > 0
    }
}

/// Who has a link with whom in a session.
struct Linked {
    /// All of them.
    pairs: HashSet<[ParticipantId; 2]>,
    /// Those of whom a link was in vain, which may have another: of the rest nothing more is read.
    in_doubt: Vec<[ParticipantId; 2]>,
    /// Whether these are all.
    is_whole: bool,
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
        let everyone = self.everyone_of_each(&ids).await?;
        let mut linked = self.linked_of_each(&ids).await?;
        linked.retain(|id, linked| linked.is_whole && everyone.get(id).is_some_and(is_small));
        let in_doubt = linked.values().flat_map(|linked| linked.in_doubt.iter().copied());
        let mut links = self.links_between(in_doubt, &Names::new()).await?;
        let glance = |(id, everyone): (SessionId, Everyone)| {
            let mut glance = glance(&everyone, now);
            if let Some(linked) = linked.get(&id) {
                glance.unconnected = unconnected(&everyone.people, linked, &mut links, now);
            }
            (id, glance)
        };
        Ok(everyone.into_iter().map(glance).collect())
    }

    /// Who has a link with whom, in each of some sessions.
    async fn linked_of_each(&self, sessions: &str) -> Result<HashMap<SessionId, Linked>, Error> {
        let failed = ConnectionState::Failed.as_str();
        // Of each session one value, which SQLite makes sooner than a list: a row for each link would cost the most.
        let rows = sqlx::query!(
            r#"
            select unhex(wanted.value) as "id!: Uuid",
                (
                    select group_concat(hex(offerer_id) || hex(answerer_id), '')
                    from (select * from link where session_id = unhex(wanted.value) limit ?3) as own
                ) as "linked: String",
                (
                    select group_concat(hex(offerer_id) || hex(answerer_id), '')
                    from (select * from link where session_id = unhex(wanted.value) limit ?3) as own
                    where answered_at is null or offerer_state is ?2 or answerer_state is ?2
                ) as "in_doubt: String"
            from json_each(?1) as wanted
            "#,
            sessions,
            failed,
            LINKS
        )
        .fetch_all(&self.reader)
        .await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            let linked = ends_of_each(&row.linked.unwrap_or_default())?;
            let mut in_doubt = ends_of_each(&row.in_doubt.unwrap_or_default())?;
            in_doubt.sort_unstable();
            in_doubt.dedup();
            let linked = Linked {
                is_whole: i64::try_from(linked.len()).is_ok_and(|all| all < LINKS),
                pairs: linked.into_iter().collect(),
                in_doubt,
            };
            found.insert(SessionId(row.id), linked);
        }
        Ok(found)
    }
}

/// Pairs whose ids follow each other in hexadecimal.
fn ends_of_each(list: &str) -> Result<Vec<[ParticipantId; 2]>, Error> {
    const ID: usize = 32;
    let pairs = list.as_bytes().chunks(2 * ID).map(|pair| {
        let (one, other) = pair.split_at_checked(ID).ok_or_else(|| damaged("half of a pair"))?;
        let [one, other] = [one, other].map(|id| Uuid::try_parse_ascii(id).map(ParticipantId).map_err(damaged));
        Ok(ends(one?, other?))
    });
    pairs.collect::<Result<_, sqlx::Error>>().map_err(Error::from)
}

/// All but what became of pairs.
fn glance(everyone: &Everyone, now: Timestamp) -> Glance {
    let mut found = Glance::default();
    if everyone.is_whole {
        found.outages = outages_among(&everyone.people, now);
        let people = everyone.people.iter();
        let returns = people.map(|person| person.own_returns(&person.losses(), &found.outages));
        found.returns = Some(returns.sum());
    }
    for person in &everyone.people {
        found.present.extend(person.present(now).iter());
        found.drops.extend(person.drops());
        if person.left_at.is_some() && person.leave_reason.is_some_and(LeaveReason::is_lost) {
            found.losses.extend(person.left_at);
            found.lost.push(person.username.clone());
        } else if person.left_at.is_none() && !person.is_present() {
            found.away.push(person.username.clone());
        }
    }
    found
}

/// Whether every two of them are looked at.
fn is_small(everyone: &Everyone) -> bool {
    everyone.is_whole && everyone.people.len() <= MET_AMONG
}

/// How many pairs never connected.
fn unconnected(people: &[Person], linked: &Linked, links: &mut LinksByEnds, now: Timestamp) -> usize {
    let meeting = Meeting::of(people, now);
    let is_in_doubt = |of: &[usize; 2]| {
        let ends = meeting.ends(*of);
        links.contains_key(&ends) || (!linked.pairs.contains(&ends) && meeting.has_met(*of))
    };
    let in_doubt: Vec<[usize; 2]> = meeting.every_two().filter(is_in_doubt).collect();
    let judged = in_doubt.into_iter().map(|of| meeting.pair(of, links));
    judged.filter(|pair| pair.outcome().is_failed()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::{Connection, Fixture, OfferedLink, START_MS};
    use crate::history::page::Page;

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

    /// Links of two people, as `(stream, answered, connected, failed)`.
    const LINKS_OF_TWO: [(&str, Option<i64>, Option<i64>, bool); 7] = [
        ("user", None, None, false),
        ("user", Some(2), None, false),
        ("user", Some(2), Some(3), false),
        ("user", Some(2), Some(3), true),
        ("user", Some(2), None, true),
        ("display", Some(2), None, false),
        ("display", None, None, true),
    ];

    #[tokio::test]
    async fn a_pair_is_judged_in_the_list_as_on_its_own_page() {
        let fixture = Fixture::new().await;
        let here = Timestamp(START_MS + 10_000);
        let now = Timestamp(START_MS + 60_000);
        let mut sessions = Vec::new();
        let one_of = |place: usize| LINKS_OF_TWO.get(place);
        for place in 0..(LINKS_OF_TWO.len() + 1).pow(2) {
            let [first, second] = [place / (LINKS_OF_TWO.len() + 1), place % (LINKS_OF_TWO.len() + 1)].map(one_of);
            let session = fixture.session(&format!("r{place}"), 0, None).await;
            let connection = [Connection::open(0)];
            let (ann, _) = fixture.person(session, "Ann", None, &connection).await;
            let (bo, _) = fixture.person(session, "Bo", None, &connection).await;
            let both = [
                first.map(|link| ((ann, bo), link)),
                second.map(|link| ((bo, ann), link)),
            ];
            for (between, (stream, answered, connected, has_failed)) in both.into_iter().flatten() {
                let link = OfferedLink {
                    between,
                    stream,
                    offered: 1,
                    answered: *answered,
                    candidates: (1, 1),
                    connected: *connected,
                    closed: None,
                };
                fixture.link(session, link).await;
                let failed = "update link set answerer_state = ?, answerer_state_at = ?
                    where session_id = ? and offerer_id = ? and ?";
                let failed = sqlx::query(failed)
                    .bind(ConnectionState::Failed.as_str())
                    .bind(START_MS);
                let failed = failed.bind(session).bind(between.0).bind(has_failed);
                failed.execute(fixture.writer()).await.unwrap();
            }
            sessions.push(SessionId(session));
        }
        let history = fixture.history().await;
        let mut counts = [0; 2];
        for at in [here, now] {
            let glances = history.glances(sessions.iter().copied(), at).await.unwrap();
            for (place, id) in sessions.iter().enumerate() {
                let page = Page { after: None, limit: 10 };
                let pairs = history.pairs(*id, &page, at).await.unwrap().rows;
                let failed = pairs.iter().filter(|pair| pair.outcome().is_failed()).count();
                assert_eq!(glances[id].unconnected, failed, "links {place} at {at:?}");
                counts[failed] += 1;
            }
        }
        assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
    }
}
