//! Puts the same work on the server, a Node server and the floor, and says what it cost each.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use chatroom_benches::report::{self, Results};
use chatroom_benches::rows::Row;
use clap::Parser;
use tokio::task::LocalSet;

/// Puts the same work on chatroom-server, a Node server and the floor, and says what it cost each.
#[derive(Parser)]
struct Options {
    /// Only these kinds of work
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Row>,

    /// How often each is done; of each figure the median counts
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// A document whose figures are replaced; without it they are only printed
    #[arg(long)]
    write: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run(options))
}

async fn run(options: Options) -> Result<()> {
    let rows = if options.only.is_empty() {
        Row::ALL.to_vec()
    } else {
        options.only
    };
    let mut table = report::heading();
    for row in rows {
        let mut results = Results::default();
        for round in 1..=options.rounds {
            // In turn, so that what else the machine does falls on all of them.
            for kind in row.subjects() {
                let values = row.run(*kind).await?;
                eprintln!("{row:?} {round}/{} {kind}: {values:.3?}", options.rounds);
                results.add(*kind, values);
            }
        }
        table += &report::lines(row, &results);
    }
    let text = format!("{}\n\n{table}", setting(options.rounds));
    println!("{text}");
    match options.write {
        Some(document) => report::put_into(&document, "load", &text),
        None => Ok(()),
    }
}

/// On what, and with what, it was measured.
fn setting(rounds: u32) -> String {
    let version = |program: &str, flag: &str| {
        let output = Command::new(program).arg(flag).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.unwrap_or_else(|_| format!("{program}: none"))
    };
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    // Of the machine: this process has one of them.
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    format!(
        "Medians of {rounds} runs on {cores} cores of {model}: the load on one, each server in its turn on the other. {}, Node {}, socket.io 4.8.4, {}.",
        version("rustc", "--version"),
        version("node", "--version"),
        version("uname", "-sr"),
    )
}
