//! The drawing itself.

use std::fmt::Write;

use chrono::{NaiveDate, Timelike};

use super::picture::{Bar, BarKind, DrawnMark, PictureRow};
use super::ticks::ticks;
use crate::history::timeline::{MarkKind, Timeline};
use crate::model::time::Timestamp;
use crate::web::http::zone::Zone;
use crate::web::review::wording::{count, duration, isolated, plain};

const WIDTH: f64 = 960.0;
const ROW: f64 = 28.0;
const BAR: f64 = 14.0;
/// Where the names end, and the time begins.
const NAMES: f64 = 172.0;
const PLOT: f64 = WIDTH - NAMES - 24.0;
/// The heading and the times above the rows.
const HEAD: f64 = 60.0;
/// The legend below them.
const FOOT: f64 = 40.0;
/// Where the room's name is above all, and how wide: the zone on the other side may have a long name, too.
const HEADING_Y: f64 = 3.5;
const HEADING: f64 = 400.0;
/// Over what width a name fades away that does not fit.
const FADE: f64 = 20.0;
/// What is shorter is drawn this wide: it must be seen.
const THINNEST: f64 = 2.0;
const TICKS: usize = 9;
/// No more of a name fits anywhere, whatever it is made of.
const SHOWN_CHARS: usize = 80;

/// Draws a timeline by the clock of a zone, with the style given.
pub(super) fn draw(timeline: &Timeline, zone: Zone, now: Timestamp, style: &str) -> String {
    let mut canvas = SvgCanvas {
        timeline,
        zone,
        now,
        first_day: zone.local(timeline.span.from).date_naive(),
        out: String::new(),
    };
    let bottom = canvas.bottom();
    let height = bottom + FOOT + if timeline.more > 0 { ROW } else { 0.0 };
    let title = text(&format!(
        "{}, {}",
        isolated(&timeline.room),
        canvas.date(timeline.span.from, "%-d %b %Y, %H:%M")
    ));
    canvas.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline\" role=\"img\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n<title>{title}</title>\n{style}{DEFINITIONS}"
    ));
    canvas.head();
    for (index, row) in timeline.rows.iter().enumerate() {
        canvas.row(index, &row.username, &PictureRow::of(row, timeline.span));
    }
    canvas.outside();
    canvas.now_line(bottom);
    canvas.legend(bottom + 24.0);
    canvas.more(bottom + 24.0 + ROW);
    canvas.out.push_str("</svg>\n");
    canvas.out
}

/// What fills a gap, and what a name that is too long ends in.
const DEFINITIONS: &str = "<defs><pattern id=\"timeline-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
    patternTransform=\"rotate(45)\"><line class=\"hatch\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern>\
    <linearGradient id=\"timeline-fade\"><stop class=\"fade\" offset=\"0\" stop-opacity=\"0\"/>\
    <stop class=\"fade\" offset=\"1\"/></linearGradient></defs>\n";

struct SvgCanvas<'a> {
    timeline: &'a Timeline,
    /// Whose clock ticks and times follow.
    zone: Zone,
    now: Timestamp,
    /// The day on which all began.
    first_day: NaiveDate,
    out: String,
}

impl SvgCanvas<'_> {
    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(arguments);
    }

    /// Where the rows end.
    fn bottom(&self) -> f64 {
        let rows = self.timeline.rows.len() + usize::from(!self.timeline.outside.is_empty());
        top(rows.max(1))
    }

    /// Where a moment is, from left to right. What a clock that was set back put outside, is at the edge.
    fn x(&self, at: Timestamp) -> f64 {
        let span = self.timeline.span;
        let within = at.clamp(span.from, span.to).0 - span.from.0;
        NAMES + PLOT * number(within) / number(span.ms().max(1))
    }

    fn head(&mut self) {
        let timeline = self.timeline;
        let bottom = self.bottom();
        let from = self.date(timeline.span.from, "%-d %b %Y");
        let zone = self.zone.described(timeline.span.from, timeline.span.to);
        let state = if timeline.is_live { ", still going on" } else { "" };
        self.name(HEADING_Y, HEADING, &timeline.room, "heading");
        self.put(format_args!(
            "\n<text class=\"quiet\" x=\"{}\" y=\"22\" text-anchor=\"end\">{from}, {zone}{state}</text>\n",
            WIDTH - 24.0
        ));
        let (ticks, step) = ticks(timeline.span, self.zone, TICKS);
        for at in ticks {
            let (x, label) = (self.x(at), self.tick_label(at, step));
            let middle = x.min(WIDTH - width_at_most(&label) / 2.0);
            self.put(format_args!(
                "<line class=\"tick\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>\
                 <text class=\"quiet\" x=\"{middle:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                HEAD - 6.0,
                HEAD - 12.0
            ));
        }
    }

    fn row(&mut self, index: usize, username: &str, row: &PictureRow) {
        self.put(format_args!("<g>"));
        self.row_name(index, username, "name");
        for bar in &row.bars {
            self.bar(index, username, bar);
        }
        for mark in &row.marks {
            self.mark(index, username, mark);
        }
        self.put(format_args!("</g>\n"));
    }

    /// Joins that were refused, in a row of their own.
    fn outside(&mut self) {
        let Some(row) = PictureRow::outside(self.timeline) else {
            return;
        };
        const NOBODY: &str = "not in the room";
        let index = self.timeline.rows.len();
        self.put(format_args!("<g>"));
        self.row_name(index, NOBODY, "outside");
        for mark in &row.marks {
            self.mark(index, "Not in the room", mark);
        }
        self.put(format_args!("</g>\n"));
    }

    /// A name at the beginning of a row, and the line below it.
    fn row_name(&mut self, index: usize, name: &str, class: &str) {
        let line = top(index) + ROW;
        self.put(format_args!(
            "<line class=\"rule\" x1=\"0\" y1=\"{line}\" x2=\"{WIDTH}\" y2=\"{line}\"/>"
        ));
        self.name(top(index), NAMES - 12.0, name, class);
    }

    /// A name in so much room; what does not fit fades away there, and is told when pointed at.
    fn name(&mut self, y: f64, width: f64, name: &str, class: &str) {
        let shown: String = plain(name).chars().take(SHOWN_CHARS).collect();
        let (shown, full) = (text(&shown), text(&isolated(name)));
        self.put(format_args!(
            "<svg x=\"0\" y=\"{y}\" width=\"{width}\" height=\"{ROW}\"><title>{full}</title>\
             <text class=\"{class}\" x=\"8\" y=\"18.5\" unicode-bidi=\"isolate\">{shown}</text>\
             <rect x=\"{}\" y=\"1\" width=\"{FADE}\" height=\"{}\" fill=\"url(#timeline-fade)\"/></svg>",
            width - FADE,
            ROW - 2.0
        ));
    }

    fn bar(&mut self, index: usize, name: &str, bar: &Bar) {
        let (class, word) = match bar.kind {
            BarKind::Present => ("present", "present"),
            BarKind::Away => ("away", "away"),
        };
        let x = self.x(bar.interval.from);
        let width = (self.x(bar.interval.to) - x).max(THINNEST);
        let title = text(&format!(
            "{} {word} {} to {} ({})",
            isolated(name),
            self.time(bar.interval.from),
            self.time(bar.interval.to),
            duration(bar.interval.ms())
        ));
        let y = top(index) + (ROW - BAR) / 2.0;
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\"><title>{title}</title></rect>"
        ));
    }

    fn mark(&mut self, index: usize, name: &str, mark: &DrawnMark) {
        let word = match mark.kind {
            MarkKind::Reconnect => "came back",
            MarkKind::Error => "was told an error",
        };
        let times = if mark.count > 1 {
            format!(", {} times", mark.count)
        } else {
            String::new()
        };
        let title = text(&format!("{} {word} at {}{times}", isolated(name), self.time(mark.at)));
        let (x, y) = (self.x(mark.at), top(index) + ROW / 2.0);
        let shape = shape(mark.kind);
        self.put(format_args!(
            "<g transform=\"translate({x:.1} {y})\"><title>{title}</title>{shape}</g>"
        ));
    }

    fn now_line(&mut self, bottom: f64) {
        if !self.timeline.is_live || self.now > self.timeline.span.to {
            return;
        }
        let (x, time) = (self.x(self.now), self.time(self.now));
        self.put(format_args!(
            "<line class=\"now\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{bottom}\"><title>Now, {time}</title></line>\n",
            HEAD - 6.0
        ));
    }

    fn legend(&mut self, y: f64) {
        let middle = y - 4.0;
        let (reconnect, error) = (shape(MarkKind::Reconnect), shape(MarkKind::Error));
        self.put(format_args!(
            "<g><rect class=\"present\" x=\"{NAMES}\" y=\"{0}\" width=\"28\" height=\"10\"/><text class=\"quiet\" x=\"{1}\" y=\"{y}\">present</text>\
             <rect class=\"away\" x=\"{2}\" y=\"{0}\" width=\"28\" height=\"10\"/><text class=\"quiet\" x=\"{3}\" y=\"{y}\">away</text>\
             <g transform=\"translate({4} {middle})\">{reconnect}</g><text class=\"quiet\" x=\"{5}\" y=\"{y}\">came back</text>\
             <g transform=\"translate({6} {middle})\">{error}</g><text class=\"quiet\" x=\"{7}\" y=\"{y}\">error</text>",
            y - 9.0,
            NAMES + 34.0,
            NAMES + 100.0,
            NAMES + 134.0,
            NAMES + 190.0,
            NAMES + 202.0,
            NAMES + 290.0,
            NAMES + 302.0
        ));
        if self.timeline.is_live && self.now <= self.timeline.span.to {
            self.put(format_args!(
                "<line class=\"now\" x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\"/><text class=\"quiet\" x=\"{3}\" y=\"{y}\">now</text>",
                NAMES + 360.0,
                y - 12.0,
                y + 3.0,
                NAMES + 368.0
            ));
        }
        if let Some(at) = self.timeline.marks_end {
            let time = self.time(at);
            self.put(format_args!(
                "<text class=\"quiet\" x=\"{}\" y=\"{y}\" text-anchor=\"end\">too much happened: marks end at {time}</text>",
                WIDTH - 24.0
            ));
        }
        self.put(format_args!("</g>\n"));
    }

    /// How many are not drawn.
    fn more(&mut self, y: f64) {
        let more = self.timeline.more;
        if more > 0 {
            let people = count(i64::try_from(more).unwrap_or(i64::MAX), "person is", "people are");
            self.put(format_args!(
                "<text class=\"quiet\" x=\"8\" y=\"{y}\">{people} not drawn: these are the first by name</text>\n"
            ));
        }
    }

    fn tick_label(&self, at: Timestamp, step: i64) -> String {
        const MINUTE: i64 = 60_000;
        const DAY: i64 = 24 * 60 * MINUTE;
        let is_midnight = self.date(at, "%H:%M:%S") == "00:00:00";
        let format = match step {
            DAY.. => "%-d %b",
            MINUTE.. if is_midnight => "%-d %b",
            MINUTE.. => "%H:%M",
            _ => "%H:%M:%S",
        };
        self.unmistakable(at, self.date(at, format))
    }

    /// A moment to the second; with its day where that is not the day on which all began.
    fn time(&self, at: Timestamp) -> String {
        let local = self.zone.local(at);
        // There are thousands of these: reading a format each time would cost more than all else of a picture.
        let clock = format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second());
        let shown = if local.date_naive() == self.first_day {
            clock
        } else {
            format!("{}, {clock}", local.format("%-d %b"))
        };
        self.unmistakable(at, shown)
    }

    /// With the offset where the clock shows the same time twice.
    fn unmistakable(&self, at: Timestamp, shown: String) -> String {
        let zone = self.zone;
        if zone.shows_twice(at) {
            return format!("{shown} {}", zone.offset_name(at));
        }
        shown
    }

    fn date(&self, at: Timestamp, format: &str) -> String {
        self.zone.local(at).format(format).to_string()
    }
}

/// A triangle and a cross: told apart without their colours.
fn shape(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Reconnect => "<path class=\"reconnect\" d=\"M0 -6 L6 5 L-6 5 Z\"/>",
        MarkKind::Error => {
            "<path class=\"halo\" d=\"M-4 -4 L4 4 M4 -4 L-4 4\"/><path class=\"error\" d=\"M-4 -4 L4 4 M4 -4 L-4 4\"/>"
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pixel is coarser than what is lost")]
fn number(ms: i64) -> f64 {
    ms as f64
}

/// The upper edge of a row.
fn top(index: usize) -> f64 {
    HEAD + ROW * f64::from(u32::try_from(index).unwrap_or(u32::MAX))
}

/// How much room a time takes, in whatever font there is.
fn width_at_most(label: &str) -> f64 {
    const DIGIT: f64 = 8.5;
    label.chars().map(|_| DIGIT).sum()
}

/// Text as XML 1.0 takes it: escaped, and without the characters that no XML may hold, not even escaped.
fn text(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\u{0}'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}' => {}
            _ => text.push(c),
        }
    }
    text
}
