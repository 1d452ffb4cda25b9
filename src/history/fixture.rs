//! A database for tests, filled row by row as the journal would.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use tempfile::TempDir;
use uuid::{Builder, Uuid};

use super::History;
use crate::model::vocabulary::{ConnectionState, EventKind, LeaveReason, LinkCloseReason};

/// 2026-03-01T09:00:00Z: all moments of a fixture are given in seconds after it.
pub(crate) const START_MS: i64 = 1_772_355_600_000;

pub(crate) struct Fixture {
    folder: TempDir,
    writer: SqlitePool,
    ids: AtomicU64,
}

/// One interval with a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection {
    connected: i64,
    disconnected: Option<i64>,
    closed_by: Option<&'static str>,
    away_until: Option<i64>,
}

impl Connection {
    /// It goes on.
    pub(crate) fn open(connected: i64) -> Self {
        Self {
            connected,
            disconnected: None,
            closed_by: None,
            away_until: None,
        }
    }

    /// It was lost, and its owner was away after it, or still is.
    pub(crate) fn lost(connected: i64, disconnected: i64, away_until: Option<i64>) -> Self {
        Self {
            disconnected: Some(disconnected),
            closed_by: Some(EventKind::Disconnected.as_str()),
            away_until,
            ..Self::open(connected)
        }
    }

    /// It ended with the membership, or was taken over.
    pub(crate) fn ended(connected: i64, at: i64, reason: LeaveReason) -> Self {
        Self {
            disconnected: Some(at),
            closed_by: Some(reason.as_str()),
            away_until: Some(at),
            ..Self::open(connected)
        }
    }
}

pub(crate) struct OfferedLink<'a> {
    pub(crate) between: (Uuid, Uuid),
    pub(crate) stream: &'a str,
    pub(crate) offered: i64,
    pub(crate) answered: Option<i64>,
    pub(crate) candidates: (i64, i64),
    /// When the offering end's page said that it is connected.
    pub(crate) connected: Option<i64>,
    pub(crate) closed: Option<(i64, LinkCloseReason)>,
}

fn ms(seconds: i64) -> i64 {
    START_MS + seconds * 1000
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("test.db"))
            .create_if_missing(true)
            .synchronous(SqliteSynchronous::Off);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .unwrap();
        sqlx::migrate!().run(&writer).await.unwrap();
        Self {
            folder,
            writer,
            ids: AtomicU64::new(0),
        }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("test.db")
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// What reads it, as the server does: without the right to write.
    pub(crate) async fn history(&self) -> History {
        self.counted_history().await.0
    }

    /// The same, with how many steps of SQLite's machine all its queries have taken.
    pub(crate) async fn counted_history(&self) -> (History, Arc<AtomicU64>) {
        const AT_ONCE: u16 = 100;
        let options = SqliteConnectOptions::new()
            .filename(self.folder.path().join("test.db"))
            .read_only(true);
        let steps = Arc::new(AtomicU64::new(0));
        let counted = steps.clone();
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .after_connect(move |connection, _| {
                let counted = counted.clone();
                Box::pin(async move {
                    let mut handle = connection.lock_handle().await?;
                    handle.set_progress_handler(AT_ONCE.into(), move || {
                        counted.fetch_add(AT_ONCE.into(), Ordering::Relaxed);
                        true
                    });
                    Ok(())
                })
            })
            .connect_with(options);
        (History::new(pool.await.unwrap().into()), steps)
    }

    fn id(&self, seconds: i64) -> Uuid {
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&self.ids.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Builder::from_unix_timestamp_millis(u64::try_from(ms(seconds)).unwrap(), &tail).into_uuid()
    }

    pub(crate) async fn session(&self, room: &str, started: i64, ended: Option<i64>) -> Uuid {
        let id = self.id(started);
        sqlx::query("insert into session (id, room, started_at, ended_at, peak_participants) values (?, ?, ?, ?, 3)")
            .bind(id)
            .bind(room)
            .bind(ms(started))
            .bind(ended.map(ms))
            .execute(&self.writer)
            .await
            .unwrap();
        id
    }

    /// Gives the person's id, and that of the last connection.
    pub(crate) async fn person(
        &self,
        session: Uuid,
        username: &str,
        left: Option<(i64, LeaveReason)>,
        connections: &[Connection],
    ) -> (Uuid, Uuid) {
        let person = self.id(connections[0].connected);
        let back = i64::try_from(connections.len() - 1).unwrap();
        sqlx::query("insert into participant (id, session_id, username, joined_at, left_at, leave_reason, reconnect_count) values (?, ?, ?, ?, ?, ?, ?)")
            .bind(person)
            .bind(session)
            .bind(username)
            .bind(ms(connections[0].connected))
            .bind(left.map(|(at, _)| ms(at)))
            .bind(left.map(|(_, reason)| reason.as_str()))
            .bind(back)
            .execute(&self.writer)
            .await
            .unwrap();
        sqlx::query("update session set participant_count = participant_count + 1, reconnect_count = reconnect_count + ? where id = ?")
            .bind(back)
            .bind(session)
            .execute(&self.writer)
            .await
            .unwrap();
        let mut last = Uuid::nil();
        for connection in connections {
            last = self.id(connection.connected);
            sqlx::query("insert into connection (session_id, id, participant_id, connected_at, disconnected_at, opened_by, closed_by, away_until) values (?, ?, ?, ?, ?, 'join', ?, ?)")
                .bind(session)
                .bind(last)
                .bind(person)
                .bind(ms(connection.connected))
                .bind(connection.disconnected.map(ms))
                .bind(connection.closed_by)
                .bind(connection.away_until.map(ms))
                .execute(&self.writer)
                .await
                .unwrap();
        }
        (person, last)
    }

    pub(crate) async fn member(&self, session: Uuid, who: (Uuid, Uuid), position: i64, away: Option<(i64, i64)>) {
        sqlx::query("insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at, away_since, away_until) values (?, ?, ?, ?, zeroblob(32), ?, ?, ?, ?)")
            .bind(self.id(0))
            .bind(session)
            .bind(who.0)
            .bind(who.1)
            .bind(position)
            .bind(ms(0))
            .bind(away.map(|(since, _)| ms(since)))
            .bind(away.map(|(_, until)| ms(until)))
            .execute(&self.writer)
            .await
            .unwrap();
    }

    pub(crate) async fn event(
        &self,
        session: Uuid,
        person: Option<Uuid>,
        at: i64,
        kind: EventKind,
        detail: Option<Value>,
    ) -> i64 {
        sqlx::query_scalar(
            "insert into event (at, session_id, participant_id, kind, detail) values (?, ?, ?, ?, ?) returning seq",
        )
        .bind(ms(at))
        .bind(session)
        .bind(person)
        .bind(kind.as_str())
        .bind(detail.map(|detail| detail.to_string()))
        .fetch_one(&self.writer)
        .await
        .unwrap()
    }

    /// Errors of one person, one in each second from the session's start on.
    pub(crate) async fn errors(&self, session: Uuid, person: Uuid, count: i64) {
        let each = "with recursive number (n) as (select 0 union all select n + 1 from number where n + 1 < ?)
            insert into event (at, session_id, participant_id, kind, detail)
            select ? + n * 1000, ?, ?, ?, '{}' from number";
        let insert = sqlx::query(each).bind(count).bind(ms(0)).bind(session).bind(person);
        let insert = insert.bind(EventKind::Error.as_str());
        insert.execute(&self.writer).await.unwrap();
    }

    pub(crate) async fn link(&self, session: Uuid, link: OfferedLink<'_>) {
        sqlx::query("insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, answered_at, offerer_candidates, answerer_candidates, closed_at, closed_by, connected_at, offerer_state_at, offerer_state) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13)")
            .bind(self.id(link.offered))
            .bind(session)
            .bind(link.between.0)
            .bind(link.between.1)
            .bind(link.stream)
            .bind(ms(link.offered))
            .bind(link.answered.map(ms))
            .bind(link.candidates.0)
            .bind(link.candidates.1)
            .bind(link.closed.map(|(at, _)| ms(at)))
            .bind(link.closed.map(|(_, why)| why.as_str()))
            .bind(link.connected.map(ms))
            .bind(link.connected.map(|_| ConnectionState::Connected.as_str()))
            .execute(&self.writer)
            .await
            .unwrap();
    }
}
