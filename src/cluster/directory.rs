//! Which node owns which room: claimed when somebody first wants in, given back when nobody is left, and taken over from a
//! node that is gone.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::claims::{Claims, Known};
use super::counts::Counts;
use super::handshake::Identity;
use super::outgoing::OutgoingLink;
use super::owners::{NoLink, Owners};
use super::question::{NodeAt, Question, Reply};
use super::reach::Reach;
use crate::journal::{Abandoned, Journal, NodeId, NodeState, Nodes, Peer, RoomOwner, TakenOver};
use crate::limit::Seldom;
use crate::model::id::RoomName;
use crate::signaling::Hub;
use crate::signaling::remote::{Claim, Directory, OutOfReach, Place};

/// How long a room is looked for: a lease, and what a takeover takes.
const FOUND_WITHIN: Duration = Duration::from_secs(14);
/// The same for who only wants to know something of it.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(5);
const ASKED_EVERY: Duration = Duration::from_millis(200);
/// How long the database may take to say whose a room is.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// How long another node may take to answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
const SWEEP: Duration = Duration::from_secs(2);
/// How many rooms of others are remembered.
const MOST_REMEMBERED: usize = 100_000;
const LOGGED_EVERY: Duration = Duration::from_secs(10);

/// Where a room is.
enum Found {
    Here(Claim),
    At(Arc<OutgoingLink>),
}

impl From<Found> for Place {
    fn from(found: Found) -> Self {
        match found {
            Found::Here(claim) => Self::Here(claim),
            Found::At(link) => Self::At(link),
        }
    }
}

/// What the database, and whom it names, say of a room.
enum Answer {
    At(Found),
    /// Its node does not answer, and may still live.
    NotYet,
    /// Its node does not speak with this one.
    Never,
}

/// The nodes' rooms.
pub(super) struct ClusterDirectory {
    hub: Arc<Hub>,
    nodes: Arc<Nodes>,
    identity: Arc<Identity>,
    owners: Arc<Owners>,
    reach: Arc<Reach>,
    counts: Arc<Counts>,
    claims: Claims,
    /// Whose a room was when it was last asked for. It may be wrong: then that node says so.
    remembered: Mutex<HashMap<RoomName, NodeId>>,
    /// Held from when the database is asked until what it says is known here.
    asking: tokio::sync::Mutex<()>,
    /// The node is about to stop: its rooms go to others, and it takes no more.
    is_draining: AtomicBool,
    logged: Seldom,
}

impl Directory for ClusterDirectory {
    fn known(&self, room: &RoomName) -> Option<Place> {
        self.look(room).map(Place::from)
    }

    fn find<'a>(&'a self, room: &'a RoomName) -> BoxFuture<'a, Result<Place, OutOfReach>> {
        self.search(room).boxed()
    }

    fn forget(&self, room: &RoomName) {
        self.forget_room(room);
    }
}

impl ClusterDirectory {
    pub(super) fn new(
        hub: &Arc<Hub>,
        nodes: Arc<Nodes>,
        identity: Arc<Identity>,
        owners: Arc<Owners>,
        reach: Arc<Reach>,
        counts: Arc<Counts>,
        rooms: Vec<RoomName>,
    ) -> Arc<Self> {
        Arc::new(Self {
            hub: hub.clone(),
            nodes,
            identity,
            owners,
            reach,
            counts,
            claims: Claims::of(rooms),
            remembered: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            is_draining: AtomicBool::new(false),
            logged: Seldom::new(LOGGED_EVERY),
        })
    }

    /// How many rooms are this node's.
    pub(super) fn own_rooms(&self) -> usize {
        self.claims.count()
    }

    /// From here on no room becomes this node's.
    pub(super) fn begin_drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// Whether it is so.
    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::SeqCst)
    }

    /// Whether there is another node, as far as is known.
    pub(super) fn has_others(&self) -> bool {
        !self.owners.peers().is_empty()
    }

    /// Hands so many rooms, at most, to whichever nodes ask for them. Gives how many. Who is in one loses the connection.
    pub(super) async fn hand_over(&self, most: usize, journal: &Journal) -> sqlx::Result<usize> {
        let _alone = self.asking.lock().await;
        let rooms = self.claims.begin_release(most, |_| true);
        if rooms.is_empty() {
            return Ok(0);
        }
        let sockets = self.hub.hand_over(&rooms);
        // What is not written yet must not be written when they are another's.
        if !journal.written(&rooms).await {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
        self.nodes.hand_over(&rooms).await?;
        self.claims.end_release(&rooms, &[]);
        // Not before another can have them: who comes back finds them.
        self.hub.cut(sockets);
        Ok(rooms.len())
    }

    /// What is known without asking anybody.
    fn look(&self, room: &RoomName) -> Option<Found> {
        if let Known::Ours(claim) = self.claims.look(room) {
            return Some(Found::Here(claim));
        }
        let node = self.remembered.lock().get(room).copied()?;
        self.owners.linked(node).map(Found::At)
    }

    /// This node has lost its place: no room is its own from now on. Returns once nobody is about to enter one.
    pub(super) async fn leave(&self) {
        let mut claims = self.claims.close();
        while !claims.is_empty() {
            claims.retain(|claim| !claim.is_unused());
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// It has a place again, and these rooms.
    pub(super) async fn come_back(&self, rooms: impl IntoIterator<Item = RoomName>) {
        // What was asked in the name of the place that was lost is answered.
        let _alone = self.asking.lock().await;
        self.claims.open(rooms);
    }

    async fn search(&self, room: &RoomName) -> Result<Place, OutOfReach> {
        let give_up_at = Instant::now() + FOUND_WITHIN;
        while Instant::now() < give_up_at {
            if let Some(found) = self.look(room) {
                return Ok(found.into());
            }
            match self.ask(room).await {
                Ok(Answer::At(found)) => return Ok(found.into()),
                Ok(Answer::NotYet) => {}
                Ok(Answer::Never) => return Err(OutOfReach),
                Err(error) => {
                    // Without a place nobody can.
                    if self.claims.taking().is_some() {
                        self.logged.then(|| warn!(%error, "whose a room is could not be asked"));
                    }
                    // Others may reach the database, or know it.
                    if let Some(link) = self.ask_others(room).await {
                        return Ok(Place::At(link));
                    }
                }
            }
            sleep(ASKED_EVERY).await;
        }
        Err(OutOfReach)
    }

    /// Where a room is by the database.
    async fn ask(&self, room: &RoomName) -> sqlx::Result<Answer> {
        if self.is_draining() {
            // Another node takes it, if it is nobody's.
            let link = self.ask_others(room).await;
            return Ok(link.map_or(Answer::NotYet, |link| Answer::At(Found::At(link))));
        }
        let owner = {
            let _alone = self.asking.lock().await;
            // It may have begun to stop meanwhile.
            if self.is_draining() || matches!(self.claims.look(room), Known::Releasing) {
                return Ok(Answer::NotYet);
            }
            let claim = timeout(TOLD_WITHIN, self.nodes.claim(room)).await;
            match claim.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))? {
                RoomOwner::Us => {
                    let claim = self.claims.add(room.clone());
                    return Ok(claim.map_or(Answer::NotYet, |claim| Answer::At(Found::Here(claim))));
                }
                owner @ RoomOwner::Other { .. } => owner,
            }
        };
        self.reach_owner(room, owner).await
    }

    /// Links with the node that has a room, or takes the room over.
    async fn reach_owner(&self, room: &RoomName, owner: RoomOwner) -> sqlx::Result<Answer> {
        let RoomOwner::Other {
            node,
            epoch,
            address,
            state,
        } = owner
        else {
            return Ok(Answer::NotYet);
        };
        let link = match (state, address) {
            (NodeState::Left, _) | (_, None) => None,
            (NodeState::Live, Some(address)) => Some(self.owners.link(&Peer { node, epoch, address }).await),
            (NodeState::Over, Some(address)) => Some(self.link_if_alive(&Peer { node, epoch, address }).await),
        };
        let is_gone = match link {
            Some(Ok(link)) => return Ok(Answer::At(Found::At(self.remember(room, link)))),
            Some(Err(NoLink::Refused)) => return Ok(Answer::Never),
            Some(Err(NoLink::Vacant | NoLink::Other)) if state == NodeState::Over && !self.reach.is_settled() => {
                return Ok(Answer::NotYet);
            }
            Some(Err(why)) => why == NoLink::NobodyThere,
            None => false,
        };
        self.take_over((node, epoch), Some(room), is_gone).await?;
        Ok(self.look(room).map_or(Answer::NotYet, Answer::At))
    }

    /// The link to a node whose lease is over, if it answers: then it does not reach the database, and has not given up its
    /// place, as no other node does either, or did until a moment ago.
    async fn link_if_alive(&self, peer: &Peer) -> Result<Arc<OutgoingLink>, NoLink> {
        self.owners.ask(peer, Question::Database, ANSWERED_WITHIN).await?;
        self.owners.link(peer).await
    }

    /// Where a room is by the other nodes.
    async fn ask_others(&self, room: &RoomName) -> Option<Arc<OutgoingLink>> {
        for peer in self.owners.peers() {
            let reply = self.owners.ask(&peer, Question::Owner(room.clone()), TOLD_WITHIN).await;
            let Ok(Reply::Owner(Some(NodeAt { node, epoch, address }))) = reply else {
                continue;
            };
            let Some(node) = NodeId::new(node).filter(|node| *node != self.identity.node) else {
                continue;
            };
            if let Ok(link) = self.owners.link(&Peer { node, epoch, address }).await {
                return Some(self.remember(room, link));
            }
        }
        None
    }

    /// The node that has a room; `None` if it is this one, or none. It is not claimed for that.
    pub(super) async fn find_other(&self, room: &RoomName) -> Result<Option<Arc<OutgoingLink>>, OutOfReach> {
        let give_up_at = Instant::now() + LOOKED_AT_WITHIN;
        while Instant::now() < give_up_at {
            match self.look(room) {
                Some(Found::Here(_)) => return Ok(None),
                Some(Found::At(link)) => return Ok(Some(link)),
                None => {}
            }
            let owner = timeout(TOLD_WITHIN, self.nodes.owner(room)).await;
            let found = match owner {
                Ok(Ok(None | Some(RoomOwner::Us))) => return Ok(None),
                Ok(Ok(Some(owner))) => self.reach_owner(room, owner).await.ok(),
                Ok(Err(_)) | Err(_) => None,
            };
            match found {
                Some(Answer::At(Found::Here(_))) => return Ok(None),
                Some(Answer::At(Found::At(link))) => return Ok(Some(link)),
                Some(Answer::Never) => return Err(OutOfReach),
                Some(Answer::NotYet) | None => sleep(ASKED_EVERY).await,
            }
        }
        Err(OutOfReach)
    }

    /// What was known of this room was wrong.
    pub(super) fn forget_room(&self, room: &RoomName) {
        self.remembered.lock().remove(room);
    }

    /// Where a room is, for a node that cannot find out.
    pub(super) async fn owner_of(&self, room: &RoomName) -> Option<NodeAt> {
        let found = match self.look(room) {
            Some(found) => found,
            // Of two that stop each would ask the other.
            None if self.is_draining() => return None,
            None => match self.ask(room).await {
                Ok(Answer::At(found)) => found,
                Ok(Answer::NotYet | Answer::Never) | Err(_) => return None,
            },
        };
        Some(match found {
            Found::Here(_) => self.identity.at()?,
            Found::At(link) => NodeAt {
                node: link.peer.node.number(),
                epoch: link.peer.epoch,
                address: link.peer.address.clone(),
            },
        })
    }

    fn remember(&self, room: &RoomName, link: Arc<OutgoingLink>) -> Arc<OutgoingLink> {
        let mut remembered = self.remembered.lock();
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(room.clone(), link.peer.node);
        link
    }

    /// Takes over rooms of a node that is gone: false if there are none, or it may still live.
    async fn take_over(&self, node: (NodeId, i64), wanted: Option<&RoomName>, is_gone: bool) -> sqlx::Result<bool> {
        let _alone = self.asking.lock().await;
        if self.is_draining() {
            return Ok(false);
        }
        // Whoever loses its place waits for this one, and nobody enters the rooms before they are here.
        let Some(_taking) = self.claims.taking() else {
            return Ok(false);
        };
        let Some(taken) = self.nodes.take_over(node, wanted, is_gone).await? else {
            return Ok(false);
        };
        let TakenOver { names, rooms, alive_at } = taken;
        info!(from = %node.0, rooms = rooms.len(), "took over rooms of a node that is gone");
        self.counts.taken_over(rooms.len());
        self.hub.take_over(rooms, alive_at, self.nodes.grace());
        for name in names {
            self.claims.add(name);
        }
        // If it cannot be said now, it is said before whatever is asked next.
        self.nodes.settle().await?;
        Ok(true)
    }

    pub(super) fn sweep_forever(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let directory = self.clone();
        async move {
            // Once for as long as it fails.
            let mut is_told = false;
            loop {
                sleep(SWEEP).await;
                let swept = async {
                    directory.give_back().await?;
                    directory.take_over_abandoned().await
                };
                let swept = swept.await;
                let was_told = std::mem::replace(&mut is_told, swept.is_err());
                if let (Err(error), false, true) = (swept, was_told, directory.claims.taking().is_some()) {
                    warn!(%error, "the rooms of this node and of others could not be looked through");
                }
            }
        }
    }

    /// Gives back the rooms that nobody is left in.
    async fn give_back(&self) -> sqlx::Result<()> {
        let _alone = self.asking.lock().await;
        if self.is_draining() {
            return Ok(());
        }
        self.claims.begin_release(usize::MAX, |room| !self.hub.has_room(room));
        let rooms = self.claims.releasing();
        if rooms.is_empty() {
            return Ok(());
        }
        let still_ours = self.nodes.release(&rooms).await?;
        self.claims.end_release(&rooms, &still_ours);
        Ok(())
    }

    /// The rooms of nodes that are gone, also if nobody wants them: who was there is away, and their time runs out.
    async fn take_over_abandoned(&self) -> sqlx::Result<()> {
        for Abandoned { node, epoch, asked_at } in self.nodes.abandoned().await? {
            let mut is_gone = false;
            if let Some(address) = asked_at {
                match self.link_if_alive(&Peer { node, epoch, address }).await {
                    Err(NoLink::NobodyThere) => is_gone = true,
                    Err(NoLink::Vacant | NoLink::Other) if self.reach.is_settled() => {}
                    Ok(_) | Err(NoLink::Refused | NoLink::Vacant | NoLink::Other) => continue,
                }
            }
            while self.take_over((node, epoch), None, is_gone).await? {}
        }
        Ok(())
    }
}
