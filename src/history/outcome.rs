//! How far two people got in connecting, in one word and in one sentence.

use serde::Serialize;
use utoipa::ToSchema;

use super::links::Link;
use super::sessions::SessionStatus;

/// How far two people got. Later ones are further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Neither made an offer.
    NoOffer,
    /// An offer was never answered.
    NoAnswer,
    /// An offer waits for its answer.
    Waiting,
    /// Offer and answer were exchanged, but not candidates of both.
    NoCandidates,
    /// Everything that a connection needs was exchanged.
    Connected,
}

/// Judges a pair by the link that got furthest, of those that every pair has one of (camera and microphone) if there are any.
pub(super) fn judge(names: [&str; 2], links: &[Link], status: SessionStatus) -> (Outcome, String) {
    let main = links.iter().filter(|link| link.stream_type == "user");
    let best = main
        .max_by_key(|link| outcome(link, status))
        .or_else(|| links.iter().max_by_key(|link| outcome(link, status)));
    match best {
        Some(link) => (outcome(link, status), sentence(link, status)),
        None => (
            Outcome::NoOffer,
            format!(
                "{} and {} were in the room together, but neither made an offer.",
                names[0], names[1]
            ),
        ),
    }
}

fn outcome(link: &Link, status: SessionStatus) -> Outcome {
    if link.answered_at.is_none() {
        let can_be_answered = link.closed_at.is_none() && status == SessionStatus::Active;
        return if can_be_answered {
            Outcome::Waiting
        } else {
            Outcome::NoAnswer
        };
    }
    if link.offerer_candidates > 0 && link.answerer_candidates > 0 {
        return Outcome::Connected;
    }
    Outcome::NoCandidates
}

fn sentence(link: &Link, status: SessionStatus) -> String {
    match outcome(link, status) {
        Outcome::NoOffer | Outcome::NoAnswer => format!("{}'s offer was never answered.", link.offerer),
        Outcome::Waiting => format!("{}'s offer has not been answered yet.", link.offerer),
        Outcome::NoCandidates => {
            let silent = match (link.offerer_candidates, link.answerer_candidates) {
                (0, 0) => "either of them",
                (0, _) => &link.offerer,
                _ => &link.answerer,
            };
            format!("Offer and answer were exchanged, but no candidates from {silent}.")
        }
        Outcome::Connected => format!(
            "Connected: offer, answer and {} + {} candidates were exchanged.",
            link.offerer_candidates, link.answerer_candidates
        ),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::room::id::LinkId;
    use crate::room::time::Timestamp;

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
            closed_by: is_closed.then(|| "left".to_owned()),
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
                Outcome::Waiting,
                "Ann's offer has not been answered yet.",
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
            let judged = judge(["Ann", "Bo"], &links, SessionStatus::Active);
            assert_eq!(judged, (outcome, sentence.to_owned()));
        }
    }

    #[test]
    fn an_open_offer_of_an_ended_session_waits_no_longer() {
        let links = [link("user", false, (0, 0), false)];
        assert_eq!(judge(["Ann", "Bo"], &links, SessionStatus::Ended).0, Outcome::NoAnswer);
    }
}
