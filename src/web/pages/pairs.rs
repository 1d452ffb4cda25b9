//! Who connected with whom: a sentence for each pair that did not, and a square of all names where there are many.

use std::collections::HashMap;

use crate::history::attendance::Attendance;
use crate::history::links::Pair;
use crate::history::outcome::Outcome;
use crate::history::summary::{by_names, failed, told_pair};
use crate::history::wording::count;

/// The most sentences; the rest is counted.
const SENTENCES: usize = 60;

/// With fewer people the sentences say it all; with more the square is no longer read.
const SQUARE: std::ops::RangeInclusive<usize> = 5..=30;

/// The section about pairs.
pub(super) struct Connections {
    /// One for all.
    pub(super) told: String,
    /// One for each pair that did not connect, or has not yet.
    pub(super) sentences: Vec<String>,
    /// How many more of those there are.
    pub(super) more: usize,
    /// Who connected with whom, a row per person.
    pub(super) square: Vec<Row>,
}

/// A row of the square.
pub(super) struct Row {
    /// The person.
    pub(super) username: String,
    /// The person's outcome with everyone, in the order of the rows.
    pub(super) cells: Vec<Cell>,
}

/// What became of two people: a sign, and the same in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) class: &'static str,
}

impl Connections {
    pub(super) fn of(people: &[Attendance], pairs: &[Pair]) -> Self {
        let nobody = pairs.len() > 1 && pairs.iter().all(|pair| pair.outcome == Outcome::NoOffer);
        if nobody {
            return Self {
                told: format!("Nobody made an offer, so none of the {} pairs connected.", pairs.len()),
                sentences: Vec::new(),
                more: 0,
                square: Vec::new(),
            };
        }
        let open: Vec<&Pair> = pairs.iter().filter(|pair| pair.outcome != Outcome::Connected).collect();
        let sentences: Vec<String> = open
            .iter()
            .take(SENTENCES)
            .map(|pair| format!("{}.", told_pair(pair)))
            .collect();
        Self {
            told: told(pairs),
            more: open.len() - sentences.len(),
            sentences,
            square: square(people, pairs),
        }
    }
}

fn told(pairs: &[Pair]) -> String {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let all = count(number(pairs.len()), "pair was", "pairs were");
    let bad = pairs.iter().filter(|pair| failed(pair)).count();
    let good = pairs.iter().filter(|pair| pair.outcome == Outcome::Connected).count();
    match pairs.len() {
        0 => "No two people were there at the same time.".to_owned(),
        1 if good == 1 => "The two connected.".to_owned(),
        1 => String::new(),
        len if good == len => format!("All {len} pairs connected."),
        _ if bad == 0 => format!("{all} there at the same time; {good} of them connected so far."),
        _ => format!("{all} there at the same time: {good} connected, {bad} did not."),
    }
}

fn square(people: &[Attendance], pairs: &[Pair]) -> Vec<Row> {
    if !SQUARE.contains(&people.len()) {
        return Vec::new();
    }
    let mut names: Vec<&str> = people.iter().map(|person| person.username.as_str()).collect();
    names.sort_unstable();
    let outcomes = by_names(pairs);
    let row = |one: &&str| Row {
        username: (*one).to_owned(),
        cells: names.iter().map(|other| cell(one, other, &outcomes)).collect(),
    };
    names.iter().map(row).collect()
}

fn cell(one: &str, other: &str, outcomes: &HashMap<(&str, &str), Outcome>) -> Cell {
    let (sign, word, class) = match outcomes.get(&(one, other)) {
        Some(Outcome::Connected) => ("●", "connected", "good"),
        Some(Outcome::Waiting) => ("…", "still connecting", "quiet"),
        Some(Outcome::NoOffer | Outcome::NoAnswer | Outcome::NoCandidates) => ("✕", "never connected", "bad"),
        None if one == other => ("", "the same person", "self"),
        None => ("–", "never met", "quiet"),
    };
    Cell { sign, word, class }
}
