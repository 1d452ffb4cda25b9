//! What happened to each person of a session: when they were present or away, and the moments that stand out.

use std::collections::HashMap;

use serde::Deserialize;
use uuid::Uuid;

use super::intervals::{Interval, Intervals};
use super::json::{Millis, from_json};
use super::page::Page;
use super::people::Person;
use super::sessions::Session;
use super::{Error, History};
use crate::model::id::ParticipantId;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{EventKind, LeaveReason};
use crate::sql::{Database, ids, query};

/// The most entries of the journal that are looked at for marks.
const EXAMINED: i64 = 10_000;

/// The most people of [`History::timeline`].
const ROWS: usize = 300;

/// A session, person by person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The room's name.
    pub room: String,
    /// The time that the session takes, or has taken so far.
    pub span: Interval,
    /// Whether it goes on.
    pub is_live: bool,
    /// The people, by when they first joined.
    pub rows: Vec<TimelineRow>,
    /// How many more people there were.
    pub more: usize,
    /// Errors that were told to clients who were not in the room: joins that were refused.
    pub outside: Vec<Mark>,
    /// Later marks are missing, because the session has too many entries; `None` if none are.
    pub marks_end: Option<Timestamp>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineRow {
    /// Their name.
    pub username: String,
    /// When they had a live connection.
    pub present: Intervals,
    /// When they had none, and could still come back.
    pub away: Intervals,
    /// When they came, came back or dropped, and the number of its entry in the journal, in order: of those that are looked at.
    pub begins: Vec<(Timestamp, i64)>,
    /// What happened to them, in order.
    pub marks: Vec<Mark>,
    /// How it ended; nothing while they are a member.
    pub end: Option<RowEnd>,
}

/// How somebody's row ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowEnd {
    /// When they were there last.
    pub at: Timestamp,
    /// Whether they did not come back.
    pub is_lost: bool,
    /// The number of its entry in the journal, if that is among those that are looked at.
    pub seq: Option<i64>,
}

/// A moment that stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When it was.
    pub at: Timestamp,
    /// What happened.
    pub kind: MarkKind,
    /// The number of its entry in the journal.
    pub seq: i64,
}

/// What a [`Mark`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// They came back.
    Reconnect,
    /// Their client was told an error.
    Error,
}

/// An entry as the query gives it.
#[derive(Deserialize)]
struct EntryRow {
    participant: Option<Uuid>,
    kind: EventKind,
    at: Millis,
    seq: i64,
}

/// All entries, column by column.
struct EntryColumns {
    participants: Vec<Option<Uuid>>,
    /// Their words, with commas between.
    kinds: String,
    at: Vec<i64>,
    seqs: Vec<i64>,
}

impl EntryColumns {
    fn into_rows(self) -> Result<Vec<EntryRow>, Error> {
        let kinds = self.kinds.split(',').map(EventKind::parse);
        let columns = self.participants.into_iter().zip(kinds).zip(self.at).zip(self.seqs);
        let rows = columns.map(|(((participant, kind), at), seq)| {
            let at = Millis(at);
            kind.map(|kind| EntryRow {
                participant,
                kind,
                at,
                seq,
            })
        });
        let rows: Option<Vec<EntryRow>> = rows.collect();
        rows.ok_or_else(|| sqlx::Error::Decode("an entry of no kind that is known".into()).into())
    }
}

impl EntryRow {
    /// Whether it begins a stretch of their time.
    fn begins(&self) -> bool {
        matches!(
            self.kind,
            EventKind::Joined | EventKind::Reconnected | EventKind::Disconnected
        )
    }

    /// Which mark it has: none of a departure, which ends the row.
    fn mark(&self) -> Option<MarkKind> {
        match self.kind {
            EventKind::Error => Some(MarkKind::Error),
            EventKind::Reconnected => Some(MarkKind::Reconnect),
            EventKind::SessionStarted
            | EventKind::SessionEnded
            | EventKind::Joined
            | EventKind::Left
            | EventKind::Disconnected
            | EventKind::Gap
            | EventKind::Action => None,
        }
    }
}

/// What the journal has for the row of one person, or for that of those outside the room.
#[derive(Default)]
struct RowEntries {
    begins: Vec<(Timestamp, i64)>,
    marks: Vec<Mark>,
    /// The number of the last departure.
    left: Option<i64>,
}

/// The entries of each person; `None` are those outside the room.
type Entries = HashMap<Option<ParticipantId>, RowEntries>;

impl History {
    /// The timeline of a session, as far as it has come: of too many people, that of the first by name.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn timeline(&self, session: &Session, now: Timestamp) -> Result<Timeline, Error> {
        let first = Page {
            limit: ROWS,
            after: None,
        };
        let people = self.people(session.id, &first).await?;
        let mut timeline = self.timeline_of(session, &people.rows, now).await?;
        if people.next.is_some() {
            let all = usize::try_from(session.unique_participants).unwrap_or_default();
            timeline.more = all.saturating_sub(people.rows.len());
        }
        Ok(timeline)
    }

    /// The timeline of some people of a session.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn timeline_of(&self, session: &Session, people: &[Person], now: Timestamp) -> Result<Timeline, Error> {
        let mut people: Vec<&Person> = people.iter().collect();
        people.sort_by_key(|person| person.joined_at);
        let marks_end = self.marks_end(session).await?;
        let mut entries = self.entries(session, &people).await?;
        Ok(Timeline {
            room: session.room.clone(),
            span: session.span(),
            is_live: session.is_live(),
            outside: entries.remove(&None).unwrap_or_default().marks,
            rows: people
                .into_iter()
                .map(|person| {
                    let present = person.present(now);
                    let RowEntries { begins, marks, left } = entries.remove(&Some(person.id)).unwrap_or_default();
                    TimelineRow {
                        away: person.away(now).minus(&present),
                        present,
                        begins,
                        marks,
                        end: person.left_at.map(|at| RowEnd {
                            at,
                            seq: left,
                            is_lost: person.leave_reason.is_some_and(LeaveReason::is_lost),
                        }),
                        username: person.username.clone(),
                    }
                })
                .collect(),
            marks_end,
            more: 0,
        })
    }

    /// The entries of these people, and those of nobody in the room.
    async fn entries(&self, session: &Session, people: &[&Person]) -> Result<Entries, Error> {
        let people = ids(people.iter().map(|person| person.id.0))?;
        let mut found = self.entries_of(session, &people).await?;
        found.sort_by_key(|entry| entry.at);
        let mut entries = Entries::new();
        for entry in found {
            let row = entries.entry(entry.participant.map(ParticipantId)).or_default();
            let at = entry.at.into();
            if entry.begins() {
                row.begins.push((at, entry.seq));
            }
            if let Some(kind) = entry.mark() {
                let seq = entry.seq;
                row.marks.push(Mark { at, kind, seq });
            }
            if entry.kind == EventKind::Left {
                row.left = row.left.max(Some(entry.seq));
            }
        }
        Ok(entries)
    }

    /// The entries that a timeline is made of, of people by their ids as [`ids`] writes them.
    async fn entries_of(&self, session: &Session, people: &str) -> Result<Vec<EntryRow>, Error> {
        let session = session.id.0;
        match &self.reader {
            Database::Sqlite(file) => {
                let moments = sqlx::query_scalar!(
                    r#"
                    select json_group_array(
                        json_array(iif(participant_id is null, null, hex(participant_id)), kind, at, seq)
                    ) as "moments!: String"
                    from (select participant_id, kind, at, seq from event where session_id = ?1 order by seq limit ?2)
                    where kind in ('joined', 'disconnected', 'reconnected', 'error', 'left')
                        and (participant_id is null or participant_id in (select unhex(value) from json_each(?3)))
                    "#,
                    session,
                    EXAMINED,
                    people
                );
                from_json(&moments.fetch_one(file).await?)
            }
            // Rows cost it a fifth of what their JSON does, and the server half as much again as their columns.
            Database::Postgres(pool) => {
                let entries = sqlx::query_as!(
                    EntryColumns,
                    r#"/*postgres*/
                    select coalesce(array_agg(participant_id), '{}') as "participants!: Vec<Option<Uuid>>",
                        coalesce(string_agg(kind, ','), '') as "kinds!",
                        coalesce(array_agg(at), '{}') as "at!", coalesce(array_agg(seq), '{}') as "seqs!"
                    from (select participant_id, kind, at, seq from event where session_id = $1 order by seq limit $2) as own
                    where kind in ('joined', 'disconnected', 'reconnected', 'error', 'left')
                        and (
                            participant_id is null
                            or participant_id in (select value::uuid from json_array_elements_text($3::text::json) as value)
                        )
                    "#,
                    session,
                    EXAMINED,
                    people
                );
                entries.fetch_one(pool).await?.into_rows()
            }
        }
    }

    async fn marks_end(&self, session: &Session) -> Result<Option<Timestamp>, Error> {
        let at = query!(
            &self.reader,
            fetch_optional scalar,
            r#"select at as "at: Timestamp" from event where session_id = $1 order by seq limit 1 offset $2"#,
            session.id.0,
            EXAMINED
        )?;
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::history::fixture::{Connection, Fixture, START_MS};
    use crate::model::id::SessionId;
    use crate::model::vocabulary::EventKind;

    #[tokio::test]
    async fn rows_are_people_by_when_they_came() {
        for fixture in Fixture::both().await {
            let id = fixture.session("r", 0, Some(1000)).await;
            let (late, _) = fixture
                .person(
                    id,
                    "Ann",
                    Some((1000, LeaveReason::Left)),
                    &[Connection::ended(500, 1000, LeaveReason::Left)],
                )
                .await;
            let connections = [
                Connection::lost(0, 100, Some(110)),
                Connection::ended(110, 300, LeaveReason::Replaced),
                Connection::lost(300, 400, Some(415)),
            ];
            let (early, _) = fixture
                .person(id, "Bo", Some((415, LeaveReason::Timeout)), &connections)
                .await;
            fixture.event(id, Some(early), 110, EventKind::Reconnected, None).await;
            fixture.event(id, Some(early), 300, EventKind::Reconnected, None).await;
            for _ in 0..3 {
                fixture
                    .event(id, Some(late), 600, EventKind::Error, Some(json!({})))
                    .await;
            }
            fixture.event(id, None, 700, EventKind::Error, Some(json!({}))).await;
            fixture.event(id, Some(late), 1000, EventKind::Left, None).await;

            let timeline = timeline(&fixture, id).await;
            let names: Vec<_> = timeline.rows.iter().map(|row| row.username.as_str()).collect();
            assert_eq!(names, ["Bo", "Ann"]);
            let bo = &timeline.rows[0];
            assert_eq!(seconds(&bo.present), [(0, 100), (110, 400)]);
            assert_eq!(seconds(&bo.away), [(100, 110), (400, 415)]);
            assert_eq!(
                marks(&bo.marks),
                [(110, MarkKind::Reconnect), (300, MarkKind::Reconnect)]
            );
            assert_eq!(marks(&timeline.rows[1].marks), [(600, MarkKind::Error); 3]);
            assert_eq!(marks(&timeline.outside), [(700, MarkKind::Error)]);
            let ends = timeline.rows.iter().map(|row| row.end.map(|end| end.is_lost));
            assert_eq!(ends.collect::<Vec<_>>(), [Some(true), Some(false)]);
            assert_eq!((timeline.is_live, timeline.marks_end), (false, None));
        }
    }

    #[tokio::test]
    async fn marks_end_where_there_are_too_many() {
        for fixture in Fixture::both().await {
            let id = fixture.session("r", 0, Some(EXAMINED * 2)).await;
            let (ann, _) = fixture.person(id, "Ann", None, &[Connection::open(0)]).await;
            for (count, marked, end) in [(EXAMINED, EXAMINED, None), (2, EXAMINED, Some(Timestamp(START_MS)))] {
                fixture.errors(id, ann, count).await;
                let timeline = timeline(&fixture, id).await;
                let shown = timeline.rows[0].marks.len();
                assert_eq!((i64::try_from(shown).unwrap(), timeline.marks_end), (marked, end));
            }
        }
    }

    async fn timeline(fixture: &Fixture, id: Uuid) -> Timeline {
        let (history, now) = (fixture.history().await, Timestamp(START_MS + 2_000_000));
        let session = history.session(SessionId(id), now).await.unwrap().unwrap();
        history.timeline(&session, now).await.unwrap()
    }

    fn seconds(intervals: &Intervals) -> Vec<(i64, i64)> {
        let second = |at: Timestamp| (at.0 - START_MS) / 1000;
        intervals
            .iter()
            .map(|interval| (second(interval.from), second(interval.to)))
            .collect()
    }

    fn marks(all: &[Mark]) -> Vec<(i64, MarkKind)> {
        all.iter()
            .map(|mark| ((mark.at.0 - START_MS) / 1000, mark.kind))
            .collect()
    }
}
