//! The picture: the words in it, and what its bars and marks say when they are pointed at.

use super::wording::{count_of, duration, isolated};
use crate::history::timeline::MarkKind;

pub(crate) const PRESENT: &str = "present";
pub(crate) const AWAY: &str = "away";
pub(crate) const CAME_BACK: &str = "came back";
pub(crate) const DID_NOT_COME_BACK: &str = "did not come back";
pub(crate) const REFUSED: &str = "refused";
/// The row of those who were not in the room.
pub(crate) const OUTSIDE: &str = "not in the room";
pub(crate) const SOMEBODY_OUTSIDE: &str = "Somebody outside";
pub(crate) const GOES_ON: &str = ", still going on";

/// A stretch of somebody's time.
pub(crate) fn bar(name: &str, is_away: bool, from: &str, to: &str, ms: i64) -> String {
    let word = if is_away { AWAY } else { PRESENT };
    format!("{} {word} {from} to {to} ({})", isolated(name), duration(ms))
}

/// What happened to somebody.
pub(crate) fn mark(name: &str, kind: MarkKind, at: &str, count: usize) -> String {
    let what = match kind {
        MarkKind::Reconnect => "came back at",
        MarkKind::Error => "was refused something at",
    };
    let often = if count > 1 {
        format!(", {count} times")
    } else {
        String::new()
    };
    format!("{} {what} {at}{often}", isolated(name))
}

pub(crate) fn lost_at(name: &str, at: &str) -> String {
    format!("{} {DID_NOT_COME_BACK}, given up at {at}", isolated(name))
}

pub(crate) fn came(at: &str) -> String {
    format!("came {at}")
}

pub(crate) fn left(at: &str) -> String {
    format!("left {at}")
}

pub(crate) fn now_at(at: &str) -> String {
    format!("Now, {at}")
}

pub(crate) fn marks_end(at: &str) -> String {
    format!("too much happened: marks end at {at}")
}

pub(crate) fn more_people(more: usize) -> String {
    let people = count_of(more, "person is", "people are");
    format!("{people} not drawn: these are the first by name")
}
