//! Where the servers of these tests keep their histories: each in a file of its folder or, as `tests/on-postgres` runs them,
//! in a schema of PostgreSQL that is called after the folder.

use std::path::Path;

use chatroom_testkit::Postgres;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Decode, PgConnection, Row as _, Sqlite, SqliteConnection, Type};

/// Where histories are to be, if not in files: `postgres`, or the address of one that runs.
const WHERE: &str = "TEST_DATABASE";

/// The database's name in a server's folder.
pub(crate) const DATABASE: &str = "chatroom.db";

/// A history in PostgreSQL.
#[derive(Clone)]
pub(crate) struct Schema {
    address: String,
    name: String,
}

impl Schema {
    /// That of servers in this folder, if there is one.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let address = match std::env::var(WHERE).ok()?.as_str() {
            "postgres" => Postgres::shared().address(),
            address => address.to_owned(),
        };
        // Names of schemas have no capitals.
        let folder = folder.file_name().unwrap().to_str().unwrap();
        let name = folder.chars().filter(char::is_ascii_alphanumeric);
        let name = name.flat_map(|c| {
            c.is_ascii_uppercase()
                .then_some('_')
                .into_iter()
                .chain([c.to_ascii_lowercase()])
        });
        Some(Self {
            address,
            name: format!("test_{}", name.collect::<String>()),
        })
    }

    /// One in a database of its own.
    pub(crate) async fn in_server(postgres: &Postgres) -> Self {
        let database = postgres.empty_database().await;
        Self {
            address: postgres.url(&database),
            name: "test".to_owned(),
        }
    }

    /// How a server is told of it.
    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        [("DATABASE_URL", &self.address), ("DATABASE_SCHEMA", &self.name)]
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.address.parse().unwrap();
        let options = options.options([("search_path", &self.name)]);
        options.connect().await.unwrap()
    }
}

/// A connection to either.
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A row of either.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

impl Connection {
    /// To the history that a server in this folder keeps.
    pub(crate) async fn to(folder: &Path) -> Self {
        match Schema::of(folder) {
            Some(schema) => Self::Postgres(schema.connect().await),
            None => Self::to_file(&folder.join(DATABASE)).await,
        }
    }

    pub(crate) async fn to_file(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file);
        Self::Sqlite(options.connect().await.unwrap())
    }

    pub(crate) async fn rows(&mut self, sql: impl Into<String>) -> Vec<Row> {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Self::Sqlite(connection) => {
                let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(connection) => {
                let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
                rows.into_iter().map(Row::Postgres).collect()
            }
        }
    }

    /// Statements that give nothing.
    pub(crate) async fn run(&mut self, sql: impl Into<String>) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.into()));
        match self {
            Self::Sqlite(connection) => drop(sql.execute(connection).await.unwrap()),
            Self::Postgres(connection) => drop(sql.execute(connection).await.unwrap()),
        }
    }
}

impl Row {
    pub(crate) fn get<T>(&self, column: &str) -> T
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.get(column),
            Self::Postgres(row) => row.get(column),
        }
    }

    /// The first column, as text.
    pub(crate) fn text(&self) -> String {
        let text: Option<String> = match self {
            Self::Sqlite(row) => row.get(0),
            Self::Postgres(row) => row.get(0),
        };
        text.unwrap_or_default()
    }
}

/// Keeps the server in a folder from writing its history, as another program can.
pub(crate) struct Lock(Connection);

impl Lock {
    pub(crate) async fn hold(folder: &Path) -> Self {
        let mut connection = Connection::to(folder).await;
        let lock = match connection {
            Connection::Sqlite(_) => "begin immediate",
            // Its first statement waits, before it has a number that readers of other tests' histories would wait for.
            Connection::Postgres(_) => "begin; lock table node in share mode",
        };
        connection.run(lock).await;
        Self(connection)
    }

    pub(crate) async fn release(mut self) {
        self.0.run("rollback").await;
    }
}
