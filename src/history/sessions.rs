//! Sessions: one occupancy of a room each.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;

use super::built::BuiltQuery;
use super::intervals::Interval;
use super::page::{Page, Slice};
use super::{Error, History};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::SessionStatus;
use crate::sql::{Reader, query};

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
        let list = list(&self.reader, filter, page, along, last_examined);
        let rows: Vec<SessionRow> = list.fetch_all().await?;
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
        let examined = examined(&self.reader, filter, page, along);
        let last: Option<(SessionId,)> = examined.fetch_optional().await?;
        Ok(last.map(|(id,)| id))
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
        let counted = query!(
            &self.reader,
            fetch_one as Counted,
            r#"
            select (select count(*) from (select 1 from session where room = $1 limit $3) as own) as "room!: i64",
                (select count(*) from (select 1 from participant where username = $2 limit $3) as own) as "person!: i64"
            "#,
            room,
            username,
            COUNTED
        )?;
        Ok(if counted.person < counted.room {
            Along::Person
        } else {
            Along::Room
        })
    }

    async fn are_open_few(&self) -> Result<bool, Error> {
        let open = query!(
            &self.reader,
            fetch_one scalar,
            sqlite: r#"
            select count(*) as "open!: i64"
            from (select 1 from session indexed by session_open where ended_at is null limit $1) as own
            "#,
            postgres: r#"
            select count(*) as "open!: i64" from (select 1 from session where ended_at is null limit $1) as own
            "#,
            COUNTED
        )?;
        Ok(open < COUNTED)
    }

    /// One session; `None` if there is none of that id.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn session(&self, id: SessionId, now: Timestamp) -> Result<Option<Session>, Error> {
        let mut query = BuiltQuery::new(&self.reader, SELECT);
        query.push("from session where session.id = ").bind(id.0);
        let row: Option<SessionRow> = query.fetch_optional().await?;
        Ok(row.map(|row| row.at(now)))
    }
}

/// How many sessions there are of a room and of a person.
struct Counted {
    room: i64,
    person: i64,
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
pub(super) fn examined<'r>(
    reader: &'r Reader,
    filter: &SessionFilter,
    page: &Page<SessionId>,
    along: Along,
) -> BuiltQuery<'r> {
    let mut query = BuiltQuery::new(reader, "select ");
    query.push(along.key());
    match along {
        Along::Open | Along::Start => query.push(" from session where true"),
        Along::Room => query
            .push(" from session")
            .push_for_sqlite(" indexed by session_by_room")
            .push(" where session.room = ")
            .bind(text(filter.room.as_ref().map(RoomName::as_str))),
        Along::Person => query
            .push(" from participant")
            .push_for_sqlite(" indexed by participant_by_username")
            .push(" where participant.username = ")
            .bind(text(filter.username.as_ref().map(Username::as_str))),
    };
    push_range(&mut query, along.key(), filter, page);
    query.push(" limit 1 offset ").bind(EXAMINED - 1);
    query
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

/// The query for a piece of the list, which looks at no session beyond the last one to examine.
pub(super) fn list<'r>(
    reader: &'r Reader,
    filter: &SessionFilter,
    page: &Page<SessionId>,
    along: Along,
    last: Option<SessionId>,
) -> BuiltQuery<'r> {
    let mut query = BuiltQuery::new(reader, SELECT);
    match along {
        Along::Open => push_open(&mut query, filter, page),
        Along::Room => {
            query
                .push("from session")
                .push_for_sqlite(" indexed by session_by_room")
                .push(" where true");
        }
        Along::Person => {
            query
                .push("from participant")
                .push_for_sqlite(" indexed by participant_by_username");
            push_sessions_of(&mut query, "participant.session_id");
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
        query.push(" and session.room = ").bind(room.as_str().to_owned());
    }
    if let Some(username) = &filter.username {
        let username = username.as_str().to_owned();
        if along == Along::Person {
            query.push(" and participant.username = ").bind(username);
        } else {
            // The offset keeps PostgreSQL from looking for all sessions of the person first.
            query.push(" and exists (select 1 from participant where participant.session_id = session.id and participant.username = ");
            query.bind(username).push(" limit 1 offset 0)");
        }
    }
    if let Some(last) = last {
        let within = if filter.order == SortOrder::Asc { "<=" } else { ">=" };
        query.push(format!(" and {} {within} ", along.key())).bind(last.0);
    }
    push_range(&mut query, along.key(), filter, page);
    query.push(" limit ").bind(page.probe());
    query
}

/// The session of each id that was found before, one after another: each database has its own words that keep it to that.
fn push_sessions_of(query: &mut BuiltQuery<'_>, id: &str) {
    query
        .push_for_sqlite(&format!(" cross join session on session.id = {id}"))
        .push_for_postgres(&format!(
            " cross join lateral (select * from session as own where own.id = {id} offset 0) as session"
        ))
        .push(" where true");
}

/// The open sessions of the piece: they are sorted by nothing but their ids, and only those wanted are read.
fn push_open(query: &mut BuiltQuery<'_>, filter: &SessionFilter, page: &Page<SessionId>) {
    query
        .push("from (select session.id from session")
        .push_for_sqlite(" indexed by session_open")
        .push(" where session.ended_at is null");
    if let Some(room) = &filter.room {
        query.push(" and session.room = ").bind(room.as_str().to_owned());
    }
    push_range(query, "session.id", filter, page);
    let wanted = if filter.username.is_some() {
        COUNTED
    } else {
        page.probe()
    };
    query.push(" limit ").bind(wanted).push(") as chosen");
    push_sessions_of(query, "chosen.id");
}

fn push_range(query: &mut BuiltQuery<'_>, key: &str, filter: &SessionFilter, page: &Page<SessionId>) {
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
            query.push(format!(" and {key} {operator} ")).bind(bound.0);
        }
    }
    query.push(format!(" order by {key} {direction}"));
}
