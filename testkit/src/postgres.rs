//! A throwaway PostgreSQL for tests, and databases in it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

/// The database that others are copies of.
const TEMPLATE: &str = "template";

/// A server of this process's own. It ends with the process, however that ends.
pub struct Postgres {
    /// `tests/postgres`: it stops the server once its input ends.
    _script: Child,
    orders: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    options: PgConnectOptions,
    databases: AtomicU32,
    template: OnceCell<()>,
}

/// The address of a database that is reached by a socket, as people write it.
///
/// # Panics
/// If it is reached otherwise, which those of [`Postgres`] are not.
pub fn postgres_url(database: &PgConnectOptions) -> String {
    let socket = database.get_socket().unwrap().display();
    let (name, port) = (database.get_database().unwrap(), database.get_port());
    format!("postgres:///{name}?host={socket}&port={port}&user=chatroom")
}

impl Postgres {
    /// The one of this process, which the first who asks starts.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::own(&[]))
    }

    /// One of the caller's own, that may be killed, with these settings of PostgreSQL. A `port` there is that of its socket, too.
    ///
    /// # Panics
    /// As [`Postgres::shared`].
    pub fn own(settings: &[(&str, &str)]) -> Self {
        Self::launch(settings, Path::new("/tmp"))
    }

    /// One of the caller's own, that has all its files in this folder.
    ///
    /// # Panics
    /// As [`Postgres::shared`].
    pub fn within(folder: &Path) -> Self {
        Self::launch(&[], folder)
    }

    fn launch(settings: &[(&str, &str)], folder: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/postgres");
        let port = settings.iter().find(|(name, _)| *name == "port");
        let port = port.map(|(_, port)| ("PGPORT", *port));
        let settings = settings
            .iter()
            .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        let mut script = Command::new(script)
            .args(settings)
            .envs(port)
            .env("POSTGRES_FOLDER", folder)
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
            orders: Mutex::new((script.stdin.take().unwrap(), said)),
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

    /// The address of a database that is there from the beginning, as people write it.
    pub fn address(&self) -> String {
        postgres_url(&self.options)
    }

    /// The same of one of its databases.
    pub fn url(&self, database: &PgConnectOptions) -> String {
        let name = database.get_database().unwrap();
        postgres_url(&self.options.clone().database(name))
    }

    /// Ends it as a lack of memory does, once it has ended.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Ends it as a fault of its machine does, once it has ended.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Starts it again after either, until it answers.
    pub fn start(&self) {
        self.order("start");
    }

    /// Starts it anew, with another server that follows it from then on.
    pub fn replicate(&self) {
        self.order("replicate");
    }

    fn order(&self, order: &str) {
        let mut orders = self.orders.lock().unwrap();
        let (script, said) = &mut *orders;
        writeln!(script, "{order}").unwrap();
        let mut answer = String::new();
        said.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim(), order);
    }

    /// Runs a statement that no transaction can hold, as who may do everything.
    ///
    /// # Panics
    /// If the server does not do it.
    pub async fn execute(&self, statement: String) {
        let mut connection: PgConnection = self.options.connect().await.unwrap();
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}
