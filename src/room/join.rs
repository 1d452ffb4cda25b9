//! Coming in and leaving.

use super::input::{Join, LeaveEntry, Relay};
use super::look::{self, Look};
use super::mailbox::Mailbox;
use super::member::{Member, Presence};
use super::output::{Message, Output, Reply, Seat};
use super::record::{Change, Joined, OwedLeave};
use super::refusal::{Reason, Refusal};
use super::room::{Ids, Limits, Room, Session};
use crate::model::id::{ConnectionId, ConnectorId, MemberId, ParticipantId, SessionId, SocketKey};
use crate::model::time::Now;
use crate::model::vocabulary::{LeaveReason, LinkCloseReason};

impl Room {
    /// The contract's join, in the order of its rules.
    pub(super) fn join(&mut self, join: Join, now: Now, ids: &mut dyn Ids, out: &mut Vec<Output>) {
        let sits = self.seated(join.socket);
        if let Some(index) = sits.filter(|&index| self.members[index].key == join.key) {
            if self.members[index].username == join.username {
                self.reply_seat(index, false, out);
            } else {
                self.refuse(join.socket, Refusal::new("join", Reason::OtherName), now, out);
            }
            return;
        }
        self.enter("join", join, now, ids, out);
    }

    /// A fresh join. Until nothing can refuse it any more, it changes nothing.
    pub(super) fn enter(&mut self, event: &str, mut join: Join, now: Now, ids: &mut dyn Ids, out: &mut Vec<Output>) {
        let look = Look::of(&join.username);
        if let Err(reason) = self.admit(&join, &look) {
            self.refuse(join.socket, Refusal::new(event, reason), now, out);
            return;
        }
        self.make_way(event, &join, now, out);
        let (socket, held) = (join.socket, std::mem::take(&mut join.held));
        let index = self.seat(join, look, now, ids, out);
        self.ask_for_offers(index, |_, _| true, out);
        self.reply_seat(index, false, out);
        self.handle_held(socket, held, now, ids, out);
    }

    /// Whether the room takes this client under this name. Whom it takes the place of does not count.
    fn admit(&self, join: &Join, look: &Look) -> Result<(), Reason> {
        look::check(&join.username).map_err(|problem| Reason::Text("username", problem))?;
        let others = || {
            let stays = |member: &&Member| member.key != join.key && member.socket() != Some(join.socket);
            self.members.iter().filter(stays)
        };
        if others().any(|member| member.username == join.username) {
            return Err(Reason::NameTaken);
        }
        if let Some(member) = others().find(|member| member.look.resembles(look)) {
            let other = member.username.clone();
            return Err(Reason::NameAlike { other });
        }
        let capacity = self.limits.capacity;
        if others().count() >= capacity {
            return Err(Reason::RoomFull { capacity });
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
        if people_per_address > 0 && session.brought.has_reached(join.address, people_per_address) {
            let people = people_per_address;
            return Err(Reason::TooManyFromAddress { people });
        }
        Ok(())
    }

    /// Takes out whom a join takes the place of: the member on its socket, and the client's own on another one.
    fn make_way(&mut self, event: &str, join: &Join, now: Now, out: &mut Vec<Output>) {
        if let Some(index) = self.seated(join.socket) {
            self.leave(index, LeaveReason::Replaced, &[], now, out);
        }
        if let Some(index) = self.members.iter().position(|member| member.key == join.key) {
            let old = self.members[index].socket();
            self.leave(index, LeaveReason::Replaced, &[], now, out);
            cut_replaced(event, old, out);
        }
    }

    /// Gives the newcomer a place and records it. Returns where it stands.
    fn seat(&mut self, join: Join, look: Look, now: Now, ids: &mut dyn Ids, out: &mut Vec<Output>) -> usize {
        let Join {
            socket,
            address,
            key,
            username,
            ..
        } = join;
        self.continue_session(now, ids, out);
        let members = u32::try_from(self.members.len() + 1).unwrap_or(u32::MAX);
        let Some(session) = &mut self.session else {
            unreachable!("continue_session leaves one");
        };
        session.peak = session.peak.max(members);
        let participant = *session.participants.entry(username.clone()).or_insert_with(|| {
            session.brought.count(address);
            ParticipantId(ids.ordered(now.at))
        });
        let member = Member {
            id: MemberId(ids.random()),
            participant,
            username: username.clone(),
            look,
            key,
            position: self.next_position,
            joined_at: now.at,
            connection: ConnectionId(ids.ordered(now.at)),
            connected_at: now.at,
            presence: Presence::Present { socket },
            line: Some(socket),
            mailbox: Mailbox::default(),
            asked: Vec::new(),
            stopped_by: None,
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
        out.push(Output::Record(self.record(now.at, Change::Joined(joined))));
        self.members.len() - 1
    }

    /// Makes sure that there is a session, and that it is not counted as empty.
    fn continue_session(&mut self, now: Now, ids: &mut dyn Ids, out: &mut Vec<Output>) {
        if let Some(session) = &mut self.session {
            session.empty = None;
            return;
        }
        self.session = Some(Session {
            id: SessionId(ids.ordered(now.at)),
            started_at: now.at,
            peak: 0,
            participants: Default::default(),
            brought: Default::default(),
            empty: None,
        });
        out.push(Output::Record(self.record(
            now.at,
            Change::SessionStarted {
                room: self.name.clone(),
            },
        )));
    }

    /// Asks the present others, in the order they joined, for an offer to this member.
    pub(super) fn ask_for_offers(
        &mut self,
        index: usize,
        wanted: impl Fn(&Self, &Member) -> bool,
        out: &mut Vec<Output>,
    ) {
        let member = self.members[index].id;
        for other in self.present_others(index) {
            if wanted(self, &self.members[other]) {
                self.members[other].asked.push(member);
                self.tell(other, Message::GetOffer { member }, out);
            }
        }
    }

    pub(super) fn reply_seat(&self, index: usize, resumed: bool, out: &mut Vec<Output>) {
        let Some(session) = &self.session else {
            unreachable!("a member is of a session");
        };
        out.push(Output::Reply(Reply::Seated(Seat {
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

    /// Handles what a socket sent before it was a member's, in order.
    pub(super) fn handle_held(
        &mut self,
        socket: SocketKey,
        held: Vec<Relay>,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Vec<Output>,
    ) {
        for relay in held {
            let event = relay.body.event();
            if let Err(reason) = self.relay(socket, relay, now, ids, out) {
                self.complain(socket, Refusal::new(event, reason), now, out);
            }
        }
    }

    /// Takes a member out, tells its peers, and starts the linger if it was the last.
    pub(super) fn leave(
        &mut self,
        index: usize,
        reason: LeaveReason,
        entries: &[LeaveEntry],
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let member = self.members.remove(index);
        let change = Change::Left {
            participant: member.participant,
            member: member.id,
            open_connection: member.is_present().then_some(member.connection),
            last_connection: member.connection,
            reason,
        };
        out.push(Output::Record(self.record(now.at, change)));
        self.remember_gone(member.id);
        for other in &mut self.members {
            other.asked.retain(|asked| *asked != member.id);
            other.mailbox.let_go(member.id);
        }
        self.farewell(member.id, entries, now, out);
        if self.members.is_empty() {
            let over = now.tick.after(self.limits.linger);
            if let Some(session) = &mut self.session {
                session.empty = Some((now.at, over));
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
        out: &mut Vec<Output>,
    ) {
        let peer = &self.members[index];
        if !peer.is_present() && !peer.mailbox.has_overflowed() {
            let leave = OwedLeave {
                connector: connector.clone(),
                leaver,
            };
            let member = peer.id;
            let change = Change::LeaveOwed { member, leave };
            out.push(Output::Record(self.record(now.at, change)));
        }
        let member = leaver;
        self.tell(index, Message::Leave { connector, member }, out);
    }

    /// Tells every peer that a member is gone: for each link, and each entry of the leaver's own list, once.
    fn farewell(&mut self, leaver: MemberId, entries: &[LeaveEntry], now: Now, out: &mut Vec<Output>) {
        for index in 0..self.members.len() {
            let peer = self.members[index].id;
            // The peer may go on with a replaced link or not: the leaver says which. Other entries name no link of the two.
            let listed: Vec<&ConnectorId> = entries
                .iter()
                .filter(|entry| entry.member == peer)
                .map(|entry| &entry.connector)
                .filter(|connector| self.links.replaced(peer, leaver, connector).is_some())
                .collect();
            let mut told: Vec<ConnectorId> = Vec::new();
            for link in self.links.part(leaver, peer) {
                told.extend(link.connector_of(peer).cloned());
                let change = Change::LinkClosed {
                    link: link.id,
                    traffic: link.traffic,
                    why: LinkCloseReason::Left,
                };
                out.push(Output::Record(self.record(now.at, change)));
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

/// Tells a socket that its member is another one's, and cuts it off: its client does not come back by itself.
pub(super) fn cut_replaced(event: &str, socket: Option<SocketKey>, out: &mut Vec<Output>) {
    let Some(socket) = socket else {
        return;
    };
    let message = Message::Error(Refusal::new(event, Reason::Replaced));
    out.push(Output::TellSocket { socket, message });
    out.push(Output::Cut(socket));
}
