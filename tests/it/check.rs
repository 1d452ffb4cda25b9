//! The look at settings and database without serving.

use std::path::Path;

use chatroom_testkit::Socket;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, query};

use crate::support::server::{PROGRAM, Server, command, program, said};

fn check(folder: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut checking = command(PROGRAM, folder);
    checking.arg("check").envs(variables.iter().copied());
    said(&checking.output().unwrap())
}

/// Changes the database as no server does.
async fn spoil(folder: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(folder.join("chatroom.db"));
    let mut database = options.foreign_keys(false).connect().await.unwrap();
    assert!(query(sql).execute(&mut database).await.unwrap().rows_affected() > 0);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_database_is_looked_through_while_a_server_writes_it_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = check(folder.path(), &[]);
    assert!(code == Some(0) && text.contains("there is no database yet"), "{text}");
    assert!(!folder.path().join("chatroom.db").exists());

    let mut server = Server::start(program(folder.path(), &[]));
    let (_ann, _) = Socket::join(server.port, "room", "Ann").await;
    let (_bo, _) = Socket::join(server.port, "room", "Bo").await;
    let (code, text) = check(folder.path(), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("The settings are right.\n"), "{text}");
    assert!(
        text.ends_with("chatroom.db: whole (sessions: 1, events: 3, gaps: 0).\n"),
        "{text}"
    );

    server.child.kill().unwrap();
    server.exit_code();
    assert_eq!(check(folder.path(), &[]).0, Some(0));

    // What is wrong is told with how many rows, and all of it.
    spoil(folder.path(), "update session set participant_count = 7").await;
    spoil(
        folder.path(),
        "update connection set disconnected_at = connected_at - 1",
    )
    .await;
    spoil(
        folder.path(),
        "update event set session_id = randomblob(16) where kind = 'joined'",
    )
    .await;
    let (code, text) = check(folder.path(), &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("rows: 2, against: every reference leads somewhere"),
        "{text}"
    );
    spoil(
        folder.path(),
        "update event set session_id = (select id from session) where kind = 'joined'",
    )
    .await;
    let (code, text) = check(folder.path(), &[]);
    assert_eq!(code, Some(1), "{text}");
    for fault in [
        "rows: 2, against: a connection ends after it began",
        "rows: 1, against: a session's totals are what its events say",
    ] {
        assert!(text.contains(fault), "{text}");
    }
}

#[tokio::test]
async fn a_broken_file_and_one_of_another_version_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(program(folder.path(), &[]));
    server.signal("TERM");
    server.exit_code();
    let file = folder.path().join("chatroom.db");
    let whole = std::fs::read(&file).unwrap();

    spoil(folder.path(), "delete from _sqlx_migrations where version = 9").await;
    let (code, text) = check(folder.path(), &[]);
    assert!(code == Some(0) && text.contains("is of an earlier version"), "{text}");
    spoil(
        folder.path(),
        "insert into _sqlx_migrations select 9999, description, installed_on, success, checksum, execution_time from _sqlx_migrations where version = 8",
    )
    .await;
    let (code, text) = check(folder.path(), &[]);
    assert!(
        code == Some(1) && text.contains("was made by a newer version"),
        "{text}"
    );

    // The second page onwards: the head says that it is a database of ours.
    let mut broken = whole;
    broken[4096..].fill(0xa5);
    std::fs::write(&file, broken).unwrap();
    let (code, text) = check(folder.path(), &[]);
    assert!(code == Some(1) && text.contains("chatroom.db"), "{text}");
    std::fs::write(&file, "not a database, but long enough to be read as one").unwrap();
    let (code, text) = check(folder.path(), &[]);
    assert!(
        code == Some(1) && text.contains("is not a database of chatroom-server"),
        "{text}"
    );
}

#[test]
fn wrong_settings_are_all_named_with_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = check(folder.path(), &[("DATABASE_URL", "sqlite://none/chatroom.db")]);
    assert!(code == Some(1) && text.contains("none does not exist"), "{text}");

    let files = [("TLS_CERT", "none.pem"), ("TLS_KEY", "none.key")];
    let (code, text) = check(folder.path(), &files);
    assert!(
        code == Some(1) && text.contains("none.") && !text.contains("right"),
        "{text}"
    );

    std::fs::write(folder.path().join(".env"), "RESUME_GRACE=15\nMAX_ROOM_MEMBERS=1\n").unwrap();
    let (code, text) = check(
        folder.path(),
        &[("PORT", "x"), ("REVIEW_TOKEN", "seekrit of many words")],
    );
    assert_eq!(code, Some(2), "{text}");
    for setting in ["--port", "--resume-grace", "--max-room-members", "--review-token"] {
        assert!(text.contains(setting), "{setting}: {text}");
    }
    assert!(!text.contains("seekrit"), "{text}");

    // Safe as a start must be.
    std::fs::remove_file(folder.path().join(".env")).unwrap();
    let open = [
        ("HOST", "0.0.0.0"),
        ("REVIEW_TOKEN", "short"),
        ("ICE_SERVERS", "turn:turn.example"),
    ];
    let (code, text) = check(folder.path(), &open);
    assert!(code == Some(2) && text.contains("can be guessed"), "{text}");
    assert!(text.contains("set TURN_SECRET too"), "{text}");
}
