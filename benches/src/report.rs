//! What came of the rows, as tables in Markdown.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::rows::{Goal, Row, Values};
use crate::subject::Kind;

const KINDS: [Kind; 7] = [
    Kind::Ours,
    Kind::OnPostgres,
    Kind::Node,
    Kind::NodeTables,
    Kind::NodeLean,
    Kind::Floor,
    Kind::Gatherer,
];
/// What ours is divided by.
const DIVISORS: [Kind; 3] = [Kind::Node, Kind::NodeTables, Kind::Floor];

/// The figures of all runs of one row.
#[derive(Default)]
pub struct Results(HashMap<(Kind, &'static str), Vec<f64>>);

impl Results {
    /// Adds those of one run.
    pub fn add(&mut self, kind: Kind, values: Values) {
        for (name, value) in values {
            self.0.entry((kind, name)).or_default().push(value);
        }
    }

    /// The median of the runs.
    fn of(&self, kind: Kind, name: &'static str) -> Option<f64> {
        let mut values = self.0.get(&(kind, name))?.clone();
        values.sort_unstable_by(f64::total_cmp);
        Some(values[(values.len() - 1) / 2])
    }
}

/// The heading of the table that [`lines`] fills.
pub fn heading() -> String {
    let mut text = String::from("| work | figure |");
    KINDS.iter().for_each(|kind| _ = write!(text, " {kind} |"));
    DIVISORS.iter().for_each(|kind| _ = write!(text, " ÷ {kind} |"));
    text + " to reach |\n| --- | --- |" + &" ---: |".repeat(KINDS.len() + DIVISORS.len()) + " --- |\n"
}

/// One row's lines of the table.
pub fn lines(row: Row, results: &Results) -> String {
    let mut text = String::new();
    for (index, figure) in row.figures().iter().enumerate() {
        let title = if index == 0 { row.title() } else { "" };
        let of = |kind| results.of(kind, figure.name);
        let times = |kind| Some(of(Kind::Ours)? / of(kind)?);
        _ = write!(text, "| {title} | {} |", figure.name);
        KINDS.iter().for_each(|kind| text += &cell(of(*kind)));
        DIVISORS.iter().for_each(|kind| text += &cell(times(*kind)));
        let goals: Vec<_> = figure
            .goals
            .iter()
            .map(|goal| judged(*goal, of(Kind::Ours), times))
            .collect();
        _ = writeln!(text, " {} |", goals.join(", "));
    }
    text
}

/// Puts a text between the marks of that name in a document, and leaves the rest of it as it is.
///
/// # Errors
/// If the document is not there, or has no such marks.
pub fn put_into(document: &Path, name: &str, text: &str) -> Result<()> {
    let [begin, end] = marks(name);
    let before = fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let (head, rest) = before
        .split_once(&begin)
        .with_context(|| format!("the document has no mark {begin}"))?;
    let (_, tail) = rest
        .split_once(&end)
        .with_context(|| format!("the document has no mark {end}"))?;
    fs::write(document, format!("{head}{begin}\n\n{}\n\n{end}{tail}", text.trim()))?;
    Ok(())
}

fn marks(name: &str) -> [String; 2] {
    [
        format!("<!-- {name}: written by benches/run -->"),
        format!("<!-- end of {name} -->"),
    ]
}

fn judged(goal: Goal, ours: Option<f64>, times: impl Fn(Kind) -> Option<f64>) -> String {
    let (text, value, holds): (_, _, fn(f64, f64) -> bool) = match goal {
        Goal::AtMostTimes(most, kind) => (format!("≤ {most} × {kind}"), times(kind), |value, most| {
            value <= most
        }),
        Goal::AtLeastTimes(least, kind) => (format!("≥ {least} × {kind}"), times(kind), |value, least| {
            value >= least
        }),
        Goal::AtMost(most) => (format!("≤ {most}"), ours, |value, most| value <= most),
        Goal::AtLeast(least) => (format!("≥ {least}"), ours, |value, least| value >= least),
    };
    let (Goal::AtMostTimes(bound, _) | Goal::AtLeastTimes(bound, _) | Goal::AtMost(bound) | Goal::AtLeast(bound)) =
        goal;
    match value {
        Some(value) if holds(value, bound) => format!("{text}: yes"),
        Some(_) => format!("{text}: **no**"),
        None => text,
    }
}

fn cell(value: Option<f64>) -> String {
    let Some(value) = value else {
        return " |".to_owned();
    };
    let digits = match value {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!(" {value:.digits$} |")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_judged() {
        let times = |kind| (kind == Kind::Node).then_some(0.5);
        let judged = |goal| judged(goal, Some(2.0), times);
        assert_eq!(judged(Goal::AtMostTimes(0.5, Kind::Node)), "≤ 0.5 × Node: yes");
        assert_eq!(judged(Goal::AtMostTimes(0.4, Kind::Node)), "≤ 0.4 × Node: **no**");
        assert_eq!(judged(Goal::AtLeastTimes(0.6, Kind::Node)), "≥ 0.6 × Node: **no**");
        assert_eq!(judged(Goal::AtMost(1.9)), "≤ 1.9: **no**");
        assert_eq!(judged(Goal::AtLeast(1.9)), "≥ 1.9: yes");
        assert_eq!(judged(Goal::AtMostTimes(1.4, Kind::Floor)), "≤ 1.4 × floor");
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let [begin, end] = marks("load");
        let around = |text: &str| format!("a\n{begin}\n\n{text}\n\n{end}\nz\n");
        fs::write(file.path(), around("old")).unwrap();
        put_into(file.path(), "load", "\nnew\n").unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), around("new"));
        assert!(put_into(file.path(), "review", "").is_err());
        assert!(put_into(Path::new("/nowhere"), "load", "").is_err());
    }
}
