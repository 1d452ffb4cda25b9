//! Peer connections, as the journal has them.

use std::collections::{BTreeSet, HashMap};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::error::BoxDynError;
use sqlx::{Database as Driver, Decode, Type};
use utoipa::openapi::schema::{self, Schema};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::json::{Millis, from_json};
use super::{Error, History};
use crate::model::id::{LinkId, ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionPath, ConnectionState, LeaveReason, LinkCloseReason};
use crate::sql::{ClientText, Database, ids, json, query};

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
    /// When a page first said that it is connected.
    pub connected_at: Option<Timestamp>,
    /// The last that the offering end's page said of it, if it said anything.
    pub offerer_said: Option<Said>,
    /// The same of the answering end.
    pub answerer_said: Option<Said>,
    /// When it ended; nothing while it is open.
    pub closed_at: Option<Timestamp>,
    /// Why: the word of the member it ended with, or its own.
    pub closed_by: Option<LinkEnd>,
}

/// What a page said of its end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// How it is.
    pub state: ConnectionState,
    /// Since when.
    pub at: Timestamp,
    /// How it goes, if the page knew.
    pub path: Option<ConnectionPath>,
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

impl<DB: Driver> Type<DB> for LinkEnd
where
    str: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <str as Type<DB>>::type_info()
    }

    fn compatible(info: &DB::TypeInfo) -> bool {
        <str as Type<DB>>::compatible(info)
    }
}

impl<'r, DB: Driver> Decode<'r, DB> for LinkEnd
where
    &'r str: Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let word = <&str as Decode<'r, DB>>::decode(value)?;
        Self::parse(word).ok_or_else(|| format!("{word:?} ends no link").into())
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

impl Link {
    /// When a page first said that it was broken, or else when it was offered.
    pub fn broken_at(&self) -> Timestamp {
        let is_broken = |said: &Said| [ConnectionState::Failed, ConnectionState::Disconnected].contains(&said.state);
        let said = [self.offerer_said, self.answerer_said].into_iter().flatten();
        let first = said.filter(is_broken).map(|said| said.at).min();
        first.unwrap_or(self.offered_at)
    }
}

/// By their two ends, as [`ends`] orders them.
pub(super) type LinksByEnds = HashMap<[ParticipantId; 2], Vec<Link>>;
pub(super) type Names<'a> = HashMap<ParticipantId, &'a str>;

/// The most links that are read from one end to the other, the latest: two who make one after the other have no long page.
const EACH_WAY: i64 = 32;

/// The most links that are read of a session as a whole, and not pair by pair.
const TOGETHER: usize = 20_000;

/// Asks for links, those of a query, as [`from_json`] reads them.
macro_rules! query_links {
    ($on:expr, sqlite: $sqlite:literal, postgres: $postgres:literal, $($bound:expr),+ $(,)?) => {
        match $on {
            Database::Sqlite(pool) => {
                let links = sqlx::query_scalar!(
                    r#"
                    select json_group_array(
                        json_array(hex(id), hex(offerer_id), hex(answerer_id), stream_type, offered_at, answered_at,
                                   offerer_candidates, answerer_candidates, renegotiations, closed_at, closed_by,
                                   connected_at, offerer_state, offerer_state_at, offerer_path,
                                   answerer_state, answerer_state_at, answerer_path)
                    ) as "links!: String"
                    from (
                    "# + $sqlite + ") as own",
                    $($bound),+
                )
                .fetch_one(pool)
                .await;
                from_json::<LinkFields>(&links?)
            }
            // Rows cost it a fifth of what their JSON does.
            Database::Postgres(pool) => {
                let links = sqlx::query_as!(
                    LinkFields,
                    r#"/*postgres*/
                    select id, offerer_id as offerer, answerer_id as answerer,
                        stream_type as "stream_type: ClientText<String>", offered_at as "offered_at: Millis",
                        answered_at as "answered_at: Millis", offerer_candidates, answerer_candidates, renegotiations,
                        closed_at as "closed_at: Millis", closed_by as "closed_by: LinkEnd",
                        connected_at as "connected_at: Millis",
                        offerer_state as "offerer_state: ConnectionState", offerer_state_at as "offerer_state_at: Millis",
                        offerer_path as "offerer_path: ConnectionPath",
                        answerer_state as "answerer_state: ConnectionState",
                        answerer_state_at as "answerer_state_at: Millis", answerer_path as "answerer_path: ConnectionPath"
                    from (
                    "# + $postgres + ") as own",
                    $($bound),+
                )
                .fetch_all(pool)
                .await;
                links.map_err(Error::from)
            }
        }
    };
}

impl History {
    /// The links between some people.
    pub(super) async fn links_among(&self, people: &Names<'_>) -> Result<LinksByEnds, Error> {
        let ids = ids(people.keys().map(|id| id.0))?;
        let rows = query_links!(
            &self.reader,
            sqlite: "
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
            postgres: "
            with known (id) as materialized (select value::uuid from json_array_elements_text($1::text::json) as value)
            select link.*
            from known as offerer cross join known as answerer
            cross join lateral (
                select * from link as latest
                where latest.offerer_id = offerer.id and latest.answerer_id = answerer.id
                order by latest.id desc limit $2::bigint + 1
            ) as link
            ",
            ids,
            EACH_WAY
        )?;
        Ok(by_ends(rows, people))
    }

    /// All links of a session; `None` if they are too many.
    pub(super) async fn links(&self, session: SessionId, names: &Names<'_>) -> Result<Option<LinksByEnds>, Error> {
        let most = i64::try_from(TOGETHER + 1).unwrap_or(i64::MAX);
        let links = query_links!(
            &self.reader,
            sqlite: "select * from link where session_id = $1 limit $2",
            postgres: "select * from link where session_id = $1 limit $2",
            session.0,
            most
        )?;
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
    ) -> Result<LinksByEnds, Error> {
        let both_ways = pairs.flat_map(|[one, other]| [[one, other], [other, one]]);
        let ways = json(&both_ways.map(|way| way.map(|id| id.0.simple())).collect::<Vec<_>>())?;
        let rows = query_links!(
            &self.reader,
            sqlite: "
            select link.*
            from (select unhex(value ->> 0) as one, unhex(value ->> 1) as other from json_each(?1)) as wanted
            cross join link on offerer_id = wanted.one and answerer_id = wanted.other
                and link.id >= coalesce((
                    select latest.id from link as latest
                    where latest.offerer_id = wanted.one and latest.answerer_id = wanted.other
                    order by latest.session_id desc, latest.id desc limit 1 offset ?2
                ), x'')
            ",
            postgres: "
            select link.*
            from json_array_elements($1::text::json) as wanted (ends)
            cross join lateral (
                select * from link as latest
                where latest.offerer_id = (wanted.ends ->> 0)::uuid and latest.answerer_id = (wanted.ends ->> 1)::uuid
                order by latest.id desc limit $2::bigint + 1
            ) as link
            ",
            ways,
            EACH_WAY
        )?;
        Ok(by_ends(rows, names))
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
        let found = query!(
            &self.reader,
            fetch_all as Partners,
            sqlite: r#"
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
            postgres: r#"
            with recursive known (one, other, is_found) as (
                select (ends ->> 0)::uuid, (ends ->> 1)::uuid, false from json_array_elements($1::text::json) as ends
                union all
                select one, coalesce(least(
                    (
                        select answerer_id from link where offerer_id = known.one and answerer_id > known.other
                        order by answerer_id limit 1
                    ),
                    (
                        select offerer_id from link where answerer_id = known.one and offerer_id > known.other
                        order by offerer_id limit 1
                    )
                ), $2), true
                from known where other < $2
            )
            select one as "one!: ParticipantId", other as "other!: ParticipantId"
            from (select * from known limit $3) as own
            where is_found and other < $2
            "#,
            from,
            none,
            limit
        )?;
        Ok(found.into_iter().map(|row| [row.one, row.other]).collect())
    }
}

fn by_ends(mut rows: Vec<LinkFields>, names: &Names<'_>) -> LinksByEnds {
    let mut links = LinksByEnds::new();
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

/// Two who have a link.
struct Partners {
    one: ParticipantId,
    other: ParticipantId,
}

/// A link as the query gives it.
#[derive(Deserialize)]
struct LinkFields {
    id: Uuid,
    offerer: Uuid,
    answerer: Uuid,
    stream_type: ClientText<String>,
    offered_at: Millis,
    answered_at: Option<Millis>,
    offerer_candidates: i64,
    answerer_candidates: i64,
    renegotiations: i64,
    closed_at: Option<Millis>,
    closed_by: Option<LinkEnd>,
    connected_at: Option<Millis>,
    offerer_state: Option<ConnectionState>,
    offerer_state_at: Option<Millis>,
    offerer_path: Option<ConnectionPath>,
    answerer_state: Option<ConnectionState>,
    answerer_state_at: Option<Millis>,
    answerer_path: Option<ConnectionPath>,
}

fn said(state: Option<ConnectionState>, at: Option<Millis>, path: Option<ConnectionPath>) -> Option<Said> {
    let (state, at) = (state?, at?.into());
    Some(Said { state, at, path })
}

impl LinkFields {
    fn link(self, names: &Names<'_>) -> Link {
        let name = |id| names.get(&ParticipantId(id)).copied().unwrap_or_default().to_owned();
        Link {
            id: LinkId(self.id),
            offerer: name(self.offerer),
            answerer: name(self.answerer),
            stream_type: self.stream_type.0,
            offered_at: self.offered_at.into(),
            answered_at: self.answered_at.map(Timestamp::from),
            offerer_candidates: self.offerer_candidates,
            answerer_candidates: self.answerer_candidates,
            renegotiations: self.renegotiations,
            connected_at: self.connected_at.map(Timestamp::from),
            offerer_said: said(self.offerer_state, self.offerer_state_at, self.offerer_path),
            answerer_said: said(self.answerer_state, self.answerer_state_at, self.answerer_path),
            closed_at: self.closed_at.map(Timestamp::from),
            closed_by: self.closed_by,
        }
    }
}
