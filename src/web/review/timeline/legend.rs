//! What the shapes of a picture mean: of those that are in it.

use super::frame::Frame;
use super::shapes::{CAME_BACK, HATCHED, LOST, REFUSED, hatch};
use crate::history::timeline::{MarkKind, RowEnd, Timeline};
use crate::words::{Words, message as m};

/// A shape of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// A bar: somebody was there.
    Present,
    /// A hatch: somebody was away, for long enough that it is seen.
    Away,
    /// A tick.
    CameBack,
    /// An end stroke.
    Lost,
    /// A diamond.
    Refused,
}

impl Key {
    const ALL: [Self; 5] = [Self::Present, Self::Away, Self::CameBack, Self::Lost, Self::Refused];

    /// Those of a picture, in the order in which they are told.
    pub(super) fn of(timeline: &Timeline, frame: &Frame) -> Vec<Self> {
        Self::ALL.into_iter().filter(|key| key.is_in(timeline, frame)).collect()
    }

    fn is_in(self, timeline: &Timeline, frame: &Frame) -> bool {
        let has_mark = |kind| {
            let mut marks = timeline.rows.iter().flat_map(|row| &row.marks).chain(&timeline.outside);
            marks.any(|mark| mark.kind == kind)
        };
        let mut rows = timeline.rows.iter();
        match self {
            Self::Present => rows.any(|row| row.present.iter().next().is_some()),
            Self::Away => {
                let x = |at| frame.x(timeline.span, at);
                rows.any(|row| row.away.iter().any(|gap| x(gap.to) - x(gap.from) >= HATCHED))
            }
            Self::CameBack => has_mark(MarkKind::Reconnect),
            Self::Lost => rows.any(|row| matches!(row.end, Some(RowEnd { is_lost: true, .. }))),
            Self::Refused => has_mark(MarkKind::Error),
        }
    }

    /// What it means.
    pub(crate) fn word(self, words: &Words) -> String {
        match self {
            Self::Present => words.say(m::Present),
            Self::Away => words.say(m::Away),
            Self::CameBack => words.say(m::CameBack),
            Self::Lost => words.say(m::DidNotComeBack),
            Self::Refused => words.say(m::Refused),
        }
    }

    /// The shape in a picture of its own, for a page.
    pub(crate) fn svg(self) -> String {
        const BAR: &str = "<svg class=\"timeline\" width=\"28\" height=\"10\" aria-hidden=\"true\">";
        const MARK: &str =
            "<svg class=\"timeline\" width=\"12\" height=\"16\" viewBox=\"-6 -8 12 16\" aria-hidden=\"true\">";
        match self {
            Self::Present => format!("{BAR}<rect class=\"present\" width=\"28\" height=\"10\"/></svg>"),
            Self::Away => format!(
                "{BAR}<defs>{}</defs><rect class=\"away\" fill=\"url(#hatch-key)\" width=\"28\" height=\"10\"/></svg>",
                hatch("key")
            ),
            Self::CameBack => format!("{MARK}{CAME_BACK}</svg>"),
            Self::Lost => format!("{MARK}{LOST}</svg>"),
            Self::Refused => format!("{MARK}{REFUSED}</svg>"),
        }
    }
}
