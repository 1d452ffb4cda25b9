//! A real server in a process of its own, with a folder of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::database::Schema;
use crate::support::seed::Seed;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_chatroom-server");

/// What a reviewer shows in these tests.
pub(crate) const TOKEN: &str = "token-of-the-integration-tests";

/// For clients that come and go more often than people do, all from one address.
pub(crate) const NO_RATES: [(&str, &str); 7] = [
    ("HANDSHAKES_PER_ADDRESS", "0"),
    ("JOINS_PER_ADDRESS", "0"),
    ("JOINS_PER_ROOM", "0"),
    ("JOINS_PER_SOCKET", "0"),
    ("MAX_TAKEOVERS", "0"),
    ("READS_PER_ADDRESS", "0"),
    ("ROOMS_PER_ADDRESS", "0"),
];

/// A command with no environment but what is given, in a directory of its own.
pub(crate) fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

/// The program with a free port, a reviewer's token, the history where it is to be, and these variables.
pub(crate) fn program(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = command(PROGRAM, folder);
    let is_told = variables.iter().any(|(name, _)| *name == "DATABASE_URL");
    if let Some(schema) = Schema::of(folder).filter(|_| !is_told) {
        command.envs(schema.variables());
    }
    command
        .env("REVIEW_TOKEN", TOKEN)
        .env("PORT", "0")
        .envs(variables.iter().copied());
    command
}

/// How a program ended, and all that it said.
pub(crate) fn said(output: &Output) -> (Option<i32>, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// A port that no outgoing connection takes while the server is down.
pub(crate) fn steady_port(seed: &mut Seed) -> u16 {
    loop {
        let port = 12_000 + seed.below(20_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) port: u16,
    pub(crate) banner: Vec<String>,
}

impl Server {
    /// Starts it and waits until it has said where it is. Its log is there to read in `child.stderr`.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        Self::spawn(command)
    }

    /// Starts it with a log that nobody reads: a pipe that fills up would stop it.
    pub(crate) fn start_unread(mut command: Command, log: &Path) -> Self {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        command.stderr(file);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut banner = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            banner.push(line.unwrap());
            if banner.last().unwrap().contains("Ctrl-C") {
                break;
            }
        }
        let origin = banner.iter().find_map(|line| line.split_once("://localhost:"));
        let (_, port) = origin.expect("the server starts");
        let port = port.split('/').next().unwrap().parse().unwrap();
        Self { child, port, banner }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn ask(&self, path: &str) -> std::io::Result<String> {
        self.request(path, "")
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ask("/readyz").unwrap().starts_with("HTTP/1.1 200")
    }

    pub(crate) fn ask_as_reviewer(&self, path: &str) -> std::io::Result<String> {
        self.request(path, &format!("authorization: Bearer {TOKEN}\r\n"))
    }

    /// What a reviewer's program posts as JSON.
    pub(crate) fn post_as_reviewer(&self, path: &str, body: &serde_json::Value) -> std::io::Result<String> {
        let body = body.to_string();
        let headers = format!(
            "authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        self.exchange("POST", path, &headers, &body)
    }

    pub(crate) fn request(&self, path: &str, headers: &str) -> std::io::Result<String> {
        self.exchange("GET", path, headers, "")
    }

    pub(crate) fn exchange(&self, method: &str, path: &str, headers: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One with times of grace and for empty sessions that run out during the test, and no limit on how often its clients come and go.
pub(crate) fn with_short_times(folder: &Path, port: u16) -> Command {
    let port = port.to_string();
    let variables = [
        ("PORT", port.as_str()),
        ("RESUME_GRACE", "500ms"),
        ("RESTART_GRACE", "1s"),
        ("SESSION_LINGER", "300ms"),
    ];
    let mut program = program(folder, &variables);
    program.envs(NO_RATES);
    // So that every refusal is an entry of its own, however many a fast machine makes.
    for limit in ["REFUSALS_PER_SOCKET", "REFUSALS_PER_ADDRESS", "REFUSALS_PER_ROOM"] {
        program.env(limit, "0");
    }
    program
}

/// The session's page as text.
pub(crate) fn session_page(server: &Server, session: &Value) -> String {
    let cookie = server
        .ask(&format!("/review?token={TOKEN}"))
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .and_then(|cookie| cookie.split(';').next().map(str::to_owned))
        .expect("the link signs in");
    let path = format!("/review/sessions/{}", session.as_str().unwrap());
    let page = server.request(&path, &format!("cookie: {cookie}\r\n")).unwrap();
    // Names are isolated from the text around them.
    page.replace(['\u{2068}', '\u{2069}'], "").replace("&#39;", "'")
}
