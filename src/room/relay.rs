//! What members send each other: who may reach whom, whose connector is whose, and the links that follow.

use super::input::{Body, Opaque, Relay};
use super::link::{Link, Links};
use super::output::{Message, Output};
use super::past::ReplacedLink;
use super::record::{Change, LinkOffered};
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

/// What an offer says.
struct Offer {
    connector: ConnectorId,
    offer: Opaque,
    stream: Option<StreamType>,
}

/// What a step of negotiating again says.
struct Work {
    kind: Box<str>,
    data: Option<Opaque>,
    connector: ConnectorId,
}

/// What an answer says.
struct Answer {
    remote_connector: ConnectorId,
    connector: ConnectorId,
    answer: Opaque,
}

impl Room {
    /// Passes one message on. `Ok` also where it is dropped quietly.
    pub(super) fn relay(
        &mut self,
        socket: SocketKey,
        relay: Relay,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Vec<Output>,
    ) -> Result<(), Reason> {
        let sender = self.seated(socket).ok_or(Reason::NotJoined)?;
        let to = relay.to.ok_or(Reason::UnknownMember)?;
        if to == self.members[sender].id {
            return Err(Reason::ToYourself);
        }
        let Some(receiver) = self.index_of(to) else {
            return self.relay_to_gone(sender, to, relay.body, out);
        };
        let route = Route { sender, receiver };
        match relay.body {
            Body::Offer {
                connector,
                offer,
                stream,
            } => self.offer(
                route,
                Offer {
                    connector,
                    offer,
                    stream,
                },
                now,
                ids,
                out,
            ),
            Body::Answer {
                remote_connector,
                connector,
                answer,
            } => self.answer(
                route,
                Answer {
                    remote_connector,
                    connector,
                    answer,
                },
                now,
                out,
            ),
            Body::Candidate {
                remote_connector,
                candidate,
            } => self.candidate(route, remote_connector, candidate, now, out),
            Body::Work { kind, data, connector } => self.work(route, Work { kind, data, connector }, now, out),
        }
    }

    /// The receiver is no member. One who left lately is no error; an answer to them ends the answerer's own attempt.
    fn relay_to_gone(&mut self, sender: usize, to: MemberId, body: Body, out: &mut Vec<Output>) -> Result<(), Reason> {
        if !self.is_gone(to) {
            return Err(Reason::UnknownMember);
        }
        if let Body::Answer {
            remote_connector,
            connector,
            ..
        } = body
        {
            let own = connector.clone();
            if !self.answer_to_closed(sender, to, &remote_connector, connector, out) {
                // Of a link that nobody remembers, perhaps of another run.
                self.tell(
                    sender,
                    Message::Leave {
                        connector: own,
                        member: to,
                    },
                    out,
                );
            }
        }
        Ok(())
    }

    fn offer(
        &mut self,
        route: Route,
        Offer {
            connector,
            offer,
            stream,
        }: Offer,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Vec<Output>,
    ) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let again = self
            .links
            .between_mut(from, to)
            .iter_mut()
            .find(|link| link.offerer.member == from && link.offerer_connector == connector);
        match again {
            Some(link) => {
                link.traffic.renegotiations += 1;
                link.unrecorded = true;
            }
            None => self.open_link(route, &connector, stream.clone(), now, ids, out)?,
        }
        self.members[route.sender].asked.retain(|asked| *asked != to);
        let message = Message::Offer {
            remote_connector: connector,
            offer,
            member: from,
            stream,
        };
        self.tell(route.receiver, message, out);
        Ok(())
    }

    /// Opens a link. It takes the place of an older one that carried the same stream: a pair has one `user` link,
    /// and one of each other stream each way.
    fn open_link(
        &mut self,
        route: Route,
        connector: &ConnectorId,
        stream: Option<StreamType>,
        now: Now,
        ids: &mut dyn Ids,
        out: &mut Vec<Output>,
    ) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let stream = stream.unwrap_or_else(StreamType::user);
        let same = |link: &Link| link.stream == stream && (stream.is_user() || link.offerer.member == from);
        for link in self.links.replace(from, to, now.tick, same) {
            let change = Change::LinkClosed {
                link: link.id,
                traffic: link.traffic,
                why: LinkCloseReason::Replaced,
            };
            out.push(Output::Record(self.record(now.at, change)));
        }
        if self.links.between(from, to).len() >= Links::PER_PAIR {
            return Err(Reason::TooManyLinks);
        }
        let link = Link {
            id: LinkId(ids.ordered(now.at)),
            offered_at: now.at,
            offerer: self.members[route.sender].end(),
            offerer_connector: connector.clone(),
            answerer: self.members[route.receiver].end(),
            answered: None,
            stream,
            traffic: Default::default(),
            unrecorded: false,
            carried_by: None,
        };
        let offered = LinkOffered {
            link: link.id,
            offerer: link.offerer,
            connector: connector.clone(),
            answerer: link.answerer,
            stream: link.stream.clone(),
        };
        out.push(Output::Record(self.record(now.at, Change::LinkOffered(offered))));
        self.links.open(link);
        Ok(())
    }

    fn answer(
        &mut self,
        route: Route,
        Answer {
            remote_connector,
            connector,
            answer,
        }: Answer,
        now: Now,
        out: &mut Vec<Output>,
    ) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let link = self
            .links
            .between_mut(from, to)
            .iter_mut()
            .find(|link| link.offerer.member == to && link.offerer_connector == remote_connector);
        if let Some(link) = link {
            if link.connector_of(from) != Some(&connector) {
                let before = link.answered.is_some().then(|| ReplacedLink::of(link));
                link.answered = Some((connector.clone(), now.at));
                let change = Change::LinkAnswered {
                    link: link.id,
                    connector: connector.clone(),
                };
                out.push(Output::Record(self.record(now.at, change)));
                if let Some(before) = before {
                    self.links.remember_connectors(before, now.tick);
                }
            }
        } else if self.answer_to_closed(route.sender, to, &remote_connector, connector.clone(), out) {
            return Ok(());
        } else if !self.links.answer_replaced(to, &remote_connector, from, &connector) {
            return self.unknown("remoteConnectorId", from, to, &remote_connector, now);
        }
        let message = Message::Answer {
            remote_connector: connector,
            connector: remote_connector,
            answer,
            member: from,
        };
        self.tell(route.receiver, message, out);
        Ok(())
    }

    /// Whether an answer is for a link that is closed. An answerer that does not know yet is told, by its own
    /// connector, which only this answer has made known.
    fn answer_to_closed(
        &mut self,
        sender: usize,
        offerer: MemberId,
        offerer_connector: &ConnectorId,
        connector: ConnectorId,
        out: &mut Vec<Output>,
    ) -> bool {
        let answerer = self.members[sender].id;
        let Some(closed) = self.links.closed_offer(offerer, offerer_connector, answerer) else {
            return false;
        };
        if closed.is_news(&connector) {
            self.tell(
                sender,
                Message::Leave {
                    connector,
                    member: offerer,
                },
                out,
            );
        }
        true
    }

    fn candidate(
        &mut self,
        route: Route,
        connector: ConnectorId,
        candidate: Opaque,
        now: Now,
        out: &mut Vec<Output>,
    ) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let links = self.links.between_mut(from, to);
        if let Some(link) = links.iter_mut().find(|link| link.connector_of(to) == Some(&connector)) {
            let count = if link.offerer.member == from {
                &mut link.traffic.offerer_candidates
            } else {
                &mut link.traffic.answerer_candidates
            };
            *count = count.saturating_add(1);
            link.unrecorded = true;
        } else if self.links.replaced(to, from, &connector).is_none() {
            let own = self.links.between(from, to).iter();
            let mut own = own.filter_map(|link| link.connector_of(from));
            if own.any(|own| *own == connector) || self.links.replaced(from, to, &connector).is_some() {
                return Err(Reason::OwnConnector);
            }
            return self.unknown("remoteConnectorId", from, to, &connector, now);
        }
        self.tell(
            route.receiver,
            Message::Candidate {
                connector,
                candidate,
                member: from,
            },
            out,
        );
        Ok(())
    }

    fn work(
        &mut self,
        route: Route,
        Work { kind, data, connector }: Work,
        now: Now,
        out: &mut Vec<Output>,
    ) -> Result<(), Reason> {
        let (from, to) = self.ends(route);
        let links = self.links.between(from, to);
        let end = |end: MemberId| links.iter().find(|link| link.connector_of(end) == Some(&connector));
        let replaced = |end, other| self.links.replaced(end, other, &connector);
        let peers = match end(from).or_else(|| end(to)) {
            Some(link) => link.connector_of(to),
            None => match replaced(from, to).or_else(|| replaced(to, from)) {
                Some(link) => link.connector_of(to),
                None => return self.unknown("connectorId", from, to, &connector, now),
            },
        };
        let connector = peers.cloned().ok_or(Reason::NotAnswered)?;
        self.tell(
            route.receiver,
            Message::Work {
                kind,
                data,
                connector,
                member: from,
            },
            out,
        );
        Ok(())
    }

    /// A connector of no link of the two. One that closed lately may be on its way still, and so may what was said
    /// before a restart.
    fn unknown(
        &self,
        field: &'static str,
        from: MemberId,
        to: MemberId,
        connector: &ConnectorId,
        now: Now,
    ) -> Result<(), Reason> {
        if now.tick < self.forgiving_until || self.links.was_closed(from, to, connector, now.tick) {
            return Ok(());
        }
        Err(Reason::UnknownConnector(field))
    }

    fn ends(&self, route: Route) -> (MemberId, MemberId) {
        (self.members[route.sender].id, self.members[route.receiver].id)
    }
}
