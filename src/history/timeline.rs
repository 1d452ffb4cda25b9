//! The picture of a session, before it is drawn: a row per person, with the stretches they were present or away and the
//! moments at which something happened to them.

use std::collections::HashMap;

use chrono::{FixedOffset, Offset, Utc};

use super::attendance::Person;
use super::intervals::{Interval, Intervals};
use super::sessions::{Session, SessionStatus};
use super::{Error, History};
use crate::room::id::ParticipantId;
use crate::room::time::Timestamp;

/// Marks of one kind and person that are closer than this part of the session are one mark: they could not be told
/// apart in any picture.
const MARK_STEPS: i64 = 400;

/// The most entries of the journal that are looked at for marks.
const EXAMINED: i64 = 50_000;

/// What is to be drawn of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The room's name.
    pub room: String,
    /// The time that the session takes, or has taken so far.
    pub span: Interval,
    /// Whether it goes on.
    pub is_live: bool,
    /// The zone whose clock the ticks and times follow; UTC unless [`Timeline::in_zone`] says otherwise.
    pub zone: FixedOffset,
    /// The people, by when they first joined.
    pub rows: Vec<Row>,
    /// Errors that were told to clients who were not in the room: joins that were refused.
    pub outside: Vec<Mark>,
    /// Later marks are not shown, because the session has too many entries; `None` if all are.
    pub marks_end: Option<Timestamp>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The person's id in the session.
    pub id: ParticipantId,
    /// Their name.
    pub username: String,
    /// When they were a member, in order; bars never overlap.
    pub bars: Vec<Bar>,
    /// What happened to them, in order.
    pub marks: Vec<Mark>,
}

/// A stretch of one person's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// From when until when, or until now.
    pub interval: Interval,
    /// Whether they were there.
    pub kind: BarKind,
}

/// What a [`Bar`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarKind {
    /// They had a live connection.
    Present,
    /// Their connection was gone, and they could still come back.
    Away,
}

/// A moment, or a few that are too close to be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The first of them.
    pub at: Timestamp,
    /// What happened.
    pub kind: MarkKind,
    /// How often.
    pub count: i64,
}

/// What a [`Mark`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// They came back.
    Reconnect,
    /// Their client was told an error.
    Error,
}

/// The marks of each person; `None` are those outside the room.
type Marks = HashMap<Option<ParticipantId>, Vec<Mark>>;

impl History {
    /// The picture of a session, as far as it has come.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn timeline(&self, session: &Session, now: Timestamp) -> Result<Timeline, Error> {
        const NO_LIMIT: i64 = -1;
        let mut people = self.people(session.id, None, NO_LIMIT).await?;
        people.sort_by_key(|person| person.joined_at);
        let marks_end = self.marks_end(session).await?;
        let mut marks = self.marks(session).await?;
        Ok(Timeline {
            room: session.room.clone(),
            span: session.span(),
            is_live: session.status == SessionStatus::Active,
            zone: Utc.fix(),
            outside: marks.remove(&None).unwrap_or_default(),
            rows: people
                .into_iter()
                .map(|person| Row {
                    bars: bars(&person, now),
                    marks: marks.remove(&Some(person.id)).unwrap_or_default(),
                    id: person.id,
                    username: person.username,
                })
                .collect(),
            marks_end,
        })
    }

    async fn marks(&self, session: &Session) -> Result<Marks, Error> {
        let step = (session.span().ms() / MARK_STEPS).max(1);
        let rows = sqlx::query!(
            r#"
            select participant_id as "participant_id: ParticipantId", kind as "kind!: String",
                min(at) as "at!: Timestamp", count(*) as "count!: i64"
            from (select participant_id, kind, at from event where session_id = ?1 order by seq limit ?2)
            where kind in ('reconnected', 'error')
            group by participant_id, kind, (at - ?3) / ?4
            order by min(at)
            "#,
            session.id.0,
            EXAMINED,
            session.started_at.0,
            step
        )
        .fetch_all(&self.reader)
        .await?;
        let mut marks = Marks::new();
        for row in rows {
            let kind = if row.kind == "error" {
                MarkKind::Error
            } else {
                MarkKind::Reconnect
            };
            marks.entry(row.participant_id).or_default().push(Mark {
                at: row.at,
                kind,
                count: row.count,
            });
        }
        Ok(marks)
    }

    async fn marks_end(&self, session: &Session) -> Result<Option<Timestamp>, Error> {
        let at = sqlx::query_scalar!(
            r#"select at as "at: Timestamp" from event where session_id = ?1 order by seq limit 1 offset ?2"#,
            session.id.0,
            EXAMINED
        );
        Ok(at.fetch_optional(&self.reader).await?)
    }
}

impl Timeline {
    /// The same by the clock of a zone.
    #[must_use]
    pub fn in_zone(mut self, zone: FixedOffset) -> Self {
        self.zone = zone;
        self
    }

    /// Round moments of the zone's clock within the session, `at_most` of them, and how far they are apart in
    /// milliseconds.
    pub fn ticks(&self, at_most: usize) -> (Vec<Timestamp>, i64) {
        let offset = i64::from(self.zone.local_minus_utc()) * 1000;
        let most = i64::try_from(at_most).unwrap_or(i64::MAX).max(1);
        let (from, to) = (self.span.from.0, self.span.to.0);
        let fits = |step: &i64| (to + offset).div_euclid(*step) - (from - 1 + offset).div_euclid(*step) <= most;
        let days = (1..).map(|days| days * DAY);
        let step = STEPS.into_iter().chain(days).find(fits).unwrap_or(i64::MAX);
        let first = ((from - 1 + offset).div_euclid(step) + 1) * step - offset;
        let ticks = (0..most).map(|index| first + index * step).take_while(|at| *at <= to);
        (ticks.map(Timestamp).collect(), step)
    }
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The distances between ticks that a clock's reader takes for round.
const STEPS: [i64; 17] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
];

fn bars(person: &Person, now: Timestamp) -> Vec<Bar> {
    let present = person.present(now);
    let away = person.away(now).minus(&present);
    let bar = |kind| move |interval| Bar { interval, kind };
    let kinds = |set: &Intervals, kind| set.iter().map(bar(kind)).collect::<Vec<_>>();
    let mut bars = kinds(&present, BarKind::Present);
    bars.extend(kinds(&away, BarKind::Away));
    bars.sort_by_key(|bar| bar.interval.from);
    bars
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::history::fixture::{Fixture, START_MS};
    use crate::room::id::SessionId;

    fn empty(from: i64, to: i64) -> Timeline {
        Timeline {
            room: "r".to_owned(),
            span: Interval::new(Timestamp(from), Timestamp(to)),
            is_live: false,
            zone: Utc.fix(),
            rows: Vec::new(),
            outside: Vec::new(),
            marks_end: None,
        }
    }

    #[test]
    fn ticks_are_round_and_few_for_any_length() {
        // One second, one minute, a lesson, eight hours, a day, a term.
        for length in [SECOND, MINUTE, 52 * MINUTE, 8 * HOUR, DAY, 120 * DAY] {
            let (ticks, step) = empty(START_MS + 12_345, START_MS + 12_345 + length).ticks(10);
            assert!(
                ticks.len() <= 10 && ticks.len() >= usize::from(length > SECOND) * 3,
                "{length}: {ticks:?}"
            );
            assert!(
                ticks.iter().all(|tick| tick.0 % step == 0),
                "{length}: {step} {ticks:?}"
            );
            assert!(ticks.windows(2).all(|pair| pair[1].0 - pair[0].0 == step));
        }
        let (ticks, step) = empty(START_MS, START_MS + 52 * MINUTE).ticks(10);
        assert_eq!(step, 10 * MINUTE);
        assert_eq!(ticks.first(), Some(&Timestamp(START_MS)), "an edge counts");
        assert_eq!(empty(START_MS, START_MS).ticks(10).0, [Timestamp(START_MS)]);
    }

    #[test]
    fn ticks_follow_the_clock_of_the_zone() {
        let half_past = FixedOffset::east_opt(5 * 3600 + 1800).unwrap();
        let timeline = empty(START_MS, START_MS + 8 * HOUR).in_zone(half_past);
        let (ticks, step) = timeline.ticks(10);
        assert_eq!((step, ticks[0].0), (HOUR, START_MS + HOUR / 2));
    }

    #[tokio::test]
    async fn rows_are_people_by_when_they_came() {
        let fixture = Fixture::new().await;
        let id = fixture.session("r", 0, Some(1000)).await;
        let (late, _) = fixture
            .person(id, "Ann", Some((1000, "left")), &[(500, Some((1000, "left")), None)])
            .await;
        let connections = [
            (0, Some((100, "disconnected")), Some(110)),
            (110, Some((300, "replaced")), None),
            (300, Some((400, "disconnected")), Some(415)),
        ];
        let (early, _) = fixture.person(id, "Bo", Some((415, "timeout")), &connections).await;
        fixture.event(id, Some(early), 110, "reconnected", None).await;
        fixture.event(id, Some(early), 300, "reconnected", None).await;
        for _ in 0..3 {
            fixture.event(id, Some(late), 600, "error", Some("{}")).await;
        }
        fixture.event(id, None, 700, "error", Some("{}")).await;
        fixture.event(id, Some(late), 1000, "left", None).await;

        let timeline = timeline(&fixture, id).await;
        let names: Vec<_> = timeline.rows.iter().map(|row| row.username.as_str()).collect();
        assert_eq!(names, ["Bo", "Ann"]);
        assert_eq!(
            seconds(&timeline.rows[0].bars),
            [
                (0, 100, BarKind::Present),
                (100, 110, BarKind::Away),
                (110, 400, BarKind::Present),
                (400, 415, BarKind::Away)
            ]
        );
        assert_eq!(timeline.rows[0].marks.len(), 2);
        assert_eq!(timeline.rows[1].marks, [mark(600, 3)]);
        assert_eq!(timeline.outside, [mark(700, 1)]);
        assert_eq!((timeline.is_live, timeline.marks_end), (false, None));
    }

    async fn timeline(fixture: &Fixture, id: Uuid) -> Timeline {
        let (history, now) = (fixture.history().await, Timestamp(START_MS + 2_000_000));
        let session = history.session(SessionId(id), now).await.unwrap().unwrap();
        history.timeline(&session, now).await.unwrap()
    }

    fn seconds(bars: &[Bar]) -> Vec<(i64, i64, BarKind)> {
        let second = |at: Timestamp| (at.0 - START_MS) / 1000;
        bars.iter()
            .map(|bar| (second(bar.interval.from), second(bar.interval.to), bar.kind))
            .collect()
    }

    fn mark(seconds: i64, count: i64) -> Mark {
        Mark {
            at: Timestamp(START_MS + seconds * 1000),
            kind: MarkKind::Error,
            count,
        }
    }
}
