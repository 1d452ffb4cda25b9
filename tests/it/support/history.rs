//! What a stopped or killed server has written: its files, read from a copy of them, or its tables as of one moment.

use std::collections::HashMap;
use std::path::Path;

use chatroom_server::check::{INVARIANTS, Invariant};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::database::{Connection, DATABASE, Row, Schema};

pub(crate) struct History {
    connection: Connection,
    _folder: tempfile::TempDir,
}

/// One entry of the journal.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) seq: i64,
    pub(crate) at: i64,
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

/// What was under way when the server was killed may still be done by PostgreSQL: it is over once the lock that the server
/// had on its place (src/journal/node.rs) can be had.
async fn wait_for_writer(connection: &mut PgConnection) {
    for statement in ["select pg_advisory_lock", "select pg_advisory_unlock"] {
        let statement = format!("{statement}(x'43685253'::integer, 'node'::regclass::oid::integer)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

impl History {
    /// The history of a server in that folder that does not run.
    pub(crate) async fn of(server: &Path) -> Self {
        if let Some(schema) = Schema::of(server) {
            return Self::of_schema(&schema).await;
        }
        let folder = tempfile::tempdir().unwrap();
        copy(server, folder.path());
        Self {
            connection: Connection::to_file(&folder.path().join(DATABASE)).await,
            _folder: folder,
        }
    }

    /// The same in PostgreSQL.
    pub(crate) async fn of_schema(schema: &Schema) -> Self {
        let mut connection = schema.connect().await;
        wait_for_writer(&mut connection).await;
        let mut connection = Connection::Postgres(connection);
        // A later server changes nothing of what this one sees, from its first query on.
        connection
            .run("begin isolation level repeatable read read only; select from node")
            .await;
        Self {
            connection,
            _folder: tempfile::tempdir().unwrap(),
        }
    }

    /// By words that mean the same to either database.
    pub(crate) async fn rows(&mut self, sql: impl Into<String>) -> Vec<Row> {
        self.connection.rows(sql).await
    }

    /// The first column of each row, as text.
    pub(crate) async fn texts(&mut self, sql: &'static str) -> Vec<String> {
        self.rows(sql).await.iter().map(Row::text).collect()
    }

    /// What happened after that `seq`.
    pub(crate) async fn events(&mut self, after: i64) -> Vec<Event> {
        let sql = format!(
            "select seq, at, event.session_id, room, participant_id, username, kind, coalesce(detail, 'null') as detail
             from event
             left join session on session.id = event.session_id
             left join participant on participant.id = event.participant_id
             where seq > {after} order by seq"
        );
        let event = |row: &Row| Event {
            seq: row.get("seq"),
            at: row.get("at"),
            session: row.get("session_id"),
            room: row.get("room"),
            participant: row.get("participant_id"),
            username: row.get("username"),
            kind: row.get("kind"),
            detail: serde_json::from_str(&row.get::<String>("detail")).unwrap(),
        };
        self.rows(sql).await.iter().map(event).collect()
    }

    /// All entries of one kind.
    pub(crate) async fn events_of(&mut self, kind: &str) -> Vec<Event> {
        let mut events = self.events(0).await;
        events.retain(|event| event.kind == kind);
        events
    }

    /// Whether the server stopped on purpose.
    pub(crate) async fn has_stopped_in_order(&mut self) -> bool {
        let sql = match &self.connection {
            Connection::Sqlite(_) => "select 1 from heartbeat where clean_stop",
            Connection::Postgres(_) => "select 1 from node where state = 'stopped'",
        };
        !self.rows(sql).await.is_empty()
    }

    /// All that is in PostgreSQL, to look for what must not be there. A file can be read as it is.
    pub(crate) async fn whole_text(&mut self) -> String {
        let Connection::Postgres(_) = self.connection else {
            return String::new();
        };
        self.connection.run("set local bytea_output = escape").await;
        let mut whole = String::new();
        for table in self
            .texts("select tablename from pg_tables where schemaname = current_schema()")
            .await
        {
            for row in self.rows(format!("select row::text from {table} as row")).await {
                whole += &row.text();
            }
        }
        whole
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
        if let Connection::Sqlite(_) = self.connection {
            assert_eq!(self.texts("pragma integrity_check").await, ["ok"]);
            self.expect_none("every reference is kept", "pragma foreign_key_check")
                .await;
        }
        self.expect_none("gaps as expected", gaps).await;
        for invariant in INVARIANTS.iter().filter(|invariant| holds(invariant)) {
            let sql = match self.connection {
                Connection::Sqlite(_) => Some(invariant.broken_by),
                Connection::Postgres(_) => invariant.broken_by_in_postgres,
            };
            if let Some(sql) = sql {
                self.expect_none(invariant.what, sql).await;
            }
        }
    }

    async fn expect_none(&mut self, what: &str, broken_by: impl Into<String>) {
        let broken = self.rows(broken_by).await.len();
        assert_eq!(broken, 0, "{what}: {broken} rows");
    }
}
