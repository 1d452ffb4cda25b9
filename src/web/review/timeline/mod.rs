//! The picture of a session: SVG that stands alone as a file, or within a page.

mod draw;
mod picture;
mod ticks;

use self::draw::draw;
use crate::history::timeline::Timeline;
use crate::model::time::Timestamp;
use crate::web::http::zone::Zone;

/// How the picture looks, in light, in dark and on paper. A file carries it; a page that takes the picture in links it.
pub(crate) const STYLE: &str = include_str!("timeline.css");

/// The picture as a file of its own.
pub(crate) fn svg(timeline: &Timeline, zone: Zone, now: Timestamp) -> String {
    let style = format!("<style>{STYLE}</style>\n");
    let drawing = draw(timeline, zone, now, &style);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{drawing}")
}

/// The picture as a part of a page that has [`STYLE`].
pub(crate) fn inline(timeline: &Timeline, zone: Zone, now: Timestamp) -> String {
    draw(timeline, zone, now, "")
}
