//! The owner's end of links: other nodes' clients in rooms of this one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async_with_config;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::answers::Answers;
use super::counts::{Counts, Direction};
use super::frame::{self, Malformed};
use super::handshake::{Identity, Refused, Socket};
use super::link::{self, LinkSender};
use super::question::{FromEdge, FromOwner, Question, QuestionNumber};
use super::secure;
use crate::journal::NodeId;
use crate::limit::Seldom;
use crate::signaling::remote::{ClientNumber, EdgeLink, ToEdge, ToOwner};
use crate::signaling::{Hub, RemoteClient};

/// How many connections may be about to say who they are.
const STRANGERS: usize = 64;
/// How long one may take to begin.
const UPGRADE_WITHIN: Duration = Duration::from_secs(3);
/// Whoever reaches the port can cause these lines.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// How many questions of one node may wait for their answers. More get none.
const QUESTIONS: usize = 256;

/// Takes in links.
#[derive(Clone)]
pub(super) struct Acceptor {
    hub: Arc<Hub>,
    identity: Arc<Identity>,
    answers: Arc<Answers>,
    counts: Arc<Counts>,
    tls: TlsAcceptor,
    strangers: Arc<Semaphore>,
    told: Arc<Seldom>,
    stopping: CancellationToken,
}

struct WayBack(LinkSender);

impl EdgeLink for WayBack {
    fn send(&self, client: ClientNumber, message: ToEdge) -> bool {
        self.0.send(&FromOwner::Client(client, message))
    }
}

impl Acceptor {
    pub(super) fn new(
        hub: &Arc<Hub>,
        identity: Arc<Identity>,
        answers: Arc<Answers>,
        counts: Arc<Counts>,
        tls: TlsAcceptor,
        stopping: &CancellationToken,
    ) -> Self {
        Self {
            hub: hub.clone(),
            identity,
            answers,
            counts,
            tls,
            strangers: Arc::new(Semaphore::new(STRANGERS)),
            told: Arc::new(Seldom::new(TOLD_EVERY)),
            stopping: stopping.clone(),
        }
    }

    pub(super) async fn run(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, from)) => {
                    let from = from.ip();
                    let Ok(place) = self.strangers.clone().try_acquire_owned() else {
                        self.tell_refused(from, &Refused::Crowded);
                        continue;
                    };
                    let acceptor = self.clone();
                    tokio::spawn(async move {
                        // Of the place that it is made with.
                        let lost = acceptor.identity.lost();
                        let introduced = acceptor.introduced(stream, from).await;
                        drop(place);
                        // Without a place it has only said so.
                        if let Some((socket, node)) = introduced.filter(|_| !lost.is_cancelled()) {
                            acceptor.serve(socket, node, from, lost).await;
                        }
                    });
                }
                // Too many files are open, mostly: that passes.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn introduced(&self, stream: TcpStream, from: IpAddr) -> Option<(Socket, NodeId)> {
        link::tune(&stream).ok()?;
        let received = self.receive(stream).await;
        received.inspect_err(|why| self.tell_refused(from, why)).ok()
    }

    async fn receive(&self, stream: TcpStream) -> Result<(Socket, NodeId), Refused> {
        let upgrade = async {
            let accepted = self.tls.accept(stream).await;
            let stream = accepted.map_err(|error| {
                if secure::is_cut(&error) {
                    Refused::Gone
                } else {
                    Refused::Stranger
                }
            })?;
            let upgraded = accept_async_with_config(stream.into(), Some(link::limits())).await;
            upgraded.map_err(|_| Refused::Stranger)
        };
        let mut socket = timeout(UPGRADE_WITHIN, upgrade).await.map_err(|_| Refused::TooLate)??;
        let received = self.identity.receive(&mut socket).await;
        if received.is_err() {
            // So that it knows that it is not the way between the two that failed.
            let _ = timeout(UPGRADE_WITHIN, socket.close(None)).await;
        }
        Ok((socket, received?))
    }

    fn tell_refused(&self, from: IpAddr, why: &Refused) {
        if matches!(why, Refused::Gone) {
            return;
        }
        self.told
            .then(|| warn!(%from, "a link of another node is refused: {why}"));
    }

    async fn serve(self, socket: Socket, node: NodeId, from: IpAddr, lost: CancellationToken) {
        info!(%node, "another node is linked to this one");
        let (sender, queue) = link::channel(self.hub.memory(), from);
        let asking = Asking {
            answers: self.answers.clone(),
            sender: sender.clone(),
            places: Arc::new(Semaphore::new(QUESTIONS)),
        };
        let way_back: Arc<dyn EdgeLink> = Arc::new(WayBack(sender));
        let mut clients = HashMap::new();
        let take = |frame: &[u8]| match frame::decode(frame)? {
            FromEdge::Client(number, message) => self.take(number, message, &way_back, &mut clients),
            FromEdge::Ask(number, question) => {
                asking.ask(number, question);
                Ok(())
            }
            FromEdge::Wrote => {
                self.answers.journal.others_wrote();
                Ok(())
            }
        };
        let carried = link::run(socket, queue, &self.counts, take);
        let carried = lost.run_until_cancelled(carried);
        self.counts.link_made(Direction::In);
        // Once the server stops, its clients go elsewhere, and what becomes of them the next node says.
        let Some(carried) = self.stopping.run_until_cancelled(carried).await else {
            return;
        };
        self.counts.link_ended(Direction::In);
        let why = carried.unwrap_or_else(|| "this node has lost its place".to_owned());
        info!(%node, clients = clients.len(), "the link of another node has ended: {why}");
        for client in clients.values() {
            client.link_ended();
        }
    }

    fn take(
        &self,
        number: ClientNumber,
        message: ToOwner,
        way_back: &Arc<dyn EdgeLink>,
        clients: &mut HashMap<ClientNumber, RemoteClient>,
    ) -> Result<(), Malformed> {
        if matches!(message, ToOwner::Open { .. }) {
            let client = RemoteClient::open(&self.hub, way_back.clone(), number, message).map_err(|_| Malformed)?;
            return match clients.insert(number, client) {
                None => Ok(()),
                Some(_) => Err(Malformed),
            };
        }
        // What a client has sent may cross the word that it is gone.
        let Some(client) = clients.get(&number) else {
            return Ok(());
        };
        if !client.take(message).map_err(|_| Malformed)? {
            clients.remove(&number);
        }
        Ok(())
    }
}

/// What the other node wants to know.
struct Asking {
    answers: Arc<Answers>,
    sender: LinkSender,
    places: Arc<Semaphore>,
}

impl Asking {
    fn ask(&self, number: QuestionNumber, question: Question) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return;
        };
        let (answers, sender) = (self.answers.clone(), self.sender.clone());
        tokio::spawn(async move {
            let reply = answers.answer(question).await;
            sender.send(&FromOwner::Reply(number, reply));
            drop(place);
        });
    }
}
