//! Two processes of socket.io with one of its adapters.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chatroom_testkit::Postgres;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::postmaster;
use crate::subject::{Kind, Target, folder, told_address};

/// How long Redis may take to answer.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// Two servers of socket.io, and what stands between them.
pub(super) struct Peers {
    nodes: Vec<(Child, SocketAddr)>,
    between: Between,
    _folder: TempDir,
}

enum Between {
    Redis(Child),
    Postgres(Box<Postgres>),
}

impl Peers {
    pub(super) async fn on_redis() -> Result<Self> {
        let folder = folder()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let redis = Command::new("taskset")
            .args([
                "--cpu-list",
                "0,1",
                "redis-server",
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--port",
            ])
            .arg(port.to_string())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("taskset (util-linux) is needed")?;
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(
                begun.elapsed() < STARTS_WITHIN,
                "redis-server does not start (Debian: apt-get install redis-server)"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self::start(
            "redis",
            &format!("redis://127.0.0.1:{port}"),
            Between::Redis(redis),
            folder,
        )
        .await
    }

    pub(super) async fn on_postgres() -> Result<Self> {
        let database = Postgres::own(&[]);
        let url = database.url(&database.empty_database().await);
        Self::start("postgres", &url, Between::Postgres(Box::new(database)), folder()?).await
    }

    async fn start(adapter: &str, url: &str, between: Between, folder: TempDir) -> Result<Self> {
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peer/cluster.js");
            let mut child = Command::new("taskset")
                .args(["--cpu-list", "0,1", "node", script, adapter, url])
                .env("NODE_ENV", "production")
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .context("taskset (util-linux) and node are needed")?;
            let address = tokio::time::timeout(STARTS_WITHIN, told_address(&mut child)).await??;
            nodes.push((child, address));
        }
        Ok(Self {
            nodes,
            between,
            _folder: folder,
        })
    }

    pub(super) fn target(&self) -> Result<Target> {
        let mut processes = vec![match &self.between {
            Between::Redis(child) => child.id().context("redis-server has ended")?,
            Between::Postgres(database) => postmaster(database)?,
        }];
        for (child, _) in &self.nodes {
            processes.push(child.id().context("node has ended")?);
        }
        Ok(Target {
            kind: Kind::Node,
            addresses: self.nodes.iter().map(|(_, address)| *address).collect(),
            processes,
        })
    }
}
