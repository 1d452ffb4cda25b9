//! How two nodes know each other: each proves that it has the shared secret, which itself is never sent, for this link alone.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::frame;
use super::question::NodeAt;
use super::secure::{SecureStream, binding, broken};
use crate::journal::NodeId;
use crate::model::secret::SharedSecret;

/// What is spoken on links. Nodes that speak another do not understand each other.
pub(super) const PROTOCOL: u32 = 1;
/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(3);

pub(super) type Socket = WebSocketStream<SecureStream>;

/// The epoch of a node that has no place for now: nobody looks for it.
const NO_EPOCH: i64 = 0;

/// Who this node is.
pub(super) struct Identity {
    pub(super) node: NodeId,
    /// How the others reach it.
    pub(super) address: String,
    secret: SharedSecret,
    place: Mutex<CurrentPlace>,
}

/// Its place among the others.
struct CurrentPlace {
    epoch: i64,
    /// Cancelled once it has lost that place.
    lost: CancellationToken,
}

/// Why a link is not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The other node is of a version that speaks something else.
    #[error("it is of another version of chatroom-server, that speaks protocol {0} and not {PROTOCOL}")]
    Protocol(u32),
    /// It has not shown that it knows the secret.
    #[error("its CLUSTER_SECRET is another")]
    Secret,
    /// It is who was looked for, and has lost its place.
    #[error("it has no place in the history for now")]
    Vacant,
    /// It is not whom the history names there.
    #[error("it is node {node} in epoch {epoch}, which is not who was looked for")]
    Other {
        /// Which node it says it is.
        node: u16,
        /// In which epoch.
        epoch: i64,
    },
    /// It has this node's own number.
    #[error("it has the same NODE_ID")]
    Same,
    /// It has hung up before it said anything, as a node does that has waited for too long.
    #[error("it has hung up")]
    Gone,
    /// What it speaks is not even TLS, or no WebSocket within.
    #[error("it does not speak as a node does")]
    Stranger,
    /// Too many others have not said yet who they are.
    #[error("too many connections are there that have not said who they are")]
    Crowded,
    /// It sends what no node does.
    #[error(transparent)]
    Malformed(#[from] frame::Malformed),
    /// The link broke meanwhile.
    #[error("{}", broken(.0))]
    Broken(#[from] Error),
    /// It did not come to an end.
    #[error("it did not say who it is in time")]
    TooLate,
}

/// What each says first.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Hello {
    protocol: u32,
    node: u16,
    epoch: i64,
    /// Something that nobody has said before.
    nonce: [u8; 32],
}

/// What both have said, and over which connection: what the proofs are of.
struct Said {
    edge: Hello,
    owner: Hello,
    over: [u8; 32],
}

impl Said {
    fn over(socket: &Socket, edge: Hello, owner: Hello) -> Result<Self, Refused> {
        let over = binding(socket.get_ref()).ok_or(Refused::Malformed(frame::Malformed))?;
        Ok(Self { edge, owner, over })
    }
}

/// Which side proves something: the one side's proof is none of the other.
#[derive(Debug, Clone, Copy)]
enum Side {
    Edge,
    Owner,
}

impl Identity {
    pub(super) fn new(node: NodeId, epoch: i64, address: String, secret: SharedSecret) -> Self {
        let lost = CancellationToken::new();
        Self {
            node,
            address,
            secret,
            place: Mutex::new(CurrentPlace { epoch, lost }),
        }
    }

    /// In which epoch it is, if it has a place.
    pub(super) fn epoch(&self) -> Option<i64> {
        Some(self.place.lock().epoch).filter(|epoch| *epoch != NO_EPOCH)
    }

    /// Where it is, if it has a place.
    pub(super) fn at(&self) -> Option<NodeAt> {
        Some(NodeAt {
            node: self.node.number(),
            epoch: self.epoch()?,
            address: self.address.clone(),
        })
    }

    /// Cancelled once the place is lost that it has now.
    pub(super) fn lost(&self) -> CancellationToken {
        self.place.lock().lost.clone()
    }

    /// It has no place any more: whoever is linked to it is not from now on.
    pub(super) fn lose(&self) {
        let mut place = self.place.lock();
        place.epoch = NO_EPOCH;
        place.lost.cancel();
    }

    /// It has a place again.
    pub(super) fn regain(&self, epoch: i64) {
        let lost = CancellationToken::new();
        *self.place.lock() = CurrentPlace { epoch, lost };
    }

    fn hello(&self) -> Result<Hello, Refused> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|_| Refused::Malformed(frame::Malformed))?;
        Ok(Hello {
            protocol: PROTOCOL,
            node: self.node.number(),
            epoch: self.place.lock().epoch,
            nonce,
        })
    }

    fn mac(&self, side: Side, Said { edge, owner, over }: &Said) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).ok()?;
        mac.update(match side {
            Side::Edge => b"edge of a link",
            Side::Owner => b"owner on a link",
        });
        for hello in [edge, owner] {
            mac.update(&hello.protocol.to_be_bytes());
            mac.update(&hello.node.to_be_bytes());
            mac.update(&hello.epoch.to_be_bytes());
            mac.update(&hello.nonce);
        }
        mac.update(over);
        Some(mac)
    }

    fn proof(&self, side: Side, said: &Said) -> Vec<u8> {
        let mac = self.mac(side, said);
        mac.map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
    }

    fn check(&self, side: Side, said: &Said, proof: &[u8]) -> Result<(), Refused> {
        let mac = self.mac(side, said).ok_or(Refused::Secret)?;
        mac.verify_slice(proof).map_err(|_| Refused::Secret)
    }

    /// The owner's part: who it is that wants to hand over its clients.
    pub(super) async fn receive(&self, socket: &mut Socket) -> Result<NodeId, Refused> {
        in_time(async {
            let owner = self.hello()?;
            say(socket, &owner).await?;
            let edge: Hello = hear(socket).await?;
            same_protocol(&edge)?;
            let proof: Vec<u8> = hear(socket).await?;
            let said = Said::over(socket, edge, owner)?;
            self.check(Side::Edge, &said, &proof)?;
            let node = NodeId::new(edge.node)
                .filter(|node| *node != self.node)
                .ok_or(Refused::Same)?;
            say(socket, &self.proof(Side::Owner, &said)).await?;
            Ok(node)
        })
        .await
    }

    /// The edge's part, towards this node in this epoch.
    pub(super) async fn introduce(&self, socket: &mut Socket, to: NodeId, epoch: i64) -> Result<(), Refused> {
        in_time(async {
            let edge = self.hello()?;
            let owner: Hello = hear(socket).await?;
            same_protocol(&owner)?;
            say(socket, &edge).await?;
            let said = Said::over(socket, edge, owner)?;
            say(socket, &self.proof(Side::Edge, &said)).await?;
            let proof: Vec<u8> = hear(socket).await?;
            self.check(Side::Owner, &said, &proof)?;
            let (node, there) = (owner.node, owner.epoch);
            match (node == to.number(), there) {
                (true, there) if there == epoch => Ok(()),
                (true, NO_EPOCH) => Err(Refused::Vacant),
                _ => Err(Refused::Other { node, epoch: there }),
            }
        })
        .await
    }
}

fn same_protocol(hello: &Hello) -> Result<(), Refused> {
    if hello.protocol == PROTOCOL {
        Ok(())
    } else {
        Err(Refused::Protocol(hello.protocol))
    }
}

async fn in_time<T>(steps: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    timeout(WITHIN, steps).await.map_err(|_| Refused::TooLate)?
}

async fn say(socket: &mut Socket, part: &impl Serialize) -> Result<(), Refused> {
    let part = postcard::to_allocvec(part).map_err(|_| frame::Malformed)?;
    Ok(socket.send(Message::binary(part)).await?)
}

async fn hear<T: DeserializeOwned>(socket: &mut Socket) -> Result<T, Refused> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(part))) => return Ok(frame::decode(&part)?),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            // Whoever has heard that our proof is none hangs up.
            Some(Ok(Message::Close(_))) | None => return Err(Refused::Secret),
            Some(Ok(Message::Text(_) | Message::Frame(_))) => return Err(frame::Malformed.into()),
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

/// The two ends of a connection: the edge's, and the owner's.
#[cfg(test)]
pub(super) async fn sockets() -> (Socket, Socket) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let edge = async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let stream = super::secure::connect(stream).await.unwrap();
        tokio_tungstenite::client_async("ws://node/", stream).await.unwrap().0
    };
    let owner = async {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = super::secure::acceptor().unwrap().accept(stream).await.unwrap();
        tokio_tungstenite::accept_async(stream.into()).await.unwrap()
    };
    tokio::join!(edge, owner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SECRET: &str = "a-secret-that-every-node-knows-and-nobody-else";

    fn identity(number: u16, secret: &str) -> Arc<Identity> {
        let node = NodeId::new(number).unwrap();
        let secret = SharedSecret::parse(secret).unwrap();
        Arc::new(Identity::new(node, 7, "node:4000".to_owned(), secret))
    }

    /// What both ends say of each other, where node 1 in epoch 7 is looked for.
    async fn meet(edge: &Identity, owner: &Identity) -> (Result<(), Refused>, Result<NodeId, Refused>) {
        let (mut of_edge, mut of_owner) = sockets().await;
        let edge = edge.introduce(&mut of_edge, NodeId::FIRST, 7);
        let owner = async {
            let met = owner.receive(&mut of_owner).await;
            if met.is_err() {
                of_owner.close(None).await.unwrap();
            }
            met
        };
        tokio::join!(edge, owner)
    }

    #[tokio::test]
    async fn only_who_knows_the_secret_and_is_who_was_looked_for_is_linked() {
        let owner = identity(1, SECRET);
        let (edge, met) = meet(&identity(2, SECRET), &owner).await;
        edge.unwrap();
        assert_eq!(met.unwrap().number(), 2);
        let (edge, met) = meet(&identity(2, &SECRET.to_uppercase()), &owner).await;
        assert!(matches!(edge, Err(Refused::Secret)) && matches!(met, Err(Refused::Secret)));
        let (edge, met) = meet(&identity(1, SECRET), &owner).await;
        assert!(matches!(met, Err(Refused::Same)) && edge.is_err());
        let (edge, _) = meet(&identity(2, SECRET), &identity(3, SECRET)).await;
        assert!(matches!(edge, Err(Refused::Other { node: 3, epoch: 7 })), "{edge:?}");
    }

    #[tokio::test]
    async fn a_proof_is_good_for_one_link() {
        let owner = identity(1, SECRET);
        let edge = identity(2, SECRET);
        let (mut of_edge, mut of_owner) = sockets().await;
        let mut heard = None;
        let listening = async {
            let theirs: Hello = hear(&mut of_edge).await.unwrap();
            let own = edge.hello().unwrap();
            say(&mut of_edge, &own).await.unwrap();
            let said = Said::over(&of_edge, own, theirs).unwrap();
            let proof = edge.proof(Side::Edge, &said);
            say(&mut of_edge, &proof).await.unwrap();
            heard = Some((own, proof));
        };
        let (_, met) = tokio::join!(listening, owner.receive(&mut of_owner));
        met.unwrap();
        let (own, proof) = heard.unwrap();
        let (mut of_other, mut of_owner) = sockets().await;
        let again = async {
            let _: Hello = hear(&mut of_other).await.unwrap();
            say(&mut of_other, &own).await.unwrap();
            say(&mut of_other, &proof).await.unwrap();
        };
        let ((), met) = tokio::join!(again, owner.receive(&mut of_owner));
        assert!(matches!(met, Err(Refused::Secret)));
        // Nor is what an owner proves an edge's proof.
        let other = owner.hello().unwrap();
        let said = Said::over(&of_other, own, other).unwrap();
        assert!(
            owner
                .check(Side::Edge, &said, &owner.proof(Side::Owner, &said))
                .is_err()
        );
        assert!(
            owner
                .check(Side::Owner, &said, &owner.proof(Side::Owner, &said))
                .is_ok()
        );
    }

    #[tokio::test]
    async fn nobody_can_stand_between_two_nodes() {
        let (owner, edge) = (identity(1, SECRET), identity(2, SECRET));
        let (mut of_edge, mut before) = sockets().await;
        let (mut behind, mut of_owner) = sockets().await;
        // Passes on what both say, and reads along.
        let between = async {
            let pass = async |from: &mut Socket, to: &mut Socket| {
                if let Some(Ok(message)) = from.next().await {
                    let _ = to.send(message).await;
                }
            };
            pass(&mut behind, &mut before).await;
            pass(&mut before, &mut behind).await;
            pass(&mut before, &mut behind).await;
            pass(&mut behind, &mut before).await;
        };
        let met = async {
            let met = owner.receive(&mut of_owner).await;
            of_owner.close(None).await.unwrap();
            met
        };
        let ((), met, introduced) = tokio::join!(between, met, edge.introduce(&mut of_edge, NodeId::FIRST, 7));
        assert!(matches!(met, Err(Refused::Secret)) && introduced.is_err());
    }

    #[tokio::test]
    async fn another_version_is_refused_by_name() {
        let (mut of_edge, mut of_owner) = sockets().await;
        let later = Hello {
            protocol: PROTOCOL + 1,
            ..identity(2, SECRET).hello().unwrap()
        };
        let owner = identity(1, SECRET);
        let says = async { say(&mut of_edge, &later).await.unwrap() };
        let ((), met) = tokio::join!(says, owner.receive(&mut of_owner));
        assert!(matches!(met, Err(Refused::Protocol(2))));
    }
}
