//! What a service manager is told, by a socket of its own.
#![cfg(unix)]

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::support::server::{Server, program};
use crate::tls::write_pair;

/// The next thing that is said.
fn heard(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap().trim().to_owned()
}

#[test]
fn a_service_manager_hears_of_the_start_of_life_and_of_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut start = program(folder.path(), &[("WATCHDOG_USEC", "200000")]);
    start.env("NOTIFY_SOCKET", &path);
    let mut server = Server::start(start);
    assert_eq!(heard(&socket), "READY=1");
    assert!(server.is_ready());
    // At once, and then again and again.
    for _ in 0..3 {
        assert_eq!(heard(&socket), "WATCHDOG=1");
    }
    server.signal("TERM");
    let last = loop {
        match heard(&socket) {
            life if life == "WATCHDOG=1" => {}
            other => break other,
        }
    };
    assert_eq!(last, "STOPPING=1");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn without_a_watch_nothing_is_said_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut start = program(folder.path(), &[]);
    start.env("NOTIFY_SOCKET", &path);
    let mut server = Server::start(start);
    assert_eq!(heard(&socket), "READY=1");
    server.signal("INT");
    assert_eq!(heard(&socket), "STOPPING=1");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_new_certificate_is_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write_pair(folder.path());
    let files = [("TLS_CERT", "class.crt"), ("TLS_KEY", "class.key")];
    let mut start = program(folder.path(), &files);
    start.env("NOTIFY_SOCKET", &path);
    let server = Server::start_unread(start, &folder.path().join("log"));
    assert_eq!(heard(&socket), "READY=1");
    write_pair(folder.path());
    assert_eq!(heard(&socket), "RELOADING=1");
    assert_eq!(heard(&socket), "READY=1");
    server.signal("TERM");
    assert_eq!(heard(&socket), "STOPPING=1");
}
