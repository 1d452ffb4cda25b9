//! A database for tests, filled row by row as the journal would. Each test has one of its own: a file, or one in the
//! throwaway PostgreSQL of the process. The same rows are read the same from both.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chatroom_testkit::Postgres;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use uuid::{Builder, Uuid};

use super::History;
use crate::model::vocabulary::{ConnectionState, EventKind, LeaveReason, LinkCloseReason};
use crate::sql::{ClientText, Database, PLANNER_SETTINGS, Reader};

/// 2026-03-01T09:00:00Z: all moments of a fixture are given in seconds after it.
pub(crate) const START_MS: i64 = 1_772_355_600_000;

/// Set to `postgres`, or to an address of one, it has the tests that know one database only, those of the pages and of the
/// API, use a throwaway PostgreSQL.
const WHERE: &str = "TEST_DATABASE";

/// SQLite's words that tests ask by, for PostgreSQL.
const WORDS: &str = "
    create schema words;
    create function words.hex(uuid) returns text language sql as $$select coalesce(upper(replace($1::text, '-', '')), '')$$;
    create function words.hex(bytea) returns text language sql as $$select coalesce(upper(encode($1, 'hex')), '')$$;
    create function words.hex(text) returns text language sql as $$select upper(encode(convert_to($1, 'UTF8'), 'hex'))$$;
    create function words.substr(uuid, integer) returns bytea language sql as $$select substr(uuid_send($1), $2)$$;
    create function words.quote(bigint) returns text language sql as $$select coalesce($1::text, 'NULL')$$;
    create function words.quote(text) returns text language sql as $$select coalesce(quote_literal($1), 'NULL')$$;
    create function words.iif(boolean, text, text) returns text language sql as $$select case when $1 then $2 else $3 end$$;
    create function words.field(text, text) returns text language sql as $$select ($1::json -> $2) #>> '{}'$$;
    create operator words.->> (leftarg = text, rightarg = text, function = words.field);
    create view words.heartbeat as select alive_at as at, group_no from node;";

/// Whether those tests use PostgreSQL.
pub(crate) fn is_on_postgres() -> bool {
    std::env::var(WHERE).is_ok_and(|place| place.starts_with("postgres"))
}

/// A new database in PostgreSQL, with the tables.
pub(crate) async fn postgres() -> PgConnectOptions {
    let database = Postgres::shared().database(async |options| {
        let mut connection = options.connect().await.unwrap();
        sqlx::migrate!("./migrations/postgres")
            .run(&mut connection)
            .await
            .unwrap();
        sqlx::raw_sql(WORDS).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    database.await.options([("search_path", "public,words")])
}

/// Runs words that both databases know, with values; `scalar` gives the one that they give.
macro_rules! on_either {
    ($on:expr, execute, $words:expr $(, $value:expr)* $(,)?) => {
        match $on {
            $crate::sql::Database::Sqlite(pool) => {
                sqlx::query($words)$(.bind($value))*.execute(pool).await.map(drop).unwrap()
            }
            $crate::sql::Database::Postgres(pool) => {
                sqlx::query($words)$(.bind($value))*.execute(pool).await.map(drop).unwrap()
            }
        }
    };
    ($on:expr, $fetch:ident scalar, $words:expr $(, $value:expr)* $(,)?) => {
        match $on {
            $crate::sql::Database::Sqlite(pool) => {
                sqlx::query_scalar($words)$(.bind($value))*.$fetch(pool).await.unwrap()
            }
            $crate::sql::Database::Postgres(pool) => {
                sqlx::query_scalar($words)$(.bind($value))*.$fetch(pool).await.unwrap()
            }
        }
    };
}
pub(crate) use on_either;

pub(crate) struct Fixture {
    /// Of the file, if it is one.
    folder: TempDir,
    /// Else where it is.
    server: Option<PgConnectOptions>,
    writer: Reader,
    history: OnceCell<History>,
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
    /// Where [`WHERE`] says.
    pub(crate) async fn new() -> Self {
        if is_on_postgres() {
            Self::on_postgres().await
        } else {
            Self::in_file().await
        }
    }

    /// One of each kind: what holds for the file holds for PostgreSQL.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::in_file().await, Self::on_postgres().await]
    }

    pub(crate) async fn in_file() -> Self {
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
        Self::with(folder, None, writer.into())
    }

    pub(crate) async fn on_postgres() -> Self {
        let server = postgres().await;
        let writer = PgPoolOptions::new().max_connections(1);
        // Nobody looks for these rows after a crash.
        let writer = writer.connect_lazy_with(server.clone().options([("synchronous_commit", "off")]));
        Self::with(tempfile::tempdir().unwrap(), Some(server), Database::Postgres(writer))
    }

    fn with(folder: TempDir, server: Option<PgConnectOptions>, writer: Reader) -> Self {
        Self {
            folder,
            server,
            writer,
            history: OnceCell::new(),
            ids: AtomicU64::new(0),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        assert!(self.server.is_none(), "it is not in a file");
        self.folder.path().join("test.db")
    }

    /// Where it is, if it is not in a file.
    pub(crate) fn server(&self) -> Option<&PgConnectOptions> {
        self.server.as_ref()
    }

    /// For what only a test does.
    pub(crate) fn writer(&self) -> &Reader {
        &self.writer
    }

    /// What reads it, as the server does: without the right to write.
    pub(crate) async fn history(&self) -> History {
        let Some(server) = &self.server else {
            return self.counted_history().await.0;
        };
        let open = async || {
            let options = server.clone().options([("default_transaction_read_only", "on")]);
            let pool = PgPoolOptions::new().max_connections(4);
            let pool = pool.connect_lazy_with(options.options(PLANNER_SETTINGS));
            History::new(Database::Postgres(pool))
        };
        self.history.get_or_init(open).await.clone()
    }

    /// The file's, with how many steps of SQLite's machine all its queries have taken.
    pub(crate) async fn counted_history(&self) -> (History, Arc<AtomicU64>) {
        const AT_ONCE: u16 = 100;
        let options = SqliteConnectOptions::new().filename(self.path()).read_only(true);
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
        on_either!(
            &self.writer,
            execute,
            "insert into session (id, room, started_at, ended_at, peak_participants) values ($1, $2, $3, $4, 3)",
            id,
            room,
            ms(started),
            ended.map(ms),
        );
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
        on_either!(
            &self.writer,
            execute,
            "insert into participant (id, session_id, username, joined_at, left_at, leave_reason, reconnect_count)
             values ($1, $2, $3, $4, $5, $6, $7)",
            person,
            session,
            username,
            ms(connections[0].connected),
            left.map(|(at, _)| ms(at)),
            left.map(|(_, reason)| reason.as_str()),
            back,
        );
        on_either!(
            &self.writer,
            execute,
            "update session set participant_count = participant_count + 1, reconnect_count = reconnect_count + $1
             where id = $2",
            back,
            session,
        );
        let mut last = Uuid::nil();
        for connection in connections {
            last = self.id(connection.connected);
            on_either!(
                &self.writer,
                execute,
                "insert into connection
                     (session_id, id, participant_id, connected_at, disconnected_at, opened_by, closed_by, away_until)
                 values ($1, $2, $3, $4, $5, 'join', $6, $7)",
                session,
                last,
                person,
                ms(connection.connected),
                connection.disconnected.map(ms),
                connection.closed_by,
                connection.away_until.map(ms),
            );
        }
        (person, last)
    }

    pub(crate) async fn member(&self, session: Uuid, who: (Uuid, Uuid), position: i64, away: Option<(i64, i64)>) {
        on_either!(
            &self.writer,
            execute,
            "insert into member
                 (id, session_id, participant_id, connection_id, client_key, position, joined_at, away_since, away_until)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            self.id(0),
            session,
            who.0,
            who.1,
            vec![0_u8; 32],
            position,
            ms(0),
            away.map(|(since, _)| ms(since)),
            away.map(|(_, until)| ms(until)),
        );
    }

    /// Gives its number: they follow each other.
    pub(crate) async fn event(
        &self,
        session: Uuid,
        person: Option<Uuid>,
        at: i64,
        kind: EventKind,
        detail: Option<Value>,
    ) -> i64 {
        on_either!(
            &self.writer,
            fetch_one scalar,
            "insert into event (seq, at, session_id, participant_id, kind, detail)
             select coalesce(max(seq), 0) + 1, $1, $2, $3, $4, $5 from event
             returning seq",
            ms(at),
            session,
            person,
            kind.as_str(),
            detail.as_ref().map(Value::to_string),
        )
    }

    /// Errors of one person, one in each second from the session's start on.
    pub(crate) async fn errors(&self, session: Uuid, person: Uuid, count: i64) {
        on_either!(
            &self.writer,
            execute,
            "with recursive number (n) as (
                 select cast(0 as bigint) union all select n + 1 from number where n + 1 < $1
             )
             insert into event (seq, at, session_id, participant_id, kind, detail)
             select (select coalesce(max(seq), 0) + 1 from event) + n, $2 + n * 1000, $3, $4, $5, '{}' from number",
            count,
            ms(0),
            session,
            person,
            EventKind::Error.as_str(),
        );
    }

    pub(crate) async fn link(&self, session: Uuid, link: OfferedLink<'_>) {
        on_either!(
            &self.writer,
            execute,
            "insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, answered_at,
                 offerer_candidates, answerer_candidates, closed_at, closed_by, connected_at,
                 offerer_state_at, offerer_state)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)",
            self.id(link.offered),
            session,
            link.between.0,
            link.between.1,
            ClientText(link.stream),
            ms(link.offered),
            link.answered.map(ms),
            link.candidates.0,
            link.candidates.1,
            link.closed.map(|(at, _)| ms(at)),
            link.closed.map(|(_, why)| why.as_str()),
            link.connected.map(ms),
            link.connected.map(|_| ConnectionState::Connected.as_str()),
        );
    }
}
