//! The room itself: its state, the way in for every input, and what is due when.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use super::input::Input;
use super::links::Links;
use super::member::{Attachment, Departure, Member};
use super::newcomers::NewcomerCounts;
use super::output::{Effect, Message, Outputs, Reply};
use super::record::{Change, Record};
use super::refusal::{Reason, Refusal, Refused, Request};
use super::restrictions::Restrictions;
use crate::model::id::{ClientKey, MemberId, ParticipantId, RoomName, SessionId, SocketKey, Username};
use crate::model::look::Look;
use crate::model::time::{CalendarJumps, Now, Tick, Timestamp};
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
    pub idle_timeout: Duration,
}

/// Who a returning client is to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipStatus {
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
    /// How many of them each address has brought.
    pub(super) newcomers: NewcomerCounts,
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
    pub(super) gone: VecDeque<MemberId>,
    pub(super) next_position: u64,
    /// Until when connectors of before a restart may be named that the room does not know.
    pub(super) forgiving_until: Tick,
    /// What was sent to the socket that the next input takes from its member, and may not have arrived.
    pub(super) undelivered: Vec<Message>,
    /// The calendar's jumps that its times are after.
    pub(super) jumps: CalendarJumps,
    /// Whom it does not take, because a teacher said so.
    pub(super) restrictions: Restrictions,
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
            undelivered: Vec::new(),
            jumps: CalendarJumps::default(),
            restrictions: Restrictions::default(),
        }
    }

    /// Takes one input, and says what follows from it.
    pub fn handle(&mut self, input: Input, now: Now, ids: &mut dyn Ids) -> Outputs {
        let mut out = Outputs::default();
        self.catch_up(now, ids, &mut out);
        self.follow(input, now, ids, &mut out);
        self.undelivered.clear();
        // What records nothing changes none of them. A look at all costs more than hundreds of candidates do.
        #[cfg(debug_assertions)]
        if !out.records.is_empty() {
            self.assert_invariants();
        }
        out
    }

    fn follow(&mut self, input: Input, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        match input {
            Input::Join(join) => self.join(join, now, ids, out),
            Input::Resume(resume) => self.resume(resume, now, ids, out),
            Input::Leave { socket, entries } => match self.index_on(socket) {
                Some(index) => {
                    self.leave(index, LeaveReason::Left, &entries, now, out);
                    out.effects.push(Effect::Reply(Reply::Done));
                }
                None => self.refuse(socket, Request::Leave, Reason::NotJoined, out),
            },
            Input::Move { socket } => {
                if let Some(index) = self.index_on(socket) {
                    self.leave(index, LeaveReason::Moved, &[], now, out);
                }
            }
            Input::Relay { socket, relay } => {
                let request = relay.body.request();
                match self.relay(socket, relay, now, ids, out) {
                    Ok(()) => out.effects.push(Effect::Reply(Reply::Done)),
                    Err(reason) => self.refuse(socket, request, reason, out),
                }
            }
            Input::Disconnect { socket, why } => self.disconnect(socket, why, now, out),
            Input::Act(act) => self.act(&act, now, out),
            Input::Tick => self.tick(now, out),
        }
    }

    /// When [`Input::Tick`] is due next, if ever.
    pub fn next_timeout(&self) -> Option<Tick> {
        let graces = self.members.iter().filter_map(|member| match member.attachment {
            Attachment::Away { until, .. } => Some(until),
            Attachment::Present { .. } => None,
        });
        let idle_timeout = self
            .session
            .as_ref()
            .and_then(|session| session.empty)
            .map(|(_, over)| over);
        graces.chain(idle_timeout).chain(self.restrictions.next_timeout()).min()
    }

    /// Whether there is nothing left to remember: the room can be forgotten.
    pub fn is_idle(&self) -> bool {
        self.session.is_none() && self.restrictions.is_empty()
    }

    /// Whether a session goes on, or waits for somebody to continue it.
    pub fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Whether a join of this name would be refused as a repeat: a member, present or away, has it or one that looks
    /// the same.
    pub fn name_taken(&self, username: &Username) -> bool {
        let look = Look::of(username);
        self.members.iter().any(|member| member.look.resembles(&look))
    }

    /// What a returning client may know of itself.
    pub fn membership_status(&self, key: &ClientKey, now: Now) -> Option<MembershipStatus> {
        let session = self.session.as_ref()?.id;
        let member = self.members.iter().find(|member| member.key == *key)?;
        let away_for = match member.attachment {
            Attachment::Present { .. } => None,
            Attachment::Away { until, .. } => Some(now.tick.until(until)),
        };
        Some(MembershipStatus {
            member: member.id,
            session,
            away_for,
            resumable: !member.mailbox.has_overflowed(),
        })
    }

    /// The sockets of its members.
    pub fn sockets(&self) -> Vec<SocketKey> {
        self.members.iter().filter_map(Member::socket).collect()
    }

    /// The member on this socket.
    pub fn member_on(&self, socket: SocketKey) -> Option<MemberId> {
        self.index_on(socket).map(|index| self.members[index].id)
    }

    /// The socket that what is told to a member goes straight to, if there is one.
    pub fn delivers_to(&self, member: MemberId) -> Option<SocketKey> {
        self.index_of(member).and_then(|index| self.members[index].delivers_to)
    }

    /// The session, and the person on this socket.
    pub fn participant_on(&self, socket: SocketKey) -> (Option<SessionId>, Option<ParticipantId>) {
        let participant = self.index_on(socket).map(|index| self.members[index].participant);
        (self.session_id(), participant)
    }

    /// The name of a person who is in the room.
    pub fn name_of(&self, participant: ParticipantId) -> Option<&Username> {
        let member = self.members.iter().find(|member| member.participant == participant);
        member.map(|member| &member.username)
    }

    /// How many members have a live socket, and how many are away.
    pub fn presence(&self) -> (usize, usize) {
        let present = self.members.iter().filter(|member| member.is_present()).count();
        (present, self.members.len() - present)
    }

    /// Counts of what passed over the links, where they have grown since they were last recorded.
    pub fn progress(&mut self, now: Now) -> Vec<Record> {
        let session = self.session_id();
        let reports = self.links.take_waiting_reports().into_iter();
        let reported = reports.map(|(link, by, report)| Record {
            at: now.at,
            session,
            change: Change::LinkReported { link, by, report },
        });
        let mut records: Vec<Record> = reported.collect();
        let links = self.links.iter_mut().filter(|link| link.unrecorded);
        records.extend(links.map(|link| link.record_progress(session, now.at)));
        records
    }

    pub(super) fn participants(&self) -> impl Iterator<Item = (&Username, &ParticipantId)> {
        self.session.iter().flat_map(|session| &session.participants)
    }

    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// A socket is gone: its member is away.
    fn disconnect(&mut self, socket: SocketKey, why: DropReason, now: Now, out: &mut Outputs) {
        let Some(index) = self.index_on(socket) else {
            return;
        };
        let until = now.tick.after(self.limits.grace);
        let member = &mut self.members[index];
        member.attachment = Attachment::Away { since: now.at, until };
        member.delivers_to = None;
        member.leaves_as = (why == DropReason::Closed).then_some(LeaveReason::Closed);
        member.asked.clear();
        let change = Change::Disconnected {
            participant: member.participant,
            username: member.username.clone(),
            member: member.id,
            connection: member.connection,
            until: now.at_tick(until),
            why,
            leaves_as: member.leaves_as,
        };
        self.record(now.at, change, out);
        // The socket went before the mailbox was opened to it: what its resume seemed to settle is owed again.
        for leave in self.pending_leaves(&self.members[index]) {
            let member = self.members[index].id;
            self.record(now.at, Change::LeaveOwed { member, leave }, out);
        }
        self.deliver_anew(index, now, out);
    }

    /// What is due: what a teacher forbade for a while, graces that ran out, then the end of an empty room's session.
    fn tick(&mut self, now: Now, out: &mut Outputs) {
        self.restrictions.expire(now.tick);
        let overdue =
            |member: &Member| matches!(member.attachment, Attachment::Away { until, .. } if until <= now.tick);
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
            self.record(now.at, Change::SessionEnded { ended_at }, out);
            self.session = None;
            self.restrictions.is_locked = false;
            self.gone.clear();
            self.links.forget_left();
        }
    }

    /// A grace has run out. Where the page was closed, or the server itself was away, its member was last there then.
    fn time_out(&mut self, index: usize, now: Now, out: &mut Outputs) {
        let member = &self.members[index];
        match (member.leaves_as, member.attachment) {
            (Some(reason), Attachment::Away { since, .. }) => {
                self.take_out(index, Departure { reason, at: since }, &[], now, out);
            }
            _ => self.leave(index, LeaveReason::Timeout, &[], now, out),
        }
    }

    /// Tells a socket that what it sent was refused, and records it.
    pub(super) fn refuse(&self, socket: SocketKey, request: Request, reason: Reason, out: &mut Outputs) {
        let refusal = Refusal { request, reason };
        self.record_error(socket, refusal.clone(), out);
        out.effects.push(Effect::Reply(Reply::Refused(refusal)));
    }

    /// As [`Self::refuse`], for what was not the input itself (a message held until a join).
    pub(super) fn record_error(&self, socket: SocketKey, refusal: Refusal, out: &mut Outputs) {
        let (session, participant) = self.participant_on(socket);
        out.refused.push(Refused {
            session,
            participant,
            refusal: refusal.clone(),
        });
        out.effects.push(Effect::Refuse { socket, refusal });
    }

    /// Tells a member something; one that is away learns it from its mailbox.
    pub(super) fn tell(&self, index: usize, message: Message, out: &mut Outputs) {
        let member = &self.members[index];
        out.effects.push(Effect::Tell {
            to: member.id,
            socket: member.socket(),
            message,
        });
    }

    pub(super) fn record(&self, at: Timestamp, change: Change, out: &mut Outputs) {
        out.records.push(self.record_of(at, change));
    }

    pub(super) fn record_of(&self, at: Timestamp, change: Change) -> Record {
        let session = self.session_id();
        Record { at, session, change }
    }

    pub(super) fn session_id(&self) -> Option<SessionId> {
        self.session.as_ref().map(|session| session.id)
    }

    /// The index of the member on this socket.
    pub(super) fn index_on(&self, socket: SocketKey) -> Option<usize> {
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
