//! Peer connections, pair by pair: who connected with whom, and where it stopped.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::attendance::Person;
use super::intervals::Intervals;
use super::outcome::{Outcome, Together, judge};
use super::page::{Page, Slice};
use super::sessions::Session;
use super::{Error, History};
use crate::room::id::{LinkId, ParticipantId};
use crate::room::time::Timestamp;

/// Two people who were in the room together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// The two, by name.
    pub between: [PairMember; 2],
    /// How far they got.
    pub outcome: Outcome,
    /// The same in one plain sentence.
    pub sentence: String,
    /// Their peer connections, by time of offer.
    pub links: Vec<Link>,
}

/// One of the two of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PairMember {
    /// The person's id in the session.
    pub id: ParticipantId,
    /// Their name.
    pub username: String,
}

/// One peer connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// What it carries: `user`, `display`, `remoteDisplay` or a word of the client's own.
    pub stream_type: String,
    /// Who offered.
    pub offerer: String,
    /// To whom.
    pub answerer: String,
    /// When.
    pub offered_at: Timestamp,
    /// When it was answered, if it was.
    pub answered_at: Option<Timestamp>,
    /// Candidates the offering end sent.
    pub offerer_candidates: i64,
    /// Candidates the answering end sent.
    pub answerer_candidates: i64,
    /// How often the two negotiated again.
    pub renegotiations: i64,
    /// When it ended; nothing while it is open.
    pub closed_at: Option<Timestamp>,
    /// Why: `left`, `lost` (the offer could no longer be answered), `replaced`, ...
    pub closed_by: Option<String>,
}

/// A person's links, by the person at the other end.
type ByPeer = HashMap<ParticipantId, Vec<Link>>;

impl History {
    /// The pairs of a session by name: all who were members at the same time, also those who never exchanged anything.
    /// A page costs the session's people, and the links of those it shows.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn pairs(
        &self,
        session: &Session,
        page: &Page<(String, String)>,
        now: Timestamp,
    ) -> Result<Slice<Pair, (String, String)>, Error> {
        const NO_LIMIT: i64 = -1;
        let people = self.people(session.id, None, NO_LIMIT).await?;
        let memberships: Vec<_> = people.iter().map(|person| person.membership(now)).collect();
        let (first, second) = page.after.clone().unwrap_or_default();
        let start = people.partition_point(|person| person.username < first);

        let mut pairs = Vec::new();
        for (index, one) in people.iter().enumerate().skip(start) {
            let mut links = self.links_of(one, &people).await?;
            for (other, membership) in people.iter().zip(&memberships).skip(index + 1) {
                if one.username == first && other.username <= second {
                    continue;
                }
                let links = links.remove(&other.id).unwrap_or_default();
                if links.is_empty() && !memberships[index].overlap(membership) {
                    continue;
                }
                let together = together([&memberships[index], membership], now);
                pairs.push(pair(one, other, links, together));
                if pairs.len() > page.limit {
                    return Ok(Slice::cut(pairs, page.limit, key));
                }
            }
        }
        Ok(Slice::cut(pairs, page.limit, key))
    }

    async fn links_of(&self, one: &Person, people: &[Person]) -> Result<ByPeer, Error> {
        let rows = sqlx::query!(
            r#"
            select id as "id!: LinkId", offerer_id as "offerer_id!: ParticipantId",
                answerer_id as "answerer_id!: ParticipantId", stream_type as "stream_type!",
                offered_at as "offered_at!: Timestamp", answered_at as "answered_at: Timestamp",
                offerer_candidates as "offerer_candidates!", answerer_candidates as "answerer_candidates!",
                renegotiations as "renegotiations!", closed_at as "closed_at: Timestamp", closed_by
            from link where offerer_id = ?1
            union all
            select id, offerer_id, answerer_id, stream_type, offered_at, answered_at, offerer_candidates,
                answerer_candidates, renegotiations, closed_at, closed_by
            from link where answerer_id = ?1
            "#,
            one.id.0
        )
        .fetch_all(&self.reader)
        .await?;
        let names: HashMap<_, _> = people
            .iter()
            .map(|person| (person.id, person.username.as_str()))
            .collect();
        let name = |id| names.get(&id).copied().unwrap_or_default().to_owned();
        let mut links = ByPeer::new();
        for row in rows {
            let peer = if row.offerer_id == one.id {
                row.answerer_id
            } else {
                row.offerer_id
            };
            links.entry(peer).or_default().push(Link {
                id: row.id,
                stream_type: row.stream_type,
                offerer: name(row.offerer_id),
                answerer: name(row.answerer_id),
                offered_at: row.offered_at,
                answered_at: row.answered_at,
                offerer_candidates: row.offerer_candidates,
                answerer_candidates: row.answerer_candidates,
                renegotiations: row.renegotiations,
                closed_at: row.closed_at,
                closed_by: row.closed_by,
            });
        }
        for links in links.values_mut() {
            links.sort_by_key(|link| (link.offered_at, link.id));
        }
        Ok(links)
    }
}

/// Of two who are members now, present or away: since when both are. A membership that lasts ends at this moment.
fn together(memberships: [&Intervals; 2], now: Timestamp) -> Option<Together> {
    let [one, other] = memberships.map(|membership| membership.iter().last().filter(|last| last.to >= now));
    Some(Together {
        since: one?.from.max(other?.from),
        now,
    })
}

fn pair(one: &Person, other: &Person, links: Vec<Link>, together: Option<Together>) -> Pair {
    let (outcome, sentence) = judge([&one.username, &other.username], &links, together);
    let between = [one, other].map(|person| PairMember {
        id: person.id,
        username: person.username.clone(),
    });
    Pair {
        between,
        outcome,
        sentence,
        links,
    }
}

fn key(pair: &Pair) -> (String, String) {
    let [one, other] = &pair.between;
    (one.username.clone(), other.username.clone())
}
