//! Pairs: what became of two people, of one and several others, and of many.

use super::wording::{count_of, first_names, isolated};
use crate::history::links::Link;
use crate::history::pair::Pair;
use crate::model::vocabulary::{ConnectionPath, Outcome};
use crate::web::review::pair_groups::{PairGroup, PairTrouble, Who};

/// A name more is no longer read.
const NAMES: usize = 12;

/// Why two people's networks did not meet.
const NO_WAY: &str = "no way was found between their networks (a TURN server would help)";

/// What became of a pair. Names are isolated, see [`isolated`].
pub(crate) fn pair(pair: &Pair) -> String {
    let clause = clause(pair);
    match pair.broken_share() {
        None => format!("{clause}."),
        Some((outcome, link)) => {
            let [sharer, other] = [&link.offerer, &link.answerer].map(|name| isolated(name));
            if outcome == Outcome::Failed {
                format!("{clause}; {sharer}'s shared screen never reached {other}: {NO_WAY}.")
            } else {
                format!("{clause}; {sharer}'s shared screen was lost on its way to {other}.")
            }
        }
    }
}

/// A pair in a clause, without its full stop: `Bo and Cy never connected: Bo's offer was never answered`.
fn clause(pair: &Pair) -> String {
    let [one, other] = [0, 1].map(|index| isolated(&pair.between[index].username));
    let link = pair.decisive_link();
    let offerer = link.map_or_else(|| one.clone(), |link| isolated(&link.offerer));
    match pair.outcome() {
        Outcome::NoOffer => format!("{one} and {other} never connected: neither made an offer"),
        Outcome::NoAnswer if PairTrouble::of(pair) == Some(PairTrouble::HungUp) => {
            format!("{one} and {other} never connected: what {offerer} had offered was hung up before an answer")
        }
        Outcome::NoAnswer => format!("{one} and {other} never connected: {offerer}'s offer was never answered"),
        Outcome::Waiting => format!("{one} and {other} are still connecting"),
        Outcome::Exchanged => {
            format!("{one} and {other} exchanged everything; their pages did not say whether video came")
        }
        Outcome::Failed => format!("{one} and {other} never connected: {NO_WAY}"),
        Outcome::Lost => format!("{one} and {other} were connected, and then lost each other"),
        Outcome::Connected => {
            let path = link.and_then(path).map_or("", by_way_of);
            format!("{one} and {other} connected{path}")
        }
    }
}

/// What several pairs have in common.
pub(in crate::web::review) fn group(group: &PairGroup<'_>) -> String {
    match &group.who {
        Who::One {
            person,
            is_origin,
            others,
        } => of_one(
            group.trouble,
            &isolated(person),
            *is_origin,
            others.len(),
            &first_names(others, NAMES),
        ),
        Who::Many { people, is_each } => of_many(group.trouble, group.pairs, *is_each, &first_names(people, NAMES)),
    }
}

/// One person and others. `is_origin` is whether the one has offered, or shared.
fn of_one(trouble: PairTrouble, one: &str, is_origin: bool, number: usize, others: &str) -> String {
    let is_single = number == 1;
    match trouble {
        PairTrouble::Failed => format!("{one} never connected with {others}: {NO_WAY}."),
        PairTrouble::NoAnswer if is_single => format!("{one}'s offer to {others} was never answered."),
        PairTrouble::NoAnswer if is_origin => format!("{one}'s offers to {others} were never answered."),
        PairTrouble::NoAnswer => format!("The offers of {others} to {one} were never answered."),
        PairTrouble::HungUp if is_single => format!("What {one} offered to {others} was hung up before an answer."),
        PairTrouble::HungUp if is_origin => {
            format!("What {one} offered to {others} was hung up before they answered.")
        }
        PairTrouble::HungUp => format!("What {others} offered to {one} was hung up before an answer."),
        PairTrouble::NoOffer => format!("{one} never connected with {others}: no offer was made."),
        PairTrouble::Lost if is_single => format!("{one} and {others} were connected, and then lost each other."),
        PairTrouble::Lost => format!("{one} was connected with {others}, and then lost them."),
        PairTrouble::ShareFailed if is_origin => {
            format!("{one}'s shared screen never reached {others}: {NO_WAY}.")
        }
        PairTrouble::ShareFailed => format!("The shared screens of {others} never reached {one}: {NO_WAY}."),
        PairTrouble::ShareLost if is_origin => format!("{one}'s shared screen was lost on its way to {others}."),
        PairTrouble::ShareLost => format!("The shared screens of {others} were lost on their way to {one}."),
    }
}

/// Several people; `is_each` is whether it is so of every two of them.
fn of_many(trouble: PairTrouble, pairs: usize, is_each: bool, people: &str) -> String {
    let never = |why: &str| {
        if is_each {
            return format!("{people} never connected with each other: {why}.");
        }
        format!("{pairs} pairs among {people} never connected: {why}.")
    };
    match trouble {
        PairTrouble::Failed => never(NO_WAY),
        PairTrouble::NoAnswer => never("no offer was answered"),
        PairTrouble::HungUp => never("what was offered was hung up before an answer"),
        PairTrouble::NoOffer => never("no offer was made"),
        PairTrouble::Lost => format!("{pairs} pairs among {people} were connected, and then lost each other."),
        PairTrouble::ShareFailed => format!("{pairs} shared screens among {people} never arrived: {NO_WAY}."),
        PairTrouble::ShareLost => format!("{pairs} shared screens among {people} were lost on their way."),
    }
}

/// By which way a connection goes, as far as a page knew. What one end calls straight may be the other's relay.
fn path(link: &Link) -> Option<ConnectionPath> {
    let said = [link.offerer_said, link.answerer_said].into_iter().flatten();
    said.filter_map(|said| said.path).max()
}

fn by_way_of(path: ConnectionPath) -> &'static str {
    match path {
        ConnectionPath::Host => ", straight",
        ConnectionPath::ServerReflexive | ConnectionPath::PeerReflexive => ", through a router",
        ConnectionPath::Relay => ", by a TURN server",
    }
}

/// Two people who could not connect.
pub(crate) const NEVER_MET: &str = "never there at the same time";

/// Two people who connected, and then not with all that they shared.
pub(crate) const SCREEN_MISSED: &str = "connected, but a shared screen did not arrive";

/// What became of a pair in a word.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Connected => "connected",
        Outcome::Waiting => "still connecting",
        Outcome::Exchanged => "not known",
        Outcome::Lost => "lost each other",
        Outcome::NoOffer | Outcome::NoAnswer | Outcome::Failed => "never connected",
    }
}

/// All pairs in one sentence; nothing where there is only one, which has its own.
pub(crate) fn every_pair(pairs: &[Pair]) -> String {
    let all = count_of(pairs.len(), "pair was", "pairs were");
    let bad = pairs.iter().filter(|pair| pair.outcome().is_bad()).count();
    let of = |outcome: Outcome| pairs.iter().filter(|pair| pair.outcome() == outcome).count();
    let (good, exchanged) = (of(Outcome::Connected), of(Outcome::Exchanged));
    let unknown = match exchanged {
        0 => String::new(),
        some => format!("; of {some} the pages did not say whether video came"),
    };
    match pairs.len() {
        0 => "No two people were there at the same time.".to_owned(),
        len if exchanged == len => "Everything was exchanged; the pages did not say whether video came.".to_owned(),
        1 if good == 1 => "The two connected.".to_owned(),
        1 => String::new(),
        len if good == len => format!("All {len} pairs connected."),
        _ if bad == 0 => format!("{all} there at the same time; {good} of them connected so far{unknown}."),
        _ => format!("{all} there at the same time: {good} connected, {bad} did not{unknown}."),
    }
}
