//! What is measured: the server, a Node server that does the same work, and the least that any relay does.

use std::fmt;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chatroom_testkit::Postgres;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::process;

/// The review's token at measured nodes.
pub(crate) const NODES_TOKEN: &str = "what-all-nodes-of-a-measured-cluster-ask-for";

/// The core that a subject has for itself, as `taskset` is told; the load has the other one.
const OWN_CORE: &str = "0";
/// Both cores, one of which the load uses, too.
const BOTH_CORES: &str = "0,1";

/// What one address, one connection or one pair may do, raised for a load that comes from one address and is faster than
/// any class. None is off: that the server counts is part of what is measured.
const RAISED: [(&str, &str); 17] = [
    ("BYTES_PER_SOCKET", "1GiB"),
    ("HANDSHAKES_PER_ADDRESS", "100000"),
    ("JOINS_PER_ADDRESS", "1000000"),
    ("JOINS_PER_ROOM", "1000000"),
    ("JOINS_PER_SOCKET", "1000000"),
    ("MAX_CONNECTIONS", "100000"),
    ("MAX_CONNECTIONS_PER_ADDRESS", "100000"),
    ("MAX_HELD_MEMORY", "4GiB"),
    ("MAX_HELD_PER_ADDRESS", "4GiB"),
    ("MAX_UNJOINED_PER_ADDRESS", "100000"),
    ("MAX_WAITING_PER_PAIR", "1GiB"),
    ("MESSAGES_PER_SOCKET", "1000000"),
    ("READS_PER_ADDRESS", "1000000"),
    ("REFUSALS_PER_ADDRESS", "1000000"),
    ("RELAYS_PER_PAIR", "1000000"),
    ("ROOMS_PER_ADDRESS", "1000000"),
    ("TURN_CREDENTIALS_PER_MEMBER", "1000000"),
];

/// How long a subject may take to listen.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// chatroom-server, history on, all checks on.
    Ours,
    /// The same with a PostgreSQL of its own, on any of the cores, whose CPU is not counted as the server's.
    OnPostgres,
    /// Plain Socket.IO on Node: the same events and answers, rooms in memory, no history.
    Node,
    /// The same, with joins and leaves on disk before they are told, in chatroom-server's own tables.
    NodeTables,
    /// The same, in the leanest tables that say who was there.
    NodeLean,
    /// A bare WebSocket relay on the same WebSocket library: finds the target and forwards.
    Floor,
    /// The same, but what waits for a target goes out with one write, as it does in our server.
    Gatherer,
}

impl Kind {
    /// Whether it is a relay that knows neither rooms nor Socket.IO.
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Floor | Self::Gatherer)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "chatroom-server",
            Self::OnPostgres => "chatroom-server on PostgreSQL",
            Self::Node => "Node",
            Self::NodeTables => "durable Node",
            Self::NodeLean => "lean durable Node",
            Self::Floor => "floor",
            Self::Gatherer => "gathering floor",
        })
    }
}

/// A server that runs.
pub struct Subject {
    /// What it is.
    pub kind: Kind,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    child: Child,
    /// Its history, gone with it.
    folder: TempDir,
    history: HistoryPlace,
    cores: &'static str,
    terms: Terms,
}

/// Where chatroom-server keeps the history.
struct HistoryPlace {
    url: String,
    /// Ends with the subject.
    _server: Option<Postgres>,
}

impl HistoryPlace {
    async fn of(kind: Kind, folder: &Path) -> Self {
        if kind == Kind::OnPostgres {
            let server = Postgres::own(&[]);
            let url = server.url(&server.empty_database().await);
            Self {
                url,
                _server: Some(server),
            }
        } else {
            Self {
                url: format!("sqlite://{}/chatroom.db", folder.display()),
                _server: None,
            }
        }
    }
}

/// On what terms chatroom-server starts.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Variables of its environment.
    pub variables: Vec<(&'static str, String)>,
    /// How many files it may have open. `None` is as many as we may.
    pub files: Option<u32>,
    /// What its limits are.
    pub limits: Limits,
    /// Whether what it logs goes to a file beside its history instead of to the terminal.
    pub quiet: bool,
}

impl Terms {
    fn with(variables: &[(&'static str, &str)]) -> Self {
        Self {
            variables: variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            ..Self::default()
        }
    }
}

/// What takes a load: one server, or several that are one.
#[derive(Debug, Clone)]
pub struct Target {
    /// What its servers are.
    pub kind: Kind,
    /// Where they listen.
    pub addresses: Vec<SocketAddr>,
    /// All processes that work for it; those that they start are counted with them.
    pub processes: Vec<u32>,
}

impl Target {
    /// The CPU time of all its processes.
    ///
    /// # Errors
    /// If one has ended.
    pub fn cpu(&self) -> Result<Duration> {
        self.processes.iter().map(|pid| process::cpu_with_children(*pid)).sum()
    }
}

/// What chatroom-server allows one address, one connection or one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// More than any load does, but it is counted.
    #[default]
    Raised,
    /// What a class gets.
    Defaults,
    /// Anything, and nothing is counted.
    Off,
}

impl Subject {
    /// Starts one with nothing in it on a core of its own, and waits until it listens.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(kind: Kind) -> Result<Self> {
        Self::start_on(kind, OWN_CORE).await
    }

    /// The same with both cores, as far as the load leaves them.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_on_both(kind: Kind) -> Result<Self> {
        Self::start_on(kind, BOTH_CORES).await
    }

    /// Starts chatroom-server with both cores and without any limit.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_without_limits() -> Result<Self> {
        let terms = Terms {
            limits: Limits::Off,
            ..Terms::default()
        };
        Self::start_in(folder()?, Kind::Ours, BOTH_CORES, terms).await
    }

    /// Starts chatroom-server with both cores and these variables.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_with(kind: Kind, variables: &[(&'static str, &str)]) -> Result<Self> {
        Self::start_in(folder()?, kind, BOTH_CORES, Terms::with(variables)).await
    }

    /// Starts chatroom-server with both cores as the node of that number of those that share a database of PostgreSQL.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_node(number: u16, database: &str) -> Result<Self> {
        let terms = Terms::with(&[
            ("NODE_ID", &number.to_string()),
            ("CLUSTER_LISTEN", "127.0.0.1:0"),
            ("CLUSTER_SECRET", "what-all-nodes-of-a-measured-cluster-know"),
            ("REVIEW_TOKEN", NODES_TOKEN),
        ]);
        let history = HistoryPlace {
            url: database.to_owned(),
            _server: None,
        };
        Self::start_on_history(folder()?, history, Kind::Ours, BOTH_CORES, terms).await
    }

    /// It as what takes a load.
    pub fn target(&self) -> Target {
        Target {
            kind: self.kind,
            addresses: vec![self.address],
            processes: vec![self.pid],
        }
    }

    async fn start_on(kind: Kind, cores: &'static str) -> Result<Self> {
        Self::start_in(folder()?, kind, cores, Terms::default()).await
    }

    /// Starts chatroom-server on a core of its own, with the history that a [`folder`] has, if it has one.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_on_terms(folder: TempDir, terms: Terms) -> Result<Self> {
        Self::start_in(folder, Kind::Ours, OWN_CORE, terms).await
    }

    async fn start_in(folder: TempDir, kind: Kind, cores: &'static str, terms: Terms) -> Result<Self> {
        let history = HistoryPlace::of(kind, folder.path()).await;
        Self::start_on_history(folder, history, kind, cores, terms).await
    }

    async fn start_on_history(
        folder: TempDir,
        history: HistoryPlace,
        kind: Kind,
        cores: &'static str,
        terms: Terms,
    ) -> Result<Self> {
        let (child, address) = launch(kind, 0, folder.path(), &history.url, cores, &terms).await?;
        Ok(Self {
            kind,
            address,
            pid: child.id().context("it has ended")?,
            child,
            folder,
            history,
            cores,
            terms,
        })
    }

    /// Kills it (SIGKILL), and starts it again with the same port and history.
    ///
    /// # Errors
    /// If it does not start again.
    pub async fn restart(&mut self) -> Result<()> {
        self.child.kill().await?;
        let (folder, port) = (self.folder.path(), self.address.port());
        let (child, _) = launch(self.kind, port, folder, &self.history.url, self.cores, &self.terms).await?;
        self.pid = child.id().context("it has ended")?;
        self.child = child;
        Ok(())
    }

    /// Where its history is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it had ended before.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended by itself: {status}", self.kind);
        }
        self.child.kill().await?;
        Ok(())
    }

    /// Stops it in order (SIGTERM), and gives its history and how long that took.
    ///
    /// # Errors
    /// If it had ended before, or does not end.
    pub async fn finish(mut self) -> Result<(TempDir, Duration)> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended by itself: {status}", self.kind);
        }
        let begun = Instant::now();
        Command::new("kill").arg(self.pid.to_string()).status().await?;
        tokio::time::timeout(STARTS_WITHIN, self.child.wait())
            .await
            .context("it does not stop")??;
        Ok((self.folder, begun.elapsed()))
    }
}

/// A folder for a history, gone when it is dropped.
///
/// # Errors
/// If there is no room.
pub fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("chatroom-bench").tempdir()?)
}

async fn launch(
    kind: Kind,
    port: u16,
    folder: &Path,
    history: &str,
    cores: &str,
    terms: &Terms,
) -> Result<(Child, SocketAddr)> {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", cores]);
    match kind {
        Kind::Ours | Kind::OnPostgres => {
            if let Some(files) = terms.files {
                command.args(["prlimit", &format!("--nofile={files}:{files}")]);
            }
            match terms.limits {
                Limits::Raised => _ = command.envs(RAISED),
                Limits::Defaults => {}
                Limits::Off => _ = command.envs(RAISED.map(|(variable, _)| (variable, "0"))),
            }
            command
                .envs([process::log_level()])
                .envs(terms.variables.iter().map(|(name, value)| (name, value)));
            if terms.quiet {
                command.stderr(File::create(folder.join("log"))?);
            }
            command.arg(beside_us("chatroom-server")?);
            command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
            command.args(["--database-url", history]);
        }
        Kind::Node => _ = node(&mut command, port),
        Kind::NodeTables => _ = node(&mut command, port).args(["tables", "peer.db"]),
        Kind::NodeLean => _ = node(&mut command, port).args(["lean", "peer.db"]),
        Kind::Floor => {
            command.arg(beside_us("floor")?).arg(port.to_string());
        }
        Kind::Gatherer => {
            command.arg(beside_us("floor")?).args([&port.to_string(), "gather"]);
        }
    }
    let mut child = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("taskset (util-linux) and node are needed")?;
    let address = tokio::time::timeout(STARTS_WITHIN, told_address(&mut child))
        .await
        .with_context(|| format!("{kind} does not start"))?
        .with_context(|| format!("{kind} ended at its start"))?;
    Ok((child, address))
}

fn node(command: &mut Command, port: u16) -> &mut Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peer/server.js");
    command
        .args(["node", script, &port.to_string()])
        .env("NODE_ENV", "production")
}

fn beside_us(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// Each subject says where it listens, as `http://…:PORT` or `https://…:PORT` at the end of a line; all listen on 127.0.0.1.
pub(crate) async fn told_address(child: &mut Child) -> Result<SocketAddr> {
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        let address = line.split_once("http://").or_else(|| line.split_once("https://"));
        if let Some((_, address)) = address {
            let (_, port) = address.rsplit_once(':').context("it told no port")?;
            // Whatever else it says must find a reader, for as long as it runs.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((Ipv4Addr::LOCALHOST, port.parse()?).into());
        }
    }
    bail!("it said nothing of an address")
}
