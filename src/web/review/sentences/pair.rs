//! Pairs: what became of two people, of one and several others, and of many.

use super::wording::counted;
use crate::history::links::Link;
use crate::history::pair::Pair;
use crate::model::vocabulary::{ConnectionPath, Outcome};
use crate::web::review::pair_groups::{PairGroup, PairTrouble, Who};
use crate::words::{Words, message as m};

/// A name more is no longer read.
const NAMES: usize = 12;

/// What became of a pair. Names are isolated, see [`Words::isolated`].
pub(crate) fn pair(words: &Words, pair: &Pair) -> String {
    let mut told = vec![clause(words, pair)];
    if let Some((outcome, link)) = pair.broken_share() {
        let (sharer, other) = (&words.isolated(&link.offerer), &words.isolated(&link.answerer));
        told.push(match outcome {
            Outcome::Failed => words.say(m::ScreenNeverReached { sharer, other }),
            Outcome::NoAnswer => words.say(m::ScreenNoAnswer { sharer, other }),
            Outcome::Lost | Outcome::NoOffer | Outcome::Waiting | Outcome::Exchanged | Outcome::Connected => {
                words.say(m::ScreenLost { sharer, other })
            }
        });
    }
    words.sentence(&words.clauses(&told))
}

/// A pair in a clause, without its full stop: `Bo and Cy never connected: Bo's offer was never answered`.
fn clause(words: &Words, pair: &Pair) -> String {
    let [one, other] = [0, 1].map(|index| words.isolated(&pair.between[index].username));
    let (one, other) = (one.as_str(), other.as_str());
    let link = pair.decisive_link();
    let offerer = link.map_or_else(|| one.to_owned(), |link| words.isolated(&link.offerer));
    let offerer = offerer.as_str();
    match pair.outcome() {
        _ if pair.parted_early() => words.say(m::PairParted { one, other }),
        Outcome::NoOffer => words.say(m::PairNoOffer { one, other }),
        Outcome::NoAnswer if PairTrouble::of(pair) == Some(PairTrouble::HungUp) => {
            words.say(m::PairHungUp { one, other, offerer })
        }
        Outcome::NoAnswer => words.say(m::PairNoAnswer { one, other, offerer }),
        Outcome::Waiting => words.say(m::PairWaiting { one, other }),
        Outcome::Exchanged => words.say(m::PairExchanged { one, other }),
        Outcome::Failed => words.say(m::PairFailed { one, other }),
        Outcome::Lost => words.say(m::PairLost { one, other }),
        Outcome::Connected => match link.and_then(path) {
            None => words.say(m::PairConnected { one, other }),
            Some(ConnectionPath::Host) => words.say(m::PairConnectedStraight { one, other }),
            Some(ConnectionPath::ServerReflexive | ConnectionPath::PeerReflexive) => {
                words.say(m::PairConnectedRouter { one, other })
            }
            Some(ConnectionPath::Relay) => words.say(m::PairConnectedRelay { one, other }),
        },
    }
}

/// What several pairs have in common.
pub(in crate::web::review) fn group(words: &Words, group: &PairGroup<'_>) -> String {
    match &group.who {
        Who::One {
            person,
            is_origin,
            others,
            is_everybody,
        } => {
            let (one, number) = (words.isolated(person), counted(others.len()));
            let others = if *is_everybody {
                everybody(words, group.trouble, *is_origin)
            } else {
                words.first_names(others, NAMES)
            };
            let of = if *is_origin { of_one } else { of_others };
            of(words, group.trouble, &one, &others, number)
        }
        Who::Many { people, is_each } => {
            let people = &words.first_names(people, NAMES);
            if *is_each && let Some(told) = of_each(words, group.trouble, people) {
                return told;
            }
            of_many(words, group.trouble, people, counted(group.pairs))
        }
    }
}

/// All whom one person met, as the sentence says of whom it is true or false.
fn everybody(words: &Words, trouble: PairTrouble, is_origin: bool) -> String {
    match trouble {
        PairTrouble::Failed | PairTrouble::NoOffer => words.say(m::Anyone),
        PairTrouble::ShareFailed | PairTrouble::ShareNoAnswer if is_origin => words.say(m::Anyone),
        PairTrouble::NoAnswer
        | PairTrouble::HungUp
        | PairTrouble::Lost
        | PairTrouble::ShareFailed
        | PairTrouble::ShareNoAnswer
        | PairTrouble::ShareLost => words.say(m::Everyone),
    }
}

/// One person, with whom it began, and so many others.
fn of_one(words: &Words, trouble: PairTrouble, one: &str, others: &str, number: i64) -> String {
    match trouble {
        PairTrouble::Failed => words.say(m::OneFailed { one, others }),
        PairTrouble::NoAnswer => words.say(m::OneNoAnswer { one, others, number }),
        PairTrouble::HungUp => words.say(m::OneHungUp { one, others, number }),
        PairTrouble::NoOffer => words.say(m::OneNoOffer { one, others }),
        PairTrouble::Lost => words.say(m::OneLost { one, others, number }),
        PairTrouble::ShareFailed => words.say(m::OneScreenFailed { one, others }),
        PairTrouble::ShareNoAnswer => words.say(m::OneScreenNoAnswer { one, others }),
        PairTrouble::ShareLost => words.say(m::OneScreenLost { one, others }),
    }
}

/// One person and others, with whom it began.
fn of_others(words: &Words, trouble: PairTrouble, one: &str, others: &str, number: i64) -> String {
    match trouble {
        PairTrouble::NoAnswer => words.say(m::OthersNoAnswer { one, others }),
        PairTrouble::HungUp => words.say(m::OthersHungUp { one, others }),
        PairTrouble::ShareFailed => words.say(m::OthersScreensFailed { one, others }),
        PairTrouble::ShareNoAnswer => words.say(m::OthersScreensNoAnswer { one, others }),
        PairTrouble::ShareLost => words.say(m::OthersScreensLost { one, others }),
        PairTrouble::Failed | PairTrouble::NoOffer | PairTrouble::Lost => of_one(words, trouble, one, others, number),
    }
}

/// Every two of several people; nothing where it is said by how many pairs they are.
fn of_each(words: &Words, trouble: PairTrouble, people: &str) -> Option<String> {
    match trouble {
        PairTrouble::Failed => Some(words.say(m::EachFailed { people })),
        PairTrouble::NoAnswer => Some(words.say(m::EachNoAnswer { people })),
        PairTrouble::HungUp => Some(words.say(m::EachHungUp { people })),
        PairTrouble::NoOffer => Some(words.say(m::EachNoOffer { people })),
        PairTrouble::Lost | PairTrouble::ShareFailed | PairTrouble::ShareNoAnswer | PairTrouble::ShareLost => None,
    }
}

/// So many pairs among several people.
fn of_many(words: &Words, trouble: PairTrouble, people: &str, pairs: i64) -> String {
    match trouble {
        PairTrouble::Failed => words.say(m::ManyFailed { people, pairs }),
        PairTrouble::NoAnswer => words.say(m::ManyNoAnswer { people, pairs }),
        PairTrouble::HungUp => words.say(m::ManyHungUp { people, pairs }),
        PairTrouble::NoOffer => words.say(m::ManyNoOffer { people, pairs }),
        PairTrouble::Lost => words.say(m::ManyLost { people, pairs }),
        PairTrouble::ShareFailed => words.say(m::ManyScreensFailed { people, pairs }),
        PairTrouble::ShareNoAnswer => words.say(m::ManyScreensNoAnswer { people, pairs }),
        PairTrouble::ShareLost => words.say(m::ManyScreensLost { people, pairs }),
    }
}

/// By which way a connection goes, as far as a page knew. What one end calls straight may be the other's relay.
fn path(link: &Link) -> Option<ConnectionPath> {
    let said = [link.offerer_said, link.answerer_said].into_iter().flatten();
    said.filter_map(|said| said.path).max()
}

/// What became of a pair in a word.
pub(crate) fn outcome(words: &Words, pair: &Pair) -> String {
    match pair.outcome() {
        _ if pair.parted_early() => words.say(m::CellParted),
        Outcome::Connected => words.say(m::CellConnected),
        Outcome::Waiting => words.say(m::CellWaiting),
        Outcome::Exchanged => words.say(m::CellUnknown),
        Outcome::Lost => words.say(m::CellLost),
        Outcome::NoOffer | Outcome::NoAnswer | Outcome::Failed => words.say(m::CellNever),
    }
}

/// All pairs in one sentence, and those in another that had no time to connect; nothing where there is only one, which has its
/// own.
pub(crate) fn every_pair(words: &Words, all: &[Pair]) -> String {
    let (parted, rest): (Vec<&Pair>, Vec<&Pair>) = all.iter().partition(|pair| pair.parted_early());
    let parted = match counted(parted.len()) {
        0 => return every_lasting_pair(words, &rest),
        count => words.sentence(&words.say(m::PairsParted { count })),
    };
    if rest.is_empty() {
        return parted;
    }
    let rest = every_lasting_pair(words, &rest);
    if rest.is_empty() {
        parted
    } else {
        words.two_sentences(&rest, &parted)
    }
}

fn every_lasting_pair(words: &Words, all: &[&Pair]) -> String {
    let of = |outcome: Outcome| counted(all.iter().filter(|pair| pair.outcome() == outcome).count());
    let [good, exchanged, waiting] = [Outcome::Connected, Outcome::Exchanged, Outcome::Waiting].map(of);
    let bad = counted(all.iter().filter(|pair| pair.is_bad()).count());
    let mut told = match counted(all.len()) {
        0 => return words.say(m::NoTwoMet),
        pairs if exchanged == pairs => return words.say(m::EverythingExchanged),
        1 if good == 1 => return words.say(m::TheTwoConnected),
        1 => return String::new(),
        pairs if good == pairs => return words.say(m::AllPairsConnected { pairs }),
        pairs if bad == 0 && waiting > 0 => vec![words.say(m::PairsSoFar { pairs, good })],
        pairs if bad == 0 => vec![words.say(m::PairsKnown { pairs, good })],
        pairs => vec![words.say(m::PairsInAll { pairs, good, bad })],
    };
    if exchanged > 0 {
        told.push(words.say(m::PairsUnknown { count: exchanged }));
    }
    words.sentence(&words.clauses(&told))
}
