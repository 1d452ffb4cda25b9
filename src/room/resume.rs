//! Coming back: the steps of the contract's resume, in their order.

use super::input::{Join, Resume};
use super::join::disconnect_replaced;
use super::link::Link;
use super::member::{Attachment, Member};
use super::output::{Effect, Message, Outputs};
use super::record::Change;
use super::refusal::{Reason, Request};
use super::room::{Ids, Room};
use crate::model::id::{ConnectionId, SocketKey};
use crate::model::time::Now;
use crate::model::vocabulary::{LeaveReason, LinkCloseReason};

impl Room {
    /// A client comes back with its secret: to its member if that is still known, else as a newcomer.
    pub(super) fn resume(&mut self, resume: Resume, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        let known = self.members.iter().position(|member| member.key == resume.key);
        if let Some(index) = known.filter(|&index| self.members[index].socket() == Some(resume.socket)) {
            self.reply_entered(index, true, out);
            return;
        }
        match known {
            Some(index) if !self.members[index].mailbox.has_overflowed() => {
                self.come_back(resume, now, ids, out);
            }
            _ => self.start_over(known, resume, now, ids, out),
        }
    }

    /// The member is not known any more, or has missed too much: drop everything, then join.
    fn start_over(&mut self, known: Option<usize>, resume: Resume, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        let Resume {
            socket,
            address,
            key,
            username,
            token,
            held,
        } = resume;
        out.effects.push(Effect::DropAll(socket));
        let username = username.or_else(|| known.map(|index| self.members[index].username.clone()));
        match username {
            Some(username) => {
                let join = Join {
                    socket,
                    address,
                    key,
                    username,
                    token,
                    held,
                };
                self.enter(Request::Resume, join, now, ids, out);
            }
            None => self.refuse(socket, Request::Resume, Reason::NameMissing, out),
        }
    }

    fn come_back(&mut self, resume: Resume, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        let Resume { socket, key, held, .. } = resume;
        if let Some(other) = self.index_on(socket) {
            self.leave(other, LeaveReason::Replaced, &[], now, out);
        }
        let Some(index) = self.members.iter().position(|member| member.key == key) else {
            return;
        };
        self.move_to(index, socket, now, ids, out);
        self.reply_entered(index, true, out);
        out.effects.push(Effect::OpenMailbox {
            member: self.members[index].id,
            socket,
        });
        self.drop_exceeded(index, now, out);
        self.handle_held(socket, held, now, ids, out);
        self.renegotiate(index, now, out);
        self.close_lost_offers(index, now, out);
        self.ask_for_missing_offers(index, out);
    }

    /// Puts the member on its new socket; one that still looked alive is disconnected.
    fn move_to(&mut self, index: usize, socket: SocketKey, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        let connection = ConnectionId(ids.ordered(now.at));
        let member = &mut self.members[index];
        let old = member.socket();
        let previous = std::mem::replace(&mut member.connection, connection);
        member.connected_at = now.at;
        member.attachment = Attachment::Present { socket };
        member.delivers_to = None;
        member.asked.clear();
        member.leaves_as = None;
        let change = Change::Reconnected {
            participant: member.participant,
            username: member.username.clone(),
            member: member.id,
            connection,
            previous,
            took_over: old.is_some(),
        };
        self.record(now.at, change, out);
        self.deliver_anew(index, now, out);
        disconnect_replaced(Request::Resume, old, out);
    }

    /// Closes the links to those who sent more than is kept: what is missing leaves them broken. Both ends are told, and
    /// connect anew.
    fn drop_exceeded(&mut self, index: usize, now: Now, out: &mut Outputs) {
        let member = self.members[index].id;
        for sender in self.members[index].mailbox.take_exceeded() {
            let Some(other) = self.index_of(sender) else {
                continue;
            };
            for link in self.links.close_all(member, sender, now.tick) {
                let ends = [(index, sender), (other, member)];
                let connectors = ends.map(|(end, _)| link.connector_of(self.members[end].id).cloned());
                self.record_closed(link, LinkCloseReason::Lost, now, out);
                for ((end, gone), connector) in ends.into_iter().zip(connectors) {
                    if let Some(connector) = connector {
                        self.tell_leave(end, connector, gone, now, out);
                    }
                }
            }
        }
    }

    /// Has each present peer of a completed link make a new offer over it.
    fn renegotiate(&mut self, index: usize, now: Now, out: &mut Outputs) {
        let member = self.members[index].id;
        let session = self.session_id();
        for other in self.present_others(index) {
            let peer = self.members[other].id;
            let mut asked = Vec::new();
            let links = self.links.between_mut(member, peer).iter_mut();
            for link in links.filter(|link| link.answered.is_some()) {
                link.traffic.renegotiations += 1;
                asked.extend(link.connector_of(peer).cloned());
                out.records.push(link.record_progress(session, now.at));
            }
            let late = self.links.answered_late(member, peer);
            asked.extend(late.filter_map(|link| link.connector_of(peer).cloned()));
            for connector in asked {
                self.tell(other, Message::Renegotiate { connector, member }, out);
            }
        }
    }

    /// Closes offers, either way, that went out on a socket which is gone: no answer can come.
    fn close_lost_offers(&mut self, index: usize, now: Now, out: &mut Outputs) {
        let member = self.members[index].id;
        for other in self.present_others(index) {
            let peer = self.members[other].id;
            let own_socket = self.members[index].socket();
            let peer_socket = self.members[other].socket();
            let socket_of = |link: &Link| {
                if link.answerer.member == member {
                    own_socket
                } else {
                    peer_socket
                }
            };
            let is_lost = |link: &Link| link.is_lost(socket_of(link));
            for link in self.links.close(member, peer, now.tick, is_lost) {
                let offerer = if link.offerer.member == member { index } else { other };
                let (connector, member) = (link.offerer_connector.clone(), link.answerer.member);
                // Of two offers at once this end may have taken back its own, and answered over the same connector.
                let mut late = self.links.answered_late(link.offerer.member, member);
                let goes_on = late.any(|late| late.connector_of(link.offerer.member) == Some(&connector));
                self.record_closed(link, LinkCloseReason::Lost, now, out);
                if !goes_on {
                    self.tell(offerer, Message::Leave { connector, member }, out);
                }
            }
        }
    }

    /// Has each present member without a `user` link to this one, made or in the making, offer one, unless one of the two
    /// has ended it.
    fn ask_for_missing_offers(&mut self, index: usize, out: &mut Outputs) {
        let member = self.members[index].id;
        let unlinked = |room: &Self, peer: &Member| {
            let links = room.links.between(member, peer.id);
            let is_wanted = !peer.asked.contains(&member) && !room.links.is_hung_up(member, peer.id);
            let mut late = room.links.answered_late(member, peer.id);
            is_wanted && !links.iter().any(|link| link.stream.is_user()) && !late.any(|link| link.stream.is_user())
        };
        self.ask_for_offers(index, unlinked, out);
    }

    pub(super) fn present_others(&self, index: usize) -> Vec<usize> {
        (0..self.members.len())
            .filter(|&other| other != index && self.members[other].is_present())
            .collect()
    }
}
