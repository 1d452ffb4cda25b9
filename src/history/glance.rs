//! Sessions at a glance: who was there when, and what went wrong, of a whole list of sessions in one look.

use std::collections::HashMap;

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
use crate::sql::{damaged, ids, query};

/// The most links of one session that are looked at, which are more than those of the people who are: the list costs what
/// it shows.
pub(super) const LINKS: i64 = 2_000;

/// With more people not every two of them are looked at.
pub(super) const MET_AMONG: usize = 60;

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
    /// The pairs that never connected; nothing where people or links are too many to look at all of them.
    pub unconnected: Option<Vec<Unconnected>>,
    /// Whom all these pairs have in common, by name: both of a single pair, one of several, or nobody.
    pub unconnected_by: Vec<String>,
}

/// Two who met, and never connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconnected {
    /// The two.
    pub pair: [ParticipantId; 2],
    /// When it came about.
    pub at: Timestamp,
}

/// What all of some pairs have in common: both of a single pair, one of several, or nothing.
pub fn in_all<T: Copy + PartialEq>(mut pairs: impl Iterator<Item = [T; 2]>) -> Vec<T> {
    let mut common: Vec<T> = pairs.next().into_iter().flatten().collect();
    for pair in pairs {
        common.retain(|one| pair.contains(one));
    }
    common
}

impl Glance {
    /// Whether there is something that somebody should look at.
    pub fn has_trouble(&self) -> bool {
        !self.lost.is_empty() || !self.away.is_empty() || self.unconnected_pairs() > 0
    }

    /// What everybody lost contact by, if everybody was looked at.
    pub(super) fn known_outages(&self) -> Option<&[Outage]> {
        self.returns.map(|_| self.outages.as_slice())
    }

    /// When it came about that one of them never connected with others, a moment for each, if every two were looked at.
    pub(super) fn unconnected_of(&self, one: ParticipantId) -> Option<Vec<Timestamp>> {
        let own = self.unconnected.as_ref()?.iter().filter(|of| of.pair.contains(&one));
        Some(own.map(|of| of.at).collect())
    }

    /// How many pairs never connected, as far as they are looked at.
    pub fn unconnected_pairs(&self) -> usize {
        self.unconnected.as_ref().map_or(0, Vec::len)
    }
}

/// Who has a link with whom in a session.
struct Linked {
    /// All of them, one for each link.
    pairs: Vec<[ParticipantId; 2]>,
    /// Those of whom a link was in vain, which may have another: of the rest nothing more is read.
    in_doubt: Vec<[ParticipantId; 2]>,
}

/// The same of a session as the query gives it, for [`Linked::read`].
struct LinkedRow {
    id: Uuid,
    linked: Option<String>,
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
        let sessions: Vec<SessionId> = sessions.collect();
        let mut glances = self.kept_glances(&ids(sessions.iter().map(|id| id.0))?).await?;
        let missing: Vec<SessionId> = sessions.into_iter().filter(|id| !glances.contains_key(id)).collect();
        if !missing.is_empty() {
            glances.extend(self.glances_of_live(missing.into_iter(), now).await?);
        }
        Ok(glances)
    }

    /// The same of sessions of which none is kept: those that go on.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn glances_of_live(
        &self,
        sessions: impl Iterator<Item = SessionId>,
        now: Timestamp,
    ) -> Result<HashMap<SessionId, Glance>, Error> {
        let worked_out = self.worked_out_glances(sessions, now).await?;
        Ok(worked_out.into_iter().map(|(id, (glance, _))| (id, glance)).collect())
    }

    /// The same, whatever is kept, each with the people it was worked out from.
    pub(super) async fn worked_out_glances(
        &self,
        sessions: impl Iterator<Item = SessionId>,
        now: Timestamp,
    ) -> Result<HashMap<SessionId, (Glance, Vec<Person>)>, Error> {
        let everyone = self.everyone_of_each(sessions).await?;
        let small = everyone.iter().filter(|(_, everyone)| is_small(everyone));
        let linked = self.linked_of_each(&ids(small.map(|(id, _)| id.0))?).await?;
        let in_doubt = linked.values().flat_map(|linked| linked.in_doubt.iter().copied());
        let mut links = self.links_between(in_doubt, &Names::new()).await?;
        let glance = |(id, everyone): (SessionId, Everyone)| {
            let mut glance = glance(&everyone, now);
            if let Some(linked) = linked.get(&id) {
                let unconnected = unconnected(&everyone.people, linked, &mut links, now);
                let by = in_all(unconnected.iter().map(|of| of.pair)).into_iter();
                let by = by.filter_map(|id| everyone.people.iter().find(|person| person.id == id));
                glance.unconnected_by = by.map(|person| person.username.clone()).collect();
                glance.unconnected = Some(unconnected);
            }
            (id, (glance, everyone.people))
        };
        Ok(everyone.into_iter().map(glance).collect())
    }

    /// Who has a link with whom, in each of those sessions that have few enough.
    async fn linked_of_each(&self, sessions: &str) -> Result<HashMap<SessionId, Linked>, Error> {
        let failed = ConnectionState::Failed.as_str();
        // Of each session one value, which SQLite makes sooner than a list: a row for each link would cost the most. To
        // count them first costs less than to end the reading at the most of them.
        let rows = query!(
            &self.reader,
            fetch_all as LinkedRow,
            sqlite: r#"
            select unhex(wanted.value) as "id!: Uuid",
                (
                    select group_concat(
                        hex(offerer_id || answerer_id)
                            || (answered_at is null or offerer_state is ?2 or answerer_state is ?2),
                        ''
                    )
                    from link where session_id = unhex(wanted.value)
                ) as "linked: String"
            from json_each(?1) as wanted
            where (select count(*) from (select 1 from link where session_id = unhex(wanted.value) limit ?3)) < ?3
            "#,
            postgres: r#"
            select wanted.id as "id!: Uuid",
                (
                    select string_agg(
                        encode(uuid_send(offerer_id) || uuid_send(answerer_id), 'hex') || case
                            when answered_at is null or offerer_state is not distinct from $2
                                or answerer_state is not distinct from $2
                            then '1' else '0'
                        end,
                        ''
                    )
                    from link where session_id = wanted.id
                ) as "linked: String"
            from (select value::uuid as id from json_array_elements_text($1::text::json) as value) as wanted
            where (select count(*) from (select 1 from link where session_id = wanted.id limit $3) as own) < $3
            "#,
            sessions,
            failed,
            LINKS
        )?;
        let linked = rows.into_iter().map(|row| {
            let linked = Linked::read(&row.linked.unwrap_or_default())?;
            Ok((SessionId(row.id), linked))
        });
        linked.collect()
    }
}

impl Linked {
    /// Reads links that follow each other, each as the ids of its two ends in hexadecimal and whether it was in vain.
    fn read(list: &str) -> Result<Self, Error> {
        const ID: usize = 32;
        let mut found = Self {
            pairs: Vec::with_capacity(list.len() / (2 * ID + 1)),
            in_doubt: Vec::new(),
        };
        for link in list.as_bytes().chunks(2 * ID + 1) {
            let &[ref both @ .., was_in_vain] = link else { continue };
            let (one, other) = both.split_at_checked(ID).ok_or_else(|| damaged("half of a link"))?;
            let id = |hex| Uuid::try_parse_ascii(hex).map(ParticipantId).map_err(damaged);
            let pair = ends(id(one)?, id(other)?);
            found.pairs.push(pair);
            if was_in_vain == b'1' {
                found.in_doubt.push(pair);
            }
        }
        found.in_doubt.sort_unstable();
        found.in_doubt.dedup();
        Ok(found)
    }
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

/// The pairs that never connected.
fn unconnected(people: &[Person], linked: &Linked, links: &mut LinksByEnds, now: Timestamp) -> Vec<Unconnected> {
    let meeting = Meeting::of(people, now);
    let places: HashMap<ParticipantId, usize> = (0..).zip(people).map(|(place, person)| (person.id, place)).collect();
    let places_of = |ends: &[ParticipantId; 2]| {
        let [one, other] = ends.map(|id| places.get(&id).copied());
        Some([one?.min(other?), one?.max(other?)])
    };
    // Of every two one lookup in a table would cost most of the list's time.
    let mut have_link = vec![false; people.len() * people.len()];
    for [one, other] in linked.pairs.iter().filter_map(places_of) {
        have_link[one * people.len() + other] = true;
    }
    let is_unlinked = |&[one, other]: &[usize; 2]| !have_link[one * people.len() + other];
    let never_offered = meeting
        .every_two()
        .filter(is_unlinked)
        .filter(|of| meeting.has_met(*of));
    let in_doubt = linked.in_doubt.iter().filter_map(places_of);
    let failed = in_doubt.chain(never_offered).filter_map(|of| {
        let pair = meeting.pair(of, links);
        pair.is_failed().then(|| Unconnected {
            pair: meeting.ends(of),
            at: pair.broken_at(),
        })
    });
    failed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::{Connection, Fixture, OfferedLink, START_MS, on_either};
    use crate::history::page::Page;

    #[tokio::test]
    async fn a_glance_says_who_was_lost_and_how_many_never_connected() {
        for fixture in Fixture::both().await {
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
            // Who was there for 20 s only left them no time to connect; but that it failed with Di, a page has said.
            let (ed, _) = fixture.person(session, "Ed", left, &there(980)).await;
            for (between, offered, answered) in [
                ((ann, bo), 1, Some(2)),
                ((ann, cy), 1, None),
                ((di, ann), 1, Some(2)),
                ((ann, ed), 981, None),
                ((di, ed), 981, Some(982)),
            ] {
                let link = OfferedLink {
                    between,
                    stream: "user",
                    offered,
                    answered,
                    candidates: (1, 1),
                    connected: None,
                    closed: None,
                };
                fixture.link(session, link).await;
            }
            on_either!(
                fixture.writer(),
                execute,
                "update link set offerer_state = $1, offerer_state_at = $2 where offerer_id = $3 and answerer_id = $4",
                ConnectionState::Failed.as_str(),
                START_MS + 990_000,
                di,
                ed,
            );
            let (history, now) = (fixture.history().await, Timestamp(START_MS + 2_000_000));
            let glances = history.glances([SessionId(session)].into_iter(), now).await.unwrap();
            let glance = &glances[&SessionId(session)];
            assert_eq!((glance.lost.as_slice(), glance.away.len()), (&["Cy".to_owned()][..], 0));
            // Ann's offer to Cy was not answered; Bo made none to Cy, nor to Di; Di and Ed failed.
            assert_eq!(glance.unconnected_pairs(), 4);
            assert_eq!(glance.drops.len(), 2, "Ann's and Cy's");
            assert_eq!((glance.present.len(), glance.losses.len()), (6, 1));
            assert!(glance.has_trouble());
        }
    }

    /// Links of two people, as `(stream, answered, connected, failed)`.
    const LINKS_OF_TWO: [(&str, Option<i64>, Option<i64>, bool); 8] = [
        ("user", None, None, false),
        ("user", Some(2), None, false),
        ("user", Some(2), Some(3), false),
        ("user", Some(2), Some(3), true),
        ("user", Some(2), None, true),
        ("display", Some(2), None, false),
        ("display", None, None, true),
        ("a client's\u{0}own", Some(2), None, false),
    ];

    #[tokio::test]
    async fn a_pair_is_judged_in_the_list_as_on_its_own_page() {
        for fixture in Fixture::both().await {
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
                    if *has_failed {
                        on_either!(
                            fixture.writer(),
                            execute,
                            "update link set answerer_state = $1, answerer_state_at = $2
                         where session_id = $3 and offerer_id = $4",
                            ConnectionState::Failed.as_str(),
                            START_MS,
                            session,
                            between.0,
                        );
                    }
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
                    let failed = pairs.iter().filter(|pair| pair.is_failed()).count();
                    assert_eq!(glances[id].unconnected_pairs(), failed, "links {place} at {at:?}");
                    counts[failed] += 1;
                }
            }
            assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
        }
    }
}
