//! The picture of a session, before it is drawn: a row per person, with the stretches they were present or away and the
//! moments at which something happened to them.

use std::collections::HashMap;

use serde::Deserialize;
use uuid::Uuid;

use super::intervals::{Interval, Intervals};
use super::json::{Millis, from_json};
use super::page::Page;
use super::people::Person;
use super::sessions::{Session, SessionStatus};
use super::zone::Zone;
use super::{Error, History};
use crate::model::id::ParticipantId;
use crate::model::time::Timestamp;
use crate::sql::ids;

/// Marks of one kind and person that are closer than this part of the session are one mark: they could not be told
/// apart in any picture.
const MARK_STEPS: i64 = 400;

/// The most entries of the journal that are looked at for marks.
const EXAMINED: i64 = 10_000;

/// The most people of a file. A page shows fewer.
const ROWS: usize = 300;

/// The most stretches of one person that are drawn apart.
const BARS: usize = 400;

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
    pub zone: Zone,
    /// The people, by when they first joined.
    pub rows: Vec<Row>,
    /// How many more people there were.
    pub more: usize,
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

/// Something that is marked, as the query gives it.
#[derive(Deserialize)]
struct Moment {
    participant: Option<Uuid>,
    is_error: u8,
    at: Millis,
}

impl Moment {
    fn kind(&self) -> MarkKind {
        if self.is_error == 0 {
            MarkKind::Reconnect
        } else {
            MarkKind::Error
        }
    }
}

/// The marks of each person; `None` are those outside the room.
type Marks = HashMap<Option<ParticipantId>, Vec<Mark>>;

impl History {
    /// The picture of a session, as far as it has come: of a crowd, that of the first by name.
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

    /// The picture of some people of a session.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn timeline_of(&self, session: &Session, people: &[Person], now: Timestamp) -> Result<Timeline, Error> {
        let mut people: Vec<&Person> = people.iter().collect();
        people.sort_by_key(|person| person.joined_at);
        let marks_end = self.marks_end(session).await?;
        let mut marks = self.marks(session, &people).await?;
        Ok(Timeline {
            room: session.room.clone(),
            span: session.span(),
            is_live: session.status == SessionStatus::Active,
            zone: Zone::UTC,
            outside: marks.remove(&None).unwrap_or_default(),
            rows: people
                .into_iter()
                .map(|person| Row {
                    bars: told_apart(bars(person, now), session.span()),
                    marks: marks.remove(&Some(person.id)).unwrap_or_default(),
                    id: person.id,
                    username: person.username.clone(),
                })
                .collect(),
            marks_end,
            more: 0,
        })
    }

    /// The marks of these people, and those of nobody in the room.
    async fn marks(&self, session: &Session, people: &[&Person]) -> Result<Marks, Error> {
        let people = ids(people.iter().map(|person| person.id.0))?;
        let moments = sqlx::query_scalar!(
            r#"
            select json_group_array(
                json_array(iif(participant_id is null, null, hex(participant_id)), kind = 'error', at)
            ) as "moments!: String"
            from (select participant_id, kind, at from event where session_id = ?1 order by seq limit ?2)
            where kind in ('reconnected', 'error')
                and (participant_id is null or participant_id in (select unhex(value) from json_each(?3)))
            "#,
            session.id.0,
            EXAMINED,
            people
        )
        .fetch_one(&self.reader)
        .await?;
        let step = (session.span().ms() / MARK_STEPS).max(1);
        let place = |at: Timestamp| at.0.saturating_sub(session.started_at.0) / step;
        let mut marks = Marks::new();
        let mut moments: Vec<Moment> = from_json(&moments)?;
        moments.sort_by_key(|moment| moment.at);
        for moment in moments {
            let (at, kind) = (moment.at.into(), moment.kind());
            let marks = marks.entry(moment.participant.map(ParticipantId)).or_default();
            let same = marks.iter_mut().rev().find(|mark: &&mut Mark| mark.kind == kind);
            match same.filter(|mark| place(mark.at) == place(at)) {
                Some(mark) => mark.count += 1,
                None => marks.push(Mark { at, kind, count: 1 }),
            }
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
    pub fn in_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Round moments of the zone's clock within the session, `at_most` of them, and how far they are apart on that
    /// clock in milliseconds.
    pub fn ticks(&self, at_most: usize) -> (Vec<Timestamp>, i64) {
        let days = (1..).map(|days| days * DAY);
        for step in STEPS.into_iter().chain(days) {
            let ticks: Vec<Timestamp> = self.round_moments(step).take(at_most + 1).collect();
            if ticks.len() <= at_most {
                return (ticks, step);
            }
        }
        (Vec::new(), DAY)
    }

    /// The moments within the session at which the zone's clock shows a multiple of `step`.
    fn round_moments(&self, step: i64) -> impl Iterator<Item = Timestamp> {
        let last = self.span.to.0;
        let moments = std::iter::successors(self.round_from(self.span.from.0, step), move |at| {
            self.round_from(at + 1, step)
        });
        moments.take_while(move |at| *at <= last).map(Timestamp)
    }

    /// The first such moment from a moment on. Where the clock is changed on the way, the rest of the way is measured on
    /// the changed clock; a round time that it leaps over is none.
    fn round_from(&self, mut from: i64, step: i64) -> Option<i64> {
        let offset = |at| self.zone.offset_ms(Timestamp(at));
        loop {
            let before = offset(from);
            let at = next_multiple(from, step, before)?;
            let after = offset(at);
            if after == before {
                return Some(at);
            }
            let changed = next_multiple(from, step, after)?;
            if offset(changed) == after {
                return Some(changed);
            }
            from = at;
        }
    }
}

/// The first moment from `from` on that is a multiple of `step` on a clock that is `offset` ahead.
fn next_multiple(from: i64, step: i64, offset: i64) -> Option<i64> {
    let steps = from.checked_add(offset)?.checked_add(step - 1)?.div_euclid(step);
    steps.checked_mul(step)?.checked_sub(offset)
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

/// What of many bars can be told apart: those that are shorter than a mark's place are one with what follows, by what they
/// mostly were. How often somebody came back there is said by the marks.
fn told_apart(bars: Vec<Bar>, span: Interval) -> Vec<Bar> {
    if bars.len() <= BARS {
        return bars;
    }
    let step = (span.ms() / MARK_STEPS).max(1);
    let mut told: Vec<Bar> = Vec::new();
    for bar in bars {
        match told.last_mut() {
            Some(last) if last.interval.ms() < step => {
                if bar.interval.ms() > last.interval.ms() {
                    last.kind = bar.kind;
                }
                last.interval.to = last.interval.to.max(bar.interval.to);
            }
            _ => told.push(bar),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::history::fixture::{Connection, Fixture, START_MS};
    use crate::model::id::SessionId;
    use crate::model::vocabulary::{EventKind, LeaveReason};

    fn empty(from: i64, to: i64) -> Timeline {
        Timeline {
            room: "r".to_owned(),
            span: Interval::new(Timestamp(from), Timestamp(to)),
            is_live: false,
            zone: Zone::UTC,
            rows: Vec::new(),
            outside: Vec::new(),
            marks_end: None,
            more: 0,
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
        let half_past = Zone::parse("Asia/Kolkata").unwrap();
        let timeline = empty(START_MS, START_MS + 8 * HOUR).in_zone(half_past);
        let (ticks, step) = timeline.ticks(10);
        assert_eq!((step, ticks[0].0), (HOUR, START_MS + HOUR / 2));
    }

    #[test]
    fn ticks_are_round_on_either_side_of_a_change_of_the_clock() {
        for (zone, from, hours, expected) in [
            // At 2 it is 3.
            ("Europe/Berlin", "2026-03-28T17:00:00Z", 24, "18 21 0 3 6 9 12 15 18"),
            ("Europe/Berlin", "2026-03-29T00:00:00Z", 4, "1 1.5 3 3.5 4 4.5 5 5.5 6"),
            // At 3 it is 2 again.
            ("Europe/Berlin", "2026-10-24T16:00:00Z", 26, "18 21 0 3 6 9 12 15 18"),
            ("Europe/Berlin", "2026-10-24T23:00:00Z", 4, "1 1.5 2 2.5 2 2.5 3 3.5 4"),
            // Half an hour only: at 2 it is 2:30.
            ("Australia/Lord_Howe", "2026-10-03T12:30:00Z", 12, "0 4 6 8 10"),
            // There is no midnight: at 0 it is 1.
            ("Africa/Cairo", "2026-04-22T22:00:00Z", 40, "0 6 12 18 6 12"),
        ] {
            let from = chrono::DateTime::parse_from_rfc3339(from).unwrap().timestamp_millis();
            let zone = Zone::parse(zone).unwrap();
            let (ticks, _) = empty(from, from + hours * HOUR).in_zone(zone).ticks(9);
            let hour = |at: &Timestamp| {
                let minutes = (at.0 + zone.offset_ms(*at)).rem_euclid(DAY) / MINUTE;
                format!("{}", f64::from(u16::try_from(minutes).unwrap()) / 60.0)
            };
            let hours: Vec<String> = ticks.iter().map(hour).collect();
            assert_eq!(hours.join(" "), expected, "{zone:?}");
        }
    }

    #[tokio::test]
    async fn rows_are_people_by_when_they_came() {
        let fixture = Fixture::new().await;
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

    #[tokio::test]
    async fn marks_end_where_there_are_too_many() {
        let fixture = Fixture::new().await;
        let id = fixture.session("r", 0, Some(EXAMINED * 2)).await;
        let (ann, _) = fixture.person(id, "Ann", None, &[Connection::open(0)]).await;
        for (count, marked, end) in [(EXAMINED, EXAMINED, None), (2, EXAMINED, Some(Timestamp(START_MS)))] {
            fixture.errors(id, ann, count).await;
            let timeline = timeline(&fixture, id).await;
            let shown: i64 = timeline.rows[0].marks.iter().map(|mark| mark.count).sum();
            assert_eq!((shown, timeline.marks_end), (marked, end));
        }
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
