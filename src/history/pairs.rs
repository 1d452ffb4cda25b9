//! The pairs of a session: everybody with everybody they met.

use std::collections::HashSet;

use uuid::Uuid;

use super::intervals::Intervals;
use super::links::{LinksByEnds, Names, ends};
use super::page::{Page, Slice};
use super::pair::Pair;
use super::people::Person;
use super::{Error, History};
use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;

/// The most people whose partners are looked for at once.
const AT_ONCE: usize = 64;

/// People of whom every two may be a pair.
pub(super) struct Meeting<'a> {
    people: &'a [Person],
    memberships: Vec<Intervals>,
    now: Timestamp,
}

impl<'a> Meeting<'a> {
    pub(super) fn of(people: &'a [Person], now: Timestamp) -> Self {
        Self {
            people,
            memberships: people.iter().map(|person| person.membership(now)).collect(),
            now,
        }
    }

    /// Two of them, as links are kept by.
    pub(super) fn ends(&self, [one, other]: [usize; 2]) -> [ParticipantId; 2] {
        ends(self.people[one].id, self.people[other].id)
    }

    /// Whether two were members at the same time.
    pub(super) fn has_met(&self, [one, other]: [usize; 2]) -> bool {
        self.memberships[one].overlap(&self.memberships[other])
    }

    /// Every two of them, by their places.
    pub(super) fn every_two(&self) -> impl Iterator<Item = [usize; 2]> {
        let number = self.people.len();
        (0..number).flat_map(move |one| (one + 1..number).map(move |other| [one, other]))
    }

    /// One of them with each other, by their places.
    pub(super) fn two_with(&self, one: usize) -> impl Iterator<Item = [usize; 2]> {
        let others = (0..self.people.len()).filter(move |other| *other != one);
        others.map(move |other| [one.min(other), one.max(other)])
    }

    /// What became of two people; takes their links.
    pub(super) fn pair(&self, of: [usize; 2], links: &mut LinksByEnds) -> Pair {
        let both = of.map(|index| &self.people[index]);
        let links = links.remove(&self.ends(of)).unwrap_or_default();
        Pair::of(both, of.map(|index| &self.memberships[index]), links, self.now)
    }
}

impl History {
    /// The pairs of a session by name: all who were members at the same time, also those who never exchanged anything.
    /// A page costs the session's people, and the links of those it shows. Where people are too many to look at every
    /// two, those who have a link, by the name of who came first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn pairs(
        &self,
        session: SessionId,
        page: &Page<(String, String)>,
        now: Timestamp,
    ) -> Result<Slice<Pair, (String, String)>, Error> {
        let Some(people) = self.everyone(session).await? else {
            return self.linked_pairs(session, page, now).await;
        };
        // Read at once, each link is read once, and not for either of its ends.
        if page.after.is_none() && people.len() * people.len() / 2 <= page.limit {
            let rows = self.pairs_among(session, &people, true, now).await?;
            return Ok(Slice { rows, next: None });
        }
        let meeting = Meeting::of(&people, now);
        let found = self.find_pairs(&meeting, page).await?;
        let shown = found.iter().map(|found| meeting.ends(*found));
        let mut links = self.links_between(shown, &names(&people)).await?;
        let pairs = found.into_iter().map(|found| meeting.pair(found, &mut links)).collect();
        Ok(Slice::cut(pairs, page.limit, key))
    }

    /// The pairs of a page and one more, by the places of the two among the people.
    async fn find_pairs(&self, meeting: &Meeting<'_>, page: &Page<(String, String)>) -> Result<Vec<[usize; 2]>, Error> {
        let people = meeting.people;
        let (first, second) = page.after.clone().unwrap_or_default();
        let mut start = people.partition_point(|person| person.username < first);
        let mut found = Vec::new();
        // Most pages are filled by a person or two.
        let mut ahead = 1;
        while start < people.len() {
            let end = people.len().min(start + ahead);
            let from_first = people[start..end].iter().map(|one| (one.id, Uuid::nil()));
            let partners = self.partners(from_first, i64::MAX).await?;
            let partners: HashSet<_> = partners.into_iter().map(|[one, other]| ends(one, other)).collect();
            let all = (start..end).flat_map(|one| (one + 1..people.len()).map(move |other| [one, other]));
            let is_shown = |of: &[usize; 2]| {
                let [one, other] = of.map(|index| people[index].username.as_str());
                let is_before = one == first && other <= second.as_str();
                !is_before && (partners.contains(&meeting.ends(*of)) || meeting.has_met(*of))
            };
            found.extend(all.filter(is_shown).take(page.limit + 1 - found.len()));
            if found.len() > page.limit {
                break;
            }
            start = end;
            ahead = (ahead * 2).min(AT_ONCE);
        }
        Ok(found)
    }

    /// All pairs among some people of a session, or, if they are all of it, `everyone`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn pairs_among(
        &self,
        session: SessionId,
        people: &[Person],
        everyone: bool,
        now: Timestamp,
    ) -> Result<Vec<Pair>, Error> {
        let names = names(people);
        let all = if everyone {
            self.links(session, &names).await?
        } else {
            None
        };
        let mut links = match all {
            Some(links) => links,
            None => self.links_among(&names).await?,
        };
        let meeting = Meeting::of(people, now);
        Ok(meeting
            .every_two()
            .filter(|of| links.contains_key(&meeting.ends(*of)) || meeting.has_met(*of))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|of| meeting.pair(of, &mut links))
            .collect())
    }
}

fn names(people: &[Person]) -> Names<'_> {
    people
        .iter()
        .map(|person| (person.id, person.username.as_str()))
        .collect()
}

fn key(pair: &Pair) -> (String, String) {
    let [one, other] = &pair.between;
    (one.username.clone(), other.username.clone())
}
