//! The history's files: whose they are, and that one server has them.
#![cfg(unix)]

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use crate::support::server::{Server, program};

#[test]
fn a_second_server_is_refused_by_whatever_name_the_file_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut first = Server::start(program(folder.path(), &[]));
    std::fs::hard_link(path("chatroom.db"), path("hard.db")).unwrap();
    std::os::unix::fs::symlink(path("chatroom.db"), path("soft.db")).unwrap();
    std::os::unix::fs::symlink(path("hard.db"), path("both.db")).unwrap();
    for name in ["chatroom.db", "hard.db", "soft.db", "both.db"] {
        let url = format!("sqlite://{name}");
        let second = program(folder.path(), &[("DATABASE_URL", &url)]).output().unwrap();
        let told = String::from_utf8(second.stderr).unwrap();
        assert_eq!(second.status.code(), Some(1), "{name}: {told}");
        assert!(told.contains("is in use by another chatroom-server"), "{name}: {told}");
    }
    assert!(first.is_ready());
    first.signal("TERM");
    assert_eq!(first.exit_code(), Some(0));

    let mut next = Server::start(program(folder.path(), &[("DATABASE_URL", "sqlite://soft.db")]));
    next.signal("TERM");
    assert_eq!(next.exit_code(), Some(0));
}

#[test]
fn others_of_the_machine_cannot_read_the_history_and_a_wider_mode_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| {
        std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    let log = |mut server: Server| {
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
        let mut log = String::new();
        server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    };
    let server = Server::start(program(folder.path(), &[]));
    for name in ["chatroom.db", "chatroom.db-wal", "chatroom.db-shm", "chatroom.db.lock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let told = log(server);
    assert!(!told.contains("chmod"), "{told}");

    let database = folder.path().join("chatroom.db");
    std::fs::set_permissions(database, PermissionsExt::from_mode(0o644)).unwrap();
    let told = log(Server::start(program(folder.path(), &[])));
    assert_eq!(told.matches("chmod 600").count(), 1, "{told}");
    assert_eq!(mode("chatroom.db"), 0o644);
}
