//! The journal, each entry a sentence.

use serde_json::Value;

use crate::history::events::{Event, KINDS};
use crate::history::wording::{count, grouped, isolated};
use crate::room::time::Timestamp;

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
const CHOICES: [(&str, &[&str], &str); 4] = [
    ("", &KINDS, "Everything"),
    (
        "presence",
        &["joined", "left", "disconnected", "reconnected"],
        "Coming and going",
    ),
    ("drops", &["disconnected", "reconnected"], "Drops"),
    ("errors", &["error", "gap"], "Errors"),
];

/// The kinds of entries that a choice shows.
pub(super) fn kinds(choice: &str) -> Result<&'static [&'static str], &'static str> {
    let found = CHOICES.into_iter().find(|(word, ..)| *word == choice);
    found
        .map(|(_, kinds, _)| kinds)
        .ok_or("must be presence, drops or errors")
}

/// The links between the choices: `address` says where each of them is made, by its word.
pub(super) fn filters(chosen: &str, address: impl Fn(&str) -> String) -> Vec<Filter> {
    let filter = |(word, _, title): (&str, &[&str], &'static str)| Filter {
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
            sentence: sentence(&event.kind, who.as_deref(), &detail),
            detail: serde_json::to_string_pretty(&detail).ok().filter(|_| !detail.is_null()),
        }
    }
}

fn sentence(kind: &str, who: Option<&str>, detail: &Value) -> String {
    let text = |name: &str| detail[name].as_str().unwrap_or_default();
    let somebody = who.unwrap_or("Somebody");
    match kind {
        "session_started" => "The session began.".to_owned(),
        "session_ended" => "The session was over.".to_owned(),
        "joined" => match detail["members"].as_i64() {
            Some(members) => format!(
                "{somebody} came in: {} in the room.",
                count(members, "person", "people")
            ),
            None => format!("{somebody} came in."),
        },
        "left" => left(somebody, text("reason")),
        "disconnected" => format!("{somebody} dropped{}.", because(text("why"))),
        "reconnected" => format!("{somebody} came back."),
        "error" if detail["count"].is_u64() && detail["event"].is_null() => {
            let more = detail["count"].as_u64().unwrap_or_default();
            let (messages, were) = if more == 1 {
                ("message", "was")
            } else {
                ("messages", "were")
            };
            let of = who.map(|who| format!(" of {who}")).unwrap_or_default();
            format!("… and {} more {messages}{of} {were} refused.", grouped(more))
        }
        "error" => {
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
        "gap" => {
            let dropped = detail["dropped"].as_i64().unwrap_or_default();
            let missing = count(dropped, "entry is", "entries are");
            format!("{missing} missing here: the history could not be written.")
        }
        other => format!("{other}."),
    }
}

fn first_of<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn left(who: &str, reason: &str) -> String {
    match reason {
        "timeout" => format!("{who} did not come back in time, and is gone."),
        "replaced" => format!("{who} joined again elsewhere, and is gone from here."),
        "moved" => format!("{who} went to another room."),
        "kicked" => format!("{who} was removed."),
        "server_shutdown" | "server_crash" => format!("{who} did not come back after the server stopped, and is gone."),
        _ => format!("{who} left."),
    }
}

/// Why a connection ended, as far as it is known.
fn because(why: &str) -> &'static str {
    match why {
        "ping timeout" => ": the network went silent",
        "transport close" => ": the page was closed, or the network broke",
        "transport error" => ": the network broke",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_is_a_sentence() {
        for (kind, who, detail, expected) in [
            ("session_started", None, Value::Null, "The session began."),
            (
                "joined",
                Some("Ann"),
                json!({"members": 1}),
                "Ann came in: 1 person in the room.",
            ),
            ("left", Some("Ann"), json!({"reason": "left"}), "Ann left."),
            (
                "left",
                Some("Ann"),
                json!({"reason": "timeout"}),
                "Ann did not come back in time, and is gone.",
            ),
            (
                "disconnected",
                Some("Ann"),
                json!({"why": "ping timeout"}),
                "Ann dropped: the network went silent.",
            ),
            ("disconnected", Some("Ann"), Value::Null, "Ann dropped."),
            ("reconnected", Some("Ann"), Value::Null, "Ann came back."),
            (
                "error",
                None,
                json!({"code": "repeat", "event": "join", "message": "The name is taken."}),
                "Somebody who was not in the room was told an error: The name is taken (join).",
            ),
            (
                "error",
                Some("Bo"),
                json!({"code": "invalid", "event": "offer"}),
                "Bo was told an error: invalid (offer).",
            ),
            (
                "error",
                Some("Bo"),
                json!({"code": "rateLimited", "event": "offer", "message": "Too much.", "count": 120}),
                "Bo was told an error 120 times: Too much (offer).",
            ),
            (
                "error",
                Some("Bo"),
                json!({"code": "rateLimited", "count": 1234567}),
                "… and 1,234,567 more messages of Bo were refused.",
            ),
            (
                "error",
                None,
                json!({"code": "rateLimited", "count": 1}),
                "… and 1 more message was refused.",
            ),
            (
                "gap",
                None,
                json!({"dropped": 2}),
                "2 entries are missing here: the history could not be written.",
            ),
            ("session_ended", None, Value::Null, "The session was over."),
        ] {
            assert_eq!(sentence(kind, who, &detail), expected);
        }
    }

    #[test]
    fn every_kind_can_be_seen() {
        assert_eq!(kinds(""), Ok(&KINDS[..]));
        for (word, chosen, _) in CHOICES {
            assert!(chosen.iter().all(|kind| KINDS.contains(kind)), "{word}");
        }
        assert!(kinds("x").is_err());
    }
}
