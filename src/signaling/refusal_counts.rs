//! Refusals that are too many to be listed one by one in the history: counted, and written as one row now and then.

use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::room::record::{Change, Record};

/// What has been refused since the last row, by session and person.
#[derive(Debug, Default)]
pub(super) struct RefusalCounts(Vec<RefusalCount>);

#[derive(Debug)]
struct RefusalCount {
    session: Option<SessionId>,
    participant: Option<ParticipantId>,
    count: u64,
}

impl RefusalCounts {
    /// The most rows at once. Past that it is not said any more whose they were.
    const MOST: usize = 128;

    /// Counts one.
    pub(super) fn add(&mut self, session: Option<SessionId>, participant: Option<ParticipantId>) {
        let is_known = self.0.iter().any(|refused| refused.is_of(session, participant));
        let participant = participant.filter(|_| is_known || self.0.len() < Self::MOST);
        match self.0.iter_mut().find(|refused| refused.is_of(session, participant)) {
            Some(refused) => refused.count += 1,
            None => self.0.push(RefusalCount {
                session,
                participant,
                count: 1,
            }),
        }
    }

    /// What has been counted, to be remembered.
    pub(super) fn take(&mut self, at: Timestamp) -> Vec<Record> {
        let record = |refused: RefusalCount| Record {
            at,
            session: refused.session,
            change: Change::MoreErrors {
                participant: refused.participant,
                count: refused.count,
            },
        };
        let refused = std::mem::take(&mut self.0);
        refused.into_iter().map(record).collect()
    }
}

impl RefusalCount {
    fn is_of(&self, session: Option<SessionId>, participant: Option<ParticipantId>) -> bool {
        self.session == session && self.participant == participant
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn many_refusals_are_few_rows() {
        let session = Some(SessionId(Uuid::from_u128(1)));
        let mut counts = RefusalCounts::default();
        for number in 0..10_000 {
            counts.add(session, Some(ParticipantId(Uuid::from_u128(number % 1_000))));
        }
        let rows = counts.take(Timestamp(7));
        assert_eq!(rows.len(), RefusalCounts::MOST + 1);
        let counted: u64 = rows
            .iter()
            .map(|row| match row {
                Record {
                    change: Change::MoreErrors { count, .. },
                    ..
                } => *count,
                _ => 0,
            })
            .sum();
        assert_eq!(counted, 10_000);
        assert!(counts.take(Timestamp(8)).is_empty());
    }
}
