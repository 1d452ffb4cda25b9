//! A throwaway PostgreSQL for tests, and databases in it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

/// The database that others are copies of.
const TEMPLATE: &str = "template";

/// A server of this process's own. It ends with the process, however that ends.
pub struct Postgres {
    /// `tests/postgres`: it stops the server once its input ends.
    _script: Child,
    options: PgConnectOptions,
    databases: AtomicU32,
    template: OnceCell<()>,
}

impl Postgres {
    /// The one of this process, which the first who asks starts.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/postgres");
        let mut script = Command::new(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let mut said = BufReader::new(script.stdout.take().unwrap());
        said.read_line(&mut address).unwrap();
        let options = address.trim().parse();
        Self {
            options: options.unwrap_or_else(|_| panic!("tests/postgres did not start a server")),
            _script: script,
            databases: AtomicU32::new(0),
            template: OnceCell::new(),
        }
    }

    /// A database of the caller's own: a copy of one that the first caller's `prepare` has filled. So everybody gives the
    /// same `prepare`.
    pub async fn database(&self, prepare: impl AsyncFnOnce(PgConnectOptions)) -> PgConnectOptions {
        let prepare_template = async || {
            self.execute(format!("create database {TEMPLATE}")).await;
            prepare(self.options.clone().database(TEMPLATE)).await;
        };
        self.template.get_or_init(prepare_template).await;
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(format!("create database {name} template {TEMPLATE}"))
            .await;
        self.options.clone().database(&name)
    }

    /// A database without anything in it.
    pub async fn empty_database(&self) -> PgConnectOptions {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(format!("create database {name}")).await;
        self.options.clone().database(&name)
    }

    /// Runs a statement that no transaction can hold.
    async fn execute(&self, statement: String) {
        let mut connection: PgConnection = self.options.connect().await.unwrap();
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}
