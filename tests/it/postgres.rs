//! The history in PostgreSQL, as whoever runs the server meets it.

use std::path::Path;

use chatroom_testkit::{Postgres, Socket};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::support::server::{Server, program, said};

/// What the server says that does not start, and how it ends: in one line.
fn refusal(folder: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let (code, text) = said(&program(folder, variables).output().unwrap());
    assert_eq!(text.lines().count(), 1, "{text}");
    (code, text)
}

/// A database of a test's own, and its address.
async fn database() -> (PgConnectOptions, String) {
    let postgres = Postgres::shared();
    let database = postgres.empty_database().await;
    let url = postgres.url(&database);
    (database, url)
}

async fn run(database: &PgConnectOptions, statement: &str) {
    let mut connection: PgConnection = database.connect().await.unwrap();
    let statement = AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

async fn text(database: &PgConnectOptions, sql: &'static str) -> String {
    let mut connection = database.connect().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_server_keeps_its_history_there_and_goes_on_with_it() {
    let (database, url) = database().await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_SCHEMA", "year_7")];
    let mut server = Server::start(program(folder.path(), &variables));
    let name = database.get_database().unwrap();
    let socket = database.get_socket().unwrap().display();
    let line = format!("  The history is in   {name} on {socket} (schema year_7)");
    assert!(server.banner.contains(&line), "{:?}", server.banner);
    let (_ann, seat) = Socket::join(server.port, "room", "Ann").await;
    let written = text(
        &database,
        "select username || ' in ' || room from year_7.participant, year_7.session",
    )
    .await;
    assert_eq!(written, "Ann in room");
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    assert_eq!(text(&database, "select state from year_7.node").await, "stopped");

    // Who was there may come back, though nobody was told that the server stopped.
    let server = Server::start(program(folder.path(), &variables));
    let (mut bo, _) = Socket::join(server.port, "room", "Bo").await;
    bo.emit(
        "icecandidate",
        serde_json::json!({"memberId": seat["memberId"], "remoteConnectorId": "c", "candidate": 1}),
    )
    .await;
    assert_eq!(text(&database, "select count(*)::text from year_7.member").await, "2");
    assert!(
        !folder.path().join("chatroom.db").exists(),
        "a file that nobody asked for"
    );
}

#[tokio::test]
async fn the_reviews_token_is_kept_in_the_working_directory() {
    let (_, url) = database().await;
    let folder = tempfile::tempdir().unwrap();
    let mut start = program(folder.path(), &[("DATABASE_URL", &url)]);
    start.env_remove("REVIEW_TOKEN");
    let server = Server::start(start);
    let token = std::fs::read_to_string(folder.path().join("chatroom.db.review-token")).unwrap();
    assert!(
        server.banner.iter().any(|line| line.ends_with(token.trim())),
        "{:?}",
        server.banner
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_one_sentence_without_the_password() {
    let (database, url) = database().await;
    let postgres = Postgres::shared();
    for statement in [
        "create role guarded",
        "create role ann login password 'right-seekrit' in role guarded",
        "create role bo login",
        "create database latin encoding 'SQL_ASCII' template template0",
    ] {
        postgres.execute(statement.to_owned()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = database.get_database().unwrap();
    let socket = database.get_socket().unwrap().display().to_string();
    let as_role = |role: &str| url.replace("user=chatroom", &format!("user={role}"));
    let table = [
        (
            "postgres://ann:seekrit@127.0.0.1:1/class".to_owned(),
            "cannot be reached: Connection refused",
        ),
        (
            "postgres:///class?host=/nowhere&password=seekrit".to_owned(),
            "cannot be reached: No such file or directory",
        ),
        (
            "postgres://ann:seekrit@no.invalid/class".to_owned(),
            "cannot be reached: ",
        ),
        (
            as_role("ann&password=wrong-seekrit"),
            "refused the login: password authentication failed for user \"ann\"",
        ),
        (as_role("ann"), "refused the login: "),
        (
            as_role("nobody-knows"),
            "refused the login: role \"nobody-knows\" does not exist",
        ),
        (url.replace(name, "nowhere"), "there is no database nowhere on "),
        (url.replace(name, "latin"), "keeps text as SQL_ASCII"),
        (as_role("bo"), "the role bo may not do in the database"),
    ];
    for (url, part) in &table {
        let (code, text) = refusal(folder.path(), &[("DATABASE_URL", url)]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(part) && text.contains("(schema chatroom)"), "{text}");
        assert!(!text.contains("seekrit"), "{text}");
        assert!(!url.contains(&socket) || text.contains(&socket), "{text}");
    }

    // Let in with the right one, but not into what is another's.
    run(&database, "create schema chatroom").await;
    let (code, text) = refusal(
        folder.path(),
        &[("DATABASE_URL", &as_role("ann&password=right-seekrit"))],
    );
    assert!(
        code == Some(1)
            && text.contains("may not do in the database")
            && text.contains("permission denied for schema chatroom"),
        "{text}"
    );
}

#[tokio::test]
async fn a_history_that_is_used_or_newer_or_anothers_is_left_alone() {
    let (database, url) = database().await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", url.as_str())];
    let mut server = Server::start(program(folder.path(), &variables));
    let (code, text) = refusal(folder.path(), &variables);
    assert!(
        code == Some(1) && text.contains("is in use by another chatroom-server"),
        "{text}"
    );
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    run(
        &database,
        "insert into chatroom._sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'later', true, '', 0);
         create schema theirs; create table theirs.pupil (name text)",
    )
    .await;
    let (code, text) = refusal(folder.path(), &variables);
    assert!(
        code == Some(1) && text.contains("was made by a newer version of chatroom-server"),
        "{text}"
    );
    let (code, text) = refusal(folder.path(), &[variables[0], ("DATABASE_SCHEMA", "theirs")]);
    assert!(
        code == Some(1) && text.contains("is not a database of chatroom-server"),
        "{text}"
    );
}
