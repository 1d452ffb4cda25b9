//! A link to one node, by which it has some of our clients and is asked things.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::frame::Malformed;
use super::link::LinkSender;
use super::question::{FromEdge, FromOwner, Question, QuestionNumber, Reply};
use crate::journal::Peer;
use crate::signaling::remote::{ClientNumber, EdgeSocket, OwnerLink, ToOwner};

/// A link to one node.
pub(super) struct OutgoingLink {
    /// Who it was when the link was made.
    pub(super) peer: Peer,
    sender: LinkSender,
    /// `None` once the link has ended.
    legs: Mutex<Option<HashMap<ClientNumber, Arc<dyn EdgeSocket>>>>,
    questions: Mutex<Questions>,
}

/// What is not answered yet.
#[derive(Default)]
struct Questions {
    last: QuestionNumber,
    waiting: HashMap<QuestionNumber, oneshot::Sender<Reply>>,
}

impl OwnerLink for OutgoingLink {
    fn send(&self, client: ClientNumber, message: ToOwner) -> bool {
        self.sender.send(&FromEdge::Client(client, message))
    }

    fn attach(&self, client: ClientNumber, socket: Arc<dyn EdgeSocket>) -> bool {
        let mut legs = self.legs.lock();
        legs.as_mut().map(|legs| legs.insert(client, socket)).is_some()
    }

    fn detach(&self, client: ClientNumber) {
        if let Some(legs) = self.legs.lock().as_mut() {
            legs.remove(&client);
        }
    }
}

impl OutgoingLink {
    pub(super) fn new(sender: LinkSender, peer: Peer) -> Self {
        Self {
            peer,
            sender,
            legs: Mutex::new(Some(HashMap::new())),
            questions: Mutex::default(),
        }
    }

    /// Does what the other says.
    pub(super) fn take(&self, message: FromOwner) -> Result<(), Malformed> {
        match message {
            FromOwner::Client(client, message) => {
                // What is said to a client may cross the word that it is gone.
                let leg = self.legs.lock().as_ref().and_then(|legs| legs.get(&client).cloned());
                match leg {
                    Some(leg) if !leg.take(message) => return Err(Malformed),
                    _ => {}
                }
            }
            FromOwner::Reply(number, reply) => {
                let asked = self.questions.lock().waiting.remove(&number);
                if let Some(asked) = asked {
                    // Whoever asked may not wait any more.
                    let _ = asked.send(reply);
                }
            }
        }
        Ok(())
    }

    /// What it answers; `None` if the link ends before.
    pub(super) async fn ask(&self, question: Question) -> Option<Reply> {
        let (asked, reply) = oneshot::channel();
        let number = {
            let mut questions = self.questions.lock();
            questions.waiting.retain(|_, asked| !asked.is_closed());
            questions.last = questions.last.wrapping_add(1);
            let number = questions.last;
            questions.waiting.insert(number, asked);
            number
        };
        if !self.sender.send(&FromEdge::Ask(number, question)) || self.has_ended() {
            return None;
        }
        reply.await.ok()
    }

    /// The other has its readers look for new entries. Without an answer.
    pub(super) fn tell_of_entries(&self) {
        self.sender.send(&FromEdge::Wrote);
    }

    /// The clients of this node that have to do with that one.
    pub(super) fn clients(&self) -> Vec<Arc<dyn EdgeSocket>> {
        let legs = self.legs.lock();
        legs.iter().flat_map(HashMap::values).cloned().collect()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.legs.lock().is_none()
    }

    /// Nobody comes back by it any more. How many clients that were.
    pub(super) fn end(&self) -> usize {
        self.sender.end();
        let legs = self.legs.lock().take().unwrap_or_default();
        self.questions.lock().waiting.clear();
        legs.values().for_each(|leg| leg.link_ended());
        legs.len()
    }
}
