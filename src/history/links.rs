//! Peer connections, pair by pair: who connected with whom, and where it stopped.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::intervals::Intervals;
use super::json::{Millis, from_json};
use super::outcome::{Outcome, Together, judge};
use super::page::{Page, Slice};
use super::people::Person;
use super::{Error, History};
use crate::room::id::{LinkId, ParticipantId, SessionId};
use crate::room::time::Timestamp;
use crate::sql::ids;

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

/// People of whom every two may be a pair.
struct Meeting<'a> {
    people: &'a [Person],
    memberships: Vec<Intervals>,
    now: Timestamp,
}

impl<'a> Meeting<'a> {
    fn of(people: &'a [Person], now: Timestamp) -> Self {
        Self {
            people,
            memberships: people.iter().map(|person| person.membership(now)).collect(),
            now,
        }
    }

    /// What became of two people, if they met; takes their links.
    fn pair(&self, index: usize, other: usize, links: &mut Links) -> Option<Pair> {
        let [one, two] = [&self.people[index], &self.people[other]];
        let memberships = [&self.memberships[index], &self.memberships[other]];
        let links = links.remove(&ends(one.id, two.id)).unwrap_or_default();
        if links.is_empty() && !memberships[0].overlap(memberships[1]) {
            return None;
        }
        Some(pair(one, two, links, together(memberships, self.now)))
    }
}

impl History {
    /// The pairs of a session by name: all who were members at the same time, also those who never exchanged anything.
    /// A page costs the session's people, and the links of those it shows.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn pairs(
        &self,
        session: SessionId,
        page: &Page<(String, String)>,
        now: Timestamp,
    ) -> Result<Slice<Pair, (String, String)>, Error> {
        let people = self.everyone(session).await?;
        // Read at once, each link is read once, and not for either of its ends.
        if page.after.is_none() && people.len() * people.len() / 2 <= page.limit {
            let rows = self.pairs_among(session, &people, true, now).await?;
            return Ok(Slice { rows, next: None });
        }
        let names = names(&people);
        let meeting = Meeting::of(&people, now);
        let (first, second) = page.after.clone().unwrap_or_default();
        let start = people.partition_point(|person| person.username < first);
        let mut pairs = Vec::new();
        for (index, one) in people.iter().enumerate().skip(start) {
            let mut links = self.links_of(one, &names).await?;
            for (other, two) in people.iter().enumerate().skip(index + 1) {
                if one.username == first && two.username <= second {
                    continue;
                }
                pairs.extend(meeting.pair(index, other, &mut links));
                if pairs.len() > page.limit {
                    return Ok(Slice::cut(pairs, page.limit, key));
                }
            }
        }
        Ok(Slice::cut(pairs, page.limit, key))
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
        let mut links = if everyone {
            self.links(session, &names).await?
        } else {
            self.links_among(&names).await?
        };
        let meeting = Meeting::of(people, now);
        let numbers = 0..people.len();
        let pairs = numbers.flat_map(|index| (index + 1..people.len()).map(move |other| (index, other)));
        Ok(pairs
            .filter_map(|(index, other)| meeting.pair(index, other, &mut links))
            .collect())
    }

    /// The links between some people.
    async fn links_among(&self, people: &Names<'_>) -> Result<Links, Error> {
        let ids = ids(people.keys().map(|id| id.0))?;
        let rows = sqlx::query_scalar!(
            r#"
            with some (id) as materialized (select unhex(value) from json_each(?))
            select json_group_array(
                json_array(hex(link.id), hex(offerer_id), hex(answerer_id), stream_type, offered_at, answered_at,
                           offerer_candidates, answerer_candidates, renegotiations, closed_at, closed_by)
            ) as "links!: String"
            from some as offerer cross join some as answerer
            cross join link on offerer_id = offerer.id and answerer_id = answerer.id
            "#,
            ids
        );
        by_ends(&rows.fetch_one(&self.reader).await?, people)
    }

    /// All links of a session.
    async fn links(&self, session: SessionId, names: &Names<'_>) -> Result<Links, Error> {
        let rows = sqlx::query_scalar!(
            r#"
            select json_group_array(
                json_array(hex(id), hex(offerer_id), hex(answerer_id), stream_type, offered_at, answered_at,
                           offerer_candidates, answerer_candidates, renegotiations, closed_at, closed_by)
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

fn names(people: &[Person]) -> Names<'_> {
    people
        .iter()
        .map(|person| (person.id, person.username.as_str()))
        .collect()
}

fn by_ends(rows: &str, names: &Names<'_>) -> Result<Links, Error> {
    let mut links = Links::new();
    let mut rows: Vec<Row> = from_json(rows)?;
    rows.sort_by_key(|row| (row.offered_at, row.id));
    for row in rows {
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
