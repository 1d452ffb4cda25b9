//! A session as a whole: the line that answers first, and those under it.

use super::wording::{capitalized, counted};
use crate::history::attendance::Attendance;
use crate::history::glance::in_all;
use crate::history::outages::{Outage, is_explained};
use crate::history::pair::Pair;
use crate::history::sessions::Session;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{Outcome, SessionStatus};
use crate::web::review::moment::minute;
use crate::words::{Html, SLOT, Words, message as m};

/// The most names that are told.
const NAMES: usize = 6;

/// The most moments that are told.
const MOMENTS: usize = 6;

/// A part of a sentence, without its full stop.
pub(crate) type Clause = String;

/// A sentence, its moments such as the reader's own clock shows, and where more is to be seen of it.
pub(crate) struct Line {
    /// The sentence.
    pub(crate) sentence: Html,
    /// Where it leads.
    pub(crate) address: String,
}

impl Line {
    /// One without any moment.
    pub(crate) fn plain(sentence: &str, address: &str) -> Self {
        Self {
            sentence: Html::text(sentence),
            address: address.to_owned(),
        }
    }
}

/// How many, how long (`in_short`, as `53 min`), and what is worst, or that nothing was wrong.
pub(crate) fn lead(words: &Words, session: &Session, here: usize, in_short: bool, told: &[Clause]) -> String {
    const IN_MINUTES_FROM_MS: i64 = 60_000;
    let people = session.unique_participants;
    let has_ended = session.status == SessionStatus::Ended;
    // One that goes on says more: there is room for who is away and for a pair.
    let length = if session.duration_ms >= IN_MINUTES_FROM_MS && (in_short || !has_ended) {
        &words.minutes(session.duration_ms)
    } else {
        &words.length(session.duration_ms)
    };
    let head = if has_ended {
        words.say(m::LeadEnded { people, length })
    } else {
        let here = counted(here);
        words.say(m::LeadLive { here, people, length })
    };
    let told = words.sentence(&capitalized(&words.clauses(told)));
    words.two_sentences(&head, &told)
}

/// Of people who are too many to look at each: what the session itself counts.
pub(crate) fn too_many(words: &Words, session: &Session) -> String {
    let (people, length) = (session.unique_participants, &words.length(session.duration_ms));
    let head = match session.status {
        SessionStatus::Ended => words.say(m::LeadEnded { people, length }),
        SessionStatus::Active => words.say(m::LeadLiveMany { people, length }),
    };
    let told = words.say(m::TooManyToTell {
        drops: session.reconnect_count,
    });
    words.two_sentences(&head, &told)
}

/// Who is away at this moment, since when.
pub(crate) fn away(words: &Words, people: &[&Attendance], session: &Session, address: String) -> (Clause, Line) {
    let (who, since) = in_order(people, |person| person.intervals.last()?.to);
    let sentence = m::AwaySince {
        count: counted(who.len()),
        who: &words.few(&who),
        moments: SLOT,
    };
    let sentence = words.around(sentence, &moments(words, since, session));
    (words.are_away(&who), Line { sentence, address })
}

/// How many are away, if they are several: one is told by name.
pub(crate) fn away_in_short(words: &Words, people: usize) -> Option<Clause> {
    let count = counted(people);
    several(words, count).map(|who| words.say(m::AreAway { count, who: &who }))
}

/// The same of those who did not come back.
pub(crate) fn lost_in_short(words: &Words, people: usize) -> Option<Clause> {
    several(words, counted(people)).map(|who| words.say(m::WhoDidNotComeBack { who: &who }))
}

fn several(words: &Words, count: i64) -> Option<String> {
    (count > 1).then(|| words.say(m::People { count }))
}

/// Who did not come back, and when contact was lost.
pub(crate) fn lost(words: &Words, people: &[&Attendance], session: &Session, address: String) -> (Clause, Line) {
    let (who, at) = in_order(people, |person| {
        let last = person.losses.last().map(|loss| loss.at);
        last.or(person.left_at)
    });
    let sentence = m::ContactLost {
        who: &words.first_names(&who, NAMES),
        moments: SLOT,
    };
    let sentence = words.around(sentence, &moments(words, at, session));
    let clause = words.say(m::WhoDidNotComeBack { who: &words.few(&who) });
    (clause, Line { sentence, address })
}

/// Who dropped and came back, by other causes than those that were everybody's.
pub(crate) fn came_back(words: &Words, people: &[&Attendance], outages: &[Outage], address: &str) -> (Clause, Line) {
    let all = usernames(people);
    let who = &words.first_names(&all, NAMES);
    let mut told = vec![match people {
        [one] => words.say(m::WhoCameBackOften {
            who,
            often: &words.times(one.reconnect_count),
        }),
        _ => words.say(m::WhoCameBack { who }),
    }];
    let gaps = people.iter().flat_map(|person| {
        let own = person.losses.iter().filter(|loss| !is_explained(**loss, outages));
        own.filter_map(|loss| loss.ms())
    });
    if let Some(ms @ 1..) = gaps.max() {
        told.push(words.say(m::LongestGap {
            duration: &words.duration(ms),
        }));
    }
    let clause = words.say(m::WhoCameBack { who: &words.few(&all) });
    (clause, Line::plain(&words.sentence(&words.clauses(&told)), address))
}

/// Who did not connect with whom, in a few words. `alone` are those who connected with nobody.
pub(crate) fn unconnected(words: &Words, pairs: &[Pair], alone: &[&str]) -> Vec<Clause> {
    let failed: Vec<&Pair> = pairs.iter().filter(|pair| pair.is_failed()).collect();
    let lasting = pairs.iter().filter(|pair| !pair.parted_early()).count();
    let lost = pairs.iter().filter(|pair| pair.outcome() == Outcome::Lost).count();
    let shared = pairs.iter().filter(|pair| pair.shared.is_some()).count();
    let has_one_of = |pair: &&Pair, some: &[&str]| pair.between.iter().any(|one| some.contains(&&*one.username));
    let mut told = Vec::new();
    if !failed.is_empty() && failed.len() == lasting && lasting > 1 {
        told.push(words.say(m::NobodyConnected));
    } else if failed.len() > 1 && failed.iter().all(|pair| has_one_of(pair, alone)) {
        told.push(words.say(m::WhoMetNobody { who: &words.few(alone) }));
    } else {
        let by = in_all(failed.iter().map(|pair| names_of(pair)));
        told.extend(never_connected(words, failed.len(), &by));
    }
    if lost > 0 {
        told.push(words.say(m::PairsLost { pairs: counted(lost) }));
    }
    if shared > 0 {
        told.push(words.say(m::ScreensMissing {
            screens: counted(shared),
        }));
    }
    told
}

/// How many pairs did not connect, if any did not, without names.
pub(crate) fn unconnected_in_short(words: &Words, pairs: &[Pair]) -> Option<Clause> {
    let failed = pairs.iter().filter(|pair| pair.is_failed()).count();
    never_connected(words, failed, &[])
}

/// That so many pairs did not connect, if any did not; `by` are those whom all of them have in common.
pub(crate) fn never_connected(words: &Words, pairs: usize, by: &[&str]) -> Option<Clause> {
    let who = &words.names(by);
    match (pairs, by) {
        (0, _) => None,
        (1, [_, _]) => Some(words.say(m::WhoNeverConnected { who })),
        (2.., [_]) => Some(words.say(m::WhoMissedOthers {
            who,
            others: counted(pairs),
        })),
        _ => Some(words.say(m::PairsNeverConnected { pairs: counted(pairs) })),
    }
}

fn names_of(pair: &Pair) -> [&str; 2] {
    pair.between.each_ref().map(|one| one.username.as_str())
}

/// That nothing was wrong, as far as it is known.
pub(crate) fn nothing_wrong(words: &Words, people: usize, pairs: Option<&[Pair]>) -> Clause {
    let Some(pairs) = pairs else {
        return words.say(m::NobodyDropped);
    };
    let waiting = pairs.iter().any(|pair| pair.outcome() == Outcome::Waiting);
    let unknown = pairs.iter().filter(|pair| pair.outcome() == Outcome::Exchanged).count();
    let lasting = pairs.iter().filter(|pair| !pair.parted_early()).count();
    match (people, pairs.is_empty()) {
        (0 | 1, _) => words.say(m::NobodyElseCame),
        (_, true) => words.say(m::NobodyMet),
        _ if waiting => words.say(m::SomeStillConnecting),
        _ if lasting == 0 => words.say(m::NobodyStayed),
        _ if unknown == lasting => words.say(m::AllExchangedNobodyDropped),
        _ if unknown > 0 => words.say(m::SomeUnknownNobodyDropped {
            pairs: counted(unknown),
        }),
        (2, _) => words.say(m::TwoConnectedNobodyDropped),
        _ if lasting < pairs.len() => words.say(m::AllWhoStayedConnected),
        _ => words.say(m::AllConnectedNobodyDropped),
    }
}

/// What the server or its network did to everybody at once, in a few words.
pub(crate) fn outages(words: &Words, outages: &[Outage]) -> Clause {
    let often = &words.times(counted(outages.len()));
    match (outages.iter().all(|outage| outage.by_server), outages.len()) {
        (true, 1) => words.say(m::ServerWasAway),
        (true, _) => words.say(m::ServerWasAwayOften { often }),
        (false, 1) => words.say(m::AllLostContact),
        (false, _) => words.say(m::AllLostContactOften { often }),
    }
}

/// The same, with who did not come back.
pub(crate) fn outage_clause(words: &Words, all: &[Outage]) -> Clause {
    let (outage, missing) = (outages(words, all), missing(all));
    if missing.is_empty() {
        return outage;
    }
    words.say(m::OutageBut {
        outage: &outage,
        who: &words.few(&missing),
    })
}

/// A line for each kind of outage.
pub(crate) fn outage_lines(words: &Words, session: &Session, outages: &[Outage], address: &str) -> Vec<Line> {
    let (stops, losses): (Vec<&Outage>, Vec<&Outage>) = outages.iter().partition(|outage| outage.by_server);
    let mut lines = Vec::new();
    if !stops.is_empty() {
        let what = words.say(m::ServerRestartedAt { moments: SLOT });
        lines.push(outage_line(words, session, what, &stops, address));
    }
    if !losses.is_empty() {
        let what = words.say(m::AllLostContactAt { moments: SLOT });
        lines.push(outage_line(words, session, what, &losses, address));
    }
    lines
}

/// What happened when, and how often more; how soon all were back, or who was not.
fn outage_line(words: &Words, session: &Session, what: Clause, outages: &[&Outage], address: &str) -> Line {
    let told: Vec<Clause> = [what].into_iter().chain(outage_end(words, outages)).collect();
    let clause = &words.clauses(&told);
    let moments = moments(words, outages.iter().map(|outage| outage.at).collect(), session);
    Line {
        sentence: words.around(m::Sentence { clause }, &moments),
        address: address.to_owned(),
    }
}

fn outage_end(words: &Words, outages: &[&Outage]) -> Option<Clause> {
    let slowest = outages.iter().filter_map(|outage| outage.back_after_ms).max();
    let missing = missing(outages.iter().copied());
    let is_over = outages.iter().all(|outage| !outage.goes_on);
    match slowest.map(|ms| words.duration(ms.saturating_add(999))) {
        Some(duration) if missing.is_empty() && is_over => Some(words.say(m::AllBackWithin { duration: &duration })),
        None if is_over && !missing.is_empty() => Some(words.say(m::NobodyCameBack)),
        _ if missing.is_empty() => None,
        _ => Some(words.say(m::WhoDidNotComeBack {
            who: &words.first_names(&missing, NAMES),
        })),
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

/// The names of people in the order of something that happened to each, and when it did.
fn in_order<'a>(
    people: &[&'a Attendance],
    moment: impl Fn(&Attendance) -> Option<Timestamp>,
) -> (Vec<&'a str>, Vec<Timestamp>) {
    let mut all: Vec<(Option<Timestamp>, &str)> = people
        .iter()
        .map(|person| (moment(person), person.username.as_str()))
        .collect();
    all.sort_by_key(|(at, _)| *at);
    let (at, who): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    (who, at.into_iter().flatten().collect())
}

/// The first of some moments as a list, each minute once, and how many more there are.
fn moments(words: &Words, mut all: Vec<Timestamp>, session: &Session) -> Html {
    all.sort_unstable();
    all.dedup_by_key(|at| at.0.div_euclid(60_000));
    let more = counted(all.len().saturating_sub(MOMENTS));
    let shown = all.into_iter().take(MOMENTS);
    let mut told: Vec<Html> = shown
        .map(|at| Html::element(&minute(words, at, session.started_at)))
        .collect();
    if more > 0 {
        told.push(Html::text(&words.say(m::MoreTimes { count: more })));
    }
    words.list_of_elements(told)
}
