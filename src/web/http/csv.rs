//! Tables for spreadsheets: RFC 4180, and nothing in them that a spreadsheet would run.

use std::borrow::Cow;

use chrono::DateTime;
use unicode_normalization::UnicodeNormalization;

use super::zone::Zone;
use crate::model::text::is_seen;
use crate::model::time::Timestamp;

/// What a table is sent as.
pub(crate) const CONTENT_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// Tells spreadsheets that what follows is UTF-8: some take it for the system's own encoding otherwise.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// What a spreadsheet takes for the beginning of a formula; also what looks like these in another width.
const FORMULA_STARTS: [char; 5] = ['=', '+', '-', '@', '\u{2212}'];

/// What begins a text that some spreadsheets drop from a cell, to find a formula behind it.
const DROPPED_STARTS: [char; 3] = ['\t', '\r', '\n'];

/// How the months begin that spreadsheets in English, German, French, Spanish and Portuguese make dates of, with a number
/// behind them.
const MONTHS: [&str; 28] = [
    "jan", "ene", "feb", "fév", "fev", "mär", "mar", "apr", "avr", "abr", "mai", "may", "jun", "jui", "jul", "aug",
    "aoû", "ago", "sep", "set", "okt", "oct", "out", "nov", "dez", "dec", "déc", "dic",
];

/// What is true and false in the same languages.
const TRUTHS: [&str; 9] = [
    "true",
    "false",
    "wahr",
    "falsch",
    "vrai",
    "faux",
    "verdadero",
    "falso",
    "verdadeiro",
];

/// A table, or a piece of one, that is written cell by cell.
#[derive(Default)]
pub(crate) struct CsvTable {
    written: Vec<u8>,
    row: csv::StringRecord,
}

impl CsvTable {
    /// The beginning of a table.
    pub(crate) fn with_columns(names: &[&str]) -> Self {
        let mut table = Self {
            written: BYTE_ORDER_MARK.to_vec(),
            ..Self::default()
        };
        for name in names {
            table.cell(name);
        }
        table.end_row();
        table
    }

    /// Text that anybody may have typed. An apostrophe before it makes a formula text.
    pub(crate) fn text(&mut self, text: &str) {
        self.cell(&defused(text));
    }

    /// The same, where a spreadsheet must not make a number, a date or a truth of it either: a name such as `007`.
    pub(crate) fn name(&mut self, text: &str) {
        let defused = defused(text);
        if defused == text && is_value(text) {
            self.cell(&format!("'{text}"));
        } else {
            self.cell(&defused);
        }
    }

    /// The same of JSON, which says the same after it: the sign is escaped. Between the cells of a spreadsheet that
    /// takes one for many, JSON has nothing but strings.
    pub(crate) fn json(&mut self, json: &str) {
        let escaped = formulas(json).map(|Formula { cell, sign, at }| match cell {
            0 => (0, 0, "'".to_owned()),
            _ => (at, sign.len_utf8(), format!("\\u{:04x}", u32::from(sign))),
        });
        self.cell(&replaced(json, escaped.collect::<Vec<_>>().into_iter()));
    }

    /// A moment in UTC, in the form that spreadsheets know; empty if there is none.
    pub(crate) fn time(&mut self, at: Option<Timestamp>) {
        let time = at.and_then(|at| DateTime::from_timestamp_millis(at.0));
        let text = time.map(|time| time.format("%Y-%m-%d %H:%M:%S%.3f").to_string());
        self.cell(&text.unwrap_or_default());
    }

    /// A day, in the form that no country's spreadsheet reads as another.
    pub(crate) fn day(&mut self, at: Timestamp, zone: Zone) {
        self.cell(&zone.local(at).format("%Y-%m-%d").to_string());
    }

    /// A moment by a zone's clock, to the second: a fraction would be read by the countries' decimal signs. Empty if
    /// there is none.
    pub(crate) fn local_time(&mut self, at: Option<Timestamp>, zone: Zone) {
        let text = at.map(|at| zone.local(at).format("%Y-%m-%d %H:%M:%S").to_string());
        self.cell(&text.unwrap_or_default());
    }

    /// A number of ours.
    pub(crate) fn number(&mut self, number: impl ToString) {
        self.cell(&number.to_string());
    }

    /// What was written, ready to be followed by the next piece.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.written
    }

    /// Spreadsheets of many countries take one cell for several where a semicolon or a tab is in it, unless it has quotes.
    pub(crate) fn end_row(&mut self) {
        let needs_quotes = self.row.iter().any(|cell| cell.contains([';', '\t']));
        let quotes = if needs_quotes {
            csv::QuoteStyle::Always
        } else {
            csv::QuoteStyle::Necessary
        };
        csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .quote_style(quotes)
            .from_writer(&mut self.written)
            .write_record(&self.row)
            .expect("writing to memory does not fail");
        self.row.clear();
    }

    fn cell(&mut self, text: &str) {
        self.row.push_field(text);
    }
}

/// The text with an apostrophe before every formula.
fn defused(text: &str) -> Cow<'_, str> {
    let starts = formulas(text).map(|formula| formula.cell).collect::<Vec<_>>();
    let defused = replaced(text, starts.into_iter().map(|at| (at, 0, "'".to_owned())));
    if text.starts_with(DROPPED_STARTS) {
        return Cow::Owned(format!("'{defused}"));
    }
    defused
}

/// Whether a spreadsheet of some country may take the text for a number, a time, a date or a truth.
fn is_value(text: &str) -> bool {
    let text = text.nfkc().collect::<String>().to_lowercase();
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let word = text.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let has_digit = text.contains(|c: char| c.is_numeric());
    let is_month = || MONTHS.iter().any(|month| word.starts_with(month));
    // `R$ 5`, as Brazil writes it.
    let is_money = || text.contains(['$', '€', '£', '¥', '₩', '₹', '₽', '₺']);
    text.starts_with(|c: char| c.is_numeric())
        || (has_digit && (is_month() || is_money()))
        || TRUTHS.contains(&text.trim_end())
}

/// A formula within a text.
struct Formula {
    /// Where the cell begins that it is in.
    cell: usize,
    /// Its first character,
    sign: char,
    /// and where that is.
    at: usize,
}

/// The formulas of a text, by cell. Spreadsheets of many countries take a semicolon or a tab for the end of a cell, and a
/// line end for that of a row, also within quotes that do not begin what they take for a cell.
fn formulas(text: &str) -> impl Iterator<Item = Formula> {
    let mut cell = Some(0);
    text.char_indices().filter_map(move |(at, c)| {
        if ends_cell(c) {
            cell = Some(at + c.len_utf8());
        } else if starts_formula(c) {
            return cell.take().map(|cell| Formula { cell, sign: c, at });
        } else if !is_skipped(c) {
            cell = None;
        }
        None
    })
}

fn ends_cell(c: char) -> bool {
    matches!(c, ';' | '\t' | '\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn starts_formula(c: char) -> bool {
    FORMULA_STARTS.contains(&c) || (!c.is_ascii() && c.nfkc().next().is_some_and(|c| FORMULA_STARTS.contains(&c)))
}

/// What a spreadsheet may take away from the beginning of a cell: what is not seen, and quotes.
fn is_skipped(c: char) -> bool {
    c == '"' || c.is_whitespace() || c.is_control() || !is_seen(c)
}

/// The text with some places of it, each so many bytes long, replaced.
fn replaced(text: &str, places: impl Iterator<Item = (usize, usize, String)>) -> Cow<'_, str> {
    let mut written = String::new();
    let mut done = 0;
    for (at, length, by) in places {
        written.push_str(&text[done..at]);
        written.push_str(&by);
        done = at + length;
    }
    if done == 0 && written.is_empty() {
        return Cow::Borrowed(text);
    }
    written.push_str(&text[done..]);
    Cow::Owned(written)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(cells: &[&str]) -> String {
        let mut table = CsvTable::default();
        for cell in cells {
            table.text(cell);
        }
        table.end_row();
        String::from_utf8(table.into_bytes()).unwrap()
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(row(&["=HYPERLINK(\"x\")", "a"]), "\"'=HYPERLINK(\"\"x\"\")\",a\r\n");
        for start in ["=1", "+1", "-1", "@a"] {
            assert_eq!(row(&[start, "a"]), format!("'{start},a\r\n"));
        }
        assert_eq!(row(&["\t=1", "\ra"]), "\"'\t'=1\",\"'\ra\"\r\n");
    }

    #[test]
    fn no_cell_is_several_where_cells_end_with_something_else() {
        assert_eq!(row(&["a;b", "c"]), "\"a;b\",\"c\"\r\n");
        assert_eq!(row(&["a\tb"]), "\"a\tb\"\r\n");
        assert_eq!(row(&["a b", "c"]), "a b,c\r\n");
    }

    /// What a reader makes of a row of one cell.
    fn read(row: &str) -> String {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!(row.len(), 1);
        row[0].to_owned()
    }

    #[test]
    fn no_part_of_a_cell_is_a_formula_where_cells_end_with_something_else() {
        for (text, defused) in [
            ("a;=1", "a;'=1"),
            ("a;;+1;-b", "a;;'+1;'-b"),
            ("a\t@b", "a\t'@b"),
            ("a\n=1\r\n=2", "a\n'=1\r\n'=2"),
            ("a\u{2028}=1", "a\u{2028}'=1"),
            // As a spreadsheet drops it: a space, one that is not seen, a quote.
            ("; =1", ";' =1"),
            (" \u{a0}\u{200b}\u{feff}=1", "' \u{a0}\u{200b}\u{feff}=1"),
            ("a;\"=1", "a;'\"=1"),
            // In full width, and as some type a minus.
            ("＝1;＋1", "'＝1;'＋1"),
            ("－1", "'－1"),
            ("\u{2212}1", "'\u{2212}1"),
            ("＠a;\u{fe66}1", "'＠a;'\u{fe66}1"),
            // What is no formula stays.
            ("a=1; b-c d", "a=1; b-c d"),
            ("a;'=1", "a;'=1"),
            ("中;文", "中;文"),
        ] {
            assert_eq!(read(&row(&[text])), defused, "{text:?}");
        }
    }

    #[test]
    fn no_name_becomes_a_number_or_a_date() {
        for (name, written) in [
            ("007", "'007"),
            ("1e5", "'1e5"),
            ("12:30", "'12:30"),
            ("3/4", "'3/4"),
            (" (5)", "' (5)"),
            ("$5", "'$5"),
            ("R$ 5", "'R$ 5"),
            ("٣", "'٣"),
            ("１２", "'１２"),
            ("1. Mai", "'1. Mai"),
            ("7 a", "'7 a"),
            ("Jan 2", "'Jan 2"),
            ("März-3", "'März-3"),
            ("DÉCEMBRE 24", "'DÉCEMBRE 24"),
            ("True", "'True"),
            ("Wahr ", "'Wahr "),
            // A formula has one apostrophe, not two.
            ("-5", "'-5"),
            ("5;=1", "5;'=1"),
            // What no spreadsheet takes for anything else stays.
            ("Ann", "Ann"),
            ("Ann 2", "Ann 2"),
            ("Jan", "Jan"),
            ("April", "April"),
            ("Trueman", "Trueman"),
            ("Chemie 101", "Chemie 101"),
            ("中文", "中文"),
            ("", ""),
        ] {
            let mut table = CsvTable::default();
            table.name(name);
            table.text("");
            table.end_row();
            let quotes = if name.contains(';') { "\"" } else { "" };
            let row = format!("{quotes}{written}{quotes},{quotes}{quotes}\r\n");
            assert_eq!(String::from_utf8(table.into_bytes()).unwrap(), row, "{name:?}");
        }
    }

    #[test]
    fn a_moment_is_to_the_second_by_the_readers_clock() {
        let mut table = CsvTable::default();
        let zone = Zone::parse("Europe/Berlin").unwrap();
        let at = Timestamp(1_772_319_601_999);
        table.day(at, zone);
        table.local_time(Some(at), zone);
        table.local_time(None, zone);
        table.end_row();
        assert_eq!(table.into_bytes(), b"2026-03-01,2026-03-01 00:00:01,\r\n");
    }

    #[test]
    fn json_says_the_same_after_it_was_made_harmless() {
        for detail in [
            json!({"message": "a;=1", "event": "=x"}),
            json!({"a;": "\t＝1;\"+2", "b": [-1, "; -", "2;-3"]}),
        ] {
            let json = detail.to_string();
            let mut table = CsvTable::default();
            table.json(&json);
            table.end_row();
            let mut reader = csv::ReaderBuilder::new();
            let bytes = table.into_bytes();
            let mut rows = reader.has_headers(false).from_reader(bytes.as_slice()).into_records();
            let cell = rows.next().unwrap().unwrap()[0].to_owned();
            assert_eq!(formulas(&cell).count(), 0, "{cell}");
            assert_eq!(serde_json::from_str::<Value>(&cell).unwrap(), detail);
        }
        let mut table = CsvTable::default();
        table.json("-1");
        table.end_row();
        assert_eq!(table.into_bytes(), b"'-1\r\n");
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(
            row(&["a,b", "a\"b", "a\nb", "中", ""]),
            "\"a,b\",\"a\"\"b\",\"a\nb\",中,\r\n"
        );
    }

    #[test]
    fn a_table_begins_with_its_mark_and_columns() {
        let mut table = CsvTable::with_columns(&["a", "b"]);
        table.time(Some(Timestamp(1_234)));
        table.time(None);
        table.end_row();
        let text = String::from_utf8(table.into_bytes()).unwrap();
        assert_eq!(text, "\u{FEFF}a,b\r\n1970-01-01 00:00:01.234,\r\n");
    }
}
