//! What there is to say of a session in a few sentences: what is wrong before what is normal.

use std::collections::BTreeMap;

use super::sentences::pair_clause;
use super::wording::{are_away, count, length, names};
use crate::history::attendance::Attendance;
use crate::history::outages::{Outage, is_explained};
use crate::history::pair::Pair;
use crate::history::sessions::Session;
use crate::model::vocabulary::{LeaveReason, Outcome, SessionStatus};

/// The most pairs that are told one by one.
const TOLD_PAIRS: usize = 3;

/// Tells a session from all its people and all their pairs, each `None` where there are too many. Names are isolated.
pub(super) fn summary(
    session: &Session,
    people: Option<&[Attendance]>,
    outages: &[Outage],
    pairs: Option<&[Pair]>,
) -> String {
    let Some(people) = people else {
        return of_too_many(session);
    };
    let mut troubles = pairs.map(connections).unwrap_or_default();
    troubles.extend(attendance(session, people, outages));
    if session.error_count > 0 {
        let errors = count(session.error_count, "error was", "errors were");
        troubles.push(format!("{errors} told to the clients"));
    }
    let second = if troubles.is_empty() {
        nothing_wrong(people, pairs)
    } else {
        troubles.join("; ")
    };
    format!("{} {}.", head(session, people), capitalized(&second))
}

/// Where people are too many to look at each: what the session itself counts.
fn of_too_many(session: &Session) -> String {
    let all = count(session.unique_participants, "person", "people");
    let time = length(session.duration_ms);
    let head = match session.status {
        SessionStatus::Ended => format!("{all}, {time}."),
        SessionStatus::Active => format!("Live for {time}: {all} so far."),
    };
    let back = count(session.reconnect_count, "drop was", "drops were");
    let errors = count(session.error_count, "error was", "errors were");
    format!("{head} {back} made good again; {errors} told to the clients. They are too many to tell of each.")
}

/// How many, and how long.
fn head(session: &Session, people: &[Attendance]) -> String {
    let all = count(session.unique_participants, "person", "people");
    let time = length(session.duration_ms);
    if session.status == SessionStatus::Ended {
        return format!("{all}, {time}.");
    }
    let here = people.iter().filter(|person| person.is_present()).count();
    format!("Live for {time}: {here} of {all} here now.")
}

/// Who dropped, most lasting first.
fn attendance(session: &Session, people: &[Attendance], outages: &[Outage]) -> Vec<String> {
    let is_live = session.status == SessionStatus::Active;
    let mut kinds: [Vec<&str>; 3] = Default::default();
    for person in people {
        let is_member = person.left_at.is_none();
        let kind = if is_live && is_member && !person.is_present() {
            0
        } else if !is_member && person.leave_reason.is_some_and(LeaveReason::is_lost) {
            // Of an outage it is said who did not come back.
            if person.losses.last().is_some_and(|last| is_explained(*last, outages)) {
                continue;
            }
            1
        } else if came_back_alone(person, outages) {
            2
        } else {
            continue;
        };
        kinds[kind].push(&person.username);
    }
    let [away, lost, back] = kinds;
    let mut told = Vec::new();
    if !away.is_empty() {
        told.push(are_away(&away));
    }
    for (who, what) in [(lost, "dropped and did not come back"), (back, "dropped and came back")] {
        if !who.is_empty() {
            told.push(format!("{} {what}", names(&who)));
        }
    }
    told
}

/// Whether somebody came back from more than the outages that were everybody's.
fn came_back_alone(person: &Attendance, outages: &[Outage]) -> bool {
    let returns = person.losses.iter().filter(|loss| loss.is_resumed);
    let explained = returns.filter(|loss| is_explained(**loss, outages)).count();
    person.reconnect_count > i64::try_from(explained).unwrap_or(i64::MAX)
}

/// Who did not connect with whom.
fn connections(pairs: &[Pair]) -> Vec<String> {
    if pairs.len() > 1 && pairs.iter().all(|pair| pair.outcome() == Outcome::NoOffer) {
        return vec!["nobody connected with anybody: no offer was ever made".to_owned()];
    }
    let alone = alone(pairs);
    let mut told = Vec::new();
    if !alone.is_empty() {
        told.push(format!("{} never connected with anyone", names(&alone)));
    }
    let is_told = |pair: &&Pair| pair.between.iter().any(|one| alone.contains(&one.username.as_str()));
    let rest: Vec<&Pair> = pairs
        .iter()
        .filter(|pair| pair.outcome().is_failed() && !is_told(pair))
        .collect();
    if rest.len() > TOLD_PAIRS {
        told.push(format!("{} of {} pairs never connected", rest.len(), pairs.len()));
    } else {
        told.extend(rest.into_iter().map(pair_clause));
    }
    let lost = pairs.iter().filter(|pair| pair.outcome() == Outcome::Lost).count();
    match i64::try_from(lost).unwrap_or(i64::MAX) {
        0 => {}
        lost => told.push(format!(
            "{} connected and then lost each other",
            count(lost, "pair", "pairs")
        )),
    }
    told
}

/// People who met more than one other, and connected with none of them.
fn alone(pairs: &[Pair]) -> Vec<&str> {
    let mut met: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for pair in pairs {
        for one in &pair.between {
            let (all, bad) = met.entry(one.username.as_str()).or_default();
            *all += 1;
            *bad += usize::from(pair.outcome().is_failed());
        }
    }
    let is_alone = |(_, (all, bad)): &(&str, (usize, usize))| *all > 1 && all == bad;
    met.into_iter().filter(is_alone).map(|(name, _)| name).collect()
}

fn nothing_wrong(people: &[Attendance], pairs: Option<&[Pair]>) -> String {
    let Some(pairs) = pairs else {
        return "nobody dropped".to_owned();
    };
    let waiting = pairs.iter().any(|pair| pair.outcome() == Outcome::Waiting);
    let is_unknown = pairs.iter().any(|pair| pair.outcome() == Outcome::Exchanged);
    match (people.len(), pairs.is_empty()) {
        (0 | 1, _) => "nobody else came, and nothing went wrong".to_owned(),
        (_, true) => "no two of them were there at the same time; nobody dropped".to_owned(),
        _ if waiting => "nobody dropped; some are still connecting".to_owned(),
        _ if is_unknown => {
            "nobody dropped, and everything was exchanged; the pages did not say whether video came".to_owned()
        }
        (2, _) => "the two connected, and nobody dropped".to_owned(),
        _ => "everyone connected with everyone they met, and nobody dropped".to_owned(),
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::pair_fixture::pair;
    use uuid::Uuid;

    use super::*;
    use crate::history::intervals::Span;
    use crate::model::id::{ParticipantId, SessionId};
    use crate::model::time::Timestamp;

    fn session(people: usize, minutes: i64, is_live: bool, errors: i64) -> Session {
        Session {
            id: SessionId(Uuid::nil()),
            room: "r".to_owned(),
            status: if is_live {
                SessionStatus::Active
            } else {
                SessionStatus::Ended
            },
            started_at: Timestamp(0),
            ended_at: (!is_live).then_some(Timestamp(minutes * 60_000)),
            duration_ms: minutes * 60_000,
            peak_participants: 2,
            unique_participants: i64::try_from(people).unwrap(),
            reconnect_count: 0,
            error_count: errors,
        }
    }

    /// How somebody's time went.
    #[derive(Clone, Copy)]
    enum Went {
        Left(i64),
        Lost,
        Here,
        Away,
    }

    fn person(name: &str, went: Went) -> Attendance {
        let left_at = matches!(went, Went::Left(_) | Went::Lost).then_some(Timestamp(9));
        let to = (!matches!(went, Went::Here)).then_some(Timestamp(9));
        Attendance {
            id: ParticipantId(Uuid::nil()),
            username: name.to_owned(),
            joined_at: Timestamp(0),
            left_at,
            present_ms: 9,
            away_ms: 0,
            longest_gap_ms: 0,
            reconnect_count: if let Went::Left(back) = went { back } else { 0 },
            leave_reason: match went {
                Went::Left(_) => Some(LeaveReason::Left),
                Went::Lost => Some(LeaveReason::Timeout),
                Went::Here | Went::Away => None,
            },
            present_pct: 100.0,
            intervals: vec![Span { from: Timestamp(0), to }],
            losses: Vec::new(),
        }
    }

    fn told(session: &Session, people: &[(&str, Went)], pairs: &[(&str, &str, Outcome)]) -> String {
        let people: Vec<_> = people.iter().map(|(name, went)| person(name, *went)).collect();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(one, other, outcome)| pair(one, other, *outcome))
            .collect();
        summary(session, Some(&people), &[], Some(&pairs)).replace(['\u{2068}', '\u{2069}'], "")
    }

    #[test]
    fn what_is_wrong_comes_first_and_nothing_wrong_is_said() {
        use Outcome::{Connected, Exchanged, Failed, NoAnswer, NoOffer, Waiting};
        use Went::{Away, Here, Left, Lost};
        for (expected, session, people, pairs) in [
            (
                "1 person, 1 minute. Nobody else came, and nothing went wrong.",
                session(1, 1, false, 0),
                vec![("Ann", Left(0))],
                vec![],
            ),
            (
                "2 people, 52 minutes. The two connected, and nobody dropped.",
                session(2, 52, false, 0),
                vec![("Ann", Left(0)), ("Bo", Left(0))],
                vec![("Ann", "Bo", Connected)],
            ),
            (
                "2 people, 52 minutes. No two of them were there at the same time; nobody dropped.",
                session(2, 52, false, 0),
                vec![("Ann", Left(0)), ("Bo", Left(0))],
                vec![],
            ),
            (
                "4 people, 52 minutes. Bo and Cy never connected: Bo's offer was never answered; Ann and Li dropped and came back.",
                session(4, 52, false, 0),
                vec![("Ann", Left(1)), ("Bo", Left(0)), ("Cy", Left(0)), ("Li", Left(2))],
                vec![
                    ("Ann", "Bo", Connected),
                    ("Ann", "Cy", Connected),
                    ("Bo", "Cy", NoAnswer),
                ],
            ),
            (
                "3 people, 1 hour. Cy never connected with anyone; Cy dropped and did not come back; 1 error was told to the clients.",
                session(3, 60, false, 1),
                vec![("Ann", Left(0)), ("Bo", Left(0)), ("Cy", Lost)],
                vec![("Ann", "Bo", Connected), ("Ann", "Cy", NoOffer), ("Bo", "Cy", NoAnswer)],
            ),
            (
                "3 people, 1 hour. Nobody connected with anybody: no offer was ever made.",
                session(3, 60, false, 0),
                vec![("Ann", Left(0)), ("Bo", Left(0)), ("Cy", Left(0))],
                vec![("Ann", "Bo", NoOffer), ("Ann", "Cy", NoOffer), ("Bo", "Cy", NoOffer)],
            ),
            (
                "2 people, 1 hour. Ann and Bo never connected: addresses were exchanged, but no way was found between the two networks (a TURN server would help).",
                session(2, 60, false, 0),
                vec![("Ann", Left(0)), ("Bo", Left(0))],
                vec![("Ann", "Bo", Failed)],
            ),
            (
                "2 people, 1 hour. Nobody dropped, and everything was exchanged; the pages did not say whether video came.",
                session(2, 60, false, 0),
                vec![("Ann", Left(0)), ("Bo", Left(0))],
                vec![("Ann", "Bo", Exchanged)],
            ),
            (
                "3 people, 1 hour. 1 pair connected and then lost each other.",
                session(3, 60, false, 0),
                vec![("Ann", Left(0)), ("Bo", Left(0)), ("Cy", Left(0))],
                vec![
                    ("Ann", "Bo", Outcome::Lost),
                    ("Ann", "Cy", Connected),
                    ("Bo", "Cy", Connected),
                ],
            ),
            (
                "Live for 5 minutes: 1 of 2 people here now. Bo is away.",
                session(2, 5, true, 0),
                vec![("Ann", Here), ("Bo", Away)],
                vec![("Ann", "Bo", Connected)],
            ),
            (
                "Live for 5 minutes: 2 of 2 people here now. Nobody dropped; some are still connecting.",
                session(2, 5, true, 0),
                vec![("Ann", Here), ("Bo", Here)],
                vec![("Ann", "Bo", Waiting)],
            ),
        ] {
            assert_eq!(told(&session, &people, &pairs), expected);
        }
    }

    #[test]
    fn many_failed_pairs_are_counted() {
        let names = ["Ann", "Bo", "Cy", "Di", "Ed", "Fi"];
        let people: Vec<_> = names.iter().map(|name| (*name, Went::Left(0))).collect();
        let mut pairs = Vec::new();
        for (index, one) in names.iter().enumerate() {
            for (other_index, other) in names.iter().enumerate().skip(index + 1) {
                // The ring of neighbours fails; everyone has others they connected with.
                let outcome = if other_index == index + 1 {
                    Outcome::NoAnswer
                } else {
                    Outcome::Connected
                };
                pairs.push((*one, *other, outcome));
            }
        }
        assert_eq!(
            told(&session(6, 30, false, 0), &people, &pairs),
            "6 people, 30 minutes. 5 of 15 pairs never connected."
        );
    }
}
