//! Several servers on one history in PostgreSQL.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use chatroom_testkit::{Postgres, Socket};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

use crate::support::server::{NO_RATES, Server, program};

pub(crate) const SECRET: &str = "a-secret-that-every-node-knows-and-nobody-else";

/// How often somebody sends candidates to one who may be out for five seconds: 64 messages of one sender wait meanwhile, and
/// with more the link of the two is given up.
pub(crate) const SPEAK_EVERY: Duration = Duration::from_millis(80);

/// A history, and servers on it.
pub(crate) struct Cluster {
    pub(crate) database: PgConnectOptions,
    pub(crate) url: String,
    folder: TempDir,
}

impl Cluster {
    pub(crate) async fn new() -> Self {
        Self::on(Postgres::shared()).await
    }

    pub(crate) async fn on(postgres: &Postgres) -> Self {
        let database = postgres.empty_database().await;
        let url = postgres.url(&database);
        let folder = tempfile::tempdir().unwrap();
        Self { database, url, folder }
    }

    pub(crate) fn command(&self, node: u16, more: &[(&str, &str)]) -> Command {
        let folder = self.folder.path().join(format!("node {node}"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = program(&folder, &NO_RATES);
        command
            .env("DATABASE_URL", &self.url)
            .env("CLUSTER_LISTEN", "127.0.0.1:0")
            .env("CLUSTER_SECRET", SECRET)
            .env("NODE_ID", node.to_string())
            .env("RESUME_GRACE", "30s")
            .envs(more.iter().copied());
        command
    }

    pub(crate) fn start(&self, node: u16) -> Server {
        self.start_with(node, &[])
    }

    pub(crate) fn start_with(&self, node: u16, more: &[(&str, &str)]) -> Server {
        Server::start_unread(self.command(node, more), &self.log(node))
    }

    pub(crate) fn log(&self, node: u16) -> PathBuf {
        self.folder.path().join(format!("log {node}"))
    }

    pub(crate) fn logged(&self, node: u16) -> String {
        std::fs::read_to_string(self.log(node)).unwrap()
    }

    /// Until a node says so in its log.
    pub(crate) async fn until_logged(&self, node: u16, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.logged(node).contains(words) {
            assert!(Instant::now() < deadline, "node {node} does not say: {words}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        let mut connection = self.database.connect().await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        let text: Option<String> = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        text.unwrap_or_default()
    }

    /// Statements whose answers nobody wants.
    pub(crate) async fn run(&self, sql: &'static str) {
        let mut connection = self.database.connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }

    pub(crate) async fn until(&self, sql: &str, wanted: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let text = self.text(sql).await;
            if text == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{sql}: {text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the history holds of each kind of entry.
    pub(crate) async fn kinds(&self) -> String {
        self.text(
            "select string_agg(kind || ' ' || count, ', ' order by kind)
             from (select kind, count(*) from chatroom.event group by kind) as counted",
        )
        .await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in 1..=3 {
                let said = std::fs::read_to_string(self.log(node)).unwrap_or_default();
                println!("node {node}:\n{said}");
            }
        }
    }
}

/// Whose each room is.
pub(crate) const OWNER: &str = "select string_agg(name || ' ' || node, ', ' order by name) from chatroom.room";

/// Gives two who have just come in, one before the other, a way to each other: `d` is whom the first sends candidates to, `c`
/// whom the second does.
pub(crate) async fn connect((one, seat): (&mut Socket, &Value), (other, other_seat): (&mut Socket, &Value)) {
    let asked = one.expect("getOffer").await;
    assert_eq!(asked["memberId"], other_seat["memberId"]);
    one.offer_to(&other_seat["memberId"]).await;
    other.expect("offer").await;
    let answer = json!({"remoteConnectorId": "c", "connectorId": "d", "answer": 0, "memberId": seat["memberId"]});
    assert_eq!(other.call("answer", answer).await["ok"], true);
}

/// A hundred candidates, which arrive in order.
pub(crate) async fn candidates(from: &mut Socket, to: &mut Socket, member: &Value, connector: &str) {
    for number in 0..100 {
        let candidate = json!({"remoteConnectorId": connector, "memberId": member, "candidate": number});
        from.emit("icecandidate", candidate).await;
    }
    for number in 0..100 {
        assert_eq!(to.expect("icecandidate").await["candidate"], number);
    }
}
