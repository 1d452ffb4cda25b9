//! What must be true of every history is true of one that is made.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::shape::Shape;
use super::store::make;

const SMALL: Shape = Shape {
    events: 20_000,
    sessions: 90,
    seed: 7,
};

async fn made(shape: Shape) -> (TempDir, SqliteConnection) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("review.db");
    make(&file, shape, |_| ()).await.unwrap();
    let connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    (folder, connection)
}

async fn number(connection: &mut SqliteConnection, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(connection).await.unwrap()
}

/// What a session's entries come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    peak: usize,
    participants: usize,
    reconnects: i64,
    errors: i64,
}

#[derive(Default)]
struct Fold {
    totals: Totals,
    present: HashSet<Uuid>,
    away: HashSet<Uuid>,
    seen: HashSet<Uuid>,
    is_over: bool,
}

impl Fold {
    fn add(&mut self, kind: &str, person: Option<Uuid>) {
        assert!(!self.is_over, "{kind} after the end");
        let person = person.unwrap_or_default();
        match kind {
            "session_started" => assert!(self.seen.is_empty()),
            "session_ended" => self.is_over = self.present.is_empty() && self.away.is_empty(),
            "joined" => {
                assert!(
                    !self.away.contains(&person) && self.present.insert(person),
                    "joined twice"
                );
                self.seen.insert(person);
            }
            "disconnected" => assert!(self.present.remove(&person) && self.away.insert(person)),
            "reconnected" => {
                assert!(self.away.remove(&person) && self.present.insert(person));
                self.totals.reconnects += 1;
            }
            "left" => assert!(self.present.remove(&person) || self.away.remove(&person), "left twice"),
            "error" => self.totals.errors += 1,
            other => panic!("{other}"),
        }
        self.totals.peak = self.totals.peak.max(self.present.len() + self.away.len());
        self.totals.participants = self.seen.len();
    }
}

#[tokio::test]
async fn totals_are_what_the_entries_come_to() {
    let (_folder, mut connection) = made(SMALL).await;
    let events: Vec<(Uuid, Option<Uuid>, String)> =
        sqlx::query_as("select session_id, participant_id, kind from event order by seq")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(events.len() as u64, SMALL.events);
    let mut folds = HashMap::<Uuid, Fold>::new();
    for (session, person, kind) in events {
        folds.entry(session).or_default().add(&kind, person);
    }
    let rows: Vec<(Uuid, i64, i64, i64, i64)> =
        sqlx::query_as("select id, peak_participants, participant_count, reconnect_count, error_count from session")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(rows.len(), SMALL.sessions as usize);
    for (session, peak, participants, reconnects, errors) in rows {
        let fold = &folds[&session];
        let stored = Totals {
            peak: peak as usize,
            participants: participants as usize,
            reconnects,
            errors,
        };
        assert_eq!(fold.totals, stored);
        assert!(fold.is_over, "somebody is still there at the end");
    }
}

#[tokio::test]
async fn rows_contradict_nothing() {
    let (_folder, mut connection) = made(SMALL).await;
    let sound: String = sqlx::query_scalar("pragma integrity_check")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(sound, "ok");
    for query in [
        "select count(*) from pragma_foreign_key_check",
        // Times go on with numbers, and nobody is in two sockets at once.
        "select count(*) from (select at - lag(at) over (order by seq) as step from event) where step < 0",
        "select count(*) from (select connected_at - lag(away_until) over (partition by participant_id order by connected_at)
             as step from connection) where step < 0",
        "select count(*) from connection where disconnected_at < connected_at or away_until < disconnected_at",
        "select count(*) from link where answered_at <= offered_at or closed_at <= offered_at",
        // What a person's row says is what their connections say.
        "select count(*) from participant where joined_at <>
             (select min(connected_at) from connection where participant_id = participant.id)",
        "select count(*) from participant where left_at <>
             (select max(away_until) from connection where participant_id = participant.id)",
        "select count(*) from participant where reconnect_count <>
             (select count(*) from connection where participant_id = participant.id and opened_by = 'reconnect')",
        "select count(*) from session where ended_at <>
             (select max(left_at) from participant where session_id = session.id)",
    ] {
        assert_eq!(number(&mut connection, query).await, 0, "{query}");
    }
    assert!(number(&mut connection, "select count(*) from link").await > 1_000);
}

#[tokio::test]
async fn the_seed_says_all() {
    const SUM: &str = "select sum(at % 1000003 * seq % 1000003) from event";
    let mut sums = Vec::new();
    for seed in [1, 1, 2] {
        let (_folder, mut connection) = made(Shape { seed, ..SMALL }).await;
        sums.push(number(&mut connection, SUM).await);
    }
    assert!(sums[0] == sums[1] && sums[1] != sums[2], "{sums:?}");
}
