//! The drawing itself.

use std::fmt::Write;

use chrono::Timelike;

use super::clock::Clock;
use super::escape::text;
use super::frame::Frame;
use super::legend::Key;
use super::picture::{Bar, BarKind, DrawnMark, PictureRow};
use super::shapes::{CAME_BACK, GRIP, HATCHED, LOST, REFUSED, STYLE, hatch};
use super::ticks::ticks;
use super::titles::Titles;
use crate::history::timeline::{MarkKind, RowEnd, Timeline, TimelineRow};
use crate::model::time::Timestamp;
use crate::web::review::sentences::picture as told;
use crate::web::review::sentences::wording::counted;
use crate::words::{Words, message as m};

const BAR: f64 = 10.0;
/// The legend below the rows of a file.
const FOOT: f64 = 40.0;
/// Where the room's name is above all, and how wide: the zone on the other side may have a long name, too.
const HEADING_Y: f64 = 3.5;
const HEADING: f64 = 400.0;
/// Over what width a name fades away that does not fit.
const FADE: f64 = 20.0;
/// What is shorter is drawn this wide: it must be seen.
const THINNEST: f64 = 2.0;
/// How wide an end stroke is.
const STROKE: f64 = 3.0;
/// A gap is at least this wide.
const SLIT: f64 = 3.0;
/// With more rows the times stand below them, too.
const TALL: usize = 20;
/// So much room need a time and its word, and those of somebody who did not come back.
const TIME_ROOM: f64 = 84.0;
const LOST_ROOM: f64 = 142.0;
/// So far from a mark such words keep.
const LABEL_ROOM: f64 = 12.0;
/// Where such words stand: at the height of the bar where that is empty, or else above the bar.
const LEVEL: f64 = 4.0;
const ABOVE: f64 = -9.0;
/// No more of a name fits anywhere, whatever it is made of.
const SHOWN_CHARS: usize = 80;

/// Draws a timeline by a clock.
pub(super) fn draw(timeline: &Timeline, titles: &Titles<'_>, now: Timestamp, frame: &Frame) -> String {
    let mut canvas = SvgCanvas {
        words: titles.words,
        timeline,
        clock: titles.clock,
        titles,
        now,
        frame,
        // Of a page it is the most: it does not grow piece by piece.
        out: String::with_capacity(timeline.rows.len() * 4096),
    };
    canvas.begin();
    canvas.head();
    for (index, row) in timeline.rows.iter().enumerate() {
        canvas.row(index, row);
    }
    canvas.outside();
    canvas.now_line();
    canvas.foot();
    canvas.out.push_str("</svg>\n");
    canvas.out
}

struct SvgCanvas<'a> {
    words: &'a Words,
    timeline: &'a Timeline,
    /// What ticks and times follow.
    clock: &'a Clock<'a>,
    titles: &'a Titles<'a>,
    now: Timestamp,
    frame: &'a Frame,
    out: String,
}

impl SvgCanvas<'_> {
    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(arguments);
    }

    fn rows(&self) -> usize {
        let rows = self.timeline.rows.len() + usize::from(!self.timeline.outside.is_empty());
        rows.max(1)
    }

    /// Where the rows end.
    fn bottom(&self) -> f64 {
        self.frame.top(self.rows())
    }

    fn x(&self, at: Timestamp) -> f64 {
        self.frame.x(self.timeline.span, at)
    }

    fn pixels(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "a frame is no wider than a screen")]
        let pixels = self.frame.plot_width() as i64;
        pixels
    }

    /// The drawing's own element, its name, and what fills a gap and what a name that is too long ends in.
    fn begin(&mut self) {
        let Frame { id, width, .. } = *self.frame;
        let more = if self.timeline.more > 0 { self.frame.row } else { 0.0 };
        let below = if self.frame.is_file { FOOT } else { self.axis_below() };
        let height = self.bottom() + below + more;
        let size = if self.frame.is_fluid {
            format!("width=\"100%\" height=\"{height}\"")
        } else {
            format!("width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"")
        };
        // In a page its marks are links.
        let role = if self.frame.is_file { "img" } else { "group" };
        let title = text(&self.words.say(m::TitleOfSession {
            room: &self.words.isolated(&self.timeline.room),
            day: &self.words.day_minute(self.clock.local(self.timeline.span.from)),
        }));
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline {id}\" role=\"{role}\" {size}>\n<title>{title}</title>\n"
        ));
        if self.frame.is_file {
            self.put(format_args!("<style>{STYLE}</style>\n"));
        }
        // What is not displayed cannot be referred to: each drawing has its own.
        let hatch = hatch(id);
        self.put(format_args!(
            "<defs>{hatch}<linearGradient id=\"fade-{id}\"><stop class=\"fade\" offset=\"0\" stop-opacity=\"0\"/>\
             <stop class=\"fade\" offset=\"1\"/></linearGradient></defs>\n"
        ));
    }

    fn head(&mut self) {
        if self.frame.is_file {
            let timeline = self.timeline;
            let day = &self.words.day(self.clock.local(timeline.span.from));
            let zone = &told::zone(self.words, self.clock.zone, timeline.span.from, timeline.span.to);
            let when = if timeline.is_live {
                self.words.say(m::GoesOn { day, zone })
            } else {
                self.words.say(m::OnDay { day, zone })
            };
            self.name(HEADING_Y, HEADING, &timeline.room, "heading");
            self.put(format_args!(
                "\n<text class=\"quiet\" x=\"{}\" y=\"22\" text-anchor=\"end\">{when}</text>\n",
                self.frame.plot.1
            ));
        }
        let (bottom, is_tall) = (self.bottom(), self.axis_below() > 0.0);
        let (ticks, step) = ticks(self.timeline.span, self.clock.zone, self.frame.ticks);
        let Frame { head, width, .. } = *self.frame;
        for at in ticks {
            let (x, label) = (self.x(at), self.tick_label(at, step));
            let half = width_at_most(&label) / 2.0;
            let least = if self.frame.plot.0 < half { half } else { 0.0 };
            let (middle, x) = (self.frame.across(x.clamp(least, width - half)), self.frame.across(x));
            self.put(format_args!(
                "<line class=\"tick\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/>\
                 <text class=\"quiet\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                head - 6.0,
                head - 12.0
            ));
            if is_tall {
                self.put(format_args!(
                    "<text class=\"quiet\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                    bottom + 18.0
                ));
            }
        }
    }

    /// How tall the times below the rows are.
    fn axis_below(&self) -> f64 {
        if !self.frame.is_file && self.rows() > TALL {
            26.0
        } else {
            0.0
        }
    }

    fn row(&mut self, index: usize, row: &TimelineRow) {
        let picture = PictureRow::of(row, self.timeline.span, self.pixels());
        self.begin_row(index, &row.username, "name", self.name_room(row, &picture));
        let gaps = |kind| picture.bars.iter().filter(move |bar| bar.kind == kind);
        for bar in gaps(BarKind::Present) {
            self.present(index, row, bar);
        }
        for bar in gaps(BarKind::Away) {
            self.away(index, row, bar);
        }
        self.within_gaps(index, &picture);
        self.beside(index, row, &picture);
        for mark in &picture.marks {
            self.mark(index, &row.username, mark);
        }
        self.put(format_args!("</g>\n"));
    }

    /// Joins that were refused, in a row of their own.
    fn outside(&mut self) {
        let Some(row) = PictureRow::outside(self.timeline, self.pixels()) else {
            return;
        };
        let index = self.timeline.rows.len();
        self.begin_row(index, &self.words.say(m::OutsideTheRoom), "outside", self.frame.width);
        let somebody = self.words.say(m::SomebodyOutside);
        for mark in &row.marks {
            self.mark(index, &somebody, mark);
        }
        self.put(format_args!("</g>\n"));
    }

    /// How wide a name may be that stands above its bar: up to the words that stand there, too.
    fn name_room(&self, row: &TimelineRow, picture: &PictureRow) -> f64 {
        let Some(last) = picture.bars.last() else {
            return self.frame.width;
        };
        let end = self.x(last.interval.to);
        let is_above = self.frame.plot.1 - end <= LOST_ROOM;
        match row.end {
            Some(RowEnd { is_lost: true, .. }) if is_above => end - LOST_ROOM,
            None if last.kind == BarKind::Away => end - TIME_ROOM,
            Some(_) | None => self.frame.width,
        }
    }

    /// The ground of a row, the name at its beginning, and the line below it.
    fn begin_row(&mut self, index: usize, name: &str, class: &str, name_room: f64) {
        let Frame {
            row, name_above, plot, ..
        } = *self.frame;
        let y = self.frame.top(index);
        let line = y + row - 0.5;
        self.put(format_args!(
            "<g class=\"row\"><rect class=\"ground\" x=\"0\" y=\"{y}\" width=\"100%\" height=\"{row}\"/>\
             <line class=\"rule\" x1=\"0\" y1=\"{line}\" x2=\"100%\" y2=\"{line}\"/>"
        ));
        if name_above > 0.0 {
            self.name(y - 2.0, name_room, name, class);
        } else {
            self.name(y, plot.0 - 12.0, name, class);
        }
    }

    /// A name in so much room; what does not fit fades away there, and is told when pointed at.
    fn name(&mut self, y: f64, width: f64, name: &str, class: &str) {
        let Frame {
            id,
            row,
            margin,
            name_above,
            ..
        } = *self.frame;
        // Above a bar it is as tall as what is above.
        let height = if name_above > 0.0 { name_above } else { row - 2.0 };
        let shown: String = self.words.plain(name).chars().take(SHOWN_CHARS).collect();
        let (shown, full) = (text(&shown), text(&self.words.isolated(name)));
        let across = self.frame.across(width);
        self.put(format_args!(
            "<svg x=\"0\" y=\"{y}\" width=\"{across}\" height=\"{row}\"><title>{full}</title>\
             <text class=\"{class}\" x=\"{margin}\" y=\"18\" unicode-bidi=\"isolate\">{shown}</text>"
        ));
        self.put(format_args!(
            "<rect x=\"100%\" y=\"1\" width=\"{FADE}\" height=\"{height}\" transform=\"translate(-{FADE})\" \
             fill=\"url(#fade-{id})\"/></svg>"
        ));
    }

    fn present(&mut self, index: usize, row: &TimelineRow, bar: &Bar) {
        let x = self.x(bar.interval.from);
        let width = (self.x(bar.interval.to) - x).max(THINNEST);
        let across = self.frame.across(width);
        self.bar("class=\"present\"", index, (x, across), BAR, (row, bar));
    }

    /// A slit in the bar, or a hatch where there is room for one.
    fn away(&mut self, index: usize, row: &TimelineRow, bar: &Bar) {
        let x = self.x(bar.interval.from);
        let width = self.x(bar.interval.to) - x;
        let across = if width < SLIT {
            SLIT.to_string()
        } else {
            self.frame.across(width)
        };
        let look = if width < HATCHED {
            "class=\"slit\"".to_owned()
        } else {
            self.frame.hatch()
        };
        self.bar(&look, index, (x, across), BAR + 2.0, (row, bar));
    }

    /// A bar; in a page it leads to the entry of the log that it begins with.
    fn bar(
        &mut self,
        look: &str,
        index: usize,
        (x, width): (f64, String),
        height: f64,
        (row, bar): (&TimelineRow, &Bar),
    ) {
        let (x, y) = (self.frame.across(x), self.frame.middle(index) - height / 2.0);
        let title = self.titles.of(index, &row.username, bar);
        let rect = format!("<rect {look} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"");
        let begin = row.begins.partition_point(|(at, _)| *at < bar.interval.from);
        match row.begins.get(begin).filter(|_| !self.frame.is_file) {
            Some((at, seq)) if *at == bar.interval.from => {
                let address = entry_address(*seq);
                self.put(format_args!(
                    "<a class=\"bar\" href=\"{address}\"><title>{title}</title>{rect}/></a>"
                ));
            }
            Some(_) | None => self.put(format_args!("{rect}><title>{title}</title></rect>")),
        }
    }

    /// Where a row is empty, when somebody came and left; and that they did not come back, or are away.
    fn beside(&mut self, index: usize, row: &TimelineRow, picture: &PictureRow) {
        let (Some(first), Some(last)) = (picture.bars.first(), picture.bars.last()) else {
            return;
        };
        let (start, end) = (self.x(first.interval.from), self.x(last.interval.to));
        let came = self.words.say(m::CameAt {
            time: &self.clock.minute(first.interval.from),
        });
        if start - self.frame.plot.0 > TIME_ROOM {
            self.beside_bar(index, "quiet", (start, -6.0, LEVEL), "end", &came);
        } else if self.has_room_above(row, picture, (start, end)) {
            self.beside_bar(index, "quiet", (start, 0.0, ABOVE), "start", &came);
        }
        let room = self.frame.plot.1 - end;
        match row.end {
            Some(RowEnd { is_lost: true, seq, .. }) => {
                self.lost(index, &row.username, (last.interval.to, seq), end, room);
            }
            Some(RowEnd { at, .. }) if room > TIME_ROOM => {
                let left = self.words.say(m::LeftAt {
                    time: &self.clock.minute(at),
                });
                self.beside_bar(index, "quiet", (end, 6.0, LEVEL), "start", &left);
            }
            None if last.kind == BarKind::Away => {
                let away = self.words.say(m::Away);
                self.beside_bar(index, "bad", (end, -6.0, ABOVE), "end", &away);
            }
            Some(_) | None => {}
        }
    }

    /// Where a row is empty between two bars, when somebody left and came again. Who was away before has not left then: the hatch
    /// says until when they were waited for.
    fn within_gaps(&mut self, index: usize, picture: &PictureRow) {
        for pair in picture.bars.windows(2) {
            let [before, after] = pair else { continue };
            let (start, end) = (self.x(before.interval.to), self.x(after.interval.from));
            let is_free = |mark: &DrawnMark| !(start..end).contains(&self.x(mark.at));
            if end - start <= TIME_ROOM || !picture.marks.iter().all(is_free) {
                continue;
            }
            let has_left = before.kind == BarKind::Present;
            if has_left {
                let left = self.words.say(m::LeftAt {
                    time: &self.clock.minute(before.interval.to),
                });
                self.beside_bar(index, "quiet", (start, 6.0, LEVEL), "start", &left);
            }
            if !has_left || end - start > 2.0 * TIME_ROOM {
                let came = self.words.say(m::CameAt {
                    time: &self.clock.minute(after.interval.from),
                });
                self.beside_bar(index, "quiet", (end, -6.0, LEVEL), "end", &came);
            }
        }
    }

    /// Whether above the bar there is room for when somebody came, beside the name and whatever else stands there.
    fn has_room_above(&self, row: &TimelineRow, picture: &PictureRow, (start, end): (f64, f64)) -> bool {
        let room = start..start + TIME_ROOM;
        let near = room.start - LABEL_ROOM..room.end + LABEL_ROOM;
        let is_free = picture.marks.iter().all(|mark| !near.contains(&self.x(mark.at)));
        let is_said_there = row.end.as_ref().is_none_or(|end| end.is_lost);
        let free_until = if is_said_there {
            end - LOST_ROOM
        } else {
            self.frame.plot.1
        };
        self.frame.name_above > 0.0
            && start > name_width(&self.words.plain(&row.username))
            && is_free
            && room.end < free_until
    }

    /// An end stroke as tall as the row, with its words beside it.
    fn lost(&mut self, index: usize, name: &str, (at, seq): (Timestamp, Option<i64>), x: f64, room: f64) {
        let title = text(&told::lost_at(self.words, name, &self.clock.time(at)));
        // At the edge it would be seen by half.
        let seen = x.min(self.frame.width - STROKE / 2.0);
        let (place, (start, end)) = (self.place(seen, index), self.entry(seq, &title));
        let top = self.frame.top(index) - self.frame.middle(index);
        let bottom = top + self.frame.row - 1.0;
        self.put(format_args!(
            "{place}{start}<path class=\"lost\" d=\"M0 {top} V{bottom}\"/>{end}</svg>"
        ));
        let (dx, dy, anchor) = if room > LOST_ROOM {
            (6.0, LEVEL, "start")
        } else {
            (-6.0, ABOVE, "end")
        };
        let lost = self.words.say(m::DidNotComeBack);
        self.beside_bar(index, "bad", (x, dx, dy), anchor, &lost);
    }

    fn beside_bar(&mut self, index: usize, class: &str, (x, dx, dy): (f64, f64, f64), anchor: &str, words: &str) {
        let (x, y) = (self.frame.across(x), self.frame.middle(index) + dy);
        self.put(format_args!(
            "<text class=\"beside {class}\" x=\"{x}\" dx=\"{dx}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>"
        ));
    }

    /// The point of a row that a mark is around.
    fn place(&self, x: f64, index: usize) -> String {
        let (x, y) = (self.frame.across(x), self.frame.middle(index));
        format!("<svg x=\"{x}\" y=\"{y}\" overflow=\"visible\">")
    }

    /// A mark; in a page it leads to its entry in the log.
    fn mark(&mut self, index: usize, name: &str, mark: &DrawnMark) {
        let title = text(&told::mark(
            self.words,
            name,
            mark.kind,
            &self.clock.time(mark.at),
            mark.count,
        ));
        let (shape, shift, beside) = match mark.kind {
            MarkKind::Reconnect => (CAME_BACK, -11.0, 4),
            MarkKind::Error => (REFUSED, 0.0, 8),
        };
        let often = match mark.count {
            1 => String::new(),
            often => format!("<text class=\"often\" x=\"{beside}\" y=\"3\">{often}×</text>"),
        };
        let (start, end) = self.entry(Some(mark.seq), &title);
        let (x, y) = (self.frame.across(self.x(mark.at)), self.frame.middle(index) + shift);
        self.put(format_args!(
            "<svg x=\"{x}\" y=\"{y}\" overflow=\"visible\">{start}{shape}{often}{end}</svg>"
        ));
    }

    /// What is around a mark, with its title: in a page a link to its entry in the log, which can be hit.
    fn entry(&self, seq: Option<i64>, title: &str) -> (String, &'static str) {
        match seq.filter(|_| !self.frame.is_file) {
            Some(seq) => {
                let address = entry_address(seq);
                (format!("<a href=\"{address}\"><title>{title}</title>{GRIP}"), "</a>")
            }
            None => (format!("<g><title>{title}</title>"), "</g>"),
        }
    }

    fn is_growing(&self) -> bool {
        self.timeline.is_live && self.now <= self.timeline.span.to
    }

    fn now_line(&mut self) {
        if !self.is_growing() {
            return;
        }
        let (x, title) = (
            self.frame.across(self.x(self.now)),
            self.words.say(m::NowAt {
                time: &self.clock.time(self.now),
            }),
        );
        let (head, bottom) = (self.frame.head - 6.0, self.bottom());
        self.put(format_args!(
            "<line class=\"now\" x1=\"{x}\" y1=\"{head}\" x2=\"{x}\" y2=\"{bottom}\"><title>{title}</title></line>\n"
        ));
    }

    /// What the marks of a file mean, and what of the session is missing.
    fn foot(&mut self) {
        let y = self.bottom() + 24.0;
        if self.frame.is_file {
            self.legend(y);
        }
        let y = if self.frame.is_file {
            y + self.frame.row
        } else {
            y + self.axis_below()
        };
        if self.timeline.more > 0 {
            let more = self.words.say(m::MorePeopleNotDrawn {
                count: counted(self.timeline.more),
            });
            self.put(format_args!(
                "<text class=\"quiet\" x=\"{}\" y=\"{y}\">{more}</text>\n",
                self.frame.margin
            ));
        }
    }

    fn legend(&mut self, y: f64) {
        let middle = y - 4.0;
        let hatch = self.frame.hatch();
        let bar = |look: &str| format!("<rect {look} x=\"0\" y=\"-5\" width=\"28\" height=\"{BAR}\"/>");
        self.put(format_args!("<g>"));
        let mut at = self.frame.margin;
        for key in Key::of(self.timeline, self.frame) {
            let (middle_of_shape, beside, shape) = match key {
                Key::Present => (0.0, 35.0, bar("class=\"present\"")),
                Key::Away => (0.0, 35.0, bar(&hatch)),
                Key::CameBack => (1.0, 8.0, CAME_BACK.to_owned()),
                Key::Lost => (1.0, 8.0, LOST.to_owned()),
                Key::Refused => (5.0, 16.0, REFUSED.to_owned()),
            };
            let word = key.word(self.words);
            let (shown_at, told_at) = (at + middle_of_shape, at + beside);
            self.put(format_args!(
                "<g transform=\"translate({shown_at} {middle})\">{shape}</g><text class=\"quiet\" x=\"{told_at}\" y=\"{y}\">{word}</text>"
            ));
            at = told_at + width_about(&word) + 16.0;
        }
        if let Some(at) = self.timeline.marks_end {
            let told = self.words.say(m::MarksEnd {
                moment: &self.clock.time(at),
            });
            self.put(format_args!(
                "<text class=\"quiet\" x=\"{}\" y=\"{y}\" text-anchor=\"end\">{told}</text>",
                self.frame.plot.1
            ));
        }
        self.put(format_args!("</g>\n"));
    }

    fn tick_label(&self, at: Timestamp, step: i64) -> String {
        const MINUTE: i64 = 60_000;
        const DAY: i64 = 24 * 60 * MINUTE;
        let local = self.clock.local(at);
        let is_midnight = local.num_seconds_from_midnight() == 0;
        let label = match step {
            DAY.. => self.words.short_day(local),
            MINUTE.. if is_midnight => self.words.short_day(local),
            MINUTE.. => self.words.minute(local, false),
            _ => self.words.second(local, false),
        };
        self.clock.unmistakable(at, label)
    }
}

impl Frame {
    /// How a gap looks that is filled with this drawing's own hatch.
    fn hatch(&self) -> String {
        format!("class=\"away\" fill=\"url(#hatch-{})\"", self.id)
    }
}

/// Where the log has an entry.
fn entry_address(seq: i64) -> String {
    let after = seq - 1;
    format!("?after={after}#entry-{seq}")
}

/// How much room a time takes, in whatever font there is.
fn width_at_most(label: &str) -> f64 {
    const DIGIT: f64 = 8.5;
    width(label, DIGIT)
}

/// How much room a few words take, in a usual font.
fn width_about(words: &str) -> f64 {
    const LETTER: f64 = 6.7;
    width(words, LETTER)
}

/// How much room a name takes above its bar, with some space.
fn name_width(name: &str) -> f64 {
    const LETTER: f64 = 8.0;
    const SPACE: f64 = 8.0;
    width(name, LETTER) + SPACE
}

/// How wide a text is whose Latin letters are so wide; others are as wide as they are tall.
fn width(text: &str, letter: f64) -> f64 {
    const SQUARE: f64 = 12.0;
    text.chars().map(|c| if c.is_ascii() { letter } else { SQUARE }).sum()
}
