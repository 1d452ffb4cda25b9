//! Peer connections, pair by pair: who connected with whom, and where it stopped.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{self, Schema};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::intervals::Intervals;
use super::json::{Millis, from_json};
use super::outcome::{Judgement, Outcome, Together, judge};
use super::page::{Page, Slice};
use super::people::Person;
use super::{Error, History};
use crate::model::id::{LinkId, ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{LeaveReason, LinkCloseReason};
use crate::sql::{ids, json};

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
    /// Their peer connections, by time of offer; of very many the latest 32 from either to the other.
    pub links: Vec<Link>,
    /// The place of the one that says how far they got.
    #[serde(skip)]
    pub(super) by: Option<usize>,
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
    /// Why: the word of the member it ended with, or its own.
    pub closed_by: Option<LinkEnd>,
}

/// Why a link ended: for a reason of its own, or with a member who was gone for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// While both ends went on.
    Own(LinkCloseReason),
    /// With an end.
    Member(LeaveReason),
}

impl LinkEnd {
    /// The word that is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own(reason) => reason.as_str(),
            Self::Member(reason) => reason.as_str(),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let own = LinkCloseReason::parse(word).map(Self::Own);
        own.or_else(|| LeaveReason::parse(word).map(Self::Member))
    }
}

impl Serialize for LinkEnd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LinkEnd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word).ok_or_else(|| D::Error::custom(format_args!("{word:?} ends no link")))
    }
}

impl PartialSchema for LinkEnd {
    fn schema() -> RefOr<Schema> {
        let own = LinkCloseReason::ALL.iter().map(|reason| reason.as_str());
        let words: BTreeSet<_> = own
            .chain(LeaveReason::ALL.iter().map(|reason| reason.as_str()))
            .collect();
        ObjectBuilder::new()
            .schema_type(schema::Type::String)
            .enum_values(Some(words))
            .into()
    }
}

impl ToSchema for LinkEnd {}

/// By their two ends, as [`ends`] orders them.
pub(super) type Links = HashMap<[ParticipantId; 2], Vec<Link>>;
pub(super) type Names<'a> = HashMap<ParticipantId, &'a str>;

/// The most links that are read from one end to the other, the latest: two who make one after the other have no long page.
const EACH_WAY: i64 = 32;

/// The most links that are read of a session as a whole, and not pair by pair.
const TOGETHER: usize = 20_000;

/// The most people whose partners are looked for at once.
const AT_ONCE: usize = 64;

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

    fn ends(&self, [one, other]: [usize; 2]) -> [ParticipantId; 2] {
        ends(self.people[one].id, self.people[other].id)
    }

    /// Whether two were members at the same time.
    fn has_met(&self, [one, other]: [usize; 2]) -> bool {
        self.memberships[one].overlap(&self.memberships[other])
    }

    /// What became of two people; takes their links.
    fn pair(&self, of: [usize; 2], links: &mut Links) -> Pair {
        let [one, two] = of.map(|index| &self.people[index]);
        let links = links.remove(&self.ends(of)).unwrap_or_default();
        pair(
            one,
            two,
            links,
            together(of.map(|index| &self.memberships[index]), self.now),
        )
    }
}

/// Asks for links, those of a query, as [`from_json`] reads them.
macro_rules! query_links {
    ($of:literal, $($bound:expr),+ $(,)?) => {
        sqlx::query_scalar!(
            r#"
            select json_group_array(
                json_array(hex(id), hex(offerer_id), hex(answerer_id), stream_type, offered_at, answered_at,
                           offerer_candidates, answerer_candidates, renegotiations, closed_at, closed_by)
            ) as "links!: String"
            from (
            "# + $of + ") as own",
            $($bound),+
        )
    };
}

impl History {
    /// The pairs of a session by name: all who were members at the same time, also those who never exchanged anything.
    /// A page costs the session's people, and the links of those it shows. Of a crowd, those who exchanged something, by
    /// the name of who came first.
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
            return self.pairs_of_crowd(session, page, now).await;
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
        let numbers = 0..people.len();
        let pairs = numbers.flat_map(|index| (index + 1..people.len()).map(move |other| [index, other]));
        Ok(pairs
            .filter(|of| links.contains_key(&meeting.ends(*of)) || meeting.has_met(*of))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|of| meeting.pair(of, &mut links))
            .collect())
    }

    /// The links between some people.
    async fn links_among(&self, people: &Names<'_>) -> Result<Links, Error> {
        let ids = ids(people.keys().map(|id| id.0))?;
        let rows = query_links!(
            "
            with some (id) as materialized (select unhex(value) from json_each(?1))
            select link.*
            from some as offerer cross join some as answerer
            cross join link on offerer_id = offerer.id and answerer_id = answerer.id
                and link.id >= coalesce((
                    select latest.id from link as latest
                    where latest.offerer_id = offerer.id and latest.answerer_id = answerer.id
                    order by latest.session_id desc, latest.id desc limit 1 offset ?2
                ), x'')
            ",
            ids,
            EACH_WAY
        );
        Ok(by_ends(from_json(&rows.fetch_one(&self.reader).await?)?, people))
    }

    /// All links of a session; `None` if they are too many.
    async fn links(&self, session: SessionId, names: &Names<'_>) -> Result<Option<Links>, Error> {
        let most = i64::try_from(TOGETHER + 1).unwrap_or(i64::MAX);
        let rows = query_links!("select * from link where session_id = ?1 limit ?2", session.0, most);
        let links: Vec<LinkRow> = from_json(&rows.fetch_one(&self.reader).await?)?;
        if links.len() > TOGETHER {
            return Ok(None);
        }
        Ok(Some(by_ends(links, names)))
    }

    /// The links between the two of each pair.
    pub(super) async fn links_between(
        &self,
        pairs: impl Iterator<Item = [ParticipantId; 2]>,
        names: &Names<'_>,
    ) -> Result<Links, Error> {
        let both_ways = pairs.flat_map(|[one, other]| [[one, other], [other, one]]);
        let ways = json(&both_ways.map(|way| way.map(|id| id.0.simple())).collect::<Vec<_>>())?;
        let rows = query_links!(
            "
            select link.*
            from (select unhex(value ->> 0) as one, unhex(value ->> 1) as other from json_each(?1)) as wanted
            cross join link on offerer_id = wanted.one and answerer_id = wanted.other
                and link.id >= coalesce((
                    select latest.id from link as latest
                    where latest.offerer_id = wanted.one and latest.answerer_id = wanted.other
                    order by latest.session_id desc, latest.id desc limit 1 offset ?2
                ), x'')
            ",
            ways,
            EACH_WAY
        );
        Ok(by_ends(from_json(&rows.fetch_one(&self.reader).await?)?, names))
    }

    /// Who has a link with whom: for each of some people, those whose ids come after one, in the order of these. Each is
    /// found with one look into the index, however many links the two have.
    pub(super) async fn partners(
        &self,
        from: impl Iterator<Item = (ParticipantId, Uuid)>,
        limit: i64,
    ) -> Result<Vec<[ParticipantId; 2]>, Error> {
        let from = json(
            &from
                .map(|(one, after)| [one.0.simple(), after.simple()])
                .collect::<Vec<_>>(),
        )?;
        let none = Uuid::max();
        let rows = sqlx::query!(
            r#"
            with recursive known (one, other, is_found) as (
                select unhex(value ->> 0), unhex(value ->> 1), false from json_each(?1)
                union all
                select one, min(
                    coalesce((
                        select min(answerer_id) from link where offerer_id = known.one and answerer_id > known.other
                    ), ?2),
                    coalesce((
                        select min(offerer_id) from link where answerer_id = known.one and offerer_id > known.other
                    ), ?2)
                ), true
                from known where other < ?2
                limit ?3
            )
            select one as "one!: ParticipantId", other as "other!: ParticipantId"
            from known where is_found and other < ?2
            "#,
            from,
            none,
            limit
        );
        let found = rows.fetch_all(&self.reader).await?;
        Ok(found.into_iter().map(|row| [row.one, row.other]).collect())
    }
}

fn names(people: &[Person]) -> Names<'_> {
    people
        .iter()
        .map(|person| (person.id, person.username.as_str()))
        .collect()
}

fn by_ends(mut rows: Vec<LinkRow>, names: &Names<'_>) -> Links {
    let mut links = Links::new();
    rows.sort_by_key(|row| (row.offered_at, row.id));
    for row in rows {
        let ends = ends(ParticipantId(row.offerer), ParticipantId(row.answerer));
        links.entry(ends).or_default().push(row.link(names));
    }
    links
}

pub(super) fn ends(one: ParticipantId, other: ParticipantId) -> [ParticipantId; 2] {
    [one.min(other), one.max(other)]
}

/// A link as the query gives it.
#[derive(Deserialize)]
struct LinkRow {
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
    closed_by: Option<LinkEnd>,
}

impl LinkRow {
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
pub(super) fn together(memberships: [&Intervals; 2], now: Timestamp) -> Option<Together> {
    let [one, other] = memberships.map(|membership| membership.iter().last().filter(|last| last.to >= now));
    Some(Together {
        since: one?.from.max(other?.from),
        now,
    })
}

pub(super) fn pair(one: &Person, other: &Person, links: Vec<Link>, together: Option<Together>) -> Pair {
    let Judgement { outcome, sentence, by } = judge([&one.username, &other.username], &links, together);
    let between = [one, other].map(|person| PairMember {
        id: person.id,
        username: person.username.clone(),
    });
    Pair {
        between,
        outcome,
        sentence,
        links,
        by,
    }
}

fn key(pair: &Pair) -> (String, String) {
    let [one, other] = &pair.between;
    (one.username.clone(), other.username.clone())
}
