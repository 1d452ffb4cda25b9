//! Joining and leaving.

use super::input::{Join, LeaveEntry, Relay};
use super::mailbox::Mailbox;
use super::member::{Attachment, Departure, Member};
use super::output::{Effect, Membership, Message, Outputs, Reply};
use super::record::{Change, Joined, PendingLeave};
use super::refusal::{Reason, Refusal, Request};
use super::room::{Ids, Limits, Room, Session};
use crate::model::id::{ConnectionId, ConnectorId, MemberId, ParticipantId, SessionId, SocketKey};
use crate::model::look::{self, Look};
use crate::model::time::Now;
use crate::model::vocabulary::{LeaveReason, LinkCloseReason};

impl Room {
    /// The contract's join, in the order of its rules.
    pub(super) fn join(&mut self, join: Join, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        let own = self.index_on(join.socket);
        match own.filter(|&index| self.members[index].key == join.key) {
            None => self.enter(Request::Join, join, now, ids, out),
            Some(index) if self.members[index].username == join.username => self.reply_entered(index, false, out),
            Some(_) => self.refuse(join.socket, Request::Join, Reason::OtherName, out),
        }
    }

    /// A fresh join. Until nothing can refuse it any more, it changes nothing.
    pub(super) fn enter(&mut self, request: Request, mut join: Join, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        let look = Look::of(&join.username);
        if let Err(reason) = self.admit(&join, &look, now) {
            self.refuse(join.socket, request, reason, out);
            return;
        }
        self.remove_replaced(request, &join, now, out);
        let held = std::mem::take(&mut join.held);
        let index = self.add_member(join, look, now, ids, out);
        self.ask_for_offers(index, |_, _| true, out);
        self.reply_entered(index, false, out);
        drop_held(&held, out);
    }

    /// Whether the room takes this client under this name. Whom it takes the place of does not count.
    fn admit(&self, join: &Join, look: &Look, now: Now) -> Result<(), Reason> {
        look::check(&join.username).map_err(Reason::NameInvalid)?;
        let is_member = self.members.iter().any(|member| member.key == join.key);
        if let Some(reason) = self.restrictions.refuse(join, look, is_member, now.tick) {
            return Err(reason);
        }
        let others = || {
            let stays = |member: &&Member| member.key != join.key && member.socket() != Some(join.socket);
            self.members.iter().filter(stays)
        };
        if others().any(|member| member.username == join.username) {
            return Err(Reason::NameTaken {
                name: join.username.clone(),
                room: self.name.clone(),
            });
        }
        if let Some(member) = others().find(|member| member.look.resembles(look)) {
            return Err(Reason::NameAlike {
                name: join.username.clone(),
                other: member.username.clone(),
            });
        }
        let capacity = self.limits.capacity;
        if others().count() >= capacity {
            let room = self.name.clone();
            return Err(Reason::RoomFull { room, capacity });
        }
        self.admit_name(join)
    }

    /// Whether the session takes one more name. A name that was there before is no new one.
    fn admit_name(&self, join: &Join) -> Result<(), Reason> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        if session.participants.contains_key(&join.username) {
            return Ok(());
        }
        let Limits {
            people,
            people_per_address,
            ..
        } = self.limits;
        if people > 0 && session.participants.len() >= people {
            return Err(Reason::TooManyPeople { people });
        }
        if people_per_address > 0 && session.newcomers.has_reached(join.address, people_per_address) {
            let people = people_per_address;
            return Err(Reason::TooManyFromAddress { people });
        }
        Ok(())
    }

    /// Takes out whom a join takes the place of: the member on its socket, and the client's own on another one.
    fn remove_replaced(&mut self, request: Request, join: &Join, now: Now, out: &mut Outputs) {
        if let Some(index) = self.index_on(join.socket) {
            self.leave(index, LeaveReason::Replaced, &[], now, out);
        }
        if let Some(index) = self.members.iter().position(|member| member.key == join.key) {
            let old = self.members[index].socket();
            self.leave(index, LeaveReason::Replaced, &[], now, out);
            disconnect_replaced(request, old, out);
        }
    }

    /// Takes the newcomer in and records it. Returns its index.
    fn add_member(&mut self, join: Join, look: Look, now: Now, ids: &mut dyn Ids, out: &mut Outputs) -> usize {
        let Join {
            socket,
            address,
            key,
            username,
            token,
            ..
        } = join;
        self.ensure_session(now, ids, out);
        let members = u32::try_from(self.members.len() + 1).unwrap_or(u32::MAX);
        let Some(session) = &mut self.session else {
            unreachable!("ensure_session leaves one");
        };
        session.peak = session.peak.max(members);
        let participant = *session.participants.entry(username.clone()).or_insert_with(|| {
            session.newcomers.count(address);
            ParticipantId(ids.ordered(now.at))
        });
        let member = Member {
            id: MemberId(ids.random()),
            participant,
            username: username.clone(),
            look,
            key,
            token,
            position: self.next_position,
            joined_at: now.at,
            connection: ConnectionId(ids.ordered(now.at)),
            connected_at: now.at,
            attachment: Attachment::Present { socket },
            delivers_to: Some(socket),
            mailbox: Mailbox::default(),
            asked: Vec::new(),
            leaves_as: None,
        };
        self.next_position += 1;
        let joined = Joined {
            participant,
            username,
            member: member.id,
            key,
            connection: member.connection,
            position: member.position,
            members,
        };
        self.members.push(member);
        self.record(now.at, Change::Joined(joined), out);
        self.members.len() - 1
    }

    /// Makes sure that there is a session, and that it is not counted as empty.
    fn ensure_session(&mut self, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        if let Some(session) = &mut self.session {
            session.empty = None;
            return;
        }
        self.session = Some(Session {
            id: SessionId(ids.ordered(now.at)),
            started_at: now.at,
            peak: 0,
            participants: Default::default(),
            newcomers: Default::default(),
            empty: None,
        });
        let room = self.name.clone();
        self.record(now.at, Change::SessionStarted { room }, out);
    }

    /// Asks the present others, in the order they joined, for an offer to this member.
    pub(super) fn ask_for_offers(&mut self, index: usize, wanted: impl Fn(&Self, &Member) -> bool, out: &mut Outputs) {
        let member = self.members[index].id;
        for other in self.present_others(index) {
            if wanted(self, &self.members[other]) {
                self.members[other].asked.push(member);
                let username = self.members[index].username.clone();
                self.tell(other, Message::GetOffer { member, username }, out);
            }
        }
    }

    pub(super) fn reply_entered(&self, index: usize, resumed: bool, out: &mut Outputs) {
        let Some(session) = &self.session else {
            unreachable!("a member is of a session");
        };
        out.effects.push(Effect::Reply(Reply::Entered(Membership {
            member: self.members[index].id,
            session: session.id,
            resumed,
            members: self
                .members
                .iter()
                .map(|member| (member.id, member.username.clone()))
                .collect(),
        })));
    }

    /// Handles what a socket sent before it resumed, in order.
    pub(super) fn handle_held(
        &mut self,
        socket: SocketKey,
        held: Vec<Relay>,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Outputs,
    ) {
        for (index, relay) in held.into_iter().enumerate() {
            let request = relay.body.request();
            let reply = match self.relay(socket, relay, now, ids, out) {
                Ok(()) => Reply::Done,
                Err(reason) => {
                    let refusal = Refusal { request, reason };
                    self.record_error(socket, refusal.clone(), out);
                    Reply::Refused(refusal)
                }
            };
            out.effects.push(Effect::HeldReply { index, reply });
        }
    }

    /// Takes out a member that leaves now.
    pub(super) fn leave(
        &mut self,
        index: usize,
        reason: LeaveReason,
        entries: &[LeaveEntry],
        now: Now,
        out: &mut Outputs,
    ) {
        self.take_out(index, Departure { reason, at: now.at }, entries, now, out);
    }

    /// Takes a member out, tells its peers, and starts the idle timeout if it was the last.
    pub(super) fn take_out(
        &mut self,
        index: usize,
        Departure { reason, at: left_at }: Departure,
        entries: &[LeaveEntry],
        now: Now,
        out: &mut Outputs,
    ) {
        let member = self.members.remove(index);
        let change = Change::Left {
            participant: member.participant,
            username: member.username.clone(),
            member: member.id,
            open_connection: member.is_present().then_some(member.connection),
            last_connection: member.connection,
            reason,
            left_at,
        };
        self.record(now.at, change, out);
        self.remember_gone(member.id);
        for other in &mut self.members {
            other.asked.retain(|asked| *asked != member.id);
            other.mailbox.sender_left(member.id);
        }
        self.notify_peers_left(member.id, entries, now, out);
        if self.members.is_empty() {
            let over = now.tick.after(self.limits.idle_timeout);
            if let Some(session) = &mut self.session {
                session.empty = Some((left_at, over));
            }
        }
    }

    /// Tells a peer that a member is gone. One that is away hears of it when it is back, even from another run.
    pub(super) fn tell_leave(
        &self,
        index: usize,
        connector: ConnectorId,
        leaver: MemberId,
        now: Now,
        out: &mut Outputs,
    ) {
        let peer = &self.members[index];
        if !peer.is_present() && !peer.mailbox.has_overflowed() {
            let leave = PendingLeave {
                connector: connector.clone(),
                leaver,
            };
            let member = peer.id;
            self.record(now.at, Change::LeaveOwed { member, leave }, out);
        }
        let member = leaver;
        self.tell(index, Message::Leave { connector, member }, out);
    }

    /// Tells every peer that a member is gone: for each link, and each entry of the leaver's own list, once.
    fn notify_peers_left(&mut self, leaver: MemberId, entries: &[LeaveEntry], now: Now, out: &mut Outputs) {
        for index in 0..self.members.len() {
            let peer = self.members[index].id;
            // The peer may go on with a replaced link or not: the leaver says which. Other entries name no link of the two.
            let listed: Vec<&ConnectorId> = entries
                .iter()
                .filter(|entry| entry.member == peer)
                .map(|entry| &entry.connector)
                .filter(|connector| self.links.replaced(peer, leaver, connector).is_some())
                .collect();
            let late = self.links.answered_late(leaver, peer);
            let mut told: Vec<ConnectorId> = late.filter_map(|link| link.connector_of(peer).cloned()).collect();
            for link in self.links.remove_pair(leaver, peer) {
                told.extend(link.connector_of(peer).cloned());
                self.record_closed(link, LinkCloseReason::Left, now, out);
            }
            for connector in listed {
                if !told.contains(connector) {
                    told.push(connector.clone());
                }
            }
            for connector in told {
                self.tell_leave(index, connector, leaver, now, out);
            }
        }
    }
}

/// What was held spoke of a membership that is over: only its callbacks are told.
fn drop_held(held: &[Relay], out: &mut Outputs) {
    for (index, relay) in held.iter().enumerate() {
        let (request, reason) = (relay.body.request(), Reason::NotJoined);
        let reply = Reply::Refused(Refusal { request, reason });
        out.effects.push(Effect::HeldReply { index, reply });
    }
}

/// Tells a socket that its member is another one's, and disconnects it: its client does not come back by itself.
pub(super) fn disconnect_replaced(request: Request, socket: Option<SocketKey>, out: &mut Outputs) {
    let Some(socket) = socket else {
        return;
    };
    let reason = Reason::Replaced;
    let refusal = Refusal { request, reason };
    out.effects.push(Effect::Disconnect { socket, refusal });
}
