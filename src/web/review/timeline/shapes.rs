//! How the picture looks, and its marks, around the point that they mark: told apart without their colours. The log has them in
//! its margin.

/// How the picture looks, in light, in dark and on paper. A file carries it; a page that takes the picture in links it. It has no
/// variables: programs other than browsers that open the file know none.
pub(crate) const STYLE: &str = include_str!("timeline.css");

/// Somebody came back: a tick.
pub(crate) const CAME_BACK: &str = "<path class=\"tick-back\" d=\"M0 -5 V5\"/>";

/// The server refused something: an outlined diamond.
pub(crate) const REFUSED: &str = "<path class=\"refused\" d=\"M0 -5 L5 0 L0 5 L-5 0 Z\"/>";

/// What of a mark that leads somewhere can be hit: its own lines are thin.
pub(super) const GRIP: &str = "<path d=\"M-6 -8h12v16h-12z\" fill=\"none\" pointer-events=\"all\"/>";

/// Two never connected, or lost each other: a cross. The picture has none of these, as it is of each person alone.
pub(crate) const NEVER_CONNECTED: &str = "<path class=\"lost\" d=\"M-4 -4 L4 4 M-4 4 L4 -4\"/>";

/// Somebody did not come back: an end stroke.
pub(crate) const LOST: &str = "<path class=\"lost\" d=\"M0 -8 V8\"/>";

/// A gap is hatched from so many pixels on: a narrower hatch is none.
pub(super) const HATCHED: f64 = 8.0;

/// What fills such a gap in a drawing.
pub(super) fn hatch(drawing: &str) -> String {
    format!(
        "<pattern id=\"hatch-{drawing}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><line class=\"hatch\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern>"
    )
}
