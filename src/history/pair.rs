//! Two people who were in the room together, and how far they got in connecting.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::intervals::Intervals;
use super::links::{Link, LinkEnd, Said};
use super::people::Person;
use crate::model::id::{ParticipantId, StreamType};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{ConnectionState, LeaveReason, LinkCloseReason, Outcome};

/// How long two people may take to get a step further. A page may have to ask for the camera first.
pub(super) const STEP_WITHIN_MS: i64 = 30_000;

/// How long before somebody is known to be gone their peers' pages may have noticed it: that they were disconnected is then
/// no trouble of the connection's. Who is lost is gone after the pings and the grace.
const NOTICED_WITHIN_MS: i64 = 60_000;

/// The same of somebody who says so: a page may close its connections first.
const NOTICED_AT_ONCE_MS: i64 = 2_000;

/// What pages call a shared screen.
const SCREENS: [&str; 2] = ["display", "remoteDisplay"];

/// Two people who were in the room together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The two, by name.
    pub between: [PairMember; 2],
    /// When both were members for the first time, or else when the later of them came.
    pub met_at: Timestamp,
    /// Their peer connections, by time of offer; of very many the latest 32 from either to the other.
    pub links: Vec<Link>,
    /// What became of them.
    pub judgement: Judgement,
    /// What became of the worst of the screens that they shared beside, if one failed or was lost.
    pub shared: Option<Judgement>,
    /// Whether they parted, and were never together for as long as a step may take.
    pub was_brief: bool,
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
    /// Of two people with when each was a member.
    pub(super) fn of(
        [one, other]: [&Person; 2],
        memberships: [&Intervals; 2],
        links: Vec<Link>,
        now: Timestamp,
    ) -> Self {
        let together = Together::of(memberships, now);
        let has_had_time = || {
            let mut shared = memberships[0].shared(memberships[1]);
            shared.any(|stretch| stretch.ms() >= STEP_WITHIN_MS)
        };
        let met_at = memberships[0].first_shared(memberships[1]);
        Self {
            met_at: met_at.unwrap_or(one.joined_at.max(other.joined_at)),
            between: [one, other].map(|person| PairMember {
                id: person.id,
                username: person.username.clone(),
            }),
            judgement: judge(&links, together),
            shared: judge_shared(&links, now),
            was_brief: together.is_none() && !has_had_time(),
            links,
        }
    }

    /// How far they got.
    pub fn outcome(&self) -> Outcome {
        self.judgement.outcome
    }

    /// Whether they could have connected, and did not.
    pub fn is_failed(&self) -> bool {
        self.outcome().is_failed() && !self.parted_early()
    }

    /// Whether it is trouble that somebody should look at.
    pub fn is_bad(&self) -> bool {
        self.outcome().is_bad() && !self.parted_early()
    }

    /// Whether nothing came of it as one was gone before there was time to: then nobody knows whether it would have.
    pub fn parted_early(&self) -> bool {
        self.was_brief && matches!(self.outcome(), Outcome::NoOffer | Outcome::NoAnswer)
    }

    /// The link that says so, if there are any.
    pub fn decisive_link(&self) -> Option<&Link> {
        self.links.get(self.judgement.by?)
    }

    /// When what went wrong between them did, as far as it is known: when a page said so, or else when it was offered, or else
    /// when they met.
    pub fn broken_at(&self) -> Timestamp {
        self.decisive_link().map_or(self.met_at, Link::broken_at)
    }

    /// The screen that one shared with the other beside, and that failed or was lost.
    pub fn broken_share(&self) -> Option<(Outcome, &Link)> {
        let shared = self.shared?;
        Some((shared.outcome, self.links.get(shared.by?)?))
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

    /// Whether they have just met.
    pub(super) fn is_new(self) -> bool {
        self.is_recent(self.since)
    }

    /// Whether what began then may still be under way.
    fn is_recent(self, began: Timestamp) -> bool {
        self.now.0.saturating_sub(began.0.max(self.since.0)) < STEP_WITHIN_MS
    }
}

/// Judges a pair by the latest link of which a page said how it is, or else by the one that got furthest (of several the
/// latest): of those that every pair has one of (camera and microphone) if there are any. `together` is nothing when one
/// of the two has gone: then nothing is under way any more.
fn judge(links: &[Link], together: Option<Together>) -> Judgement {
    let has_main = links.iter().any(|link| link.stream_type == StreamType::USER);
    let judged = links.iter().enumerate();
    let judged = judged.filter(|(_, link)| !has_main || link.stream_type == StreamType::USER);
    let said = judged
        .clone()
        .filter_map(|(place, link)| Some((place, said(link)?)))
        .next_back();
    let was_connected = judged.clone().any(|(_, link)| link.connected_at.is_some());
    let said = said.map(|(place, outcome)| {
        let was_lost = outcome == Outcome::Failed && was_connected;
        (place, if was_lost { Outcome::Lost } else { outcome })
    });
    let furthest = || {
        judged
            .map(|(place, link)| (place, exchanged(link, together)))
            .max_by_key(|(_, outcome)| *outcome)
    };
    let best = said.or_else(furthest);
    let have_just_met = || together.is_some_and(Together::is_new);
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

/// Judges the screens that two people shared beside that which every pair has: of each the latest link of which a page said
/// how it is, or that was not answered when there was time to. Nothing if none of them is in trouble.
fn judge_shared(links: &[Link], now: Timestamp) -> Option<Judgement> {
    let is_main = |link: &Link| link.stream_type == StreamType::USER;
    if !links.iter().any(is_main) {
        return None;
    }
    let is_screen = |link: &Link| SCREENS.contains(&link.stream_type.as_str());
    let shared = links.iter().enumerate().filter(|(_, link)| is_screen(link));
    let mut latest: BTreeMap<(&str, &str), Judgement> = BTreeMap::new();
    for (place, link) in shared {
        let key = (link.offerer.as_str(), link.stream_type.as_str());
        let unanswered = || is_unanswered(link, now).then_some(Outcome::NoAnswer);
        if let Some(outcome) = said(link).or_else(unanswered) {
            latest.insert(
                key,
                Judgement {
                    outcome,
                    by: Some(place),
                },
            );
        } else if link.answered_at.is_some() && latest.get(&key).is_some_and(|last| last.outcome == Outcome::NoAnswer) {
            latest.remove(&key);
        }
    }
    latest
        .into_values()
        .filter(|judged| judged.outcome.is_bad())
        .min_by_key(|judged| judged.outcome)
}

/// Whether there was time to answer an offer, and nobody did.
fn is_unanswered(link: &Link, now: Timestamp) -> bool {
    let end = link.closed_at.unwrap_or(now);
    link.answered_at.is_none() && end.0.saturating_sub(link.offered_at.0) >= STEP_WITHIN_MS
}

/// What the two pages said of a link, if they did. Of each the last word counts, `failed` of either wins, and `closed` says
/// nothing: a page closes what works as well.
fn said(link: &Link) -> Option<Outcome> {
    let was_connected = link.connected_at.is_some();
    let last = || [link.offerer_said, link.answerer_said].into_iter().flatten();
    let has_failed = last().any(|said| said.state == ConnectionState::Failed);
    if !was_connected {
        return has_failed.then_some(Outcome::Failed);
    }
    let is_broken = |said: Said| said.state == ConnectionState::Disconnected && !is_of_departure(link, said);
    let is_lost = has_failed || last().any(is_broken);
    Some(if is_lost { Outcome::Lost } else { Outcome::Connected })
}

/// Whether what a page said was that its peer was going, which was known a little later.
fn is_of_departure(link: &Link, said: Said) -> bool {
    let within = match link.closed_by {
        None | Some(LinkEnd::Own(LinkCloseReason::Lost | LinkCloseReason::Replaced)) => return false,
        Some(
            LinkEnd::Own(LinkCloseReason::Left | LinkCloseReason::HungUp)
            | LinkEnd::Member(LeaveReason::Left | LeaveReason::Moved | LeaveReason::Removed | LeaveReason::Replaced),
        ) => NOTICED_AT_ONCE_MS,
        Some(LinkEnd::Member(
            LeaveReason::Closed
            | LeaveReason::Timeout
            | LeaveReason::ServerShutdown
            | LeaveReason::ServerCrash
            | LeaveReason::Gap,
        )) => NOTICED_WITHIN_MS,
    };
    let is_late = |closed: Timestamp| closed.0.saturating_sub(said.at.0) < within;
    link.closed_at.is_some_and(is_late)
}

/// How far the two came by what was exchanged. Candidates that were not sent by themselves may be inside of the
/// descriptions.
fn exchanged(link: &Link, together: Option<Together>) -> Outcome {
    let has_candidates = link.offerer_candidates > 0 && link.answerer_candidates > 0;
    let last_step = link.answered_at.unwrap_or(link.offered_at);
    let is_under_way = link.closed_at.is_none() && together.is_some_and(|together| together.is_recent(last_step));
    match link.answered_at {
        Some(_) if has_candidates => Outcome::Exchanged,
        _ if is_under_way => Outcome::Waiting,
        Some(_) => Outcome::Exchanged,
        None => Outcome::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::id::LinkId;

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
            connected_at: None,
            offerer_said: None,
            answerer_said: None,
            closed_at: is_closed.then_some(Timestamp(3)),
            closed_by: is_closed.then_some(LinkEnd::Own(LinkCloseReason::Left)),
        }
    }

    #[test]
    fn where_no_page_says_more_a_pair_is_judged_by_the_link_that_got_furthest() {
        let unanswered = || link("user", false, (3, 0), true);
        let exchanged = || link("user", true, (12, 9), false);
        for (links, outcome, by) in [
            (vec![], Outcome::NoOffer, None),
            (vec![unanswered()], Outcome::NoAnswer, Some(0)),
            (vec![link("user", false, (0, 0), false)], Outcome::NoAnswer, Some(0)),
            // Candidates may be inside of the descriptions.
            (vec![link("user", true, (0, 0), true)], Outcome::Exchanged, Some(0)),
            // Of two that got as far the latest.
            (
                vec![link("user", true, (4, 0), true), link("user", true, (0, 0), true)],
                Outcome::Exchanged,
                Some(1),
            ),
            (
                vec![unanswered(), exchanged(), unanswered()],
                Outcome::Exchanged,
                Some(1),
            ),
            // A shared screen that works does not make up for cameras that do not.
            (
                vec![unanswered(), link("display", true, (1, 1), false)],
                Outcome::NoAnswer,
                Some(0),
            ),
            (vec![link("display", true, (1, 2), false)], Outcome::Exchanged, Some(0)),
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
        for (links, later) in [
            (vec![], Outcome::NoOffer),
            (vec![offered()], Outcome::NoAnswer),
            (vec![answered()], Outcome::Exchanged),
        ] {
            let judged = |together| judge(&links, together).outcome;
            assert_eq!(judged(together(1, 29_999)), Outcome::Waiting);
            assert_eq!(judged(together(1, 30_002)), later);
            // Who has gone connects no more; who has come back may.
            assert_eq!(judged(None), later);
            assert_eq!(judged(together(50_000, 60_000)), Outcome::Waiting);
        }
        let closed = [link("user", false, (3, 0), true)];
        assert_eq!(judge(&closed, together(1, 4)).outcome, Outcome::NoAnswer);
    }

    fn told(connected: bool, offerer: Option<ConnectionState>, answerer: Option<ConnectionState>) -> Link {
        let said = |state: ConnectionState| Said {
            state,
            at: Timestamp(1_000),
            path: None,
        };
        Link {
            connected_at: connected.then_some(Timestamp(500)),
            offerer_said: offerer.map(said),
            answerer_said: answerer.map(said),
            ..link("user", true, (1, 1), false)
        }
    }

    #[test]
    fn what_pages_say_decides() {
        use ConnectionState::{Closed, Connected, Disconnected, Failed};
        let working = || told(true, Some(Connected), None);
        for (links, outcome, by) in [
            (vec![working()], Outcome::Connected, 0),
            (
                vec![told(true, Some(Connected), Some(Connected))],
                Outcome::Connected,
                0,
            ),
            (vec![told(false, Some(Failed), None)], Outcome::Failed, 0),
            // One end cannot know what the other sees: the worse word wins.
            (vec![told(true, Some(Connected), Some(Failed))], Outcome::Lost, 0),
            (vec![told(true, Some(Disconnected), Some(Connected))], Outcome::Lost, 0),
            // That a page has closed it says nothing.
            (vec![told(true, Some(Connected), Some(Closed))], Outcome::Connected, 0),
            (vec![told(true, Some(Closed), Some(Failed))], Outcome::Lost, 0),
            (vec![told(false, Some(Failed), Some(Closed))], Outcome::Failed, 0),
            (vec![told(false, Some(Closed), Some(Closed))], Outcome::Exchanged, 0),
            // The latest link of which anything is said.
            (vec![told(false, None, Some(Failed)), working()], Outcome::Connected, 1),
            (vec![working(), told(false, Some(Failed), None)], Outcome::Lost, 1),
            (vec![working(), told(false, None, None)], Outcome::Connected, 0),
        ] {
            assert_eq!(
                judge(&links, together(0, 60_000)),
                Judgement { outcome, by: Some(by) },
                "{links:?}"
            );
        }
    }

    #[test]
    fn what_is_shared_beside_is_judged_for_itself() {
        use ConnectionState::{Connected, Disconnected, Failed};
        let shared = |connected, state| Link {
            stream_type: "display".to_owned(),
            ..told(connected, Some(state), None)
        };
        let camera = || told(true, Some(Connected), None);
        for (links, outcome) in [
            (vec![camera(), shared(false, Failed)], Some(Outcome::Failed)),
            (vec![camera(), shared(true, Disconnected)], Some(Outcome::Lost)),
            // Of one that is shared again the latest counts.
            (vec![camera(), shared(false, Failed), shared(true, Connected)], None),
            (vec![camera(), shared(true, Connected)], None),
            // One that is offered in vain, unless it is again and is answered, or there was no time to.
            (
                vec![camera(), link("display", false, (0, 0), false)],
                Some(Outcome::NoAnswer),
            ),
            (
                vec![
                    camera(),
                    link("display", false, (0, 0), false),
                    link("display", true, (0, 0), false),
                ],
                None,
            ),
            (vec![camera(), link("display", false, (0, 0), true)], None),
            // Alone it is what the two have.
            (vec![shared(false, Failed)], None),
        ] {
            let judged = judge_shared(&links, Timestamp(60_000));
            assert_eq!(judged.map(|judged| judged.outcome), outcome);
            let with_camera = links.len() > 1;
            assert!(!with_camera || judge(&links, None).outcome == Outcome::Connected);
        }
    }

    #[test]
    fn that_somebody_has_gone_is_no_trouble_of_the_connection() {
        let parted = |closed_by, closed_at: i64| Link {
            closed_at: Some(Timestamp(closed_at)),
            closed_by: Some(closed_by),
            ..told(
                true,
                Some(ConnectionState::Disconnected),
                Some(ConnectionState::Connected),
            )
        };
        let left = LinkEnd::Own(LinkCloseReason::Left);
        let gone = LinkEnd::Member(LeaveReason::ServerCrash);
        let lost = LinkEnd::Own(LinkCloseReason::Lost);
        let never = Link {
            offerer_said: told(false, Some(ConnectionState::Failed), None).offerer_said,
            connected_at: None,
            ..parted(left, 16_000)
        };
        let failed = Link {
            offerer_said: told(true, Some(ConnectionState::Failed), None).offerer_said,
            ..parted(left, 16_000)
        };
        for (link, outcome) in [
            (never, Outcome::Failed),
            (failed, Outcome::Lost),
            (parted(left, 1_500), Outcome::Connected),
            // Who says that they go does not keep others waiting for it.
            (parted(left, 16_000), Outcome::Lost),
            (parted(gone, 16_000), Outcome::Connected),
            (parted(lost, 16_000), Outcome::Lost),
            (parted(gone, 600_000), Outcome::Lost),
        ] {
            assert_eq!(judge(&[link], None).outcome, outcome);
        }
    }
}
