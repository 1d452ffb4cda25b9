//! The room itself: its state, the way in for every input, and what is due when.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use super::input::Input;
use super::link::Links;
use super::look::Look;
use super::mailbox::Kept;
use super::member::{Member, Presence};
use super::output::{Message, Output, Reply};
use super::people::Brought;
use super::record::{Change, Record};
use super::refusal::{Reason, Refusal};
use crate::model::id::{ClientKey, MemberId, ParticipantId, RoomName, SessionId, SocketKey, Username};
use crate::model::time::{Now, Tick, Timestamp};
use crate::model::vocabulary::{DropReason, LeaveReason};

/// Where fresh ids come from: randomness stays outside the room.
pub trait Ids {
    /// A random id that nobody can guess (UUIDv4).
    fn random(&mut self) -> Uuid;
    /// An id that sorts by `at` (UUIDv7).
    fn ordered(&mut self, at: Timestamp) -> Uuid;
}

/// What is configured for every room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most members a room takes, present or away.
    pub capacity: usize,
    /// The most different names a session takes, over all its time; 0 is no limit.
    pub people: usize,
    /// The most of them that one address may bring; 0 is no limit.
    pub people_per_address: usize,
    /// How long an away member may resume.
    pub grace: Duration,
    /// How long an empty room's session waits before it ends.
    pub linger: Duration,
}

/// What becomes of a message whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It goes out on this socket.
    Emit(SocketKey, Message),
    /// It waits in the mailbox.
    Kept,
    /// It waits in the mailbox, and this must be recorded so that it outlasts a restart.
    Owed(Record),
    /// It did not fit: something is lost, and this must be recorded.
    Lost(Vec<Record>),
    /// There is nobody (left) to tell.
    Dropped,
}

/// Who a returning client is to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its address.
    pub member: MemberId,
    /// The room's session.
    pub session: SessionId,
    /// How long it may still resume: `None` while its socket lives.
    pub away_for: Option<Duration>,
    /// Whether it can resume at all (its mailbox has not overflowed).
    pub resumable: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) started_at: Timestamp,
    pub(super) peak: u32,
    /// A name keeps its row for the whole session.
    pub(super) participants: BTreeMap<Username, ParticipantId>,
    pub(super) brought: Brought,
    /// Set while the room is empty: when the last member left, and when the session is over.
    pub(super) empty: Option<(Timestamp, Tick)>,
}

/// One named room: pure state, see the [module's documentation](super).
#[derive(Debug, Clone)]
pub struct Room {
    pub(super) name: RoomName,
    pub(super) limits: Limits,
    pub(super) session: Option<Session>,
    /// In the order they joined.
    pub(super) members: Vec<Member>,
    pub(super) links: Links,
    /// Who left lately: a message to them is dropped without an error.
    gone: VecDeque<MemberId>,
    pub(super) next_position: u64,
    /// Until when connectors of before a restart may be named that the room does not know.
    pub(super) forgiving_until: Tick,
}

impl Room {
    /// How many members that left are remembered.
    const GONE: usize = 1024;

    /// An empty room without a session.
    pub fn new(name: RoomName, limits: Limits) -> Self {
        Self {
            name,
            limits,
            session: None,
            members: Vec::new(),
            links: Links::default(),
            gone: VecDeque::new(),
            next_position: 0,
            forgiving_until: Tick::default(),
        }
    }

    /// Takes one input and appends what follows from it to `out`.
    pub fn handle(&mut self, input: Input, now: Now, ids: &mut dyn Ids, out: &mut Vec<Output>) {
        match input {
            Input::Join(join) => self.join(join, now, ids, out),
            Input::Resume(resume) => self.resume(resume, now, ids, out),
            Input::Leave { socket, entries } => match self.seated(socket) {
                Some(index) => {
                    self.leave(index, LeaveReason::Left, &entries, now, out);
                    out.push(Output::Reply(Reply::Done));
                }
                None => self.refuse(socket, Refusal::new("leave", Reason::NotJoined), now, out),
            },
            Input::Move { socket } => {
                if let Some(index) = self.seated(socket) {
                    self.leave(index, LeaveReason::Moved, &[], now, out);
                }
            }
            Input::Relay { socket, relay } => {
                let event = relay.body.event();
                match self.relay(socket, relay, now, ids, out) {
                    Ok(()) => out.push(Output::Reply(Reply::Done)),
                    Err(reason) => self.refuse(socket, Refusal::new(event, reason), now, out),
                }
            }
            Input::Disconnect { socket, why } => self.disconnect(socket, why, now, out),
            Input::Refuse { socket, refusal } => self.refuse(socket, refusal, now, out),
            Input::Tick => self.tick(now, out),
        }
    }

    /// When [`Input::Tick`] is due next, if ever.
    pub fn next_timeout(&self) -> Option<Tick> {
        let graces = self.members.iter().filter_map(|member| match member.presence {
            Presence::Away { until, .. } => Some(until),
            Presence::Present { .. } => None,
        });
        let linger = self
            .session
            .as_ref()
            .and_then(|session| session.empty)
            .map(|(_, over)| over);
        graces.chain(linger).min()
    }

    /// Whether there is nothing left to remember: the room can be forgotten.
    pub fn is_idle(&self) -> bool {
        self.session.is_none()
    }

    /// Decides where a message goes whose turn has come.
    pub fn deliver(&mut self, to: MemberId, socket: SocketKey, message: Message, now: Now) -> Delivery {
        let Some(index) = self.index_of(to) else {
            return Delivery::Dropped;
        };
        let member = &mut self.members[index];
        if message.is_request() && member.socket() != Some(socket) {
            return Delivery::Dropped;
        }
        let line = member.line;
        self.links.carry(to, &message, line);
        if let Some(socket) = line {
            return Delivery::Emit(socket, message);
        }
        if member.mailbox.has_overflowed() {
            return Delivery::Dropped;
        }
        // Between a resume and the opening of its mailbox nothing may be lost: that moment is short.
        let away = !member.is_present();
        let owed = message.as_owed().filter(|_| away);
        let origin = message.origin();
        match (member.mailbox.push(message, away), owed) {
            // It may have been said while the member was still there, or before a resume that came to nothing.
            (Kept::Waits, Some(leave)) => Delivery::Owed(self.record(now.at, Change::LeaveOwed { member: to, leave })),
            (Kept::Waits, None) => Delivery::Kept,
            (Kept::Dropped, _) => Delivery::Dropped,
            (Kept::Exceeded, _) => Delivery::Lost(vec![self.blame(origin, Reason::TooMuchForAway, now)]),
            (Kept::Overflowed, _) => Delivery::Lost(vec![
                self.record(now.at, Change::Overflowed { member: to }),
                self.blame(origin, Reason::AwayIsFull, now),
            ]),
        }
    }

    /// About how much memory holds what waits of this sender, in all mailboxes, in bytes.
    pub fn memory_of(&self, sender: MemberId) -> usize {
        self.members.iter().map(|member| member.mailbox.memory_of(sender)).sum()
    }

    /// There is no memory for what waits of this sender: mailboxes keep nothing of it, as if its shares were used up.
    /// `origin` is the sender, and what it sent last. Returns what must be recorded.
    pub fn end_shares(&mut self, origin: (MemberId, &'static str), now: Now) -> Record {
        let (sender, _) = origin;
        let holding = self
            .members
            .iter_mut()
            .filter(|member| member.mailbox.memory_of(sender) > 0);
        holding.for_each(|member| member.mailbox.end_share(sender));
        self.blame(Some(origin), Reason::TooMuchForAway, now)
    }

    /// Whoever is away is not to blame for what others sent: the history says whose messages were too many.
    fn blame(&self, origin: Option<(MemberId, &'static str)>, reason: Reason, now: Now) -> Record {
        let sender = origin.and_then(|(sender, _)| self.index_of(sender));
        let participant = sender.map(|index| self.members[index].participant);
        let refusal = Refusal::new(origin.map_or("", |(_, event)| event), reason);
        self.record(now.at, Change::error(participant, &refusal))
    }

    /// Opens the line of a resumed member: what waited, in order, and everything after it, goes to its socket.
    /// Empty if the member has lost that socket again.
    pub fn open_mailbox(&mut self, member: MemberId, socket: SocketKey) -> VecDeque<Message> {
        let Some(index) = self
            .index_of(member)
            .filter(|&index| self.members[index].socket() == Some(socket))
        else {
            return VecDeque::new();
        };
        self.members[index].line = Some(socket);
        let messages = self.members[index].mailbox.drain();
        for message in &messages {
            self.links.carry(member, message, Some(socket));
        }
        messages
    }

    /// Whether a join of this name would be refused as a repeat: a member, present or away, has it or one that looks
    /// the same.
    pub fn name_taken(&self, username: &Username) -> bool {
        let look = Look::of(username);
        self.members.iter().any(|member| member.look.resembles(&look))
    }

    /// What a returning client may know of itself.
    pub fn standing(&self, key: &ClientKey, now: Now) -> Option<Standing> {
        let session = self.session.as_ref()?.id;
        let member = self.members.iter().find(|member| member.key == *key)?;
        let away_for = match member.presence {
            Presence::Present { .. } => None,
            Presence::Away { until, .. } => Some(now.tick.until(until)),
        };
        Some(Standing {
            member: member.id,
            session,
            away_for,
            resumable: !member.mailbox.has_overflowed(),
        })
    }

    /// The member on this socket.
    pub fn member_on(&self, socket: SocketKey) -> Option<MemberId> {
        self.seated(socket).map(|index| self.members[index].id)
    }

    /// The socket that what is told to a member goes straight to, if there is one.
    pub fn line_of(&self, member: MemberId) -> Option<SocketKey> {
        self.index_of(member).and_then(|index| self.members[index].line)
    }

    /// The session, and who is on this socket.
    pub fn whose(&self, socket: SocketKey) -> (Option<SessionId>, Option<ParticipantId>) {
        let participant = self.seated(socket).map(|index| self.members[index].participant);
        (self.session.as_ref().map(|session| session.id), participant)
    }

    /// Counts of what passed over the links, where they have grown since they were last recorded.
    pub fn progress(&mut self, now: Now, out: &mut Vec<Output>) {
        let session = self.session.as_ref().map(|session| session.id);
        for link in self.links.iter_mut().filter(|link| link.unrecorded) {
            link.unrecorded = false;
            let change = Change::LinkProgress {
                link: link.id,
                traffic: link.traffic,
            };
            out.push(Output::Record(Record {
                at: now.at,
                session,
                change,
            }));
        }
    }

    pub(super) fn participants(&self) -> impl Iterator<Item = (&Username, &ParticipantId)> {
        self.session.iter().flat_map(|session| &session.participants)
    }

    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// A socket is gone: its member is away.
    fn disconnect(&mut self, socket: SocketKey, why: DropReason, now: Now, out: &mut Vec<Output>) {
        let Some(index) = self.seated(socket) else {
            return;
        };
        let until = now.tick.after(self.limits.grace);
        let member = &mut self.members[index];
        member.presence = Presence::Away { since: now.at, until };
        member.line = None;
        member.asked.clear();
        let change = Change::Disconnected {
            participant: member.participant,
            member: member.id,
            connection: member.connection,
            until: now.at_tick(until),
            why,
        };
        out.push(Output::Record(self.record(now.at, change)));
        // The socket went before the mailbox was opened to it: what its resume seemed to settle is owed again.
        for leave in self.owed(&self.members[index]) {
            let member = self.members[index].id;
            let change = Change::LeaveOwed { member, leave };
            out.push(Output::Record(self.record(now.at, change)));
        }
    }

    /// What is due: graces that ran out, then the end of an empty room's session.
    fn tick(&mut self, now: Now, out: &mut Vec<Output>) {
        let overdue = |member: &Member| matches!(member.presence, Presence::Away { until, .. } if until <= now.tick);
        while let Some(index) = self.members.iter().position(overdue) {
            self.time_out(index, now, out);
        }
        let Some(&Session {
            empty: Some((ended_at, over)),
            ..
        }) = self.session.as_ref()
        else {
            return;
        };
        if over <= now.tick {
            out.push(Output::Record(self.record(now.at, Change::SessionEnded { ended_at })));
            self.session = None;
            self.gone.clear();
            self.links.forget_left();
        }
    }

    /// A grace has run out. Where the server itself was away, its member was last there when the server was.
    fn time_out(&mut self, index: usize, now: Now, out: &mut Vec<Output>) {
        let member = &self.members[index];
        match (member.stopped_by, member.presence) {
            (Some(reason), Presence::Away { since, .. }) => {
                self.leave(index, reason, &[], Now { at: since, ..now }, out);
            }
            _ => self.leave(index, LeaveReason::Timeout, &[], now, out),
        }
    }

    /// Tells a socket that what it sent was refused, and records it.
    pub(super) fn refuse(&self, socket: SocketKey, refusal: Refusal, now: Now, out: &mut Vec<Output>) {
        self.complain(socket, refusal.clone(), now, out);
        out.push(Output::Reply(Reply::Refused(refusal)));
    }

    /// As [`Self::refuse`], for what was not the input itself (a message held until a join).
    pub(super) fn complain(&self, socket: SocketKey, refusal: Refusal, now: Now, out: &mut Vec<Output>) {
        let participant = self.seated(socket).map(|index| self.members[index].participant);
        let change = Change::error(participant, &refusal);
        out.push(Output::Record(Record {
            at: now.at,
            session: self.session.as_ref().map(|session| session.id),
            change,
        }));
        out.push(Output::TellSocket {
            socket,
            message: Message::Error(refusal),
        });
    }

    pub(super) fn tell(&self, index: usize, message: Message, out: &mut Vec<Output>) {
        let member = &self.members[index];
        // An away member has no socket; what is no request reaches it by its mailbox all the same.
        let socket = member.socket().unwrap_or(SocketKey(0));
        out.push(Output::Tell {
            to: member.id,
            socket,
            message,
        });
    }

    pub(super) fn record(&self, at: Timestamp, change: Change) -> Record {
        Record {
            at,
            session: self.session.as_ref().map(|session| session.id),
            change,
        }
    }

    /// Where the member on this socket stands in `members`.
    pub(super) fn seated(&self, socket: SocketKey) -> Option<usize> {
        self.members.iter().position(|member| member.socket() == Some(socket))
    }

    pub(super) fn index_of(&self, id: MemberId) -> Option<usize> {
        self.members.iter().position(|member| member.id == id)
    }

    pub(super) fn remember_gone(&mut self, id: MemberId) {
        if self.gone.len() == Self::GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(id);
    }

    pub(super) fn is_gone(&self, id: MemberId) -> bool {
        self.gone.contains(&id)
    }
}
