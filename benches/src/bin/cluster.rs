//! Measures several nodes that are one server, beside socket.io with its adapters.

use std::path::PathBuf;

use anyhow::Result;
use chatroom_benches::{cluster, report};
use clap::Parser;
use tokio::task::LocalSet;

/// Measures several nodes that are one server, beside socket.io with its adapters
#[derive(Parser)]
struct Options {
    /// How often everything is done; of each figure the median counts
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
    let mut runs = Vec::new();
    for round in 1..=options.rounds {
        let figures = cluster::run().await?;
        eprintln!("{round}/{}: {figures:.3?}", options.rounds);
        runs.push(figures);
    }
    let text = cluster::table(&runs);
    println!("{text}");
    match options.write {
        Some(document) => report::put_into(&document, "cluster", &text),
        None => Ok(()),
    }
}
