//! The totals of sessions.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::Uuid;
use uuid::fmt::Simple;

use super::rows;
use crate::model::id::SessionId;

/// What comes to the totals of each session.
#[derive(Default)]
pub(super) struct Sessions(BTreeMap<Uuid, Totals>);

#[derive(Default)]
struct Totals {
    members: u32,
    reconnects: u32,
    errors: u32,
}

#[derive(Serialize)]
struct Row {
    id: Simple,
    members: u32,
    participants: u32,
    reconnects: u32,
    errors: u32,
}

impl Sessions {
    /// Somebody came in: it has so many members then.
    pub(super) fn joined(&mut self, session: SessionId, members: u32) {
        let totals = self.of(session);
        totals.members = totals.members.max(members);
    }

    pub(super) fn reconnected(&mut self, session: SessionId) {
        self.of(session).reconnects += 1;
    }

    /// A client was told an error. One in a loop makes them by the thousand.
    pub(super) fn failed(&mut self, session: SessionId) {
        self.of(session).errors += 1;
    }

    fn of(&mut self, session: SessionId) -> &mut Totals {
        self.0.entry(session.0).or_default()
    }

    /// `first_times` says for how many people each session is new.
    pub(super) async fn write(
        self,
        connection: &mut SqliteConnection,
        first_times: &HashMap<Uuid, u32>,
    ) -> sqlx::Result<()> {
        let row = |(id, totals): (Uuid, Totals)| Row {
            id: id.simple(),
            members: totals.members,
            participants: first_times.get(&id).copied().unwrap_or_default(),
            reconnects: totals.reconnects,
            errors: totals.errors,
        };
        let changed: Vec<_> = self.0.into_iter().map(row).collect();
        let Some(changed) = rows(&changed)? else { return Ok(()) };
        sqlx::query!(
            "update session
             set peak_participants = max(peak_participants, change.value ->> '$.members'),
                 participant_count = participant_count + (change.value ->> '$.participants'),
                 reconnect_count = reconnect_count + (change.value ->> '$.reconnects'),
                 error_count = error_count + (change.value ->> '$.errors')
             from jsonb_each(?) as change
             where session.id = unhex(change.value ->> '$.id')
               -- Most who join are not the most at once: their room's row stays as it is.
               and (peak_participants < (change.value ->> '$.members')
                    or (change.value ->> '$.participants') + (change.value ->> '$.reconnects')
                       + (change.value ->> '$.errors') > 0)",
            changed
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
