//! Pairs whose trouble is of one kind, as few groups as can be told: of one person and others, or of many.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::history::links::{Link, LinkEnd};
use crate::history::pair::Pair;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{LinkCloseReason, Outcome};

/// More groups of one kind are one.
const GROUPS: usize = 3;

/// So many others are told by their names also where they are all whom somebody met.
const NAMED: usize = 3;

/// What went wrong between two people, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PairTrouble {
    /// No way was found.
    Failed,
    /// An offer was never answered.
    NoAnswer,
    /// It was hung up before an answer.
    HungUp,
    /// Neither made an offer.
    NoOffer,
    /// They were connected, and lost each other.
    Lost,
    /// A screen that one shared with the other never came.
    ShareFailed,
    /// The offer of a screen was never answered.
    ShareNoAnswer,
    /// A screen that one shared with the other was lost.
    ShareLost,
}

impl PairTrouble {
    const ALL: [Self; 8] = [
        Self::Failed,
        Self::NoAnswer,
        Self::HungUp,
        Self::NoOffer,
        Self::Lost,
        Self::ShareFailed,
        Self::ShareNoAnswer,
        Self::ShareLost,
    ];

    /// What went wrong between the two of a pair themselves.
    pub(super) fn of(pair: &Pair) -> Option<Self> {
        let was_hung_up = || {
            let end = pair.decisive_link().and_then(|link| link.closed_by);
            end == Some(LinkEnd::Own(LinkCloseReason::HungUp))
        };
        match pair.outcome() {
            _ if pair.parted_early() => None,
            Outcome::Failed => Some(Self::Failed),
            Outcome::NoAnswer if was_hung_up() => Some(Self::HungUp),
            Outcome::NoAnswer => Some(Self::NoAnswer),
            Outcome::NoOffer => Some(Self::NoOffer),
            Outcome::Lost => Some(Self::Lost),
            Outcome::Waiting | Outcome::Exchanged | Outcome::Connected => None,
        }
    }

    /// What went wrong with a screen that one shared with the other.
    fn of_share(pair: &Pair) -> Option<Self> {
        let (outcome, _) = pair.broken_share()?;
        Some(match outcome {
            Outcome::Failed => Self::ShareFailed,
            Outcome::NoAnswer => Self::ShareNoAnswer,
            Outcome::Lost | Outcome::NoOffer | Outcome::Waiting | Outcome::Exchanged | Outcome::Connected => {
                Self::ShareLost
            }
        })
    }

    /// How bad it is, where less is worse: not to have met at all is as bad for whatever reason.
    fn severity(self) -> u8 {
        match self {
            Self::Failed | Self::NoAnswer | Self::HungUp | Self::NoOffer => 0,
            Self::Lost => 1,
            Self::ShareFailed | Self::ShareNoAnswer | Self::ShareLost => 2,
        }
    }

    /// Whether it began with one of the two: who offered, or shared.
    fn has_origin(self) -> bool {
        match self {
            Self::NoAnswer | Self::HungUp | Self::ShareFailed | Self::ShareNoAnswer | Self::ShareLost => true,
            Self::Failed | Self::NoOffer | Self::Lost => false,
        }
    }
}

/// Pairs of one trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PairGroup<'a> {
    pub(super) trouble: PairTrouble,
    pub(super) who: Who<'a>,
    /// How many pairs.
    pub(super) pairs: usize,
    /// When it went wrong with the first of them.
    pub(super) at: Timestamp,
}

/// Whom a group is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who<'a> {
    /// One person, and all the others of the group.
    One {
        person: &'a str,
        /// Whether it began with the one, and not with the others.
        is_origin: bool,
        others: Vec<&'a str>,
        /// Whether they are all whom the one met, and many.
        is_everybody: bool,
    },
    /// Several among each other.
    Many {
        people: Vec<&'a str>,
        /// Whether it is every two of them.
        is_each: bool,
    },
}

/// All that went wrong among these pairs, the worst first, and of what is as bad the most.
pub(super) fn groups(pairs: &[Pair]) -> Vec<PairGroup<'_>> {
    let mut groups: Vec<_> = PairTrouble::ALL
        .into_iter()
        .flat_map(|trouble| groups_of(trouble, pairs))
        .collect();
    groups.sort_by_key(|group| (group.trouble.severity(), Reverse(group.pairs)));
    groups
}

fn groups_of(trouble: PairTrouble, pairs: &[Pair]) -> Vec<PairGroup<'_>> {
    let all: Vec<Troubled<'_>> = pairs.iter().filter_map(|pair| troubled(trouble, pair)).collect();
    let Some(at) = first_of(&all) else { return Vec::new() };
    let people: BTreeSet<&str> = all.iter().flat_map(|pair| pair.ends).map(|end| end.person).collect();
    let is_each = people.len() > 2 && all.len() == people.len() * (people.len() - 1) / 2;
    let stars = stars(&all);
    if stars.len() <= GROUPS && !(is_each && stars.len() > 1) {
        return stars
            .into_iter()
            .map(|(one, of)| PairGroup {
                trouble,
                pairs: of.len(),
                at: first_of(&of).unwrap_or(at),
                who: Who::One {
                    person: one.person,
                    is_origin: one.is_origin,
                    others: of.iter().map(|pair| pair.other_than(one)).collect(),
                    is_everybody: of.len() > NAMED && of.len() == met_by(one.person, pairs),
                },
            })
            .collect();
    }
    let people = people.into_iter().collect();
    vec![PairGroup {
        trouble,
        pairs: all.len(),
        at,
        who: Who::Many { people, is_each },
    }]
}

/// How many others somebody met for long enough.
fn met_by(person: &str, pairs: &[Pair]) -> usize {
    let has_them = |pair: &&Pair| pair.between.iter().any(|one| one.username == person);
    pairs
        .iter()
        .filter(|pair| !pair.parted_early())
        .filter(has_them)
        .count()
}

/// One of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End<'a> {
    person: &'a str,
    is_origin: bool,
}

/// A pair in a trouble.
#[derive(Debug, Clone, Copy)]
struct Troubled<'a> {
    /// The one that it began with before the other.
    ends: [End<'a>; 2],
    /// When.
    at: Timestamp,
}

impl<'a> Troubled<'a> {
    /// The one who is not at this end.
    fn other_than(&self, end: End<'_>) -> &'a str {
        let [one, other] = self.ends;
        if one == end { other.person } else { one.person }
    }
}

/// When it went wrong with the first of some pairs.
fn first_of(pairs: &[Troubled<'_>]) -> Option<Timestamp> {
    pairs.iter().map(|pair| pair.at).min()
}

/// A pair, if it is in this trouble.
fn troubled(trouble: PairTrouble, pair: &Pair) -> Option<Troubled<'_>> {
    if PairTrouble::of(pair) != Some(trouble) && PairTrouble::of_share(pair) != Some(trouble) {
        return None;
    }
    let link = if matches!(
        trouble,
        PairTrouble::ShareFailed | PairTrouble::ShareNoAnswer | PairTrouble::ShareLost
    ) {
        pair.broken_share().map(|(_, link)| link)
    } else {
        pair.decisive_link()
    };
    let [one, other] = pair.between.each_ref().map(|one| one.username.as_str());
    let names = match link.filter(|_| trouble.has_origin()) {
        Some(link) if link.offerer == other => [other, one],
        _ => [one, other],
    };
    let [first, second] = names;
    let ends = [
        End {
            person: first,
            is_origin: true,
        },
        End {
            person: second,
            // Where it began with neither, both are alike.
            is_origin: !trouble.has_origin(),
        },
    ];
    let at = link.map_or(pair.met_at, Link::broken_at);
    Some(Troubled { ends, at })
}

/// Each pair once, by the one whom most of what is left has in common.
fn stars<'a>(pairs: &[Troubled<'a>]) -> Vec<(End<'a>, Vec<Troubled<'a>>)> {
    let mut left = pairs.to_vec();
    let mut found = Vec::new();
    while let Some(shared) = most_shared(&left) {
        let (of, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|pair| pair.ends.contains(&shared));
        found.push((shared, of));
        left = rest;
    }
    found
}

/// The end that the most of these pairs have in common; of several the first.
fn most_shared<'a>(pairs: &[Troubled<'a>]) -> Option<End<'a>> {
    let mut counts: Vec<(End<'_>, usize)> = Vec::new();
    for end in pairs.iter().flat_map(|pair| pair.ends) {
        match counts.iter_mut().find(|(known, _)| *known == end) {
            Some((_, count)) => *count += 1,
            None => counts.push((end, 1)),
        }
    }
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map(|(end, _)| end)
}

#[cfg(test)]
mod tests {
    use super::super::pair_fixture::{pair, sharing};
    use super::super::sentences;
    use super::*;
    use crate::model::language::Language;
    use crate::words::Words;

    fn english() -> &'static Words {
        Words::of(Language::EnGb)
    }
    use Outcome::{Connected, Failed, Lost, NoAnswer, NoOffer, Waiting};

    fn told(pairs: &[Pair]) -> Vec<String> {
        let groups = groups(pairs);
        let sentences = groups.iter().map(|group| sentences::group(english(), group));
        sentences
            .map(|told| told.replace(['\u{2068}', '\u{2069}'], ""))
            .collect()
    }

    fn told_of(pairs: &[(&str, &str, Outcome)]) -> Vec<String> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(one, other, outcome)| pair(one, other, *outcome))
            .collect();
        told(&pairs)
    }

    #[test]
    fn one_person_who_failed_with_many_is_one_sentence() {
        assert_eq!(
            told_of(&[
                ("Ann", "Bo", NoOffer),
                ("Cy", "Bo", NoAnswer),
                ("Cy", "Di", NoAnswer),
                ("Bo", "Cy", Waiting),
                ("Ann", "Di", Failed),
                ("Di", "Ann", NoOffer),
                ("Di", "Eve", NoOffer),
                ("Eve", "Ann", Lost),
                ("Eve", "Bo", Connected),
            ]),
            [
                "Cy's offers to Bo and Di were never answered.",
                "Ann never connected with Bo and Di: no offer was made.",
                "Ann never connected with Di: no way between their networks (TURN would help).",
                "Di never connected with Eve: no offer was made.",
                "Eve and Ann were connected, and then lost each other.",
            ]
        );
    }

    #[test]
    fn of_offers_that_were_not_answered_it_is_said_whose_and_by_whom() {
        assert_eq!(
            told_of(&[("Ann", "Di", NoAnswer), ("Bo", "Di", NoAnswer), ("Di", "Eve", NoAnswer)]),
            [
                "The offers of Ann and Bo to Di were never answered.",
                "Di's offer to Eve was never answered.",
            ]
        );
    }

    /// Every two of ten people.
    fn ten(outcome: impl Fn(usize, usize) -> Outcome) -> Vec<Pair> {
        let names: Vec<String> = (0..10).map(|number| format!("P{number}")).collect();
        let mut pairs = Vec::new();
        for one in 0..10 {
            for other in one + 1..10 {
                pairs.push(pair(&names[one], &names[other], outcome(one, other)));
            }
        }
        pairs
    }

    #[test]
    fn many_pairs_of_one_trouble_are_one_sentence_with_the_names() {
        let all = "P0, P1, P2, P3, P4, P5, P6, P7, P8 and P9";
        let why = "no way between their networks (TURN would help).";
        assert_eq!(
            told(&ten(|_, _| Failed)),
            [format!("{all} never connected with each other: {why}")]
        );
        // The ring of neighbours fails.
        let ring = |one: usize, other: usize| if other == one + 1 { Failed } else { Connected };
        assert_eq!(
            told(&ten(ring)),
            [format!("9 pairs among {all} never connected: {why}")]
        );
    }

    #[test]
    fn who_failed_with_everybody_is_told_without_all_the_names() {
        let first = |trouble: Outcome| move |one: usize, _| if one == 0 { trouble } else { Connected };
        for (trouble, expected) in [
            (
                Failed,
                "P0 never connected with anyone: no way between their networks (TURN would help).",
            ),
            (NoOffer, "P0 never connected with anyone: no offer was made."),
            (NoAnswer, "P0's offers to everyone were never answered."),
            (Lost, "P0 was connected with everyone, and then lost them."),
        ] {
            assert_eq!(told(&ten(first(trouble))), [expected]);
        }
        // The last offered nothing: the others did.
        let last = |_, other: usize| if other == 9 { NoAnswer } else { Connected };
        assert_eq!(told(&ten(last)), ["The offers of everyone to P9 were never answered."]);
        let all_but_one = |one: usize, other: usize| if one == 0 && other > 1 { NoOffer } else { Connected };
        assert_eq!(
            told(&ten(all_but_one)),
            ["P0 never connected with P2, P3, P4, P5, P6, P7, P8 and P9: no offer was made."]
        );
    }

    #[test]
    fn a_screen_that_did_not_come_is_told_without_calling_the_pair_unconnected() {
        let pairs = [
            sharing("Ann", "Bo", Failed),
            sharing("Ann", "Cy", Failed),
            sharing("Cy", "Bo", Lost),
            sharing("Cy", "Di", NoAnswer),
        ];
        assert_eq!(
            told(&pairs),
            [
                "Ann's shared screen never reached Bo and Cy: no way between their networks (TURN would help).",
                "Cy's shared screen never reached Di: no offer of it was answered.",
                "Cy's shared screen was lost on its way to Bo.",
            ]
        );
        let sentence = sentences::pair(english(), &pairs[2]).replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(
            sentence,
            "Cy and Bo connected; Cy's shared screen was lost on its way to Bo."
        );
    }

    #[test]
    fn what_was_hung_up_before_an_answer_is_not_called_unanswered() {
        let mut hung_up = pair("Ann", "Bo", NoAnswer);
        hung_up.links[0].closed_by = Some(LinkEnd::Own(LinkCloseReason::HungUp));
        let sentence = sentences::pair(english(), &hung_up).replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(
            sentence,
            "Ann and Bo never connected: what Ann had offered was hung up before an answer."
        );
        assert_eq!(
            told(&[hung_up]),
            ["What Ann offered to Bo was hung up before an answer."]
        );
    }
}
