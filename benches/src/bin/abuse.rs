//! Does what one client can do to harm others, beside classes that behave, and says what those notice.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use chatroom_benches::abuse::attacks::Attack;
use chatroom_benches::abuse::table;
use chatroom_benches::abuse::trial::{self, Aftermath, Plan};
use chatroom_benches::report;
use clap::{Parser, ValueEnum};
use tokio::task::LocalSet;

/// Does what one client can do to harm others, beside classes that behave, and says what those notice.
#[derive(Parser)]
struct Options {
    /// Only these attacks
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Attack>,

    /// How long each lasts, and what it is compared with
    #[arg(long, default_value = "20")]
    seconds: u64,

    /// How long after it the memory is looked at again
    #[arg(long, default_value = "60")]
    after: u64,

    /// From the class's own address
    #[arg(long)]
    inside: bool,

    /// A document whose figures are replaced; without it they are only printed
    #[arg(long)]
    write: Option<PathBuf>,

    /// To be the attacker: the bench starts itself so
    #[arg(long, hide = true, requires_all = ["from", "server"])]
    attacker: Option<Attack>,

    #[arg(long, hide = true)]
    from: Option<IpAddr>,

    #[arg(long, hide = true)]
    server: Option<SocketAddr>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run(options))
}

async fn run(options: Options) -> Result<()> {
    let during = Duration::from_secs(options.seconds);
    if let Some(attack) = options.attacker {
        let from = options.from.context("--from")?;
        let tally = attack.run(from, options.server.context("--server")?, during).await?;
        println!("{}", tally.write());
        return Ok(());
    }
    let plan = Plan {
        during,
        after: Duration::from_secs(options.after),
        from_the_class: options.inside,
    };
    let attacks = match options.only.is_empty() {
        true => Attack::value_variants().to_vec(),
        false => options.only,
    };
    let mut text = table::HEADING.to_owned();
    for line in lines(&attacks, plan).await {
        text += &line;
        text.push('\n');
    }
    println!("{text}");
    let name = if options.inside { "abuse from inside" } else { "abuse" };
    match options.write {
        Some(document) => report::put_into(&document, name, &text),
        None => Ok(()),
    }
}

/// Each attack's line. What comes after one is waited for beside the next.
async fn lines(attacks: &[Attack], plan: Plan) -> Vec<String> {
    let mut lines = Vec::new();
    let mut waiting: VecDeque<Aftermath> = VecDeque::new();
    for attack in attacks {
        match trial::run(*attack, plan).await {
            Ok(aftermath) => waiting.push_back(aftermath),
            Err(error) => lines.push(failed(*attack, &error)),
        }
        while let Some(aftermath) = waiting.pop_front_if(|first| first.is_over()) {
            lines.push(line_of(aftermath).await);
        }
    }
    for aftermath in waiting {
        lines.push(line_of(aftermath).await);
    }
    lines
}

async fn line_of(aftermath: Aftermath) -> String {
    let attack = aftermath.attack();
    let line = match aftermath.outcome().await {
        Ok(outcome) => {
            eprintln!("{}: {outcome:.2?}", attack.name());
            table::line(attack, &outcome)
        }
        Err(error) => failed(attack, &error),
    };
    eprintln!("{line}");
    line
}

fn failed(attack: Attack, error: &anyhow::Error) -> String {
    format!("| {} | | | | | | | | | {error:#} | **no** |", attack.title())
}
