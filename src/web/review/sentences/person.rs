//! One person over all rooms.

use super::wording::capitalized;
use crate::history::person::{COUNTED, PersonTotals};
use crate::words::{Words, message as m};

/// What their sessions come to, the worst of it first. `unconnected` is in how many of those that are shown they never connected
/// with somebody; `away` are the rooms in which they are away now.
pub(crate) fn person(words: &Words, name: &str, totals: &PersonTotals, unconnected: i64, away: &[String]) -> String {
    let PersonTotals {
        sessions,
        present_ms,
        reconnect_count,
        lost_count,
    } = *totals;
    if sessions == 0 {
        return words.say(m::NoSession);
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
        told.push(words.say(m::DidNotComeBackOften {
            sessions: lost_count,
            who: &words.isolated(name),
        }));
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
    words.two_sentences(&all, &words.sentence(&capitalized(&words.clauses(&told))))
}
