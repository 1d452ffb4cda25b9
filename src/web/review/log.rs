//! The journal, each entry a sentence.

use serde_json::Value;

use crate::history::events::Event;
use crate::history::wording::{count, grouped, isolated};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{DropReason, EventKind, LeaveReason};

/// One entry as it is read.
pub(super) struct Entry {
    pub(super) seq: i64,
    pub(super) at: Timestamp,
    pub(super) sentence: String,
    /// The entry's detail as it is kept; `None` if it has none.
    pub(super) detail: Option<String>,
}

/// A choice of entries.
pub(super) struct Filter {
    pub(super) title: &'static str,
    /// Where it is chosen.
    pub(super) address: String,
    pub(super) is_chosen: bool,
}

/// The choices by their words in the address, what they show and what they are called.
const CHOICES: [(&str, &[EventKind], &str); 4] = [
    ("", EventKind::ALL, "Everything"),
    (
        "presence",
        &[
            EventKind::Joined,
            EventKind::Left,
            EventKind::Disconnected,
            EventKind::Reconnected,
        ],
        "Coming and going",
    ),
    ("drops", &[EventKind::Disconnected, EventKind::Reconnected], "Drops"),
    ("errors", &[EventKind::Error, EventKind::Gap], "Errors"),
];

/// The kinds of entries that a choice shows.
pub(super) fn kinds(choice: &str) -> Result<&'static [EventKind], &'static str> {
    let found = CHOICES.into_iter().find(|(word, ..)| *word == choice);
    found
        .map(|(_, kinds, _)| kinds)
        .ok_or("must be presence, drops or errors")
}

/// The links between the choices: `address` says where each of them is made, by its word.
pub(super) fn filters(chosen: &str, address: impl Fn(&str) -> String) -> Vec<Filter> {
    let filter = |(word, _, title): (&str, &[EventKind], &'static str)| Filter {
        title,
        address: format!("{}#log", address(word)),
        is_chosen: word == chosen,
    };
    CHOICES.into_iter().map(filter).collect()
}

impl Entry {
    pub(super) fn of(event: Event) -> Self {
        let detail: Value = event
            .detail
            .as_ref()
            .and_then(|detail| serde_json::from_str(detail.get()).ok())
            .unwrap_or_default();
        let who = event.username.as_deref().map(isolated);
        Self {
            seq: event.seq,
            at: event.at,
            sentence: sentence(event.kind, who.as_deref(), &detail),
            detail: serde_json::to_string_pretty(&detail).ok().filter(|_| !detail.is_null()),
        }
    }
}

fn sentence(kind: EventKind, who: Option<&str>, detail: &Value) -> String {
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
        EventKind::Error if detail["count"].is_u64() && detail["event"].is_null() => {
            let more = detail["count"].as_u64().unwrap_or_default();
            let (messages, were) = if more == 1 {
                ("message", "was")
            } else {
                ("messages", "were")
            };
            let of = who.map(|who| format!(" of {who}")).unwrap_or_default();
            format!("… and {} more {messages}{of} {were} refused.", grouped(more))
        }
        EventKind::Error => {
            let whom = who.unwrap_or("Somebody who was not in the room");
            let reason = text("message").trim_end_matches('.');
            let often = match detail["count"].as_i64() {
                Some(often @ 2..) => format!(" {often} times"),
                _ => String::new(),
            };
            format!(
                "{whom} was told an error{often}: {} ({}).",
                first_of(reason, text("code")),
                text("event")
            )
        }
        EventKind::Gap => {
            let dropped = detail["dropped"].as_i64().unwrap_or_default();
            let missing = count(dropped, "entry is", "entries are");
            format!("{missing} missing here: the history could not be written.")
        }
    }
}

fn first_of<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn left(who: &str, reason: Option<LeaveReason>) -> String {
    match reason {
        Some(LeaveReason::Left) | None => format!("{who} left."),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
                "Somebody who was not in the room was told an error: The name is taken (join).",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "invalid", "event": "offer"}),
                "Bo was told an error: invalid (offer).",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "rateLimited", "event": "offer", "message": "Too much.", "count": 120}),
                "Bo was told an error 120 times: Too much (offer).",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "rateLimited", "count": 1234567}),
                "… and 1,234,567 more messages of Bo were refused.",
            ),
            (
                EventKind::Error,
                None,
                json!({"code": "rateLimited", "count": 1}),
                "… and 1 more message was refused.",
            ),
            (
                EventKind::Gap,
                None,
                json!({"dropped": 2}),
                "2 entries are missing here: the history could not be written.",
            ),
            (EventKind::SessionEnded, None, Value::Null, "The session was over."),
        ] {
            assert_eq!(sentence(kind, who, &detail), expected);
        }
    }

    #[test]
    fn every_kind_can_be_seen() {
        assert_eq!(kinds(""), Ok(EventKind::ALL));
        assert!(kinds("x").is_err());
    }
}
