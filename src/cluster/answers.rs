//! What other nodes ask this one, and what its own pages ask of its rooms.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::counts::Counts;
use super::directory::ClusterDirectory;
use super::owners::Owners;
use super::question::{Held, Membership, Question, Reply, RoomQuestion, RoomReply};
use super::reach::Reach;
use crate::journal::{Journal, Nodes};
use crate::model::act::Act;
use crate::model::id::{ClientKey, RoomName};
use crate::signaling::Hub;
use crate::signaling::remote::{Directory, Place};

/// Answers other nodes.
pub(super) struct Answers {
    pub(super) hub: Arc<Hub>,
    pub(super) journal: Journal,
    pub(super) nodes: Arc<Nodes>,
    pub(super) directory: Arc<ClusterDirectory>,
    pub(super) owners: Arc<Owners>,
    pub(super) reach: Arc<Reach>,
    pub(super) counts: Arc<Counts>,
}

impl Answers {
    pub(super) async fn answer(&self, question: Question) -> Reply {
        match question {
            Question::Database => self.database(),
            Question::Here(peer) => {
                self.owners.add_peer(peer);
                self.database()
            }
            Question::Owner(room) => Reply::Owner(self.directory.owner_of(&room).await),
            Question::Room(room, question) => match self.directory.known(&room) {
                Some(Place::Here(_claim)) => Reply::Room(Some(self.of_own(&room, question).await)),
                Some(Place::At(_)) | None => Reply::Room(None),
            },
            Question::Held => {
                let held = self.hub.rooms_held().into_iter();
                Reply::Held(held.map(|(room, held)| (room, Held::from(held))).collect())
            }
        }
    }

    fn database(&self) -> Reply {
        let ago = self.reach.ago().as_millis();
        Reply::Database(u64::try_from(ago).unwrap_or(u64::MAX))
    }

    /// Of a room that is this node's, or nobody's.
    pub(super) async fn of_own(&self, room: &RoomName, question: RoomQuestion) -> RoomReply {
        match question {
            RoomQuestion::NameTaken(name) => RoomReply::NameTaken(self.hub.name_taken(room, &name)),
            RoomQuestion::Membership(key) => {
                let status = self.hub.membership_status(room, &ClientKey::from_bytes(key));
                RoomReply::Membership(status.map(|status| Membership {
                    member: status.member.0,
                    session: status.session.0,
                    away_for: status.away_for,
                    resumable: status.resumable,
                }))
            }
            RoomQuestion::Held => RoomReply::Held(self.hub.held(room).into()),
            RoomQuestion::Act(act) => self.act(room, act).await,
        }
    }

    async fn act(&self, room: &RoomName, act: Act) -> RoomReply {
        let epoch = self.nodes.epoch();
        let (written, is_written) = oneshot::channel();
        // Whoever asked may have gone.
        let written = Box::new(move || written.send(()).unwrap_or(()));
        if let Err(why) = self.hub.act(room, act, written) {
            return RoomReply::Act(Err(why));
        }
        // Of a place that is lost nothing waits any more.
        if is_written.await.is_ok() && self.nodes.epoch() == epoch {
            RoomReply::Act(Ok(()))
        } else {
            RoomReply::Lost
        }
    }
}
