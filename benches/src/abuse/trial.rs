//! One attack beside a class, on a server of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use super::attacks::{Attack, Tally};
use super::class::{Class, Service};
use super::front::Front;
use super::source::Source;
use super::{huge, ledger};
use crate::process;
use crate::subject::{self, Limits, Subject, Terms};

/// What the names of the class's rooms begin with.
pub(super) const CLASS: &str = "class";
/// What the reviewer shows.
pub(super) const TOKEN: &str = "the-review-is-asked-with-this";

const THEIR_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ANOTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const WARM_UP: Duration = Duration::from_secs(2);
/// What an attacker may take to begin and to end.
const SLACK: Duration = Duration::from_secs(30);

/// How long the parts of a trial last, and where the attack comes from.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The attack, and what it is compared with.
    pub during: Duration,
    /// From the end of the attack to the second look at the memory.
    pub after: Duration,
    /// Whether it comes from the class's own address.
    pub from_the_class: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Without the attack.
    pub before: Service,
    /// With it.
    pub during: Service,
    /// A minute after it.
    pub after: Service,
    /// Resident memory before, at the end of the attack, and a minute later, in bytes.
    pub memory: [u64; 3],
    /// How much of what the class was told is not in the history.
    pub lost: usize,
    /// Of how much.
    pub told: usize,
    /// How long the stop took.
    pub stop: Duration,
    /// What the attacker says.
    pub tally: Tally,
}

/// A server after an attack, with its class still in it. Others may be attacked meanwhile: it only stays.
pub struct Aftermath {
    attack: Attack,
    server: Subject,
    class: Class,
    /// What the class goes through.
    _front: Front,
    before: Service,
    during: Service,
    memory: [u64; 2],
    memory_after: JoinHandle<Result<u64>>,
    tally: Tally,
}

/// Starts a server, a class and the attack, and returns after the attack.
///
/// # Errors
/// If the server fails altogether.
pub async fn run(attack: Attack, plan: Plan) -> Result<Aftermath> {
    let folder = subject::folder()?;
    if attack == Attack::Review {
        huge::make(&folder.path().join("chatroom.db")).await?;
    }
    let mut variables = vec![("REVIEW_TOKEN", TOKEN.to_owned())];
    if attack.is_of_tls() {
        variables.push(("TLS", "self-signed".to_owned()));
    }
    let terms = Terms {
        variables,
        files: attack.files(),
        limits: Limits::Defaults,
        quiet: true,
    };
    let server = Subject::start_on_terms(folder, terms).await?;
    let mut front = Front::default();
    let entrance = if attack.is_of_tls() {
        let (from, server) = (THEIR_ADDRESS, server.address);
        front.open(Source { from, server }).await?
    } else {
        server.address
    };
    let class = Class::start(THEIR_ADDRESS, entrance).await?;
    sleep(WARM_UP).await;
    class.service();
    sleep(plan.during).await;
    let before = class.service();
    let memory_before = process::resident(server.pid)?;

    let tally = attack_with(attack, &server, plan).await?;
    let during = class.service();
    let memory_at_end = process::resident(server.pid).context("the server died")?;
    class.rest();
    let pid = server.pid;
    Ok(Aftermath {
        attack,
        server,
        class,
        _front: front,
        before,
        during,
        memory: [memory_before, memory_at_end],
        memory_after: spawn_local(async move {
            sleep(plan.after).await;
            process::resident(pid)
        }),
        tally,
    })
}

impl Aftermath {
    /// What it comes after.
    pub fn attack(&self) -> Attack {
        self.attack
    }

    /// Whether its time is over.
    pub fn is_over(&self) -> bool {
        self.memory_after.is_finished()
    }

    /// Waits for its end, stops the server and looks into the history.
    ///
    /// # Errors
    /// If the server has died, or does not stop.
    pub async fn outcome(self) -> Result<Outcome> {
        let memory_after = self.memory_after.await?.context("the server died")?;
        let after = self.class.service();
        let told = self.class.end();
        let (folder, stop) = self.server.finish().await?;
        let [before, at_end] = self.memory;
        Ok(Outcome {
            before: self.before,
            during: self.during,
            after,
            memory: [before, at_end, memory_after],
            lost: ledger::lost(&folder.path().join("chatroom.db"), &told).await?,
            told: told.len(),
            stop,
            tally: self.tally,
        })
    }
}

/// The attacker is a process of its own, which runs when the class does not: what it takes of the core that it shares with
/// the class is not to be mistaken for the server's slowness.
async fn attack_with(attack: Attack, server: &Subject, plan: Plan) -> Result<Tally> {
    let from = if plan.from_the_class { THEIR_ADDRESS } else { ANOTHER };
    let child = Command::new("chrt")
        .args(["--idle", "0"])
        .arg(std::env::current_exe()?)
        .args(["--attacker", &attack.name()])
        .args(["--from", &from.to_string(), "--server", &server.address.to_string()])
        .args(["--seconds", &plan.during.as_secs().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = timeout(plan.during + SLACK, child.wait_with_output())
        .await
        .context("the attacker does not end")??;
    ensure!(output.status.success(), "the attacker failed");
    let told = String::from_utf8(output.stdout)?;
    Tally::read(told.trim()).with_context(|| format!("the attacker said {told}"))
}
