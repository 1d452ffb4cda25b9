//! What a stopped or killed server's files tell, read from a copy of them.

use std::collections::HashMap;
use std::path::Path;

use chatroom_server::check::{INVARIANTS, Invariant};
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
        self.check_rules("select 1 from event where kind = 'gap'", |_| true)
            .await;
    }

    /// The same where records were lost.
    pub(crate) async fn check_after_loss(&mut self) {
        let sql = "select 1 where not exists (select 1 from event where kind = 'gap')";
        self.check_rules(sql, |rule| rule.survives_gaps).await;
    }

    async fn check_rules(&mut self, gaps: &'static str, holds: impl Fn(&Invariant) -> bool) {
        assert_eq!(self.texts("pragma integrity_check").await, ["ok"]);
        let references = ("every reference is kept", "pragma foreign_key_check");
        let gap = ("gaps as expected", gaps);
        let ours = INVARIANTS.iter().filter(|invariant| holds(invariant));
        let ours = ours.map(|invariant| (invariant.what, invariant.broken_by));
        for (what, sql) in [references, gap].into_iter().chain(ours) {
            let broken = self.rows(sql).await.len();
            assert_eq!(broken, 0, "{what}: {broken} rows");
        }
    }
}
