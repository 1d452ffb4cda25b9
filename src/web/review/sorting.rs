//! The attendance table by any of its columns, by links: the order is a part of the address.

use std::cmp::Ordering;

use crate::history::attendance::Attendance;

/// A column that the table can be sorted by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    key: &'static str,
    /// What its head says.
    pub(super) title: &'static str,
    /// Whether it holds numbers.
    pub(super) is_number: bool,
    order: fn(&Attendance, &Attendance) -> Ordering,
}

/// The table's columns, from left to right.
pub(super) const COLUMNS: [Column; 8] = [
    column("name", "Name", false, |a, b| a.username.cmp(&b.username)),
    column("present", "Present", true, |a, b| a.present_ms.cmp(&b.present_ms)),
    column("share", "Share", true, |a, b| a.present_pct.total_cmp(&b.present_pct)),
    column("in", "First in", true, |a, b| a.joined_at.cmp(&b.joined_at)),
    column("out", "Last out", true, |a, b| last_out(a).cmp(&last_out(b))),
    column("gap", "Longest gap", true, |a, b| {
        a.longest_gap_ms.cmp(&b.longest_gap_ms)
    }),
    column("back", "Came back", true, |a, b| {
        a.reconnect_count.cmp(&b.reconnect_count)
    }),
    column("end", "How it ended", false, |a, b| a.leave_reason.cmp(&b.leave_reason)),
];

const fn column(
    key: &'static str,
    title: &'static str,
    is_number: bool,
    order: fn(&Attendance, &Attendance) -> Ordering,
) -> Column {
    Column {
        key,
        title,
        is_number,
        order,
    }
}

/// Those who are still members come after all who left.
fn last_out(person: &Attendance) -> i64 {
    person.left_at.map_or(i64::MAX, |at| at.0)
}

/// An order that was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sorting {
    column: Column,
    is_falling: bool,
}

impl Sorting {
    /// Reads a column's name, with a minus before it for the falling order.
    pub(super) fn parse(raw: &str) -> Result<Self, String> {
        let (key, is_falling) = raw.strip_prefix('-').map_or((raw, false), |key| (key, true));
        let column = COLUMNS.into_iter().find(|column| column.key == key);
        column.map(|column| Self { column, is_falling }).ok_or_else(|| {
            let keys = COLUMNS.map(|column| column.key);
            format!("must be one of {}, with or without a minus before it", keys.join(", "))
        })
    }

    /// As [`Self::parse`] reads it.
    pub(super) fn value(self) -> String {
        let minus = if self.is_falling { "-" } else { "" };
        format!("{minus}{}", self.column.key)
    }
}

/// Sorts the table; if nothing is asked for, by what needs attention: who was there least, and of those who was gone longest.
pub(super) fn sort(people: &mut [Attendance], sorting: Option<Sorting>) {
    people.sort_by(|a, b| match sorting {
        None => a
            .present_pct
            .total_cmp(&b.present_pct)
            .then(b.longest_gap_ms.cmp(&a.longest_gap_ms)),
        Some(sorting) if sorting.is_falling => (sorting.column.order)(b, a),
        Some(sorting) => (sorting.column.order)(a, b),
    });
}

/// What `aria-sort` says of a column; nothing if it is not the one.
pub(super) fn direction(column: &Column, sorting: Option<Sorting>) -> Option<&'static str> {
    let sorting = sorting.filter(|sorting| sorting.column.key == column.key)?;
    Some(if sorting.is_falling { "descending" } else { "ascending" })
}

/// What a click on a column's head asks for: its order, and the other way round the second time.
pub(super) fn next(column: &Column, sorting: Option<Sorting>) -> String {
    let is_falling = direction(column, sorting) == Some("ascending");
    Sorting {
        column: *column,
        is_falling,
    }
    .value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_click_turns_the_order() {
        let [name, present, ..] = COLUMNS;
        assert_eq!(next(&name, None), "name");
        let rising = Some(Sorting::parse("name").unwrap());
        assert_eq!(
            (next(&name, rising).as_str(), direction(&name, rising)),
            ("-name", Some("ascending"))
        );
        let falling = Some(Sorting::parse("-name").unwrap());
        assert_eq!(
            (next(&name, falling).as_str(), direction(&name, falling)),
            ("name", Some("descending"))
        );
        assert_eq!(
            (next(&present, rising).as_str(), direction(&present, rising)),
            ("present", None)
        );
        assert!(Sorting::parse("height").is_err() && Sorting::parse("--name").is_err());
    }
}
