//! What members send each other: who may reach whom, whose connector is whose, and the links that follow.

use super::input::{Answer, Body, Candidate, Offer, Relay, Renegotiation, StateReport};
use super::link::{Link, OfferDelivery};
use super::links::{HungUp, Links};
use super::output::{Message, Outputs};
use super::past::ReplacedLink;
use super::record::{Change, Report};
use super::refusal::Reason;
use super::room::{Ids, Room};
use crate::model::id::{ConnectorId, LinkId, MemberId, SocketKey, StreamType};
use crate::model::time::Now;
use crate::model::vocabulary::LinkCloseReason;

/// The two ends of a relay, by their places among the members.
#[derive(Clone, Copy)]
struct Route {
    sender: usize,
    receiver: usize,
}

impl Room {
    /// Passes one message on. `Ok` also where it is dropped quietly.
    pub(super) fn relay(
        &mut self,
        socket: SocketKey,
        relay: Relay,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Outputs,
    ) -> Result<(), Reason> {
        let sender = self.index_on(socket).ok_or(Reason::NotJoined)?;
        let to = relay.to.ok_or(Reason::UnknownMember)?;
        if to == self.members[sender].id {
            return Err(Reason::ToYourself);
        }
        let Some(receiver) = self.index_of(to) else {
            return self.relay_to_gone(sender, to, relay.body, out);
        };
        let route = Route { sender, receiver };
        match relay.body {
            Body::Offer(offer) => self.offer(route, offer, now, ids, out),
            Body::Answer(answer) => self.answer(route, answer, now, out),
            Body::Candidate(candidate) => self.candidate(route, candidate, now, out),
            Body::Renegotiation(step) => self.renegotiation(route, step, now, out),
            Body::Hangup { connector } => self.hang_up(route, &connector, now, out),
            Body::State(report) => self.report(route, &report, now, out),
        }
    }

    /// The receiver is no member. One who left lately is no error; an answer to them ends the answerer's own attempt.
    fn relay_to_gone(&mut self, sender: usize, to: MemberId, body: Body, out: &mut Outputs) -> Result<(), Reason> {
        if !self.is_gone(to) {
            return Err(Reason::UnknownMember);
        }
        if let Body::Answer(answer) = body
            && !self.answer_to_closed(sender, to, &answer, out)
        {
            // Of a link that nobody remembers, perhaps of another run.
            let (connector, member) = (answer.connector, to);
            self.tell(sender, Message::Leave { connector, member }, out);
        }
        Ok(())
    }

    fn offer(
        &mut self,
        route: Route,
        offer: Offer,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Outputs,
    ) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let again = self
            .links
            .between_mut(from, to)
            .iter_mut()
            .find(|link| link.offerer.member == from && link.offerer_connector == offer.connector);
        match again {
            Some(link) => {
                link.traffic.renegotiations += 1;
                link.unrecorded = true;
            }
            None => self.open_link(route, &offer, now, ids, out)?,
        }
        self.members[route.sender].asked.retain(|asked| *asked != to);
        let username = self.members[route.sender].username.clone();
        let message = Message::Offer { from, username, offer };
        self.tell(route.receiver, message, out);
        Ok(())
    }

    /// Opens a link. It takes the place of an older one with the same stream: a pair has one `user` link,
    /// and one of each other stream each way.
    fn open_link(
        &mut self,
        route: Route,
        offer: &Offer,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Outputs,
    ) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let stream = offer.stream.clone().unwrap_or_else(StreamType::user);
        let same = |link: &Link| link.stream == stream && (stream.is_user() || link.offerer.member == from);
        for link in self.links.replace(from, to, now.tick, same) {
            self.record_closed(link, LinkCloseReason::Replaced, now, out);
        }
        if self.links.between(from, to).len() >= Links::PER_PAIR {
            return Err(Reason::TooManyLinks);
        }
        let link = Link {
            id: LinkId(ids.ordered(now.at)),
            offered_at: now.at,
            offerer: self.members[route.sender].end(),
            offerer_connector: offer.connector.clone(),
            answerer: self.members[route.receiver].end(),
            answered: None,
            stream,
            traffic: Default::default(),
            unrecorded: false,
            reports: Default::default(),
            offer: OfferDelivery::Pending,
        };
        self.record(now.at, Change::LinkOffered(link.offered()), out);
        self.links.open(link);
        Ok(())
    }

    fn answer(&mut self, route: Route, answer: Answer, now: Now, out: &mut Outputs) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let link = self
            .links
            .between_mut(from, to)
            .iter_mut()
            .find(|link| link.offerer.member == to && link.offerer_connector == answer.remote_connector);
        if let Some(link) = link {
            if link.connector_of(from) != Some(&answer.connector) {
                let before = link.answered.is_some().then(|| ReplacedLink::of(link));
                link.answered = Some((answer.connector.clone(), now.at));
                let change = Change::LinkAnswered {
                    link: link.id,
                    connector: answer.connector.clone(),
                };
                self.record(now.at, change, out);
                if let Some(before) = before {
                    self.links.remember_connectors(before, now.tick);
                }
            }
        } else if self.answer_to_closed(route.sender, to, &answer, out) {
            return Ok(());
        } else if let Some(link) = self.links.replaced_offer(to, from, &answer.remote_connector) {
            let connector = answer.connector.clone();
            // The pair is answered, whichever of its offers that was for.
            let before = link.answerer_connector.replace(connector.clone());
            link.is_answered_late |= before.is_none();
            if before.as_ref() != Some(&connector) {
                let link = link.id;
                self.record(now.at, Change::LinkAnswered { link, connector }, out);
            }
        } else {
            let unknown = Reason::UnknownRemoteConnector;
            return self.unknown(unknown, from, to, &answer.remote_connector, now);
        }
        self.tell(route.receiver, Message::Answer { from, answer }, out);
        Ok(())
    }

    /// Whether an answer is for a link that is closed. An answerer that does not know yet is told, by its own
    /// connector, which only this answer has made known.
    fn answer_to_closed(&mut self, sender: usize, offerer: MemberId, answer: &Answer, out: &mut Outputs) -> bool {
        let answerer = self.members[sender].id;
        let Some(closed) = self.links.closed_offer(offerer, &answer.remote_connector, answerer) else {
            return false;
        };
        if closed.is_news(&answer.connector) {
            let (connector, member) = (answer.connector.clone(), offerer);
            self.tell(sender, Message::Leave { connector, member }, out);
        }
        true
    }

    fn candidate(&mut self, route: Route, candidate: Candidate, now: Now, out: &mut Outputs) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let connector = &candidate.remote_connector;
        let links = self.links.between_mut(from, to);
        if let Some(link) = links.iter_mut().find(|link| link.connector_of(to) == Some(connector)) {
            link.count_candidate(from);
        } else if self.links.replaced(to, from, connector).is_none() {
            if self.has_connector(from, to, connector) {
                return Err(Reason::OwnConnector);
            }
            return self.unknown(Reason::UnknownRemoteConnector, from, to, connector, now);
        }
        self.tell(route.receiver, Message::Candidate { from, candidate }, out);
        Ok(())
    }

    /// Whether this is a connector of the member's own for a link with the other.
    fn has_connector(&self, member: MemberId, other: MemberId, connector: &ConnectorId) -> bool {
        let links = self.links.between(member, other).iter();
        let mut own = links.filter_map(|link| link.connector_of(member));
        own.any(|own| own == connector) || self.links.replaced(member, other, connector).is_some()
    }

    fn renegotiation(&mut self, route: Route, step: Renegotiation, now: Now, out: &mut Outputs) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let links = self.links.between(from, to);
        let end = |end: MemberId| {
            links
                .iter()
                .find(|link| link.connector_of(end) == Some(&step.connector))
        };
        let replaced = |end, other| self.links.replaced(end, other, &step.connector);
        let peers = match end(from).or_else(|| end(to)) {
            Some(link) => link.connector_of(to),
            None => match replaced(from, to).or_else(|| replaced(to, from)) {
                Some(link) => link.connector_of(to),
                None => return self.unknown(Reason::UnknownConnector, from, to, &step.connector, now),
            },
        };
        let connector = peers.cloned().ok_or(Reason::NotAnswered)?;
        let step = Renegotiation { connector, ..step };
        self.tell(route.receiver, Message::Renegotiation { from, step }, out);
        Ok(())
    }

    /// Ends one link. Its other end is told, or will be when it answers.
    fn hang_up(&mut self, route: Route, connector: &ConnectorId, now: Now, out: &mut Outputs) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let Some(HungUp { link, peers }) = self.links.hang_up(from, to, connector, now.tick) else {
            return self.unknown(Reason::UnknownConnector, from, to, connector, now);
        };
        if let Some(link) = link {
            self.record_closed(link, LinkCloseReason::HungUp, now, out);
        }
        if let Some(connector) = peers {
            self.tell_leave(route.receiver, connector, from, now, out);
        }
        Ok(())
    }

    /// Keeps what a page says of its end of a link, for the history.
    fn report(&mut self, route: Route, said: &StateReport, now: Now, out: &mut Outputs) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let connector = &said.connector;
        let Some((link, by, reports)) = self.links.reports_of(from, to, connector) else {
            return self.unknown(Reason::UnknownConnector, from, to, connector, now);
        };
        let report = Report {
            state: said.state,
            path: said.path,
            at: now.at,
        };
        if let Some(report) = reports.say(by, report, now.tick) {
            self.record(now.at, Change::LinkReported { link, by, report }, out);
        }
        Ok(())
    }

    /// Records that a link is over, and what its ends had said before.
    pub(super) fn record_closed(&self, mut link: Link, why: LinkCloseReason, now: Now, out: &mut Outputs) {
        for (by, report) in link.reports.take_waiting() {
            let link = link.id;
            let change = Change::LinkReported { link, by, report };
            self.record(now.at, change, out);
        }
        let (link, traffic) = (link.id, link.traffic);
        self.record(now.at, Change::LinkClosed { link, traffic, why }, out);
    }

    /// A connector of no link of the two. One that closed lately may be on its way still, and so may what was said
    /// before a restart.
    fn unknown(
        &self,
        unknown: Reason,
        from: MemberId,
        to: MemberId,
        connector: &ConnectorId,
        now: Now,
    ) -> Result<(), Reason> {
        if now.tick < self.forgiving_until || self.links.was_closed(from, to, connector, now.tick) {
            return Ok(());
        }
        Err(unknown)
    }

    fn ends(&self, route: Route) -> (MemberId, MemberId) {
        (self.members[route.sender].id, self.members[route.receiver].id)
    }
}
