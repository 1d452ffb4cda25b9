//! The export, while the server goes on and after it.

use std::path::Path;
use std::process::Output;

use chatroom_testkit::Socket;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, query_scalar};

use crate::support::server::{PROGRAM, Server, command, program, said};

fn export(folder: &Path, file: &str) -> Output {
    command(PROGRAM, folder).args(["export", file]).output().unwrap()
}

/// Opened as another program would.
async fn joined(file: &Path) -> i64 {
    let mut copy = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    query_scalar("select count(*) from event where kind = 'joined'")
        .fetch_one(&mut copy)
        .await
        .unwrap()
}

#[tokio::test]
async fn everything_is_exported_while_the_server_goes_on_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(program(folder.path(), &[]));
    let (_ann, _) = Socket::join(server.port, "room", "Ann").await;
    let output = export(folder.path(), "live.db");
    assert_eq!(said(&output).0, Some(0), "{}", said(&output).1);
    assert!(
        said(&output).1.contains("live.db holds sessions: 1, events: 2."),
        "{}",
        said(&output).1
    );
    assert_eq!(joined(&folder.path().join("live.db")).await, 1);

    // What was there is not touched.
    let (_bo, _) = Socket::join(server.port, "room", "Bo").await;
    let (code, text) = said(&export(folder.path(), "live.db"));
    assert!(
        code == Some(1) && text.contains("exists already") && text.lines().count() == 1,
        "{text}"
    );
    assert_eq!(joined(&folder.path().join("live.db")).await, 1);
    let (code, text) = said(&export(folder.path(), "none/copy.db"));
    let causes = text.matches("No such file or directory").count();
    assert!(
        code == Some(1) && causes == 1 && text.contains("none/copy.db"),
        "{text}"
    );

    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    assert_eq!(said(&export(folder.path(), "after.db")).0, Some(0));
    assert_eq!(joined(&folder.path().join("after.db")).await, 2);

    // A copy can take the place of the original: the history is there, and who was in a room comes back.
    let database = ("DATABASE_URL", "sqlite://after.db");
    let copy = Server::start(program(folder.path(), &[database]));
    let answer = copy.ask_as_reviewer("/api/v1/rooms/room").unwrap();
    for member in ["\"Ann\"", "\"Bo\""] {
        assert!(answer.contains(member), "{answer}");
    }
    let answer = copy.ask_as_reviewer("/api/v1/sessions").unwrap();
    assert!(answer.contains("\"uniqueParticipants\":2"), "{answer}");
}

/// As docs/operations.md has it.
#[tokio::test]
async fn a_backup_takes_the_place_of_a_history_that_a_crash_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(program(folder.path(), &[]));
    let (_ann, _) = Socket::join(server.port, "room", "Ann").await;
    assert_eq!(said(&export(folder.path(), "backup.db")).0, Some(0));
    let (_bo, _) = Socket::join(server.port, "room", "Bo").await;
    server.child.kill().unwrap();
    server.exit_code();

    let url = format!("--database-url=sqlite://{}", folder.path().join("backup.db").display());
    let looked = command(PROGRAM, folder.path()).args(["check", &url]).output().unwrap();
    assert_eq!(said(&looked).0, Some(0), "{}", said(&looked).1);
    for file in ["chatroom.db", "chatroom.db-wal", "chatroom.db-shm"] {
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    std::fs::rename(folder.path().join("backup.db"), folder.path().join("chatroom.db")).unwrap();
    let server = Server::start(program(folder.path(), &[]));
    let answer = server.ask_as_reviewer("/api/v1/sessions").unwrap();
    assert!(answer.contains("\"uniqueParticipants\":1"), "{answer}");
    let answer = server.ask_as_reviewer("/api/v1/rooms/room").unwrap();
    assert!(answer.contains("\"Ann\"") && !answer.contains("\"Bo\""), "{answer}");
}

#[test]
fn what_cannot_be_exported_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = said(&export(folder.path(), "copy.db"));
    assert!(code == Some(1) && text.contains("there is no database"), "{text}");
    std::fs::write(
        folder.path().join("chatroom.db"),
        "not a database, but long enough to be read as one",
    )
    .unwrap();
    let (code, text) = said(&export(folder.path(), "copy.db"));
    assert!(
        code == Some(1) && text.contains("is not a database of chatroom-server"),
        "{text}"
    );
    assert!(text.lines().count() == 1 && !folder.path().join("copy.db").exists());
    let (code, text) = said(&command(PROGRAM, folder.path()).arg("export").output().unwrap());
    assert!(code == Some(2) && text.contains("<FILE>"), "{text}");
}
