//! The rooms of all nodes, for the pages and the API of this one.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::answers::Answers;
use super::drain;
use super::question::{Question, Reply, RoomQuestion, RoomReply};
use crate::journal::Journal;
use crate::metrics::ClusterFigures;
use crate::model::act::{Act, CannotAct, StillHeld};
use crate::model::id::{ClientKey, MemberId, RoomName, SessionId, Username};
use crate::room::MembershipStatus;
use crate::signaling::remote::OutOfReach;

/// How long another node may take to answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// How often a room is looked for, as it may move meanwhile.
const MOST_TRIES: usize = 3;
/// How long a list waits for a node.
const LISTED_WITHIN: Duration = Duration::from_secs(1);

/// The rooms of all nodes. Clones are the same.
#[derive(Clone)]
pub(crate) struct ClusterRooms {
    pub(super) answers: Arc<Answers>,
}

impl ClusterRooms {
    /// Hands this node's rooms to the others, as it stops. From here on it takes no more.
    pub(crate) async fn drain(&self, journal: &Journal) {
        drain::drain(&self.answers.directory, &self.answers.owners, journal).await;
    }

    /// Whether it has begun to.
    pub(crate) fn is_draining(&self) -> bool {
        self.answers.directory.is_draining()
    }

    /// Whether a member of the room, present or away, has this name.
    ///
    /// # Errors
    /// If its node does not answer.
    pub(crate) async fn name_taken(&self, room: &RoomName, name: &Username) -> Result<bool, OutOfReach> {
        match self.ask(room, RoomQuestion::NameTaken(name.clone())).await? {
            RoomReply::NameTaken(is_taken) => Ok(is_taken),
            RoomReply::Membership(_) | RoomReply::Held(_) | RoomReply::Act(_) | RoomReply::Lost => Err(OutOfReach),
        }
    }

    /// What a returning client may know of itself.
    ///
    /// # Errors
    /// If the room's node does not answer.
    pub(crate) async fn membership_status(
        &self,
        room: &RoomName,
        key: &ClientKey,
    ) -> Result<Option<MembershipStatus>, OutOfReach> {
        match self.ask(room, RoomQuestion::Membership(*key.as_bytes())).await? {
            RoomReply::Membership(found) => Ok(found.map(|found| MembershipStatus {
                member: MemberId(found.member),
                session: SessionId(found.session),
                away_for: found.away_for,
                resumable: found.resumable,
            })),
            RoomReply::NameTaken(_) | RoomReply::Held(_) | RoomReply::Act(_) | RoomReply::Lost => Err(OutOfReach),
        }
    }

    /// Does what a teacher wants with a room, and returns once the history has it.
    ///
    /// # Errors
    /// If its node does not answer, or has lost its place meanwhile.
    pub(crate) async fn act(&self, room: &RoomName, act: Act) -> Result<Result<(), CannotAct>, OutOfReach> {
        match self.ask(room, RoomQuestion::Act(act)).await? {
            RoomReply::Act(done) => Ok(done),
            RoomReply::NameTaken(_) | RoomReply::Membership(_) | RoomReply::Held(_) | RoomReply::Lost => {
                Err(OutOfReach)
            }
        }
    }

    /// What teachers' acts still keep from a room, as far as its node answers.
    pub(crate) async fn held(&self, room: &RoomName) -> StillHeld {
        match self.ask(room, RoomQuestion::Held).await {
            Ok(RoomReply::Held(held)) => held.into(),
            _ => StillHeld::default(),
        }
    }

    /// The rooms that are closed, or that keep somebody out, by name, as far as their nodes answer.
    pub(crate) async fn rooms_held(&self) -> Vec<(RoomName, StillHeld)> {
        let peers = self.answers.owners.peers();
        let asked = peers.iter().map(async |peer| {
            let reply = self.answers.owners.ask(peer, Question::Held, LISTED_WITHIN).await;
            reply.unwrap_or(Reply::Held(Vec::new()))
        });
        let (own, others) = tokio::join!(self.answers.answer(Question::Held), join_all(asked));
        let mut held = Vec::new();
        for reply in others.into_iter().chain([own]) {
            if let Reply::Held(of_node) = reply {
                held.extend(of_node.into_iter().map(|(room, held)| (room, held.into())));
            }
        }
        held.sort_by(|(one, _), (other, _): &(RoomName, StillHeld)| one.as_str().cmp(other.as_str()));
        held
    }

    /// How much there is of what this node has with the others.
    pub(crate) fn figures(&self) -> ClusterFigures {
        let Answers {
            nodes,
            directory,
            reach,
            counts,
            ..
        } = &*self.answers;
        ClusterFigures {
            epoch: nodes.epoch().unwrap_or_default(),
            lease_left: reach.lease_left(),
            rooms: directory.own_rooms(),
            links: counts.links(),
            forwarded: counts.messages(),
            takeovers: counts.takeovers(),
        }
    }

    async fn ask(&self, room: &RoomName, question: RoomQuestion) -> Result<RoomReply, OutOfReach> {
        let directory = &self.answers.directory;
        for _ in 0..MOST_TRIES {
            let Some(link) = directory.find_other(room).await? else {
                return Ok(self.answers.of_own(room, question).await);
            };
            let asked = link.ask(Question::Room(room.clone(), question.clone()));
            match timeout(ANSWERED_WITHIN, asked).await {
                Ok(Some(Reply::Room(Some(reply)))) => return Ok(reply),
                // The room is another's by now.
                Ok(Some(Reply::Room(None))) => directory.forget_room(room),
                Ok(_) | Err(_) => return Err(OutOfReach),
            }
        }
        Err(OutOfReach)
    }
}
