//! What the list says of a session that is over is kept, and is what it said before.
#![cfg(unix)]

use std::time::Duration;

use chatroom_testkit::Socket;
use serde_json::json;
use tokio::time::sleep;

use crate::support::database::{Connection, Row};
use crate::support::server::{Server, program};

const TIMES: [(&str, &str); 2] = [("SESSION_LINGER", "200ms"), ("RESUME_GRACE", "200ms")];

/// The lines of the sessions that are over, as the list shows them.
fn lines(server: &Server) -> String {
    let page = server.ask_as_reviewer("/review").unwrap();
    let (_, list) = page.split_once("<tbody").expect("a list");
    list.split_once("</tbody>").unwrap().0.to_owned()
}

#[tokio::test]
async fn the_list_says_of_kept_sessions_what_it_said_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(program(folder.path(), &TIMES));
    let (mut ann, _) = Socket::join(server.port, "lesson", "Ann").await;
    let (bo, _) = Socket::join(server.port, "lesson", "Bo").await;
    // Bo's network fails, and he is not seen again.
    drop(bo);
    while !server.ask_as_reviewer("/review").unwrap().contains("did not come back") {
        sleep(Duration::from_millis(50)).await;
    }
    ann.emit("leave", json!({})).await;
    while server
        .ask_as_reviewer("/api/v1/sessions")
        .unwrap()
        .contains("\"active\"")
    {
        sleep(Duration::from_millis(50)).await;
    }
    let worked_out = lines(&server);
    assert!(worked_out.contains("Bo"), "{worked_out}");
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));

    let server = Server::start(program(folder.path(), &TIMES));
    let mut database = Connection::to(folder.path()).await;
    let glance = loop {
        match database.rows("select glance from session_glance").await.first() {
            Some(row) => break Row::text(row),
            None => sleep(Duration::from_millis(50)).await,
        }
    };
    assert!(!glance.contains("Bo"), "{glance}");
    assert_eq!(lines(&server), worked_out);
}
