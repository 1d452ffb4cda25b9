//! Pairs for tests.

use uuid::Uuid;

use crate::history::links::Link;
use crate::history::pair::{Judgement, Pair, PairMember};
use crate::model::id::{LinkId, ParticipantId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::Outcome;

/// Of these two, of whom the first offered if anybody did.
pub(super) fn pair(one: &str, other: &str, outcome: Outcome) -> Pair {
    let member = |name: &str| PairMember {
        id: ParticipantId(Uuid::nil()),
        username: name.to_owned(),
    };
    let link = Link {
        id: LinkId(Uuid::nil()),
        stream_type: "user".to_owned(),
        offerer: one.to_owned(),
        answerer: other.to_owned(),
        offered_at: Timestamp(1),
        answered_at: (outcome >= Outcome::Exchanged).then_some(Timestamp(2)),
        offerer_candidates: 3,
        answerer_candidates: i64::from(outcome >= Outcome::Exchanged),
        renegotiations: 0,
        connected_at: None,
        offerer_said: None,
        answerer_said: None,
        closed_at: None,
        closed_by: None,
    };
    Pair {
        between: [member(one), member(other)],
        met_at: Timestamp(1),
        judgement: Judgement {
            outcome,
            by: (outcome != Outcome::NoOffer).then_some(0),
        },
        shared: None,
        was_brief: false,
        links: if outcome == Outcome::NoOffer {
            vec![]
        } else {
            vec![link]
        },
    }
}

/// Of these two, who parted before there was time to connect.
pub(super) fn parted(one: &str, other: &str, outcome: Outcome) -> Pair {
    Pair {
        was_brief: true,
        ..pair(one, other, outcome)
    }
}

/// Of these two, who connected, and of whom the first shared a screen with the other beside.
pub(super) fn sharing(one: &str, other: &str, shared: Outcome) -> Pair {
    let mut pair = pair(one, other, Outcome::Connected);
    let screen = Link {
        stream_type: "display".to_owned(),
        ..pair.links[0].clone()
    };
    pair.links.push(screen);
    pair.shared = Some(Judgement {
        outcome: shared,
        by: Some(1),
    });
    pair
}
