//! Tables for spreadsheets: RFC 4180, and nothing in them that a spreadsheet would run.

use chrono::DateTime;

use crate::room::time::Timestamp;

/// What a table is sent as.
pub(crate) const CONTENT_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// Tells spreadsheets that what follows is UTF-8: some take it for the system's own encoding otherwise.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// What a cell must not begin with: spreadsheets take the rest for a formula.
const FORMULA_STARTS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// A table, or a piece of one, that is written cell by cell.
pub(crate) struct Table {
    writer: csv::Writer<Vec<u8>>,
}

impl Default for Table {
    fn default() -> Self {
        Self::after(Vec::new())
    }
}

impl Table {
    /// The beginning of a table.
    pub(crate) fn with_columns(names: &[&str]) -> Self {
        let mut table = Self::after(BYTE_ORDER_MARK.to_vec());
        for name in names {
            table.cell(name);
        }
        table.end_row();
        table
    }

    fn after(start: Vec<u8>) -> Self {
        let writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(start);
        Self { writer }
    }

    /// Text that anybody may have typed.
    pub(crate) fn text(&mut self, text: &str) {
        if text.starts_with(FORMULA_STARTS) {
            self.cell(&format!("'{text}"));
        } else {
            self.cell(text);
        }
    }

    /// A moment in UTC, in the form that spreadsheets know; empty if there is none.
    pub(crate) fn time(&mut self, at: Option<Timestamp>) {
        let time = at.and_then(|at| DateTime::from_timestamp_millis(at.0));
        let text = time.map(|time| time.format("%Y-%m-%d %H:%M:%S%.3f").to_string());
        self.cell(&text.unwrap_or_default());
    }

    /// A number of ours.
    pub(crate) fn number(&mut self, number: impl ToString) {
        self.cell(&number.to_string());
    }

    /// What was written, ready to be followed by the next piece.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.writer.into_inner().expect("writing to memory does not fail")
    }

    pub(crate) fn end_row(&mut self) {
        self.writer
            .write_record(None::<&[u8]>)
            .expect("writing to memory does not fail, and rows may be of any length");
    }

    fn cell(&mut self, text: &str) {
        self.writer.write_field(text).expect("writing to memory does not fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> String {
        let mut table = Table::default();
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
        assert_eq!(row(&["\t=1", "\r=1"]), "'\t=1,\"'\r=1\"\r\n");
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
        let mut table = Table::with_columns(&["a", "b"]);
        table.time(Some(Timestamp(1_234)));
        table.time(None);
        table.end_row();
        let text = String::from_utf8(table.into_bytes()).unwrap();
        assert_eq!(text, "\u{FEFF}a,b\r\n1970-01-01 00:00:01.234,\r\n");
    }
}
