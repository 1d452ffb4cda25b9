//! How far two people got in connecting, in one word and in one sentence.

use serde::Serialize;
use utoipa::ToSchema;

use super::links::Link;
use crate::model::time::Timestamp;

/// How long two people may take to get a step further. A page may have to ask for the camera first.
const STEP_WITHIN_MS: i64 = 30_000;

/// How far two people got. Later ones are further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Neither made an offer.
    NoOffer,
    /// An offer was never answered.
    NoAnswer,
    /// Offer and answer were exchanged, but not candidates of both.
    NoCandidates,
    /// Both are there, and their last step is less than 30 s ago: they are still connecting.
    Waiting,
    /// Everything that a connection needs was exchanged.
    Connected,
}

/// Two people who are in the room at this moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Together {
    /// Since when.
    pub(super) since: Timestamp,
    /// This moment.
    pub(super) now: Timestamp,
}

impl Together {
    /// Whether what began then may still be under way.
    fn is_recent(self, began: Timestamp) -> bool {
        self.now.0.saturating_sub(began.0.max(self.since.0)) < STEP_WITHIN_MS
    }
}

/// What became of a pair.
pub(super) struct Judgement {
    pub(super) outcome: Outcome,
    pub(super) sentence: String,
    /// The place among the links of the one that says so, if there are any.
    pub(super) by: Option<usize>,
}

/// Judges a pair by the link that got furthest (of several the latest), of those that every pair has one of (camera and
/// microphone) if there are any. `together` is nothing when one of the two has gone: then nothing is under way any more.
pub(super) fn judge(names: [&str; 2], links: &[Link], together: Option<Together>) -> Judgement {
    let furthest = |(_, link): &(usize, &Link)| outcome(link, together);
    let main = links.iter().enumerate().filter(|(_, link)| link.stream_type == "user");
    let best = main
        .max_by_key(furthest)
        .or_else(|| links.iter().enumerate().max_by_key(furthest));
    if let Some((place, link)) = best {
        return Judgement {
            outcome: outcome(link, together),
            sentence: sentence(link, together),
            by: Some(place),
        };
    }
    let [one, other] = names;
    let (outcome, sentence) = if together.is_some_and(|together| together.is_recent(together.since)) {
        let sentence = format!("{one} and {other} have just met, and neither has made an offer yet.");
        (Outcome::Waiting, sentence)
    } else {
        let sentence = format!("{one} and {other} were in the room together, but neither made an offer.");
        (Outcome::NoOffer, sentence)
    };
    let by = None;
    Judgement { outcome, sentence, by }
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

fn sentence(link: &Link, together: Option<Together>) -> String {
    match outcome(link, together) {
        Outcome::NoOffer | Outcome::NoAnswer => format!("{}'s offer was never answered.", link.offerer),
        Outcome::Waiting if link.answered_at.is_none() => {
            format!("Still connecting: {}'s offer has not been answered yet.", link.offerer)
        }
        Outcome::Waiting => {
            format!("Still connecting: no candidates from {} yet.", silent(link))
        }
        Outcome::NoCandidates => {
            format!(
                "Offer and answer were exchanged, but no candidates from {}.",
                silent(link)
            )
        }
        Outcome::Connected => format!(
            "Connected: offer, answer and {} + {} candidates were exchanged.",
            link.offerer_candidates, link.answerer_candidates
        ),
    }
}

/// Whose candidates are missing.
fn silent(link: &Link) -> &str {
    match (link.offerer_candidates, link.answerer_candidates) {
        (0, 0) => "either of them",
        (0, _) => &link.offerer,
        _ => &link.answerer,
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
    fn one_sentence_says_how_far_they_got() {
        let unanswered = || link("user", false, (3, 0), true);
        let connected = || link("user", true, (12, 9), false);
        for (links, outcome, sentence) in [
            (
                vec![],
                Outcome::NoOffer,
                "Ann and Bo were in the room together, but neither made an offer.",
            ),
            (vec![unanswered()], Outcome::NoAnswer, "Ann's offer was never answered."),
            (
                vec![link("user", false, (0, 0), false)],
                Outcome::NoAnswer,
                "Ann's offer was never answered.",
            ),
            (
                vec![link("user", true, (4, 0), true)],
                Outcome::NoCandidates,
                "Offer and answer were exchanged, but no candidates from Bo.",
            ),
            (
                vec![link("user", true, (0, 4), true)],
                Outcome::NoCandidates,
                "Offer and answer were exchanged, but no candidates from Ann.",
            ),
            (
                vec![link("user", true, (0, 0), true)],
                Outcome::NoCandidates,
                "Offer and answer were exchanged, but no candidates from either of them.",
            ),
            // Of two that got as far the latest.
            (
                vec![link("user", true, (4, 0), true), link("user", true, (0, 0), true)],
                Outcome::NoCandidates,
                "Offer and answer were exchanged, but no candidates from either of them.",
            ),
            (
                vec![unanswered(), connected(), unanswered()],
                Outcome::Connected,
                "Connected: offer, answer and 12 + 9 candidates were exchanged.",
            ),
            // A shared screen that works does not make up for cameras that do not.
            (
                vec![unanswered(), link("display", true, (1, 1), false)],
                Outcome::NoAnswer,
                "Ann's offer was never answered.",
            ),
            (
                vec![link("display", true, (1, 2), false)],
                Outcome::Connected,
                "Connected: offer, answer and 1 + 2 candidates were exchanged.",
            ),
        ] {
            let judged = judge(["Ann", "Bo"], &links, together(0, 60_000));
            assert_eq!((judged.outcome, judged.sentence.as_str()), (outcome, sentence));
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
        for (links, failed, sentence) in [
            (
                vec![],
                Outcome::NoOffer,
                "Ann and Bo have just met, and neither has made an offer yet.",
            ),
            (
                vec![offered()],
                Outcome::NoAnswer,
                "Still connecting: Ann's offer has not been answered yet.",
            ),
            (
                vec![answered()],
                Outcome::NoCandidates,
                "Still connecting: no candidates from Bo yet.",
            ),
        ] {
            let judged = |together| {
                let Judgement { outcome, sentence, .. } = judge(["Ann", "Bo"], &links, together);
                (outcome, sentence)
            };
            assert_eq!(judged(together(1, 29_999)), (Outcome::Waiting, sentence.to_owned()));
            assert_eq!(judged(together(1, 30_002)).0, failed);
            // Who has gone connects no more; who has come back may.
            assert_eq!(judged(None).0, failed);
            assert_eq!(judged(together(50_000, 60_000)).0, Outcome::Waiting);
        }
        let closed = [link("user", false, (3, 0), true)];
        assert_eq!(judge(["Ann", "Bo"], &closed, together(1, 4)).outcome, Outcome::NoAnswer);
        let connected = [link("user", true, (3, 1), false)];
        assert_eq!(
            judge(["Ann", "Bo"], &connected, together(1, 4)).outcome,
            Outcome::Connected
        );
    }
}
