//! Moments at which everybody lost contact: that was the server's doing, or its network's, and nobody's own.

use std::collections::HashSet;

use super::attendance::Attendance;
use super::loss::Loss;
use crate::model::time::Timestamp;

/// So many at once lose contact by chance only if they have something in common.
const FEWEST: usize = 3;

/// How far apart the losses of one outage are: a broken network is noticed by different people at different moments.
const WITHIN_MS: i64 = 5_000;

/// Everybody who was there lost contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// When the first did.
    pub at: Timestamp,
    /// Whether the server stopped.
    pub by_server: bool,
    /// After how long the last was back, in milliseconds; nothing if somebody never was.
    pub back_after_ms: Option<i64>,
    until: Timestamp,
}

impl Outage {
    /// Whether a loss was part of it.
    pub fn explains(&self, loss: Loss) -> bool {
        (self.at..=self.until).contains(&loss.at)
    }
}

/// The outages of a session, in order. All its people must be given.
pub fn outages(people: &[Attendance]) -> Vec<Outage> {
    let mut losses: Vec<(usize, Loss)> = Vec::new();
    for (index, person) in people.iter().enumerate() {
        losses.extend(person.losses.iter().map(|loss| (index, *loss)));
    }
    losses.sort_by_key(|(_, loss)| loss.at);
    let mut found = Vec::new();
    let mut rest = losses.as_slice();
    while let Some((_, first)) = rest.first() {
        let end = first.at.0.saturating_add(WITHIN_MS);
        let together = &rest[..rest.partition_point(|(_, loss)| loss.at.0 <= end)];
        let outage = outage_of(people, together);
        // What lies within it is explained; otherwise the next may be the first of one.
        rest = &rest[outage.as_ref().map_or(1, |_| together.len())..];
        found.extend(outage);
    }
    found
}

/// The outage that losses close to each other are, if they are one.
fn outage_of(people: &[Attendance], losses: &[(usize, Loss)]) -> Option<Outage> {
    let (_, first) = losses.first()?;
    let (_, last) = losses.last()?;
    let by_server = losses.iter().any(|(_, loss)| loss.by_server);
    (by_server || have_all_lost_contact(people, losses, first.at)).then(|| Outage {
        at: first.at,
        by_server,
        back_after_ms: slowest_return(losses),
        until: last.at,
    })
}

/// Whether several people lost contact, and with them all who were there before.
fn have_all_lost_contact(people: &[Attendance], losses: &[(usize, Loss)], at: Timestamp) -> bool {
    let lost: HashSet<usize> = losses.iter().map(|(person, _)| *person).collect();
    let was_there = |person: &Attendance| {
        let before = at.0.saturating_sub(1);
        let begun = person.intervals.partition_point(|span| span.from.0 <= before);
        let last = person.intervals[..begun].last();
        last.is_some_and(|span| span.to.is_none_or(|to| to.0 > before))
    };
    let mut there = people.iter().enumerate().filter(|(_, person)| was_there(person));
    lost.len() >= FEWEST && there.all(|(index, _)| lost.contains(&index))
}

fn slowest_return(losses: &[(usize, Loss)]) -> Option<i64> {
    losses
        .iter()
        .try_fold(0, |slowest, (_, loss)| Some(loss.ms()?.max(slowest)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::history::intervals::Span;
    use crate::model::id::ParticipantId;

    /// Somebody who came at 0, and lost contact at each of these seconds for so many, by the server or not.
    fn person(losses: &[(i64, Option<i64>, bool)]) -> Attendance {
        let ms = |seconds: i64| Timestamp(seconds * 1_000);
        let losses: Vec<Loss> = losses
            .iter()
            .map(|&(at, back, by_server)| Loss {
                at: ms(at),
                back: back.map(ms),
                is_resumed: back.is_some(),
                by_server,
            })
            .collect();
        let mut intervals = Vec::new();
        let mut from = Some(Timestamp(0));
        for loss in &losses {
            intervals.extend(from.map(|from| Span {
                from,
                to: Some(loss.at),
            }));
            from = loss.back;
        }
        intervals.extend(from.map(|from| Span { from, to: None }));
        Attendance {
            id: ParticipantId(Uuid::nil()),
            username: String::new(),
            joined_at: Timestamp(0),
            left_at: None,
            present_ms: 0,
            away_ms: 0,
            longest_gap_ms: 0,
            reconnect_count: 0,
            leave_reason: None,
            present_pct: 0.0,
            intervals,
            losses,
        }
    }

    fn found(people: &[&[(i64, Option<i64>, bool)]]) -> Vec<(i64, bool, Option<i64>)> {
        let people: Vec<_> = people.iter().map(|losses| person(losses)).collect();
        let outages = outages(&people).into_iter();
        outages
            .map(|outage| (outage.at.0 / 1_000, outage.by_server, outage.back_after_ms))
            .collect()
    }

    #[test]
    fn everybody_at_once_is_an_outage() {
        let lost = |at, back| vec![(at, Some(back), false)];
        // Three of three, the last 4 s after the first; then one alone.
        let all = [lost(60, 70), [lost(62, 66), lost(100, 110)].concat(), lost(64, 65)];
        assert_eq!(found(&all.each_ref().map(Vec::as_slice)), [(60, false, Some(10_000))]);
        // One of four stayed.
        let some = [lost(60, 70), lost(62, 66), lost(64, 65), vec![]];
        assert_eq!(found(&some.each_ref().map(Vec::as_slice)), []);
        // Two are chance; six seconds apart is not at once.
        assert_eq!(found(&[&lost(60, 70), &lost(60, 70)]), []);
        assert_eq!(found(&[&lost(60, 70), &lost(61, 70), &lost(66, 70)]), []);
    }

    #[test]
    fn a_stop_of_the_server_is_its_own_whoever_was_there() {
        assert_eq!(found(&[&[(60, Some(64), true)]]), [(60, true, Some(4_000))]);
        assert_eq!(
            found(&[&[(60, Some(64), true), (90, None, true)], &[(60, Some(63), true)]]),
            [(60, true, Some(4_000)), (90, true, None)]
        );
    }
}
