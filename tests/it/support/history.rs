//! What a stopped or killed server's files tell, read from a copy of them.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Row, SqliteConnection};
use uuid::Uuid;

/// The database's name in a server's folder.
pub(crate) const DATABASE: &str = "chatroom.db";

pub(crate) struct History {
    connection: SqliteConnection,
    _folder: tempfile::TempDir,
}

/// One entry of the journal.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) seq: i64,
    pub(crate) session: Option<Uuid>,
    pub(crate) room: Option<String>,
    pub(crate) participant: Option<Uuid>,
    pub(crate) username: Option<String>,
    pub(crate) kind: String,
    pub(crate) detail: Value,
}

/// Copies the database and its log as they are.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::copy(from.join(DATABASE), to.join(DATABASE)).unwrap();
    let log = format!("{DATABASE}-wal");
    if from.join(&log).exists() {
        std::fs::copy(from.join(&log), to.join(&log)).unwrap();
    }
}

impl History {
    /// The history in the folder of a server that does not run.
    pub(crate) async fn of(server: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(server, folder.path());
        let options = SqliteConnectOptions::new().filename(folder.path().join(DATABASE));
        Self {
            connection: options.connect().await.unwrap(),
            _folder: folder,
        }
    }

    pub(crate) async fn rows(&mut self, sql: &'static str) -> Vec<SqliteRow> {
        sqlx::query(sql).fetch_all(&mut self.connection).await.unwrap()
    }

    /// The first column of each row, as text.
    pub(crate) async fn texts(&mut self, sql: &'static str) -> Vec<String> {
        let rows = sqlx::query_scalar::<_, Option<String>>(sql).fetch_all(&mut self.connection);
        rows.await.unwrap().into_iter().map(Option::unwrap_or_default).collect()
    }

    /// What happened after that `seq`.
    pub(crate) async fn events(&mut self, after: i64) -> Vec<Event> {
        let rows = sqlx::query(
            "select seq, event.session_id, room, participant_id, username, kind, coalesce(detail, 'null') as detail
             from event
             left join session on session.id = event.session_id
             left join participant on participant.id = event.participant_id
             where seq > ? order by seq",
        )
        .bind(after)
        .fetch_all(&mut self.connection)
        .await
        .unwrap();
        rows.into_iter()
            .map(|row| Event {
                seq: row.get("seq"),
                session: row.get("session_id"),
                room: row.get("room"),
                participant: row.get("participant_id"),
                username: row.get("username"),
                kind: row.get("kind"),
                detail: serde_json::from_str(row.get("detail")).unwrap(),
            })
            .collect()
    }

    /// The live members: participant to member id and whether it is away.
    pub(crate) async fn members(&mut self) -> HashMap<Uuid, (Uuid, bool)> {
        let rows = self
            .rows("select participant_id, id, away_since is not null as away from member")
            .await;
        rows.iter()
            .map(|row| (row.get("participant_id"), (row.get("id"), row.get("away"))))
            .collect()
    }

    /// What must hold of the tables in any state that a crash can leave.
    pub(crate) async fn check(&mut self) {
        assert_eq!(self.texts("pragma integrity_check").await, ["ok"]);
        for (what, sql) in INVARIANTS {
            let broken = self.rows(sql).await.len();
            assert_eq!(broken, 0, "{what}: {broken} rows");
        }
    }
}

/// Each with a query for what breaks it.
const INVARIANTS: &[(&str, &str)] = &[
    ("every reference is kept", "pragma foreign_key_check"),
    ("no gap", "select 1 from event where kind = 'gap'"),
    (
        "a participant's connections do not overlap, nor the away times between them",
        "select 1 from (
             select disconnected_at, away_until,
                    lead(connected_at) over (partition by participant_id order by connected_at, id) as next
             from connection)
         where next is not null and (disconnected_at is null or away_until is null or away_until > next)",
    ),
    (
        "a connection ends after it began",
        "select 1 from connection where disconnected_at < connected_at or away_until < disconnected_at",
    ),
    (
        "a connection for each time somebody came",
        "select 1 from participant
         where (select count(*) from connection
                where connection.session_id = participant.session_id and participant_id = participant.id)
            <> (select count(*) from event indexed by event_by_session
                where event.session_id = participant.session_id and participant_id = participant.id
                  and kind in ('joined', 'reconnected'))",
    ),
    (
        "an open participant is a member",
        "select 1 from participant where (left_at is null) <> (id in (select participant_id from member))",
    ),
    (
        "an open connection is a member's",
        "select 1 from connection where (away_until is null) <> (id in (select connection_id from member))",
    ),
    (
        "a live connection is a present member's",
        "select 1 from connection
         where (disconnected_at is null) <> (id in (select connection_id from member where away_since is null))",
    ),
    (
        "an open link is between members",
        "select 1 from link where (closed_at is null) <> (id in (
             select link_id from live_link
             where offerer_member in (select id from member) and answerer_member in (select id from member)))",
    ),
    (
        "every live link is one of the history",
        "select 1 from live_link where link_id not in (select id from link where closed_at is null)",
    ),
    (
        "a link with an answer has both connectors",
        "select 1 from live_link join link on link.id = link_id
         where (answered_at is null) <> (answerer_connector is null)",
    ),
    (
        "only who is away is owed anything",
        "select 1 from owed_leave where member_id not in (select id from member where away_since is not null)",
    ),
    (
        "who has left is no member",
        "select 1 from gone_member where member_id in (select id from member)",
    ),
    (
        "a session's totals are what its events say",
        "select 1 from session
         where participant_count <> (select count(*) from participant where session_id = session.id)
            or reconnect_count <> (select count(*) from event where session_id = session.id and kind = 'reconnected')
            or error_count <> (select count(*) from event where session_id = session.id and kind = 'error')
            or 1 <> (select count(*) from event where session_id = session.id and kind = 'session_started')
            or (ended_at is not null)
               <> (select count(*) from event where session_id = session.id and kind = 'session_ended')",
    ),
    (
        "a session with members is open",
        "select 1 from session where ended_at is not null and id in (select session_id from member)",
    ),
];
