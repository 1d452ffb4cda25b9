//! In which steps PostgreSQL writes a group of records: a statement costs it many times what a row costs, so rows of a kind are
//! written by one, as far as no two of them touch the same.

use std::collections::HashMap;

use uuid::Uuid;

use super::row::{Columns, Entries, Row, Touched};

/// Rows in an order of writing that comes to the same as theirs, as `write_rows` of
/// [`rows.postgres.sql`](rows.postgres.sql) takes them.
#[derive(Default)]
pub(super) struct Steps<'r> {
    /// Whether the order is the records' own: then the whole of each row is one step.
    pub(super) is_in_order: bool,
    /// For each step: the kind of its rows, the last of them, and the last entry of the journal that is written before.
    pub(super) kinds: Vec<&'static str>,
    pub(super) last_rows: Vec<i32>,
    pub(super) last_entries: Vec<i32>,
    pub(super) rows: Columns<'r>,
    pub(super) entries: Entries<'r>,
}

impl<'r> Steps<'r> {
    /// Rows of a kind together, as early as what they touch allows.
    pub(super) fn of(rows: &'r [Row<'r>]) -> Self {
        let waves = waves(rows);
        let mut order: Vec<usize> = (0..rows.len()).filter(|index| rows[*index].has_effect()).collect();
        order.sort_by_key(|index| (waves[*index], rows[*index].kind()));
        let mut steps = Self::with_entries(rows);
        let all = length(steps.entries.len());
        for of_step in
            order.chunk_by(|one, other| waves[*one] == waves[*other] && rows[*one].kind() == rows[*other].kind())
        {
            steps.add(of_step.iter().map(|index| &rows[*index]), all);
        }
        steps
    }

    /// One row after another.
    pub(super) fn in_order(rows: &'r [Row<'r>]) -> Self {
        let mut steps = Self::with_entries(rows);
        steps.is_in_order = true;
        let mut entries = 0;
        for row in rows {
            entries += i32::from(row.is_entry());
            if row.has_effect() {
                steps.add([row].into_iter(), entries);
            }
        }
        steps
    }

    fn with_entries(rows: &'r [Row<'r>]) -> Self {
        Self {
            entries: Entries::of(rows),
            ..Self::default()
        }
    }

    fn add(&mut self, rows: impl Iterator<Item = &'r Row<'r>>, entries: i32) {
        for (place, row) in rows.enumerate() {
            if place == 0 {
                self.kinds.push(row.kind());
            }
            self.rows.push(row);
        }
        self.last_rows.push(length(self.rows.len()));
        self.last_entries.push(entries);
    }
}

fn length(of: usize) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}

/// For each row, after how many others at least it is written: those before it that touch the same, one after another.
fn waves(rows: &[Row<'_>]) -> Vec<usize> {
    /// What is known of a session.
    #[derive(Default)]
    struct Begun {
        /// What comes later comes after this: its start or its end.
        barrier: usize,
        latest: usize,
    }
    let mut touched: HashMap<Touched<'_>, (usize, &str)> = HashMap::new();
    let mut sessions: HashMap<Option<Uuid>, Begun> = HashMap::new();
    let mut ended = 0;
    let mut waves = Vec::with_capacity(rows.len());
    for row in rows {
        let session = sessions.entry(row.session()).or_default();
        let after = |what| {
            let (wave, kind) = *touched.get(&what)?;
            // Rows of one statement stay in their order, which is all that these need.
            let may_be_together = row.is_leave_owed() && kind == row.kind();
            Some(wave - usize::from(may_be_together))
        };
        let before = row.touches().filter_map(after).max();
        let mut wave = before.unwrap_or_default().max(session.barrier);
        if row.ends_session() {
            wave = wave.max(session.latest);
        }
        // A room's next session begins when the last one has ended, whichever rooms these are of.
        if row.starts_session() {
            wave = wave.max(ended);
        }
        wave += 1;
        session.latest = session.latest.max(wave);
        if row.ends_session() || row.starts_session() {
            session.barrier = wave;
        }
        if row.ends_session() {
            ended = ended.max(wave);
        }
        for what in row.touches() {
            touched.insert(what, (wave, row.kind()));
        }
        waves.push(wave);
    }
    waves
}
