//! Peer connections, pair by pair: who connected with whom, and where it stopped.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::attendance::Person;
use super::intervals::Intervals;
use super::json::{Millis, from_json};
use super::outcome::{Outcome, Together, judge};
use super::page::{Page, Slice};
use super::sessions::Session;
use super::{Error, History};
use crate::room::id::{LinkId, ParticipantId, SessionId};
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

/// By their two ends, as [`ends`] orders them.
type Links = HashMap<[ParticipantId; 2], Vec<Link>>;
type Names<'a> = HashMap<ParticipantId, &'a str>;

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
        let names = people
            .iter()
            .map(|person| (person.id, person.username.as_str()))
            .collect();
        let (first, second) = page.after.clone().unwrap_or_default();
        let start = people.partition_point(|person| person.username < first);

        // Read at once, each link is read once, and not for either of its ends.
        let whole = people.len() * people.len() / 2 <= page.limit;
        let mut links = if whole {
            self.links(session.id, &names).await?
        } else {
            Links::new()
        };
        let mut pairs = Vec::new();
        for (index, one) in people.iter().enumerate().skip(start) {
            if !whole {
                links = self.links_of(one, &names).await?;
            }
            for (other, membership) in people.iter().zip(&memberships).skip(index + 1) {
                if one.username == first && other.username <= second {
                    continue;
                }
                let links = links.remove(&ends(one.id, other.id)).unwrap_or_default();
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

    /// All links of a session.
    async fn links(&self, session: SessionId, names: &Names<'_>) -> Result<Links, Error> {
        let rows = sqlx::query_scalar!(
            r#"
            select json_group_array(
                json_array(hex(id), hex(offerer_id), hex(answerer_id), stream_type, offered_at, answered_at,
                           offerer_candidates, answerer_candidates, renegotiations, closed_at, closed_by)
                order by offered_at, id
            ) as "links!: String"
            from link where session_id = ?1
            "#,
            session.0
        );
        by_ends(&rows.fetch_one(&self.reader).await?, names)
    }

    /// The links of one person.
    async fn links_of(&self, one: &Person, names: &Names<'_>) -> Result<Links, Error> {
        let rows = sqlx::query_scalar!(
            r#"
            select json_group_array(
                json_array(hex(id), hex(offerer_id), hex(answerer_id), stream_type, offered_at, answered_at,
                           offerer_candidates, answerer_candidates, renegotiations, closed_at, closed_by)
                order by offered_at, id
            ) as "links!: String"
            from (
                select * from link where offerer_id = ?1
                union all
                select * from link where answerer_id = ?1
            ) as own
            "#,
            one.id.0
        );
        by_ends(&rows.fetch_one(&self.reader).await?, names)
    }
}

fn by_ends(rows: &str, names: &Names<'_>) -> Result<Links, Error> {
    let mut links = Links::new();
    for row in from_json::<Row>(rows)? {
        let ends = ends(ParticipantId(row.offerer), ParticipantId(row.answerer));
        links.entry(ends).or_default().push(row.link(names));
    }
    Ok(links)
}

fn ends(one: ParticipantId, other: ParticipantId) -> [ParticipantId; 2] {
    [one.min(other), one.max(other)]
}

/// A link as the query gives it.
#[derive(Deserialize)]
struct Row {
    id: Uuid,
    offerer: Uuid,
    answerer: Uuid,
    stream_type: String,
    offered_at: Millis,
    answered_at: Option<Millis>,
    offerer_candidates: i64,
    answerer_candidates: i64,
    renegotiations: i64,
    closed_at: Option<Millis>,
    closed_by: Option<String>,
}

impl Row {
    fn link(self, names: &Names<'_>) -> Link {
        let name = |id| names.get(&ParticipantId(id)).copied().unwrap_or_default().to_owned();
        Link {
            id: LinkId(self.id),
            offerer: name(self.offerer),
            answerer: name(self.answerer),
            stream_type: self.stream_type,
            offered_at: self.offered_at.into(),
            answered_at: self.answered_at.map(Timestamp::from),
            offerer_candidates: self.offerer_candidates,
            answerer_candidates: self.answerer_candidates,
            renegotiations: self.renegotiations,
            closed_at: self.closed_at.map(Timestamp::from),
            closed_by: self.closed_by,
        }
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
