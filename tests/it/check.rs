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
    let options = options.pragma("ignore_check_constraints", "on");
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
async fn rows_that_no_server_writes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(program(folder.path(), &[]));
    let (ann, _) = Socket::join(server.port, "room", "Ann").await;
    let (mut bo, _) = Socket::join(server.port, "room", "Bo").await;
    bo.call("leave", serde_json::json!([])).await;
    server.signal("TERM");
    server.exit_code();
    drop((ann, bo));
    let file = folder.path().join("chatroom.db");
    spoil(
        folder.path(),
        "insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, closed_at, closed_by)
         select randomblob(16), session_id, min(id), max(id), 'camera', 5, 6, 'hangup' from participant",
    )
    .await;
    let whole = std::fs::read(&file).unwrap();
    let (code, text) = check(folder.path(), &[]);
    assert_eq!(code, Some(0), "{text}");
    for (sql, fault) in [
        (
            "insert into review_link (id, name, made_at, expires_at, key_mark) values (randomblob(16), 'x', 1, 2, 1)",
            "rows: 1, against: every row is as its table's CHECK says",
        ),
        (
            "update session set ended_at = started_at - 1",
            "rows: 1, against: a session ends after it began",
        ),
        (
            "update participant set left_at = joined_at - 1 where left_at is not null",
            "rows: 1, against: a participant leaves after they joined, and for a reason",
        ),
        (
            "update participant set leave_reason = null where left_at is not null",
            "rows: 1, against: a participant leaves after they joined, and for a reason",
        ),
        (
            "update link set answered_at = offered_at - 1",
            "rows: 1, against: a link is answered and closed after it was offered",
        ),
        (
            "update session set room = ' '",
            "rows: 1, against: rooms and people have names",
        ),
        (
            "update participant set username = '' where left_at is null",
            "rows: 1, against: rooms and people have names",
        ),
        (
            "update event set detail = '{members' where kind = 'joined'",
            "rows: 2, against: what an event says besides is JSON",
        ),
        (
            "delete from heartbeat",
            "rows: 1, against: the server's last sign of life is kept",
        ),
        (
            "update participant set reconnect_count = 3 where left_at is null",
            "rows: 1, against: a participant came back as often as the events say",
        ),
        (
            "update session set peak_participants = 7",
            "rows: 1, against: the most people at once are what the events say",
        ),
        (
            "update participant set leave_reason = 'bored' where left_at is not null",
            "rows: 1, against: participant.leave_reason is one of its words",
        ),
        (
            "update member set stopped_by = 'bored'",
            "rows: 1, against: member.stopped_by is one of its words",
        ),
        (
            "update connection set opened_by = 'knock', closed_by = 'bored'",
            "rows: 2, against: connection.closed_by is one of its words",
        ),
        (
            "update connection set opened_by = 'knock'",
            "rows: 2, against: connection.opened_by is one of its words",
        ),
        (
            "update event set kind = 'Joined' where kind = 'left'",
            "rows: 1, against: event.kind is one of its words",
        ),
        (
            "update link set closed_by = 'bored'",
            "rows: 1, against: link.closed_by is one of its words",
        ),
        (
            "update link set answerer_state = 'new'",
            "rows: 1, against: link.answerer_state is one of its words",
        ),
        (
            "update link set offerer_path = 'bridge'",
            "rows: 1, against: link.offerer_path is one of its words",
        ),
        (
            "update event set seq = -5 where seq = 1",
            "rows: 1, against: entries of the journal are numbered from 1 on",
        ),
        // What leads nowhere does not hide the rest.
        (
            "update event set session_id = randomblob(16) where kind = 'left'; update session set room = ' '",
            "rows: 1, against: every reference leads somewhere\n  rows: 1, against: rooms and people have names",
        ),
    ] {
        std::fs::write(&file, &whole).unwrap();
        spoil(folder.path(), sql).await;
        let (code, text) = check(folder.path(), &[]);
        assert!(code == Some(1) && text.contains(fault), "{sql}: {code:?} {text}");
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

    std::fs::write(&file, &whole).unwrap();
    spoil(
        folder.path(),
        "update _sqlx_migrations set success = 0 where version = 10",
    )
    .await;
    let (code, text) = check(folder.path(), &[]);
    assert!(
        code == Some(1) && text.contains("migration 10 is partially applied"),
        "{text}"
    );
    std::fs::write(&file, &whole).unwrap();
    spoil(
        folder.path(),
        "update _sqlx_migrations set checksum = x'00' where version = 3",
    )
    .await;
    let (code, text) = check(folder.path(), &[]);
    assert!(
        code == Some(1) && text.contains("migration 3 was previously applied but has been modified"),
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
fn what_no_start_could_listen_at_is_no_right_setting() {
    let folder = tempfile::tempdir().unwrap();
    for (variables, sentence) in [
        (
            [("HOST", "nosuch.invalid"), ("PORT", "0")],
            "The host \"nosuch.invalid\" has no address",
        ),
        (
            [("HOST", "192.0.2.99"), ("PORT", "0")],
            "choose another with --host (variable HOST)",
        ),
        (
            [("PORT", "0"), ("REVIEW_LISTEN", "192.0.2.99:0")],
            "choose another with --review-listen (variable REVIEW_LISTEN)",
        ),
        (
            [("PORT", "0"), ("METRICS_LISTEN", "192.0.2.99:9464")],
            "choose another with --metrics-listen (variable METRICS_LISTEN)",
        ),
        (
            [("PORT", "4861"), ("REVIEW_LISTEN", "4861")],
            "PORT and REVIEW_LISTEN are both port 4861 of one address",
        ),
    ] {
        let (code, text) = check(folder.path(), &variables);
        assert!(code == Some(2) && text.contains(sentence), "{code:?} {text}");
        assert!(!text.contains("right"), "{text}");
    }
    // A server that runs with these very settings takes nothing from them.
    let server = Server::start(program(folder.path(), &[]));
    let (code, text) = check(folder.path(), &[("PORT", &server.port.to_string())]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn wrong_settings_are_all_named_with_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = check(folder.path(), &[("DATABASE_URL", "sqlite://none/chatroom.db")]);
    assert!(code == Some(1) && text.contains("none does not exist"), "{text}");

    let files = [
        ("TLS_CERT", "none.pem"),
        ("TLS_KEY", "none.key"),
        ("HOST", "192.0.2.99"),
    ];
    let (code, text) = check(folder.path(), &files);
    assert!(
        code == Some(2) && text.contains("none.") && !text.contains("right"),
        "{text}"
    );
    assert!(text.contains("192.0.2.99 is not an address of this machine"), "{text}");

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
