//! How tables are brought up to date, which takes minutes where there are many rows: one migration after the other, each of
//! them whole or not at all, so that it may be interrupted at any time; and what is told of it meanwhile.
//!
//! A migration is a few statements, and a database does not say how far it is within one. So what is known is which of how many
//! it is, and how many rows there are in the tables that they go over.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};

use crate::progress::Progress;

/// What precedes the name of a table whose rows a statement goes over.
const GONE_OVER_AFTER: [&str; 4] = ["from", "join", "on", "update"];

/// What is to be done.
pub(super) struct Plan {
    migrator: &'static Migrator,
    pending: Vec<&'static Migration>,
    /// What is brought up to date are tables of ours.
    is_earlier: bool,
}

impl Plan {
    /// What is missing after those migrations that were done.
    pub(super) fn after(migrator: &'static Migrator, done: &[i64]) -> Self {
        let pending: Vec<_> = migrator
            .iter()
            .filter(|migration| !done.contains(&migration.version))
            .collect();
        let is_ours = !done.is_empty() && done.iter().all(|version| migrator.version_exists(*version));
        Self {
            migrator,
            is_earlier: is_ours && !pending.is_empty(),
            pending,
        }
    }

    /// Says why a start takes its time, and asks, by a query that any database knows, for the name of each of `tables` that is
    /// gone over, with how many rows it has. Nothing if there are none.
    pub(super) fn count_of(&self, tables: &[String]) -> Option<String> {
        if !self.is_earlier {
            return None;
        }
        tracing::info!("the history is an earlier version's and is brought up to date: a large one takes minutes");
        let over: BTreeSet<_> = self.pending.iter().flat_map(|migration| gone_over(migration)).collect();
        let counts = tables
            .iter()
            .filter(|table| over.contains(table.as_str()))
            .map(|table| format!("select '{table}', count(*) from {table}"));
        Some(counts.collect::<Vec<_>>().join(" union all ")).filter(|query| !query.is_empty())
    }

    /// Does it, and says how far it is; `counts` is what [`Plan::count_of`] asks for.
    pub(super) async fn run(
        &self,
        connection: &mut impl Migrate,
        counts: Vec<(String, i64)>,
    ) -> Result<(), MigrateError> {
        let counts: BTreeMap<_, _> = counts.into_iter().collect();
        let rows_of = |migration: &Migration| -> u64 {
            let rows = gone_over(migration).into_iter().filter_map(|table| counts.get(table));
            u64::try_from(rows.sum::<i64>()).unwrap_or_default()
        };
        let total = self.pending.iter().map(|migration| rows_of(migration)).sum();
        if total > 0 {
            let progress = Progress::logged(total);
            let of = self.pending.len();
            for (place, migration) in (1..).zip(&self.pending) {
                progress.say(format!("migration {place} of {of} ({}), rows", migration.description));
                // What `run_to` awaits is not general enough for another task.
                let until = Some(migration.version);
                self.migrator.run_direct(until, connection, false).await?;
                progress.add(rows_of(migration));
            }
        }
        // Also those that were done are looked at.
        self.migrator.run_direct(None, connection, false).await
    }
}

/// The tables of which a migration may go over all rows, and other words.
fn gone_over(migration: &Migration) -> BTreeSet<&str> {
    let statements = migration
        .sql
        .as_str()
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    let words: Vec<_> = statements.flat_map(|line| line.split_whitespace()).collect();
    let named = words.windows(2).filter(|pair| GONE_OVER_AFTER.contains(&pair[0]));
    named.map(|pair| pair[1].trim_end_matches([';', ')'])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::TABLES;

    #[test]
    fn which_tables_a_migration_goes_over() {
        let migrator = sqlx::migrate!();
        let tables: BTreeSet<_> = TABLES.iter().map(|table| table.name).collect();
        let of = |version: i64| {
            let migration = migrator.iter().find(|migration| migration.version == version).unwrap();
            let over: Vec<_> = gone_over(migration).intersection(&tables).copied().collect();
            over.join(" ")
        };
        assert_eq!(of(3), "event");
        assert_eq!(
            of(5),
            "connection gone_member link live_link member owed_leave participant"
        );
        assert_eq!(of(6), "connection link");
        assert_eq!(of(8), "event");
        assert_eq!(of(9), "");
        assert_eq!(of(11), "");
    }
}
