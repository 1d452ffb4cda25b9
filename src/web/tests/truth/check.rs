//! Holds what a reviewer is shown against what was worked out: JSON, tables for spreadsheets, the picture, the pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::naive::{ExpectedAttendance, ExpectedPerson, ExpectedPresence, ExpectedSession, Naive};
use super::page;
use super::picture;
use super::play::Reviewer;
use super::script::{Class, Dice};
use super::zone::written;

/// A class, what must be known of it, and who asks.
pub(super) struct Check<'a> {
    pub(super) class: &'a Class,
    pub(super) naive: &'a Naive,
    pub(super) reviewer: &'a Reviewer,
    /// When the class is looked at, by the script's time.
    pub(super) now: i64,
}

/// One session of it.
pub(super) struct SessionView<'a> {
    pub(super) check: &'a Check<'a>,
    pub(super) id: String,
    pub(super) session: &'a ExpectedSession,
    /// Its people by name.
    pub(super) people: Vec<(&'a ExpectedPerson, ExpectedAttendance)>,
}

impl Check<'_> {
    pub(super) async fn run(&self, dice: &mut Dice) {
        let list = self.json("/api/v1/sessions?order=asc&limit=200").await;
        let rows = list["data"].as_array().unwrap();
        assert_eq!(rows.len(), self.naive.sessions.len(), "sessions");
        let mut views = Vec::new();
        for (row, session) in rows.iter().zip(&self.naive.sessions) {
            let mut people: Vec<&ExpectedPerson> = session.people.iter().collect();
            people.sort_by_key(|person| &person.name);
            let part = |person| (person, session.part(person, self.now));
            views.push(SessionView {
                check: self,
                id: row["id"].as_str().unwrap().to_owned(),
                session,
                people: people.into_iter().map(part).collect(),
            });
        }
        for (row, view) in rows.iter().zip(&views) {
            view.glance(row);
            view.glance(&self.json(&view.path("")).await);
            view.participants().await;
            view.events().await;
            view.attendance_table().await;
            view.events_table().await;
            view.moments(dice).await;
            view.right_now().await;
            picture::check(view).await;
            page::check_session(view).await;
        }
        page::check_list(&views).await;
        page::check_people(&views).await;
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.reviewer.get(path).await.text).unwrap()
    }

    /// A moment of the script as milliseconds since 1970.
    pub(super) fn ms(&self, at: i64) -> i64 {
        self.class.start + at
    }

    pub(super) fn iso(&self, at: i64) -> String {
        written(self.ms(at), "%Y-%m-%dT%H:%M:%S%.3fZ")
    }
}

impl SessionView<'_> {
    pub(super) fn path(&self, below: &str) -> String {
        format!("/api/v1/sessions/{}{below}", self.id)
    }

    pub(super) fn duration(&self) -> i64 {
        self.session.until(self.check.now) - self.session.start
    }

    fn glance(&self, row: &Value) {
        let session = self.session;
        let iso = |at| self.check.iso(at);
        let expected = json!({
            "id": self.id,
            "room": session.room,
            "status": if session.is_active() { "active" } else { "ended" },
            "startedAt": iso(session.start),
            "endedAt": session.end.map(iso),
            "durationMs": self.duration(),
            "peakParticipants": session.peak,
            "uniqueParticipants": session.people.len(),
            "reconnectCount": session.back(),
            "errorCount": session.errors(),
        });
        assert_eq!(*row, expected);
    }

    async fn participants(&self) {
        let list = self.check.json(&self.path("/participants?limit=200")).await;
        let found = list["data"].as_array().unwrap();
        assert_eq!(found.len(), self.people.len(), "participants");
        for (row, (person, part)) in found.iter().zip(&self.people) {
            let iso = |at| self.check.iso(at);
            let mut intervals: Vec<Value> = part
                .here
                .iter()
                .map(|(from, to)| json!({"from": iso(*from), "to": iso(*to)}))
                .collect();
            if part.status == ExpectedPresence::Here {
                intervals.last_mut().unwrap()["to"] = Value::Null;
            }
            let expected = json!({
                "id": row["id"],
                "username": person.name,
                "joinedAt": iso(person.first_in),
                "leftAt": person.last_out.map(iso),
                "presentMs": part.present,
                "awayMs": part.away,
                "longestGapMs": part.gap,
                "reconnectCount": part.back,
                "leaveReason": person.reason,
                "presentPct": percent(part.permille),
                "intervals": intervals,
            });
            assert_eq!(*row, expected);
        }
    }

    async fn events(&self) {
        let mut found = Vec::new();
        let mut path = self.path("/events?limit=200");
        loop {
            let list = self.check.json(&path).await;
            found.extend(list["data"].as_array().unwrap().clone());
            let Some(cursor) = list["nextCursor"].as_str() else {
                break;
            };
            path = self.path(&format!("/events?limit=200&cursor={cursor}"));
        }
        let found: Vec<Value> = found
            .iter()
            .map(|event| json!([event["at"], event["kind"], event["username"], event["detail"]["reason"]]))
            .collect();
        let expected: Vec<Value> = self
            .session
            .events
            .iter()
            .map(|event| json!([self.check.iso(event.at), event.kind, event.who, event.reason]))
            .collect();
        assert_eq!(found, expected);
    }

    async fn attendance_table(&self) {
        let time = |at| written(self.check.ms(at), "%Y-%m-%d %H:%M:%S%.3f");
        let mut expected = vec![
            [
                "username",
                "joinedAtUtc",
                "leftAtUtc",
                "presentMs",
                "awayMs",
                "longestGapMs",
                "presentPct",
                "reconnectCount",
                "leaveReason",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        for (person, part) in &self.people {
            expected.push(vec![
                person.name.clone(),
                time(person.first_in),
                person.last_out.map(time).unwrap_or_default(),
                part.present.to_string(),
                part.away.to_string(),
                part.gap.to_string(),
                percent(part.permille).to_string(),
                part.back.to_string(),
                person.reason.unwrap_or_default().to_owned(),
            ]);
        }
        assert_eq!(self.table("/attendance.csv?format=data").await, expected);
    }

    async fn events_table(&self) {
        let time = |at| written(self.check.ms(at), "%Y-%m-%d %H:%M:%S%.3f");
        let found: Vec<Vec<String>> = self
            .table("/events.csv")
            .await
            .into_iter()
            .skip(1)
            .map(|row| row[1..4].to_vec())
            .collect();
        let expected: Vec<Vec<String>> = self
            .session
            .events
            .iter()
            .map(|event| {
                vec![
                    time(event.at),
                    event.kind.to_owned(),
                    event.who.clone().unwrap_or_default(),
                ]
            })
            .collect();
        assert_eq!(found, expected);
    }

    async fn table(&self, file: &str) -> Vec<Vec<String>> {
        let text = self.check.reviewer.get(&self.path(file)).await.text;
        let text = text.strip_prefix('\u{FEFF}').unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    /// Who was in the room at some moments of the session.
    async fn moments(&self, dice: &mut Dice) {
        let now = self.check.now;
        for _ in 0..2 {
            let at = self.session.start + dice.below(self.duration() + 1);
            let next = |other: &&ExpectedSession| other.room == self.session.room && other.start > self.session.start;
            let following = self.check.naive.sessions.iter().find(next);
            if following.is_some_and(|other| other.start <= at) {
                continue;
            }
            let iso = self.check.iso(at);
            let path = format!("/api/v1/rooms/{}/participants?limit=200&at={iso}", self.session.room);
            let found: BTreeMap<String, String> = self.check.json(&path).await["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| {
                    (
                        row["username"].to_string(),
                        format!("{} {}", row["status"], row["since"]),
                    )
                })
                .collect();
            let expected: BTreeMap<String, String> = self
                .people
                .iter()
                .filter_map(|(person, _)| {
                    let status = match person.at(at, now) {
                        ExpectedPresence::Out => return None,
                        ExpectedPresence::Here => "present",
                        ExpectedPresence::Away => "away",
                    };
                    let since = self.check.iso(person.since(at, now));
                    Some((format!("{:?}", person.name), format!("{status:?} {since:?}")))
                })
                .collect();
            assert_eq!(found, expected, "at {iso}");
        }
    }
}

impl SessionView<'_> {
    /// Who is in the room as the class is looked at.
    async fn right_now(&self) {
        if !self.session.is_active() {
            return;
        }
        let (now, room) = (self.check.now, &self.session.room);
        let found = self.check.json(&format!("/api/v1/rooms/{room}")).await;
        let members = found["members"].as_array().unwrap();
        let found: Vec<Value> = members
            .iter()
            .map(|member| json!([member["username"], member["status"], member["since"]]))
            .collect();
        let expected: Vec<Value> = self
            .session
            .members()
            .map(|person| {
                let is_here = person.at(now, now) == ExpectedPresence::Here;
                let status = if is_here { "present" } else { "away" };
                json!([person.name, status, self.check.iso(person.since(now, now))])
            })
            .collect();
        assert_eq!(found, expected, "in room {room} now");
    }
}

/// As JSON and tables write it.
pub(super) fn percent(permille: i64) -> f64 {
    f64::from(i32::try_from(permille).unwrap()) / 10.0
}

/// A length of time as a table shows it.
pub(super) fn length_shown(ms: i64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    if hours > 0 {
        format!("{hours} h {minutes:02} min")
    } else if minutes > 0 {
        format!("{minutes} min {seconds:02} s")
    } else {
        format!("{seconds} s")
    }
}

/// How long a session goes on: to the minute, or to the second in its first.
pub(super) fn minutes_said(ms: i64) -> String {
    let minutes = (ms + 30_000) / 60_000;
    match (minutes / 60, minutes % 60) {
        _ if ms < 60_000 => length_said(ms),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// A length of time as a sentence says it.
pub(super) fn length_said(ms: i64) -> String {
    let nearest = (ms + 30_000) / 60_000;
    let (hours, minutes, seconds) = (nearest / 60, nearest % 60, ms / 1000);
    let word = |number: i64, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    match (hours, minutes) {
        _ if seconds < 60 => word(seconds, "second"),
        (0, _) => word(minutes, "minute"),
        (_, 0) => word(hours, "hour"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}
