//! The question whether a server is ready, as a container's manager asks it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::seed::Seed;
use crate::support::server::{PROGRAM, Server, command, program, said, steady_port};

/// Asks with these variables: the exit code, and all that is said.
fn asked(folder: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut asking = command(PROGRAM, folder);
    asking.arg("healthcheck").envs(variables.iter().copied());
    said(&asking.output().unwrap())
}

#[test]
fn a_server_is_asked_with_its_own_settings_until_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let port = steady_port(&mut Seed::from_env("PORT_SEED")).to_string();
    let settings = [("PORT", port.as_str()), ("HOST", "0.0.0.0"), ("BASE_PATH", "/signal")];
    let token = [("REVIEW_TOKEN", "a-token-of-my-own-that-is-long")];
    let mut server = Server::start(program(folder.path(), &[&settings[..], &token].concat()));
    assert_eq!(
        asked(folder.path(), &settings),
        (Some(0), "The server is ready.\n".to_owned())
    );

    let (code, text) = asked(folder.path(), &settings[..2]);
    assert!(
        code == Some(1) && text.contains("with this BASE_PATH: it says 404"),
        "{text}"
    );

    // Signaling goes on, but nothing is written to where anybody finds it.
    std::fs::rename(folder.path().join("chatroom.db"), folder.path().join("moved.db")).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let text = loop {
        match asked(folder.path(), &settings) {
            (Some(0), _) if Instant::now() < end => {}
            (code, text) => break format!("{code:?} {text}"),
        }
    };
    let start = "Some(1) the server is not ready: The database was removed or replaced";
    assert!(text.starts_with(start) && text.lines().count() == 1, "{text}");

    server.signal("TERM");
    server.exit_code();
    let (code, text) = asked(folder.path(), &settings);
    assert!(
        code == Some(1) && text.starts_with("no server answers at port"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_server_that_speaks_https_is_asked_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let port = steady_port(&mut Seed::from_env("PORT_SEED")).to_string();
    let settings = [("PORT", port.as_str()), ("TLS", "self-signed")];
    let _server = Server::start(program(folder.path(), &settings));
    assert_eq!(
        asked(folder.path(), &settings),
        (Some(0), "The server is ready.\n".to_owned())
    );
    let (code, text) = asked(folder.path(), &settings[..1]);
    assert!(code == Some(1) && text.contains("is no chatroom-server"), "{text}");
}

#[test]
fn a_port_that_nobody_can_know_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = asked(folder.path(), &[("PORT", "0")]);
    assert!(code == Some(1) && text.starts_with("PORT is 0"), "{text}");
}

#[test]
fn what_is_no_server_of_ours_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let answering = thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let (code, text) = asked(folder.path(), &[("PORT", &port), ("HOST", "127.0.0.1")]);
    assert!(code == Some(1) && text.contains("is no chatroom-server"), "{text}");
    answering.join().unwrap();
}
