//! Coming in and leaving.

use super::id::{ClientKey, ConnectionId, ConnectorId, MemberId, ParticipantId, SessionId, SocketKey, Username};
use super::input::{Join, LeaveEntry, Relay};
use super::member::{Mailbox, Member, Presence};
use super::output::{Message, Output, Reply, Seat};
use super::record::{Change, Joined, LeaveReason, OwedLeave};
use super::refusal::{Reason, Refusal};
use super::room::{Ids, Room, Session};
use super::time::Now;

impl Room {
    /// The contract's join, in the order of its rules.
    pub(super) fn join(&mut self, join: Join, now: Now, ids: &mut dyn Ids, out: &mut Vec<Output>) {
        if let Some(index) = self.seated(join.socket) {
            if self.members[index].key == join.key {
                self.reply_seat(index, false, out);
                return;
            }
            self.leave(index, LeaveReason::Replaced, &[], now, out);
        }
        self.enter("join", join, now, ids, out);
    }

    /// A fresh join, after whatever this client was in the room before has left.
    pub(super) fn enter(&mut self, event: &str, join: Join, now: Now, ids: &mut dyn Ids, out: &mut Vec<Output>) {
        if let Some(index) = self.members.iter().position(|member| member.key == join.key) {
            self.leave(index, LeaveReason::Replaced, &[], now, out);
        }
        if self.name_taken(&join.username) {
            self.refuse(join.socket, Refusal::new(event, Reason::NameTaken), now, out);
            return;
        }
        if self.members.len() >= self.limits.capacity {
            let full = Reason::RoomFull {
                capacity: self.limits.capacity,
            };
            self.refuse(join.socket, Refusal::new(event, full), now, out);
            return;
        }
        let Join {
            socket,
            address: _,
            key,
            username,
            held,
        } = join;
        let index = self.seat(socket, key, username, now, ids, out);
        self.ask_for_offers(index, |_, _| true, out);
        self.reply_seat(index, false, out);
        self.handle_held(socket, held, now, ids, out);
    }

    /// Gives the newcomer a place and records it. Returns where it stands.
    fn seat(
        &mut self,
        socket: SocketKey,
        key: ClientKey,
        username: Username,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Vec<Output>,
    ) -> usize {
        self.continue_session(now, ids, out);
        let members = u32::try_from(self.members.len() + 1).unwrap_or(u32::MAX);
        let Some(session) = &mut self.session else {
            unreachable!("continue_session leaves one");
        };
        session.peak = session.peak.max(members);
        let participant = *session
            .participants
            .entry(username.clone())
            .or_insert_with(|| ParticipantId(ids.ordered(now.at)));
        let member = Member {
            id: MemberId(ids.random()),
            participant,
            username: username.clone(),
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
    fn tell_leave(&self, index: usize, connector: ConnectorId, leaver: MemberId, now: Now, out: &mut Vec<Output>) {
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
                    why: "left",
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
