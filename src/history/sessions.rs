//! Sessions: one occupancy of a room each.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, QueryBuilder, Sqlite};
use utoipa::ToSchema;

use super::intervals::Interval;
use super::page::{Page, Slice};
use super::{Error, History};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::SessionStatus;

/// Which sessions are wanted. Empty fields do not restrict.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Only those of this room.
    pub room: Option<RoomName>,
    /// Only those this person took part in.
    pub username: Option<Username>,
    /// Only those going on, or only those over.
    pub status: Option<SessionStatus>,
    /// Only those that started at this moment or later.
    pub started_after: Option<Timestamp>,
    /// Only those that started before this moment.
    pub started_before: Option<Timestamp>,
    /// By start.
    pub order: SortOrder,
}

/// Which sessions come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SortOrder {
    /// The oldest first.
    Asc,
    /// The newest first.
    #[default]
    Desc,
}

/// What there is to say of a session at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The room's name.
    pub room: String,
    /// Whether it goes on.
    pub status: SessionStatus,
    /// When the first member joined.
    pub started_at: Timestamp,
    /// When the last member left; nothing while it goes on.
    pub ended_at: Option<Timestamp>,
    /// From its start to its end, or to now; while the room is empty, to when the last member left.
    pub duration_ms: i64,
    /// The most members at once.
    pub peak_participants: i64,
    /// How many different usernames there were.
    pub unique_participants: i64,
    /// How often members came back.
    pub reconnect_count: i64,
    /// How often clients were told an error.
    pub error_count: i64,
}

impl Session {
    /// Whether it goes on.
    pub fn is_live(&self) -> bool {
        self.status == SessionStatus::Active
    }

    /// The time it takes, or has taken so far.
    pub fn span(&self) -> Interval {
        Interval::new(
            self.started_at,
            Timestamp(self.started_at.0.saturating_add(self.duration_ms)),
        )
    }
}

#[derive(FromRow)]
struct SessionRow {
    id: SessionId,
    room: String,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    emptied_at: Option<Timestamp>,
    peak_participants: i64,
    participant_count: i64,
    reconnect_count: i64,
    error_count: i64,
}

impl SessionRow {
    fn at(self, now: Timestamp) -> Session {
        let until = self.ended_at.or(self.emptied_at).unwrap_or(now);
        Session {
            status: if self.ended_at.is_some() {
                SessionStatus::Ended
            } else {
                SessionStatus::Active
            },
            duration_ms: Interval::new(self.started_at, until).ms(),
            id: self.id,
            room: self.room,
            started_at: self.started_at,
            ended_at: self.ended_at,
            peak_participants: self.peak_participants,
            unique_participants: self.participant_count,
            reconnect_count: self.reconnect_count,
            error_count: self.error_count,
        }
    }
}

/// What a [`SessionRow`] holds. `emptied_at` is when the last member left a session that may still be
/// continued, or was last told something in it.
const SELECT: &str = "select session.id, session.room, session.started_at, session.ended_at, \
    case when session.ended_at is null \
        and not exists (select 1 from member where member.session_id = session.id) \
        then (select max(case kind when 'left' then (select left_at from participant where id = participant_id) else at end) \
        from ( \
            select at, kind, participant_id from event \
            where event.session_id = session.id order by event.seq desc limit 1000 \
        ) as own) \
    end as emptied_at, \
    session.peak_participants, session.participant_count, session.reconnect_count, session.error_count ";

/// How many sessions of a room or a person are counted, to go along the fewer.
const COUNTED: i64 = 5_000;

/// The most sessions that one page looks at. The next page goes on from there, however few passed the filter.
const EXAMINED: i64 = 5_000;

impl History {
    /// The sessions that pass the filter, by start. Those that go on are measured up to `now`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn sessions(
        &self,
        filter: &SessionFilter,
        page: &Page<SessionId>,
        now: Timestamp,
    ) -> Result<Slice<Session, SessionId>, Error> {
        let along = self.along(filter).await?;
        let last_examined = self.last_to_examine(filter, page, along).await?;
        let rows: Vec<SessionRow> = list(filter, page, along, last_examined)
            .build_query_as()
            .fetch_all(self.file()?)
            .await?;
        let sessions = rows.into_iter().map(|row| row.at(now)).collect();
        let found = Slice::cut(sessions, page.limit, |session: &Session| session.id);
        Ok(Slice {
            next: found.next.or(last_examined),
            rows: found.rows,
        })
    }

    /// Where one page has to stop looking; `None` if the list ends before, or if all it looks at is shown.
    async fn last_to_examine(
        &self,
        filter: &SessionFilter,
        page: &Page<SessionId>,
        along: Along,
    ) -> Result<Option<SessionId>, Error> {
        if !skips(filter, along) {
            return Ok(None);
        }
        let mut query = examined(filter, page, along);
        Ok(query.build_query_scalar().fetch_optional(self.file()?).await?)
    }

    /// Which sessions are fewer where both would do: those of the room or those of the person.
    async fn along(&self, filter: &SessionFilter) -> Result<Along, Error> {
        let (room, username) = match (&filter.room, &filter.username) {
            (room, username) if filter.status == Some(SessionStatus::Active) => {
                let is_few = room.is_some() || username.is_none() || self.are_open_few().await?;
                return Ok(if is_few { Along::Open } else { Along::Person });
            }
            (None, None) => return Ok(Along::Start),
            (Some(_), None) => return Ok(Along::Room),
            (None, Some(_)) => return Ok(Along::Person),
            (Some(room), Some(username)) => (room.as_str(), username.as_str()),
        };
        let counted = sqlx::query!(
            r#"
            select (select count(*) from (select 1 from session where room = ?1 limit ?3)) as "room!: i64",
                (select count(*) from (select 1 from participant where username = ?2 limit ?3)) as "person!: i64"
            "#,
            room,
            username,
            COUNTED
        )
        .fetch_one(self.file()?)
        .await?;
        Ok(if counted.person < counted.room {
            Along::Person
        } else {
            Along::Room
        })
    }

    async fn are_open_few(&self) -> Result<bool, Error> {
        let open = sqlx::query_scalar!(
            r#"
            select count(*) as "open!: i64"
            from (select 1 from session indexed by session_open where ended_at is null limit ?) as own
            "#,
            COUNTED
        );
        Ok(open.fetch_one(self.file()?).await? < COUNTED)
    }

    /// One session; `None` if there is none of that id.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn session(&self, id: SessionId, now: Timestamp) -> Result<Option<Session>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push("from session where session.id = ").push_bind(id.0);
        let row: Option<SessionRow> = query.build_query_as().fetch_optional(self.file()?).await?;
        Ok(row.map(|row| row.at(now)))
    }
}

/// The index that a list of sessions is read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Along {
    /// Those that are open: they are few.
    Open,
    /// A room's.
    Room,
    /// A person's.
    Person,
    /// All.
    Start,
}

impl Along {
    /// The id of a session, as the index has it.
    fn key(self) -> &'static str {
        match self {
            Self::Person => "participant.session_id",
            Self::Open | Self::Room | Self::Start => "session.id",
        }
    }
}

/// Whether sessions may have to be looked at that are not shown.
pub(super) fn skips(filter: &SessionFilter, along: Along) -> bool {
    let is_any_status = filter.status.is_none();
    match along {
        Along::Open => false,
        Along::Room => !is_any_status || filter.username.is_some(),
        Along::Person => !is_any_status || filter.room.is_some(),
        Along::Start => !is_any_status,
    }
}

/// The query for the last session that a page may look at.
pub(super) fn examined(filter: &SessionFilter, page: &Page<SessionId>, along: Along) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("select ");
    query.push(along.key());
    match along {
        Along::Open | Along::Start => query.push(" from session where true"),
        Along::Room => query.push(" from session indexed by session_by_room where session.room = "),
        Along::Person => {
            query.push(" from participant indexed by participant_by_username where participant.username = ")
        }
    };
    match along {
        Along::Open | Along::Start => {}
        Along::Room => push_text(&mut query, filter.room.as_ref().map(RoomName::as_str)),
        Along::Person => push_text(&mut query, filter.username.as_ref().map(Username::as_str)),
    }
    push_range(&mut query, along.key(), filter, page);
    query.push(" limit 1 offset ").push_bind(EXAMINED - 1);
    query
}

fn push_text(query: &mut QueryBuilder<Sqlite>, text: Option<&str>) {
    query.push_bind(text.unwrap_or_default().to_owned());
}

/// The query for a piece of the list, which looks at no session beyond the last one to examine.
pub(super) fn list(
    filter: &SessionFilter,
    page: &Page<SessionId>,
    along: Along,
    last: Option<SessionId>,
) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(SELECT);
    match along {
        Along::Open => push_open(&mut query, filter, page),
        Along::Room => {
            query.push("from session indexed by session_by_room where true");
        }
        Along::Person => {
            query.push(
                "from participant indexed by participant_by_username \
                 cross join session on session.id = participant.session_id where true",
            );
        }
        Along::Start => {
            query.push("from session where true");
        }
    }
    match filter.status {
        Some(SessionStatus::Ended) => query.push(" and session.ended_at is not null"),
        Some(SessionStatus::Active) => query.push(" and session.ended_at is null"),
        None => &mut query,
    };
    if let Some(room) = &filter.room {
        query.push(" and session.room = ").push_bind(room.as_str().to_owned());
    }
    if let Some(username) = &filter.username {
        let username = username.as_str().to_owned();
        if along == Along::Person {
            query.push(" and participant.username = ").push_bind(username);
        } else {
            query.push(" and exists (select 1 from participant where participant.session_id = session.id and participant.username = ");
            query.push_bind(username).push(")");
        }
    }
    if let Some(last) = last {
        let within = if filter.order == SortOrder::Asc { "<=" } else { ">=" };
        query.push(format!(" and {} {within} ", along.key())).push_bind(last.0);
    }
    push_range(&mut query, along.key(), filter, page);
    query.push(" limit ").push_bind(page.probe());
    query
}

/// The open sessions of the piece: they are sorted by nothing but their ids, and only those wanted are read.
fn push_open(query: &mut QueryBuilder<Sqlite>, filter: &SessionFilter, page: &Page<SessionId>) {
    query.push("from (select session.id from session indexed by session_open where session.ended_at is null");
    if let Some(room) = &filter.room {
        query.push(" and session.room = ").push_bind(room.as_str().to_owned());
    }
    push_range(query, "session.id", filter, page);
    let wanted = if filter.username.is_some() {
        COUNTED
    } else {
        page.probe()
    };
    query.push(" limit ").push_bind(wanted);
    query.push(") as chosen cross join session on session.id = chosen.id where true");
}

fn push_range(query: &mut QueryBuilder<Sqlite>, key: &str, filter: &SessionFilter, page: &Page<SessionId>) {
    let (beyond, direction) = match filter.order {
        SortOrder::Asc => (">", "asc"),
        SortOrder::Desc => ("<", "desc"),
    };
    let bounds = [
        (">=", filter.started_after.map(SessionId::first_at)),
        ("<", filter.started_before.map(SessionId::first_at)),
        (beyond, page.after),
    ];
    for (operator, bound) in bounds {
        if let Some(bound) = bound {
            query.push(format!(" and {key} {operator} ")).push_bind(bound.0);
        }
    }
    query.push(format!(" order by {key} {direction}"));
}
