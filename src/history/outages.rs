//! Moments at which everybody lost contact: that was the server's doing, or its network's, and nobody's own.

use std::collections::{HashMap, HashSet};

use super::loss::{Contact, Loss};
use super::people::{Everyone, PEOPLE, Person};
use super::sessions::Session;
use super::{Error, History};
use crate::model::id::SessionId;
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
    /// After how long the last of those who came back was back, in milliseconds; nothing if nobody was.
    pub back_after_ms: Option<i64>,
    /// Who did not come back in time, by name.
    pub missing: Vec<String>,
    /// Whether somebody is still away, and may come back.
    pub goes_on: bool,
    /// When the last of them did.
    pub(super) until: Timestamp,
}

impl Outage {
    /// Whether a loss was part of it.
    pub fn explains(&self, loss: Loss) -> bool {
        (self.at..=self.until).contains(&loss.at)
    }
}

/// Whether a loss is to blame on what everybody lost contact by.
pub fn is_explained(loss: Loss, outages: &[Outage]) -> bool {
    loss.by_server || outages.iter().any(|outage| outage.explains(loss))
}

impl Person {
    /// How often they came back from a drop that was not everybody's; `losses` are theirs.
    pub(super) fn own_returns(&self, losses: &[Loss], outages: &[Outage]) -> i64 {
        let is_shared = |loss: &&Loss| loss.is_resumed && is_explained(**loss, outages);
        let shared = losses.iter().filter(is_shared).count();
        (self.reconnect_count - i64::try_from(shared).unwrap_or(i64::MAX)).max(0)
    }
}

/// Whether outages of a session need to be known to tell of these of its people: one of them lost contact, and not by a stop
/// of the server. None are known of more people than can all be looked at.
fn may_explain(session: &Session, people: &[&Person]) -> bool {
    let has_own = |person: &&Person| person.losses().iter().any(|loss| !loss.by_server);
    let may_have_any = usize::try_from(session.unique_participants).is_ok_and(|all| all <= PEOPLE);
    may_have_any && people.iter().any(has_own)
}

impl History {
    /// The outages of a session, as far as these of its people need to know of them: where nobody of them lost contact
    /// but by a stop of the server, nobody else is looked at. None are known of more people than can all be looked at.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub(super) async fn outages_for(
        &self,
        session: &Session,
        people: &[&Person],
        now: Timestamp,
    ) -> Result<Vec<Outage>, Error> {
        if !may_explain(session, people) {
            return Ok(Vec::new());
        }
        self.outages_of(session.id, now).await
    }

    async fn outages_of(&self, session: SessionId, now: Timestamp) -> Result<Vec<Outage>, Error> {
        let everyone = self.everyone(session).await?.unwrap_or_default();
        Ok(outages_among(&everyone, now))
    }

    /// The same of several sessions at once, each with one of its people.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub(super) async fn outages_for_each(
        &self,
        attended: impl Iterator<Item = (&Session, &Person)>,
        now: Timestamp,
    ) -> Result<HashMap<SessionId, Vec<Outage>>, Error> {
        let wanted = attended.filter(|(session, person)| may_explain(session, &[person]));
        let everyone = self.everyone_of_each(wanted.map(|(session, _)| session.id)).await?;
        let mut found = HashMap::with_capacity(everyone.len());
        for (session, Everyone { people, is_whole }) in everyone {
            let outages = if is_whole {
                outages_among(&people, now)
            } else {
                self.outages_of(session, now).await?
            };
            found.insert(session, outages);
        }
        Ok(found)
    }
}

/// The outages of a session, in order. All its people must be given.
pub fn outages_among(people: &[Person], now: Timestamp) -> Vec<Outage> {
    let contacts: Vec<Contact> = people.iter().map(|person| person.contact(now)).collect();
    outages(&contacts)
}

fn outages(people: &[Contact]) -> Vec<Outage> {
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
fn outage_of(people: &[Contact], losses: &[(usize, Loss)]) -> Option<Outage> {
    let (_, first) = losses.first()?;
    let (_, last) = losses.last()?;
    let by_server = losses.iter().any(|(_, loss)| loss.by_server);
    (by_server || have_all_lost_contact(people, losses, first.at)).then(|| Outage {
        at: first.at,
        by_server,
        back_after_ms: losses.iter().filter_map(|(_, loss)| loss.ms()).max(),
        missing: missing(people, losses),
        goes_on: losses.iter().any(|(_, loss)| loss.until.is_none()),
        until: last.at,
    })
}

/// Whether several people lost contact, and with them all who were there before.
fn have_all_lost_contact(people: &[Contact], losses: &[(usize, Loss)], at: Timestamp) -> bool {
    let lost: HashSet<usize> = losses.iter().map(|(person, _)| *person).collect();
    let before = Timestamp(at.0.saturating_sub(1));
    let was_there = |person: &Contact| person.present.contains(before);
    let mut there = people.iter().enumerate().filter(|(_, person)| was_there(person));
    lost.len() >= FEWEST && there.all(|(index, _)| lost.contains(&index))
}

/// Those for whom it was the end, by name.
fn missing(people: &[Contact], losses: &[(usize, Loss)]) -> Vec<String> {
    let was_last = |(index, loss): &&(usize, Loss)| {
        let last = people[*index].present.iter().last();
        loss.back.is_none() && loss.until.is_some() && last.is_none_or(|last| last.to <= loss.at)
    };
    let gone = losses.iter().filter(was_last);
    let mut names: Vec<String> = gone.map(|(index, _)| people[*index].username.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::intervals::{Interval, Intervals};

    /// Somebody who came at 0, and lost contact at each of these seconds for so many, by the server or not.
    fn person(losses: &[(i64, Option<i64>, bool)]) -> Contact {
        let ms = |seconds: i64| Timestamp(seconds * 1_000);
        let losses: Vec<Loss> = losses
            .iter()
            .map(|&(at, back, by_server)| Loss {
                at: ms(at),
                back: back.map(ms),
                until: Some(ms(back.unwrap_or(at + 15))),
                is_resumed: back.is_some(),
                by_server,
            })
            .collect();
        let mut intervals = Vec::new();
        let mut from = Some(Timestamp(0));
        for loss in &losses {
            intervals.extend(from.map(|from| Interval::new(from, loss.at)));
            from = loss.back;
        }
        intervals.extend(from.map(|from| Interval::new(from, ms(1_000))));
        Contact {
            username: format!("lost at {:?}", losses.first().map(|loss| loss.at.0 / 1_000)),
            present: Intervals::merge(intervals),
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
    fn whoever_did_not_come_back_from_an_outage_is_named() {
        let people = [(60, Some(70)), (61, None), (62, None)].map(|(at, back)| person(&[(at, back, false)]));
        let [outage] = outages(&people).try_into().unwrap();
        assert_eq!(outage.missing, ["lost at Some(61)", "lost at Some(62)"]);
        assert_eq!(outage.back_after_ms, Some(10_000));
        assert!(!outage.goes_on && is_explained(people[2].losses[0], &[outage]));
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
