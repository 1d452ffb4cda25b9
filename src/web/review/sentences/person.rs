//! One person over all rooms.

use super::wording::{count, length, times};
use crate::history::person::{COUNTED, PersonTotals};

/// What their sessions come to, the worst of it first.
pub(crate) fn person(totals: &PersonTotals) -> String {
    let PersonTotals {
        sessions,
        present_ms,
        reconnect_count,
        lost_count,
    } = *totals;
    if sessions == 0 {
        return "No session.".to_owned();
    }
    let all = if sessions == COUNTED { "The newest " } else { "" };
    let dropped = match (lost_count, reconnect_count) {
        (0, 0) => "Never dropped".to_owned(),
        (0, back) => format!("Dropped and came back {}", times(back)),
        (lost, 0) => format!("Did not come back {}", times(lost)),
        (lost, back) => format!(
            "Did not come back {}; dropped and came back {}",
            times(lost),
            times(back)
        ),
    };
    format!(
        "{all}{}, {} present in all. {dropped}.",
        count(sessions, "session", "sessions"),
        length(present_ms)
    )
}
