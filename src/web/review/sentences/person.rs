//! One person over all rooms.

use crate::history::person::{COUNTED, PersonTotals};
use crate::web::words::{Words, message as m};

/// What their sessions come to, the worst of it first.
pub(crate) fn person(words: &Words, totals: &PersonTotals) -> String {
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
    let (lost, back) = (&words.times(lost_count), &words.times(reconnect_count));
    let dropped = match (lost_count, reconnect_count) {
        (0, 0) => words.say(m::NeverDropped),
        (0, _) => words.say(m::AlwaysCameBack { back }),
        (_, 0) => words.say(m::DidNotComeBackOften { lost }),
        (_, _) => words.say(m::DidNotAlwaysComeBack { lost, back }),
    };
    words.two_sentences(&all, &dropped)
}
