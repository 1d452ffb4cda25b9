//! The log: structured lines on standard error. Standard output is for the few lines at start.
//!
//! They are written by a thread of their own. Who joins and who leaves is told while a room is locked: a terminal or a
//! service manager that takes no lines must not hold up a class. Past [`MOST_WAITING`] lines are left out, and counted.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::config::{Config, LogFormat};

/// What is said at these levels by whatever reads and writes clients' messages holds their words: ids, SDP, candidates.
const WITHOUT_DETAILS: [&str; 6] = [
    "tungstenite=info",
    "tokio_tungstenite=info",
    "engineioxide=info",
    "engineioxide_core=info",
    "socketioxide=info",
    "socketioxide_core=info",
];

/// How many lines wait for whoever reads the log.
const MOST_WAITING: usize = 4_096;

static LEFT_OUT: OnceLock<ErrorCounter> = OnceLock::new();

/// How many lines were left out since the start, as nobody took them fast enough.
pub fn lines_dropped() -> usize {
    LEFT_OUT.get().map_or(0, ErrorCounter::dropped_lines)
}

fn filter(directives: &str) -> EnvFilter {
    let without = WITHOUT_DETAILS.iter().filter_map(|directive| directive.parse().ok());
    without.fold(EnvFilter::new(directives), EnvFilter::add_directive)
}

/// Writes JSON with an escape for what shows nothing or breaks lines (U+2028), as the text format has it: JSON has to
/// escape ASCII only.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    /// A line comes as a whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match str::from_utf8(line) {
            Ok(text) if text.contains(is_escaped) => self.0.write_all(escaped(text).as_bytes())?,
            Ok(_) | Err(_) => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn is_escaped(letter: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    let category = letter.general_category();
    !letter.is_ascii() && matches!(category, Control | Format | LineSeparator | ParagraphSeparator)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_escaped(letter) {
            let mut units = [0; 2];
            let units = letter.encode_utf16(&mut units).iter();
            escaped.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Starts the log of this process, once. What waits is written when the guard is dropped.
pub fn start(config: &Config) -> WorkerGuard {
    let builder = NonBlockingBuilder::default().buffered_lines_limit(MOST_WAITING);
    let (writer, guard) = builder.thread_name("log").finish(io::stderr());
    LEFT_OUT.get_or_init(|| writer.error_counter());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.log))
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log
            .json()
            .flatten_event(true)
            .map_writer(|writer| move || Escaping(writer.make_writer()))
            .init(),
    }
    guard
}
