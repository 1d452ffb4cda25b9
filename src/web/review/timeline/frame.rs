//! Where a drawing is, and so how it is laid out.

use crate::history::intervals::Interval;
use crate::model::time::Timestamp;

/// The layout of one drawing. Heights are pixels; times go across in pixels, or in parts of whatever width there is.
pub(super) struct Frame {
    /// Tells the drawings of one page apart.
    pub(super) id: &'static str,
    /// How wide it is, or about how wide where it is as wide as what it is in.
    pub(super) width: f64,
    /// Whether it is as wide as what it is in.
    pub(super) is_fluid: bool,
    /// Where the time begins and where it ends.
    pub(super) plot: (f64, f64),
    /// Where names begin.
    pub(super) margin: f64,
    /// What is above the rows: the heading of a file, and the times.
    pub(super) head: f64,
    /// How tall a row is, and how much of it is above the bar for the name.
    pub(super) row: f64,
    pub(super) name_above: f64,
    /// The most times across the top.
    pub(super) ticks: usize,
    /// Whether it is a file, which has to say by itself what it shows; or else in a page, and leads into its log.
    pub(super) is_file: bool,
}

impl Frame {
    /// A file of its own: it says what it is of, and what its marks mean.
    pub(super) const FILE: Self = Self {
        id: "file",
        width: 960.0,
        is_fluid: false,
        plot: (172.0, 936.0),
        margin: 8.0,
        head: 60.0,
        row: 28.0,
        name_above: 0.0,
        ticks: 9,
        is_file: true,
    };

    /// In a page.
    pub(super) const WIDE: Self = Self {
        id: "wide",
        plot: (172.0, 960.0),
        margin: 0.0,
        head: 28.0,
        is_file: false,
        ..Self::FILE
    };

    /// In the same page on a phone: names stand above their bars, and the whole span fits.
    pub(super) const NARROW: Self = Self {
        id: "narrow",
        width: 350.0,
        is_fluid: true,
        plot: (0.0, 350.0),
        row: 44.0,
        name_above: 18.0,
        ticks: 4,
        ..Self::WIDE
    };

    /// How wide the time is.
    pub(super) fn plot_width(&self) -> f64 {
        self.plot.1 - self.plot.0
    }

    /// Where a moment is, from left to right, in pixels. What a clock that was set back put outside, is at the edge.
    pub(super) fn x(&self, span: Interval, at: Timestamp) -> f64 {
        let within = at.clamp(span.from, span.to).0 - span.from.0;
        self.plot.0 + self.plot_width() * number(within) / number(span.ms().max(1))
    }

    /// A place or a width as it is written.
    pub(super) fn across(&self, pixels: f64) -> String {
        if self.is_fluid {
            format!("{:.2}%", 100.0 * pixels / self.width)
        } else {
            format!("{pixels:.1}")
        }
    }

    /// The upper edge of a row.
    pub(super) fn top(&self, index: usize) -> f64 {
        self.head + self.row * f64::from(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The middle of a row's bar.
    pub(super) fn middle(&self, index: usize) -> f64 {
        self.top(index) + self.name_above + (self.row - self.name_above) / 2.0 + 2.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pixel is coarser than what is lost")]
fn number(ms: i64) -> f64 {
    ms as f64
}
