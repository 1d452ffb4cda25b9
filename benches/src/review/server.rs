//! The server on a history that is there already, and one connection to it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const TOKEN: &str = "the-review-is-asked-with-this";
/// The core that the server has for itself; whoever asks has another.
const SERVERS_CORE: &str = "0";
/// Longer than any start that is worth waiting for.
const STARTS_WITHIN: Duration = Duration::from_secs(120);

/// A server that runs.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) pid: u32,
    child: Child,
}

impl Server {
    /// Starts it, and says how long it took until it was ready.
    pub(super) async fn start(database: &OsStr) -> Result<(Self, Duration)> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let begun = Instant::now();
        let child = Command::new("taskset")
            .args(["--cpu-list", SERVERS_CORE])
            .arg(std::env::current_exe()?.with_file_name("chatroom-server"))
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            // Not as an argument, which everybody on the machine can read: it may have a password.
            .env("DATABASE_URL", database)
            .env("REVIEW_TOKEN", TOKEN)
            .env("RESTART_GRACE", "1h")
            .envs([crate::process::log_level()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("taskset (util-linux) is needed")?;
        let pid = child.id().context("it has ended")?;
        let mut server = Self { address, pid, child };
        while !server.is_ready().await {
            ensure!(server.child.try_wait()?.is_none(), "the server ended at its start");
            ensure!(begun.elapsed() < STARTS_WITHIN, "the server does not start");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok((server, begun.elapsed()))
    }

    /// Ends it as a crash does.
    pub(super) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut reader) = Reader::connect(self.address).await else {
            return false;
        };
        reader.get("/readyz").await.is_ok()
    }
}

/// A reader with the token.
pub(super) struct Reader {
    requests: SendRequest<Empty<Bytes>>,
    address: SocketAddr,
}

impl Reader {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { requests, address })
    }

    /// Asks for a path and reads all of the answer.
    pub(super) async fn get(&mut self, path: &str) -> Result<Bytes> {
        self.requests.ready().await?;
        let request = Request::get(path)
            .header("host", self.address.to_string())
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Empty::new())?;
        let response = self.requests.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(
            status == StatusCode::OK,
            "{path}: {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }
}
