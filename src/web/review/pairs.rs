//! Who connected with whom: a triangle of all names where there are many, and a sentence for each pair.

use std::collections::HashMap;

use super::sentences;
use crate::history::attendance::Attendance;
use crate::history::pair::Pair;
use crate::model::vocabulary::Outcome;
use crate::words::{Words, message as m};

/// The most sentences; the rest is counted.
const SENTENCES: usize = 60;

/// With fewer people the sentences say it all.
const TRIANGLE_FROM: usize = 5;

/// A larger triangle is no longer read: of more people it shows those who need to be looked at.
const TRIANGLE_TO: usize = 30;

/// All signs, in the order in which they are explained. Where two never met there is none.
const SIGNS: [&str; 8] = ["·", "✕", "╱", "□", "?", "…", "–", ""];

/// How many of them the style leaves on a narrow screen.
pub(super) const TRIANGLE_ON_A_PHONE: usize = 12;

/// The section about pairs.
pub(super) struct PairsSection {
    /// One sentence for all.
    pub(super) told: String,
    /// Who connected with whom: a row per person, with those of the rows before.
    pub(super) triangle: Vec<TriangleRow>,
    /// What the signs in it mean, each once.
    pub(super) signs: Vec<TriangleCell>,
    /// Whether there were more people than the triangle shows.
    pub(super) is_cut: bool,
    /// One sentence for each pair, the worst first.
    pub(super) sentences: Vec<String>,
    /// How many more there are.
    pub(super) more: usize,
}

/// A row of the triangle.
pub(super) struct TriangleRow {
    /// The person.
    pub(super) username: String,
    /// The person's outcome with everyone of the rows before.
    pub(super) cells: Vec<TriangleCell>,
}

/// What became of two people: a sign, and the same in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TriangleCell {
    pub(super) sign: &'static str,
    pub(super) word: String,
    pub(super) class: &'static str,
}

impl PairsSection {
    pub(super) fn of(
        words: &Words,
        people: &[Attendance],
        pairs: &[Pair],
        counts: &HashMap<&str, ConnectedCount>,
    ) -> Self {
        let mut all: Vec<&Pair> = pairs.iter().collect();
        all.sort_by_key(|pair| badness(pair));
        let triangle = if pairs.is_empty() || people.len() < TRIANGLE_FROM {
            Vec::new()
        } else {
            triangle(words, people, pairs, counts)
        };
        Self {
            told: sentences::every_pair(words, pairs),
            is_cut: triangle.len() < people.len() && !triangle.is_empty(),
            signs: signs_in(&triangle),
            triangle,
            sentences: all
                .iter()
                .take(SENTENCES)
                .map(|pair| sentences::pair(words, pair))
                .collect(),
            more: pairs.len().saturating_sub(SENTENCES),
        }
    }
}

/// The worst first.
fn badness(pair: &Pair) -> u8 {
    match pair.outcome() {
        _ if pair.parted_early() => 4,
        Outcome::Failed | Outcome::NoAnswer | Outcome::NoOffer => 0,
        Outcome::Lost => 1,
        _ if pair.shared.is_some() => 2,
        Outcome::Waiting => 3,
        Outcome::Exchanged => 4,
        Outcome::Connected => 5,
    }
}

/// How many connections each person has of those that could be: `8 of 10`, by name.
pub(super) fn connected(pairs: &[Pair]) -> HashMap<&str, ConnectedCount> {
    let mut counts: HashMap<&str, ConnectedCount> = HashMap::new();
    for pair in pairs {
        for one in &pair.between {
            let count = counts.entry(one.username.as_str()).or_default();
            count.all += 1;
            count.bad += usize::from(pair.is_bad());
            count.parted += usize::from(pair.parted_early());
            count.waiting += usize::from(pair.outcome() == Outcome::Waiting);
            count.good += usize::from(pair.outcome() == Outcome::Connected);
            count.unknown += usize::from(pair.outcome() == Outcome::Exchanged);
        }
    }
    counts
}

/// Of one person's pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ConnectedCount {
    /// How many there are.
    pub(super) all: usize,
    /// How many connected.
    pub(super) good: usize,
    /// How many did not, or lost each other.
    pub(super) bad: usize,
    /// Of how many it is not known.
    pub(super) unknown: usize,
    /// How many parted before there was time to.
    pub(super) parted: usize,
    /// How many are still about to.
    pub(super) waiting: usize,
}

impl ConnectedCount {
    /// Of how many it is known whether they connected.
    pub(super) fn known(&self) -> usize {
        self.all - self.unknown - self.parted - self.waiting
    }
}

fn triangle(
    words: &Words,
    people: &[Attendance],
    pairs: &[Pair],
    counts: &HashMap<&str, ConnectedCount>,
) -> Vec<TriangleRow> {
    let names = most_missed_first(words, people, pairs, counts);
    let found = by_names(pairs);
    let row = |(place, one): (usize, &&str)| TriangleRow {
        username: (*one).to_owned(),
        cells: names[..place]
            .iter()
            .map(|other| cell(words, found.get(&(*one, *other)).copied()))
            .collect(),
    };
    names.iter().enumerate().map(row).collect()
}

/// The signs that there are.
fn signs_in(triangle: &[TriangleRow]) -> Vec<TriangleCell> {
    let cells = || triangle.iter().flat_map(|row| &row.cells);
    let of = |sign: &str| cells().find(|cell| cell.sign == sign).cloned();
    SIGNS.into_iter().filter_map(of).collect()
}

/// Whom the triangle shows: crosses gather where it begins, and what is not known comes before what went well.
fn most_missed_first<'a>(
    words: &Words,
    people: &'a [Attendance],
    pairs: &[Pair],
    counts: &HashMap<&str, ConnectedCount>,
) -> Vec<&'a str> {
    let missed = |name: &str| counts.get(name).map_or(0, |count| count.bad);
    let mut unknown: HashMap<&str, usize> = HashMap::new();
    for pair in pairs.iter().filter(|pair| pair.outcome() == Outcome::Exchanged) {
        for one in &pair.between {
            *unknown.entry(&one.username).or_default() += 1;
        }
    }
    let mut names: Vec<&str> = people.iter().map(|person| person.username.as_str()).collect();
    names.sort_by(|one, other| {
        let most = missed(other).cmp(&missed(one));
        let most = most.then_with(|| unknown.get(other).cmp(&unknown.get(one)));
        most.then_with(|| words.compare(one, other))
    });
    names.truncate(TRIANGLE_TO);
    names
}

fn cell(words: &Words, pair: Option<&Pair>) -> TriangleCell {
    let Some(pair) = pair else {
        return TriangleCell {
            sign: "",
            word: words.say(m::CellNeverMet),
            class: "none",
        };
    };
    let word = sentences::outcome(words, pair);
    let (sign, class) = match pair.outcome() {
        _ if pair.parted_early() => ("–", "quiet"),
        Outcome::NoOffer | Outcome::NoAnswer | Outcome::Failed => ("✕", "cross"),
        Outcome::Lost => ("╱", "cross"),
        Outcome::Waiting => ("…", "quiet"),
        _ if pair.shared.is_some() => {
            return TriangleCell {
                sign: "□",
                word: words.say(m::CellScreenMissed),
                class: "cross",
            };
        }
        Outcome::Exchanged => ("?", "unknown"),
        Outcome::Connected => ("·", "good"),
    };
    TriangleCell { sign, word, class }
}

/// A pair by its two names in either order.
fn by_names(pairs: &[Pair]) -> HashMap<(&str, &str), &Pair> {
    let mut found = HashMap::with_capacity(pairs.len() * 2);
    for pair in pairs {
        let [one, other] = [0, 1].map(|index| pair.between[index].username.as_str());
        found.insert((one, other), pair);
        found.insert((other, one), pair);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::pair_fixture::{pair, parted, sharing};
    use super::super::pair_groups::groups;
    use super::*;
    use crate::model::language::Language;

    #[test]
    fn each_outcome_has_a_sign_of_its_own() {
        let of = |outcome| cell(Words::of(Language::EnGb), Some(&pair("Ann", "Bo", outcome))).sign;
        let signs = [
            Outcome::Connected,
            Outcome::Exchanged,
            Outcome::Lost,
            Outcome::Failed,
            Outcome::Waiting,
        ]
        .map(of);
        assert_eq!(signs, ["·", "?", "╱", "✕", "…"]);
        assert_eq!(of(Outcome::NoOffer), of(Outcome::NoAnswer));
        let told = |outcomes: &[Outcome]| {
            let cells = outcomes.iter();
            let cells = cells.map(|outcome| cell(Words::of(Language::EnGb), Some(&pair("Ann", "Bo", *outcome))));
            let row = TriangleRow {
                username: "Ann".to_owned(),
                cells: cells.collect(),
            };
            signs_in(&[row]).into_iter().map(|cell| cell.sign).collect::<Vec<_>>()
        };
        // Explained are those that there are, once.
        assert_eq!(
            told(&[
                Outcome::Exchanged,
                Outcome::Failed,
                Outcome::NoOffer,
                Outcome::Connected
            ]),
            ["·", "✕", "?"]
        );
        let shared = cell(Words::of(Language::EnGb), Some(&sharing("Ann", "Bo", Outcome::Failed)));
        assert_eq!(
            (shared.sign, shared.word.as_str()),
            ("□", "connected, but a shared screen did not arrive")
        );
    }

    #[test]
    fn who_parts_before_there_was_time_to_connect_has_failed_nobody() {
        let words = Words::of(Language::EnGb);
        let pairs = [
            pair("Ann", "Bo", Outcome::Connected),
            parted("Ann", "Cy", Outcome::NoOffer),
            parted("Bo", "Cy", Outcome::NoAnswer),
        ];
        let plain = |told: String| told.replace(['\u{2068}', '\u{2069}'], "");
        assert!(groups(&pairs).is_empty());
        assert!(sentences::unconnected(words, &pairs, &[]).is_empty());
        assert_eq!(
            sentences::nothing_wrong(words, 3, Some(&pairs)),
            "all who were together for long enough connected, and nobody dropped"
        );
        assert_eq!(
            sentences::every_pair(words, &pairs),
            "The two connected. 2 pairs parted before there was time to connect."
        );
        assert_eq!(
            sentences::nothing_wrong(words, 2, Some(&pairs[1..2])),
            "no two were together for long enough to connect; nobody dropped"
        );
        assert_eq!(
            plain(sentences::pair(words, &pairs[2])),
            "Bo and Cy parted before there was time to connect."
        );
        let brief = cell(words, Some(&pairs[2]));
        assert_eq!(
            (brief.sign, brief.word.as_str(), brief.class),
            ("–", "parted too soon", "quiet")
        );
        let counts = connected(&pairs);
        let of = |name| (counts[name].good, counts[name].known(), counts[name].parted);
        assert_eq!([of("Ann"), of("Bo"), of("Cy")], [(1, 1, 1), (1, 1, 1), (0, 0, 2)]);
        // What a page said of its connection counts all the same.
        let failed = parted("Ann", "Bo", Outcome::Failed);
        assert_eq!(cell(words, Some(&failed)).sign, "✕");
        assert_eq!(groups(&[failed]).len(), 1);
    }
}
