//! Where a message goes when its turn has come: to its receiver's socket, into its mailbox, or nowhere.

use std::collections::VecDeque;

use super::input::Input;
use super::mailbox::Kept;
use super::output::{Message, Origin, Outputs};
use super::record::{Change, Record};
use super::refusal::{Reason, Refusal, Refused};
use super::room::Room;
use crate::model::id::{MemberId, SocketKey};
use crate::model::time::Now;

/// What becomes of a message whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It goes out on this socket.
    Emit(SocketKey, Message),
    /// It waits in the mailbox.
    Kept,
    /// It waits in the mailbox, and this must be recorded so that it outlasts a restart.
    LeavePending(Record),
    /// It did not fit: something is lost, and this must be recorded.
    Lost {
        /// The receiver has lost everything.
        overflowed: Option<Record>,
        /// Whose messages were too many.
        refused: Option<Refused>,
    },
    /// There is nobody (left) to tell.
    Dropped,
}

impl Room {
    /// Decides where a message goes whose turn has come.
    pub fn deliver(&mut self, to: MemberId, socket: Option<SocketKey>, message: Message, now: Now) -> Delivery {
        let Some(index) = self.index_of(to) else {
            return Delivery::Dropped;
        };
        let member = &mut self.members[index];
        if message.is_offer_request() && member.socket() != socket {
            return Delivery::Dropped;
        }
        let socket = member.delivers_to;
        self.links.note_sent(to, &message, socket);
        if let Some(socket) = socket {
            return Delivery::Emit(socket, message);
        }
        if member.mailbox.has_overflowed() {
            return Delivery::Dropped;
        }
        // Between a resume and the opening of its mailbox nothing may be lost: that moment is short.
        let away = !member.is_present();
        let owed = message.as_pending_leave().filter(|_| away);
        let origin = message.origin();
        match (member.mailbox.push(message, away), owed) {
            // It may have been said while the member was still there, or before a resume that came to nothing.
            (Kept::Waits, Some(leave)) => {
                Delivery::LeavePending(self.record_of(now.at, Change::LeaveOwed { member: to, leave }))
            }
            (Kept::Waits, None) => Delivery::Kept,
            (Kept::Dropped, _) => Delivery::Dropped,
            (Kept::Exceeded, _) => Delivery::Lost {
                overflowed: None,
                refused: origin.map(|origin| self.refused_of(origin, Reason::TooMuchForAway)),
            },
            (Kept::Overflowed, _) => Delivery::Lost {
                overflowed: Some(self.record_of(now.at, Change::Overflowed { member: to })),
                refused: origin.map(|origin| self.refused_of(origin, Reason::AwayIsFull)),
            },
        }
    }

    /// The socket that an input takes from a member who may come back.
    pub fn loses(&self, input: &Input) -> Option<SocketKey> {
        match input {
            Input::Disconnect { socket, .. } => self.index_on(*socket).map(|_| *socket),
            Input::Resume(resume) => {
                let mut members = self.members.iter();
                let member = members.find(|member| member.key == resume.key)?;
                member.socket().filter(|socket| *socket != resume.socket)
            }
            Input::Join(_)
            | Input::Leave { .. }
            | Input::Move { .. }
            | Input::Relay { .. }
            | Input::Act(_)
            | Input::Tick => None,
        }
    }

    /// Takes back what was sent to the socket that the next input takes from its member, and may not have arrived: it
    /// waits for the member's next socket, before everything else.
    pub fn take_back(&mut self, undelivered: Vec<Message>) {
        self.undelivered = undelivered;
    }

    /// Puts what was taken back into the mailbox of the member that has lost its socket.
    pub(super) fn deliver_anew(&mut self, index: usize, now: Now, out: &mut Outputs) {
        let member = self.members[index].id;
        // A request is for the socket it was made to: a resume asks anew.
        let messages = std::mem::take(&mut self.undelivered).into_iter();
        for message in messages.filter(|message| !message.is_offer_request()) {
            match self.deliver(member, None, message, now) {
                Delivery::LeavePending(record) => out.records.push(record),
                Delivery::Lost { overflowed, refused } => {
                    out.records.extend(overflowed);
                    out.refused.extend(refused);
                }
                Delivery::Kept | Delivery::Dropped | Delivery::Emit(..) => {}
            }
        }
    }

    /// About how much memory holds what waits of this sender, in all mailboxes, in bytes.
    pub fn memory_of(&self, sender: MemberId) -> usize {
        self.members.iter().map(|member| member.mailbox.memory_of(sender)).sum()
    }

    /// There is no memory for what waits of this sender: mailboxes keep nothing of it, as if its shares were used up.
    /// `origin` is the sender, and what it sent last. Returns what must be recorded.
    pub fn end_shares(&mut self, origin: Origin) -> Refused {
        let (sender, _) = origin;
        let holding = self
            .members
            .iter_mut()
            .filter(|member| member.mailbox.memory_of(sender) > 0);
        holding.for_each(|member| member.mailbox.end_share(sender));
        self.refused_of(origin, Reason::TooMuchForAway)
    }

    /// Whoever is away is not to blame for what others sent: the history says whose messages were too many.
    fn refused_of(&self, origin: Origin, reason: Reason) -> Refused {
        let (sender, request) = origin;
        let sender = self.index_of(sender);
        Refused {
            session: self.session_id(),
            participant: sender.map(|index| self.members[index].participant),
            refusal: Refusal { request, reason },
        }
    }

    /// Opens the way to a resumed member: what waited, in order, and everything after it, goes to its socket.
    /// Empty if the member has lost that socket again.
    pub fn open_mailbox(&mut self, member: MemberId, socket: SocketKey) -> VecDeque<Message> {
        let Some(index) = self
            .index_of(member)
            .filter(|&index| self.members[index].socket() == Some(socket))
        else {
            return VecDeque::new();
        };
        self.members[index].delivers_to = Some(socket);
        let messages = self.members[index].mailbox.drain();
        for message in &messages {
            self.links.note_sent(member, message, Some(socket));
        }
        messages
    }
}
