//! The review on a port of its own.
#![cfg(unix)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::support::server::{Server, TOKEN, program};

fn ask(port: u16, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn review_port(server: &Server) -> u16 {
    let line = server
        .banner
        .iter()
        .find(|line| line.contains("Review a class at"))
        .unwrap();
    let (_, rest) = line.split_once("http://localhost:").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

fn log_of(mut server: Server) -> String {
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let mut log = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    log
}

#[test]
fn the_review_has_a_port_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("page")).unwrap();
    std::fs::write(folder.path().join("page/index.html"), "the exercise").unwrap();
    let server = Server::start(program(
        folder.path(),
        &[("REVIEW_LISTEN", "0"), ("STATIC_DIR", "page"), ("PUBLIC_ROOMS", "true")],
    ));
    let (main, review) = (server.port, review_port(&server));
    assert_ne!(main, review);
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    let link = format!("/review?token={TOKEN}");
    for (port, path, status) in [
        (main, "/", 200),
        (main, "/api/v1/rooms", 200),
        (main, "/api/v1/rooms?status=all", 404),
        (main, "/api/v1/sessions", 404),
        (main, "/review", 404),
        (main, link.as_str(), 404),
        (main, "/socket.io/?EIO=4&transport=polling", 200),
        (main, "/readyz", 200),
        (review, "/", 303),
        (review, "/api/v1/rooms?status=all", 200),
        (review, "/api/v1/sessions", 200),
        (review, "/review", 200),
        (review, link.as_str(), 303),
        (review, "/socket.io/?EIO=4&transport=polling", 404),
        (review, "/checkUsername?username=a&roomname=b", 404),
        (review, "/readyz", 200),
    ] {
        let answer = ask(port, path, &token);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{port} {path}: {answer}"
        );
    }
    let log = log_of(server);
    assert!(!log.contains("REVIEW_LISTEN"), "{log}");

    let log = log_of(Server::start(program(folder.path(), &[("STATIC_DIR", "page")])));
    assert_eq!(log.matches("REVIEW_LISTEN").count(), 1, "{log}");
}

#[test]
fn a_port_that_is_taken_is_named_by_its_own_setting() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("127.0.0.1:{}", taken.local_addr().unwrap().port());
    let output = program(folder.path(), &[("REVIEW_LISTEN", &listen)]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("is taken") && told.contains("variable REVIEW_LISTEN"),
        "{told}"
    );
    assert!(!told.contains("variable PORT"), "{told}");
}
