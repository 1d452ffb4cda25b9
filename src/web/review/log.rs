//! The journal, each entry a sentence.

use serde_json::Value;

use super::sentences;
use crate::history::events::Event;
use crate::model::time::Timestamp;
use crate::model::vocabulary::EventKind;

/// One entry as it is read.
pub(super) struct LogEntry {
    pub(super) seq: i64,
    pub(super) at: Timestamp,
    pub(super) sentence: String,
    /// The entry's detail as it is kept; `None` if it has none.
    pub(super) detail: Option<String>,
}

/// A choice of entries.
pub(super) struct LogChoice {
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
pub(super) fn choices(chosen: &str, address: impl Fn(&str) -> String) -> Vec<LogChoice> {
    let choice = |(word, _, title): (&str, &[EventKind], &'static str)| LogChoice {
        title,
        address: format!("{}#log", address(word)),
        is_chosen: word == chosen,
    };
    CHOICES.into_iter().map(choice).collect()
}

impl LogEntry {
    pub(super) fn of(event: Event) -> Self {
        let detail: Value = event
            .detail
            .as_ref()
            .and_then(|detail| serde_json::from_str(detail.get()).ok())
            .unwrap_or_default();
        Self {
            seq: event.seq,
            at: event.at,
            sentence: sentences::event(event.kind, event.username.as_deref(), &detail),
            detail: serde_json::to_string_pretty(&detail).ok().filter(|_| !detail.is_null()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_seen() {
        assert_eq!(kinds(""), Ok(EventKind::ALL));
        assert!(kinds("x").is_err());
    }
}
