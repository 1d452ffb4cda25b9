//! The journal: what happened, entry by entry, and how somebody's attendance ended.

use serde_json::Value;

use super::refusal::refused_to;
use crate::history::attendance::Attendance;
use crate::history::refusals::Refusal;
use crate::model::vocabulary::{DropReason, ErrorKind, EventKind, LeaveReason, RoomAction};
use crate::words::{Words, message as m};

/// An entry of the journal, by what it is about, whom, and what else it says.
pub(crate) fn event(words: &Words, kind: EventKind, username: Option<&str>, detail: &Value) -> String {
    let text = |name: &str| detail[name].as_str().unwrap_or_default();
    let name = username.map(|name| words.isolated(name));
    let who = name.clone().unwrap_or_else(|| words.say(m::Somebody));
    let who = who.as_str();
    match kind {
        EventKind::SessionStarted => words.say(m::SessionBegan),
        EventKind::SessionEnded => words.say(m::SessionOver),
        EventKind::Joined => match detail["members"].as_i64() {
            Some(members) => words.say(m::WhoCameInAmong { who, members }),
            None => words.say(m::WhoCameIn { who }),
        },
        EventKind::Left => left(words, who, LeaveReason::parse(text("reason"))),
        EventKind::Disconnected => dropped(words, who, DropReason::parse(text("why"))),
        EventKind::Reconnected => words.say(m::WhoIsBack { who }),
        EventKind::Error => refused_to(words, name.as_deref(), &refusal(detail)),
        EventKind::Gap => words.say(m::EntriesMissing {
            count: detail["dropped"].as_i64().unwrap_or_default(),
        }),
        EventKind::Action => acted(words, who, RoomAction::parse(text("what"))),
    }
}

/// What a teacher did.
fn acted(words: &Words, who: &str, what: Option<RoomAction>) -> String {
    match what {
        Some(RoomAction::Removed) => words.say(m::TeacherRemoved { who }),
        Some(RoomAction::Closed) => words.say(m::TeacherClosed),
        Some(RoomAction::Locked) => words.say(m::TeacherLocked),
        Some(RoomAction::Unlocked) => words.say(m::TeacherUnlocked),
        None => words.say(m::TeacherActed),
    }
}

fn refusal(detail: &Value) -> Refusal {
    Refusal {
        event: detail["event"].as_str().map(str::to_owned),
        code: detail["code"].as_str().and_then(ErrorKind::parse),
        count: detail["count"].as_i64().unwrap_or(1),
    }
}

fn left(words: &Words, who: &str, reason: Option<LeaveReason>) -> String {
    match reason {
        Some(LeaveReason::Left) | None => words.say(m::WhoLeft { who }),
        Some(LeaveReason::Closed) => words.say(m::WhoClosed { who }),
        Some(LeaveReason::Timeout) => words.say(m::WhoTimedOut { who }),
        Some(LeaveReason::Replaced) => words.say(m::WhoWasReplaced { who }),
        Some(LeaveReason::Moved) => words.say(m::WhoMoved { who }),
        Some(LeaveReason::Removed) => words.say(m::WhoWasRemoved { who }),
        Some(LeaveReason::ServerShutdown | LeaveReason::ServerCrash) => words.say(m::WhoLostServer { who }),
        Some(LeaveReason::Gap) => words.say(m::WhoIsGone { who }),
    }
}

/// Why a connection ended, as far as it is known.
fn dropped(words: &Words, who: &str, why: Option<DropReason>) -> String {
    match why {
        None => words.say(m::WhoDropped { who }),
        Some(DropReason::Closed) => words.say(m::WhoDroppedClosed { who }),
        Some(DropReason::Reset) => words.say(m::WhoDroppedReset { who }),
        Some(DropReason::Silent) => words.say(m::WhoDroppedSilent { who }),
        Some(DropReason::Stalled) => words.say(m::WhoDroppedStalled { who }),
        Some(DropReason::Rate) => words.say(m::WhoDroppedRate { who }),
        Some(DropReason::Server) => words.say(m::WhoDroppedServer { who }),
    }
}

/// Several people who went one after the other.
pub(crate) fn departures(words: &Words, closed_page: bool, names: &[&str]) -> String {
    const NAMES: usize = 6;
    let who = words.first_names(names, NAMES);
    if closed_page {
        words.say(m::SeveralClosed { who: &who })
    } else {
        words.say(m::SeveralLeft { who: &who })
    }
}

/// How somebody's attendance ended.
pub(crate) fn ending(words: &Words, person: &Attendance) -> String {
    if person.left_at.is_none() {
        return if person.is_present() {
            words.say(m::EndingHere)
        } else {
            words.say(m::EndingAway)
        };
    }
    match person.leave_reason {
        Some(LeaveReason::Left) | None => words.say(m::EndingLeft),
        Some(LeaveReason::Closed) => words.say(m::EndingClosed),
        Some(LeaveReason::Timeout) => words.say(m::EndingTimeout),
        Some(LeaveReason::Replaced) => words.say(m::EndingReplaced),
        Some(LeaveReason::Moved) => words.say(m::EndingMoved),
        Some(LeaveReason::Removed) => words.say(m::EndingRemoved),
        Some(LeaveReason::ServerShutdown | LeaveReason::ServerCrash) => words.say(m::EndingServer),
        Some(LeaveReason::Gap) => words.say(m::EndingGap),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::language::Language;
    use crate::model::vocabulary::Actor;

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
            (
                EventKind::Action,
                Some("Bo"),
                json!({"what": RoomAction::Removed, "by": Actor::Token}),
                "A teacher removed Bo.",
            ),
            (
                EventKind::Action,
                None,
                json!({"what": RoomAction::Closed, "by": Actor::Token}),
                "A teacher closed the room: everybody was removed.",
            ),
            (EventKind::SessionEnded, None, Value::Null, "The session was over."),
        ] {
            assert_eq!(plain(&event(Words::of(Language::EnGb), kind, who, &detail)), expected);
        }
    }
}
