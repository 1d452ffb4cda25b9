//! The journal, each entry a sentence; departures of one end of class are one.

use serde_json::Value;

use super::pair_groups::PairGroup;
use super::sentences;
use super::timeline::{CAME_BACK, LOST, NEVER_CONNECTED, REFUSED};
use crate::history::events::Event;
use crate::model::time::Timestamp;
use crate::model::vocabulary::{DropReason, EventKind, LeaveReason};
use crate::words::{Words, message as m};

/// So many departures one after the other are told together.
const TOGETHER: usize = 3;

/// As far as each is at most so long after the one before: the end of a class takes a minute.
const TOGETHER_WITHIN_MS: i64 = 60_000;

/// One entry as it is read.
pub(super) struct LogEntry {
    pub(super) seq: i64,
    pub(super) at: Timestamp,
    pub(super) sentence: String,
    /// The entry's detail as it is kept; `None` if it has none.
    pub(super) detail: Option<String>,
    /// What the picture marks it with.
    pub(super) mark: &'static str,
    departure: Option<Departure>,
    username: String,
}

/// A line of the log.
pub(super) enum LogLine {
    One(LogEntry),
    /// What went wrong between people, which is no entry of the journal.
    Pairs {
        /// When it did with the first of them.
        at: Timestamp,
        sentence: String,
        mark: &'static str,
    },
    /// Several who went one after the other.
    Departures {
        /// When the first did.
        at: Timestamp,
        sentence: String,
        entries: Vec<LogEntry>,
    },
}

/// How people go at the end of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// They left.
    Left,
    /// They closed the page.
    ClosedPage,
}

/// A link to a choice of entries.
pub(super) struct LogLink {
    pub(super) title: String,
    /// Where it is chosen.
    pub(super) address: String,
    pub(super) is_chosen: bool,
}

/// Which entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogChoice {
    #[default]
    Everything,
    Wrong,
    Presence,
}

impl LogChoice {
    const ALL: [Self; 3] = [Self::Everything, Self::Wrong, Self::Presence];

    pub(super) fn parse(word: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|choice| choice.word() == word);
        found.ok_or("must be wrong or presence")
    }

    /// Its word in an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Everything => "",
            Self::Wrong => "wrong",
            Self::Presence => "presence",
        }
    }

    fn title(self, words: &Words) -> String {
        match self {
            Self::Everything => words.say(m::LogEverything),
            Self::Wrong => words.say(m::LogWrong),
            Self::Presence => words.say(m::LogPresence),
        }
    }

    /// The kinds of entries that it shows.
    pub(super) fn kinds(self) -> &'static [EventKind] {
        match self {
            Self::Everything => EventKind::ALL,
            Self::Wrong => &[
                EventKind::Disconnected,
                EventKind::Reconnected,
                EventKind::Left,
                EventKind::Error,
                EventKind::Gap,
            ],
            Self::Presence => &[
                EventKind::Joined,
                EventKind::Left,
                EventKind::Disconnected,
                EventKind::Reconnected,
            ],
        }
    }

    /// The lines of what was read for it.
    pub(super) fn lines(self, words: &Words, events: Vec<Event>) -> Vec<LogLine> {
        let mut entries: Vec<LogEntry> = events.into_iter().map(|event| LogEntry::of(words, event)).collect();
        if self == Self::Wrong {
            leave_out_departures(&mut entries);
        }
        together(words, entries.into_iter())
    }

    /// Whether it shows what went wrong between people.
    pub(super) fn has_pairs(self) -> bool {
        self == Self::Wrong
    }

    /// The links to all choices: `address` says where each of them is made.
    pub(super) fn links(self, words: &Words, address: impl Fn(Self) -> String) -> Vec<LogLink> {
        let link = |choice: Self| LogLink {
            title: choice.title(words),
            address: format!("{}#log", address(choice)),
            is_chosen: choice == self,
        };
        Self::ALL.into_iter().map(link).collect()
    }
}

/// Puts what went wrong between people where it did.
pub(super) fn with_pairs(words: &Words, mut lines: Vec<LogLine>, groups: &[PairGroup<'_>]) -> Vec<LogLine> {
    for group in groups {
        let later = lines.iter().position(|line| line.at() > group.at);
        let line = LogLine::Pairs {
            at: group.at,
            sentence: sentences::group(words, group),
            mark: NEVER_CONNECTED,
        };
        lines.insert(later.unwrap_or(lines.len()), line);
    }
    lines
}

impl LogLine {
    fn at(&self) -> Timestamp {
        match self {
            Self::One(entry) => entry.at,
            Self::Pairs { at, .. } | Self::Departures { at, .. } => *at,
        }
    }
}

/// Who leaves, or closes the page and does not come back, has gone: nothing went wrong. Who came back had dropped, whatever they
/// closed.
fn leave_out_departures(entries: &mut Vec<LogEntry>) {
    let back = entries.iter().filter(|entry| entry.mark == CAME_BACK);
    let back: Vec<(i64, String)> = back.map(|entry| (entry.seq, entry.username.clone())).collect();
    entries.retain(|entry| match entry.departure {
        None => true,
        Some(Departure::Left) => false,
        Some(Departure::ClosedPage) => back.iter().any(|(seq, who)| *seq > entry.seq && *who == entry.username),
    });
    for entry in entries {
        // What is left of them is no end of a class.
        entry.departure = None;
    }
}

fn together(words: &Words, entries: impl Iterator<Item = LogEntry>) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let mut run: Vec<LogEntry> = Vec::new();
    for entry in entries {
        let is_soon = |last: &LogEntry| entry.at.0 - last.at.0 <= TOGETHER_WITHIN_MS;
        let goes_on = entry.departure.is_some()
            && run
                .last()
                .is_some_and(|last| last.departure == entry.departure && is_soon(last));
        if !goes_on {
            finish(words, &mut lines, &mut run);
        }
        run.push(entry);
    }
    finish(words, &mut lines, &mut run);
    lines
}

/// Ends a run of entries of one kind.
fn finish(words: &Words, lines: &mut Vec<LogLine>, run: &mut Vec<LogEntry>) {
    let entries = std::mem::take(run);
    match entries.first().and_then(|first| first.departure) {
        Some(departure) if entries.len() >= TOGETHER => {
            let names: Vec<&str> = entries.iter().map(|entry| entry.username.as_str()).collect();
            lines.push(LogLine::Departures {
                at: entries[0].at,
                sentence: sentences::departures(words, departure == Departure::ClosedPage, &names),
                entries,
            });
        }
        _ => lines.extend(entries.into_iter().map(LogLine::One)),
    }
}

impl LogEntry {
    fn of(words: &Words, event: Event) -> Self {
        let detail: Value = event
            .detail
            .as_ref()
            .and_then(|detail| serde_json::from_str(detail.get()).ok())
            .unwrap_or_default();
        let word = |name: &str| detail[name].as_str().unwrap_or_default();
        let is_lost = LeaveReason::parse(word("reason")).is_some_and(LeaveReason::is_lost);
        let (mark, departure) = match event.kind {
            EventKind::Left if is_lost => (LOST, None),
            EventKind::Left => ("", Some(Departure::Left)),
            EventKind::Disconnected if DropReason::parse(word("why")) == Some(DropReason::Closed) => {
                ("", Some(Departure::ClosedPage))
            }
            EventKind::Reconnected => (CAME_BACK, None),
            EventKind::Error => (REFUSED, None),
            EventKind::SessionStarted
            | EventKind::SessionEnded
            | EventKind::Joined
            | EventKind::Disconnected
            | EventKind::Action
            | EventKind::Gap => ("", None),
        };
        Self {
            seq: event.seq,
            at: event.at,
            sentence: sentences::event(words, event.kind, event.username.as_deref(), &detail),
            detail: serde_json::to_string_pretty(&detail).ok().filter(|_| !detail.is_null()),
            mark,
            departure,
            username: event.username.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::Language;

    #[test]
    fn every_kind_can_be_seen() {
        assert_eq!(LogChoice::parse("").map(LogChoice::kinds), Ok(EventKind::ALL));
        assert!(LogChoice::parse("x").is_err());
    }

    #[test]
    fn those_who_leave_at_one_time_do_so_in_one_line() {
        let left = |minute: i64, name: &str| Event {
            seq: minute,
            at: Timestamp(minute * 60_000),
            kind: EventKind::Left,
            session_id: None,
            participant_id: None,
            username: Some(name.to_owned()),
            detail: serde_json::from_str(r#"{"reason":"left"}"#).ok(),
        };
        // One went long before the end of the class.
        let all = [
            left(12, "Finn"),
            left(44, "Ann"),
            left(44, "Bo"),
            left(45, "Cy"),
            left(47, "Di"),
        ];
        let words = Words::of(Language::EnGb);
        let lines = together(words, all.into_iter().map(|event| LogEntry::of(words, event)));
        let minutes = lines.iter().map(|line| line.at().0 / 60_000);
        assert_eq!(minutes.collect::<Vec<_>>(), [12, 44, 47]);
        let LogLine::Departures { entries, .. } = &lines[1] else {
            panic!("three of them are one line");
        };
        assert_eq!(entries.len(), 3);
    }
}
