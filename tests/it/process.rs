//! The program as the user starts and stops it.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::support::server::{PROGRAM, Server, command};

fn output(folder: &Path, flags: &[&str]) -> Output {
    command(PROGRAM, folder).args(flags).output().unwrap()
}

#[test]
fn a_server_tells_where_it_is_and_stops_at_either_signal() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, from_file) in [("TERM", false), ("INT", true)] {
        let mut start = command(PROGRAM, folder.path());
        start.args(["--port", "0"]);
        if from_file {
            std::fs::write(folder.path().join(".env"), "REVIEW_TOKEN=a-token-of-my-own\n").unwrap();
        }
        let mut server = Server::start(start);
        let banner = server.banner.join("\n");
        assert!(server.banner.len() <= 10, "{banner}");
        assert_eq!(banner.contains("review?token="), !from_file, "{banner}");
        assert!(!banner.contains("a-token-of-my-own"), "{banner}");
        assert!(banner.contains(folder.path().to_str().unwrap()), "{banner}");
        let _idle = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let asked = Instant::now();
        server.signal(signal);
        assert_eq!(server.exit_code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_link_to_the_review_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let link = || {
        let mut start = command(PROGRAM, folder.path());
        start.args(["--port", "0"]);
        let mut server = Server::start(start);
        let banner = server.banner.join("\n");
        let (_, rest) = banner.split_once("/review?token=").unwrap();
        let token = rest.lines().next().unwrap().to_owned();
        let answer = server
            .request("/api/v1/sessions", &format!("authorization: Bearer {token}\r\n"))
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
        token
    };
    assert_eq!(link(), link());
}

#[test]
fn a_mistake_is_told_with_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (flags, code, part) in [
        (["--port", "x"], 2, "invalid value 'x' for '--port <PORT>'"),
        (["--prot", "1"], 2, "unexpected argument '--prot' found"),
        (["--port", port.as_str()], 1, "is taken"),
    ] {
        let output = output(folder.path(), &flags);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(part), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_setting_behind_a_command_is_told_where_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [["healthcheck", "--port", "4000"], ["check", "--host=::1", "--qr"]] {
        let output = output(folder.path(), &flags);
        let stderr = String::from_utf8(output.stderr).unwrap();
        let flag = flags[1].split('=').next().unwrap();
        let sentence = format!("{flag} is a setting of the server, which comes before the command");
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(&sentence), "{stderr}");
    }
}

#[test]
fn a_wrong_variable_is_named_and_a_secret_never_shown() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, value: &OsStr| {
        let output = command(PROGRAM, folder.path()).env(name, value).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(name), "{stderr}");
        stderr
    };
    assert!(told("PORT", OsStr::new("80a")).contains("80a"));
    assert!(told("LOG", OsStr::from_bytes(b"inf\xff")).contains("not valid UTF-8"));
    for secret in ["REVIEW_TOKEN", "TURN_SECRET"] {
        for wrong in [&b"seekrit of words"[..], b"seekrit\xff", &b"seekrit".repeat(40)] {
            let stderr = told(secret, OsStr::from_bytes(wrong));
            assert!(!stderr.contains("seekrit"), "{stderr}");
        }
        let shown = command(PROGRAM, folder.path())
            .env(secret, "seekrit")
            .arg("--help")
            .output();
        assert!(!String::from_utf8(shown.unwrap().stdout).unwrap().contains("seekrit"));
    }
}

#[test]
fn a_variable_wins_over_the_file_unless_it_is_empty_and_a_slip_in_the_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join(".env"),
        "PORT=x\nREVIEW_TOKEN=token-of-the-file\nRESUME_GRAVE=1s\n",
    )
    .unwrap();
    let mut start = command(PROGRAM, folder.path());
    start.envs([("PORT", "0"), ("REVIEW_TOKEN", ""), ("RETENTION", "")]);
    let mut server = Server::start(start);
    let answer = server.request("/api/v1/sessions", "authorization: Bearer token-of-the-file\r\n");
    assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
    server.signal("TERM");
    let log = std::io::read_to_string(server.child.stderr.take().unwrap()).unwrap();
    assert!(
        log.contains("RESUME_GRAVE, which is not a setting: did you mean RESUME_GRACE?"),
        "{log}"
    );
}

#[test]
fn help_and_version_go_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, part) in [("--help", "[env: RESUME_GRACE=]"), ("--version", "chatroom-server 0.")] {
        let output = output(folder.path(), &[flag]);
        assert!(output.status.success() && output.stderr.is_empty());
        assert!(String::from_utf8(output.stdout).unwrap().contains(part));
    }
}

#[test]
fn a_proxy_that_nobody_has_named_is_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut start = command(PROGRAM, folder.path());
    start.args(["--port", "0", "--trusted-proxies", "192.0.2.7"]);
    let mut server = Server::start(start);
    for _ in 0..3 {
        server.request("/", "x-forwarded-for: 198.51.100.1\r\n").unwrap();
    }
    server.signal("TERM");
    let log: Vec<_> = BufReader::new(server.child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    let told: Vec<_> = log.iter().filter(|line| line.contains("TRUSTED_PROXIES")).collect();
    assert_eq!(told.len(), 1, "{log:?}");
    assert!(told[0].contains("127.0.0.1"), "{log:?}");
}

fn start_with_few_files(folder: &Path, files: u32) -> Server {
    let mut start = command("/bin/sh", folder);
    start.args(["-c", &format!("ulimit -n {files}; exec {PROGRAM} --port 0")]);
    Server::start(start)
}

#[test]
fn silent_connections_keep_nobody_out_however_few_files_may_be_open() {
    let folder = tempfile::tempdir().unwrap();
    for files in [40, 256] {
        let mut server = start_with_few_files(folder.path(), files);
        let crowd: Vec<_> = (0..files + 50)
            .map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap())
            .collect();
        let asked = Instant::now();
        assert!(server.ask("/none").unwrap().starts_with("HTTP/1.1 404"));
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
        drop(crowd);
        let log: Vec<_> = BufReader::new(server.child.stderr.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .collect();
        let count = |text: &str| log.iter().filter(|line| line.contains(text)).count();
        assert_eq!(count("too low for MAX_CONNECTIONS"), 1, "{log:?}");
        assert_eq!(count("give way to new ones"), 1, "told once: {log:?}");
        assert_eq!(count("cannot be accepted"), 0, "{log:?}");
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start({
        let mut start = command(PROGRAM, folder.path());
        start.args(["--port", "0"]);
        start
    });
    // A request whose head is half sent holds the orderly stop up for a while.
    let mut half = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert!(server.ask("/").is_ok());
    server.signal("TERM");
    while TcpStream::connect(("127.0.0.1", server.port)).is_ok() {
        std::thread::yield_now();
    }
    server.signal("INT");
    assert_eq!(server.exit_code(), Some(130));
}
