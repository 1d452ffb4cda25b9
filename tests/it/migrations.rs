//! Tables that are brought up to date, by `migrate` or by a start: what is said of it, and that it may be interrupted.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chatroom_testkit::Postgres;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::support::server::{PROGRAM, Server, command, program, said};

/// Two sessions, with one of the words that migration 8 replaces, and a trigger with which that one does not end.
const HISTORY: &str = "
    insert into session (id, room, started_at, ended_at) values (zeroblob(16), 'room', 10, 30), (randomblob(16), 'other', 10, 30);
    insert into participant (id, session_id, username, joined_at, left_at, leave_reason)
        select id, id, 'Ann', 10, 30, 'left' from session;
    insert into connection (id, participant_id, connected_at, disconnected_at, opened_by, closed_by, away_until)
        select id, id, 10, 30, 'join', 'left', 30 from session;
    insert into event (at, kind, detail) values (20, 'disconnected', json_object('why', 'connection lost', 'until', 'x'));
    insert into heartbeat (id, at, clean_stop) values (1, 40, true)
        on conflict (id) do update set at = excluded.at, clean_stop = excluded.clean_stop;
    create view endless as with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) as n from n;
    create trigger endlessly after update on event begin select n from endless; end;";

const ENDLESS_STEP: &str = "(drop reasons), rows: ";

/// An earlier version's file, in a folder of its own.
struct Earlier {
    folder: tempfile::TempDir,
}

impl Earlier {
    async fn new() -> Self {
        let earlier = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let mut file = earlier.open().await;
        let mut migrator = sqlx::migrate!();
        migrator.migrations.to_mut().retain(|migration| migration.version < 5);
        migrator.run(&mut file).await.unwrap();
        sqlx::raw_sql(HISTORY).execute(&mut file).await.unwrap();
        sqlx::query("pragma journal_mode = wal")
            .execute(&mut file)
            .await
            .unwrap();
        file.close().await.unwrap();
        earlier
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("chatroom.db")
    }

    async fn open(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(self.file())
            .create_if_missing(true);
        options.connect().await.unwrap()
    }

    fn migrate(&self) -> Command {
        let mut command = command(PROGRAM, self.path());
        command.arg("migrate");
        command
    }

    /// The latest migration that was done, and what the words are that one of them replaces.
    async fn state(&self) -> (i64, String) {
        let state =
            "select (select max(version) from _sqlx_migrations where success), (select detail ->> '$.why' from event)";
        let mut file = self.open().await;
        sqlx::query_as(state).fetch_one(&mut file).await.unwrap()
    }
}

/// Something that brings the file up to date, once it has come to the migration that does not end: with what it has said.
struct AtWork {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    said: String,
}

impl AtWork {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut work = Self {
            child,
            log,
            said: String::new(),
        };
        work.wait_for_line();
        work
    }

    /// Until it says that it is at that migration.
    fn wait_for_line(&mut self) {
        loop {
            let from = self.said.len();
            assert_ne!(self.log.read_line(&mut self.said).unwrap(), 0, "{}", self.said);
            if self.said[from..].contains(ENDLESS_STEP) {
                return;
            }
        }
    }

    /// How it ends by this signal, and all that it has said.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        signal_to(&self.child, signal);
        let code = self.child.wait().unwrap().code();
        self.log.read_to_string(&mut self.said).unwrap();
        (code, std::mem::take(&mut self.said))
    }
}

/// It does not end by itself.
impl Drop for AtWork {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal_to(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn what_is_interrupted_is_undone_and_what_was_done_before_stays() {
    let earlier = Earlier::new().await;
    let mut work = AtWork::start(earlier.migrate());
    assert!(work.said.contains("brought up to date"), "{}", work.said);
    // Migrations 5 to 11; 5 goes over two people and two connections, 6 over the connections once more, 8 over the entry.
    let how_far = format!("migration 4 of 7 {ENDLESS_STEP}6 of 7 (");
    assert!(work.said.contains(&how_far), "{}", work.said);
    // Every ten seconds.
    let (began, told) = (Instant::now(), work.said.len());
    work.wait_for_line();
    assert!(began.elapsed() > Duration::from_secs(5), "{}", work.said);
    assert!(work.said[told..].contains("(for "), "{}", work.said);
    let (code, text) = work.end("INT");
    assert_eq!(code, Some(130), "{text}");
    let how_on = "interrupted: what was done stays done, and the next start, or the same command, does the rest";
    assert!(text.contains(how_on), "{text}");
    assert_eq!(earlier.state().await, (7, "connection lost".to_owned()));

    let (code, _) = AtWork::start(earlier.migrate()).end("KILL");
    assert_eq!(code, None);
    assert_eq!(earlier.state().await, (7, "connection lost".to_owned()));

    // A service manager does not wait for minutes.
    let (code, text) = AtWork::start(program(earlier.path(), &[])).end("TERM");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("stopped before the history was open"), "{text}");
    assert_eq!(earlier.state().await, (7, "connection lost".to_owned()));

    let end = "drop trigger endlessly; drop view endless";
    sqlx::raw_sql(end).execute(&mut earlier.open().await).await.unwrap();
    let (code, text) = said(&earlier.migrate().output().unwrap());
    assert!(
        code == Some(0) && text.contains("the tables are up to date.\n"),
        "{text}"
    );
    let latest = sqlx::migrate!()
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap();
    assert_eq!(earlier.state().await, (latest, "reset".to_owned()));
    let whole = "select group_concat(integrity_check, ' ') from pragma_integrity_check";
    let whole: String = sqlx::query_scalar(whole)
        .fetch_one(&mut earlier.open().await)
        .await
        .unwrap();
    assert_eq!(whole, "ok");
    let people = "select count(*) from participant join connection on connection.participant_id = participant.id";
    let people: i64 = sqlx::query_scalar(people)
        .fetch_one(&mut earlier.open().await)
        .await
        .unwrap();
    assert_eq!(people, 2);
    // What is up to date is not told of.
    let server = Server::start_unread(program(earlier.path(), &[]), &earlier.path().join("log"));
    drop(server);
    let log = std::fs::read_to_string(earlier.path().join("log")).unwrap();
    assert!(
        !log.contains("migration") && !log.contains("brought up to date"),
        "{log}"
    );
}

/// Waits until the connection of a program waits for somebody's lock.
async fn wait_until_it_waits(database: &PgConnectOptions) {
    let mut looks = database.connect().await.unwrap();
    let waits = "select exists (select from pg_stat_activity where datname = current_database()
        and application_name = 'chatroom-server' and wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waits)
        .fetch_one(&mut looks)
        .await
        .unwrap()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_interrupted_in_postgres_is_undone_there() {
    let database = Postgres::shared().empty_database().await;
    let url = Postgres::shared().url(&database);
    let folder = tempfile::tempdir().unwrap();
    let migrate = || {
        let mut command = command(PROGRAM, folder.path());
        command.arg("migrate").env("DATABASE_URL", &url);
        command
    };
    // Of that name there can be no other until it is known whether this one stays.
    let mut intruder = database.connect().await.unwrap();
    let hold = "create schema chatroom; begin; create table chatroom.link (n integer)";
    for statement in hold.split("; ") {
        sqlx::query(statement).execute(&mut intruder).await.unwrap();
    }
    for (signal, expected) in [("INT", Some(130)), ("KILL", None)] {
        let mut child = migrate().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until_it_waits(&database).await;
        signal_to(&child, signal);
        assert_eq!(child.wait().unwrap().code(), expected);
    }
    sqlx::query("rollback").execute(&mut intruder).await.unwrap();
    let (code, text) = said(&migrate().output().unwrap());
    assert!(
        code == Some(0) && text.contains("the tables are up to date.\n"),
        "{text}"
    );
    Server::start(program(folder.path(), &[("DATABASE_URL", &url)]));
}
