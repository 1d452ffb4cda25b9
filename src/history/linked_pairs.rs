//! The pairs of a session with so many people that not every two of them can be looked at: those who have a link.

use uuid::Uuid;

use super::links::{Names, ends};
use super::page::{Page, Slice};
use super::pair::Pair;
use super::{Error, History};
use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::sql::query;

/// The most people who are looked at for one page, whether or not they are in a pair of it.
const EXAMINED: i64 = 1_000;

/// Somebody who may be the first of pairs: of two, that is who came first.
struct First {
    id: ParticipantId,
    username: String,
    /// Whether they have a link with anybody who came later.
    is_linked: bool,
}

impl History {
    /// The pairs who exchanged something, by the name of the first, then by when the other came. A place in this order is
    /// the name of the first with the id of the other.
    pub(super) async fn linked_pairs(
        &self,
        session: SessionId,
        page: &Page<(String, String)>,
        now: Timestamp,
    ) -> Result<Slice<Pair, (String, String)>, Error> {
        let (name, other) = page.after.clone().unwrap_or_default();
        // The cursor may be of a time when there were fewer people, and hold two names: then the person begins anew.
        let other = Uuid::try_parse(&other).unwrap_or_default();
        let firsts = self.firsts(session, &name).await?;
        let mut found = Vec::new();
        for first in firsts.iter().filter(|first| first.is_linked) {
            let after = if first.username == name { other } else { Uuid::nil() };
            // The query's limit counts where it begins, and that there is no more.
            let missing = i64::try_from(page.limit + 3 - found.len()).unwrap_or(i64::MAX);
            let from = (first.id, after.max(first.id.0));
            let partners = self.partners([from].into_iter(), missing).await?;
            found.extend(partners.into_iter().map(|[_, other]| (first, other)));
            if found.len() > page.limit {
                break;
            }
        }
        let place = |first: &First, other: Uuid| (first.username.clone(), other.to_string());
        let last_examined = firsts.last().filter(|_| i64::try_from(firsts.len()) == Ok(EXAMINED));
        let end = last_examined.map(|first| place(first, Uuid::max()));
        let found = Slice::cut(found, page.limit, |(first, other)| place(first, other.0));
        let shown: Vec<_> = found.rows.iter().map(|(first, other)| [first.id, *other]).collect();
        Ok(Slice {
            rows: self.describe_pairs(&shown, now).await?,
            next: found.next.or(end),
        })
    }

    async fn describe_pairs(&self, pairs: &[[ParticipantId; 2]], now: Timestamp) -> Result<Vec<Pair>, Error> {
        let people = self.people_of(pairs.iter().flatten().copied()).await?;
        let names: Names<'_> = people
            .iter()
            .map(|(id, person)| (*id, person.username.as_str()))
            .collect();
        let mut links = self.links_between(pairs.iter().copied(), &names).await?;
        let pairs = pairs.iter().filter_map(|[one, other]| {
            let both = [people.get(one)?, people.get(other)?];
            let links = links.remove(&ends(*one, *other)).unwrap_or_default();
            let memberships = both.map(|person| person.membership(now));
            Some(Pair::of(both, memberships.each_ref(), links, now))
        });
        Ok(pairs.collect())
    }

    /// The people from a name on.
    async fn firsts(&self, session: SessionId, name: &str) -> Result<Vec<First>, Error> {
        let firsts = query!(
            &self.reader,
            fetch_all as First,
            r#"
            select id as "id: ParticipantId", username,
                (exists (select 1 from link where offerer_id = participant.id and answerer_id > participant.id)
                    or exists (select 1 from link where answerer_id = participant.id and offerer_id > participant.id))
                    as "is_linked!: bool"
            from participant
            where session_id = $1 and username >= $2
            order by username
            limit $3
            "#,
            session.0,
            name,
            EXAMINED
        )?;
        Ok(firsts)
    }
}
