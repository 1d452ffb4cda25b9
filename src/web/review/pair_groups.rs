//! Pairs of one outcome that have one person in common: one sentence with names says of them what many would.

use super::sentences;
use crate::history::pair::Pair;
use crate::model::vocabulary::Outcome;

/// In the order in which they are told: what is wrong first.
const ORDER: [Outcome; 5] = [
    Outcome::Failed,
    Outcome::NoAnswer,
    Outcome::NoOffer,
    Outcome::Lost,
    Outcome::Waiting,
];

/// A sentence for each person who shares an outcome with several others, the most of them first, and for each pair that
/// is left.
pub(super) fn sentences_of(pairs: &[&Pair]) -> Vec<String> {
    ORDER
        .iter()
        .flat_map(|outcome| sentences_of_outcome(*outcome, pairs))
        .collect()
}

fn sentences_of_outcome(outcome: Outcome, pairs: &[&Pair]) -> Vec<String> {
    let mut left: Vec<&Pair> = pairs.iter().filter(|pair| pair.outcome() == outcome).copied().collect();
    let mut told = Vec::new();
    while let Some((shared, others)) = largest(&left) {
        told.push(sentences::pairs_of(shared.person, shared.has_offered, &others, outcome));
        left.retain(|pair| !ends(pair).contains(&shared));
    }
    told.extend(left.into_iter().map(sentences::pair));
    told
}

/// One of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
struct End<'a> {
    person: &'a str,
    /// Whether it is this one's offer that was never answered.
    has_offered: bool,
}

/// What the most of these pairs have in common, with the others, if several have.
fn largest<'a>(pairs: &[&'a Pair]) -> Option<(End<'a>, Vec<&'a str>)> {
    let mut counts: Vec<(End<'_>, usize)> = Vec::new();
    for end in pairs.iter().flat_map(|pair| ends(pair)) {
        match counts.iter_mut().find(|(known, _)| *known == end) {
            Some((_, count)) => *count += 1,
            None => counts.push((end, 1)),
        }
    }
    // Of several the first.
    let (shared, count) = counts.into_iter().rev().max_by_key(|(_, count)| *count)?;
    let other = |pair: &&'a Pair| match ends(pair) {
        [one, other] if one == shared => Some(other.person),
        [one, other] if other == shared => Some(one.person),
        _ => None,
    };
    (count > 1).then(|| (shared, pairs.iter().filter_map(other).collect()))
}

fn ends(pair: &Pair) -> [End<'_>; 2] {
    let offerer = pair.decisive_link().filter(|_| pair.outcome() == Outcome::NoAnswer);
    pair.between.each_ref().map(|one| End {
        person: &one.username,
        has_offered: offerer.is_some_and(|link| link.offerer == one.username),
    })
}

#[cfg(test)]
mod tests {
    use super::super::pair_fixture::pair;
    use super::*;
    use Outcome::{Failed, Lost, NoAnswer, NoOffer, Waiting};

    fn told(pairs: &[(&str, &str, Outcome)]) -> Vec<String> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(one, other, outcome)| pair(one, other, *outcome))
            .collect();
        let sentences = sentences_of(&pairs.iter().collect::<Vec<_>>()).into_iter();
        sentences
            .map(|told| told.replace(['\u{2068}', '\u{2069}'], ""))
            .collect()
    }

    #[test]
    fn one_person_who_failed_with_many_is_one_sentence() {
        let pairs = [
            ("Ann", "Bo", NoOffer),
            ("Cy", "Bo", NoAnswer),
            ("Cy", "Di", NoAnswer),
            ("Bo", "Cy", Waiting),
            ("Ann", "Di", Failed),
            ("Di", "Ann", NoOffer),
            ("Di", "Eve", NoOffer),
            ("Eve", "Ann", Lost),
        ];
        assert_eq!(
            told(&pairs),
            [
                "Ann and Di never connected: addresses were exchanged, but no way was found between the two networks (a TURN \
                 server would help).",
                "Cy never connected with Bo and Di: Cy's offers were never answered.",
                "Ann never connected with Bo and Di: no offer was made.",
                "Di and Eve never connected: neither made an offer.",
                "Eve and Ann were connected, and then lost each other.",
                "Bo and Cy are still connecting.",
            ]
        );
    }

    #[test]
    fn of_offers_that_were_not_answered_it_is_said_whose_and_by_whom() {
        assert_eq!(
            told(&[("Ann", "Di", NoAnswer), ("Bo", "Di", NoAnswer), ("Di", "Eve", NoAnswer)]),
            [
                "Di never connected with Ann and Bo: their offers were never answered.",
                "Di and Eve never connected: Di's offer was never answered.",
            ]
        );
    }
}
