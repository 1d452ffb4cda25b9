//! One person over all rooms.

use super::wording::{capitalized, columns};
use crate::history::person::{COUNTED, PersonTotals};
use crate::words::{Words, message as m};

/// What there is to say of somebody before all else. Names are isolated.
pub(crate) struct PersonSummary {
    /// What their sessions come to, and the worst of it: no more than two lines of a phone hold.
    pub(crate) lead: String,
    /// What else there is, in another sentence; empty if there is nothing.
    pub(crate) rest: String,
}

/// What their sessions come to, the worst of it first. `unconnected` is in how many of those that are shown they never connected
/// with somebody; `away` are the rooms in which they are away now; `most` is how many columns the lead may have.
pub(crate) fn person(
    words: &Words,
    totals: &PersonTotals,
    unconnected: i64,
    away: &[String],
    most: usize,
) -> PersonSummary {
    let PersonTotals {
        sessions,
        present_ms,
        reconnect_count,
        lost_count,
    } = *totals;
    if sessions == 0 {
        return PersonSummary {
            lead: words.say(m::NoSession),
            rest: String::new(),
        };
    }
    let length = &words.length(present_ms);
    let all = if sessions == COUNTED {
        words.say(m::PersonNewestTotals { sessions, length })
    } else {
        words.say(m::PersonTotals { sessions, length })
    };
    let mut told = Vec::new();
    if !away.is_empty() {
        told.push(words.say(m::AwayNowIn {
            rooms: &words.list(away),
        }));
    }
    if lost_count > 0 {
        told.push(words.say(m::DidNotComeBackOften { sessions: lost_count }));
    }
    if unconnected > 0 {
        told.push(words.say(m::NeverConnectedBelow { sessions: unconnected }));
    }
    if reconnect_count > 0 {
        told.push(words.say(m::DroppedAndCameBack {
            back: &words.times(reconnect_count),
        }));
    }
    if lost_count == 0 && reconnect_count == 0 && away.is_empty() {
        told.push(words.say(m::NeverDropped));
    }
    let sentence = |clauses: &[String]| words.sentence(&capitalized(&words.clauses(clauses)));
    let lead = |clauses: &[String]| words.two_sentences(&all, &sentence(clauses));
    let fits = |count: &usize| columns(&lead(&told[..*count])) <= most;
    // The worst is said, however long the name of a room is.
    let count = (1..=told.len()).rev().find(fits).unwrap_or(1);
    let rest = &told[count..];
    PersonSummary {
        lead: lead(&told[..count]),
        rest: if rest.is_empty() { String::new() } else { sentence(rest) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::Language;

    #[test]
    fn the_lead_holds_what_two_lines_of_a_phone_do_and_the_rest_comes_after_it() {
        let told = |lost_count, unconnected, reconnect_count| {
            let totals = PersonTotals {
                sessions: 65,
                present_ms: 31 * 3_600_000 + 49 * 60_000,
                reconnect_count,
                lost_count,
            };
            let PersonSummary { lead, rest } = person(Words::of(Language::EnGb), &totals, unconnected, &[], 72);
            (lead, rest)
        };
        let all = "65 sessions, 31 h 49 min present.";
        for (figures, lead, rest) in [
            ((0, 0, 0), "Never dropped.", ""),
            (
                (2, 4, 2),
                "Did not come back in 2 sessions.",
                "Missed connections in 4 below; dropped and came back twice.",
            ),
            ((1, 0, 0), "Did not come back in 1 session.", ""),
            ((0, 0, 3), "Dropped and came back 3 times.", ""),
        ] {
            let (lost, unconnected, back) = figures;
            assert_eq!(
                told(lost, unconnected, back),
                (format!("{all} {lead}"), rest.to_owned())
            );
        }
    }
}
