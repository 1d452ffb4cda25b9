//! Who connected with whom: a sentence for each pair that did not, and a square of all names where there are many.

use std::collections::HashMap;

use super::wording::count;
use super::{pair_groups, sentences};
use crate::history::attendance::Attendance;
use crate::history::pair::Pair;
use crate::model::vocabulary::Outcome;

/// The most sentences of a kind; the rest is counted.
const SENTENCES: usize = 60;

/// With fewer people the sentences say it all.
const SQUARE_FROM: usize = 5;

/// A larger square is no longer read: of more people it shows those who need to be looked at.
const SQUARE_TO: usize = 30;

/// Where no page said anything: neither good nor bad news.
const UNKNOWN: &str = "Everything was exchanged; the pages did not say whether video came.";

/// The section about pairs.
#[derive(Default)]
pub(super) struct PairsSection {
    /// One for all.
    pub(super) told: String,
    /// Who did not connect with whom, or has not yet.
    pub(super) open: Sentences,
    /// One for each pair that connected, or has exchanged all that it takes.
    pub(super) connected: Sentences,
    /// Who connected with whom, a row per person.
    pub(super) square: Vec<SquareRow>,
    /// Whether there were more people than the square shows.
    pub(super) is_square_cut: bool,
}

/// The first few of many.
#[derive(Default)]
pub(super) struct Sentences {
    pub(super) shown: Vec<String>,
    /// How many more there are.
    pub(super) more: usize,
}

/// A row of the square.
pub(super) struct SquareRow {
    /// The person.
    pub(super) username: String,
    /// The person's outcome with everyone, in the order of the rows.
    pub(super) cells: Vec<SquareCell>,
}

/// What became of two people: a sign, and the same in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SquareCell {
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) class: &'static str,
}

impl PairsSection {
    pub(super) fn of(people: &[Attendance], pairs: &[Pair]) -> Self {
        let nobody = pairs.len() > 1 && pairs.iter().all(|pair| pair.outcome() == Outcome::NoOffer);
        if nobody {
            return Self {
                told: format!("Nobody made an offer, so none of the {} pairs connected.", pairs.len()),
                ..Self::default()
            };
        }
        let is_fine = |pair: &&Pair| matches!(pair.outcome(), Outcome::Connected | Outcome::Exchanged);
        let (connected, open): (Vec<&Pair>, Vec<&Pair>) = pairs.iter().partition(is_fine);
        Self {
            told: told(pairs),
            open: Sentences::first_of(pair_groups::sentences_of(&open)),
            connected: Sentences::first_of(connected.into_iter().map(sentences::pair).collect()),
            square: square(people, pairs),
            is_square_cut: people.len() > SQUARE_TO,
        }
    }
}

impl Sentences {
    fn first_of(mut all: Vec<String>) -> Self {
        let more = all.len().saturating_sub(SENTENCES);
        all.truncate(SENTENCES);
        Self { shown: all, more }
    }
}

fn told(pairs: &[Pair]) -> String {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let all = count(number(pairs.len()), "pair was", "pairs were");
    let bad = pairs.iter().filter(|pair| pair.outcome().is_bad()).count();
    let of = |outcome: Outcome| pairs.iter().filter(|pair| pair.outcome() == outcome).count();
    let (good, exchanged) = (of(Outcome::Connected), of(Outcome::Exchanged));
    let unknown = match exchanged {
        0 => String::new(),
        some => format!("; of {some} the pages did not say whether video came"),
    };
    match pairs.len() {
        0 => "No two people were there at the same time.".to_owned(),
        len if exchanged == len => UNKNOWN.to_owned(),
        1 if good == 1 => "The two connected.".to_owned(),
        1 => String::new(),
        len if good == len => format!("All {len} pairs connected."),
        _ if bad == 0 => format!("{all} there at the same time; {good} of them connected so far{unknown}."),
        _ => format!("{all} there at the same time: {good} connected, {bad} did not{unknown}."),
    }
}

fn square(people: &[Attendance], pairs: &[Pair]) -> Vec<SquareRow> {
    let names = in_square(people, pairs);
    let outcomes = by_names(pairs);
    let row = |one: &&str| SquareRow {
        username: (*one).to_owned(),
        cells: names.iter().map(|other| cell(one, other, &outcomes)).collect(),
    };
    names.iter().map(row).collect()
}

/// Whom the square shows, by name.
fn in_square<'a>(people: &'a [Attendance], pairs: &'a [Pair]) -> Vec<&'a str> {
    let mut names: Vec<&str> = match people.len() {
        0..SQUARE_FROM => Vec::new(),
        SQUARE_FROM..=SQUARE_TO => people.iter().map(|person| person.username.as_str()).collect(),
        _ => worst(pairs),
    };
    names.sort_unstable();
    names
}

/// Those of whom most pairs failed.
fn worst(pairs: &[Pair]) -> Vec<&str> {
    let mut failures: HashMap<&str, usize> = HashMap::new();
    for one in pairs
        .iter()
        .filter(|pair| pair.outcome().is_failed())
        .flat_map(|pair| &pair.between)
    {
        *failures.entry(&one.username).or_default() += 1;
    }
    let mut worst: Vec<(usize, &str)> = failures.into_iter().map(|(name, count)| (count, name)).collect();
    worst.sort_unstable_by(|one, other| other.cmp(one));
    worst.into_iter().take(SQUARE_TO).map(|(_, name)| name).collect()
}

fn cell(one: &str, other: &str, outcomes: &HashMap<(&str, &str), Outcome>) -> SquareCell {
    let found = outcomes.get(&(one, other)).copied();
    let (sign, class) = match found {
        Some(Outcome::Connected) => ("●", "good"),
        Some(Outcome::Waiting) => ("…", "quiet"),
        Some(Outcome::Exchanged) => ("○", "quiet"),
        Some(Outcome::NoOffer | Outcome::NoAnswer | Outcome::Failed | Outcome::Lost) => ("✕", "bad"),
        None if one == other => ("", "self"),
        None => ("–", "quiet"),
    };
    let word = match found {
        Some(outcome) => sentences::outcome(outcome),
        None if one == other => "the same person",
        None => "never met",
    };
    SquareCell { sign, word, class }
}

/// Who connected with whom, for a square of names: a pair's outcome by its two names in either order.
fn by_names(pairs: &[Pair]) -> HashMap<(&str, &str), Outcome> {
    let mut found = HashMap::with_capacity(pairs.len() * 2);
    for pair in pairs {
        let [one, other] = [0, 1].map(|index| pair.between[index].username.as_str());
        found.insert((one, other), pair.outcome());
        found.insert((other, one), pair.outcome());
    }
    found
}
