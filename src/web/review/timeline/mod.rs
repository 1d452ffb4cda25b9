//! The picture of a session: SVG that stands alone as a file, or within a page, there once for wide and once for narrow screens.

mod clock;
mod draw;
mod escape;
mod frame;
mod legend;
mod picture;
mod shapes;
mod ticks;
mod titles;

use self::clock::Clock;
use self::draw::draw;
use self::frame::Frame;
pub(crate) use self::legend::Key;
pub(crate) use self::shapes::{CAME_BACK, LOST, NEVER_CONNECTED, REFUSED, STYLE};
use self::titles::Titles;
use crate::history::timeline::Timeline;
use crate::model::time::Timestamp;
use crate::web::http::zone::Zone;
use crate::words::Words;

/// The picture as a file of its own.
pub(crate) fn svg(words: &Words, timeline: &Timeline, zone: Zone, now: Timestamp) -> String {
    let clock = Clock::new(words, zone, timeline.span.from);
    let drawing = draw(timeline, &Titles::new(words, &clock), now, &Frame::FILE);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{drawing}")
}

/// The picture as a part of the session's page, which has [`STYLE`].
pub(crate) fn inline(words: &Words, timeline: &Timeline, zone: Zone, now: Timestamp) -> String {
    let clock = Clock::new(words, zone, timeline.span.from);
    let titles = Titles::new(words, &clock);
    let mut drawings = draw(timeline, &titles, now, &Frame::WIDE);
    drawings.push_str(&draw(timeline, &titles, now, &Frame::NARROW));
    drawings
}

/// One of the shapes in the page's picture, for its legend.
pub(crate) struct PageKey {
    pub(crate) key: Key,
    /// Whether the drawing for narrow screens is too narrow to have it.
    pub(crate) is_wide_only: bool,
}

/// The shapes that are in the page's picture.
pub(crate) fn keys(timeline: &Timeline) -> Vec<PageKey> {
    let narrow = Key::of(timeline, &Frame::NARROW);
    let wide = Key::of(timeline, &Frame::WIDE).into_iter();
    wide.map(|key| PageKey {
        key,
        is_wide_only: !narrow.contains(&key),
    })
    .collect()
}
