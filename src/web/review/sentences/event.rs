//! The journal: what happened, entry by entry, and how somebody's attendance ended.

use serde_json::Value;

use super::refusal::refused_to;
use super::wording::{count, first_names, isolated};
use crate::history::attendance::Attendance;
use crate::history::refusals::Refusal;
use crate::model::vocabulary::{DropReason, ErrorKind, EventKind, LeaveReason};

/// An entry of the journal, by what it is about, whom, and what else it says.
pub(crate) fn event(kind: EventKind, username: Option<&str>, detail: &Value) -> String {
    let who = username.map(isolated);
    let who = who.as_deref();
    let text = |name: &str| detail[name].as_str().unwrap_or_default();
    let somebody = who.unwrap_or("Somebody");
    match kind {
        EventKind::SessionStarted => "The session began.".to_owned(),
        EventKind::SessionEnded => "The session was over.".to_owned(),
        EventKind::Joined => match detail["members"].as_i64() {
            Some(members) => format!(
                "{somebody} came in: {} in the room.",
                count(members, "person", "people")
            ),
            None => format!("{somebody} came in."),
        },
        EventKind::Left => left(somebody, LeaveReason::parse(text("reason"))),
        EventKind::Disconnected => format!("{somebody} dropped{}.", because(DropReason::parse(text("why")))),
        EventKind::Reconnected => format!("{somebody} came back."),
        EventKind::Error => refused_to(who, &refusal(detail)),
        EventKind::Gap => {
            let dropped = detail["dropped"].as_i64().unwrap_or_default();
            let missing = count(dropped, "entry is", "entries are");
            format!("{missing} missing here: the history could not be written.")
        }
    }
}

fn refusal(detail: &Value) -> Refusal {
    Refusal {
        event: detail["event"].as_str().map(str::to_owned),
        code: detail["code"].as_str().and_then(ErrorKind::parse),
        count: detail["count"].as_i64().unwrap_or(1),
    }
}

fn left(who: &str, reason: Option<LeaveReason>) -> String {
    match reason {
        Some(LeaveReason::Left) | None => format!("{who} left."),
        Some(LeaveReason::Closed) => format!("{who} had closed the page, and is gone."),
        Some(LeaveReason::Timeout) => format!("{who} did not come back in time, and is gone."),
        Some(LeaveReason::Replaced) => format!("{who} joined again elsewhere, and is gone from here."),
        Some(LeaveReason::Moved) => format!("{who} went to another room."),
        Some(LeaveReason::ServerShutdown | LeaveReason::ServerCrash) => {
            format!("{who} did not come back after the server stopped, and is gone.")
        }
        Some(LeaveReason::Gap) => format!("{who} is gone; how and when was not recorded."),
    }
}

/// Why a connection ended, as far as it is known.
fn because(why: Option<DropReason>) -> &'static str {
    match why {
        None => "",
        Some(DropReason::Closed) => ": the page closed the connection",
        Some(DropReason::Reset) => ": the connection broke",
        Some(DropReason::Silent) => ": the network went silent",
        Some(DropReason::Stalled) => ": the page stopped reading",
        Some(DropReason::Rate) => ": the page sent more than a limit allows",
        Some(DropReason::Server) => ": the server stopped, or ended the connection",
    }
}

/// Several people who went one after the other.
pub(crate) fn departures(closed_page: bool, names: &[&str]) -> String {
    const NAMES: usize = 6;
    let what = if closed_page { "closed the page" } else { "left" };
    format!("{} {what}.", first_names(names, NAMES))
}

/// How somebody's attendance ended.
pub(crate) fn ending(person: &Attendance) -> &'static str {
    if person.left_at.is_none() {
        return if person.is_present() { "here now" } else { "away now" };
    }
    match person.leave_reason {
        Some(LeaveReason::Left) | None => "left",
        Some(LeaveReason::Closed) => "closed the page",
        Some(LeaveReason::Timeout) => "dropped, did not come back",
        Some(LeaveReason::Replaced) => "joined again elsewhere",
        Some(LeaveReason::Moved) => "went to another room",
        Some(LeaveReason::ServerShutdown | LeaveReason::ServerCrash) => "did not come back after the server stopped",
        Some(LeaveReason::Gap) => "gone, how and when was not recorded",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Without the isolates around names.
    fn plain(sentence: &str) -> String {
        sentence.replace(['\u{2068}', '\u{2069}'], "")
    }

    #[test]
    fn every_kind_is_a_sentence() {
        for (kind, who, detail, expected) in [
            (EventKind::SessionStarted, None, Value::Null, "The session began."),
            (
                EventKind::Joined,
                Some("Ann"),
                json!({"members": 1}),
                "Ann came in: 1 person in the room.",
            ),
            (
                EventKind::Left,
                Some("Ann"),
                json!({"reason": LeaveReason::Left}),
                "Ann left.",
            ),
            (
                EventKind::Left,
                Some("Ann"),
                json!({"reason": LeaveReason::Timeout}),
                "Ann did not come back in time, and is gone.",
            ),
            (
                EventKind::Disconnected,
                Some("Ann"),
                json!({"why": DropReason::Silent}),
                "Ann dropped: the network went silent.",
            ),
            (EventKind::Disconnected, Some("Ann"), Value::Null, "Ann dropped."),
            (EventKind::Reconnected, Some("Ann"), Value::Null, "Ann came back."),
            (
                EventKind::Error,
                None,
                json!({"code": "repeat", "event": "join", "message": "The name is taken."}),
                "Somebody outside was refused a join under a taken name.",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "invalid", "event": "shout"}),
                "Bo was refused a message in a form that the server does not read.",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "rateLimited", "event": "offer", "message": "Too much.", "count": 120}),
                "Bo was refused 120 offers beyond a limit.",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "rateLimited", "count": 1234567}),
                "Bo was refused 1,234,567 more messages.",
            ),
            (
                EventKind::Gap,
                None,
                json!({"dropped": 2}),
                "2 entries are missing here: the history could not be written.",
            ),
            (EventKind::SessionEnded, None, Value::Null, "The session was over."),
        ] {
            assert_eq!(plain(&event(kind, who, &detail)), expected);
        }
    }
}
