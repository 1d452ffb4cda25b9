//! Several nodes that are one server, beside socket.io's servers with its adapters: what a message costs that goes from one of
//! them to another, how many joins they take together, how soon one hears what another has written, and how fast the rooms of a
//! dead node go on.

mod feed;
mod peers;
mod takeover;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use chatroom_testkit::Postgres;

use self::peers::Peers;
use crate::rows::{joins, relay};
use crate::subject::{Kind, Subject, Target};

/// What each page sends once in so many milliseconds: all of them together 1,000 a second, which two Node servers take, too.
const TURN_MS: u64 = 40;

/// How many pages join and leave.
const JOINING: usize = 200;

/// Figures by name, of one run of everything.
pub type Figures = Vec<(&'static str, f64)>;

/// Nodes of ours, and their PostgreSQL.
pub(crate) struct Nodes {
    pub(crate) all: Vec<Subject>,
    database: Postgres,
}

impl Nodes {
    async fn start(count: u16) -> Result<Self> {
        let database = Postgres::own(&[]);
        let url = database.url(&database.empty_database().await);
        let mut all = Vec::new();
        for number in 1..=count {
            all.push(Subject::start_node(number, &url).await?);
        }
        Ok(Self { all, database })
    }

    fn target(&self) -> Result<Target> {
        let mut processes: Vec<u32> = self.all.iter().map(|node| node.pid).collect();
        processes.push(postmaster(&self.database)?);
        Ok(Target {
            kind: Kind::Ours,
            addresses: self.all.iter().map(|node| node.address).collect(),
            processes,
        })
    }
}

/// The process of a PostgreSQL, whose children are its others: beside its socket it says which.
pub(crate) fn postmaster(database: &Postgres) -> Result<u32> {
    let address = database.address();
    let value = |name| {
        let rest = address.split_once(name).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split('&').next())
    };
    let (folder, port) = value("host=").zip(value("port=")).context("no socket")?;
    let lock = PathBuf::from(folder).join(format!(".s.PGSQL.{port}.lock"));
    let text = std::fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
    Ok(text.lines().next().unwrap_or_default().trim().parse()?)
}

/// Measures everything once.
///
/// # Errors
/// If a server fails.
pub async fn run() -> Result<Figures> {
    let mut figures = Vec::new();
    let one = Nodes::start(1).await?;
    messages(&one.target()?, &ONE, &mut figures).await?;
    drop(one);
    let two = Nodes::start(2).await?;
    messages(&two.target()?, &TWO, &mut figures).await?;
    drop(two);
    let redis = Peers::on_redis().await?;
    messages(&redis.target()?, &REDIS, &mut figures).await?;
    drop(redis);
    let postgres = Peers::on_postgres().await?;
    messages(&postgres.target()?, &POSTGRES, &mut figures).await?;
    drop(postgres);
    for (count, name) in [(1, JOINS_ONE), (2, JOINS_TWO), (3, JOINS_THREE)] {
        let nodes = Nodes::start(count).await?;
        let measured = joins::crowd(&nodes.target()?, JOINING).await?;
        figures.push((name, measured.per_second()));
    }
    figures.extend(feed::run(Nodes::start(2).await?).await?);
    figures.extend(takeover::run(Nodes::start(2).await?).await?);
    Ok(figures)
}

async fn messages(target: &Target, names: &[&'static str; 4], figures: &mut Figures) -> Result<()> {
    let (closed, _) = relay::as_fast_as_it_goes(target, || Ok(Duration::ZERO)).await?;
    let pace = relay::at_pace(target, TURN_MS).await?;
    let [cpu, rate, p50, p99] = *names;
    figures.push((cpu, closed.cpu_us_each()));
    figures.push((rate, closed.per_second()));
    figures.push((p50, pace.latency_ms(0.5)));
    figures.push((p99, pace.latency_ms(0.99)));
    Ok(())
}

const ONE: [&str; 4] = [
    "relay within one node: CPU in all for each message, µs",
    "relay within one node: messages/s, closed loop",
    "relay within one node: p50 at 1,000 messages/s, ms",
    "relay within one node: p99 at 1,000 messages/s, ms",
];
const TWO: [&str; 4] = [
    "relay across two nodes: CPU in all for each message, µs",
    "relay across two nodes: messages/s, closed loop",
    "relay across two nodes: p50 at 1,000 messages/s, ms",
    "relay across two nodes: p99 at 1,000 messages/s, ms",
];
const REDIS: [&str; 4] = [
    "socket.io across two processes with Redis: CPU in all for each message, µs",
    "socket.io across two processes with Redis: messages/s, closed loop",
    "socket.io across two processes with Redis: p50 at 1,000 messages/s, ms",
    "socket.io across two processes with Redis: p99 at 1,000 messages/s, ms",
];
const POSTGRES: [&str; 4] = [
    "socket.io across two processes with PostgreSQL: CPU in all for each message, µs",
    "socket.io across two processes with PostgreSQL: messages/s, closed loop",
    "socket.io across two processes with PostgreSQL: p50 at 1,000 messages/s, ms",
    "socket.io across two processes with PostgreSQL: p99 at 1,000 messages/s, ms",
];
const JOINS_ONE: &str = "joins/s of one node, 200 pages";
const JOINS_TWO: &str = "joins/s of two nodes, 200 pages";
const JOINS_THREE: &str = "joins/s of three nodes, 200 pages";

/// A table of the medians of several runs, with what they should be.
#[must_use]
pub fn table(runs: &[Figures]) -> String {
    let of = |name: &str| {
        let values = runs.iter().flatten().filter(|(other, _)| *other == name);
        let mut values: Vec<f64> = values.map(|(_, value)| *value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[(values.len() - 1) / 2]
    };
    let names = runs.first().into_iter().flatten().map(|(name, _)| *name);
    let lines = names.map(|name| {
        let value = of(name);
        let judge = |most: f64| if value <= most { "yes" } else { "**no**" };
        let goal = match name {
            _ if name == TWO[0] => format!("≤ 0.5 × Redis: {}", judge(0.5 * of(REDIS[0]))),
            _ if name == TWO[3] => format!("≤ Redis: {}", judge(of(REDIS[3]))),
            takeover::FIRST => format!("≤ 5: {}", judge(5.0)),
            takeover::TAKEN => format!("≤ 3: {}", judge(3.0)),
            _ => String::new(),
        };
        format!("| {name} | {value:.2} | {goal} |\n")
    });
    format!(
        "| figure | | to reach |\n| --- | ---: | --- |\n{}",
        lines.collect::<String>()
    )
}
