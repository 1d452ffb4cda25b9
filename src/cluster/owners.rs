//! The edge's end of links: our own clients in rooms of other nodes, and what these are asked.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tracing::{info, warn};

use super::counts::{Counts, Direction};
use super::frame;
use super::handshake::{Identity, Refused, Socket};
use super::link::{self, LinkQueue};
use super::outgoing::OutgoingLink;
use super::question::{NodeAt, Question, Reply};
use super::secure;
use crate::held::MemoryBudget;
use crate::journal::{NodeId, Peer};
use crate::limit::SeldomEach;
use crate::signaling::remote::EdgeSocket;

const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How long a node may take to hear of this one.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The links to other nodes, each made when it is first wanted.
pub(super) struct Owners {
    identity: Arc<Identity>,
    counts: Arc<Counts>,
    memory: MemoryBudget,
    links: Mutex<HashMap<NodeId, Arc<OutgoingLink>>>,
    /// One at a time is made to each node.
    dialing: Mutex<HashMap<NodeId, Arc<tokio::sync::Mutex<()>>>>,
    /// The nodes that lived when the database was last asked.
    peers: Mutex<Vec<Peer>>,
    told: SeldomEach<NodeId>,
}

/// Why a node has no link, or does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLink {
    /// Its machine says that nobody listens there.
    NobodyThere,
    /// It is there, and the two do not know each other.
    Refused,
    /// It is there, and has lost its place.
    Vacant,
    /// Anything else.
    Other,
}

impl Owners {
    pub(super) fn new(identity: Arc<Identity>, counts: Arc<Counts>, memory: MemoryBudget) -> Self {
        Self {
            identity,
            counts,
            memory,
            links: Mutex::default(),
            dialing: Mutex::default(),
            peers: Mutex::default(),
            told: SeldomEach::new(TOLD_EVERY),
        }
    }

    /// These live, as the database says. Those of them that have no link are given one: they may not know this node, and hear of
    /// what it writes.
    pub(super) fn set_peers(self: &Arc<Self>, peers: Vec<Peer>) {
        self.peers.lock().clone_from(&peers);
        for peer in peers.into_iter().filter(|peer| self.linked(peer.node).is_none()) {
            let owners = self.clone();
            tokio::spawn(async move {
                if let Some(at) = owners.identity.at() {
                    // It finds this one by itself, a moment later.
                    let _ = owners.ask(&peer, Question::Here(at), TOLD_WITHIN).await;
                }
            });
        }
    }

    /// One that has just begun.
    pub(super) fn add_peer(&self, at: NodeAt) {
        let NodeAt { node, epoch, address } = at;
        let Some(node) = NodeId::new(node).filter(|node| *node != self.identity.node) else {
            return;
        };
        let mut peers = self.peers.lock();
        peers.retain(|peer| peer.node != node);
        peers.push(Peer { node, epoch, address });
    }

    pub(super) fn peers(&self) -> Vec<Peer> {
        self.peers.lock().clone()
    }

    /// The clients of this node that have to do with others.
    pub(super) fn clients(&self) -> Vec<Arc<dyn EdgeSocket>> {
        let links: Vec<_> = self.links.lock().values().cloned().collect();
        links.iter().flat_map(|link| link.clients()).collect()
    }

    /// All that are linked hear that this node has written entries.
    pub(super) fn tell_of_entries(&self) {
        let links = self.links.lock();
        let links = links.values().filter(|link| !link.has_ended());
        links.for_each(|link| link.tell_of_entries());
    }

    /// The link to a node, if there is one.
    pub(super) fn linked(&self, node: NodeId) -> Option<Arc<OutgoingLink>> {
        let links = self.links.lock();
        links.get(&node).filter(|link| !link.has_ended()).cloned()
    }

    /// The link to a node in this epoch, which is made if there is none.
    pub(super) async fn link(&self, to: &Peer) -> Result<Arc<OutgoingLink>, NoLink> {
        let dialing = self.dialing.lock().entry(to.node).or_default().clone();
        let _alone = dialing.lock().await;
        if let Some(link) = self.linked(to.node) {
            if link.peer.epoch == to.epoch {
                return Ok(link);
            }
            if link.peer.epoch > to.epoch {
                return Err(NoLink::Other);
            }
            // Of an earlier run, and about to find out.
            link.end();
        }
        let (socket, at) = match self.dial(to).await {
            Ok(dialed) => dialed,
            Err((why, told)) => {
                self.told.then(
                    to.node,
                    || warn!(node = %to.node, address = to.address, "another node cannot be reached: {told}"),
                );
                return Err(why);
            }
        };
        let (sender, queue) = link::channel(&self.memory, at);
        let link = Arc::new(OutgoingLink::new(sender, to.clone()));
        self.links.lock().insert(to.node, link.clone());
        tokio::spawn(carry(socket, queue, link.clone(), self.counts.clone()));
        Ok(link)
    }

    /// What a node answers in that time, if it is in that epoch.
    pub(super) async fn ask(&self, node: &Peer, question: Question, within: Duration) -> Result<Reply, NoLink> {
        let answered = timeout(within, async {
            let link = self.link(node).await?;
            link.ask(question).await.ok_or(NoLink::Other)
        });
        answered.await.unwrap_or(Err(NoLink::Other))
    }

    async fn dial(&self, to: &Peer) -> Result<(Socket, IpAddr), (NoLink, String)> {
        let failed = |why: &dyn ToString| (NoLink::Other, why.to_string());
        let connecting = timeout(CONNECT_WITHIN, TcpStream::connect(&to.address)).await;
        let stream = connecting
            .map_err(|_| failed(&"it does not answer"))?
            .map_err(|error| {
                let is_refused = error.kind() == io::ErrorKind::ConnectionRefused;
                let why = if is_refused { NoLink::NobodyThere } else { NoLink::Other };
                (why, error.to_string())
            })?;
        link::tune(&stream).map_err(|error| failed(&error))?;
        let at = stream.peer_addr().map_err(|error| failed(&error))?;
        let upgrade = async {
            let stream = secure::connect(stream).await.map_err(|error| failed(&error))?;
            let upgrade = client_async_with_config("ws://node/", stream, Some(link::limits()));
            upgrade.await.map_err(|error| failed(&secure::broken(&error)))
        };
        let upgraded = timeout(CONNECT_WITHIN, upgrade).await;
        let (mut socket, _) = upgraded.map_err(|_| failed(&"it does not answer"))??;
        let introduced = self.identity.introduce(&mut socket, to.node, to.epoch).await;
        introduced.map_err(|error| {
            let why = match error {
                Refused::Protocol(_) | Refused::Secret | Refused::Same => NoLink::Refused,
                Refused::Vacant => NoLink::Vacant,
                Refused::Other { .. }
                | Refused::Gone
                | Refused::Stranger
                | Refused::Crowded
                | Refused::Malformed(_)
                | Refused::Broken(_)
                | Refused::TooLate => NoLink::Other,
            };
            (why, error.to_string())
        })?;
        Ok((socket, at.ip()))
    }
}

async fn carry(socket: Socket, queue: LinkQueue, link: Arc<OutgoingLink>, counts: Arc<Counts>) {
    let node = link.peer.node;
    info!(%node, "linked with another node");
    let taking = link.clone();
    let take = move |frame: &[u8]| taking.take(frame::decode(frame)?);
    counts.link_made(Direction::Out);
    let why = link::run(socket, queue, &counts, take).await;
    counts.link_ended(Direction::Out);
    let clients = link.end();
    info!(%node, clients, "the link with another node has ended: {why}");
}
