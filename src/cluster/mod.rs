//! Several servers of one history: which node owns which room, and the links by which they carry each other's clients.
//!
//! [`directory`] claims rooms and takes over those of nodes that are gone, [`tenure`] keeps this node's place among the others,
//! [`accept`] takes in the clients of other nodes, [`owners`] hands our own clients to the nodes that have their rooms, and
//! [`drain`] hands our rooms over when we stop.

mod accept;
mod answers;
mod claims;
mod counts;
mod directory;
mod drain;
mod frame;
mod handshake;
mod hints;
mod lease;
mod link;
mod outgoing;
mod owners;
#[cfg(test)]
mod protocol;
mod question;
mod reach;
mod rooms;
mod secure;
mod sign_outs;
mod tenure;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::accept::Acceptor;
use self::answers::Answers;
use self::counts::Counts;
use self::directory::ClusterDirectory;
use self::handshake::Identity;
pub(crate) use self::lease::COMMITTED_WITHIN;
use self::lease::Keeper;
use self::owners::Owners;
use self::reach::Reach;
pub(crate) use self::rooms::ClusterRooms;
use self::tenure::Tenure;
use crate::journal::{Journal, Nodes, SignedOut};
use crate::model::id::RoomName;
use crate::model::secret::SharedSecret;
use crate::net::Listeners;
use crate::signaling::{Clock, Hub};

/// What a node of several is made of.
pub(crate) struct Parts {
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) journal: Journal,
    pub(crate) nodes: Nodes,
    pub(crate) secret: SharedSecret,
    pub(crate) listeners: Listeners,
    /// How the others reach it.
    pub(crate) address: String,
    /// The rooms that the start has found to be its own.
    pub(crate) rooms: Vec<RoomName>,
    /// The review's cookies that are good for nothing.
    pub(crate) signed_out: SignedOut,
}

/// Makes the hub one of several nodes, until `stopping`. Gives the rooms of all of them.
///
/// # Errors
/// If links cannot be encrypted.
pub(crate) fn start(parts: Parts, stopping: &CancellationToken) -> anyhow::Result<ClusterRooms> {
    let Parts {
        hub,
        clock,
        journal,
        nodes,
        secret,
        listeners,
        address,
        rooms,
        signed_out,
    } = parts;
    let tls = secure::acceptor()?;
    let nodes = Arc::new(nodes);
    let epoch = nodes.epoch().unwrap_or_default();
    let identity = Arc::new(Identity::new(nodes.node(), epoch, address, secret));
    let counts = Arc::new(Counts::default());
    let (owners, reach) = (
        Arc::new(Owners::new(identity.clone(), counts.clone(), hub.memory().clone())),
        Arc::new(Reach::new()),
    );
    let directory = ClusterDirectory::new(
        &hub,
        nodes.clone(),
        identity.clone(),
        owners.clone(),
        reach.clone(),
        counts.clone(),
        rooms,
    );
    hub.join_cluster(directory.clone());
    let answers = Arc::new(Answers {
        hub: hub.clone(),
        journal: journal.clone(),
        nodes: nodes.clone(),
        directory: directory.clone(),
        owners: owners.clone(),
        reach: reach.clone(),
        counts: counts.clone(),
    });
    let all = ClusterRooms {
        answers: answers.clone(),
    };
    let following = sign_outs::follow(nodes.clone(), signed_out);
    tokio::spawn(stopping.clone().run_until_cancelled_owned(following));
    let hinting = hints::tell(journal.committed(), owners.clone());
    tokio::spawn(stopping.clone().run_until_cancelled_owned(hinting));
    for listener in listeners.into_sockets() {
        let acceptor = Acceptor::new(
            &hub,
            identity.clone(),
            answers.clone(),
            counts.clone(),
            tls.clone(),
            stopping,
        );
        tokio::spawn(stopping.clone().run_until_cancelled_owned(acceptor.run(listener)));
    }
    tokio::spawn(stopping.clone().run_until_cancelled_owned(directory.sweep_forever()));
    let tenure = Tenure {
        keeper: Keeper {
            nodes,
            journal,
            owners,
            reach,
        },
        hub,
        clock,
        directory,
        identity,
    };
    tokio::spawn(stopping.clone().run_until_cancelled_owned(tenure.hold()));
    Ok(all)
}
