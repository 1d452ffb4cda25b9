//! The attendance table by any of its columns, by links: the order is a part of the address.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::pairs::ConnectedCount;
use crate::history::attendance::Attendance;
use crate::words::{Words, message as m};

/// A column that the table can be sorted by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    key: &'static str,
    /// What its head says.
    title: fn(&Words) -> String,
    /// How its head looks.
    pub(super) class: &'static str,
    order: fn(&Words, &Row<'_>, &Row<'_>) -> Ordering,
}

impl Column {
    /// What its head says.
    pub(super) fn title(&self, words: &Words) -> String {
        (self.title)(words)
    }
}

/// One person, with the pairs that they are of.
type Row<'a> = (&'a Attendance, ConnectedCount);

/// Of a column of figures, and of one that a phone does not show: it cannot be sorted by there either.
const FIGURE: &str = "number";
const FIGURE_OF_WIDE: &str = "number long";

/// The table's columns, from left to right.
pub(super) const COLUMNS: [Column; 9] = [
    column(
        "name",
        |words| words.say(m::ColumnName),
        "",
        |words, (a, _), (b, _)| words.compare(&a.username, &b.username),
    ),
    column(
        "present",
        |words| words.say(m::ColumnPresent),
        FIGURE,
        |_, (a, _), (b, _)| a.present_ms.cmp(&b.present_ms),
    ),
    column(
        "share",
        |words| words.say(m::ColumnShare),
        FIGURE,
        |_, (a, _), (b, _)| a.present_pct.total_cmp(&b.present_pct),
    ),
    column(
        "connected",
        |words| words.say(m::ColumnConnected),
        FIGURE,
        |_, (_, a), (_, b)| a.good.cmp(&b.good),
    ),
    column(
        "in",
        |words| words.say(m::ColumnCame),
        FIGURE_OF_WIDE,
        |_, (a, _), (b, _)| a.joined_at.cmp(&b.joined_at),
    ),
    column(
        "out",
        |words| words.say(m::ColumnLeft),
        FIGURE_OF_WIDE,
        |_, (a, _), (b, _)| last_out(a).cmp(&last_out(b)),
    ),
    column(
        "gap",
        |words| words.say(m::ColumnLongestGap),
        FIGURE_OF_WIDE,
        |_, (a, _), (b, _)| a.longest_gap_ms.cmp(&b.longest_gap_ms),
    ),
    column(
        "back",
        |words| words.say(m::ColumnCameBack),
        FIGURE,
        |_, (a, _), (b, _)| a.reconnect_count.cmp(&b.reconnect_count),
    ),
    column(
        "end",
        |words| words.say(m::ColumnEnding),
        "",
        |_, (a, _), (b, _)| a.leave_reason.cmp(&b.leave_reason),
    ),
];

const fn column(
    key: &'static str,
    title: fn(&Words) -> String,
    class: &'static str,
    order: fn(&Words, &Row<'_>, &Row<'_>) -> Ordering,
) -> Column {
    Column {
        key,
        title,
        class,
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

/// Sorts the table; if nothing is asked for, by what needs attention: who was lost or is away, who missed the most
/// connections, who dropped the most, who was there least.
/// Who are alike in that are in the order of their names.
pub(super) fn sort(
    words: &Words,
    people: &mut [Attendance],
    sorting: Option<Sorting>,
    counts: &HashMap<&str, ConnectedCount>,
) {
    people.sort_by(|a, b| words.compare(&a.username, &b.username));
    let of = |person: &Attendance| counts.get(person.username.as_str()).copied().unwrap_or_default();
    people.sort_by(|a, b| {
        let (a, b) = ((a, of(a)), (b, of(b)));
        match sorting {
            None => by_trouble(&a, &b),
            Some(sorting) if sorting.is_falling => (sorting.column.order)(words, &b, &a),
            Some(sorting) => (sorting.column.order)(words, &a, &b),
        }
    });
}

fn by_trouble((a, in_pairs_a): &Row<'_>, (b, in_pairs_b): &Row<'_>) -> Ordering {
    b.needs_attention()
        .cmp(&a.needs_attention())
        .then(in_pairs_b.bad.cmp(&in_pairs_a.bad))
        .then(b.reconnect_count.cmp(&a.reconnect_count))
        .then(a.present_pct.total_cmp(&b.present_pct))
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
