//! How long the answers take, one after another over one connection.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use super::database::Database;
use super::questions::{self, PAGES, Question};
use super::samples::Samples;
use super::server::{Reader, Server};
use crate::member::{Identity, Member, connect_all, join_all};
use crate::process;
use crate::subject::Kind;

/// How long an answer may take, 99 times of 100.
const ANSWERS_WITHIN: Duration = Duration::from_millis(20);
/// How long a start may take.
const STARTS_WITHIN: Duration = Duration::from_secs(1);

/// Who is in a room meanwhile.
const LIVE_ROOMS: usize = 40;
const LIVE_MEMBERS: usize = 400;

/// Asks the server for all pages and lists of a history, and gives what it took as tables in Markdown. Those questions
/// alone whose titles hold `only`, if it is given.
///
/// # Errors
/// If the server fails, or refuses an answer.
pub async fn measure(database: Database<'_>, only: Option<&str>) -> Result<String> {
    let mut samples = Samples::pick(database.file).await?;
    if let Some(bytes) = database.bytes_on_server().await? {
        samples.bytes = bytes;
    }
    let mut starts = vec![("a stop", stop_and_start(database).await?)];
    let (server, _) = Server::start(database.address()).await?;
    let members = come(&server).await?;
    let mut lines = String::new();
    let mut reader = Reader::connect(server.address).await?;
    for question in questions::all(&samples) {
        if only.is_none_or(|only| question.title.contains(only)) {
            let cpu = process::cpu(server.pid)?;
            let took = ask(&mut reader, &question).await?;
            let cpu = process::cpu(server.pid)? - cpu;
            let line = line(question.title, took, cpu);
            eprint!("{line}");
            lines += &line;
        }
    }
    let memory = process::resident(server.pid)? >> 20;
    server.kill().await?;
    drop(members);
    let (server, took) = Server::start(database.address()).await?;
    starts.push(("a kill with 400 members", took));
    server.kill().await?;
    Ok(format!(
        "{}\nResident memory after all of it: {memory} MiB.\n\n{}\n\n{HEADING}{lines}",
        told_starts(&starts),
        told_size(&samples)
    ))
}

const HEADING: &str = "| asked for | requests | p50, ms | p99, ms | longest, ms | CPU each, ms | p99 ≤ 20 ms |\n\
    | --- | ---: | ---: | ---: | ---: | ---: | --- |\n";

/// The second start of two, so that what the first one has to repair is not counted here.
async fn stop_and_start(database: Database<'_>) -> Result<Duration> {
    Server::start(database.address()).await?.0.kill().await?;
    let (server, took) = Server::start(database.address()).await?;
    server.kill().await?;
    Ok(took)
}

fn told_starts(starts: &[(&str, Duration)]) -> String {
    let mut text = String::from("| start | until `/readyz`, ms | ≤ 1 s |\n| --- | ---: | --- |\n");
    for (after, took) in starts {
        let verdict = verdict(*took <= STARTS_WITHIN);
        // Writing to a string cannot fail.
        _ = writeln!(text, "| after {after} | {:.0} | {verdict} |", ms(*took));
    }
    text
}

fn told_size(samples: &Samples) -> String {
    let (events, bytes) = (samples.events, samples.bytes);
    format!(
        "{events} entries of the journal and all that goes with them, indices too: {} MiB on disk, {} bytes for each entry.",
        bytes >> 20,
        bytes / events.max(1)
    )
}

/// Members that stay for as long as what is given back.
async fn come(server: &Server) -> Result<JoinSet<Result<()>>> {
    let identities = (0..LIVE_MEMBERS).map(|n| Identity::new(&format!("live {}", n % LIVE_ROOMS), n));
    let members = connect_all(Kind::Ours, server.address, identities.collect()).await?;
    let mut staying = JoinSet::new();
    for member in join_all(members).await? {
        staying.spawn_local(stay(member));
    }
    Ok(staying)
}

async fn stay(mut member: Member) -> Result<()> {
    let page = &mut member.page;
    loop {
        while page.inbox.next(&mut page.outbox)?.is_some() {}
        page.flush().await?;
        page.fill().await?;
    }
}

async fn ask(reader: &mut Reader, question: &Question) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    for address in &question.addresses {
        let mut next = Some(address.clone());
        let most = if question.is_followed { PAGES } else { 1 };
        for _ in 0..most {
            let Some(address) = next.take() else { break };
            let begun = Instant::now();
            let answer = reader.get(&address).await?;
            took.push(begun.elapsed());
            if question.is_followed {
                next = following(&question.addresses[0], &answer)?;
            }
        }
    }
    Ok(took)
}

fn following(list: &str, answer: &[u8]) -> Result<Option<String>> {
    let answer: serde_json::Value = serde_json::from_slice(answer).context("a list is not JSON")?;
    let cursor = answer["nextCursor"].as_str();
    Ok(cursor.map(|cursor| format!("{list}&cursor={cursor}")))
}

fn line(title: &str, mut took: Vec<Duration>, cpu: Duration) -> String {
    took.sort_unstable();
    let share = |percent: usize| took[(took.len() * percent).div_ceil(100) - 1];
    let (half, most, longest) = (share(50), share(99), share(100));
    format!(
        "| {title} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {} |\n",
        took.len(),
        ms(half),
        ms(most),
        ms(longest),
        ms(cpu) / took.len() as f64,
        verdict(most <= ANSWERS_WITHIN)
    )
}

fn verdict(holds: bool) -> &'static str {
    if holds { "yes" } else { "**no**" }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
