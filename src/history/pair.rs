//! Two people who were in the room together, and how far they got in connecting.

use serde::Serialize;
use utoipa::ToSchema;

use super::intervals::Intervals;
use super::links::Link;
use super::people::Person;
use crate::model::id::{ParticipantId, StreamType};
use crate::model::time::Timestamp;
use crate::model::vocabulary::Outcome;

/// How long two people may take to get a step further. A page may have to ask for the camera first.
const STEP_WITHIN_MS: i64 = 30_000;

/// Two people who were in the room together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The two, by name.
    pub between: [PairMember; 2],
    /// Their peer connections, by time of offer; of very many the latest 32 from either to the other.
    pub links: Vec<Link>,
    /// What became of them.
    pub judgement: Judgement,
}

/// One of the two of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PairMember {
    /// The person's id in the session.
    pub id: ParticipantId,
    /// Their name.
    pub username: String,
}

/// What became of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// How far they got.
    pub outcome: Outcome,
    /// The place among the links of the one that says so, if there are any.
    pub by: Option<usize>,
}

impl Pair {
    pub(super) fn of(one: &Person, other: &Person, links: Vec<Link>, together: Option<Together>) -> Self {
        Self {
            between: [one, other].map(|person| PairMember {
                id: person.id,
                username: person.username.clone(),
            }),
            judgement: judge(&links, together),
            links,
        }
    }

    /// How far they got.
    pub fn outcome(&self) -> Outcome {
        self.judgement.outcome
    }

    /// The link that says so, if there are any.
    pub fn decisive_link(&self) -> Option<&Link> {
        self.links.get(self.judgement.by?)
    }
}

/// Two people who are in the room at this moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Together {
    /// Since when.
    since: Timestamp,
    /// This moment.
    now: Timestamp,
}

impl Together {
    /// Of two who are members now, present or away: since when both are. A membership that lasts ends at this moment.
    pub(super) fn of(memberships: [&Intervals; 2], now: Timestamp) -> Option<Self> {
        let [one, other] = memberships.map(|membership| membership.iter().last().filter(|last| last.to >= now));
        Some(Self {
            since: one?.from.max(other?.from),
            now,
        })
    }

    /// Whether what began then may still be under way.
    fn is_recent(self, began: Timestamp) -> bool {
        self.now.0.saturating_sub(began.0.max(self.since.0)) < STEP_WITHIN_MS
    }
}

/// Judges a pair by the link that got furthest (of several the latest), of those that every pair has one of (camera and
/// microphone) if there are any. `together` is nothing when one of the two has gone: then nothing is under way any more.
fn judge(links: &[Link], together: Option<Together>) -> Judgement {
    let outcomes = || links.iter().map(|link| outcome(link, together)).enumerate();
    let main = outcomes().filter(|(place, _)| links[*place].stream_type == StreamType::USER);
    let best = main
        .max_by_key(|(_, outcome)| *outcome)
        .or_else(|| outcomes().max_by_key(|(_, outcome)| *outcome));
    let have_just_met = || together.is_some_and(|together| together.is_recent(together.since));
    match best {
        Some((place, outcome)) => Judgement {
            outcome,
            by: Some(place),
        },
        None => Judgement {
            outcome: if have_just_met() {
                Outcome::Waiting
            } else {
                Outcome::NoOffer
            },
            by: None,
        },
    }
}

fn outcome(link: &Link, together: Option<Together>) -> Outcome {
    let has_candidates = link.offerer_candidates > 0 && link.answerer_candidates > 0;
    let last_step = link.answered_at.unwrap_or(link.offered_at);
    let is_under_way = link.closed_at.is_none() && together.is_some_and(|together| together.is_recent(last_step));
    match link.answered_at {
        Some(_) if has_candidates => Outcome::Connected,
        _ if is_under_way => Outcome::Waiting,
        Some(_) => Outcome::NoCandidates,
        None => Outcome::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::history::links::LinkEnd;
    use crate::model::id::LinkId;
    use crate::model::vocabulary::LinkCloseReason;

    fn link(stream: &str, is_answered: bool, candidates: (i64, i64), is_closed: bool) -> Link {
        Link {
            id: LinkId(Uuid::nil()),
            stream_type: stream.to_owned(),
            offerer: "Ann".to_owned(),
            answerer: "Bo".to_owned(),
            offered_at: Timestamp(1),
            answered_at: is_answered.then_some(Timestamp(2)),
            offerer_candidates: candidates.0,
            answerer_candidates: candidates.1,
            renegotiations: 0,
            closed_at: is_closed.then_some(Timestamp(3)),
            closed_by: is_closed.then_some(LinkEnd::Own(LinkCloseReason::Left)),
        }
    }

    #[test]
    fn a_pair_is_judged_by_the_link_that_got_furthest() {
        let unanswered = || link("user", false, (3, 0), true);
        let connected = || link("user", true, (12, 9), false);
        for (links, outcome, by) in [
            (vec![], Outcome::NoOffer, None),
            (vec![unanswered()], Outcome::NoAnswer, Some(0)),
            (vec![link("user", false, (0, 0), false)], Outcome::NoAnswer, Some(0)),
            (vec![link("user", true, (4, 0), true)], Outcome::NoCandidates, Some(0)),
            (vec![link("user", true, (0, 0), true)], Outcome::NoCandidates, Some(0)),
            // Of two that got as far the latest.
            (
                vec![link("user", true, (4, 0), true), link("user", true, (0, 0), true)],
                Outcome::NoCandidates,
                Some(1),
            ),
            (
                vec![unanswered(), connected(), unanswered()],
                Outcome::Connected,
                Some(1),
            ),
            // A shared screen that works does not make up for cameras that do not.
            (
                vec![unanswered(), link("display", true, (1, 1), false)],
                Outcome::NoAnswer,
                Some(0),
            ),
            (vec![link("display", true, (1, 2), false)], Outcome::Connected, Some(0)),
        ] {
            assert_eq!(judge(&links, together(0, 60_000)), Judgement { outcome, by });
        }
    }

    fn together(since: i64, now: i64) -> Option<Together> {
        Some(Together {
            since: Timestamp(since),
            now: Timestamp(now),
        })
    }

    #[test]
    fn a_step_may_take_a_while() {
        let offered = || link("user", false, (3, 0), false);
        let answered = || link("user", true, (3, 0), false);
        for (links, failed) in [
            (vec![], Outcome::NoOffer),
            (vec![offered()], Outcome::NoAnswer),
            (vec![answered()], Outcome::NoCandidates),
        ] {
            let judged = |together| judge(&links, together).outcome;
            assert_eq!(judged(together(1, 29_999)), Outcome::Waiting);
            assert_eq!(judged(together(1, 30_002)), failed);
            // Who has gone connects no more; who has come back may.
            assert_eq!(judged(None), failed);
            assert_eq!(judged(together(50_000, 60_000)), Outcome::Waiting);
        }
        let closed = [link("user", false, (3, 0), true)];
        assert_eq!(judge(&closed, together(1, 4)).outcome, Outcome::NoAnswer);
        let connected = [link("user", true, (3, 1), false)];
        assert_eq!(judge(&connected, together(1, 4)).outcome, Outcome::Connected);
    }
}
