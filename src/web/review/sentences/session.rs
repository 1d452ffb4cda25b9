//! A session as a whole: the line that answers first, and those under it.

use super::wording::{are_away, count, count_of, duration, few, first_names, length, names, times};
use crate::history::attendance::Attendance;
use crate::history::outages::{Outage, is_explained};
use crate::history::pair::Pair;
use crate::history::sessions::Session;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{Outcome, SessionStatus};
use crate::web::review::moment::{Moment, minute};

/// The most names that are told.
const NAMES: usize = 6;

/// The most moments that are told.
const MOMENTS: usize = 6;

/// A part of a sentence, without its full stop.
pub(crate) type Clause = String;

/// A sentence around moments, which the reader's own clock shows, and where more is to be seen of it.
pub(crate) struct Line {
    /// What comes before them.
    pub(crate) what: String,
    /// When.
    pub(crate) moments: Vec<Moment>,
    /// What comes after them.
    pub(crate) end: String,
    /// Where it leads.
    pub(crate) address: String,
}

impl Line {
    /// One that is whole without any moment.
    pub(crate) fn plain(sentence: String, address: &str) -> Self {
        Self {
            what: sentence,
            moments: Vec::new(),
            end: String::new(),
            address: address.to_owned(),
        }
    }
}

/// How many, how long, and what is worst, or that nothing was wrong.
pub(crate) fn lead(session: &Session, here: usize, told: &[Clause]) -> String {
    let all = count(session.unique_participants, "person", "people");
    let time = length(session.duration_ms);
    let head = if session.status == SessionStatus::Ended {
        format!("{all}, {time}.")
    } else {
        format!("Live for {time}: {here} of {all} here now.")
    };
    format!("{head} {}.", capitalized(&told.join("; ")))
}

/// Of people who are too many to look at each: what the session itself counts.
pub(crate) fn too_many(session: &Session) -> String {
    let all = count(session.unique_participants, "person", "people");
    let time = length(session.duration_ms);
    let head = match session.status {
        SessionStatus::Ended => format!("{all}, {time}."),
        SessionStatus::Active => format!("Live for {time}: {all} so far."),
    };
    let back = count(session.reconnect_count, "drop was", "drops were");
    format!("{head} {back} made good again. They are too many to tell of each.")
}

/// Who is away at this moment, since when.
pub(crate) fn away(people: &[&Attendance], session: &Session, address: String) -> (Clause, Line) {
    let who = usernames(people);
    let since = people.iter().filter_map(|person| person.intervals.last()?.to);
    let clause = are_away(&who);
    let line = Line {
        what: format!("{clause} since"),
        moments: moments(since, session),
        end: ".".to_owned(),
        address,
    };
    (clause, line)
}

/// Who did not come back, and when contact was lost.
pub(crate) fn lost(people: &[&Attendance], session: &Session, address: String) -> (Clause, Line) {
    let who = usernames(people);
    let at = people.iter().filter_map(|person| {
        let last = person.losses.last().map(|loss| loss.at);
        last.or(person.left_at)
    });
    let line = Line {
        what: format!("{} did not come back: contact was lost at", first_names(&who, NAMES)),
        moments: moments(at, session),
        end: ".".to_owned(),
        address,
    };
    (format!("{} did not come back", few(&who)), line)
}

/// Who dropped and came back, by other causes than those that were everybody's.
pub(crate) fn came_back(people: &[&Attendance], outages: &[Outage], address: String) -> (Clause, Line) {
    let who = usernames(people);
    let often = match people {
        [one] => format!(" {}", times(one.reconnect_count)),
        _ => String::new(),
    };
    let gaps = people.iter().flat_map(|person| {
        let own = person.losses.iter().filter(|loss| !is_explained(**loss, outages));
        own.filter_map(|loss| loss.ms())
    });
    let longest = match gaps.max() {
        Some(ms @ 1..) => format!("; the longest gap was {}", duration(ms)),
        _ => String::new(),
    };
    let sentence = format!("{} dropped and came back{often}{longest}.", first_names(&who, NAMES));
    let clause = format!("{} dropped and came back", few(&who));
    (clause, Line::plain(sentence, &address))
}

/// Who did not connect with whom, in a few words. `alone` are those who connected with nobody.
pub(crate) fn unconnected(pairs: &[Pair], alone: &[&str]) -> Vec<Clause> {
    let failed: Vec<&Pair> = pairs.iter().filter(|pair| pair.outcome().is_failed()).collect();
    let lost = pairs.iter().filter(|pair| pair.outcome() == Outcome::Lost).count();
    let shared = pairs.iter().filter(|pair| pair.shared.is_some()).count();
    let has_one_of = |pair: &&Pair, some: &[&str]| pair.between.iter().any(|one| some.contains(&&*one.username));
    let mut told = Vec::new();
    if !failed.is_empty() && failed.len() == pairs.len() && pairs.len() > 1 {
        told.push("nobody connected with anybody".to_owned());
    } else if let [pair] = failed[..] {
        let both = pair.between.each_ref().map(|one| one.username.as_str());
        told.push(format!("{} never connected", names(&both)));
    } else if !failed.is_empty() && failed.iter().all(|pair| has_one_of(pair, alone)) {
        told.push(format!("{} never connected with anyone", few(alone)));
    } else if let Some(one) = failed.first().and_then(|pair| in_all(pair, &failed)) {
        told.push(format!(
            "{} never connected with {} others",
            names(&[one]),
            failed.len()
        ));
    } else if !failed.is_empty() {
        told.push(format!("{} pairs never connected", failed.len()));
    }
    if lost > 0 {
        told.push(format!("{} lost each other", count_of(lost, "pair", "pairs")));
    }
    if shared > 0 {
        told.push(format!(
            "{} did not arrive",
            count_of(shared, "shared screen", "shared screens")
        ));
    }
    told
}

/// The one of these two whom all the pairs have in common.
fn in_all<'a>(pair: &'a Pair, all: &[&Pair]) -> Option<&'a str> {
    let names = pair.between.iter().map(|one| one.username.as_str());
    let has = |pair: &Pair, name: &str| pair.between.iter().any(|one| one.username == name);
    names.into_iter().find(|name| all.iter().all(|other| has(other, name)))
}

/// That nothing was wrong, as far as it is known.
pub(crate) fn nothing_wrong(people: usize, pairs: Option<&[Pair]>) -> Clause {
    let Some(pairs) = pairs else {
        return "nobody dropped".to_owned();
    };
    let waiting = pairs.iter().any(|pair| pair.outcome() == Outcome::Waiting);
    let is_unknown = pairs.iter().any(|pair| pair.outcome() == Outcome::Exchanged);
    match (people, pairs.is_empty()) {
        (0 | 1, _) => "nobody else came, and nothing went wrong",
        (_, true) => "no two of them were there at the same time; nobody dropped",
        _ if waiting => "nobody dropped; some are still connecting",
        _ if is_unknown => "nobody dropped, and everything was exchanged; the pages did not say whether video came",
        (2, _) => "the two connected, and nobody dropped",
        _ => "everyone connected with everyone they met, and nobody dropped",
    }
    .to_owned()
}

/// What the server or its network did to everybody at once, in a few words.
pub(crate) fn outage_clause(outages: &[Outage]) -> Clause {
    let number = i64::try_from(outages.len()).unwrap_or(i64::MAX);
    let who = if outages.iter().all(|outage| outage.by_server) {
        "the server was away"
    } else {
        "all lost contact at once"
    };
    let missing = missing(outages);
    let end = if missing.is_empty() {
        String::new()
    } else {
        format!(", and {} did not come back", few(&missing))
    };
    let often = if number == 1 {
        String::new()
    } else {
        format!(" {}", times(number))
    };
    format!("{who}{often}{end}")
}

/// A line for each kind of outage.
pub(crate) fn outage_lines(session: &Session, outages: &[Outage], address: &str) -> Vec<Line> {
    let (stops, losses): (Vec<&Outage>, Vec<&Outage>) = outages.iter().partition(|outage| outage.by_server);
    let kinds = [
        ("The server was restarted, or its machine slept, at", stops),
        (
            "All lost contact at once, so it was the network or the server, at",
            losses,
        ),
    ];
    let kinds = kinds.into_iter().filter(|(_, outages)| !outages.is_empty());
    kinds
        .map(|(what, outages)| Line {
            what: what.to_owned(),
            moments: moments(outages.iter().map(|outage| outage.at), session),
            end: outage_end(&outages),
            address: address.to_owned(),
        })
        .collect()
}

/// How many more there were, how soon all were back, and who was not.
fn outage_end(outages: &[&Outage]) -> String {
    let more = match i64::try_from(outages.len().saturating_sub(MOMENTS)).unwrap_or(i64::MAX) {
        0 => String::new(),
        more => format!(" and {} more", count(more, "time", "times")),
    };
    let slowest = outages.iter().filter_map(|outage| outage.back_after_ms).max();
    let missing = missing(outages.iter().copied());
    let is_over = outages.iter().all(|outage| !outage.goes_on);
    match slowest.map(|ms| duration(ms.saturating_add(999))) {
        Some(within) if missing.is_empty() && is_over => format!("{more}; all came back within {within}."),
        None if is_over && !missing.is_empty() => format!("{more}; nobody came back."),
        _ if missing.is_empty() => format!("{more}."),
        _ => format!("{more}; {} did not come back.", first_names(&missing, NAMES)),
    }
}

fn missing<'a>(outages: impl IntoIterator<Item = &'a Outage>) -> Vec<&'a str> {
    let mut missing: Vec<&str> = Vec::new();
    for outage in outages {
        missing.extend(outage.missing.iter().map(String::as_str));
    }
    missing.sort_unstable();
    missing.dedup();
    missing
}

fn usernames<'a>(people: &[&'a Attendance]) -> Vec<&'a str> {
    people.iter().map(|person| person.username.as_str()).collect()
}

fn moments(all: impl Iterator<Item = Timestamp>, session: &Session) -> Vec<Moment> {
    let mut all: Vec<Timestamp> = all.collect();
    all.sort_unstable();
    all.into_iter()
        .take(MOMENTS)
        .map(|at| minute(at, session.started_at))
        .collect()
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
