//! The way of a history from a file into PostgreSQL and back, and the look at it there.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use chatroom_testkit::{Postgres, Socket};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use crate::support::server::{PROGRAM, Server, command, program, said};

/// A database of a test's own, with the folder that servers are started in.
struct Stage {
    folder: tempfile::TempDir,
    database: sqlx::postgres::PgConnectOptions,
    url: String,
}

impl Stage {
    async fn new() -> Self {
        let database = Postgres::shared().empty_database().await;
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: Postgres::shared().url(&database),
            database,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = command(PROGRAM, self.path());
        command.args(words).env("DATABASE_URL", &self.url);
        command
    }

    fn say(&self, words: &[&str]) -> (Option<i32>, String) {
        said(&self.command(words).output().unwrap())
    }

    /// A server on the file of that name, or on PostgreSQL.
    fn serve(&self, file: Option<&str>) -> Server {
        let file = file.map(|file| format!("sqlite://{file}"));
        let url = file.as_deref().unwrap_or(&self.url);
        Server::start_unread(program(self.path(), &[("DATABASE_URL", url)]), &self.path().join("log"))
    }

    async fn run(&self, sql: &str) {
        let mut connection = self.database.connect().await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }

    async fn text(&self, sql: &'static str) -> String {
        let mut connection = self.database.connect().await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }

    async fn open(&self, file: &str) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path().join(file));
        options.connect().await.unwrap()
    }

    /// All rows of a file, of each table, as texts.
    async fn rows(&self, file: &str) -> Vec<String> {
        let mut file = self.open(file).await;
        let tables = "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'
            and name not in ('_sqlx_migrations', 'heartbeat') order by name";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut file).await.unwrap();
        let mut all = Vec::new();
        for table in tables {
            let columns = "select group_concat('quote(' || name || ')', ' || '' '' || ') from pragma_table_info(?)";
            let columns: String = sqlx::query_scalar(columns)
                .bind(&table)
                .fetch_one(&mut file)
                .await
                .unwrap();
            let sql = AssertSqlSafe(format!("select '{table} ' || {columns} from {table} order by 1"));
            all.extend(sqlx::query_scalar::<_, String>(sql).fetch_all(&mut file).await.unwrap());
        }
        file.close().await.unwrap();
        all
    }
}

fn stop(mut server: Server) {
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}

/// Something of each kind: people who are there, one who dropped, one who is owed a leave, links, a refusal, a review link.
async fn lesson(server: &Server) {
    let (mut ann, ann_seat) = Socket::join(server.port, "lesson \u{1f600}", "Ann \"quotes\" \\ back").await;
    let (mut bo, bo_seat) = Socket::join(server.port, "lesson \u{1f600}", "Bo").await;
    ann.expect("getOffer").await;
    bo.offer_to(&ann_seat["memberId"]).await;
    let offer = json!({"offer": {"sdp": "x"}, "connectorId": "nul \u{0} inside", "memberId": ann_seat["memberId"],
        "streamType": "kind \u{0} of"});
    bo.emit("offer", offer).await;
    ann.expect("offer").await;
    ann.emit("offer", json!({"memberId": "nobody"})).await;
    let (cy, _) = Socket::join(server.port, "another", "Cy").await;
    cy.vanish();
    let link = json!({"session": bo_seat["sessionId"], "name": "a parent", "hours": 24});
    let made = server.post_as_reviewer("/api/v1/review-links", &link).unwrap();
    assert!(made.starts_with("HTTP/1.1 20"), "{made}");
}

#[tokio::test]
async fn a_history_moves_into_postgres_and_back_and_nothing_is_lost() {
    let stage = Stage::new().await;
    let server = stage.serve(Some("chatroom.db"));
    lesson(&server).await;
    let (code, text) = stage.say(&["import", "chatroom.db"]);
    assert!(
        code == Some(1) && text.contains("is in use by another chatroom-server"),
        "{text}"
    );
    stop(server);

    let before = stage.rows("chatroom.db").await;
    assert!(before.iter().any(|row| row.starts_with("link ")), "{before:?}");
    assert!(before.iter().any(|row| row.starts_with("review_link ")), "{before:?}");
    let (code, text) = stage.say(&["import", "chatroom.db"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("(schema chatroom) has all of chatroom.db: sessions: 2, events: "),
        "{text}"
    );
    let (code, text) = stage.say(&["check"]);
    assert!(
        code == Some(0) && text.contains("(schema chatroom): whole (sessions: 2, events: "),
        "{text}"
    );

    // It was taken once.
    let (code, text) = stage.say(&["import", "chatroom.db"]);
    assert!(code == Some(1) && text.contains("has a history of its own"), "{text}");

    let (code, text) = stage.say(&["export", "copy.db"]);
    assert!(
        code == Some(0) && text.contains("copy.db holds sessions: 2, events: "),
        "{text}"
    );
    assert_eq!(stage.rows("copy.db").await, before);
    let (code, text) = stage.say(&["check", "--database-url=sqlite://copy.db"]);
    assert_eq!(code, Some(0), "{text}");

    // Who was there comes back, in PostgreSQL as in the file that it gave.
    for file in [None, Some("copy.db")] {
        let server = stage.serve(file);
        let (_bo, seat) = Socket::resume(server.port, "lesson \u{1f600}", "Bo").await;
        assert_eq!(seat["resumed"], true, "{seat}");
        let answer = server.ask_as_reviewer("/api/v1/review-links").unwrap();
        assert!(answer.contains("a parent"), "{answer}");
        stop(server);
    }
}

#[tokio::test]
async fn the_export_is_of_one_moment_while_the_server_goes_on() {
    let stage = Stage::new().await;
    let (code, text) = stage.say(&["export", "copy.db"]);
    assert!(code == Some(1) && text.contains("there is no database"), "{text}");
    let server = stage.serve(None);
    let (_ann, _) = Socket::join(server.port, "room", "Ann").await;
    let (code, text) = stage.say(&["export", "copy.db"]);
    assert!(
        code == Some(0) && text.ends_with("copy.db holds sessions: 1, events: 2.\n"),
        "{text}"
    );
    let (code, text) = stage.say(&["export", "copy.db"]);
    assert!(code == Some(1) && text.contains("exists already"), "{text}");
    let mode = std::os::unix::fs::MetadataExt::mode(&stage.path().join("copy.db").metadata().unwrap());
    assert_eq!(mode & 0o777, 0o600);
    // New entries of the copy come after those that it has.
    let copy = stage.serve(Some("copy.db"));
    let (_bo, _) = Socket::join(copy.port, "other", "Bo").await;
    stop(copy);
    let mut file = stage.open("copy.db").await;
    let kinds: Vec<String> = sqlx::query_scalar("select kind from event order by seq")
        .fetch_all(&mut file)
        .await
        .unwrap();
    assert_eq!(kinds[..2], ["session_started", "joined"]);
    assert_eq!(kinds.iter().filter(|kind| *kind == "joined").count(), 2, "{kinds:?}");
}

/// Enough that an import can be interrupted in the midst of it.
async fn fill(stage: &Stage, events: usize) {
    stop(stage.serve(Some("chatroom.db")));
    let mut file = stage.open("chatroom.db").await;
    let session = "insert into session (id, room, started_at, ended_at) values (zeroblob(16), 'r', 1, 2)";
    sqlx::query(session).execute(&mut file).await.unwrap();
    let many = format!(
        "insert into event (at, session_id, kind, detail)
         with recursive n(n) as (select 1 union all select n + 1 from n where n < {events})
         select n, zeroblob(16), 'error', '{{\"n\":' || n || '}}' from n"
    );
    sqlx::query(AssertSqlSafe(many)).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
}

#[tokio::test]
async fn an_import_that_is_interrupted_goes_on_where_it_was() {
    const EVENTS: usize = 200_000;
    let stage = Stage::new().await;
    fill(&stage, EVENTS).await;
    let mut interrupted = 0;
    for signal in ["INT", "KILL", "INT"] {
        let mut import = stage.command(&["import", "chatroom.db"]);
        let mut import = import.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let before = done(&stage).await;
        while done(&stage).await < before + 10_000 && import.try_wait().unwrap().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let pid = import.id().to_string();
        let _ = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        let output = import.wait_with_output().unwrap();
        let (code, text) = said(&output);
        if signal == "INT" && code == Some(130) {
            assert!(
                text.contains("interrupted: the same command goes on where it was"),
                "{text}"
            );
        }
        interrupted += usize::from(code != Some(0));
        let half = done(&stage).await;
        assert!(half >= before && half < EVENTS as i64, "{half}");
        // Nobody serves a half, nor is another file put on top.
        let (code, text) = said(&program(stage.path(), &[("DATABASE_URL", &stage.url)]).output().unwrap());
        assert!(code == Some(1) && text.contains("has half of an import"), "{text}");
        for words in [&["check"][..], &["migrate"], &["export", "half.db"]] {
            let (code, text) = stage.say(words);
            assert!(code == Some(1) && text.contains("has half of an import"), "{text}");
        }
        assert!(!stage.path().join("half.db").exists());
    }
    assert_eq!(interrupted, 3);
    let other = Stage::new().await;
    fill(&other, 3).await;
    let file = other.path().join("chatroom.db");
    let (code, text) = stage.say(&["import", file.to_str().unwrap()]);
    assert!(
        code == Some(1) && text.contains("half of an import of another file"),
        "{text}"
    );

    let (code, text) = stage.say(&["import", "chatroom.db"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("sessions: 1, events: {EVENTS}.")), "{text}");
    let all = "select count(*) || ' ' || count(distinct seq) || ' ' || sum((detail::json ->> 'n')::bigint) from chatroom.event";
    let sum = EVENTS * (EVENTS + 1) / 2;
    assert_eq!(stage.text(all).await, format!("{EVENTS} {EVENTS} {sum}"));
    let server = stage.serve(None);
    let (_ann, _) = Socket::join(server.port, "room", "Ann").await;
    let latest = "select kind from chatroom.event order by seq desc limit 1";
    assert_eq!(stage.text(latest).await, "joined", "new entries come after all");

    // Of an export that is interrupted nothing is left, from either.
    for url in [stage.url.as_str(), "sqlite://chatroom.db"] {
        while !is_interrupted(&stage, url).await {}
        assert!(!stage.path().join("copy.db").exists());
    }
}

/// Whether an export was interrupted before it was done.
async fn is_interrupted(stage: &Stage, url: &str) -> bool {
    let copy = stage.path().join("copy.db");
    let mut export = stage.command(&["export", "copy.db"]);
    let export = export.env("DATABASE_URL", url).stderr(std::process::Stdio::piped());
    let mut export = export.spawn().unwrap();
    while !copy.exists() && export.try_wait().unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let pid = export.id().to_string();
    let _ = Command::new("kill").args(["-INT", &pid]).status();
    let (code, text) = said(&export.wait_with_output().unwrap());
    if code == Some(130) {
        assert!(text.contains("interrupted: there is no file"), "{text}");
        return true;
    }
    // It was done already.
    std::fs::remove_file(copy).unwrap();
    false
}

/// How many entries an import has written down so far.
async fn done(stage: &Stage) -> i64 {
    let mut connection = stage.database.connect().await.unwrap();
    let done = sqlx::query_scalar("select done from chatroom.unfinished_import where name = 'event'");
    done.fetch_optional(&mut connection).await.ok().flatten().unwrap_or(0)
}

#[tokio::test]
async fn what_cannot_be_imported_is_one_sentence() {
    let stage = Stage::new().await;
    let one_line = |(code, text): (Option<i32>, String)| {
        assert_eq!(text.lines().count(), 1, "{text}");
        (code, text)
    };
    let (code, text) = one_line(stage.say(&["import", "nothing.db"]));
    assert!(
        code == Some(1) && text.contains("there is no database nothing.db"),
        "{text}"
    );
    // The last is what a copy leaves that failed. Nothing is changed of either, nor put beside it.
    for begin in ["not a database, but long enough to be read as one", ""] {
        std::fs::write(stage.path().join("text.db"), begin).unwrap();
        let (code, text) = one_line(stage.say(&["import", "text.db"]));
        assert!(
            code == Some(1) && text.contains("text.db is not a database of chatroom-server"),
            "{text}"
        );
        assert_eq!(std::fs::read_to_string(stage.path().join("text.db")).unwrap(), begin);
        assert!(!stage.path().join("text.db.lock").exists());
    }
    let mut to_file = command(PROGRAM, stage.path());
    let (code, text) = one_line(said(&to_file.args(["import", "text.db"]).output().unwrap()));
    assert!(
        code == Some(2) && text.contains("Set DATABASE_URL to the database of PostgreSQL"),
        "{text}"
    );

    fill(&stage, 3).await;
    let server = stage.serve(None);
    let (code, text) = one_line(stage.say(&["import", "chatroom.db"]));
    assert!(
        code == Some(1) && text.contains("is in use by another chatroom-server"),
        "{text}"
    );
    stop(server);
}

#[tokio::test]
async fn of_a_damaged_file_an_import_does_not_say_that_it_goes_on() {
    let stage = Stage::new().await;
    fill(&stage, 20_000).await;
    let path = stage.path().join("chatroom.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let (code, text) = stage.say(&["import", "chatroom.db"]);
    assert!(code == Some(1) && text.contains("the file is damaged"), "{text}");
    assert!(!text.contains("goes on"), "{text}");
}

#[tokio::test]
async fn a_history_in_postgres_is_looked_through() {
    let stage = Stage::new().await;
    let (code, text) = stage.say(&["check"]);
    assert!(
        code == Some(0) && text.ends_with("there is no database yet, the first start makes it.\n"),
        "{text}"
    );
    let mut server = stage.serve(None);
    lesson(&server).await;
    let (code, text) = stage.say(&["check"]);
    assert!(
        code == Some(0) && text.contains("whole (sessions: 2, events: "),
        "{text}"
    );
    server.child.kill().unwrap();
    server.exit_code();
    assert_eq!(stage.say(&["check"]).0, Some(0));

    stage
        .run(
            "set search_path = chatroom;
             update session set participant_count = 7, peak_participants = 9;
             update connection set disconnected_at = connected_at - 1;
             update event set detail = '{' where kind = 'session_started';
             update participant set left_at = joined_at, leave_reason = 'boredom' where username = 'Bo';
             delete from session where room = 'another'",
        )
        .await;
    let (code, text) = stage.say(&["check"]);
    assert_eq!(code, Some(1), "{text}");
    for fault in [
        "against: every reference leads somewhere",
        "rows: 1, against: a session's totals are what its events say",
        "rows: 1, against: the most people at once are what the events say",
        "against: a connection ends after it began",
        "against: what an event says besides is JSON",
        "rows: 1, against: an open participant is a member",
        "rows: 1, against: participant.leave_reason is one of its words",
    ] {
        assert!(text.contains(fault), "{fault}: {text}");
    }
    stage
        .run(
            "update chatroom._sqlx_migrations set version = 9999
             where version = (select max(version) from chatroom._sqlx_migrations)",
        )
        .await;
    let (code, text) = stage.say(&["check"]);
    assert!(
        code == Some(1) && text.contains("was made by a newer version"),
        "{text}"
    );
}
