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

/// A link to a choice of entries.
pub(super) struct LogLink {
    pub(super) title: &'static str,
    /// Where it is chosen.
    pub(super) address: String,
    pub(super) is_chosen: bool,
}

/// Which entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogChoice {
    #[default]
    Everything,
    Presence,
    Drops,
    Errors,
}

impl LogChoice {
    const ALL: [Self; 4] = [Self::Everything, Self::Presence, Self::Drops, Self::Errors];

    pub(super) fn parse(word: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|choice| choice.word() == word);
        found.ok_or("must be presence, drops or errors")
    }

    /// Its word in an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Everything => "",
            Self::Presence => "presence",
            Self::Drops => "drops",
            Self::Errors => "errors",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Everything => "Everything",
            Self::Presence => "Coming and going",
            Self::Drops => "Drops",
            Self::Errors => "Errors",
        }
    }

    /// The kinds of entries that it shows.
    pub(super) fn kinds(self) -> &'static [EventKind] {
        match self {
            Self::Everything => EventKind::ALL,
            Self::Presence => &[
                EventKind::Joined,
                EventKind::Left,
                EventKind::Disconnected,
                EventKind::Reconnected,
            ],
            Self::Drops => &[EventKind::Disconnected, EventKind::Reconnected],
            Self::Errors => &[EventKind::Error, EventKind::Gap],
        }
    }

    /// The links to all choices: `address` says where each of them is made.
    pub(super) fn links(self, address: impl Fn(Self) -> String) -> Vec<LogLink> {
        let link = |choice: Self| LogLink {
            title: choice.title(),
            address: format!("{}#log", address(choice)),
            is_chosen: choice == self,
        };
        Self::ALL.into_iter().map(link).collect()
    }
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
        assert_eq!(LogChoice::parse("").map(LogChoice::kinds), Ok(EventKind::ALL));
        assert!(LogChoice::parse("x").is_err());
    }
}
