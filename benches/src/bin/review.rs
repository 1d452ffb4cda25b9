//! Makes a history as large as a school's years, and asks the server for its pages.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use chatroom_benches::report;
use chatroom_benches::review::database::Database;
use chatroom_benches::review::shape::Shape;
use chatroom_benches::review::{measure, store};
use clap::Parser;
use tokio::task::LocalSet;

/// Makes a history as large as a school's years, and asks the server for its pages.
#[derive(Parser)]
struct Options {
    /// The database; it is made if it is not there, which takes minutes and gigabytes
    #[arg(long, default_value = "target/review.db")]
    file: PathBuf,

    /// How many entries the journal of a database that is made has
    #[arg(long, default_value = "10000000")]
    events: u64,

    /// How many sessions it has
    #[arg(long, default_value = "50000", value_parser = clap::value_parser!(u32).range(1..))]
    sessions: u32,

    /// What it follows from, so that the same one can be made again
    #[arg(long, default_value = "1")]
    seed: u64,

    /// A database of PostgreSQL that is asked in place of the file: `chatroom-server import` has put into it what is in the
    /// file. Its marks in the document are of their own
    #[arg(long)]
    postgres: Option<String>,

    /// Only what is asked for in these words
    #[arg(long)]
    only: Option<String>,

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
    if !options.file.exists() {
        make(&options).await?;
    }
    let database = Database {
        file: &options.file,
        postgres: options.postgres.as_deref(),
    };
    let text = measure::measure(database, options.only.as_deref()).await?;
    println!("{text}");
    let table = if options.postgres.is_some() {
        "review on PostgreSQL"
    } else {
        "review"
    };
    match options.write {
        Some(document) => report::put_into(&document, table, &text),
        None => Ok(()),
    }
}

async fn make(options: &Options) -> Result<()> {
    let shape = Shape {
        events: options.events,
        sessions: options.sessions,
        seed: options.seed,
    };
    let (start, mut tenth) = (Instant::now(), 0);
    store::make(&options.file, shape, |written| {
        if written * 10 / shape.events > tenth {
            tenth = written * 10 / shape.events;
            eprintln!("{written} of {} events after {:.0?}", shape.events, start.elapsed());
        }
    })
    .await
}
