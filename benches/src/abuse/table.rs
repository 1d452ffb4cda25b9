//! What came of the attacks, as a table in Markdown.

use std::fmt::Write as _;

use super::attacks::Attack;
use super::trial::Outcome;

/// The heading of the table that [`line()`] fills.
pub const HEADING: &str = "| attack | relay p99, ms (÷) | join p99, ms (÷) | longest silence, ms | memory before, MiB | at the end (÷) | a minute later (÷) | lost | `/readyz` not 200 | harm | reached |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |\n";

const RELAY_TIMES: f64 = 2.0;
const JOIN_TIMES: f64 = 3.0;
const SILENCE_MS: f64 = 100.0;
const MEMORY_TIMES: f64 = 1.2;

/// One attack's line.
pub fn line(attack: Attack, outcome: &Outcome) -> String {
    let Outcome { before, during, .. } = outcome;
    let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    let memory = |index: usize| outcome.memory[index] as f64 / outcome.memory[0] as f64;
    let mut text = String::new();
    _ = write!(
        text,
        "| {} | {:.2} ({:.1}) | {:.1} ({:.1}) | {:.0} | {:.0} | {:.0} ({:.2}) | {:.0} ({:.2}) | {} of {} | {} of {} | {} | {} |",
        attack.title(),
        during.relay_p99,
        during.relay_p99 / before.relay_p99,
        during.join_p99,
        during.join_p99 / before.join_p99,
        during.silence,
        mib(outcome.memory[0]),
        mib(outcome.memory[1]),
        memory(1),
        mib(outcome.memory[2]),
        memory(2),
        outcome.lost,
        outcome.told,
        during.not_ready,
        during.looks,
        harm(outcome),
        verdict(outcome),
    );
    text
}

/// What was done to others beside making them wait.
fn harm(outcome: &Outcome) -> String {
    let service = [outcome.during, outcome.after];
    let sum = |of: fn(&super::class::Service) -> u32| service.iter().map(of).sum::<u32>();
    let mut harms = Vec::new();
    for (count, what) in [
        (sum(|service| service.cut), "members cut off"),
        (sum(|service| service.shut_out), "newcomers shut out"),
        (sum(|service| service.no_review), "looks at the review failed"),
    ] {
        if count > 0 {
            harms.push(format!("{count} {what}"));
        }
    }
    if outcome.tally.harmed > 0 {
        let tally = &outcome.tally;
        harms.push(format!("{} of {} victims harmed", tally.harmed, tally.victims));
    }
    if outcome.after.not_ready > 0 {
        harms.push(format!("not ready for {} s after it", outcome.after.not_ready));
    }
    if outcome.stop.as_secs_f64() > 5.0 {
        harms.push(format!("the stop took {:.1} s", outcome.stop.as_secs_f64()));
    }
    match harms.is_empty() {
        true => "none".to_owned(),
        false => harms.join(", "),
    }
}

fn verdict(outcome: &Outcome) -> String {
    let Outcome { before, during, .. } = outcome;
    let missed: Vec<_> = [
        ("relay", during.relay_p99 > before.relay_p99 * RELAY_TIMES),
        ("join", during.join_p99 > before.join_p99 * JOIN_TIMES),
        ("silence", during.silence > SILENCE_MS),
        (
            "memory",
            outcome.memory[2] as f64 > outcome.memory[0] as f64 * MEMORY_TIMES,
        ),
        ("lost", outcome.lost > 0),
        ("ready", during.not_ready > 0),
        ("harm", harm(outcome) != "none"),
    ]
    .iter()
    .filter(|(_, is_missed)| *is_missed)
    .map(|(what, _)| *what)
    .collect();
    match missed.is_empty() {
        true => "yes".to_owned(),
        false => format!("**no**: {}", missed.join(", ")),
    }
}
